"""What a test case of an operation is: `test_operations.py` runs every one of them.

Each file `rows_*.py` here has a list `ROWS` of such rows:

    Row("sum over the last axis", lambda x: np.sum(x, axis=-1), A(3, 4))
"""

import zlib

import numpy as np

# NumPy 1 makes float64 of float32 and of a number of Python in more cases.
NUMPY_2 = np.lib.NumpyVersion(np.__version__) >= "2.0.0"


class Row:
    """A function of arrays, and arrays to check it at.

    f : takes as many arrays as there are `args`, plain ones as well as variables, and
        returns one array. What is not to be differentiated, it closes over.
    args : float64 arrays, or Python floats for 0-d.
    order : up to which order `check_grads` goes.
    float32 : float32 arguments must give a float32 result and float32 gradients.
    twin : a slow and obvious function of the same arrays in plain NumPy, that f must
        agree with; f itself on plain arrays unless given. A function that NumPy does not
        have needs one.
    compiles : whether the graph can run again with other values, and be compiled; not so
        if a shape depends on values.
    """

    def __init__(self, name, f, *args, order=2, float32=True, twin=None, compiles=True):
        self.name, self.f, self.order, self.float32 = name, f, order, float32
        self.twin, self.compiles = twin, compiles
        self.args = tuple(np.asarray(a, dtype=np.float64)[()] for a in args)

    def __repr__(self):
        return self.name


def A(*shape, low=-1.0, high=1.0, seed=0):
    """A float64 array of this shape, uniform between low and high, the same each time.

    Two arguments of one row need two seeds, if they have the same shape: where they are
    equal, `maximum` has ties and a swap of the two goes unseen. `A()` is a single number.
    """
    rng = np.random.default_rng([zlib.crc32(repr(shape).encode()), seed])
    return rng.uniform(low, high, shape)
