import math

import numpy as np
import pytest

from npbp import SoftmaxCrossEntropyLoss, check_loss

REDUCTIONS = ["mean", "sum"]


def slow_twin(scores, targets, reduction):
    """The definition, number by number, in Python's own floats."""
    rows, losses = [], []
    for n, row in enumerate(scores.tolist()):
        exponentials = [math.exp(s) for s in row]
        p = [e / math.fsum(exponentials) for e in exponentials]
        t = targets[n].tolist() if targets.ndim == 2 else [k == targets[n] for k in range(len(row))]
        rows.append(p)
        losses.append(-math.fsum(t_k * math.log(p_k) for t_k, p_k in zip(t, p)))
    total = math.fsum(losses)
    return np.array(rows), total / len(losses) if reduction == "mean" else total


def rows_of_probabilities(rng, N, C):
    t = rng.random((N, C))
    return t / t.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("N", [1, 7])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_it_agrees_with_its_definition_for_labels_and_for_rows(reduction, N):
    rng = np.random.default_rng(N)
    scores = rng.standard_normal((N, 5))
    for targets in (rng.integers(0, 5, N), rows_of_probabilities(rng, N, 5)):
        p, number = SoftmaxCrossEntropyLoss(reduction)(scores, targets)
        p_slow, number_slow = slow_twin(scores, targets, reduction)
        np.testing.assert_allclose(p, p_slow, rtol=1e-12)
        np.testing.assert_allclose(number, number_slow, rtol=1e-12)


def test_rows_that_miss_a_sum_of_one_by_rounding_agree_with_the_definition_too():
    rng = np.random.default_rng(0)
    scores, targets = 3 * rng.standard_normal((7, 5)), 1.0009 * rows_of_probabilities(rng, 7, 5)
    number = SoftmaxCrossEntropyLoss()(scores, targets)[1]
    np.testing.assert_allclose(number, slow_twin(scores, targets, "mean")[1], rtol=1e-12)
    assert check_loss(SoftmaxCrossEntropyLoss("sum"), scores, targets) < 1e-6


@pytest.mark.parametrize("N", [1, 7])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_its_gradient_agrees_with_finite_differences(reduction, N):
    rng = np.random.default_rng(N)
    loss = SoftmaxCrossEntropyLoss(reduction)
    assert check_loss(loss, (N, 5), rng.integers(0, 5, N)) < 1e-6
    assert check_loss(loss, (N, 5), rows_of_probabilities(rng, N, 5)) < 1e-6


def test_the_gradient_of_the_sum_is_n_times_that_of_the_mean():
    rng = np.random.default_rng(0)
    scores, labels = rng.standard_normal((7, 5)), rng.integers(0, 5, 7)
    mean, total = SoftmaxCrossEntropyLoss(), SoftmaxCrossEntropyLoss("sum")
    assert np.isclose(7 * mean(scores, labels)[1], total(scores, labels)[1], rtol=1e-14)
    np.testing.assert_allclose(7 * mean.bp_input(), total.bp_input(), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_of_ten_thousand_give_finite_right_losses_and_gradients(dtype):
    scores = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4]], dtype)
    loss = SoftmaxCrossEntropyLoss("sum")
    p, number = loss(scores, np.array([1, 2]))
    assert p.tolist() == [[1, 0, 0], [0, 0.5, 0.5]]
    assert np.isclose(number, 2e4 + np.log(2), rtol=1e-6)
    assert loss.bp_input().tolist() == [[1, -1, 0], [0, 0.5, -0.5]]


@pytest.mark.parametrize("offset", [-1e6, 1e6, 1e15])
def test_an_offset_of_a_whole_row_changes_nothing(offset):
    scores = np.array([[1.0, 2.0, 4.0]])
    loss = SoftmaxCrossEntropyLoss()
    p, number = loss(scores, np.array([0]))
    p_far, number_far = loss(scores + offset, np.array([0]))
    np.testing.assert_allclose(p_far, p, rtol=1e-6)
    np.testing.assert_allclose(number_far, number, rtol=1e-6)


def test_a_probability_that_underflows_has_a_finite_right_loss():
    scores = np.array([[0.0, 2000.0]])
    p, number = SoftmaxCrossEntropyLoss()(scores, np.array([0]))
    assert p[0, 0] == 0 and number == 2000
    p, number = SoftmaxCrossEntropyLoss()(scores, np.array([[0.25, 0.75]]))
    assert p[0, 0] == 0 and number == 500


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4"])
def test_labels_of_any_integer_dtype_are_taken(dtype):
    scores = np.random.default_rng(0).standard_normal((4, 3))
    labels = np.array([0, 2, 1, 2])
    loss, same = SoftmaxCrossEntropyLoss(), SoftmaxCrossEntropyLoss()
    assert loss(scores, labels.astype(dtype))[1] == same(scores, labels)[1]
    assert np.array_equal(loss.bp_input(), same.bp_input())


