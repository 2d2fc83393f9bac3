"""What the page carries: parts and images as 8-bit sprites, coefficients as float32.

The scale of a part goes into its coefficients: the browser's grey level of a pixel is the sum over the parts
of sprite level times coefficient, and 255 is white.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgnmf.viz.quality import full_range
from imgnmf.viz.stack import Array, as_pictures, per_tile, shrunk
from imgnmf.viz.write import image_bytes

__all__ = ["PageData", "Sprite", "packed", "readable"]

MOST_IMAGES = 400
MOST_BYTES = 2_000_000  # of image pixels: 400 grey images of 64 x 64 stay whole, and the page under 4 MB
LONGEST_SIDE = 128


@dataclass(frozen=True)
class Sprite:
    """A PNG of tiles in rows, as a data URI, and the number of columns."""

    uri: str
    columns: int
    n_tiles: int


@dataclass(frozen=True)
class PageData:
    """Sprites for the page's images, and the numbers for its script."""

    chosen: tuple[int, ...]
    images: Sprite
    parts: tuple[Sprite, ...]
    description: dict[str, Any]


def packed(stack: Array, names: Sequence[str], factors: Sequence[tuple[Array, Array]]) -> PageData:
    """Pack images (n, h, w[, c]) and, for each rank, parts (k, h, w[, c]) and coefficients (k, n)."""
    white = full_range(stack)
    pictures = shrunk(as_pictures(stack), LONGEST_SIDE)
    chosen = _chosen(len(pictures), pictures[0].size)
    levels = np.rint((pictures[chosen] * (255 / white)).clip(0, 255)).astype(np.uint8)
    fits = [_quantised(shrunk(as_pictures(basis), LONGEST_SIDE), H[:, chosen], white) for basis, H in factors]
    return PageData(
        chosen=tuple(chosen.tolist()),
        images=_sprite(levels),
        parts=tuple(_sprite(parts) for parts, _ in fits),
        description={
            "height": levels.shape[1],
            "width": levels.shape[2],
            "channels": 3 if levels.ndim == 4 else 1,
            "names": [readable(names[i]) for i in chosen],
            "coefficients": [_base64(H.astype("<f4").tobytes()) for _, H in fits],
        },
    )


def readable(text: str) -> str:
    """Make `text` fit for UTF-8: a file name may hold bytes that are none."""
    return str(text).encode("utf-8", "replace").decode("utf-8")


def _chosen(n_images: int, bytes_each: int) -> Array:
    most = min(n_images, MOST_IMAGES, max(16, MOST_BYTES // bytes_each))
    return np.linspace(0, n_images - 1, most).round().astype(np.intp)


def _quantised(basis: Array, H: Array, white: float) -> tuple[Array, Array]:
    peaks = basis.reshape(len(basis), -1).max(axis=1).astype(np.float64)
    peaks[peaks == 0] = 1
    parts = np.rint(basis / per_tile(peaks, basis) * 255).astype(np.uint8)
    return parts, H * (peaks / white)[:, None]


def _sprite(tiles: Array) -> Sprite:
    columns = math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    height, width = tiles.shape[1:3]
    sheet = np.zeros((rows * columns, *tiles.shape[1:]), np.uint8)
    sheet[: len(tiles)] = tiles
    cells = sheet.reshape(rows, columns, height, width, *tiles.shape[3:]).swapaxes(1, 2)
    png = image_bytes(cells.reshape(rows * height, columns * width, *tiles.shape[3:]))
    return Sprite(f"data:image/png;base64,{_base64(png)}", columns, len(tiles))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
