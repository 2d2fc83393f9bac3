"""Images with pixels marked: holes that were filled, and what was found to stand in the way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from imgnmf.errors import DataError, ShapeMismatchError
from imgnmf.viz.figures.pictures import LONGEST_NAME, difference_limit
from imgnmf.viz.quality import full_range
from imgnmf.viz.sheet import GAP, LABEL, LINE, NOTE, Cell, Grid, Sheet, open_sheet, shortened, text_width, tile_size
from imgnmf.viz.stack import Array, as_pictures, bands_note
from imgnmf.viz.style import DIFFERENCE, GREY, styled

__all__ = ["inpainted", "occluded"]

# Of a hole: a colour that no grey picture has, and hardly a photograph; skin and cloth are often orange.
HOLE = (1.0, 0.0, 1.0)


@styled
def inpainted(
    filled: ArrayLike,
    unknown: ArrayLike,
    *,
    originals: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    data_range: float | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw each image in a row: original, damaged, filled, error; damaged and filled alone without originals.

    Parameters
    ----------
    filled : array, shape (n, h, w) or (n, h, w, c)
        The images after inpainting.
    unknown : bool array, of the shape of `filled`, with or without its channels
        True where a pixel was filled: shown in magenta in the damaged image.
    originals : array, of the shape of `filled`, optional
        What was there before the damage. The PSNR over the filled pixels alone is written under each row then.
    names : sequence of str, optional
        Written left of the rows; long ones are cut in the middle.
    data_range : float, optional
        The value of white. By default the dtype's range for integers, 1 for floats within 0..1, else the
        largest value.
    title : str, optional
        Written above.
    ax : matplotlib.axes.Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeMismatchError
        `unknown`, `originals` or `names` do not fit.
    DataError
        Values are NaN or infinite, or `unknown` is not bool.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 64).reshape(1, 8, 8)
    >>> figure = inpainted(image, image > 0.9, originals=image + 0.01, names=["ramp"])
    """
    pictures = as_pictures(filled, "filled")
    holes = _holes("unknown", np.asarray(unknown), np.shape(filled))
    truth = None if originals is None else _like("originals", as_pictures(originals, "originals"), pictures)
    white = full_range(np.asarray(filled if originals is None else originals), data_range)
    labels = _labels(names, len(pictures))
    heads = ("damaged", "filled") if truth is None else ("original", "damaged", "filled", "error")
    grid = _grid(pictures, heads, labels, measured=truth is not None)
    note = _note(truth is not None) + bands_note(filled)
    width, height = grid.size(len(pictures) * len(heads))
    sheet, top = open_sheet(max(width, text_width(note, NOTE)), height + 4 * LINE, ax, title)
    cells = grid.below(top + LINE)
    _heads(sheet, cells, heads, labels)
    for row in range(len(labels)):
        shown = [_damaged(pictures[row] / white, holes[row]), pictures[row] / white]
        for column, picture in enumerate(shown if truth is None else [truth[row] / white, *shown]):
            sheet.tile(picture, cells.cell(row, column), cmap=GREY)
    if truth is not None:
        _errors(sheet, (pictures.astype(np.float64) - truth) / white, holes, cells)
    sheet.note(note, top + height + 4 * LINE)
    return sheet.figure