def test_one_hot_rows_are_the_same_as_labels():
    scores = np.random.default_rng(0).standard_normal((4, 3))
    labels = np.array([0, 2, 1, 2])
    one, two = SoftmaxCrossEntropyLoss(), SoftmaxCrossEntropyLoss()
    for rows in (np.eye(3)[labels], np.eye(3, dtype=int)[labels]):
        np.testing.assert_allclose(one(scores, labels)[1], two(scores, rows)[1], rtol=1e-14)
        np.testing.assert_allclose(one.bp_input(), two.bp_input(), atol=1e-16)


@pytest.mark.parametrize("targets", [np.array([0, 2]), np.array([[1.0, 0, 0], [0, 0, 1]])])
def test_float32_scores_give_float32_probabilities_and_gradient(targets):
    loss = SoftmaxCrossEntropyLoss()
    p, number = loss(np.zeros((2, 3), np.float32), targets)
    assert p.dtype == loss.bp_input(0.5).dtype == np.float32
    assert isinstance(number, float)


def test_predict_gives_the_probabilities_alone_and_keeps_the_last_forward():
    rng = np.random.default_rng(0)
    scores, other = rng.standard_normal((4, 3)), rng.standard_normal((6, 3))
    loss = SoftmaxCrossEntropyLoss()
    p, _ = loss(scores, np.array([0, 2, 1, 2]))
    grad = loss.bp_input()
    np.testing.assert_array_equal(loss.predict(scores), p)
    loss.predict(other)
    assert np.array_equal(loss.bp_input(), grad)


def test_nothing_passed_in_is_written_into_and_nothing_returned_is_overwritten():
    rng = np.random.default_rng(0)
    scores, targets = rng.standard_normal((4, 3)), np.eye(3)[[0, 2, 1, 2]]
    scores.flags.writeable = targets.flags.writeable = False
    loss = SoftmaxCrossEntropyLoss()
    p, _ = loss(scores, targets)
    grad = loss.bp_input()
    held = p.copy(), grad.copy()
    p[...] = np.nan
    assert np.array_equal(loss.bp_input(), grad), "the cache is no array of the caller"
    loss(2 * scores, targets)
    loss.bp_input(3.0)
    assert np.array_equal(grad, held[1])


def test_labels_that_change_after_the_forward_do_not_change_the_gradient():
    loss, labels = SoftmaxCrossEntropyLoss(), np.array([0, 1])
    loss(np.zeros((2, 3)), labels)
    grad = loss.bp_input()
    labels[...] = 2
    assert np.array_equal(loss.bp_input(), grad)


@pytest.mark.parametrize(
    "scores, targets, message",
    [
        (np.zeros(3), np.array([0]), r"wanted \(N, C\)"),
        (np.zeros((2, 0)), np.array([0, 0]), r"wanted \(N, C\)"),
        (np.zeros((0, 3)), np.zeros(0, int), "empty batch"),
        (np.zeros((2, 3)), np.array([0, 1, 2]), r"targets of shape \(3,\).*wanted labels \(2,\)"),
        (np.zeros((2, 3)), np.zeros((3, 2)), r"rows of probabilities \(2, 3\)"),
        (np.zeros((2, 3)), np.array([0, 3]), "the label 3, wanted 0 to 2: the network has 3 outputs"),
        (np.zeros((2, 3)), np.array([-1, 0]), "the label -1, wanted 0 to 2"),
        (np.zeros((2, 3)), np.array([0, 255], np.uint8), "the label 255"),
        (np.zeros((2, 3)), np.array([[1.0, 0, 0], [0.5, 0, 0]]), "as target 1.*their sum 1"),
        (np.zeros((2, 3)), np.array([[2.0, -1, 0], [1, 0, 0]]), "as target 0.*none negative"),
        (np.zeros((2, 3)), np.full((2, 3), np.nan), "as target 0"),
    ],
)
def test_targets_that_do_not_fit_are_an_error_that_says_what_was_wanted(scores, targets, message):
    with pytest.raises(ValueError, match="SoftmaxCrossEntropyLoss: got .*" + message):
        SoftmaxCrossEntropyLoss()(scores, targets)


