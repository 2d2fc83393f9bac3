"""What a model file keeps of the images that were fitted: their shape, names and preparation, not their pixels."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.archive_schema import check_images
from imgnmf.errors import ShapeMismatchError
from imgnmf.images import ImageSet, StoredImages
from imgnmf.images.imageset import Step
from imgnmf.images.steps_json import steps_from_json, steps_to_json
from imgnmf.intensity import white_level

__all__ = [
    "MASK",
    "ModelMeta",
    "fingerprint_of",
    "images_record",
    "meta_from",
    "meta_of",
    "versions",
]

MASK = "images.mask"  # the name of its tensor


@dataclass(frozen=True)
class ModelMeta:
    """What a model file says about the images it was fitted to.

    Attributes
    ----------
    image_shape : tuple of int, or None
        (height, width) or (height, width, channels); None if the model was saved without its images.
    names : tuple of str
        One an image, or none.
    labels : tuple, or None
        One an image, or None.
    white : float, or None
        The value of white: 255 for uint8, 1 for floats in 0..1.
    versions : mapping of str to str
        What the model was made with.
    mask : array of bool, shape (height, width), or None
        The pixels that were fitted; None for all.
    steps : tuple of Step
        How the images were prepared: `imgnmf.images.prepare_like` does it to others.
    rng : int, or None
        What the fit was started with, if it was told to `save`.
    data_sha256 : str, or None
        Of the images' pixels, their dtype and shape: `fingerprint_of` gives it for others.

    Examples
    --------
    >>> ModelMeta(image_shape=(2, 3)).stack(np.arange(6.0)[:, None]).shape
    (1, 2, 3)
    """

    image_shape: tuple[int, ...] | None = None
    names: tuple[str, ...] = ()
    labels: tuple[str | float, ...] | None = None
    white: float | None = None
    versions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    mask: NDArray[np.bool_] | None = field(default=None, compare=False)
    steps: tuple[Step, ...] = ()
    rng: int | None = None
    data_sha256: str | None = None

    def __repr__(self) -> str:
        """Return the size, how many names, and what else is known; the names alone would fill pages."""
        told = [f"image_shape={self.image_shape}", f"{len(self.names)} names"]
        told += [f"{len(self.labels)} labels"] if self.labels is not None else []
        told += [f"white={self.white:g}"] if self.white is not None else []
        told += [f"{len(self.steps)} steps of preparation"] if self.steps else []
        told += ["a mask"] if self.mask is not None else []
        return f"ModelMeta({', '.join(told)})"

    def stack(self, W: NDArray[Any]) -> NDArray[Any]:
        """Turn columns (n_pixels, j) into images (j, h, w[, c]); see `ImageSet.stack`."""
        if self.image_shape is None:
            raise ShapeMismatchError(
                "the model does not say how large its images are; save it with them: save(path, fit, images)"
            )
        blank = np.zeros((1, *self.image_shape), np.uint8)
        return ImageSet(blank, mask=self.mask).stack(W)


def versions() -> dict[str, str]:
    """Return what a result is made with."""
    from imgnmf import __version__

    return {"imgnmf": __version__, "numpy": np.__version__, "python": platform.python_version()}


def fingerprint_of(images: ImageSet) -> str:
    """Return the SHA-256 of the pixels with their dtype and shape: equal for equal images alone.

    >>> fingerprint_of(ImageSet(np.zeros((1, 2, 2), np.uint8)))[:8]
    '3fd9781f'
    """
    pixels = images.pixels
    described = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape} ".encode())
    described.update(pixels.reshape(-1).view(np.uint8).data)
    return described.hexdigest()


def meta_of(images: ImageSet | StoredImages, W: NDArray[Any], H: NDArray[Any], rng: int | None) -> ModelMeta:
    """Return what is kept of the images of a fit, once they are seen to be those; of stored ones no hash."""
    stored = isinstance(images, StoredImages)
    expected = images.V.shape if stored else (images.V[:, :1].shape[0], len(images))
    found = W.shape[0], H.shape[1]
    if found != expected:
        raise ShapeMismatchError(
            f"the fit is of {found[1]} images with {found[0]} pixels, the images are {expected[0]} pixels "
            f"x {expected[1]}; give the images that were fitted"
        )
    if isinstance(images, StoredImages):
        white = white_level(np.empty(0, images.V.dtype)) if images.V.dtype.kind in "ui" else None
        return ModelMeta(image_shape=images.image_shape, names=images.names, white=white, rng=rng)
    return ModelMeta(
        image_shape=images.image_shape,
        names=tuple(images.names),
        labels=_plain(images.labels),
        white=images.white_level,
        mask=images.mask,
        steps=images.steps,
        rng=rng,
        data_sha256=fingerprint_of(images),
    )


def images_record(meta: ModelMeta) -> dict[str, Any]:
    """Return what the document of a file says of the images; the mask is a tensor beside it."""
    named = {"versions": versions(), "mask": meta.mask is not None, "steps": steps_to_json(meta.steps)}
    return {**vars(meta), **named}


def meta_from(images: dict[str, Any], mask: NDArray[np.bool_] | None, n_pixels: int, n_images: int) -> ModelMeta:
    """Read back what `images_record` wrote of the images of a fit of so many pixels and images."""
    check_images(images, mask, n_pixels, n_images)
    shape, labels = images["image_shape"], images["labels"]
    return ModelMeta(
        image_shape=None if shape is None else tuple(shape),
        names=tuple(images["names"]),
        labels=None if labels is None else tuple(labels),
        white=images["white"],
        versions=MappingProxyType(dict(images["versions"])),
        mask=mask,
        steps=steps_from_json(images.get("steps", ())),
        rng=images.get("rng"),
        data_sha256=images.get("data_sha256"),
    )


def _plain(labels: NDArray[Any] | None) -> tuple[str | float, ...] | None:
    if labels is None:
        return None
    return tuple(labels.tolist() if labels.dtype.kind in "biufU" else map(str, labels))