@styled
def occluded(
    images: ArrayLike,
    masks: ArrayLike,
    without: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    data_range: float | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw each image in a row: as it is, with what was found to stand in the way, and as the parts have it without.

    Parameters
    ----------
    images : array, shape (n, h, w) or (n, h, w, c)
    masks : bool array, of the shape of `images`, with or without its channels
        True where something stands in the way: shown in magenta.
    without : array, of the shape of `images`
        The products of parts and coefficients.
    names : sequence of str, optional
        Written left of the rows; long ones are cut in the middle.
    data_range : float, optional
        The value of white. By default the dtype's range for integers, 1 for floats within 0..1, else the
        largest value.
    title : str, optional
        Written above.
    ax : matplotlib.axes.Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeMismatchError
        `masks`, `without` or `names` do not fit.
    DataError
        Values are NaN or infinite, or `masks` is not bool.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 64).reshape(1, 8, 8)
    >>> figure = occluded(image, image > 0.9, image.clip(0, 0.9), names=["ramp"])
    """
    pictures = as_pictures(images, "images")
    hidden = _holes("masks", np.asarray(masks), np.shape(images))
    products = _like("without", as_pictures(without, "without"), pictures)
    white = full_range(np.asarray(images), data_range)
    shown = {
        "image": pictures / white,
        "found": np.stack([_damaged(*pair) for pair in zip(pictures / white, hidden, strict=True)]),
        "parts without it": np.clip(products / white, 0, 1),
    }
    labels = _labels(names, len(pictures))
    grid = _grid(pictures, tuple(shown), labels, measured=False)
    note = "magenta: neither the parts nor the other images explain it" + bands_note(images)
    width, height = grid.size(len(pictures) * len(shown))
    sheet, top = open_sheet(max(width, text_width(note, NOTE)), height + 3 * LINE, ax, title)
    cells = grid.below(top + LINE)
    _heads(sheet, cells, tuple(shown), labels)
    for column, tiles in enumerate(shown.values()):
        for row, tile in enumerate(tiles):
            sheet.tile(tile, cells.cell(row, column), cmap=GREY)
    sheet.note(note, top + height + 3 * LINE)
    return sheet.figure


def _holes(name: str, marked: Array, shape: tuple[int, ...]) -> Array:
    """Where anything is marked, shape (n, h, w)."""
    if marked.dtype != bool:
        raise DataError(f"{name} must be bool, True for a pixel to be marked, got {marked.dtype}")
    if marked.shape not in (shape, shape[:3]):
        raise ShapeMismatchError(
            f"{name} must have the shape of the images, {shape}, or {shape[:3]}, got {marked.shape}"
        )
    return np.asarray(marked.any(axis=3)) if marked.ndim == 4 else marked


def _like(name: str, others: Array, pictures: Array) -> Array:
    if others.shape != pictures.shape:
        raise ShapeMismatchError(f"{name} must have the shape of the images, {pictures.shape}, got {others.shape}")
    return others


def _labels(names: Sequence[str] | None, n_images: int) -> list[str]:
    if names is not None and len(names) != n_images:
        raise ShapeMismatchError(f"names must hold one name an image, {n_images}, got {len(names)}")
    return [""] * n_images if names is None else [shortened(" ".join(name.split()), LONGEST_NAME) for name in names]


def _grid(pictures: Array, heads: Sequence[str], labels: Sequence[str], *, measured: bool) -> Grid:
    margin = max(text_width(label, LABEL) for label in labels)
    width, height = tile_size(pictures.shape[1:], len(heads), available=504.0 - margin)
    step = max(width, *(text_width(head, LABEL, bold=True) for head in heads)) + GAP
    below = LINE if measured else 0.0
    return Grid(len(heads), width, height, step, height + GAP + below, left=margin + (6.0 if margin else 0.0))


def _heads(sheet: Sheet, cells: Grid, heads: Sequence[str], labels: Sequence[str]) -> None:
    for column, head in enumerate(heads):
        sheet.text(head, cells.cell(0, column).centre, cells.cell(0, column).top - 2.2, bold=True)
    for row, label in enumerate(labels):
        first = cells.cell(row, 0)
        sheet.text(label, first.left - 6.0, first.top + first.height / 2, align="right", vertical="center")


def _note(measured: bool) -> str:
    words = "magenta: unknown"
    return (
        words + ";  error: filled − original, in % of white; under it: PSNR in dB over the hole" if measured else words
    )


def _damaged(picture: Array, hole: Array) -> Array:
    colour = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture.copy()
    return np.where(hole[..., None], HOLE, colour)


def _errors(sheet: Sheet, error: Array, holes: Array, cells: Grid) -> None:
    signed = error.mean(axis=3) if error.ndim == 4 else error
    limit = difference_limit(np.abs(signed[holes]))
    for row, (tile, hole) in enumerate(zip(signed, holes, strict=True)):
        cell = cells.cell(row, cells.columns - 1)
        sheet.tile(tile, cell, cmap=DIFFERENCE, limits=(-limit, limit))
        sheet.text(_decibels(error[row][hole]), cell.centre, cell.bottom + LABEL + 0.6)
    _key(sheet, cells.cell(len(signed) - 1, cells.columns - 1), limit)


def _decibels(error: Array) -> str:
    squared = float(np.mean(error**2)) if error.size else 0.0
    return f"{-10 * np.log10(squared):.1f}" if squared else "exact" if error.size else "–"


def _key(sheet: Sheet, last: Cell, limit: float) -> None:
    key = Cell(last.left, last.bottom + LABEL + 5.0, last.width, 4.0)
    sheet.tile(np.linspace(-limit, limit, 256)[None], key, cmap=DIFFERENCE, limits=(-limit, limit))
    sheet.text(f"± {100 * limit:.3g} %", key.centre, key.bottom + NOTE + 1, size=NOTE)
