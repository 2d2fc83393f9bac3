"""Write figures and images to files: whole or not at all, and the same bytes for the same picture."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from imgnmf.atomic import write_bytes, write_text
from imgnmf.errors import DataError, DataWarning, ParameterError, ShapeMismatchError, tell
from imgnmf.viz.stack import Array, check_finite
from imgnmf.viz.style import applied

__all__ = ["image_bytes", "save_figure", "save_image", "write_bytes", "write_text"]

# Reconstructions of images in 0..1 pass 1 by a little at a few pixels; images in another unit do at most of them.
MOST_ABOVE, FURTHEST_ABOVE = 0.03, 2.0

# How Matplotlib's warning of a character that its fonts lack begins, after the character's number.
GLYPH_MISSING = "missing from font"
# A date or a version in a file would make two equal figures differ.
_NO_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None, "Format": None, "Type": None},
}


def save_figure(path: str | os.PathLike[str], figure: Figure) -> None:
    """Write a figure in the format that the name ends with: png, pdf or svg.

    Parameters
    ----------
    path : str or path-like
        The file to write; its folder must exist.
    figure : matplotlib.figure.Figure
        What one of the functions here returned, or any other.

    Raises
    ------
    ParameterError
        The name ends with none of the three.
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from imgnmf.viz import rank_curve
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "curve.pdf"
    ...     save_figure(target, rank_curve([4, 9], [0.25, 0.2]))
    ...     target.read_bytes()[:5]
    b'%PDF-'
    """
    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in _NO_METADATA:
        raise ParameterError(f"a figure is written as .png, .pdf or .svg, got {os.fspath(path)!r}; change the ending")
    buffer = io.BytesIO()
    with applied(), _missing_glyphs_in_one_warning():
        figure.savefig(buffer, format=kind, metadata=_NO_METADATA[kind])
    write_bytes(path, buffer.getvalue())


@contextmanager
def _missing_glyphs_in_one_warning() -> Iterator[None]:
    """Matplotlib warns once for each character that its fonts lack: say it once for all."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    missing = [warning for warning in caught if GLYPH_MISSING in str(warning.message)]
    for warning in caught:
        if warning not in missing:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if missing:
        count = len({str(warning.message) for warning in missing})
        tell(
            f"{count} character(s) of this figure are missing from the fonts and drawn as boxes; the tables beside it "
            "have them as they are",
            DataWarning,
        )


def save_image(path: str | os.PathLike[str], image: Any, *, white: float | None = None) -> None:
    """Write an image as a PNG file, one pixel a value.

    Parameters
    ----------
    path : str or path-like
        The file to write, ending in ``.png``; its folder must exist.
    image : ImageSet of one image, or array of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)
        uint8 is written as it is, and gray uint16 in 16 bits. Floats and other integers are divided by `white`,
        clipped to 0..1 and rounded to 256 levels.
    white : float, optional
        The value of white. By default that of an ImageSet, 1 for an array of floats.

    Raises
    ------
    ParameterError
        The name does not end in ``.png``, or `white` is not above 0.
    DataError
        The array is of another type, is empty, or holds NaN or infinite values; or it is of floats, `white` is not
        given, and many of them are above 1, so that the picture would come out white.
    ShapeMismatchError
        The array is not an image.
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "grey.png"
    ...     save_image(target, np.full((2, 2), 0.5))
    ...     target.read_bytes()[1:4]
    b'PNG'
    """
    if Path(path).suffix.lower() != ".png":
        raise ParameterError(f"an image is written as .png, got {os.fspath(path)!r}; change the ending")
    write_bytes(path, image_bytes(image, white=white))


def image_bytes(image: Any, *, white: float | None = None) -> bytes:
    """Return the bytes of a PNG file of `image`, as `save_image` writes them.

    Parameters
    ----------
    image : ImageSet of one image, or array of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)
    white : float, optional
        As in `save_image`.

    Returns
    -------
    bytes

    Raises
    ------
    DataError, ShapeMismatchError
        As in `save_image`.

    Examples
    --------
    >>> import numpy as np
    >>> image_bytes(np.zeros((2, 2), np.uint8))[1:4]
    b'PNG'
    """
    from PIL import Image

    buffer = io.BytesIO()
    pixels, level = _pixels_and_white(image, white)
    Image.fromarray(_levels(pixels, level)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _pixels_and_white(image: Any, white: float | None) -> tuple[Array, float | None]:
    """Return the array of an image, and the value of white if it is known."""
    if white is not None and not 0 < white < np.inf:
        raise ParameterError(f"white must be finite and above 0, got {white!r}; it is 255 for what came from uint8")
    # An ImageSet, which this room does not import: it is known by what it has.
    if not hasattr(image, "white_level"):
        return np.asarray(image), white
    if len(image) != 1:
        raise ShapeMismatchError(f"a PNG file holds one image, got a set of {len(image)}; save images[[i]] for each")
    return image.pixels[0], image.white_level if white is None else white


def _levels(image: Array, white: float | None) -> Array:
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)) or image.size == 0:
        raise ShapeMismatchError(f"an image has shape (h, w), (h, w, 3) or (h, w, 4), got {image.shape}")
    if image.dtype == np.uint8 and white in (None, 255):
        return np.ascontiguousarray(image)
    if image.dtype == np.uint16 and image.ndim == 2 and white in (None, 65535):
        return np.ascontiguousarray(image)
    if image.dtype.kind not in "buif":
        raise DataError(f"an image holds real numbers, got dtype {image.dtype}; convert it to uint8 or float")
    if image.dtype.kind in "ui" and white is None:
        raise DataError(
            f"the value of white in an image of {image.dtype} is not known; pass white=, e.g. 255 for numbers of bytes"
        )
    check_finite(image, "image")
    if white is None:
        _refuse_above_one(image)
    scaled = image / (1.0 if white is None else white)
    levels: Array = np.rint(scaled.clip(0, 1) * 255).astype(np.uint8)
    return levels


def _refuse_above_one(image: Array) -> None:
    """Raise DataError for floats that are in another unit than 0..1: they would come out white."""
    largest, share = float(image.max()), float(np.mean(image > 1))
    if share > MOST_ABOVE or largest > FURTHEST_ABOVE:
        raise DataError(
            f"floats are taken as 0..1, and {100 * share:.3g} % of the pixels are above 1, up to {largest:.4g}; "
            "pass white=, the value of white: images.white_level of the ImageSet, 255 for what came from uint8"
        )
