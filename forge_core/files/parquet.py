"""Parquet files from anywhere, opened so that reading one takes no more than its size allows.

A few kilobytes can claim any number of rows, or unpack to gigabytes. So what a footer claims is
held to the size of the file, and what every page will unpack to is held to the footer before a
byte is unpacked: all that reading then takes is some hundred times the size of the file, at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forge_core.files import Store

_MAGIC = b"PAR1"
_SHORTEST = 12
"""bytes of a file: the magic word, a length and the magic word"""
_FIRST_TAIL = 1 << 16
_MOST_FOOTER = 1 << 20
"""bytes: a shard of all states has 90,000; in memory a footer takes up to three hundred times as many"""
_LONGEST_STRING, _LONGEST_LIST = 1_000_000, 1_000
"""in a footer: above any file's of ours, far below what fills a memory"""
_DEEPEST_COLUMN = 8
"""groups within groups: Arrow goes down into them by recursion, and a few thousand end the process"""
_MOST_VALUES_A_BYTE = 4
"""a shard of all states packs one row in two bytes; who claims more wants memory, not reading"""
_MOST_PAGES = 1 << 18
_MOST_PAGE_BYTES = 1 << 16
"""of a page, beside 16 for each of its values"""


class Unsound(Exception):
    """A fault of a file; raised again as FileCorrupt where path and remedy are known."""


def require(holds: bool | np.bool_, reason: str) -> None:
    """Raise Unsound, with the reason, unless it holds."""
    if not holds:
        raise Unsound(reason)


def open_parquet(data: bytes) -> pq.ParquetFile:
    """A whole file. Raises Unsound, or what pyarrow raises, for one that is none or would take too much."""
    require(len(data) >= _SHORTEST and data.endswith(_MAGIC), "it is truncated, or no Parquet file")
    _check_footer_size(data)
    file = _open(data)
    _check_claims(file.metadata, data)
    return file


def open_footer(folder: Store, name: str) -> pq.ParquetFile:
    """A file as far as its footer: the last 64 KiB nearly always hold it. Raises Unsound."""
    data = folder.tail(name, _FIRST_TAIL)
    require(len(data) >= 8 and data.endswith(_MAGIC), "it is truncated, or no Parquet file")
    length = _check_footer_size(data)
    return _open(folder.tail(name, length) if length > len(data) else data)


def read_metadata(file: pq.ParquetFile) -> dict[bytes, bytes]:
    """Return the metadata of the footer; empty if there is none."""
    return file.metadata.metadata or {}


def to_parquet(
    table: pa.Table, footer: Mapping[str, str], *, row_group: int | None = None, **how: Any
) -> bytes:
    """The Parquet file of a table: equal tables give equal bytes.

    footer: what it notes there, by name. how: options of pyarrow's writer, such as the compression.
    """
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, store_schema=False, write_page_checksum=True, **how) as writer:
        writer.write_table(table, row_group_size=row_group)
        writer.add_key_value_metadata(dict(footer))
    return sink.getvalue().to_pybytes()


UNREADABLE = (Unsound, pa.ArrowException, OSError, TypeError, ValueError, IndexError)
"""what reading a damaged file may raise"""


def require_signed(file: pq.ParquetFile, signature: Sequence[str]) -> None:
    """Raise Unsound unless each name of a signature stands in the footer, or is that of a column."""
    lacking = [name for name in signature if name not in _names(file)]
    require(not lacking, f"its header lacks {''.join(lacking[:1])}")


def is_foreign(folder: Store, name: str, signature: Sequence[str]) -> bool:
    """True if a file was made by another program than the one whose files have this signature.

    A footer that can be read has the signature or has it not. Where it cannot be read, these are
    taken for the remains of a file of ours: a footer with the names of the signature somewhere in
    it, a Parquet file that was cut, a file of nothing or of zeros. Raises StoreUnusable.
    """
    try:
        return not _names(open_footer(folder, name)).issuperset(signature)
    except UNREADABLE:
        head, tail = folder.head(name, _FIRST_TAIL), folder.tail(name, _FIRST_TAIL)
    is_blank = not (head + tail).strip(b"\0")
    was_cut = head[:4] == _MAGIC[: len(head)] and not (len(tail) >= _SHORTEST and tail.endswith(_MAGIC))
    return not (is_blank or was_cut or all(mark.encode() in tail for mark in signature))


def _names(file: pq.ParquetFile) -> set[str]:
    """Return the metadata of the footer, and the columns."""
    noted = {key.decode(errors="replace") for key in read_metadata(file)}
    return noted.union(file.schema_arrow.names)


def _open(data: bytes) -> pq.ParquetFile:
    file = pq.ParquetFile(
        pa.BufferReader(data),
        thrift_string_size_limit=_LONGEST_STRING,
        thrift_container_size_limit=_LONGEST_LIST,
        page_checksum_verification=True,
    )
    schema = file.metadata.schema
    depths = (schema.column(place).path.count(".") for place in range(len(schema)))
    require(all(depth < _DEEPEST_COLUMN for depth in depths), "its columns are nested too deep")
    return file


