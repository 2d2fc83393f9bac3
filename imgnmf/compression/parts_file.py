"""What sender and receiver share: quantised parts, and how often each coefficient comes at each step."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imgnmf.compression.layout import Layout
from imgnmf.compression.pixels import POINT, differences, undone
from imgnmf.compression.rows import Coder, read_rows, rows_as_bytes
from imgnmf.compression.tables import Integers, Table, read_tables, tables_as_bytes
from imgnmf.compression.wire import PARTS, Reader, seal, unseal, varint, varints
from imgnmf.core.parts import Array
from imgnmf.errors import CodecError, ParameterError

__all__ = ["SharedParts", "read_factor", "read_layout"]

LARGEST_SIDE, LARGEST_RANK, LARGEST_FACTOR = 1 << 16, 1 << 12, 1 << 26
STEP_UNIT = 16


@dataclass(frozen=True, eq=False)
class SharedParts:
    """Parts that are sent once; an image then costs its coefficients alone.

    Attributes
    ----------
    integers : int array, shape (rank, n_pixels)
        The quantised parts.
    units : int array, shape (rank,)
        ``2^24 / |integers_k|``: what brings each part to length 1.
    layout : Layout
        Of the images that it was trained on; with patches, images of any size can be coded.
    steps : tuple of int
        Coefficients are multiples of one of these, in sixteenths of a grey level.
    tables : tuple of tuple of Table
        For each step, one for each part.
    offset : int array, shape (n_pixels,), optional
        What is added to every column; PCA has its mean here, NMF nothing.
    signed : bool
        Whether coefficients may be negative; PCA's are.
    """

    integers: Integers
    units: Integers
    layout: Layout
    steps: tuple[int, ...]
    tables: tuple[tuple[Table, ...], ...]
    offset: Integers | None = None
    signed: bool = False

    @property
    def rank(self) -> int:
        """k, the number of parts."""
        return len(self.integers)

    @property
    def W(self) -> Array:
        """The parts as they are used, shape (n_pixels, rank), each of length 1 as nearly as integers allow."""
        return np.asarray((self.integers * (self.units / 2.0 ** (POINT - 4))[:, None]).T)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the file."""
        return hashlib.sha256(self.to_bytes()).digest()

    def layout_for(self, image_shape: tuple[int, ...]) -> Layout:
        """Return how images of this shape become columns of these parts."""
        own = self.layout
        if image_shape != own.image_shape and (own.patch_size is None or image_shape[2:] != own.image_shape[2:]):
            raise ParameterError(f"the parts are of images of {own.image_shape}, found {image_shape}: resize them")
        return Layout(image_shape, own.patch_size)

    def to_bytes(self, coder: Coder = "lzma") -> bytes:
        """The ``.parts`` file; packed by LZMA, so that everyone can read it."""
        body = layout_as_bytes(self.layout) + varints((self.rank, self.signed, self.offset is not None))
        body += varints(self.units) + factor_as_bytes(self.integers, self.layout.column_shape, coder)
        if self.offset is not None:
            body += factor_as_bytes(self.offset[None], self.layout.column_shape, coder)
        body += varint(len(self.steps)) + varints(self.steps)
        return seal(PARTS, body + b"".join(map(_tables_as_bytes, self.tables)))

    @classmethod
    def from_bytes(cls, data: bytes) -> SharedParts:
        """Read a ``.parts`` file.

        Raises
        ------
        CodecError
            If it is damaged, foreign or of a newer format.
        """
        reader = Reader(unseal(data, PARTS))
        layout = read_layout(reader)
        rank = reader.varint(LARGEST_RANK, "the rank", 1)
        signed, shifted = bool(reader.varint(1, "a sign")), reader.varint(1, "an offset")
        units = np.array([reader.varint(1 << 32, "a scale") for _ in range(rank)], np.int64)
        integers = read_factor(reader, rank, layout.column_shape)
        offset = read_factor(reader, 1, layout.column_shape)[0] if shifted else None
        steps = tuple(reader.varint(1 << 24, "a step", 1) for _ in range(reader.varint(256, "the number of steps", 1)))
        tables = tuple(_read_tables(reader, rank) for _ in steps)
        reader.end()
        return cls(integers, units, layout, steps, tables, offset, signed)


def layout_as_bytes(layout: Layout) -> bytes:
    """Height, width, channels (0 for grey), and the size of a patch (0, 0 for none)."""
    height, width, *channels = layout.image_shape
    return varints((height, width, *(channels or [0]), *(layout.patch_size or (0, 0))))


def read_layout(reader: Reader) -> Layout:
    """Read what `layout_as_bytes` wrote."""
    height, width = (reader.varint(LARGEST_SIDE, "a side", 1) for _ in range(2))
    channels = reader.varint(1024, "channels")
    patch = tuple(reader.varint(LARGEST_SIDE, "a side of a patch") for _ in range(2))
    try:
        return Layout((height, width, *([channels] if channels else [])), (patch[0], patch[1]) if any(patch) else None)
    except ParameterError as error:
        raise CodecError(f"{error}: the file is damaged") from error


def factor_as_bytes(integers: Integers, shape: tuple[int, ...], coder: Coder) -> bytes:
    """Parts as differences between neighbours, and how each is to be undone."""
    rows, kinds = differences(integers, shape)
    return varints(kinds) + rows_as_bytes(list(rows), coder)


def read_factor(reader: Reader, rank: int, shape: tuple[int, ...]) -> Integers:
    """Read what `factor_as_bytes` wrote."""
    n_pixels = int(np.prod(shape, dtype=np.int64))
    check_size(n_pixels, rank)
    kinds = [reader.varint(3, "the differences") for _ in range(rank)]
    return undone(np.array(read_rows(reader, rank, n_pixels)), kinds, shape)


def check_size(*sides: int) -> None:
    """Refuse a factor of which nobody would have written the file."""
    if np.prod(sides, dtype=np.float64) > LARGEST_FACTOR:
        raise CodecError(f"expected at most {LARGEST_FACTOR} numbers, found {sides}: the file is damaged")


def _tables_as_bytes(tables: Iterable[Table]) -> bytes:
    """Equal tables once."""
    listed = list(tables)
    own = list(dict.fromkeys(listed))
    return varint(len(own)) + tables_as_bytes(own) + varints(own.index(table) for table in listed)


def _read_tables(reader: Reader, rank: int) -> tuple[Table, ...]:
    own = read_tables(reader, reader.varint(rank, "tables", 1))
    return tuple(own[reader.varint(len(own) - 1, "the table of a part")] for _ in range(rank))
