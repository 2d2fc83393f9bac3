"""One array out of many pictures, grown as they are decoded, so that nothing is held twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import ShapeMismatchError
from imgnmf.images.color import common_depth, rescale, resize, to_grey, to_rgb
from imgnmf.images.raster import ALPHA_NOTE, Raster
from imgnmf.images.report import counted, shown

__all__ = ["Collector", "Color", "Finish"]

Color = Literal["grey", "rgb"]


@dataclass(frozen=True)
class Finish:
    """What every picture is brought to before it joins the others."""

    color: Color
    size: tuple[int, int] | None

    def apply(self, raster: Raster) -> NDArray[Any]:
        """Return grey or RGB pixels of the wanted size, in the dtype of the raster."""
        pixels = to_grey(raster.pixels) if self.color == "grey" else to_rgb(raster.pixels)
        return resize(pixels, self.size) if self.size else pixels

    def notes(self, raster: Raster) -> tuple[str, ...]:
        """Say what `apply` changes in this raster."""
        alpha = (ALPHA_NOTE,) if raster.has_alpha else ()
        if self.size is None or raster.pixels.shape[:2] == self.size:
            return (*raster.notes, *alpha)
        height, width = self.size
        return (*raster.notes, *alpha, f"resized to {height} x {width}")


class Collector:
    """Takes pictures one at a time; gives one array, and an account of what differed.

    From the first picture of another size on it only counts, for the error that must follow.
    """

    def __init__(self, finish: Finish, expected: int) -> None:
        self._finish = finish
        self._expected = expected
        self._pixels: NDArray[Any] | None = None
        self._names_of_size: dict[tuple[int, ...], list[str]] = {}
        self.names: list[str] = []
        self.kinds: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.doubts: list[str] = []

    def add(self, raster: Raster, name: str) -> None:
        """Finish a picture and append it."""
        pixels = self._finish.apply(raster)
        self._names_of_size.setdefault(pixels.shape[:2], []).append(name)
        if len(self._names_of_size) > 1:
            return
        self._append(pixels)
        self.names.append(name)
        self.kinds[raster.kind] += 1
        self.notes.update(self._finish.notes(raster))
        if raster.doubt:
            self.doubts.append(f"{shown(name)} is {raster.doubt}")

    def stacked(self) -> NDArray[Any]:
        """Return all pictures, shape (n, height, width[, 3]).

        Raises
        ------
        ShapeMismatchError
            If they differ in size: with a table of the sizes, the commonest first.
        """
        if self._pixels is None or len(self._names_of_size) > 1:
            raise ShapeMismatchError(self._table_of_sizes())
        self._resize_to(len(self.names))
        return self._pixels

    def _append(self, pixels: NDArray[Any]) -> None:
        count = len(self.names)
        if self._pixels is None:
            self._pixels = np.empty((self._expected, *pixels.shape), pixels.dtype)
        depth = common_depth(self._pixels.dtype, pixels.dtype)
        if depth != self._pixels.dtype:
            deeper = np.empty(self._pixels.shape, depth)
            deeper[:count] = rescale(self._pixels[:count], depth)
            self._pixels = deeper
        if count == len(self._pixels):
            self._resize_to(2 * count)
        self._pixels[count] = rescale(pixels, depth)

    def _resize_to(self, count: int) -> None:
        # In place: a copy would double the memory at its peak.
        if self._pixels is not None and len(self._pixels) != count:
            self._pixels.resize((count, *self._pixels.shape[1:]), refcheck=False)

    def _table_of_sizes(self) -> str:
        sizes = sorted(self._names_of_size.items(), key=lambda entry: -len(entry[1]))
        rows = [
            f"  {height} x {width}: {counted(len(names), 'image')}, first {shown(names[0])}"
            for (height, width), names in sizes
        ]
        return "\n".join(
            ["expected images of one size (height x width), found:", *rows, "pass size=(h, w) to resize all"]
        )
