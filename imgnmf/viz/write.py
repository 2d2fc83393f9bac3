"""Write figures and images to files: whole or not at all, and the same bytes for the same picture."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from imgnmf.atomic import write_bytes, write_text
from imgnmf.errors import DataError, ParameterError, ShapeMismatchError
from imgnmf.viz.stack import Array, check_finite
from imgnmf.viz.style import applied

__all__ = ["image_bytes", "save_figure", "save_image", "write_bytes", "write_text"]

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
    with applied():
        figure.savefig(buffer, format=kind, metadata=_NO_METADATA[kind])
    write_bytes(path, buffer.getvalue())


def save_image(path: str | os.PathLike[str], image: ArrayLike) -> None:
    """Write an array as a PNG image, one pixel a value.

    Parameters
    ----------
    path : str or path-like
        The file to write, ending in ``.png``; its folder must exist.
    image : array, shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)
        uint8, or floats in 0..1 (rounded to 256 levels; values outside are clipped).

    Raises
    ------
    ParameterError
        The name does not end in ``.png``.
    DataError
        The array is of another type, is empty, or holds NaN or infinite values.
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
    write_bytes(path, image_bytes(image))


def image_bytes(image: ArrayLike) -> bytes:
    """Return the bytes of a PNG file of `image`, as `save_image` writes them.

    Parameters
    ----------
    image : array, shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)
        uint8, or floats in 0..1.

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
    Image.fromarray(_levels(np.asarray(image))).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _levels(image: Array) -> Array:
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)) or image.size == 0:
        raise ShapeMismatchError(f"an image has shape (h, w), (h, w, 3) or (h, w, 4), got {image.shape}")
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    if image.dtype.kind != "f":
        raise DataError(
            f"an image holds uint8 or floats in 0..1, got dtype {image.dtype}; divide by the value of white"
        )
    check_finite(image, "image")
    levels: Array = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
    return levels
