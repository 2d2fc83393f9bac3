"""What the user hands in, as pictures and weights of one form; and the filled pictures in the form they came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import DataError, IncompatibleError, NoImagesError, ShapeMismatchError
from imgnmf.images import ImageSet
from imgnmf.validation import as_array, checked_items

__all__ = ["Array", "Images", "Pictures", "as_pictures", "in_form_of"]

Array: TypeAlias = NDArray[Any]
Images: TypeAlias = ImageSet | Array | Sequence[Array]

BY_WEIGHTS = "Pass images.data, and weights=~images.mask"


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures (h, w, c) in float64, their largest value between 1/2 and 1, and how much each pixel counts.

    What was not seen is 0 in both.
    """

    values: tuple[Array, ...]
    weights: tuple[Array, ...]
    names: tuple[str, ...]
    unit: float

    @property
    def seen(self) -> tuple[Array, ...]:
        """True where a pixel is known."""
        return tuple(weight > 0 for weight in self.weights)

    @property
    def one_size(self) -> bool:
        """Whether all pictures have one shape."""
        return len({value.shape for value in self.values}) == 1

    def without(self, hidden: tuple[Array, ...]) -> Pictures:
        """The same pictures with more pixels unknown."""
        values = tuple(np.where(mask, 0, value) for mask, value in zip(hidden, self.values, strict=True))
        weights = tuple(np.where(mask, 0, weight) for mask, weight in zip(hidden, self.weights, strict=True))
        return replace(self, values=values, weights=weights)


def as_pictures(images: Images, weights: Any) -> Pictures:
    """Check images and weights; NaN is unknown whatever its weight."""
    arrays, names = _checked_arrays(images)
    given = _checked_weights(weights, [array.shape for array in arrays], isinstance(images, (ImageSet, np.ndarray)))
    counted = [_with_channels(np.where(np.isnan(a), 0, w)) for a, w in zip(arrays, given, strict=True)]
    values = [np.where(w > 0, _with_channels(a), 0) for a, w in zip(arrays, counted, strict=True)]
    _check_values(values, names)
    _check_seen(counted, names)
    unit = float(np.exp2(np.frexp(max(value.max() for value in values))[1]))
    return Pictures(tuple(value / unit for value in values), tuple(counted), names, unit)


def in_form_of(images: Images, filled: Sequence[Array], pictures: Pictures) -> Any:
    """The filled pictures as the images came: dtype, shape and container; seen pixels are those that came."""
    originals = images.pixels if isinstance(images, ImageSet) else images
    arrays = [
        _in_dtype_of(np.asarray(original), new * pictures.unit, seen)
        for original, new, seen in zip(originals, filled, pictures.seen, strict=True)
    ]
    if isinstance(images, ImageSet):
        return replace(images, pixels=np.stack(arrays))
    return np.stack(arrays) if isinstance(images, np.ndarray) else arrays


def _in_dtype_of(original: Array, new: Array, seen: Array) -> Array:
    new, seen = new.reshape(original.shape), seen.reshape(original.shape)
    if original.dtype.kind in "ui":
        info = np.iinfo(original.dtype)
        new = np.rint(new).clip(info.min, info.max)
    return np.where(seen, original, new.astype(original.dtype))


def _checked_arrays(images: Images) -> tuple[list[Array], tuple[str, ...]]:
    if isinstance(images, ImageSet):
        if images.mask is not None:
            raise IncompatibleError("images with a mask leave pixels out of V: pass imgnmf.ImageSet(images.pixels)")
        return list(images.pixels), tuple(images.names)
    if isinstance(images, np.ndarray):
        images = list(ImageSet(as_array(images, "images", remedy=BY_WEIGHTS)).pixels)
    listed = checked_items("images", images, "images=[first, second]")
    arrays = [as_array(image, "an image", remedy=BY_WEIGHTS) for image in listed]
    if not arrays:
        raise NoImagesError("expected at least one image, got none")
    for array in arrays:
        if array.ndim not in (2, 3) or 0 in array.shape or array.dtype.kind not in "uif":
            raise ShapeMismatchError(
                f"expected images of numbers of shape (h, w) or (h, w, c), got {array.dtype} of {array.shape}"
            )
    if len({(array.dtype, array.shape[2:]) for array in arrays}) > 1:
        raise DataError("expected images of one dtype, all grey or all colour; convert them first")
    return arrays, tuple(map(str, range(len(arrays))))


def _checked_weights(weights: Any, shapes: list[tuple[int, ...]], stacked: bool) -> list[Array]:
    if weights is None:
        return [np.ones(shape) for shape in shapes]
    given: Any
    if stacked:
        given = _of_stack(as_array(weights, "weights"), (len(shapes), *shapes[0]))
    else:
        given = checked_items("weights", weights, "weights=[of_the_first, of_the_second]")
    if len(given) != len(shapes):
        raise ShapeMismatchError(f"expected weights for each of {len(shapes)} images, got {len(given)}")
    checked = [_of_picture(as_array(one, "weights"), shape) for one, shape in zip(given, shapes, strict=True)]
    if any(not np.isfinite(one).all() or one.min() < 0 for one in checked):
        raise DataError("weights must be finite and non-negative; 0 says that a pixel was not seen")
    return checked


def _of_stack(weights: Array, shape: tuple[int, ...]) -> Array:
    """One array of weights an image, out of any of the forms that the docstring of `inpaint` lists."""
    n_images, *image_shape = shape
    if weights.shape in (shape, shape[:3]):
        return weights
    if weights.shape == shape[1:3]:
        return np.broadcast_to(weights, shape[:3])
    if weights.shape == (int(np.prod(image_shape)), n_images):
        return weights.T.reshape(shape)
    raise ShapeMismatchError(
        f"weights must have the shape of the images, {shape}, or {shape[:3]}, or {shape[1:3]} for all of them, or "
        f"that of V, {(int(np.prod(image_shape)), n_images)}; got {weights.shape}"
    )


def _of_picture(weights: Array, shape: tuple[int, ...]) -> Array:
    if weights.dtype.kind not in "biuf" or weights.shape not in (shape, shape[:2]):
        raise ShapeMismatchError(
            f"expected weights of shape {shape[:2]} or {shape} for this image, got {weights.dtype} of {weights.shape}"
        )
    wide = weights.astype(np.float64)
    return np.broadcast_to(wide[..., None], shape) if wide.ndim < len(shape) else wide


def _with_channels(array: Array) -> Array:
    wide = array.astype(np.float64)
    return wide[..., None] if wide.ndim == 2 else wide


def _check_values(values: list[Array], names: tuple[str, ...]) -> None:
    for value, name in zip(values, names, strict=True):
        finite = np.isfinite(value)
        bad = value < 0 if finite.all() else ~finite
        if bad.any():
            kind = "negative" if finite.all() else "infinite"
            row, column = (int(i) for i in np.argwhere(bad)[0][:2])
            raise DataError(
                f"image {name!r} has {int(bad.sum())} {kind} pixels that are said to be seen, the first in row {row}, "
                f"column {column}; give them the weight 0, or correct them"
            )


def _check_seen(weights: list[Array], names: tuple[str, ...]) -> None:
    blind = [name for weight, name in zip(weights, names, strict=True) if not (weight > 0).any(axis=(0, 1)).all()]
    if blind:
        listed = ", ".join(map(repr, blind[:5])) + (", ..." if len(blind) > 5 else "")
        raise DataError(
            f"{len(blind)} image(s) without a seen pixel, or with a channel that has none ({listed}): there is nothing "
            "to fill them from; leave them out"
        )
