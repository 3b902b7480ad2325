import collections
import math

import numpy as np
import pytest

from npbp.optimizers import SGD, Adam
from npbp.optimizers.clipping import clip_by_norm, clip_by_value, global_norm

Layer = collections.namedtuple("Layer", "W b")


def tree():
    return {"one": Layer(np.array([[3.0, 0.0]]), np.array([-4.0])), "two": [np.array(12.0), (np.zeros((0, 2)),)]}


def test_the_norm_is_that_of_all_gradients_as_one_vector():
    assert global_norm(tree()) == 13.0
    assert global_norm(np.array([[3.0, 4.0]])) == 5.0
    assert global_norm({}) == global_norm([np.zeros((0, 3))]) == global_norm([np.zeros(2)]) == 0.0
    assert global_norm([np.array([3, 4], np.int8) * 30]) == pytest.approx(150)


@pytest.mark.parametrize("dtype, size", [(np.float32, 1e25), (np.float32, 1e-25), (np.float64, 1e200), (np.float64, 1e-200),
                                         (np.float16, 3e3), (np.float16, 1e-4)])
def test_the_norm_is_right_where_the_squares_leave_the_range_of_their_type(dtype, size):
    gradients = [np.full(8, size, dtype), np.full((4, 2), size, dtype)]
    assert global_norm(gradients) == pytest.approx(4 * float(gradients[0][0]), rel=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_not_finite_says_so_and_the_gradients_stay_as_they_are(bad):
    gradients = [np.array([1e3, bad]), np.array([2e3])]
    assert not math.isfinite(global_norm(gradients)) and not math.isfinite(global_norm(gradients[::-1]))
    np.testing.assert_equal(clip_by_norm(gradients, 1.0), gradients)


def test_clipped_by_norm_they_keep_their_form_and_direction():
    clipped = clip_by_norm(tree(), 6.5)
    assert type(clipped["one"]) is Layer and type(clipped["two"]) is list and type(clipped["two"][1]) is tuple
    assert clipped["one"].W.tolist() == [[1.5, 0]] and clipped["one"].b.tolist() == [-2]
    assert clipped["two"][0] == 6 and clipped["two"][1][0].shape == (0, 2)
    assert global_norm(clipped) == pytest.approx(6.5)


def test_clipped_by_value_each_number_lies_in_the_interval_and_a_nan_stays_one():
    clipped = clip_by_value(tree(), 3.5)
    assert clipped["one"].W.tolist() == [[3, 0]] and clipped["one"].b.tolist() == [-3.5] and clipped["two"][0] == 3.5
    np.testing.assert_array_equal(clip_by_value([np.array([np.nan, np.inf])], 1.0)[0], [np.nan, 1])


@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
@pytest.mark.parametrize("most", [0.5, 100.0, 1e300])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_is_returned_is_new_has_the_type_of_the_gradients_and_these_are_spared(clip, most, dtype):
    gradients = {"W": np.array([[1.0, -2.0]], dtype), "b": np.array([0.25], dtype)}
    kept = {name: g.copy() for name, g in gradients.items()}
    clipped = clip(gradients, most)
    for name, g in gradients.items():
        np.testing.assert_array_equal(g, kept[name])
        assert not np.shares_memory(clipped[name], g) and clipped[name].dtype == dtype
        if most >= 100.0:
            np.testing.assert_array_equal(clipped[name], g)


@pytest.mark.parametrize("clip", [clip_by_norm, clip_by_value])
def test_bad_arguments_are_refused(clip):
    name = clip.__name__
    for most, error in ((0, ValueError), (-1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), (None, TypeError)):
        with pytest.raises(error, match=f"{name}: got most="):
            clip([np.ones(2)], most)
    with pytest.raises(TypeError, match=f"{name}: got nothing as W, wanted an array"):
        clip({"W": None}, 1.0)
    with pytest.raises(TypeError, match=f"{name}: got 0 of complex128, wanted real numbers"):
        clip([np.ones(2) * 1j], 1.0)


def test_an_optimizer_clips_values_first_and_then_the_norm_of_all_that_is_left():
    W, b = np.zeros(1), np.zeros(1)
    SGD(1.0, clip_value=4.0, clip_norm=2.5).step([W, b], [np.array([-300.0]), np.array([3.0])])
    np.testing.assert_allclose([W[0], b[0]], [2.0, -1.5])


def test_the_decay_is_added_after_the_clipping():
    W = np.array([[8.0]])
    SGD(0.5, weight_decay=0.5, clip_norm=1.0).step([W], [np.array([[100.0]])])
    assert W.item() == 8 - 0.5 * (1 + 4)


def test_a_float32_step_with_clipping_stays_one():
    W = np.ones(3, np.float32)
    optimizer = Adam(0.1, clip_norm=1e-3)
    optimizer.step([W], [np.full(3, 1e3)])
    assert W.dtype == np.float32 and optimizer.state["0"]["m"].dtype == np.float32
    np.testing.assert_allclose(optimizer.state["0"]["m"], 1e-3 / 3**0.5, rtol=1e-5)
