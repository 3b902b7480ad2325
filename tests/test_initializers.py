import numpy as np

from npbp.initializers import xavier_uniform


def test_xavier_uniform_fills_its_interval_evenly():
    W = xavier_uniform(300, 200, np.random.default_rng(0))
    bound = np.sqrt(6 / 500)
    counts, _ = np.histogram(W, bins=10, range=(-bound, bound))
    assert counts.sum() == W.size == 60000, "nothing lies outside"
    assert abs(counts / 6000 - 1).max() < 0.05


def test_xavier_uniform_keeps_the_variance_of_a_signal_on_average_of_both_directions():
    rng = np.random.default_rng(0)
    W = xavier_uniform(400, 100, rng)
    forward = (rng.standard_normal((500, 400)) @ W).var()
    backward = (rng.standard_normal((500, 100)) @ W.T).var()
    assert np.isclose((forward + backward) / 2, 1, rtol=0.05)
