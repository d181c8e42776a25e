"""Untrusted Parquet files, opened so that the memory for reading one is bounded by its size.

A file of a few kilobytes can claim any number of rows, or unpack to gigabytes. Therefore the claims
of the footer are checked against the size of the file, and the unpacked size of every page is checked
against the footer before anything is unpacked. Reading a file then takes at most some hundred times
its size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forge_core.files import Store

_MAGIC = b"PAR1"
_SHORTEST = 12
"""bytes of the shortest file: the magic word, a length and the magic word again"""
_FIRST_TAIL = 1 << 16
_MOST_FOOTER = 1 << 22
"""bytes; a shard of all states has 90,000. Other programs' shards of 1,250 row groups have 1.3 million."""
_MOST_ZEROS = 1 << 20
"""zero bytes in a footer. Every struct ends in one, and takes up to 300 bytes in memory."""
_LONGEST_STRING, _LONGEST_LIST = 1_000_000, 1_000
"""limits for a footer: more than any Forge file needs, far less than would exhaust memory"""
_MOST_ROW_GROUPS = 1 << 14
"""row groups in files of other programs, whose footers have a list longer than _LONGEST_LIST"""
_DEEPEST_COLUMN = 8
"""levels of nested groups; Arrow recurses into them, and a few thousand would crash the process"""
_MOST_VALUES_A_BYTE = 4
"""a shard of all states packs one row into two bytes; a file that claims much more is malicious"""
_MOST_PAGES = 1 << 18
_MOST_PAGE_BYTES = 1 << 16
"""bytes of a page, in addition to 16 per value"""
_WRITER = "parquet-cpp"
"""pyarrow's name in a footer"""
_OTHERS_ENTRIES = (b"ARROW:schema", b"pandas")
"""entries of a footer that pyarrow and pandas write by default, and `to_parquet` never does"""
_LONGEST_PAGE_HEADER = 256
"""bytes; the header of the first page of a Forge file has at most about 60"""


class Unsound(Exception):
    """A fault in a file; callers that know its path and the remedy raise FileCorrupt instead."""


def require(holds: bool | np.bool_, reason: str) -> None:
    """Raise Unsound with this reason if the condition is false."""
    if not holds:
        raise Unsound(reason)


def open_parquet(data: bytes, columns: Collection[str] | None = None) -> pq.ParquetFile:
    """Open a whole file. Raises one of UNREADABLE if it is not valid or would take too much memory.

    columns: the columns that will be read, if not all; the pages of others are not checked.
    """
    require(len(data) >= _SHORTEST and data.endswith(_MAGIC), "it is truncated or not a Parquet file")
    _check_footer_size(data)
    file = _open(data)
    _check_claims(file.metadata, data, columns)
    return file


def open_footer(folder: Store, name: str) -> pq.ParquetFile:
    """Open only the footer of a file; the last 64 KiB nearly always contain it. Raises Unsound."""
    data = folder.tail(name, _FIRST_TAIL)
    require(len(data) >= 8 and data.endswith(_MAGIC), "it is truncated or not a Parquet file")
    length = _check_footer_size(data)
    return _open(folder.tail(name, length) if length > len(data) else data)


def read_metadata(file: pq.ParquetFile) -> dict[bytes, bytes]:
    """Return the metadata in the footer; empty if there is none."""
    return file.metadata.metadata or {}


def to_parquet(
    table: pa.Table, footer: Mapping[str, str], *, row_group: int | None = None, **how: Any
) -> bytes:
    """Convert a table to a Parquet file; equal tables give equal bytes.

    footer: entries for the footer's metadata. how: options of pyarrow's writer, such as compression.
    """
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, store_schema=False, write_page_checksum=True, **how) as writer:
        writer.write_table(table, row_group_size=row_group)
        writer.add_key_value_metadata(dict(footer))
    return sink.getvalue().to_pybytes()


UNREADABLE = (Unsound, pa.ArrowException, OSError, TypeError, ValueError, IndexError)
"""the errors that reading a damaged file may raise"""


def require_signed(file: pq.ParquetFile, signature: Sequence[str]) -> None:
    """Raise Unsound unless each name in the signature is a footer entry or a column."""
    lacking = [name for name in signature if name not in _names(file)]
    require(not lacking, f"its header lacks {''.join(lacking[:1])}")


def is_foreign(folder: Store, name: str, signature: Sequence[str]) -> bool:
    """Return True if a file is foreign: its footer lacks this signature, or another program copied it.

    If the footer cannot be read, the file still counts as a damaged Forge file if it contains all
    names of the signature near its end and no mark of another program, is the beginning of a Parquet
    file with page checksums, or is empty or all zeros. Raises StoreUnusable.
    """
    try:
        file = open_footer(folder, name)
        is_copy = any(mark in read_metadata(file) for mark in _OTHERS_ENTRIES)
        by_arrow = str(file.metadata.created_by).startswith(_WRITER)
        return is_copy or not by_arrow or not _names(file).issuperset(signature)
    except UNREADABLE:
        head, tail = folder.head(name, _FIRST_TAIL), folder.tail(name, _FIRST_TAIL)
    is_blank = not (head + tail).strip(b"\0")
    was_cut = _begins_as_ours(head) and not (len(tail) >= _SHORTEST and tail.endswith(_MAGIC))
    is_signed = all(mark.encode() in tail for mark in signature)
    return not (is_blank or was_cut or (is_signed and not any(mark in tail for mark in _OTHERS_ENTRIES)))


