"""Rows of small integers as bytes and back: a range coder with tables, or the standard library's LZMA."""

from __future__ import annotations

import lzma
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from imgnmf.compression.tables import LARGEST, Integers, Table, grouped, read_tables, tables_as_bytes
from imgnmf.compression.wire import Reader, varint, varints, zigzag
from imgnmf.errors import CodecError, ParameterError
from imgnmf.images.extras import needed
from imgnmf.validation import checked_choice

__all__ = ["Coder", "chosen_coder", "read_rows", "rows_as_bytes"]

Coder = Literal["auto", "range", "lzma"]
LARGEST_SYMBOL = (1 << 15) - 1
RANGE, LZMA, TABLES_PLAIN, TABLES_LZMA = 0, 1, 0, 1
FILTERS = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20, "preset": 9}]


def chosen_coder(coder: Coder) -> Coder:
    """Return "range" where constriction is installed, "lzma" where not, unless one of them is asked for.

    >>> chosen_coder("lzma")
    'lzma'
    """
    checked_choice("the entropy coder", coder, ("auto", "range", "lzma"))
    if coder == "auto":
        return "range" if find_spec("constriction") else "lzma"
    return coder


def rows_as_bytes(rows: Sequence[Integers], coder: Coder, tables: Sequence[Table] | None = None) -> bytes:
    """Write rows of one length; with `tables` of their own, or with those that the reader has already.

    Raises
    ------
    ParameterError
        If a number is above 32767 or the coder is not installed.

    Examples
    --------
    >>> rows = [np.array([0, 0, 3]), np.array([-7, 1, 0])]
    >>> [row.tolist() for row in read_rows(Reader(rows_as_bytes(rows, "lzma")), 2, 3)]
    [[0, 0, 3], [-7, 1, 0]]
    """
    _check_range(rows)
    if chosen_coder(coder) == "lzma":
        return varint(LZMA) + _lzma_rows(rows)
    if tables is not None:
        return varint(RANGE) + _range_rows(rows, tables)
    own, chosen = grouped(rows)
    head = varint(len(own)) + varints(chosen)
    return varint(RANGE) + head + _packed_tables(own) + _range_rows(rows, [own[i] for i in chosen])


def read_rows(reader: Reader, count: int, length: int, tables: Sequence[Table] | None = None) -> list[Integers]:
    """Read what `rows_as_bytes` wrote.

    Raises
    ------
    CodecError
        If it is damaged.
    ParameterError
        If it needs constriction, which is not installed.
    """
    if reader.varint(1, "the entropy coder") == LZMA:
        return _read_lzma(reader, count, length)
    if tables is None:
        number = reader.varint(max(count, 1), "tables", 1 if count else 0)
        chosen = [reader.varint(number - 1, "the table of a row") for _ in range(count)]
        own = _unpacked_tables(reader, number)
        tables = [own[i] for i in chosen]
    return _read_range(reader, tables, length)


def _check_range(rows: Sequence[Integers]) -> None:
    """Refuse what two bytes cannot hold: it would come back as something else."""
    largest = max((int(np.abs(row).max(initial=0)) for row in rows), default=0)
    if largest > LARGEST_SYMBOL:
        raise ParameterError(f"expected numbers of at most {LARGEST_SYMBOL} steps, found {largest}: take a larger step")


def _packed_tables(tables: Sequence[Table]) -> bytes:
    plain = tables_as_bytes(tables)
    packed = lzma.compress(plain, lzma.FORMAT_RAW, filters=FILTERS)
    if len(packed) < len(plain):
        return varint(TABLES_LZMA) + varint(len(plain)) + varint(len(packed)) + packed
    return varint(TABLES_PLAIN) + plain


def _unpacked_tables(reader: Reader, count: int) -> list[Table]:
    if reader.varint(1, "how tables are packed") == TABLES_PLAIN:
        return read_tables(reader, count)
    size = reader.varint(1 << 26, "bytes of tables")
    inner = Reader(_unpacked(reader.take(reader.varint(reader.left, "bytes")), size))
    tables = read_tables(inner, count)
    inner.end()
    return tables


