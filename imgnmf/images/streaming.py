"""A set of images gone through once, some at a time: what is too large to be held can still be written down."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import DataError, ShapeMismatchError
from imgnmf.images.accounts import nothing_read
from imgnmf.images.arrays import find_arrays
from imgnmf.images.collect import Color, Finish, Finished
from imgnmf.images.imageset import ImageSet
from imgnmf.images.raster import Frames, Request
from imgnmf.images.readers import load_images
from imgnmf.images.reading import Job, OnError, each_picture
from imgnmf.images.report import Skipped, shown
from imgnmf.images.sources import Source, list_files
from imgnmf.images.stores import StoredImages

__all__ = ["Portion", "portion_length", "portions_in_memory", "portions_of", "portions_of_files"]

PORTION_BYTES, LONGEST_PORTION = 1 << 20, 1 << 16


class Portion(NamedTuple):
    """Some images, shape (n, height, width[, channels]), their names if they have any, and how many lost colours."""

    pixels: NDArray[np.generic]
    names: tuple[str, ...] = ()
    greyed: int = 0


def portion_length(image_shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> int:
    """How many images make a portion: about a mebibyte.

    >>> portion_length((16, 16), np.dtype(np.uint8))
    4096
    """
    return min(max(PORTION_BYTES // (math.prod(image_shape) * dtype.itemsize), 1), LONGEST_PORTION)


def portions_of(images: StoredImages) -> Iterator[Portion]:
    """Yield stored images, all portions but the last of `portion_length`."""
    n_images, image_shape = len(images), images.image_shape or images.V.shape[:1]
    length = portion_length(image_shape, images.V.dtype)
    for first in range(0, n_images, length):
        span = slice(first, min(first + length, n_images))
        yield Portion(images.V[:, span].T.reshape(-1, *image_shape), images.names[span])


def portions_in_memory(images: ImageSet) -> Iterator[Portion]:
    """Yield what was loaded already."""
    length, report = portion_length(images.image_shape, images.pixels.dtype), images.report
    for first in range(0, len(images), length):
        span = slice(first, first + length)
        greyed = report.greyed if report is not None and not first else 0
        yield Portion(images.pixels[span], tuple(images.names[span]), greyed)


def portions_of_files(
    source: Source,
    skipped: list[Skipped],
    *,
    size: tuple[int, int] | None = None,
    color: Color = "grey",
    frames: Frames = "error",
    on_error: OnError = "raise",
) -> Iterator[Portion]:
    """Yield the pictures of a folder, a glob, an archive or a file, a portion at a time; a few are held.

    All have to be of one size and depth, since those that were there before are gone. What is left out goes on the
    list. Arrays in files, and archives that cannot be read in the order of their names, are loaded first.

    Raises
    ------
    NoImagesError, ImageReadError
        As `load_images` does.
    ShapeMismatchError, DataError
        If a picture is of another size, or of another depth, than the first.
    """
    request = Request(frames)
    with ExitStack() as resources:
        if find_arrays(source, request, resources) is None:
            listing = list_files(source, request, resources)
            if listing.in_order:
                found = list(listing.skipped)
                pictures = each_picture(listing, Job(request, Finish(color, size), on_error), found)
                yield from _stacked(pictures)
                skipped.extend(found)
                if len(found) - len(listing.skipped) == len(listing.files):
                    raise nothing_read(listing, found)
                return
    yield from portions_in_memory(load_images(source, size=size, color=color, frames=frames, on_error=on_error))


def _stacked(pictures: Iterable[tuple[str, Finished]]) -> Iterator[Portion]:
    portion: NDArray[np.generic] | None = None
    count, greyed, first = 0, 0, ""
    names: list[str] = []
    for name, picture in pictures:
        pixels = picture.pixels
        if portion is None:
            portion, first = np.empty((portion_length(pixels.shape, pixels.dtype), *pixels.shape), pixels.dtype), name
        _check_alike(pixels, name, portion, first)
        portion[count] = pixels
        names.append(name)
        count, greyed = count + 1, greyed + picture.account.greyed
        if count == len(portion):
            yield Portion(portion.copy(), tuple(names), greyed)
            count, greyed, names = 0, 0, []
    if portion is not None and count:
        yield Portion(portion[:count], tuple(names), greyed)


def _check_alike(pixels: NDArray[np.generic], name: str, portion: NDArray[np.generic], first: str) -> None:
    if pixels.shape != portion.shape[1:]:
        sizes = [" x ".join(map(str, shape)) for shape in (pixels.shape, portion.shape[1:])]
        raise ShapeMismatchError(
            f"expected images of one size, found {shown(name)} of {sizes[0]} after {shown(first)} of {sizes[1]}; "
            "pass size=(h, w) to resize all"
        )
    if pixels.dtype != portion.dtype:
        raise DataError(
            f"expected images of one depth, found {shown(name)} of {pixels.dtype} after {shown(first)} of "
            f"{portion.dtype}; convert them first, or load them all: imgnmf.load_images brings them to one scale"
        )
