"""Images made ready to be factored: each function takes an ImageSet and gives one, with the step on record.

`prepare_like` does to new images what was done to others: to those that a model was fitted to, say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from imgnmf.errors import ParameterError
from imgnmf.images.imageset import ImageSet, Step
from imgnmf.images.options import check_positive, checked_box, checked_pair
from imgnmf.images.steps import (
    AlignEyes,
    Crop,
    CropCentre,
    Equalize,
    MaskPixels,
    Resize,
    ScaleMeanStd,
    ScaleRange,
    recorded,
)
from imgnmf.validation import LARGEST, checked_number

__all__ = [
    "align_eyes",
    "crop",
    "equalize",
    "mask_pixels",
    "prepare_like",
    "resize",
    "scale_mean_std",
    "scale_range",
    "split_channels",
]


def crop(
    images: ImageSet, box: tuple[int, int, int, int] | None = None, *, centre: tuple[int, int] | None = None
) -> ImageSet:
    """Keep a box of every image, or its middle.

    Parameters
    ----------
    images : ImageSet
        The images.
    box : (top, left, height, width), optional
        The upper left pixel and the size.
    centre : (height, width), optional
        The size of the middle: instead of `box`.

    Returns
    -------
    ImageSet
        Smaller images.

    Examples
    --------
    >>> images = ImageSet(np.arange(20).reshape(1, 4, 5))
    >>> crop(images, (1, 2, 2, 3)).pixels.tolist(), crop(images, centre=(2, 3)).pixels.tolist()
    ([[[7, 8, 9], [12, 13, 14]]], [[[6, 7, 8], [11, 12, 13]]])
    """
    if (box is None) == (centre is None):
        raise ParameterError("expected either box=(top, left, height, width) or centre=(height, width)")
    size = checked_pair("centre", centre)
    return recorded(images, CropCentre(size) if size else Crop(*checked_box(box)))


def resize(images: ImageSet, size: tuple[int, int]) -> ImageSet:
    """Change the number of pixels of every image, antialiased, in its own dtype.

    Parameters
    ----------
    images : ImageSet
        The images.
    size : (height, width)
        The aspect ratio is not kept.

    Returns
    -------
    ImageSet
        Images of this size; no pixel leaves the range of its image.

    Examples
    --------
    >>> resize(ImageSet(np.full((1, 8, 8), 200, np.uint8)), (2, 3)).pixels.tolist()
    [[[200, 200, 200], [200, 200, 200]]]
    """
    checked = checked_pair("size", size)
    if checked is None:
        raise ParameterError("expected size=(height, width), got None")
    return recorded(images, Resize(checked))


def mask_pixels(images: ImageSet, mask: ArrayLike) -> ImageSet:
    """Leave pixels out of `V`; `stack` gives them back as zeros.

    Parameters
    ----------
    images : ImageSet
        The images.
    mask : bool array, shape (height, width)
        True where a pixel is kept. Of colour images, all channels of it are.

    Returns
    -------
    ImageSet
        The same images, with fewer rows in `V`. Scaling looks at the pixels that are kept.

    Examples
    --------
    >>> masked = mask_pixels(ImageSet(np.arange(1, 9).reshape(2, 2, 2)), [[True, False], [True, True]])
    >>> masked.V.T.tolist(), masked.stack(masked.V)[0].tolist()
    ([[1, 3, 4], [5, 7, 8]], [[1, 0], [3, 4]])
    """
    return recorded(images, MaskPixels(np.array(mask)))


def scale_range(images: ImageSet, low: float = 0.0, high: float = 1.0) -> ImageSet:
    """Bring the darkest pixel of each image to `low` and its brightest to `high`.

    Parameters
    ----------
    images : ImageSet
        The images.
    low, high : float
        The range of every image, ``0 <= low < high``.

    Returns
    -------
    ImageSet
        The images in floats. An image that has one value only becomes `low`.

    Examples
    --------
    >>> scale_range(ImageSet(np.array([[[10, 20, 30]], [[7, 7, 7]]]))).pixels.tolist()
    [[[0.0, 0.5, 1.0]], [[0.0, 0.0, 0.0]]]
    """
    for name, number in (("low", low), ("high", high)):
        checked_number(name, number, "a number >= 0", least=0, most=LARGEST)
    if not low < high:
        raise ParameterError(f"expected 0 <= low < high, got {low} and {high}")
    return recorded(images, ScaleRange(float(low), float(high)))


def scale_mean_std(images: ImageSet, mean: float = 0.25, std: float = 0.25) -> ImageSet:
    """Bring each image to a mean and a standard deviation, then clip it to 0..1: as Lee and Seung did.

    Parameters
    ----------
    images : ImageSet
        The images.
    mean, std : float
        By default the 0.25 of the paper. After clipping they are what they are.

    Returns
    -------
    ImageSet
        The images in floats, 0..1. An image that has one value only becomes the mean.

    References
    ----------
    Lee and Seung, "Learning the parts of objects by non-negative matrix factorization", Nature 1999. Others
    scale otherwise (Hoyer's nmfpack takes one mean for the whole set): state it where errors are compared.

    Examples
    --------
    >>> scale_mean_std(ImageSet(np.array([[[0, 0, 8, 8]]]))).pixels.tolist()
    [[[0.0, 0.0, 0.5, 0.5]]]
    """
    checked_number("mean", mean, "a number in 0..1", least=0, most=1)
    checked_number("std", std, "a number > 0", above=0, most=LARGEST)
    return recorded(images, ScaleMeanStd(float(mean), float(std)))


def equalize(images: ImageSet, bins: int = 256) -> ImageSet:
    """Make all brightnesses of each image equally frequent (histogram equalisation).

    Parameters
    ----------
    images : ImageSet
        The images.
    bins : int
        How many brightnesses are told apart.

    Returns
    -------
    ImageSet
        The images in floats, 0..1.

    Examples
    --------
    >>> equalize(ImageSet(np.array([[[1, 1, 2, 200]]], np.uint8))).pixels.tolist()
    [[[0.5, 0.5, 0.75, 1.0]]]
    """
    check_positive("bins", bins)
    return recorded(images, Equalize(int(bins)))


def align_eyes(
    images: ImageSet,
    eyes: ArrayLike,
    size: tuple[int, int],
    *,
    left: tuple[float, float] | None = None,
    right: tuple[float, float] | None = None,
) -> ImageSet:
    """Turn, scale and move faces so that their eyes come to the same places.

    Parameters
    ----------
    images : ImageSet
        The faces.
    eyes : array, shape (n_images, 2, 2)
        For each image where the eyes are, as (row, column): first the one on the left of the picture.
    size : (height, width)
        The size of the aligned images.
    left, right : (row, column), optional
        Where the eyes come to: by default 35 % down, and 30 % and 70 % across.

    Returns
    -------
    ImageSet
        Images of this size, in their own dtype, interpolated linearly and antialiased. Beyond the edge of an
        image its last pixels are continued.

    Examples
    --------
    >>> face = np.zeros((1, 40, 40), np.uint8)
    >>> face[0, 20, [10, 30]] = 255
    >>> aligned = align_eyes(ImageSet(face), [[(20, 10), (20, 30)]], (40, 40), left=(10, 5), right=(10, 25))
    >>> np.argwhere(aligned.pixels[0] == 255).tolist()
    [[10, 5], [10, 25]]
    """
    checked = checked_pair("size", size) or (0, 0)
    height, width = checked
    step = AlignEyes(checked, _point(left, 0.35 * height, 0.3 * width), _point(right, 0.35 * height, 0.7 * width))
    if step.left == step.right:
        raise ParameterError(f"expected two places for the eyes, got {step.left} for both")
    return replace(step.apply_to(images, np.asarray(eyes)), steps=(*images.steps, step))


def split_channels(images: ImageSet) -> tuple[ImageSet, ...]:
    """Return one set for each channel, instead of one in which colours are stacked.

    Examples
    --------
    >>> red, green, blue = split_channels(ImageSet(np.arange(12).reshape(1, 2, 2, 3)))
    >>> green.pixels.tolist()
    [[[1, 4], [7, 10]]]
    """
    if len(images.image_shape) == 2:
        return (images,)
    channels = np.moveaxis(images.pixels, -1, 0)
    return tuple(
        ImageSet(channel, images.names, images.labels, images.report, images.mask, images.steps, images.white_level)
        for channel in channels
    )


def prepare_like(images: ImageSet, steps: Iterable[Step], *, eyes: ArrayLike | None = None) -> ImageSet:
    """Do to new images what was done to others.

    Parameters
    ----------
    images : ImageSet
        Images as they were read.
    steps : iterable of Step
        What was done: `ImageSet.steps` of the others.
    eyes : array, shape (n_images, 2, 2), optional
        Where the eyes are, if the others were aligned by theirs.

    Returns
    -------
    ImageSet
        Prepared in the same way, the steps on record.

    Examples
    --------
    >>> others = scale_range(crop(ImageSet(np.arange(32).reshape(2, 4, 4)), centre=(2, 2)))
    >>> new = prepare_like(ImageSet(np.arange(16).reshape(1, 4, 4)), others.steps)
    >>> new.pixels.round(1).tolist(), new.steps == others.steps
    ([[[0.0, 0.2], [0.8, 1.0]]], True)
    """
    for step in steps:
        if isinstance(step, AlignEyes) and eyes is not None:
            images = replace(step.apply_to(images, np.asarray(eyes)), steps=(*images.steps, step))
        else:
            images = recorded(images, step)
    return images


def _point(given: tuple[float, float] | None, row: float, column: float) -> tuple[float, float]:
    return (row, column) if given is None else (float(given[0]), float(given[1]))
