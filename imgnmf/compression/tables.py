"""How often each symbol comes: tables of integers, so that every machine reads the same probabilities from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgnmf.compression.wire import Reader, varint, zigzag
from imgnmf.errors import CodecError

__all__ = ["LARGEST", "Table", "grouped", "read_tables", "table_of", "tables_as_bytes"]

Integers = NDArray[np.int64]

# Half octaves: a frequency of code c is sqrt(2)^(c - 1), kept in sixteenths by an integer root.
LARGEST, CODES, WIDEST = 1 << 20, 64, 1 << 12
FREQUENCY = (0, *(math.isqrt(1 << (code + 7)) for code in range(CODES)))
GROUPS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Table:
    """The values ``low .. low + len(codes) - 1``, each with the half octave of its frequency.

    What lies outside is escaped, so that a table made of other data still serves.
    """

    low: int
    codes: bytes

    @property
    def frequencies(self) -> NDArray[np.float32]:
        """Relative frequencies, the escape last; whole numbers, and so the same everywhere."""
        counts = [FREQUENCY[code] for code in self.codes]
        scale = max(1, sum(counts) >> 22)
        return np.array([max(1, count // scale) for count in (*counts, 1)], dtype=np.float32)

    @property
    def bits(self) -> NDArray[np.float64]:
        """What each symbol costs in bits; the escape pays for the number behind it too."""
        share = self.frequencies.astype(np.float64)
        cost = np.log2(share.sum()) - np.log2(share)
        cost[-1] += 12
        return np.asarray(cost)


def table_of(values: Integers) -> Table:
    r"""Count `values`.

    >>> table_of(np.array([2, 2, 2, 2, 3]))
    Table(low=2, codes=b'\x05\x01')
    """
    low = int(values.min())
    span = min(int(values.max()) - low + 1, WIDEST)
    inside = values[values < low + span] - low
    counts = np.bincount(inside, minlength=span)
    codes = np.where(counts > 0, np.rint(2 * np.log2(np.maximum(counts, 1))) + 1, 0)
    return Table(low, np.minimum(codes, CODES).astype(np.uint8).tobytes())


def grouped(rows: Sequence[Integers]) -> tuple[list[Table], list[int]]:
    """Tables that make `rows` shortest, themselves counted: one a row, or one for several that are alike.

    Returns
    -------
    tables : list of Table
    chosen : list of int
        The table of each row.
    """
    order = np.argsort([np.abs(row).mean() for row in rows], kind="stable")
    best: tuple[float, list[Table], list[int]] | None = None
    for count in (*(g for g in GROUPS if g < len(rows)), len(rows)) if rows else ():
        tables, chosen = _in_groups(rows, order, count)
        bits = sum(_cost(rows[i], tables[chosen[i]]) for i in range(len(rows)))
        bits += 4 * sum(len(table.codes) for table in tables) + 16 * count + 8 * len(rows)
        if best is None or bits < best[0]:
            best = bits, tables, chosen
    return ([], []) if best is None else best[1:]


def _in_groups(rows: Sequence[Integers], order: NDArray[np.intp], count: int) -> tuple[list[Table], list[int]]:
    chosen, tables = [0] * len(rows), []
    for number, members in enumerate(np.array_split(order, count)):
        tables.append(table_of(np.concatenate([rows[i] for i in members])))
        for i in members:
            chosen[i] = number
    return tables, chosen


def _cost(row: Integers, table: Table) -> float:
    place = row - table.low
    inside = (place >= 0) & (place < len(table.codes))
    return float(table.bits[np.where(inside, place, len(table.codes))].sum())


def tables_as_bytes(tables: Iterable[Table]) -> bytes:
    """Lows and lengths, then all codes; without the number of tables.

    >>> tables_as_bytes([Table(-1, b"ab")]).hex()
    '01026162'
    """
    given = list(tables)
    heads = b"".join(varint(zigzag(table.low)) + varint(len(table.codes)) for table in given)
    return heads + b"".join(table.codes for table in given)


def read_tables(reader: Reader, count: int) -> list[Table]:
    """Read what `tables_as_bytes` wrote."""
    heads = [(reader.signed(LARGEST, "the least value"), reader.varint(WIDEST, "symbols", 1)) for _ in range(count)]
    tables = [Table(low, reader.take(size)) for low, size in heads]
    if any(max(table.codes) > CODES for table in tables):
        raise CodecError(f"expected frequencies of at most code {CODES}: the file is damaged")
    return tables