def _range_rows(rows: Sequence[Integers], tables: Sequence[Table]) -> bytes:
    stream = needed("constriction", "codec", "the range coder").stream
    encoder, escaped = stream.queue.RangeEncoder(), []
    models = _models(stream, tables)
    for row, table in zip(rows, tables, strict=True):
        place = row - table.low
        outside = (place < 0) | (place >= len(table.codes))
        escaped.extend(row[outside].tolist())
        encoder.encode(np.where(outside, len(table.codes), place).astype(np.int32), models[table])
    words: bytes = encoder.get_compressed().astype("<u4").tobytes()
    return varint(len(words) // 4) + words + varint(len(escaped)) + varints(map(zigzag, escaped))


def _read_range(reader: Reader, tables: Sequence[Table], length: int) -> list[Integers]:
    stream = needed("constriction", "codec", "reading this file").stream
    words = reader.take(4 * reader.varint(reader.left // 4, "words"))
    decoder = stream.queue.RangeDecoder(np.frombuffer(words, "<u4").astype(np.uint32))
    models = _models(stream, tables)
    try:
        places = [np.asarray(decoder.decode(models[table], length), np.int64) for table in tables]
    except (AssertionError, ValueError) as error:
        raise CodecError("the symbols cannot be decoded: the file is damaged") from error
    left = reader.varint(reader.left, "escaped values")
    rows = []
    for place, table in zip(places, tables, strict=True):
        row, outside = place + table.low, np.flatnonzero(place == len(table.codes))
        left -= len(outside)
        row[outside] = [reader.signed(LARGEST, "an escaped value") for _ in outside]
        rows.append(row)
    if left:
        raise CodecError(f"{abs(left)} escaped values too few or too many: the file is damaged")
    return rows


def _models(stream: Any, tables: Sequence[Table]) -> dict[Table, Any]:
    return {table: stream.model.Categorical(table.frequencies, perfect=False) for table in set(tables)}


def _lzma_rows(rows: Sequence[Integers]) -> bytes:
    lows = [int(row.min()) if row.size else 0 for row in rows]
    shifted = np.array([row - low for row, low in zip(rows, lows, strict=True)], np.int64)
    wide = bool(shifted.size) and shifted.max() > 255
    # Low and high bytes apart: the high ones are nearly all 0.
    planes = (shifted & 255, shifted >> 8) if wide else (shifted,)
    packed = lzma.compress(b"".join(p.astype(np.uint8).tobytes() for p in planes), lzma.FORMAT_RAW, filters=FILTERS)
    return varints(map(zigzag, lows)) + varint(len(planes)) + varint(len(packed)) + packed


def _read_lzma(reader: Reader, count: int, length: int) -> list[Integers]:
    lows = [reader.signed(LARGEST, "the least value") for _ in range(count)]
    planes = reader.varint(2, "bytes a symbol", 1)
    plain = _unpacked(reader.take(reader.varint(reader.left, "bytes")), planes * count * length)
    parts = np.frombuffer(plain, np.uint8).reshape(planes, count, length).astype(np.int64)
    shifted = parts[0] if planes == 1 else parts[0] + 256 * parts[1]
    return [row + low for row, low in zip(shifted, lows, strict=True)]


def _unpacked(packed: bytes, size: int) -> bytes:
    """Return exactly `size` bytes; no more are ever made, whatever the stream says."""
    try:
        plain = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=FILTERS).decompress(packed, size + 1)
    except lzma.LZMAError as error:
        raise CodecError("the packed symbols cannot be unpacked: the file is damaged") from error
    if len(plain) != size:
        raise CodecError(f"expected {size} packed symbols, found {len(plain)} or more: the file is damaged")
    return plain
