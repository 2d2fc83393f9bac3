"""What can be done to images before they are factored, each as a record that can do it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import IncompatibleError, ShapeMismatchError
from imgnmf.images.color import resize, to_dtype
from imgnmf.images.imageset import ImageSet, Step

__all__ = [
    "STEPS",
    "AlignEyes",
    "Crop",
    "CropCentre",
    "Equalize",
    "MaskPixels",
    "Resize",
    "ScaleMeanStd",
    "ScaleRange",
    "recorded",
]

Size = tuple[int, int]


@dataclass(frozen=True)
class Crop:
    """Keep a box."""

    top: int
    left: int
    height: int
    width: int

    def apply(self, images: ImageSet) -> ImageSet:
        """Return the box of every image."""
        height, width = images.image_shape[:2]
        if self.top + self.height > height or self.left + self.width > width:
            raise ShapeMismatchError(f"expected a box inside {height} x {width}, got {self}")
        box = np.s_[self.top : self.top + self.height, self.left : self.left + self.width]
        mask = None if images.mask is None else images.mask[box]
        return _of_another_size(images, images.pixels[:, box[0], box[1]].copy(), mask)


@dataclass(frozen=True)
class CropCentre:
    """Keep the middle."""

    size: Size

    def apply(self, images: ImageSet) -> ImageSet:
        """Return the middle of every image; what is left over in odd numbers is on the right and below."""
        top, left = ((have - want) // 2 for have, want in zip(images.image_shape, self.size, strict=False))
        if min(top, left) < 0:
            raise ShapeMismatchError(f"expected a size of at most {images.image_shape[:2]}, got {self.size}")
        return Crop(top, left, *self.size).apply(images)


@dataclass(frozen=True)
class Resize:
    """Change the number of pixels."""

    size: Size

    def apply(self, images: ImageSet) -> ImageSet:
        """Return every image resized, antialiased, in its own dtype."""
        _refuse_mask(images, "resize")
        return _of_another_size(images, np.stack([resize(image, self.size) for image in images.pixels]))


@dataclass(frozen=True, eq=False)
class MaskPixels:
    """Leave pixels out."""

    mask: NDArray[np.bool_]

    def apply(self, images: ImageSet) -> ImageSet:
        """Return the images with this mask; pixels outside an earlier one stay out."""
        mask = np.asarray(self.mask)
        both = mask if images.mask is None or mask.shape != images.mask.shape else mask & images.mask
        return replace(images, mask=both)


@dataclass(frozen=True)
class ScaleRange:
    """Bring the darkest pixel of each image to `low`, the brightest to `high`."""

    low: float = 0.0
    high: float = 1.0

    def apply(self, images: ImageSet) -> ImageSet:
        """Return the images as floats; an image of one value becomes `low`."""
        seen = _seen(images)
        darkest, brightest = seen.min(axis=1), seen.max(axis=1)
        spread = (brightest - darkest).astype(float)
        factor = np.divide(self.high - self.low, spread, out=np.zeros_like(spread), where=spread > 0)
        return _scaled(images, factor, self.low - darkest * factor, (self.low, self.high))


@dataclass(frozen=True)
class ScaleMeanStd:
    """Bring each image to a mean and a standard deviation, then clip it to 0..1."""

    mean: float = 0.25
    std: float = 0.25

    def apply(self, images: ImageSet) -> ImageSet:
        """Return the images as floats; an image of one value becomes the mean."""
        seen = _seen(images)
        mean, std = seen.mean(axis=1, dtype=float), seen.std(axis=1, dtype=float)
        factor = np.divide(self.std, std, out=np.zeros_like(std), where=std > 0)
        return _scaled(images, factor, self.mean - mean * factor, (0.0, 1.0))


@dataclass(frozen=True)
class Equalize:
    """Make all brightnesses of each image equally frequent."""

    bins: int = 256

    def apply(self, images: ImageSet) -> ImageSet:
        """Return the images as floats, 0..1; of colour, all channels by one curve."""
        from skimage.exposure import equalize_hist

        out = np.empty(images.pixels.shape, _float_of(images))
        for image, place in zip(images.pixels, out, strict=True):
            flat = image.reshape(len(image), -1)
            mask = None if images.mask is None else np.repeat(images.mask, flat.shape[1] // image.shape[1], axis=1)
            place[:] = equalize_hist(flat, self.bins, mask).reshape(image.shape)
        return replace(images, pixels=out, white=1.0)


@dataclass(frozen=True)
class AlignEyes:
    """Turn, scale and move each image so that the eyes come to given places (row, column)."""

    size: Size
    left: tuple[float, float]
    right: tuple[float, float]

    def apply(self, images: ImageSet) -> ImageSet:
        """Refuse: where the eyes are is not on record, since it differs from image to image."""
        raise IncompatibleError("to align new images it must be said where their eyes are: pass eyes=")

    def apply_to(self, images: ImageSet, eyes: NDArray[Any]) -> ImageSet:
        """Return every image aligned by its own eyes, shape (n, 2, 2); beyond its edge it is continued."""
        _refuse_mask(images, "align")
        points = np.asarray(eyes, dtype=float)
        if points.shape != (len(images), 2, 2):
            raise ShapeMismatchError(
                f"expected eyes of shape ({len(images)}, 2, 2): for each image left and right as (row, column), "
                f"got {points.shape}"
            )
        pairs = zip(images.pixels, points, strict=True)
        return _of_another_size(images, np.stack([self._aligned(image, pair) for image, pair in pairs]))

    def _aligned(self, image: NDArray[Any], eyes: NDArray[Any]) -> NDArray[Any]:
        from skimage.filters import gaussian
        from skimage.transform import warp

        # As complex numbers x + iy, a turn with a change of scale is one factor.
        (left, right), (to_left, to_right) = (
            [complex(column, row) for row, column in pair] for pair in (eyes, (self.left, self.right))
        )
        factor = (right - left) / (to_right - to_left)
        shift = left - factor * to_left
        matrix = np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag], [0, 0, 1]])
        blur = max(0.0, (abs(factor) - 1) / 2)
        smooth = gaussian(image, blur, preserve_range=True, channel_axis=2 if image.ndim == 3 else None)
        moved = warp(smooth, matrix, output_shape=self.size, order=1, mode="edge", preserve_range=True)
        return to_dtype(moved, image.dtype)


STEPS = (AlignEyes, Crop, CropCentre, Equalize, MaskPixels, Resize, ScaleMeanStd, ScaleRange)


def recorded(images: ImageSet, step: Step) -> ImageSet:
    """Apply a step and put it on record."""
    return replace(step.apply(images), steps=(*images.steps, step))


def _of_another_size(images: ImageSet, pixels: NDArray[Any], mask: NDArray[Any] | None = None) -> ImageSet:
    # A plain set even of patches: they no longer fit where they were cut out.
    return ImageSet(pixels, images.names, images.labels, images.report, mask, images.steps, images.white_level)


def _refuse_mask(images: ImageSet, what: str) -> None:
    if images.mask is not None:
        raise IncompatibleError(f"{what} the images first and mask their pixels then: a mask has their size")


def _seen(images: ImageSet) -> NDArray[Any]:
    """Return the pixels that count, one image a row."""
    return images.V.T


def _float_of(images: ImageSet) -> np.dtype[Any]:
    return np.dtype(np.float64 if images.pixels.dtype.itemsize > 4 else np.float32)


def _scaled(images: ImageSet, factor: NDArray[Any], offset: NDArray[Any], bounds: tuple[float, float]) -> ImageSet:
    pixels = images.pixels.astype(_float_of(images))
    of_each = (len(images), *[1] * len(images.image_shape))
    pixels *= factor.reshape(of_each).astype(pixels.dtype)
    pixels += offset.reshape(of_each).astype(pixels.dtype)
    white = bounds[1] if bounds[1] > 0 else None
    return replace(images, pixels=np.clip(pixels, *bounds, out=pixels), white=white)
