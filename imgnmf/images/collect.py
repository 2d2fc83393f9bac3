"""One array out of many pictures, grown as they are decoded, so that nothing is held twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import DataError, ShapeMismatchError
from imgnmf.images.color import colourful, common_depth, full_scale, rescale, rescale_back, resize, to_grey, to_rgb
from imgnmf.images.raster import ALPHA_NOTE, Header, Raster
from imgnmf.images.report import counted, shown

__all__ = ["Collector", "Color", "Finish", "Finished"]

Color = Literal["grey", "rgb"]


@dataclass(frozen=True)
class Account:
    """What is remembered of a picture once its pixels lie with the others."""

    kind: str
    notes: tuple[str, ...] = ()
    doubt: str = ""
    greyed: bool = False


@dataclass(frozen=True)
class Finished:
    """A picture as it joins the others, and what was done to it."""

    pixels: NDArray[Any]
    account: Account


@dataclass(frozen=True)
class Finish:
    """What every picture is brought to before it joins the others."""

    color: Color
    size: tuple[int, int] | None = None
    invert: bool = False
    landscape: bool = False

    def apply(self, raster: Raster) -> Finished:
        """Return grey or RGB pixels of the wanted size, in the dtype of the raster."""
        pixels = self._turned(to_grey(raster.pixels) if self.color == "grey" else to_rgb(raster.pixels))
        pixels = resize(pixels, self.size) if self.size else pixels
        greyed = self.color == "grey" and colourful(raster.pixels)
        account = Account(raster.kind, self._notes(raster), raster.doubt, greyed)
        return Finished(inverted(pixels) if self.invert else pixels, account)

    def _turned(self, pixels: NDArray[Any]) -> NDArray[Any]:
        upright = self.landscape and pixels.shape[0] > pixels.shape[1]
        return np.ascontiguousarray(np.rot90(pixels)) if upright else pixels

    def _notes(self, raster: Raster) -> tuple[str, ...]:
        height, width = raster.pixels.shape[:2]
        said = {
            ALPHA_NOTE: raster.has_alpha,
            "inverted": self.invert,
            "a portrait turned on its side": self.landscape and height > width,
            f"resized to {self.size and self.size[0]} x {self.size and self.size[1]}": self.size
            not in (None, (height, width)),
        }
        return (*raster.notes, *(note for note, holds in said.items() if holds))


def inverted(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the negative: black for white, in the full scale of the dtype."""
    if pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):
        raise DataError(
            f"invert=True expects floats in 0..1, found {pixels.min():g}..{pixels.max():g}; scale them to 0..1 first"
        )
    return (full_scale(pixels.dtype) - pixels).astype(pixels.dtype, copy=False)


