"""A set of images of one size, and the matrix that it is: an inverse pair without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgnmf.errors import DataError, NoImagesError, ShapeMismatchError
from imgnmf.images.report import ReadReport
from imgnmf.intensity import white_level
from imgnmf.validation import as_array

__all__ = ["UNKNOWN_PIXELS", "ImageSet", "Step", "is_one_color_picture"]

UNKNOWN_PIXELS = (
    "Pass pixels.filled(0) if they are black; if they are unknown, pass .filled(nan) of floats, which "
    "factorize(images.V, missing='mask') leaves out and inpaint fills"
)
# A set of so many images that are at least so high and 3 or 4 pixels wide is hardly ever meant.
LEAST_OF_A_PHOTO = 16


class Step(Protocol):
    """Something that is done to images, on record so that it can be done again: see `imgnmf.images.prepare`."""

    def apply(self, images: ImageSet) -> ImageSet:
        """Return the images as they are after this step, without recording it."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images of one size, in the numbers they came in.

    The images lie one after the other in memory; `V` is the same memory seen as the matrix that a
    factorization takes, one image a column, and `stack` is its inverse.

    Parameters
    ----------
    pixels : array, shape (n_images, height, width) or (n_images, height, width, channels)
        Real numbers of any dtype and scale. A C-contiguous array is kept as it is, not copied.
    names : sequence of str, length n_images, optional
        By default ``"0"``, ``"1"``, ...
    labels : array, shape (n_images,), optional
        What each image shows: a class, a person.
    report : ReadReport, optional
        How the images were read.
    mask : bool array, shape (height, width), optional
        Which pixels are factored. Those outside leave `V`, which is a copy then, and come back as zeros in
        `stack`.
    steps : tuple of Step
        What was done to the images since they were read, in this order: `imgnmf.images.prepare` records it.
    white : float, optional
        The value of white, for images whose numbers do not tell: floats that were made of bytes have 255. See
        `white_level`.

    Raises
    ------
    ShapeMismatchError
        If `pixels` has no such shape, or `names` or `labels` another length. Also if it is of the shape of one color
        picture, (height, width, 3 or 4): that is ``image[None]``. Images that are 3 or 4 pixels wide come with names.
    NoImagesError
        If there is no image in it.
    DataError
        If the pixels are not real numbers, or some of them are masked.

    Examples
    --------
    >>> images = ImageSet(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    >>> images
    ImageSet(2 images of 3 x 4, uint8)
    >>> images.V.shape, images.V.dtype, np.shares_memory(images.V, images.pixels)
    ((12, 2), dtype('uint8'), True)
    >>> np.array_equal(images.stack(images.V), images.pixels)
    True
    """

    pixels: NDArray[Any]
    names: Sequence[str] = ()
    labels: NDArray[Any] | None = None
    report: ReadReport | None = None
    mask: NDArray[np.bool_] | None = None
    steps: tuple[Step, ...] = ()
    white: float | None = None

    def __post_init__(self) -> None:
        pixels = _checked_pixels(self.pixels)
        if is_one_color_picture(pixels) and not len(self.names) and self.labels is None:
            raise ShapeMismatchError(_one_picture(pixels.shape))
        names = tuple(self.names or map(str, range(len(pixels))))
        labels = None if self.labels is None else np.asarray(self.labels)
        _check_length("names", names, len(pixels))
        _check_length("labels", labels, len(pixels))
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "mask", _checked_mask(self.mask, pixels.shape[1:3]))
        object.__setattr__(self, "steps", tuple(self.steps))
        if self.white is not None and not 0 < self.white < np.inf:
            raise DataError(f"expected white, the value of white, to be finite and above 0, got {self.white!r}")

    @property
    def V(self) -> NDArray[Any]:
        """The data matrix, shape (n_pixels, n_images): one image a column.

        A view of `pixels`, except if there is a `mask`: then a copy of the pixels that it keeps.
        """
        kept = self.pixels if self.mask is None else self.pixels[:, self.mask]
        return kept.reshape(len(self), -1).T

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of one image: (height, width) or (height, width, channels)."""
        return self.pixels.shape[1:]

    @cached_property
    def white_level(self) -> float:
        """The value of white: `white` if given, else a dtype's range, 1 for floats in 0..1, or the largest value.

        >>> ImageSet(np.zeros((1, 2, 2), np.uint16)).white_level, ImageSet(np.ones((1, 2, 2))).white_level
        (65535.0, 1.0)
        """
        return white_level(self.pixels) if self.white is None else float(self.white)

    def stack(self, W: NDArray[Any]) -> NDArray[Any]:
        """Turn columns back into images: the inverse of `V`.

        Parameters
        ----------
        W : array, shape (n_pixels, j)
            Basis images, reconstructions or anything else that has one column an image.

        Returns
        -------
        array, shape (j, height, width) or (j, height, width, channels)
            The same numbers, in the dtype of `W`; a view of `W` where NumPy can make one. Pixels that the
            mask leaves out are 0.

        Raises
        ------
        ShapeMismatchError
            If `W` is not a matrix with one row a pixel.

        Examples
        --------
        >>> ImageSet(np.zeros((5, 2, 3))).stack(np.arange(12).reshape(6, 2))[1]
        array([[ 1,  3,  5],
               [ 7,  9, 11]])
        """
        columns = as_array(W, "W")
        n_pixels = self._n_pixels
        if columns.ndim != 2 or columns.shape[0] != n_pixels:
            size = " x ".join(map(str, self.image_shape))
            raise ShapeMismatchError(
                f"expected a matrix of shape ({n_pixels}, j), one column for each image of {size}, "
                f"got {columns.shape}; one column w is w[:, None], images in rows are X.T"
            )
        if self.mask is None:
            return columns.T.reshape(columns.shape[1], *self.image_shape)
        stacked = np.zeros((columns.shape[1], *self.image_shape), columns.dtype)
        stacked[:, self.mask] = columns.T.reshape(columns.shape[1], -1, *self.image_shape[2:])
        return stacked

    @property
    def _n_pixels(self) -> int:
        shape = self.image_shape
        n_places = shape[0] * shape[1] if self.mask is None else int(self.mask.sum())
        return n_places * int(np.prod(shape[2:]))

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int | slice | ArrayLike) -> Self:
        """Return the images at `index` (integer, slice, index array or bool array) as a set."""
        chosen = chosen_rows(index, len(self))
        names = tuple(np.asarray(self.names, dtype=object)[chosen])
        labels = None if self.labels is None else self.labels[chosen]
        # Of floats the brightest of all is white: those of a part of them are no brighter for being fewer.
        white = self.white_level if self.pixels.dtype.kind == "f" else self.white
        return replace(self, pixels=self.pixels[chosen], names=names, labels=labels, white=white)

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.image_shape))
        noun = "image" if len(self) == 1 else "images"
        return f"{type(self).__name__}({len(self)} {noun} of {size}, {self.pixels.dtype})"