@pytest.mark.parametrize(
    "targets", [np.array([0.0, 1.0]), np.array([True, False]), np.array(["0", "1"])]
)
def test_labels_that_are_no_integers_are_a_type_error(targets):
    with pytest.raises(TypeError, match="wanted integers"):
        SoftmaxCrossEntropyLoss()(np.zeros((2, 3)), targets)


def test_an_unknown_reduction_is_an_error():
    with pytest.raises(ValueError, match='got reduction=\'none\', wanted "mean" or "sum"'):
        SoftmaxCrossEntropyLoss("none")


def test_after_a_forward_that_failed_there_is_no_gradient_of_the_one_before():
    loss = SoftmaxCrossEntropyLoss()
    loss(np.zeros((2, 3)), np.array([0, 1]))
    with pytest.raises(ValueError, match="the label 3"):
        loss(np.ones((2, 3)), np.array([0, 3]))
    with pytest.raises(ValueError, match="before any forward"):
        loss.bp_input()


def test_a_backward_before_any_forward_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="before any forward"):
        SoftmaxCrossEntropyLoss().bp_input()


def test_targets_of_no_numbers_are_refused_by_name():
    scores = np.zeros((2, 3))
    for targets in (np.array(["0", "1"]), [None, 1], np.array([0j, 1]), np.ma.masked_array([0, 1], [1, 0])):
        with pytest.raises(TypeError, match="SoftmaxCrossEntropyLoss: got "):
            SoftmaxCrossEntropyLoss()(scores, targets)


def test_a_class_ruled_out_by_a_score_of_minus_infinity_costs_nothing_where_it_is_not_wanted():
    scores = np.array([[0.0, -np.inf, 0.0], [1.0, -np.inf, 1.0]])
    for targets in (np.array([0, 2]), np.array([[1.0, 0, 0], [0.25, 0, 0.75]])):
        loss = SoftmaxCrossEntropyLoss()
        p, number = loss(scores, targets)
        assert number == pytest.approx(np.log(2)) and (p[:, 1] == 0).all()
        assert np.isfinite(loss.bp_input()).all()


def test_the_gradient_begins_row_by_row_as_the_layers_below_want_it():
    """A gradient in columns makes the products below it several times slower."""
    loss = SoftmaxCrossEntropyLoss()
    p, _ = loss(np.random.default_rng(0).standard_normal((7, 5)), np.zeros(7, int))
    assert p.flags.c_contiguous and loss.bp_input().flags.c_contiguous


# ---- class weights, smoothing, an ignored label


def test_class_weights_by_hand():
    scores, labels = np.log(np.array([[1.0, 1, 2], [1, 2, 1], [2, 1, 1]])), np.array([2, 1, 1])
    loss = SoftmaxCrossEntropyLoss("sum", class_weights=[5, 2, 4])
    total = -(4 * np.log(1 / 2) + 2 * np.log(1 / 2) + 2 * np.log(1 / 4))
    assert loss(scores, labels)[1] == pytest.approx(total, rel=1e-14)
    np.testing.assert_allclose(loss.bp_input(), [[1, 1, -2], [0.5, -1, 0.5], [1, -1.5, 0.5]], rtol=1e-13)
    loss = SoftmaxCrossEntropyLoss(class_weights=[5, 2, 4])
    assert loss(scores, labels)[1] == pytest.approx(total / 8, rel=1e-14)
    assert loss.total_weight == 8
    weight = np.array([0.5, 1, 3])
    total = -(0.5 * 4 * np.log(1 / 2) + 2 * np.log(1 / 2) + 3 * 2 * np.log(1 / 4))
    assert loss(scores, labels, weight)[1] == pytest.approx(total / 10, rel=1e-14)


def test_smoothing_by_hand():
    p = np.array([0.5, 0.25, 0.25])
    loss = SoftmaxCrossEntropyLoss(label_smoothing=0.3)
    number = loss(np.log(p)[None], np.array([1]))[1]
    assert number == pytest.approx(-(0.1 * np.log(0.5) + 0.8 * np.log(0.25) + 0.1 * np.log(0.25)))
    np.testing.assert_allclose(loss.bp_input(), [[0.4, -0.55, 0.15]], rtol=1e-13)


def test_smoothing_and_class_weights_together_by_hand():
    """The weight of the label is what the mean is divided by, smoothed or not."""
    log_p, c = np.log([0.5, 0.25, 0.25]), [3.0, 2.0, 10.0]
    loss = SoftmaxCrossEntropyLoss(class_weights=c, label_smoothing=0.3)
    total = -(3 * 0.1 * log_p[0] + 2 * 0.8 * log_p[1] + 10 * 0.1 * log_p[2])
    assert loss(log_p[None], np.array([1]))[1] == pytest.approx(total / 2, rel=1e-13)


