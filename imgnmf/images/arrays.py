"""From an array, in memory or in a file, to images: which axis counts them, in which order their pixels lie."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import DataError, IncompatibleError, ParameterError, ShapeMismatchError
from imgnmf.images.array_files import list_arrays
from imgnmf.images.collect import Finish, inverted
from imgnmf.images.imageset import UNKNOWN_PIXELS, ImageSet
from imgnmf.images.options import check_choice, check_positive
from imgnmf.images.raster import Raster, Request
from imgnmf.images.report import ReadReport, counted
from imgnmf.images.sources import Source, obstacle
from imgnmf.images.stored import REAL, StoredArray
from imgnmf.validation import as_array

__all__ = [
    "ImagesIn",
    "Layout",
    "Order",
    "axis_of_images",
    "checked_layout",
    "chosen_array",
    "find_arrays",
    "images_from",
]

Order = Literal["C", "F"]
ImagesIn = Literal["rows", "columns"]

# How many images are turned at a time, where that is done in place.
BLOCK = 256


@dataclass(frozen=True)
class Layout:
    """How images lie in an array: what the user says about it."""

    key: str | None = None
    image_shape: tuple[int, ...] | None = None
    order: Order = "C"
    images_in: ImagesIn | None = None
    labels: str | None = None

    def refuse_for_pictures(self, where: str) -> None:
        """Refuse an option that would have no effect."""
        given = {"key": self.key, "image_shape": self.image_shape, "images_in": self.images_in, "labels": self.labels}
        wrong = next((option for option, value in given.items() if value is not None), None)
        wrong = wrong or ("order" if self.order != "C" else None)
        if wrong:
            raise IncompatibleError(f"{wrong} applies to an array or a file of arrays, and {where} is neither")


def checked_layout(
    key: str | None,
    image_shape: Sequence[int] | None,
    order: Order,
    images_in: ImagesIn | None,
    labels: str | None,
) -> Layout:
    """Return what the options say, if they can be so."""
    for option, name in (("key", key), ("labels", labels)):
        if name is not None and not isinstance(name, str):
            raise ParameterError(f"expected {option} to be the name of an array, got {name!r}")
    check_choice("order", order, get_args(Order))
    if images_in is not None:
        check_choice("images_in", images_in, get_args(ImagesIn))
    if image_shape is None:
        return Layout(key, None, order, images_in, labels)
    if not isinstance(image_shape, tuple | list) or len(image_shape) not in (2, 3):
        raise ParameterError(f"expected image_shape=(height, width) or (height, width, channels), got {image_shape!r}")
    for length in image_shape:
        check_positive("all numbers of image_shape", length)
    return Layout(key, tuple(map(int, image_shape)), order, images_in, labels)


def find_arrays(source: Source, request: Request, resources: ExitStack) -> list[StoredArray] | None:
    """Return the arrays of a source that is one or a file of some; None for all other sources."""
    if hasattr(source, "dtype") and hasattr(source, "shape"):
        array = as_array(source, "the array of images", remedy=UNKNOWN_PIXELS)
        return [StoredArray("", array.shape, array.dtype, lambda: array, images_first=True, own=False)]
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(os.path.expanduser(source))
    return None if obstacle(path) else list_arrays(path, request, resources)


def images_from(stored: list[StoredArray], layout: Layout, finish: Finish) -> ImageSet:
    """Read the array that holds the images, and the labels if they were asked for."""
    chosen = chosen_array(stored, layout)
    along, n_images = axis_of_images(chosen, layout)
    # Before anything is read: what is wrong with the labels can be told from their shape.
    labels = _labels(stored, layout, n_images)
    pixels = _arranged(chosen.read(), layout, along, own=chosen.own)
    finished, notes, greyed = _finished(pixels, finish, own=chosen.own or pixels.base is None)
    lines = tuple(f"{counted(len(finished), 'image')}: {note}" for note in (*_said(chosen, layout, along), *notes))
    return ImageSet(finished, chosen.names, labels, ReadReport(len(finished), (), lines, greyed))


def chosen_array(stored: list[StoredArray], layout: Layout) -> StoredArray:
    """Return the array that holds the images; refuse to guess."""
    if layout.key is not None:
        return _of_key(stored, layout.key, "key")
    fitting = [array for array in stored if _may_hold_images(array) and (len(stored) == 1 or _fits(array, layout))]
    if len(fitting) == 1:
        return fitting[0]
    if len(stored) < 2:
        found = f"the only array is {stored[0]}" if stored else "there is no array of numbers"
        raise DataError(f"expected an array of images, real numbers along two axes or more, and {found}")
    reason = "several may hold the images" if fitting else "none fits"
    raise ParameterError(f"expected key= to say which array holds the images, since {reason}; there are {_all(stored)}")


def _of_key(stored: list[StoredArray], key: str, option: str) -> StoredArray:
    wanted = next((array for array in stored if array.key == key.strip("/")), None)
    if wanted is None:
        raise ParameterError(f"there is no array of {option}={key!r}; there are {_all(stored)}")
    return wanted


def _all(stored: list[StoredArray]) -> str:
    return ", ".join(map(str, stored)) or "no arrays of numbers at all"


def _may_hold_images(array: StoredArray) -> bool:
    # A column of labels, or a number, is no set of images.
    return array.dtype.kind in REAL and sum(length > 1 for length in array.shape) > 1


def _fits(array: StoredArray, layout: Layout) -> bool:
    return layout.image_shape is None or bool(_possible_axes(array.shape, layout.image_shape))


def _possible_axes(shape: tuple[int, ...], image_shape: tuple[int, ...]) -> list[str]:
    """Return where images of this shape may lie in an array: along its first axis, its last, or as all of it."""
    flat = (math.prod(image_shape),)
    first = "rows" if shape[1:] in (image_shape, flat) else ""
    last = "columns" if shape[:-1] in (image_shape, flat) else ""
    one = "whole" if shape == image_shape else ""
    return [axis for axis in (first, last, one) if axis]


def axis_of_images(array: StoredArray, layout: Layout) -> tuple[str, int]:
    """Return where the images lie, and how many there are; refuse to guess."""
    shape, image_shape = array.shape, layout.image_shape
    if image_shape is None:
        along = _along_of_unsaid(array, layout)
    else:
        possible = _possible_axes(shape, image_shape)
        if layout.images_in is not None:
            possible = [axis for axis in possible if axis == layout.images_in]
        if len(possible) != 1:
            raise ShapeMismatchError(_where_question(array, image_shape, possible))
        along = possible[0]
    if layout.order == "F" and (along == "whole" or len(shape) > 2):
        raise IncompatibleError(
            f'order="F" is for flattened images, and the array {array} has its pixels on axes of their own; '
            "swap them instead: array.swapaxes(...)"
        )
    return along, {"rows": shape[0], "columns": shape[-1], "whole": 1}[along]


def _along_of_unsaid(array: StoredArray, layout: Layout) -> str:
    if len(array.shape) in (3, 4) and layout.images_in is not None:
        return layout.images_in
    if len(array.shape) in (3, 4) and array.images_first:
        return "rows"
    raise ShapeMismatchError(
        f"the array {array} does not say how large an image is: pass image_shape=(height, width)"
        + (", or images_in=" if len(array.shape) > 2 else "")
    )


def _where_question(array: StoredArray, image_shape: tuple[int, ...], possible: list[str]) -> str:
    size = " x ".join(map(str, image_shape))
    if possible:
        return f'images of {size} may lie in the rows or the columns of {array}: pass images_in="rows" or "columns"'
    return (
        f"expected an array of images of {size} = {math.prod(image_shape)} pixels, along its first axis or its last, "
        f"got {array}"
    )


def _arranged(array: NDArray[Any], layout: Layout, along: str, *, own: bool) -> NDArray[Any]:
    """Return (n, height, width[, channels]): a view where there can be one, in native byte order."""
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    images = {"rows": native, "columns": np.moveaxis(native, -1, 0), "whole": native[None]}[along]
    if layout.image_shape is None:
        return images
    if layout.order == "F":
        return _row_by_row(images, layout.image_shape, own=own)
    return images.reshape(len(images), *layout.image_shape)


def _row_by_row(flat: NDArray[Any], image_shape: tuple[int, ...], *, own: bool) -> NDArray[Any]:
    """Turn images that lie column by column: in place if they are ours, a block at a time."""
    rows = flat if own and flat.flags.c_contiguous and flat.flags.writeable else np.array(flat, order="C")
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        columnwise = block.reshape(len(block), *image_shape[::-1])
        block[:] = columnwise.transpose(0, *range(columnwise.ndim - 1, 0, -1)).reshape(block.shape)
    return rows.reshape(len(rows), *image_shape)


def _finished(pixels: NDArray[Any], finish: Finish, *, own: bool) -> tuple[NDArray[Any], tuple[str, ...], int]:
    """Return grey or colour images of the wanted size, what was done to them, and how many lost colours."""
    if pixels.ndim == 4 and pixels.shape[3] not in (1, 2, 3, 4):
        raise ShapeMismatchError(
            f"expected grey or colour images, with alpha or not, found {pixels.shape[3]} channels; "
            "imgnmf.open_images with image_shape=(height, width, channels) takes any number of them"
        )
    grey = pixels[..., 0] if pixels.ndim == 4 and pixels.shape[3] == 1 else pixels
    as_they_are = grey.ndim == (3 if finish.color == "grey" else 4) and grey.shape[3:] in ((), (3,))
    if as_they_are and finish.size in (None, grey.shape[1:3]):
        return (_inverted(grey, own=own), ("inverted",), 0) if finish.invert else (grey, (), 0)
    first = finish.apply(Raster(grey[0]))
    out = np.empty((len(grey), *first.pixels.shape), first.pixels.dtype)
    greyed = 0
    for image, place in zip(grey, out, strict=True):
        made = finish.apply(Raster(image))
        place[:] = made.pixels
        greyed += made.account.greyed
    colored = (f"{first.account.kind} to {finish.color}",) if not as_they_are else ()
    return out, (*colored, *first.account.notes), greyed


def _inverted(pixels: NDArray[Any], *, own: bool) -> NDArray[Any]:
    out = pixels if own and pixels.flags.writeable else np.empty_like(pixels, order="C")
    for start in range(0, len(pixels), BLOCK):
        out[start : start + BLOCK] = inverted(pixels[start : start + BLOCK])
    return out


def _labels(stored: list[StoredArray], layout: Layout, n_images: int) -> NDArray[Any] | None:
    if layout.labels is None:
        return None
    array = _of_key(stored, layout.labels, "labels")
    if math.prod(array.shape) != n_images:
        raise ShapeMismatchError(f"expected one label for each of {n_images} images, got {array}")
    return array.read().ravel()


def _said(array: StoredArray, layout: Layout, along: str) -> tuple[str, ...]:
    name = f"of {array.key} " if array.key else ""
    order = ", pixels column by column" if layout.order == "F" else ""
    size = " x ".join(map(str, array.shape))
    return () if array.images_first and not name and along == "rows" else (f"{along} {name}({size}){order}",)