def chosen_rows(index: int | slice | ArrayLike, n_images: int) -> slice | NDArray[Any]:
    """Return an index that keeps the first axis: an integer chooses a set of one."""
    if isinstance(index, slice):
        return index
    rows = np.atleast_1d(np.asarray(index))
    if rows.size == 0:
        return slice(0, 0)
    # NumPy would take the integers 0 and 1 for a bool array that came as a list of another length.
    if rows.dtype == bool and rows.shape != (n_images,):
        raise ShapeMismatchError(f"a bool index needs the shape ({n_images},), got {rows.shape}")
    return rows


def is_one_color_picture(pixels: NDArray[Any]) -> bool:
    """Return whether an array has the shape of one photo, (height, width, 3 or 4), and not of images so narrow.

    >>> is_one_color_picture(np.zeros((64, 48, 3))), is_one_color_picture(np.zeros((5, 8, 3)))
    (True, False)
    """
    return pixels.ndim == 3 and pixels.shape[2] in (3, 4) and min(pixels.shape[:2]) >= LEAST_OF_A_PHOTO


def _one_picture(shape: tuple[int, ...]) -> str:
    return (
        f"expected pixels of shape (n_images, height, width[, channels]), got {shape}: one color photo? pass "
        f"image[None]. If it is {shape[0]} images of {shape[1]} x {shape[2]}, pass names= or pixels[..., None]"
    )


def _checked_pixels(pixels: NDArray[Any]) -> NDArray[Any]:
    array = as_array(pixels, "pixels", remedy=UNKNOWN_PIXELS)
    if array.ndim not in (3, 4) or 0 in array.shape[1:]:
        raise ShapeMismatchError(
            "expected pixels of shape (n_images, height, width) or (n_images, height, width, channels), "
            f"got {array.shape}; a single image is image[None], flattened images need a reshape"
        )
    if array.dtype.kind not in "buif":
        raise DataError(f"expected pixels that are real numbers, got dtype {array.dtype}")
    if len(array) == 0:
        raise NoImagesError(f"expected at least one image, got pixels of shape {array.shape}")
    return np.ascontiguousarray(array)


def _checked_mask(mask: ArrayLike | None, size: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    array = as_array(mask, "mask")
    if array.shape != size or array.dtype != bool:
        raise ShapeMismatchError(
            f"expected a bool mask of the shape {size} of the images, got {array.dtype} of {array.shape}"
        )
    if not array.any():
        raise DataError("expected a mask that keeps at least one pixel, got one that keeps none")
    return array


def _check_length(what: str, values: tuple[str, ...] | NDArray[Any] | None, n_images: int) -> None:
    if values is None:
        return
    shape = np.asarray(values).shape
    if shape != (n_images,):
        raise ShapeMismatchError(f"expected one of {what} for each of {n_images} images, got shape {shape}")
