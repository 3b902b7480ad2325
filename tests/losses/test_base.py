"""A loss of one's own: two methods."""

import numpy as np
import pytest

from npbp import Linear, Loss, Network, ReLU, check_loss, fit


class MeanSquaredError(Loss):
    def forward(self, scores, targets):
        self.cache = scores - targets
        return scores, float(np.mean(self.cache**2))

    def bp_input(self, grad=1.0):
        difference = self.cached()
        return grad * 2 * difference / difference.size


@pytest.mark.parametrize("N", [1, 7])
def test_a_loss_of_two_methods_passes_its_check(N):
    targets = np.random.default_rng(1).standard_normal((N, 3))
    assert check_loss(MeanSquaredError(), (N, 3), targets) < 1e-6


def test_it_trains_predicts_and_is_saved_and_loaded(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((64, 5)).astype(np.float32)
    t = np.abs(X[:, :1]) - X[:, 1:2]
    network = Network([Linear(5, 16, rng), ReLU(), Linear(16, 1, rng)], MeanSquaredError())
    history = fit(network, (X, t), epochs=60, batch_size=8, rng=rng)
    assert history.loss[-1] < 0.1 * history.loss[0]
    np.testing.assert_array_equal(network.predict(X), network.scores(X))
    network.save(tmp_path / "model.npz")
    again = Network.load(tmp_path / "model.npz", layers=[MeanSquaredError])
    np.testing.assert_array_equal(again.predict(X), network.predict(X))


def test_a_backward_before_any_forward_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="MeanSquaredError: got a backward call before any forward"):
        MeanSquaredError().bp_input()


def test_a_loss_without_its_methods_says_which_one_is_missing():
    class Empty(Loss):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has no forward\(scores, targets\)"):
        Empty()(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(NotImplementedError, match=r"Empty has no bp_input\(grad\)"):
        Empty().bp_input()


@pytest.mark.parametrize("returned, got", [
    (None, "nothing"), (0.5, "a float"), ((1, 2, 3), "a tuple of 3"),
    ((1, None), r"\(prediction, nothing\)"), ((1, np.ones(2)), r"\(prediction, an array of shape \(2,\)\)")])
def test_a_forward_that_does_not_return_a_prediction_and_one_number_says_so(returned, got):
    class Wrong(Loss):
        def forward(self, scores, targets):
            return returned

    with pytest.raises(TypeError, match=rf"^Wrong.forward: got {got}, wanted \(prediction, number\)"):
        Wrong()(np.ones((2, 3)), np.ones((2, 3)))


@pytest.mark.parametrize("number", [1, np.float32(1), np.array(1.0), np.float64(1)])
def test_the_number_may_be_of_numpy(number):
    class Fine(Loss):
        def forward(self, scores, targets):
            return scores, number

    assert Fine()(np.ones((2, 3)), np.ones((2, 3)))[1] == 1


def test_a_loss_is_no_layer_and_a_layer_is_no_loss():
    with pytest.raises(TypeError, match="Network: got MeanSquaredError.* as a layer"):
        Network([Linear(5, 3), MeanSquaredError()], MeanSquaredError())
    with pytest.raises(TypeError, match="Network: got ReLU.* as the loss.*a layer"):
        Network([Linear(5, 3)], ReLU())


class Cubed(Loss):
    """A loss of one's own that leaves mean, sum and weights to the base."""

    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, scores, targets, sample_weight=None):
        e = scores - targets
        return scores, self.reduced(abs(e) ** 3, 3 * e * abs(e), sample_weight)

    def bp_input(self, grad=1.0):
        return self.cached() * grad


def test_a_loss_of_ones_own_gets_mean_sum_and_weights_from_reduced():
    s, t, w = np.array([[1.0, 2], [-3, 0]]), np.zeros((2, 2)), np.array([2.0, 0.5])
    assert Cubed()(s, t)[1] == (1 + 8 + 27) / 4
    assert Cubed("sum")(s, t)[1] == 36
    assert Cubed("sum")(s, t, w)[1] == 2 * 9 + 0.5 * 27
    loss = Cubed()
    assert loss(s, t, sample_weight=w)[1] == (2 * 9 + 0.5 * 27) / (2 * 2.5)
    assert loss.total_weight == 2.5
    assert loss.bp_input().tolist() == [[1.2, 4.8], [-2.7, 0]]
    assert check_loss(Cubed(), (7, 3), np.zeros((7, 3))) < 1e-6


def test_a_loss_that_forgets_its_bp_input_says_so_though_the_gradient_is_in_the_cache():
    class Forgetful(Cubed):
        bp_input = Loss.bp_input

    loss = Forgetful()
    loss(np.ones((2, 2)), np.zeros((2, 2)))
    with pytest.raises(NotImplementedError, match=r"Forgetful has no bp_input\(grad\)"):
        loss.bp_input()


def test_a_loss_that_knows_of_no_weights_is_called_without_them():
    assert MeanSquaredError()(np.ones((2, 1)), np.zeros((2, 1)))[1] == 1
    with pytest.raises(TypeError):
        MeanSquaredError()(np.ones((2, 1)), np.zeros((2, 1)), np.ones(2))
