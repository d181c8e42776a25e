"""Arrays from untrusted npy files: no code in them is run, and no array takes more memory than its file."""

from __future__ import annotations

import io
from math import prod

import numpy as np
import numpy.typing as npt

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_array(data: bytes, dtype: np.dtype, start: int = 0) -> tuple[npt.NDArray, int]:
    """Read the npy file that starts at offset `start` of `data`; return its array and its end offset.

    The array is read-only. `np.load` is unsafe here, since it allocates memory for any shape that a
    header claims. Raises ValueError if the file is truncated, is not an npy file, or has another dtype.
    """
    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        shape, in_columns, found = _READERS[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # a header is a Python literal, so a bad one can raise any error
        raise ValueError(f"it cannot be parsed ({type(error).__name__})") from error
    if found != dtype or in_columns:
        raise ValueError("its columns are not the expected ones")
    begin = stream.tell()
    end = begin + prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or end > len(data):
        raise ValueError(f"its shape {shape} does not fit in {len(data):,} bytes: it is truncated")
    return np.ndarray(shape, dtype, data, begin), end
