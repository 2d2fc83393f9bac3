"""Which pixels of SOURCE are unknown: told by masks, by a colour, or by NaN."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.commands.model import is_numbered
from imgnmf.commands.source import size_of
from imgnmf.errors import DataError, ParameterError, ShapeMismatchError
from imgnmf.images import ImageSet, load_images

__all__ = ["unknown_pixels"]


def unknown_pixels(images: ImageSet, mask: str | None, colour: str | None) -> NDArray[np.bool_]:
    """Return where pixels are unknown, shape (n, h, w).

    Raises
    ------
    ParameterError
        Nothing is unknown, or no pixel has the colour.
    DataError
        The masks mark nothing.
    ShapeMismatchError
        A mask has another size, or belongs to no image.
    """
    unknown = _anywhere(np.isnan(images.pixels))
    if mask is not None:
        unknown = unknown | _masked(images, mask)
    if colour is not None:
        unknown = unknown | _coloured(images, colour)
    if not unknown.any():
        raise ParameterError(
            "no pixel is unknown, so there is nothing to fill: tell which ones by --mask (white is unknown), by "
            "--unknown COLOUR, or by NaN in a file of floats"
        )
    return unknown


def _masked(images: ImageSet, mask: str) -> NDArray[np.bool_]:
    masks = load_images(mask)
    if masks.image_shape != images.image_shape[:2]:
        raise ShapeMismatchError(
            f"the masks must have the size of the images, {size_of(images.image_shape[:2])}, "
            f"and {mask!r} has {size_of(masks.image_shape)}"
        )
    holes = masks.pixels > masks.white_level / 2
    _check_marked(masks, holes, mask)
    if len(masks) == 1 and Path(os.path.expanduser(mask)).is_file():
        return np.broadcast_to(holes, (len(images), *holes.shape[1:]))
    unknown = np.zeros((len(images), *holes.shape[1:]), bool)
    for name, hole in zip(masks.names, holes, strict=True):
        unknown[_number_of(name, images.names)] = hole
    return unknown


def _number_of(mask: str, names: Sequence[str]) -> int:
    """Of the image that a mask is called after: with its ending and another one, or with another one in its place.

    >>> _number_of("s1/3.pgm.png", ["s1/3.bmp", "s1/3.pgm"]), _number_of("4.png", ["3.pgm", "4.pgm"])
    (1, 1)
    """
    whole = [Path(name).as_posix() for name in names]
    stem = Path(mask).with_suffix("").as_posix()
    if is_numbered(names) and stem.isdecimal():
        stem = str(int(stem))  # 007.png is of image 7: numbers in file names are padded, so that they sort
    if stem in whole:
        return whole.index(stem)
    alike = [number for number, name in enumerate(whole) if Path(name).with_suffix("").as_posix() == stem]
    if Path(mask).as_posix() in whole and len(alike) > 1:
        return whole.index(Path(mask).as_posix())
    if len(alike) > 1:
        raise ShapeMismatchError(
            f"the mask {mask!r} could belong to any of {', '.join(names[number] for number in alike)}: add the ending "
            f"of its image, say {names[alike[0]]}.png"
        )
    if not alike:
        raise ShapeMismatchError(
            f"the mask {mask!r} belongs to no image: a mask must be called as its image is, but for the ending; "
            "a file in place of a folder holds for all"
        )
    return alike[0]


def _check_marked(masks: ImageSet, holes: NDArray[np.bool_], mask: str) -> None:
    """Refuse masks that mark nothing, such as those of 0 and 1 that are black to the eye."""
    if not holes.any():
        raise DataError(
            f"the mask {mask!r} marks no pixel: white is unknown, more than half of {masks.white_level:g}, and "
            f"its brightest pixel is {masks.pixels.max():g}. Draw what is unknown in white on black; a mask of 0 and 1 "
            "has to be 0 and 255"
        )


def _coloured(images: ImageSet, colour: str) -> NDArray[np.bool_]:
    wanted: Any = _parsed(colour)
    pixels = images.pixels if images.pixels.ndim == 4 else images.pixels[..., None]
    if pixels.shape[3] not in (1, 3):
        raise ParameterError(f"--unknown takes the colour of grey or RGB pictures, these have {pixels.shape[3]} bands")
    with np.errstate(invalid="ignore"):
        levels = np.rint(pixels / (images.white_level / 255))
    found = (levels == wanted).all(axis=3)
    if not found.any():
        raise ParameterError(
            f"no pixel has exactly the colour {colour!r} = {wanted}; JPEG blurs colours: pass a --mask instead"
        )
    return np.asarray(found)


def _parsed(colour: str) -> tuple[int, int, int]:
    """Red, green and blue in 0..255.

    >>> _parsed("#ff0080"), _parsed("magenta")
    ((255, 0, 128), (255, 0, 255))
    """
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(colour)[:3]
    except ValueError:
        raise ParameterError(f"expected a colour as #ff00ff or magenta, got {colour!r}") from None
    return red, green, blue


def _anywhere(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(found.any(axis=3)) if found.ndim == 4 else found