def _check_footer_size(data: bytes) -> int:
    """Bytes of the footer, with its length and the magic word."""
    length = int.from_bytes(data[-8:-4], "little") + 8
    require(length <= _MOST_FOOTER, f"its footer claims {length:,} bytes")
    return length


def _check_claims(metadata: pq.FileMetaData, data: bytes) -> None:
    """Hold the footer to the size of the file, and the pages to the footer."""
    most = _MOST_VALUES_A_BYTE * len(data)
    rows = metadata.num_rows
    require(rows <= most, f"{rows:,} rows do not fit in {len(data):,} bytes")
    # For files by its oldest versions Arrow reads on behind the end of a column.
    require(not str(metadata.created_by).startswith("parquet-mr"), "it is by parquet-mr: write it anew")
    pages = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        require(0 <= group.num_rows <= rows, f"a part of it claims {group.num_rows:,} rows")
        for place in range(metadata.num_columns):
            chunk, is_list = group.column(place), metadata.schema.column(place).max_repetition_level > 0
            values = chunk.num_values
            fits = 0 <= values <= most if is_list else values == group.num_rows
            require(fits, f"column {chunk.path_in_schema} claims {values:,} values of {rows:,} rows")
            pages += _check_pages(chunk, data)
            require(pages <= _MOST_PAGES, f"it has more than {_MOST_PAGES:,} pages")


def _check_pages(chunk: pq.ColumnChunkMetaData, data: bytes) -> int:
    """Hold the pages of a column to what its footer says; how many they are."""
    name, at, number, values = chunk.path_in_schema, chunk.data_page_offset, 0, 0
    if not chunk.num_values:  # no page of it is read
        return 0
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    end = at + chunk.total_compressed_size
    require(0 <= at <= end <= len(data), f"column {name} lies outside the file")
    while at < end:
        header, at = _read_struct(data, at, end)
        unpacked, packed = header.get(_UNPACKED, -1), header.get(_PACKED, -1)
        kind = next((header[field] for field in _PAGES if field in header), {})
        held = kind.get(_VALUES, 0) if isinstance(kind, dict) else 0
        require(
            0 <= held <= chunk.num_values and 0 <= unpacked <= _MOST_PAGE_BYTES + 16 * held,
            f"a page of column {name} claims {unpacked:,} bytes for {held:,} values",
        )
        values += held if _DICTIONARY not in header else 0
        require(
            values <= chunk.num_values,
            f"column {name} has more values than the {chunk.num_values:,} it claims",
        )
        require(0 <= packed <= end - at, f"a page of column {name} ends outside it")
        at, number = at + packed, number + 1
        if number > _MOST_PAGES:
            break
    return number


# --- page headers -----------------------------------------------------------------------------
# pyarrow does not tell what stands in them. They are structs of Thrift's compact protocol:
# fields by number, whole numbers as zigzag varints.

_UNPACKED, _PACKED, _DICTIONARY = 2, 3, 7
_PAGES = (5, _DICTIONARY, 8)
"""data, dictionary, data of the second version: a struct each, whose field 1 is the number of values"""
_VALUES = 1
_STOP, _TRUE, _FALSE, _BYTE, _WHOLE, _DOUBLE, _TEXT, _STRUCT = 0, 1, 2, 3, (4, 5, 6), 7, 8, 12
_DEEPEST = 4


def _read_struct(data: bytes, at: int, end: int, depth: int = 0) -> tuple[dict, int]:
    """The whole numbers and structs of a struct, by field, and where it ends."""
    require(depth < _DEEPEST, "a page header is no page header")
    found, field = {}, 0
    while True:
        require(at < end, "a page header is cut")
        step, kind = data[at] >> 4, data[at] & 15
        at += 1
        if kind == _STOP:
            return found, at
        if step:
            field += step
        else:
            field, at = _read_whole(data, at, end)
        if kind in _WHOLE:
            found[field], at = _read_whole(data, at, end)
        elif kind == _STRUCT:
            found[field], at = _read_struct(data, at, end, depth + 1)
        elif kind == _TEXT:
            length, at = _read_varint(data, at, end)
            at += length
        elif kind in (_BYTE, _DOUBLE):
            at += 1 if kind == _BYTE else 8
        else:
            require(kind in (_TRUE, _FALSE), "a page header is no page header")


def _read_whole(data: bytes, at: int, end: int) -> tuple[int, int]:
    number, at = _read_varint(data, at, end)
    return number >> 1 ^ -(number & 1), at


def _read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        require(at < end, "a page header is cut")
        number |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return number, at
    raise Unsound("a page header holds a number of more than 64 bits")
