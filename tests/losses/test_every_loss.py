"""What every loss promises, held against each of them."""

import copy

import numpy as np
import pytest
from layer_rows import left_out
from loss_rows import REDUCTIONS, ROWS

import npbp
import npbp.losses
from npbp import Linear, Loss, Network, check_loss

every_row = pytest.mark.parametrize("name", ROWS)
batches = pytest.mark.parametrize("N", [1, 7])
both = pytest.mark.parametrize("reduction", REDUCTIONS)
weighted_or_not = pytest.mark.parametrize("weighted", [False, True])


def make(name, N, reduction="mean", dtype=np.float64, seed=0):
    row, rng = ROWS[name], np.random.default_rng(seed)
    scores = rng.standard_normal((N, *row.shape)).astype(dtype)
    return row.build(reduction), scores, row.targets(rng, N), rng.uniform(0.5, 2, N)


def result(loss, scores, targets, weight=None):
    """The number and its gradient."""
    return loss(scores, targets, weight)[1], loss.bp_input()


def same(found, expected):
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


class Weighed:
    """A loss with a weight of its own for each example, as `check_loss` passes none."""

    def __init__(self, loss, weight):
        self.loss, self.weight = loss, weight

    def __call__(self, scores, targets):
        return self.loss(scores, targets, sample_weight=self.weight)

    def bp_input(self, grad=1.0):
        return self.loss.bp_input(grad)


def test_no_loss_of_the_library_is_left_out():
    assert not left_out(Loss, npbp.losses, ROWS)
    assert {row.kind for row in ROWS.values()} <= set(npbp.__all__)


@weighted_or_not
@both
@batches
@every_row
def test_its_gradient_agrees_with_finite_differences(name, N, reduction, weighted):
    loss, scores, targets, weight = make(name, N, reduction)
    assert check_loss(Weighed(loss, weight) if weighted else loss, scores, targets) < 1e-6


@weighted_or_not
@both
@batches
@every_row
def test_it_is_what_its_formula_says(name, N, reduction, weighted):
    loss, scores, targets, weight = make(name, N, reduction)
    weight = weight if weighted else None
    _, number = loss.forward(scores, targets, weight)
    assert type(number) is float
    assert number == pytest.approx(ROWS[name].number(scores, targets, weight, reduction), rel=1e-12)


@both
@every_row
def test_what_the_mean_is_divided_by_is_told(name, reduction):
    loss, scores, targets, weight = make(name, 7, reduction)
    counts = ROWS[name].counts(targets)
    loss(scores, targets)
    if (counts == 1).all():
        assert loss.total_weight is None or loss.total_weight == 7
    else:
        assert loss.total_weight == pytest.approx(counts.sum())
    loss(scores, targets, weight)
    assert loss.total_weight == pytest.approx((weight * counts).sum())
    assert type(loss.total_weight) is float


@both
@every_row
def test_weights_of_one_are_no_weights(name, reduction):
    loss, scores, targets, _ = make(name, 7, reduction)
    expected = result(loss, scores, targets)
    for ones in (np.ones(7), [1] * 7, np.ones(7, bool), np.ones(7, np.float32)):
        same(result(loss, scores, targets, ones), expected)


@both
@every_row
def test_a_weight_of_two_is_the_example_twice(name, reduction):
    loss, scores, targets, weight = make(name, 7, reduction)
    twice = np.array([0, 1, 1, 2, 3, 4, 5, 6, 6])
    number, gradient = result(loss, scores[twice], targets[twice], weight[twice])
    weight[[1, 6]] *= 2
    summed = np.zeros_like(scores)
    np.add.at(summed, twice, gradient)
    same(result(loss, scores, targets, weight), (number, summed))


@both
@every_row
def test_a_weight_of_zero_leaves_the_example_out(name, reduction):
    loss, scores, targets, weight = make(name, 7, reduction)
    rest = np.array([0, 1, 3, 5, 6])
    expected = result(loss, scores[rest], targets[rest], weight[rest])
    weight[[2, 4]] = 0
    number, gradient = result(loss, scores, targets, weight)
    same((number, gradient[rest]), expected)
    assert not gradient[[2, 4]].any()


@weighted_or_not
@both
@every_row
def test_the_order_of_the_examples_does_not_matter(name, reduction, weighted):
    loss, scores, targets, weight = make(name, 7, reduction)
    order = np.random.default_rng(1).permutation(7)
    number, gradient = result(loss, scores, targets, weight if weighted else None)
    found = result(loss, scores[order], targets[order], weight[order] if weighted else None)
    same(found, (number, gradient[order]))


