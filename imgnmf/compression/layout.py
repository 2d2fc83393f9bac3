"""Which pixels make a column: whole images, or patches side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import DataError, IncompatibleError, ParameterError
from imgnmf.images import ImageSet, extract_patches
from imgnmf.validation import checked_pair

__all__ = ["Layout", "eight_bit"]


@dataclass(frozen=True)
class Layout:
    """The shape of an image, and of what is a column of V: the image itself, or a patch.

    Examples
    --------
    >>> layout = Layout((4, 5), (2, 2))
    >>> layout.places.tolist()
    [[0, 0], [0, 2], [0, 3], [2, 0], [2, 2], [2, 3]]
    """

    image_shape: tuple[int, ...]
    patch_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        size = self.patch_size
        if size is not None:
            size = checked_pair("patch_size", size)
            object.__setattr__(self, "patch_size", size)
        if size and (min(size) < 1 or size[0] > self.image_shape[0] or size[1] > self.image_shape[1]):
            raise ParameterError(f"expected patches of 1 x 1 to {self.image_shape[:2]}, got {size}")

    @property
    def column_shape(self) -> tuple[int, ...]:
        """The shape of a column."""
        return self.image_shape if self.patch_size is None else (*self.patch_size, *self.image_shape[2:])

    @property
    def places(self) -> NDArray[np.intp]:
        """The upper left pixel of each patch, row by row; those at the edge are moved inwards."""
        if self.patch_size is None:
            return np.zeros((1, 2), np.intp)
        nothing = np.broadcast_to(np.uint8(0), (1, *self.image_shape[:2]))
        return np.asarray(extract_patches(nothing, self.patch_size).origins[:, 1:])

    def columns(self, images: ImageSet) -> NDArray[np.uint8]:
        """V, shape (n_pixels, n_columns), image by image."""
        if self.patch_size is None:
            return np.asarray(images.V)
        return np.asarray(extract_patches(images.pixels, self.patch_size).V)

    def assembled(self, V: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The pixels of the images; where patches overlap at an edge, the later one's."""
        places, shape = self.places, self.column_shape
        columns = V.T.reshape(-1, len(places), *shape)
        if self.patch_size is None:
            return columns[:, 0]
        pixels = np.empty((len(columns), *self.image_shape), np.uint8)
        for number, (row, column) in enumerate(places.tolist()):
            pixels[:, row : row + shape[0], column : column + shape[1]] = columns[:, number]
        return pixels


def eight_bit(images: Any) -> ImageSet:
    """Return images as uint8 where that changes no number, or say why not.

    Raises
    ------
    DataError
        If they hold fractions, or anything outside 0..255.
    IncompatibleError
        If they have a mask.

    Examples
    --------
    >>> eight_bit(np.full((1, 2, 2), 7.0)).pixels.dtype
    dtype('uint8')
    """
    found = images if isinstance(images, ImageSet) else ImageSet(images)
    if found.mask is not None:
        raise IncompatibleError("images with a mask cannot be compressed: crop to what it keeps instead")
    pixels = found.pixels
    if pixels.dtype == np.uint8:
        return ImageSet(pixels, found.names, found.labels)
    exact = pixels.astype(np.uint8) if np.isfinite(pixels).all() and _in_range(pixels) else None
    if exact is None or not np.array_equal(exact, pixels):
        raise DataError(
            f"expected 8-bit images, found {pixels.dtype} in {pixels.min()}..{pixels.max()}; nothing is clipped or "
            "rounded silently: convert them on a scale of your choice, say numpy.rint(255 * pixels / pixels.max())"
            ".astype('uint8')"
        )
    return ImageSet(exact, found.names, found.labels)


def _in_range(pixels: NDArray[Any]) -> bool:
    return bool(pixels.min() >= 0 and pixels.max() <= 255)
