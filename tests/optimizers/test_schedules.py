import copy
import math

import numpy as np
import pytest

from npbp.optimizers import schedules
from npbp.optimizers.schedules import (constant, cosine, exponential, one_after_another, step_decay,
                                       warm_up)

EXAMPLES = [constant(0.5), step_decay(0.5, 10), step_decay(0.5, every=7, factor=0.25), exponential(0.5, 0.99),
            cosine(0.5, 10), cosine(0.5, steps=20, least=0.1), warm_up(0.5, 10),
            one_after_another((warm_up(0.5, 5), 5), (0.5, 3), cosine(0.5, 10))]
every = pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)


def values(schedule, *steps):
    return [schedule(n) for n in steps]


def test_a_constant_stays():
    assert values(constant(0.1), 0, 1, 10**9) == [0.1] * 3


def test_a_step_decay_falls_at_each_multiple():
    assert values(step_decay(16, 10, 0.5), 0, 9, 10, 19, 20, 30) == [16, 16, 8, 8, 4, 2]
    assert step_decay(1.0, 3)(3) == 0.1


def test_an_exponential_falls_at_each_step_and_may_rise():
    assert values(exponential(16, 0.5), 0, 1, 2) == [16, 8, 4]
    assert values(exponential(1, 2), 0, 1, 2, 10) == [1, 2, 4, 1024]


def test_a_cosine_goes_in_half_a_wave_to_the_least_and_stays_there():
    schedule = cosine(1.0, 8, least=0.2)
    for n in range(9):
        assert schedule(n) == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi * n / 8)) / 2, abs=1e-15)
    assert values(schedule, 8, 9, 10**9) == [0.2] * 3 and cosine(1.0, 8)(8) == 0
    assert all(a > b for a, b in zip(values(schedule, *range(8)), values(schedule, *range(1, 9))))


def test_a_warm_up_rises_in_a_line_and_its_last_step_is_at_alpha():
    assert values(warm_up(1.0, 4), 0, 1, 2, 3, 4, 10**9) == [0.25, 0.5, 0.75, 1, 1, 1]
    assert warm_up(0.3, 1)(0) == 0.3
    assert warm_up(0.1, 3)(2) == 0.1, "exactly"


def test_one_after_another_each_begins_at_0_and_the_last_goes_on():
    schedule = one_after_another((warm_up(1.0, 2), 3), (lambda n: 10 + n, 2), exponential(1.0, 0.5))
    assert values(schedule, *range(9)) == [0.5, 1, 1, 10, 11, 1, 0.5, 0.25, 0.125]
    assert one_after_another(cosine(1.0, 4))(2) == cosine(1.0, 4)(2)
    nested = one_after_another((one_after_another((1, 1), 2), 2), one_after_another((3, 1), 4))
    assert values(nested, *range(5)) == [1, 2, 3, 4, 4]


@every
@pytest.mark.parametrize("n", [10**6, 10**20, 10**400], ids=["1e6", "1e20", "1e400"])
def test_a_huge_number_of_steps_works(schedule, n):
    assert 0 <= schedule(n) <= 0.5 and isinstance(schedule(n), float)


def test_what_rises_without_end_becomes_infinite_and_no_error_here():
    assert exponential(1.0, 2.0)(10**6) == math.inf and exponential(1.0, 1.0)(10**400) == 1.0


@every
def test_the_repr_can_be_typed_in(schedule):
    again = eval(repr(schedule), vars(schedules))
    assert repr(again) == repr(schedule)
    assert values(again, *range(30)) == values(schedule, *range(30))


@every
def test_it_takes_numpys_whole_numbers_and_copies(schedule):
    assert copy.deepcopy(schedule)(np.int64(3)) == schedule(3)


@every
@pytest.mark.parametrize("n, error", [(-1, ValueError), (1.5, TypeError), (None, TypeError), ("3", TypeError), (True, TypeError)])
def test_a_number_of_steps_that_cannot_be_is_refused(schedule, n, error):
    with pytest.raises(error, match=r"got n="):
        schedule(n)


BAD_ALPHAS = [(-1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), (None, TypeError), ("x", TypeError)]


@pytest.mark.parametrize("alpha, error", BAD_ALPHAS)
@pytest.mark.parametrize("make", [constant, lambda a: step_decay(a, 10), lambda a: exponential(a, 0.5), lambda a: cosine(a, 10),
                                  lambda a: warm_up(a, 10), lambda a: one_after_another((a, 3), 0.1), one_after_another])
def test_a_learning_rate_that_cannot_be_is_refused_when_it_is_made(make, alpha, error):
    with pytest.raises(error, match="got alpha="):
        make(alpha)


@pytest.mark.parametrize("make, name", [(lambda n: step_decay(0.1, n), "step_decay: got every"), (lambda n: cosine(0.1, n), "cosine: got steps"),
                                        (lambda n: warm_up(0.1, n), "warm_up: got steps"),
                                        (lambda n: one_after_another((0.1, n), 0.1), "one_after_another: got steps")])
@pytest.mark.parametrize("n, error", [(0, ValueError), (-3, ValueError), (2.5, TypeError), (None, TypeError), (True, TypeError)])
def test_a_length_is_a_whole_number_of_at_least_1(make, name, n, error):
    with pytest.raises(error, match=name):
        make(n)


@pytest.mark.parametrize("make", [lambda f: step_decay(0.1, 10, f), lambda f: exponential(0.1, f)])
@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_a_factor_is_above_0(make, factor):
    with pytest.raises(ValueError, match="got factor=.*wanted a finite number above 0"):
        make(factor)


def test_the_least_of_a_cosine_is_not_above_its_alpha():
    with pytest.raises(ValueError, match="cosine: got least=0.2, wanted at most alpha=0.1"):
        cosine(0.1, 10, least=0.2)
    with pytest.raises(ValueError, match="cosine: got least=-0.2"):
        cosine(0.1, 10, least=-0.2)


@pytest.mark.parametrize("parts, match", [
    ((), "got nothing, wanted"), (((0.1, 5),), "got a pair at the end"), ((0.1, 0.2), "got 0.1 before the last"),
    ((cosine, 0.1), "got <function cosine.* before the last"), (((0.1, 5, 6), 0.1), r"got \(0.1, 5, 6\) before the last"),
    (((cosine, 5), 0.1), "got cosine itself"), (((0.1, 5), cosine), "got cosine itself")])
def test_one_after_another_says_what_it_wants(parts, match):
    with pytest.raises(TypeError, match=f"one_after_another: {match}"):
        one_after_another(*parts)
