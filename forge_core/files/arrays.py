"""Arrays of npy files from anywhere: nothing in them is run, and none takes more memory than its file."""

from __future__ import annotations

import io
from math import prod

import numpy as np
import numpy.typing as npt

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_array(data: bytes, dtype: np.dtype, start: int = 0) -> tuple[npt.NDArray, int]:
    """The array of an npy file that begins at `start` of `data`, and where it ends; it cannot be written to.

    `np.load` makes room for whatever shape a header claims. Raises ValueError for what is cut,
    no npy file, or of another type than `dtype`.
    """
    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        shape, in_columns, found = _READERS[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # a header is Python's literals: what is wrong with it raises anything
        raise ValueError(f"it does not parse ({type(error).__name__})") from error
    if found != dtype or in_columns:
        raise ValueError("its columns are not those that belong there")
    begin = stream.tell()
    end = begin + prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or end > len(data):
        raise ValueError(f"{shape} of {dtype.itemsize} bytes do not fit in its {len(data):,}: it is cut")
    return np.ndarray(shape, dtype, data, begin), end
