"""`open_images`: images that stay where they are, of which a factorization reads some at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import IncompatibleError, NoImagesError, ParameterError, ShapeMismatchError
from imgnmf.images.arrays import ImagesIn, Layout, axis_of_images, checked_layout, chosen_array
from imgnmf.images.imageset import ImageSet
from imgnmf.images.lazy_pictures import rows_of_pictures
from imgnmf.images.options import checked_pair
from imgnmf.images.report import shown
from imgnmf.images.rows import StoredRows, list_stores
from imgnmf.images.stored import StoredArray

__all__ = ["StoredColumns", "StoredImages", "open_images"]


@dataclass(frozen=True, eq=False, repr=False)
class StoredColumns:
    """The matrix of stored images: `shape` (n_pixels, n_images), `dtype`, and column slices ``V[:, a:b]``.

    Attributes
    ----------
    chunks : tuple of int
        How many pixels and images are stored together.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    chunks: tuple[int, int]
    rows: Callable[[int, int], NDArray[Any]]
    order: str = "F"
    ndim: int = 2

    def __getitem__(self, index: tuple[slice, slice]) -> NDArray[Any]:
        """Some images as columns; they lie one after the other in memory."""
        every, span = index
        first, stop, step = span.indices(self.shape[1])
        if every != slice(None) or step != 1:
            raise TypeError("stored images are read by column slices V[:, a:b]")
        return self.rows(first, max(stop, first)).T

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:, :], dtype)

    def __repr__(self) -> str:
        return f"StoredColumns({self.shape[0]} pixels, {self.shape[1]} images, {self.dtype})"


@dataclass(frozen=True, eq=False, repr=False)
class StoredImages:
    """Images in a store: `V` for `factorize` and `encode`, `stack` for what comes back, and slices as image sets.

    Attributes
    ----------
    V : StoredColumns
        The matrix, one image a column; nothing is read before it is asked for.
    image_shape : tuple of int, or None
        (height, width) or (height, width, channels); None for flat images that do not say.
    where : str
        The path.
    names : tuple of str
        What the images are called, if the store says so, as one of ``imgnmf pack`` does, but for .npy.
    """

    V: StoredColumns
    image_shape: tuple[int, ...] | None
    where: str
    names: tuple[str, ...] = ()
    report: None = None

    def __len__(self) -> int:
        return self.V.shape[1]

    def __getitem__(self, span: slice) -> ImageSet:
        """Some images, in memory."""
        return ImageSet(self.stack(self.V[:, span]), self.names[span])

    def stack(self, W: NDArray[Any]) -> NDArray[Any]:
        """Turn columns (n_pixels, j) into images (j, h, w[, c]); see `ImageSet.stack`."""
        if self.image_shape is None:
            raise ShapeMismatchError(
                f"{self.where} does not say how large its images are; open it with image_shape=(height, width)"
            )
        return ImageSet(np.zeros((1, *self.image_shape), np.uint8)).stack(W)

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.image_shape or self.V.shape[:1]))
        return f"StoredImages({len(self)} images of {size}, {self.V.dtype}, in {self.where})"


def open_images(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    key: str | None = None,
    image_shape: Sequence[int] | None = None,
    images_in: ImagesIn | None = None,
) -> StoredImages:
    """Open images that are larger than memory: a .npy file, an HDF5 file, a zarr store, or a folder of pictures.

    Nothing is read but what the store says about itself. ``factorize(images.V, ...)`` then reads some images at a time,
    the next ones while it computes on these, and gives the same result to the last bit as with all of them in memory.

    Parameters
    ----------
    path : str or path-like
        ``imgnmf pack`` writes such files. zarr and HDF5 need ``install imgnmf[store]``. The pictures of a folder,
        grey and all of one depth, are decoded again in every pass: to pack them first is faster.
    size : (height, width), optional
        Resize every picture of a folder.
    key : str, optional
        Which array of a store of several.
    image_shape : (height, width) or (height, width, channels), optional
        What one image is, if images are flattened.
    images_in : {"rows", "columns"}, optional
        Along which axis images are counted. Arrays of three axes hold them along the first, as (n_images, height,
        width), unless this says otherwise; of two axes, and in HDF5, it has to be clear from this or from
        `image_shape`, if ``imgnmf pack`` did not write the file.

    Returns
    -------
    StoredImages

    Raises
    ------
    NoImagesError
        If there is no such file.
    ImageReadError
        If the store is damaged or ends early: now, or when that part is read; and if it has changed between two passes.
    ShapeMismatchError
        If it is not clear where the images lie in the array.
    ParameterError
        If it is no such store, or `key` has to be given; IncompatibleError if `size` is given for a store.
    DataError
        If the pictures of a folder differ.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "V.npy"
    ...     np.save(file, np.arange(24, dtype=np.uint8).reshape(4, 3, 2))
    ...     images = open_images(file)
    ...     images.V.shape, images.V[:, 1:3].T
    ((6, 4), array([[ 6,  7,  8,  9, 10, 11],
           [12, 13, 14, 15, 16, 17]], dtype=uint8))
    """
    place = Path(os.path.expanduser(path))
    if not os.path.lexists(place):
        raise NoImagesError(f"no images in {shown(place)}: there is no such file or folder")
    stored = list_stores(place)
    if stored is None and place.is_dir():
        stored = [rows_of_pictures(place, checked_pair("size", size))]
    elif size is not None:
        raise IncompatibleError(f"size applies to a folder of pictures, and {shown(place)} is none")
    if stored is None:
        raise ParameterError(
            f"{shown(place)} is no .npy file, HDF5 file, zarr store or folder of pictures, and only those are read "
            f"without loading them; write one: imgnmf pack {shown(place)} -o V.zarr"
        )
    chosen, layout = _chosen(stored, checked_layout(key, image_shape, "C", images_in, None))
    return StoredImages(*_columns(chosen, layout), shown(place), chosen.names)


def _chosen(stored: list[StoredRows], layout: Layout) -> tuple[StoredRows, Layout]:
    wanted = chosen_array([_described(rows) for rows in stored], layout)
    rows = next(rows for rows in stored if rows.key == wanted.key)
    if layout.image_shape is None and layout.images_in is None and rows.image_shape is not None:
        return rows, Layout(image_shape=rows.image_shape, images_in="rows")
    return rows, layout


def _described(rows: StoredRows) -> StoredArray:
    return StoredArray(rows.key, rows.shape, rows.dtype, lambda: np.empty(0), images_first=rows.images_first)


def _columns(stored: StoredRows, layout: Layout) -> tuple[StoredColumns, tuple[int, ...] | None]:
    flat = layout.image_shape is None and len(stored.shape) == 2 and layout.images_in is not None
    along = layout.images_in if flat else axis_of_images(_described(stored), layout)[0]
    if along == "whole":
        raise ShapeMismatchError(
            f"{_described(stored)} is a single image; a set of images has an axis that counts them"
        )
    axis = 0 if along == "rows" else -1
    n_images = stored.shape[axis]
    one = stored.shape[1:] if axis == 0 else stored.shape[:-1]
    n_pixels = int(np.prod(one))

    def rows(first: int, stop: int) -> NDArray[Any]:
        part = stored.read(first, stop, axis)
        return np.ascontiguousarray(np.moveaxis(part, axis, 0)).reshape(part.shape[axis], n_pixels)

    together = stored.chunks[axis] if stored.chunks else 1
    V = StoredColumns((n_pixels, n_images), stored.dtype, (n_pixels, int(together)), rows)
    return V, None if flat else layout.image_shape or one