@both
@every_row
def test_the_gradient_is_multiplied_by_that_of_the_number(name, reduction):
    loss, scores, targets, weight = make(name, 7, reduction)
    _, gradient = result(loss, scores, targets, weight)
    np.testing.assert_allclose(loss.bp_input(-2.5), -2.5 * gradient, rtol=1e-12)
    np.testing.assert_allclose(loss.bp_input(np.float64(3)), 3 * gradient, rtol=1e-12)
    np.testing.assert_array_equal(loss.bp_input(), gradient)


@weighted_or_not
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_row
def test_prediction_and_gradient_keep_the_floating_dtype(name, dtype, weighted):
    loss, scores, targets, weight = make(name, 7, dtype=dtype)
    weight = weight if weighted else None
    for t in [targets, *([targets.astype(np.float32)] if targets.dtype.kind == "f" else [])]:
        assert loss(scores, t, weight)[0].dtype == loss.predict(scores).dtype == dtype
        assert loss.bp_input().dtype == loss.bp_input(np.float64(0.5)).dtype == dtype
    assert loss.bp_input().shape == scores.shape


@every_row
def test_it_writes_into_no_array_of_the_caller(name):
    loss, scores, targets, weight = make(name, 7)
    before = [array.copy() for array in (scores, targets, weight)]
    for array in (scores, targets, weight):
        array.flags.writeable = False
    prediction, _ = loss(scores, targets, weight)
    loss.bp_input()
    loss.predict(scores)
    loss.correct(prediction, targets)
    for array, copied in zip((scores, targets, weight), before):
        np.testing.assert_array_equal(array, copied)


@weighted_or_not
@both
@every_row
def test_what_it_returned_is_the_callers(name, reduction, weighted):
    loss, scores, targets, weight = make(name, 7, reduction)
    weight = weight if weighted else None
    prediction, gradient = loss(scores, targets, weight)[0], loss.bp_input()
    held = prediction.copy(), gradient.copy()
    loss(2 * scores + 1, targets)
    loss.bp_input(3.0)
    assert np.array_equal(prediction, held[0]) and np.array_equal(gradient, held[1])
    loss(scores, targets, weight)[0][...] = np.nan
    loss.bp_input()[...] = np.nan
    assert np.array_equal(loss.bp_input(), held[1])


@every_row
def test_what_changes_after_the_forward_does_not_change_the_gradient(name):
    loss, scores, targets, weight = make(name, 7)
    _, gradient = result(loss, scores, targets, weight)
    for array in (scores, targets, weight):
        array[...] = 0
    assert np.array_equal(loss.bp_input(), gradient)


@weighted_or_not
@every_row
def test_arrays_may_lie_in_memory_in_any_way(name, weighted):
    loss, scores, targets, weight = make(name, 7)
    weight = weight if weighted else None
    expected = result(loss, scores, targets, weight)
    assert expected[1].flags.c_contiguous  # in columns, the products below would take longer
    for laid in (
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: a[::-1].copy()[::-1],
    ):
        same(result(loss, laid(scores), laid(targets), laid(weight) if weighted else None), expected)


@weighted_or_not
@both
@batches
@every_row
def test_scores_of_ten_thousand_in_float32_are_safe(name, N, reduction, weighted):
    loss, scores, targets, weight = make(name, N, reduction, np.float32)
    scores = np.where(scores > 0, 1e4, -1e4).astype(np.float32)
    for s in (scores, -scores):
        prediction, number = loss(s, targets, weight if weighted else None)  # a warning is an error here
        assert np.isfinite(prediction).all() and np.isfinite(number)
        assert np.isfinite(loss.bp_input()).all()
        np.testing.assert_array_equal(loss.predict(s), prediction)


@every_row
def test_a_score_that_is_no_number_is_not_hidden(name):
    loss, scores, targets, _ = make(name, 7)
    scores[(0,) * scores.ndim] = np.nan
    assert np.isnan(loss(scores, targets)[1])


@every_row
def test_predict_is_the_prediction_and_keeps_the_last_forward(name):
    loss, scores, targets, _ = make(name, 7)
    prediction, _ = loss(scores, targets)
    gradient = loss.bp_input()
    np.testing.assert_array_equal(loss.predict(scores), prediction)
    loss.predict(scores[:3] + 1)
    assert len(loss.predict(scores[:0])) == 0
    np.testing.assert_array_equal(loss.bp_input(), gradient)


@every_row
def test_a_backward_before_any_forward_is_an_error_that_says_so(name):
    loss = ROWS[name].build("mean")
    with pytest.raises(ValueError, match=f"{ROWS[name].kind}: got a backward call before any forward"):
        loss.bp_input()


@every_row
def test_after_a_forward_that_failed_there_is_no_gradient_of_the_one_before(name):
    loss, scores, targets, weight = make(name, 7)
    for spoiled in (
        (scores.astype(str), targets, weight),
        (scores, targets[:-1], weight),
        (scores, targets, -weight),
    ):
        loss(scores, targets, weight)
        with pytest.raises((ValueError, TypeError)):
            loss(*spoiled)
        with pytest.raises(ValueError, match="before any forward"):
            loss.bp_input()


