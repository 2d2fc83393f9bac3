"""A folder of pictures as an array that is decoded where it is read."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import DataError
from imgnmf.images.accounts import nothing_read
from imgnmf.images.collect import Finish
from imgnmf.images.raster import Request
from imgnmf.images.reading import Job, each_picture
from imgnmf.images.report import shown
from imgnmf.images.rows import StoredRows, guarded
from imgnmf.images.sources import list_files

__all__ = ["rows_of_pictures"]


def rows_of_pictures(folder: Path, size: tuple[int, int] | None) -> StoredRows:
    """The grey pictures of a folder that have a picture's extension, in natural order; the first one is decoded.

    Raises
    ------
    NoImagesError
        If there is none.
    ImageReadError
        If the first cannot be read.
    """
    request = Request("error")
    with ExitStack() as resources:
        listing = list_files(folder, request, resources)
    listing = replace(listing, files=tuple(file for file in listing.files if file.promises_image))
    if not listing.files:
        raise nothing_read(listing, list(listing.skipped))
    job = Job(request, Finish("grey", size), "raise")

    first_file = replace(listing, files=listing.files[:1])
    sample = next(each_picture(first_file, job, []))[1].pixels

    def read(first: int, stop: int, axis: int) -> NDArray[Any]:
        rows = np.empty((stop - first, *sample.shape), sample.dtype)
        part = replace(listing, files=listing.files[first:stop])
        for place, (name, picture) in zip(rows, each_picture(part, job, []), strict=True):
            _check_alike(picture.pixels, name, sample)
            place[:] = picture.pixels
        return rows

    return StoredRows("", (len(listing.files), *sample.shape), sample.dtype, guarded(folder, read))


def _check_alike(pixels: NDArray[Any], name: str, sample: NDArray[Any]) -> None:
    if (pixels.shape, pixels.dtype) != (sample.shape, sample.dtype):
        raise DataError(
            f"expected images of one size and depth, found {shown(name)} of {pixels.shape} {pixels.dtype} among those "
            f"of {sample.shape} {sample.dtype}; pass size=(h, w), or load_images for one depth"
        )
