import io

import numpy as np
import pytest

from npbp.npy import read_npy


def read(data, *most):
    return read_npy(io.BytesIO(data), len(data), *most)


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("shape", [(), (0,), (5,), (1, 3), (2, 3, 4), (3, 0, 2), (1,) * 20])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i8", "f2", "<f4", ">f8", "c8", "?", "<U3", ">U3", "S2", "M8[s]"])
def test_what_numpy_saves_is_read_in_the_byte_order_of_this_machine(dtype, shape):
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    for layout in (array, np.asfortranarray(array), array.T):
        got = read(saved(layout))
        np.testing.assert_array_equal(got, layout)
        assert got.dtype == layout.dtype.newbyteorder("=") and got.shape == layout.shape
        assert got.flags.writeable


@pytest.mark.parametrize("text", [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",         # no last comma
    '{"shape":(2,3),"fortran_order":False,"descr":"<f4"}',               # another order
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }\n",  # Python 2
])
def test_headers_of_other_programs_are_read(text):
    numbers = np.arange(6, dtype="<f4")
    for version, wide in ((1, 2), (2, 4), (3, 4)):
        data = b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(wide, "little") + text.encode()
        assert read(data + numbers.tobytes()).tolist() == numbers.reshape(2, 3).tolist()


def test_a_file_that_is_cut_or_goes_on_is_refused():
    data = saved(np.arange(5.0))
    for length in range(len(data)):
        with pytest.raises(ValueError):
            read(data[:length])
    with pytest.raises(ValueError, match="claims 40 bytes of numbers, and 41 follow"):
        read(data + b"a")


def test_a_file_that_is_longer_than_it_says_it_is_is_cut_short():
    data = saved(np.arange(5.0))
    with pytest.raises(ValueError, match="it is cut short"):
        read_npy(io.BytesIO(data[:-1]), len(data))


def test_no_more_is_read_than_is_allowed():
    data = saved(np.zeros(1000))
    assert len(read(data, len(data))) == 1000
    with pytest.raises(ValueError, match=f"it has {len(data)} bytes, wanted 100 at most"):
        read(data, 100)