def _begins_as_ours(head: bytes) -> bool:
    """Return True for the beginning of a file of `to_parquet`; also if it is too short to tell.

    Its pages have checksums; other programs write none unless they are asked to.
    """
    if head[:4] != _MAGIC[: len(head)]:
        return False
    try:
        page, _ = _read_struct(head, len(_MAGIC), len(head))
    except Unsound:
        return len(head) < _LONGEST_PAGE_HEADER
    return _CHECKSUM in page


def _names(file: pq.ParquetFile) -> set[str]:
    """Return the names of the footer's entries and of the columns."""
    noted = {key.decode(errors="replace") for key in read_metadata(file)}
    return noted.union(file.schema_arrow.names)


def _open(data: bytes) -> pq.ParquetFile:
    """Open a file, or only the end of one with its whole footer. Raises Unsound before a bomb is unpacked."""
    end = len(data) - _TRAILER
    footer = data[max(0, end - int.from_bytes(data[end : end + 4], "little")) : end]
    require(footer.count(0) <= _MOST_ZEROS, "its footer has too many parts")
    try:
        file = _open_within(data, _LONGEST_LIST)
    except (pa.ArrowException, OSError):
        if not _has_many_row_groups(footer):
            raise
        file = _open_within(data, _MOST_ROW_GROUPS)
    schema = file.metadata.schema
    depths = (schema.column(place).path.count(".") for place in range(len(schema)))
    require(all(depth < _DEEPEST_COLUMN for depth in depths), "its columns are nested too deeply")
    return file


def _open_within(data: bytes, longest_list: int) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.BufferReader(data),
        thrift_string_size_limit=_LONGEST_STRING,
        thrift_container_size_limit=longest_list,
        page_checksum_verification=True,
    )


def _has_many_row_groups(footer: bytes) -> bool:
    """Return True if a footer has more row groups than _LONGEST_LIST, and a schema of fewer columns.

    Longer schemas stay refused: Arrow recurses into their groups.
    """
    try:
        fields, _ = _read_struct(footer, 0, len(footer))
    except Unsound:
        return False
    schema, groups = fields.get(_SCHEMA), fields.get(_ROW_GROUPS)
    is_known = all(1 <= field <= _LAST_FIELD for field in fields)  # Thrift cuts numbers to 16 bits
    if not (is_known and isinstance(schema, list) and isinstance(groups, list)):
        return False
    return len(schema) <= _LONGEST_LIST < len(groups)


def _check_footer_size(data: bytes) -> int:
    """Return the size of the footer in bytes, including its length field and the magic word."""
    length = int.from_bytes(data[-8:-4], "little") + 8
    require(
        length <= _MOST_FOOTER,
        f"its footer claims {length:,} bytes, but at most {_MOST_FOOTER:,} are read: if it is sound, it "
        "has too many row groups",
    )
    return length


def _check_claims(metadata: pq.FileMetaData, data: bytes, columns: Collection[str] | None) -> None:
    """Check the footer against the size of the file, and the pages of some columns against the footer."""
    _check_level_counts(metadata, data)
    most = _MOST_VALUES_A_BYTE * len(data)
    rows = metadata.num_rows
    require(rows <= most, f"{rows:,} rows do not fit in {len(data):,} bytes")
    # In files written by the oldest versions of parquet-mr, Arrow reads past the end of a column.
    by_parquet_mr = str(metadata.created_by).startswith("parquet-mr")
    require(not by_parquet_mr, "it was written by parquet-mr, which is unsafe to read: write it with pyarrow")
    pages = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        require(0 <= group.num_rows <= rows, f"one of its row groups claims {group.num_rows:,} rows")
        for place in range(metadata.num_columns):
            chunk, is_list = group.column(place), metadata.schema.column(place).max_repetition_level > 0
            values = chunk.num_values
            fits = 0 <= values <= most if is_list else values == group.num_rows
            require(fits, f"column {chunk.path_in_schema} claims {values:,} values in {rows:,} rows")
            if columns is None or chunk.path_in_schema.partition(".")[0] in columns:
                pages += _check_pages(chunk, data)
            require(pages <= _MOST_PAGES, f"it has more than {_MOST_PAGES:,} pages")