def test_class_weights_of_one_and_a_smoothing_of_zero_change_nothing():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((7, 5))
    for targets in (rng.integers(0, 5, 7), rows_of_probabilities(rng, 7, 5)):
        for reduction in REDUCTIONS:
            plain, ones = SoftmaxCrossEntropyLoss(reduction), SoftmaxCrossEntropyLoss(reduction, [1] * 5, 0.0)
            assert plain(scores, targets)[1] == pytest.approx(ones(scores, targets)[1], rel=1e-14)
            np.testing.assert_allclose(plain.bp_input(), ones.bp_input(), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_one_hot_rows_are_the_same_as_labels_with_every_option(reduction):
    rng = np.random.default_rng(0)
    scores, labels, weight = rng.standard_normal((7, 3)), rng.integers(0, 3, 7), rng.random(7)
    one = SoftmaxCrossEntropyLoss(reduction, [0.5, 2, 1], 0.1)
    two = SoftmaxCrossEntropyLoss(reduction, [0.5, 2, 1], 0.1)
    found = one(scores, labels, weight)[1]
    assert found == pytest.approx(two(scores, np.eye(3)[labels], weight)[1], rel=1e-14)
    np.testing.assert_allclose(one.bp_input(), two.bp_input(), rtol=1e-14)
    assert one.total_weight == pytest.approx(two.total_weight, rel=1e-15)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignored", [-1, 255, 1])
@pytest.mark.parametrize("options", [{}, {"class_weights": [1, 2, 3]}, {"label_smoothing": 0.1}])
def test_an_ignored_example_is_as_if_it_were_not_there(reduction, ignored, options):
    rng = np.random.default_rng(0)
    scores, labels = rng.standard_normal((7, 3)), np.array([0, 2, 0, 2, 2, 0, 0])
    labels[[2, 5]] = ignored
    rest = labels != ignored
    loss = SoftmaxCrossEntropyLoss(reduction, ignored_label=ignored, **options)
    without = SoftmaxCrossEntropyLoss(reduction, **options)
    p, number = loss(scores, labels)
    assert number == pytest.approx(without(scores[rest], labels[rest])[1], rel=1e-14)
    np.testing.assert_allclose(loss.bp_input()[rest], without.bp_input(), rtol=1e-12)
    assert not loss.bp_input()[~rest].any()
    right, of = loss.correct(p, labels)
    assert of == 5 and right == np.count_nonzero(p.argmax(axis=1)[rest] == labels[rest])


def test_unsigned_labels_are_never_the_ignored_minus_one():
    loss, plain = SoftmaxCrossEntropyLoss(ignored_label=-1), SoftmaxCrossEntropyLoss()
    scores, labels = np.random.default_rng(0).standard_normal((3, 3)), np.array([0, 2, 1], np.uint8)
    assert loss(scores, labels)[1] == pytest.approx(plain(scores, labels)[1], rel=1e-15)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", [{}, {"class_weights": [1, 2, 3]}, {"label_smoothing": 0.1}])
def test_if_all_of_a_batch_are_ignored_the_number_and_the_gradient_are_0(reduction, options):
    loss = SoftmaxCrossEntropyLoss(reduction, ignored_label=-1, **options)
    scores = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    p, number = loss(scores, np.full(4, -1))
    assert number == 0.0 and loss.total_weight == 0.0
    assert loss.bp_input().shape == (4, 3) and loss.bp_input().dtype == np.float32
    assert not loss.bp_input().any()
    assert loss.correct(p, np.full(4, -1)) == (0, 0)


@pytest.mark.parametrize("smoothing", [0, 0.1])
def test_a_batch_of_classes_that_weigh_nothing_has_a_mean_and_a_gradient_of_0(smoothing):
    loss = SoftmaxCrossEntropyLoss(class_weights=[0, 1, 1], label_smoothing=smoothing)
    assert loss(np.array([[1.0, 2.0, 3.0]]), np.array([0]))[1] == 0.0
    assert not loss.bp_input().any()


def test_a_label_out_of_range_that_is_not_the_ignored_one_is_named():
    loss = SoftmaxCrossEntropyLoss(ignored_label=-1)
    with pytest.raises(ValueError, match="the label -2, wanted 0 to 2"):
        loss(np.zeros((3, 3)), np.array([-1, -2, 0]))


def test_rows_have_no_label_to_ignore():
    loss = SoftmaxCrossEntropyLoss(ignored_label=1)
    with pytest.raises(ValueError, match="ignored_label=1, wanted labels: .* sample_weight of 0"):
        loss(np.zeros((3, 3)), np.eye(3))


def test_as_many_class_weights_as_classes_are_wanted():
    loss = SoftmaxCrossEntropyLoss(class_weights=[1, 2])
    with pytest.raises(ValueError, match=r"got 2 class_weights for scores of shape \(4, 3\).*each of the 3"):
        loss(np.zeros((4, 3)), np.zeros(4, int))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"class_weights": [1, -1]}, ValueError, r"class_weights\[1\] = -1.0, wanted finite"),
        ({"class_weights": [np.nan, 1]}, ValueError, r"class_weights\[0\] = nan, wanted finite"),
        ({"class_weights": [np.inf, 1]}, ValueError, r"class_weights\[0\] = inf, wanted finite"),
        ({"class_weights": [0, 0.0]}, ValueError, "class_weights of zeros alone"),
        ({"class_weights": []}, ValueError, "class_weights of zeros alone"),
        ({"class_weights": 2.0}, ValueError, r"class_weights of shape \(\), wanted \(1,\)"),
        ({"class_weights": [[1, 2]]}, ValueError, r"class_weights of shape \(1, 2\)"),
        ({"class_weights": {0: 1.0}}, TypeError, r"class_weights={0: 1.0}, .* for npbp.fit"),
        ({"class_weights": "balanced"}, TypeError, "class_weights='balanced', .* for npbp.fit"),
        ({"class_weights": ["a", "b"]}, TypeError, "class_weights: got an array of <U1"),
        ({"label_smoothing": 1.0}, ValueError, "label_smoothing=1.0, wanted a number from 0 to below 1"),
        ({"label_smoothing": -0.1}, ValueError, "label_smoothing=-0.1, wanted"),
        ({"label_smoothing": np.nan}, ValueError, "label_smoothing=nan, wanted"),
        ({"label_smoothing": True}, TypeError, "label_smoothing=True of type bool, wanted"),
        ({"label_smoothing": "a lot"}, TypeError, "label_smoothing='a lot' of type str, wanted"),
        ({"label_smoothing": None}, TypeError, "label_smoothing=None of type NoneType, wanted"),
        ({"ignored_label": 1.0}, TypeError, "ignored_label=1.0, wanted a label"),
        ({"ignored_label": True}, TypeError, "ignored_label=True, wanted a label"),
        ({"ignored_label": "1"}, TypeError, "ignored_label='1', wanted a label"),
    ],
)
def test_options_that_cannot_be_are_an_error_that_says_what_was_wanted(arguments, error, message):
    with pytest.raises(error, match="SoftmaxCrossEntropyLoss: .*" + message):
        SoftmaxCrossEntropyLoss(**arguments)


