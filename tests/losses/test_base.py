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


def test_a_loss_is_no_layer_and_a_layer_is_no_loss():
    with pytest.raises(TypeError, match="Network: got MeanSquaredError.* as a layer"):
        Network([Linear(5, 3), MeanSquaredError()], MeanSquaredError())
    with pytest.raises(TypeError, match="Network: got ReLU.* as the loss.*a layer"):
        Network([Linear(5, 3)], ReLU())