def _check_level_counts(metadata: pq.FileMetaData, data: bytes) -> None:
    """Check that the counts of nesting levels in the footer fit the schema: pyarrow aborts if they do not."""
    end = len(data) - _TRAILER
    footer, _ = _read_struct(data, end - int.from_bytes(data[end : end + 4], "little"), end)
    columns = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    levels = [(column.max_repetition_level, column.max_definition_level) for column in columns]
    for group in _structs(footer.get(_ROW_GROUPS)):
        for chunk, most in zip(_structs(group.get(_CHUNKS)), levels, strict=False):
            sizes = _struct(_struct(chunk.get(_CHUNK_METADATA)).get(_SIZES))
            for field, level in zip(_LEVEL_COUNTS, most, strict=True):
                counts = sizes.get(field, [])
                fits = isinstance(counts, list) and len(counts) in (0, level + 1)
                require(fits, "its footer is malformed")


def _struct(value: Any) -> dict[int, Any]:
    """Return a value of `_read_struct` if it is a struct, else an empty one."""
    return value if isinstance(value, dict) else {}


def _structs(values: Any) -> list[dict[int, Any]]:
    """Return a value of `_read_struct` as a list of structs; it is empty if the value is not a list."""
    return list(map(_struct, values)) if isinstance(values, list) else []


def _check_pages(chunk: pq.ColumnChunkMetaData, data: bytes) -> int:
    """Check the pages of a column against the footer and return their number."""
    name, at, number, values = chunk.path_in_schema, chunk.data_page_offset, 0, 0
    if not chunk.num_values:  # none of its pages is read
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
        require(0 <= packed <= end - at, f"a page of column {name} ends outside the column")
        at, number = at + packed, number + 1
        if number > _MOST_PAGES:
            break
    return number


# --- footers and page headers -----------------------------------------------------------------
# pyarrow does not expose all of them. They are structs in Thrift's compact protocol: numbered fields,
# whole numbers as zigzag varints.

_UNPACKED, _PACKED, _CHECKSUM, _DICTIONARY = 2, 3, 4, 7
_PAGES = (5, _DICTIONARY, 8)
"""data page, dictionary page, data page v2: each a struct whose field 1 is the number of values"""
_VALUES = 1
_SCHEMA, _LAST_FIELD = 2, 9
"""fields of a footer"""
_ROW_GROUPS, _CHUNKS, _CHUNK_METADATA, _SIZES = 4, 1, 3, 16
"""fields that lead from a footer to the sizes of a column: two lists, then two structs"""
_LEVEL_COUNTS = (2, 3)
"""counts of values by repetition level, and by definition level: lists"""
_TRAILER = 8
"""bytes after a footer: its length and the magic word"""
_STOP, _TRUE, _FALSE, _BYTE, _WHOLE, _DOUBLE, _TEXT, _LIST, _STRUCT = 0, 1, 2, 3, (4, 5, 6), 7, 8, 9, 12
_DEEPEST = 8


def _read_struct(data: bytes, at: int, end: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """Return the whole numbers, lists and structs in a struct, by field number, and its end offset."""
    require(depth < _DEEPEST, "a header is malformed")
    found, field = {}, 0
    while True:
        if at >= end:  # not by `require`: a footer has thousands of numbers
            raise Unsound("a header is truncated")
        step, kind = data[at] >> 4, data[at] & 15
        at += 1
        if kind == _STOP:
            return found, at
        if step:
            field += step
        else:
            field, at = _read_whole(data, at, end)
        if kind not in (_TRUE, _FALSE):  # the kind is the value
            found[field], at = _read_value(kind, data, at, end, depth)


def _read_value(kind: int, data: bytes, at: int, end: int, depth: int) -> tuple[Any, int]:
    """Return a whole number, list or struct, None for a value of another kind, and its end offset."""
    if kind in _WHOLE:
        return _read_whole(data, at, end)
    if kind == _STRUCT:
        return _read_struct(data, at, end, depth + 1)
    if kind == _LIST:
        return _read_list(data, at, end, depth + 1)
    if kind == _TEXT:
        length, at = _read_varint(data, at, end)
        return None, at + length
    require(kind in (_TRUE, _FALSE, _BYTE, _DOUBLE), "a header is malformed")
    return None, at + (8 if kind == _DOUBLE else 1)


def _read_list(data: bytes, at: int, end: int, depth: int) -> tuple[list[Any], int]:
    """Return the values of a list and its end offset."""
    require(depth < _DEEPEST and at < end, "a header is malformed")
    length, kind = data[at] >> 4, data[at] & 15
    at += 1
    if length == 15:
        length, at = _read_varint(data, at, end)
    require(length <= end - at, "a header is malformed")  # a value takes a byte at least
    found = []
    for _ in range(length):
        value, at = _read_value(kind, data, at, end, depth)
        found.append(value)
    return found, at


def _read_whole(data: bytes, at: int, end: int) -> tuple[int, int]:
    number, at = _read_varint(data, at, end)
    return number >> 1 ^ -(number & 1), at


def _read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and data[at] < 128:  # as most are
        return data[at], at + 1
    number = 0
    for shift in range(0, 70, 7):
        require(at < end, "a header is truncated")
        number |= (data[at] & 127) << shift
        at += 1
        if data[at - 1] < 128:
            return number, at
    raise Unsound("a header contains a number of more than 64 bits")