class Collector:
    """Takes pictures one at a time; gives one array, and an account of what differed.

    From the first picture of another size on it only counts, for the error that must follow.
    """

    def __init__(self, expected: int, max_bytes: int) -> None:
        self._expected = expected
        self._max_bytes = max_bytes
        self._pixels: NDArray[Any] | None = None
        self._sizes: list[tuple[int, ...]] = []
        self._depths: list[np.dtype[Any]] = []
        self._accounts: list[Account] = []
        self.names: list[str] = []
        self.mixed_sizes = False

    @property
    def kinds(self) -> Counter[str]:
        """How many pictures of each depth and colour there are."""
        return Counter(account.kind for account in self._accounts)

    @property
    def notes(self) -> Counter[str]:
        """How many pictures each kind of change touched."""
        return Counter(note for account in self._accounts for note in account.notes)

    @property
    def greyed(self) -> int:
        """How many pictures had colours that were left out."""
        return sum(account.greyed for account in self._accounts)

    @property
    def doubts(self) -> list[str]:
        """Which pictures may be wrong although they could be decoded."""
        named = zip(self.names, self._accounts, strict=True)
        return [f"{shown(name)} is {account.doubt}" for name, account in named if account.doubt]

    def add(self, picture: Finished, name: str) -> None:
        """Append a picture."""
        pixels = picture.pixels
        self._sizes.append(pixels.shape[:2])
        self.mixed_sizes = self.mixed_sizes or self._sizes[0] != self._sizes[-1]
        if not self.mixed_sizes:
            self._append(pixels)
        self._remember(picture.account, pixels.dtype, name)

    def count(self, header: Header, name: str) -> None:
        """Take account of a picture that is not decoded, since there are several sizes already."""
        self._sizes.append((header.height, header.width))
        self._remember(Account(header.kind), np.dtype(np.uint8), name)

    def roll_back(self, length: int) -> None:
        """Forget all pictures but the first few: the file of the others turned out to be damaged."""
        for values in (self._sizes, self._depths, self._accounts, self.names):
            del values[length:]
        self.mixed_sizes = len(set(self._sizes)) > 1
        if not length:
            self._pixels = None
        elif self._pixels is not None and self._depths[-1] != self._pixels.dtype:
            shallower = np.empty(self._pixels.shape, self._depths[-1])
            shallower[:length] = rescale_back(self._pixels[:length], shallower.dtype)
            self._pixels = shallower

    def stacked(self, order: list[int] | None = None) -> NDArray[Any]:
        """Return all pictures, shape (n, height, width[, 3]); if an order is given, in that.

        Raises
        ------
        ShapeMismatchError
            If they differ in size: with a table of the sizes, the commonest first.
        """
        if self._pixels is None or self.mixed_sizes:
            raise ShapeMismatchError(self._table_of_sizes())
        self._resize_to(len(self.names))
        if order is not None:
            self.names = [self.names[i] for i in order]
            self._accounts = [self._accounts[i] for i in order]
            _permute(self._pixels, order)
        return self._pixels

    def _remember(self, account: Account, depth: np.dtype[Any], name: str) -> None:
        self._accounts.append(account)
        self._depths.append(depth if self._pixels is None else self._pixels.dtype)
        self.names.append(name)

    def _append(self, pixels: NDArray[Any]) -> None:
        count = len(self.names)
        if self._pixels is None:
            self._check_bytes(self._expected * pixels.nbytes)
            self._pixels = np.empty((self._expected, *pixels.shape), pixels.dtype)
        depth = common_depth(self._pixels.dtype, pixels.dtype)
        if depth != self._pixels.dtype:
            deeper = np.empty(self._pixels.shape, depth)
            deeper[:count] = rescale(self._pixels[:count], depth)
            self._pixels = deeper
        if count == len(self._pixels):
            # In steps: doubling would hold, at its peak, far more than the pixels.
            self._resize_to(count + count // 8 + 8)
        self._pixels[count] = rescale(pixels, depth)

    def _resize_to(self, count: int) -> None:
        # In place: a copy would double the memory at its peak.
        if self._pixels is not None and len(self._pixels) != count:
            self._check_bytes(count * (self._pixels.nbytes // len(self._pixels)))
            self._pixels.resize((count, *self._pixels.shape[1:]), refcheck=False)

    def _check_bytes(self, n_bytes: int) -> None:
        if n_bytes > self._max_bytes:
            raise DataError(
                f"the pixels of all images take {n_bytes} bytes, more than max_bytes = {self._max_bytes}; "
                "pass size=(h, w) for smaller ones, or raise max_bytes"
            )

    def _table_of_sizes(self) -> str:
        names_of_size: dict[tuple[int, ...], list[str]] = {}
        for size, name in zip(self._sizes, self.names, strict=True):
            names_of_size.setdefault(size, []).append(name)
        sizes = sorted(names_of_size.items(), key=lambda entry: -len(entry[1]))
        rows = [
            f"  {height} x {width}: {counted(len(names), 'image')}, first {shown(names[0])}"
            for (height, width), names in sizes
        ]
        return "\n".join(
            ["expected images of one size (height x width), found:", *rows, "pass size=(h, w) to resize all"]
        )


def _permute(pixels: NDArray[Any], order: list[int]) -> None:
    """Put the images in another order where they lie, with room for one of them."""
    done = np.zeros(len(order), dtype=bool)
    for start in range(len(order)):
        here, kept = start, None
        while not done[here]:
            done[here] = True
            if kept is None:
                kept = pixels[here].copy()
            source = order[here]
            pixels[here] = kept if source == start else pixels[source]
            here = source
