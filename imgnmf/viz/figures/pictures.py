"""Figures of whole images: what each rank makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from imgnmf.errors import NoImagesError, ShapeMismatchError
from imgnmf.validation import check_flag
from imgnmf.viz.quality import full_range, psnr, ssim
from imgnmf.viz.sheet import (
    GAP,
    LABEL,
    LINE,
    NOTE,
    Cell,
    Grid,
    Sheet,
    open_sheet,
    shortened,
    text_width,
    tile_size,
)
from imgnmf.viz.stack import Array, as_pictures, bands_note
from imgnmf.viz.style import DIFFERENCE, GREY, styled

__all__ = ["LONGEST_NAME", "difference_limit", "name_row", "picture", "reconstructions"]

LONGEST_NAME = 72.0
SMALLEST_LIMIT = 0.01  # of white: about the smallest step of gray that one sees side by side


@styled
def reconstructions(
    originals: ArrayLike,
    by_rank: Mapping[int, ArrayLike],
    *,
    names: Sequence[str] | None = None,
    metrics: bool = True,
    data_range: float | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw each image in a row: the original, its reconstruction at every rank, what the largest misses.

    Parameters
    ----------
    originals : array, shape (n, h, w) or (n, h, w, c)
        The images.
    by_rank : mapping of int to array, shape (n, h, w[, c])
        The reconstructions of the same images, drawn by increasing rank.
    names : sequence of str, optional
        Written left of the rows; long ones are cut in the middle.
    metrics : bool
        Write PSNR (dB) and SSIM under each reconstruction.
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
    NoImagesError
        There are no images, or no ranks.
    ShapeMismatchError
        A reconstruction or `names` does not fit the originals.
    DataError
        Values are NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 64).reshape(1, 8, 8)
    >>> figure = reconstructions(image, {1: image * 0.5, 4: image * 0.9}, names=["ramp"])
    """
    images = as_pictures(originals, "originals")
    approximations = _checked_ranks(images, by_rank)
    check_flag("metrics", metrics)
    white = full_range(np.asarray(originals), data_range)
    labels = _row_names(names, len(images))
    grid = _picture_grid(images, len(approximations) + 2, labels, metrics)
    note = f"residual: original − reconstruction at k = {max(approximations)}, in % of white" + bands_note(originals)
    if metrics:
        note = "under each: PSNR in dB · SSIM;  " + note
    width, height = grid.size(len(images) * grid.columns)
    sheet, top = open_sheet(max(width, text_width(note, NOTE)), height + 4 * LINE, ax, title)
    cells = grid.below(top + LINE)
    _column_heads(sheet, cells, list(approximations))
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        name_row(sheet, label, cells.cell(row, 0))
        picture(sheet, image, cells.cell(row, 0), white)
        for column, approximation in enumerate(approximations.values(), start=1):
            picture(sheet, approximation[row], cells.cell(row, column), white)
            if metrics:
                _measures(sheet, image, approximation[row], cells.cell(row, column), white)
    best = approximations[max(approximations)]
    _residuals(sheet, (images.astype(np.float64) - best) / white, cells)
    sheet.note(note, top + height + 4 * LINE)
    return sheet.figure


def _checked_ranks(images: Array, by_rank: Mapping[int, ArrayLike]) -> dict[int, Array]:
    if not by_rank:
        raise NoImagesError("by_rank is empty: give at least one rank, {rank: reconstructions}")
    checked = {rank: as_pictures(by_rank[rank], f"by_rank[{rank}]") for rank in sorted(by_rank)}
    for rank, approximation in checked.items():
        if approximation.shape != images.shape:
            raise ShapeMismatchError(
                f"by_rank[{rank}] must have the shape of originals, {images.shape}, got {approximation.shape}"
            )
    return checked


def _row_names(names: Sequence[str] | None, n_images: int) -> list[str]:
    if names is None:
        return [""] * n_images
    if len(names) != n_images:
        raise ShapeMismatchError(f"names must hold one name an image, {n_images}, got {len(names)}")
    return [shortened(" ".join(name.split()), LONGEST_NAME) for name in names]


def _picture_grid(images: Array, columns: int, labels: Sequence[str], metrics: bool) -> Grid:
    head = max(text_width(label, LABEL) for label in labels)
    width, height = tile_size(images.shape[1:], columns, available=504.0 - head)
    step = max(width, text_width("28.1 · 0.912" if metrics else "residual", LABEL)) + GAP
    return Grid(
        columns,
        width,
        height,
        step,
        height + GAP + (LINE if metrics else 0),
        left=head + (6.0 if head else 0.0),
    )


def _column_heads(sheet: Sheet, cells: Grid, ranks: Sequence[int]) -> None:
    heads = ["original", *(f"k = {rank}" for rank in ranks), "residual"]
    for column, head in enumerate(heads):
        cell = cells.cell(0, column)
        sheet.text(head, cell.centre, cell.top - 2.2, bold=True)


def name_row(sheet: Sheet, label: str, first: Cell) -> None:
    """Write the name of a row left of its first tile."""
    sheet.text(label, first.left - 6.0, first.top + first.height / 2, align="right", vertical="center")


def picture(sheet: Sheet, image: Array, cell: Cell, white: float, head: str = "") -> None:
    """Draw an image between black and `white`, with a word above it."""
    sheet.tile(image / white, cell, cmap=GREY)
    sheet.text(head, cell.centre, cell.top - 1.8, bold=True)


def _measures(sheet: Sheet, original: Array, approximation: Array, cell: Cell, white: float) -> None:
    signal, similarity = psnr(original, approximation, white), ssim(original, approximation, white)
    words = "exact" if math.isinf(signal) else f"{signal:.1f}"
    shown = words if math.isnan(similarity) else f"{words} · {similarity:.3f}".replace("exact · 1.000", "exact")
    sheet.text(shown, cell.centre, cell.bottom + LABEL + 0.6)


def difference_limit(sizes: Array) -> float:
    """Return the end of the color scale for differences of these sizes, in units of white.

    It is the 99.5th percentile, as the far tail would wash every tile out, and at least one percent of white:
    a difference that no eye could see must not be drawn in full color.

    >>> difference_limit(np.full(4, 1e-5)), difference_limit(np.full(4, 0.25))
    (0.01, 0.25)
    """
    return max(float(np.quantile(sizes, 0.995)), SMALLEST_LIMIT) if sizes.size else SMALLEST_LIMIT


def _residuals(sheet: Sheet, residual: Array, cells: Grid) -> None:
    signed = residual.mean(axis=3) if residual.ndim == 4 else residual
    limit = difference_limit(np.abs(signed))
    for row, tile in enumerate(signed):
        sheet.tile(tile, cells.cell(row, cells.columns - 1), cmap=DIFFERENCE, limits=(-limit, limit))
    last = cells.cell(len(signed) - 1, cells.columns - 1)
    key = Cell(last.left, last.bottom + 4.0, last.width, 4.0)
    sheet.tile(np.linspace(-limit, limit, 256)[None], key, cmap=DIFFERENCE, limits=(-limit, limit))
    percent = f"{100 * limit:.3g} %"
    if 2 * text_width("−" + percent, NOTE) + GAP > key.width:
        sheet.text("± " + percent, key.centre, key.bottom + NOTE + 1, size=NOTE)
        return
    sheet.text("−" + percent, key.left, key.bottom + NOTE + 1, size=NOTE, align="left")
    sheet.text("+" + percent, key.left + key.width, key.bottom + NOTE + 1, size=NOTE, align="right")