@pytest.mark.parametrize(
    "weight, error, message",
    [
        (np.ones(6), ValueError, r"sample_weight of shape \(6,\), wanted \(7,\): one number for each example"),
        (np.ones((7, 1)), ValueError, r"sample_weight of shape \(7, 1\), wanted \(7,\)"),
        (1.0, ValueError, r"sample_weight of shape \(\), wanted \(7,\)"),
        ([1, 1, 1, -0.5, 1, 1, 1], ValueError, r"sample_weight\[3\] = -0.5, wanted finite .* none .* negative"),
        ([1, np.nan, 1, 1, 1, 1, 1], ValueError, r"sample_weight\[1\] = nan, wanted finite"),
        ([1, np.inf, 1, 1, 1, 1, 1], ValueError, r"sample_weight\[1\] = inf, wanted finite"),
        (np.zeros(7), ValueError, "sample_weight of zeros alone.*nothing counts"),
        (["1"] * 7, TypeError, "sample_weight: got an array of <U1, wanted real numbers"),
        (np.ones(7) * 1j, TypeError, "sample_weight: got an array of complex128"),
        (np.ma.masked_array(np.ones(7), [1] + [0] * 6), TypeError, "sample_weight: got a masked array"),
    ],
)
@every_row
def test_weights_that_are_none_are_an_error_that_says_what_was_wanted(name, weight, error, message):
    loss, scores, targets, _ = make(name, 7)
    with pytest.raises(error, match=f"{ROWS[name].kind}: .*{message}"):
        loss(scores, targets, weight)


@pytest.mark.filterwarnings("error")
@every_row
def test_a_weight_beyond_float32_is_an_error_and_no_overflow(name):
    loss, scores, targets, weight = make(name, 7, dtype=np.float32)
    weight[5] = 1e300
    with pytest.raises(ValueError, match=r"sample_weight\[5\] = inf"):
        loss(scores, targets, weight)


@every_row
def test_an_empty_batch_is_an_error(name):
    loss, scores, targets, _ = make(name, 7)
    with pytest.raises(ValueError, match=f"{ROWS[name].kind}: got an empty batch, wanted at least one"):
        loss(scores[:0], targets[:0])


@every_row
def test_scores_or_targets_of_no_numbers_are_refused_by_name(name):
    loss, scores, targets, _ = make(name, 7)
    for spoil in (
        lambda a: a.astype(str),
        lambda a: a.astype(object),
        lambda a: a + 1j,
        lambda a: np.ma.masked_array(a, a > a.min()),
    ):
        with pytest.raises(TypeError, match=f"{ROWS[name].kind}: "):
            loss(spoil(scores), targets)
        with pytest.raises(TypeError, match=f"{ROWS[name].kind}: "):
            loss(scores, spoil(targets))
    with pytest.raises(TypeError, match=f"{ROWS[name].kind}: "):
        loss(scores, None)


@every_row
def test_lists_are_taken_as_arrays(name):
    loss, scores, targets, weight = make(name, 7)
    expected = result(loss, np.round(scores).astype(np.float32), targets, weight)
    found = result(loss, np.round(scores).astype(int).tolist(), targets.tolist(), weight.tolist())
    assert found[1].dtype == np.float32
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("reduction", ["none", None, "Mean", 1, ["mean"], np.ones(2)])
@every_row
def test_an_unknown_reduction_is_an_error(name, reduction):
    with pytest.raises(ValueError, match=f'{ROWS[name].kind}: got reduction=.*, wanted "mean" or "sum"'):
        ROWS[name].build(reduction)


@both
@every_row
def test_it_is_saved_and_loaded_with_a_network(name, reduction, tmp_path):
    loss, scores, targets, weight = make(name, 7, reduction)
    network = Network([Linear(3, 2)], loss)
    network.save(tmp_path / "model.npz")
    again = Network.load(tmp_path / "model.npz").loss
    assert type(again) is type(loss) and again.config() == loss.config() and repr(again) == repr(loss)
    assert result(again, scores, targets, weight)[0] == result(loss, scores, targets, weight)[0]
    twin = type(loss)(**loss.config())
    assert twin.config() == loss.config()


@every_row
def test_a_copy_shares_nothing(name):
    loss, scores, targets, weight = make(name, 7)
    _, gradient = result(loss, scores, targets, weight)
    twin = copy.deepcopy(loss)
    twin(scores + 1, targets)
    np.testing.assert_array_equal(loss.bp_input(), gradient)


@every_row
def test_a_loss_of_ones_own_that_inherits_it_gives_its_own_name(name):
    kind = ROWS[name].kind
    own = type("Mine", (getattr(npbp, kind),), {})()
    with pytest.raises(ValueError, match="Mine: got a backward call before any forward"):
        own.bp_input()