def test_the_config_tells_what_was_given_in_plain_numbers():
    assert SoftmaxCrossEntropyLoss("sum").config() == {"reduction": "sum"}
    given = np.array([0.5, 2], np.float32)
    loss = SoftmaxCrossEntropyLoss(
        class_weights=given, label_smoothing=np.float32(0.5), ignored_label=np.int64(-1)
    )
    given[...] = 0
    config = loss.config()
    assert config == {"reduction": "mean", "class_weights": [0.5, 2.0], "label_smoothing": 0.5,
                      "ignored_label": -1}  # fmt: skip
    assert type(config["class_weights"]) is list and type(config["class_weights"][0]) is float
    assert type(config["label_smoothing"]) is float and type(config["ignored_label"]) is int
    config["class_weights"][0] = 7.0
    assert loss.config()["class_weights"] == [0.5, 2.0]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_without_options_it_computes_what_it_always_did_to_the_last_bit(reduction):
    """The history of the walk-through's training must not move."""
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        s, labels = rng.standard_normal((64, 10)).astype(dtype), rng.integers(0, 10, 64)
        loss = SoftmaxCrossEntropyLoss(reduction)
        p, number = loss(s, labels)
        shifted = s - s.max(axis=1, keepdims=True)
        e = np.exp(shifted)
        log_p = shifted - np.log(e.sum(axis=1, keepdims=True))
        t = labels[:, None] == np.arange(10)
        n = 64 if reduction == "mean" else 1
        assert np.array_equal(p, e / e.sum(axis=1, keepdims=True))
        assert number == float(-log_p[t].sum()) / n
        assert np.array_equal(loss.bp_input(), (p - t) / n)
