"""What every reader takes and gives: a request, an open file, and decoded pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["ALPHA_NOTE", "Frames", "Raster", "Request", "UnreadableError", "upright"]

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
        dtype = self.pixels.dtype
        depth = f"{8 * dtype.itemsize}-bit" if dtype.kind == "u" else str(dtype)
        return f"{depth} {'colour' if self.pixels.shape[2:] in ((3,), (4,)) else 'grey'}"


@dataclass(frozen=True)
class Request:
    """Which frames of a file are wanted, and how large a picture may be before it is decoded."""

    frames: Frames
    max_pixels: int

    def check_size(self, height: int, width: int) -> None:
        """Refuse from the header a picture that would not be decoded sensibly."""
        if height * width > self.max_pixels:
            raise UnreadableError(
                f"its header says {height} x {width} = {height * width} pixels, "
                f"more than max_pixels = {self.max_pixels}; raise max_pixels if that is right"
            )

    def frame_numbers(self, count: int) -> range:
        """Return the frames to read of a file that has `count`."""
        if self.frames == "error" and count > 1:
            raise UnreadableError(
                f'it holds {count} frames, expected one; pass frames="all" for every one or frames="first"'
            )
        return range(count if self.frames == "all" else min(count, 1))


def upright(raster: Raster, orientation: int) -> Raster:
    """Turn a picture as its EXIF or TIFF orientation (1 to 8) says."""
    pixels = raster.pixels
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if pixels is raster.pixels:
        return raster
    notes = (*raster.notes, "turned upright by the orientation tag")
    return Raster(np.ascontiguousarray(pixels), notes, raster.doubt)
