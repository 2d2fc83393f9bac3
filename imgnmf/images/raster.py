"""What every reader takes and gives: a request, an open file, and headers or decoded pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["ALPHA_NOTE", "SIDEWAYS", "Frames", "Header", "Raster", "Request", "UnreadableError", "kind_of", "upright"]

# The orientations that swap height and width.
SIDEWAYS = (5, 6, 7, 8)
ALPHA_NOTE = "alpha composited on white"

Frames = Literal["error", "first", "all"]


class UnreadableError(Exception):
    """Why one file gives no pixels; `foreign` if no image format was recognised in it at all."""

    def __init__(self, reason: str, *, foreign: bool = False) -> None:
        super().__init__(reason)
        self.foreign = foreign


@dataclass(frozen=True)
class Raster:
    """One decoded picture.

    Attributes
    ----------
    pixels : array, shape (height, width) or (height, width, c)
        Upright, in the dtype of the file; c = 2 is grey with alpha, 3 RGB, 4 RGB with alpha.
    notes : tuple of str
        What decoding changed: goes into the report.
    doubt : str
        Why the pixels may be wrong although they could be decoded: becomes a warning.
    """

    pixels: NDArray[Any]
    notes: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel says how opaque a pixel is."""
        return self.pixels.ndim == 3 and self.pixels.shape[2] in (2, 4)

    @property
    def kind(self) -> str:
        """Depth and colour in words: ``"8-bit grey"``, ``"float32 colour"``."""
        return kind_of(self.pixels.dtype, self.pixels.shape[2:] in ((3,), (4,)))


@dataclass(frozen=True)
class Header:
    """What a file says about its pictures before one is decoded: their size upright, their kind, their number."""

    height: int
    width: int
    kind: str
    frames: int = 1


@dataclass(frozen=True)
class Request:
    """Which frames of a file are wanted, and how much there may be of it before anything is decoded.

    Attributes
    ----------
    stride : int
        Of the frames, every how-manieth is wanted.
    """

    frames: Frames
    max_pixels: int = 200_000_000
    max_frames: int = 100_000
    max_bytes: int = 2**32
    stride: int = 1

    def check_size(self, height: int, width: int) -> None:
        """Refuse from the header a picture that would not be decoded sensibly."""
        if height * width > self.max_pixels:
            raise UnreadableError(
                f"its header says {height} x {width} = {height * width} pixels, "
                f"more than max_pixels = {self.max_pixels}; raise max_pixels if that is right"
            )

    def check_bytes(self, n_bytes: int, what: str = "it") -> None:
        """Refuse from the header what would not be held sensibly."""
        if n_bytes > self.max_bytes:
            raise UnreadableError(
                f"{what} takes {n_bytes} bytes, more than max_bytes = {self.max_bytes}; "
                "raise max_bytes if that is right"
            )

    def read_all(self, file: BinaryIO) -> bytes:
        """Return all bytes of a file, unless there are too many."""
        self.check_bytes(file.seek(0, 2))
        file.seek(0)
        return file.read()

    def frame_numbers(self, count: int) -> range:
        """Return the frames to read of a file that has `count`."""
        if self.frames == "error" and count > 1:
            raise UnreadableError(
                f'it holds {count} frames, expected one; pass frames="all" for every one or frames="first"'
            )
        wanted = range(0, count if self.frames == "all" else min(count, 1), self.stride)
        self.check_frames(len(wanted))
        return wanted

    def check_frames(self, count: int) -> None:
        """Refuse more frames of one file than would be held sensibly."""
        if count > self.max_frames:
            raise UnreadableError(
                f"it holds {count} frames or more, and max_frames = {self.max_frames}; "
                "raise max_frames, or pass stride= to take fewer"
            )


def kind_of(dtype: DTypeLike, is_color: bool) -> str:
    """Return depth and colour in words.

    >>> kind_of("uint16", is_color=False)
    '16-bit grey'
    """
    kind = np.dtype(dtype)
    depth = f"{8 * kind.itemsize}-bit" if kind.kind == "u" else str(kind)
    return f"{depth} {'colour' if is_color else 'grey'}"


def upright(raster: Raster, orientation: int) -> Raster:
    """Turn a picture as its EXIF or TIFF orientation (1 to 8) says."""
    pixels = raster.pixels
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if pixels is raster.pixels:
        return raster
    notes = (*raster.notes, "turned upright by the orientation tag")
    return Raster(np.ascontiguousarray(pixels), notes, raster.doubt)
