"""Figures of whole images: what each rank makes of them, and how one is built up from its parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from imgnmf.errors import NoImagesError, ParameterError, ShapeMismatchError
from imgnmf.viz.quality import full_range, psnr, relative_error, ssim
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
from imgnmf.viz.stack import Array, as_pictures, bands_note, check_finite, refuse_negative
from imgnmf.viz.style import DIFFERENCE, GREY, WHITE_IS_ZERO, styled

__all__ = ["build_up", "reconstructions"]

LONGEST_NAME = 72.0


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
        _name_row(sheet, label, cells.cell(row, 0))
        _picture(sheet, image, cells.cell(row, 0), white)
        for column, approximation in enumerate(approximations.values(), start=1):
            _picture(sheet, approximation[row], cells.cell(row, column), white)
            if metrics:
                _measures(sheet, image, approximation[row], cells.cell(row, column), white)
    best = approximations[max(approximations)]
    _residuals(sheet, (images.astype(np.float64) - best) / white, cells)
    sheet.note(note, top + height + 4 * LINE)
    return sheet.figure


@styled
def build_up(
    original: ArrayLike,
    parts_stack: ArrayLike,
    coefficients: ArrayLike,
    *,
    n_parts: int = 8,
    data_range: float | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw an image as the running sum of its strongest parts: the part, its weight, the sum so far.

    The weight is the part's share of the reconstruction's light, so the weights of all parts add up to 100 %
    and do not depend on how the factorization splits scale between part and coefficient.

    Parameters
    ----------
    original : array, shape (h, w) or (h, w, c)
        The image.
    parts_stack : array, shape (k, h, w[, c]), >= 0
        The parts.
    coefficients : array, shape (k,), >= 0
        How much of each part the image holds: a column of H.
    n_parts : int
        How many parts to show, strongest first; at most k are there.
    data_range : float, optional
        The value of white, as in `reconstructions`.
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
        The parts differ in size from the image, or there is not one coefficient a part.
    DataError
        Values are NaN, infinite or negative.
    ParameterError
        An option is out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> parts = np.eye(4).reshape(4, 2, 2)
    >>> figure = build_up(np.array([[1.0, 0.5], [0.2, 0.0]]), parts, [1.0, 0.5, 0.2, 0.0], n_parts=3)
    """
    image = as_pictures(np.asarray(original)[None], "original")[0]
    parts = as_pictures(parts_stack, "parts_stack")
    share, contributions = _contributions(image, parts, coefficients)
    if n_parts < 1:
        raise ParameterError(f"n_parts must be >= 1, got {n_parts}")
    white = full_range(np.asarray(original), data_range)
    strongest = np.argsort(-share, kind="stable")[:n_parts]
    grid = _step_grid(image, len(strongest) + 2)
    note = "part · its share of the light (white = 0);  under the sums: relative error" + bands_note(parts_stack)
    width, height = grid.size(2 * grid.columns)
    sheet, top = open_sheet(max(width, text_width(note, NOTE)), height + 2 * LINE, ax, title)
    cells = grid.below(top)
    for row, words in enumerate(("part", "sum so far")):
        _name_row(sheet, words, cells.cell(row, 0))
    so_far = np.zeros(image.shape)
    for column, i in enumerate(strongest):
        so_far = so_far + contributions[i]
        _part(sheet, cells, column, parts[i], f"{i + 1} · {100 * share[i]:.1f} %")
        _picture(sheet, so_far, cells.cell(1, column), white)
        _error_under(sheet, image, so_far, cells.cell(1, column))
    whole, original_cell = (cells.cell(1, len(strongest) + i) for i in (0, 1))
    _picture(sheet, contributions.sum(axis=0), whole, white, head=f"all {len(parts)}")
    _error_under(sheet, image, contributions.sum(axis=0), whole)
    _picture(sheet, image, original_cell, white, head="original")
    sheet.note(note, top + height + 2 * LINE)
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


def _step_grid(image: Array, columns: int) -> Grid:
    head = text_width("sum so far", LABEL) + 6.0
    width, height = tile_size(image.shape, columns, available=504.0 - head)
    step = max(width, text_width("100 · 12.3 %", LABEL)) + GAP
    return Grid(columns, width, height, step, LINE + height + GAP, above=LINE, left=head)


def _column_heads(sheet: Sheet, cells: Grid, ranks: Sequence[int]) -> None:
    heads = ["original", *(f"k = {rank}" for rank in ranks), "residual"]
    for column, head in enumerate(heads):
        cell = cells.cell(0, column)
        sheet.text(head, cell.centre, cell.top - 2.2, bold=True)


def _name_row(sheet: Sheet, label: str, first: Cell) -> None:
    sheet.text(label, first.left - 6.0, first.top + first.height / 2, align="right", vertical="center")


def _part(sheet: Sheet, cells: Grid, column: int, part: Array, label: str) -> None:
    cell = cells.cell(0, column)
    sheet.tile(part / (part.max() or 1), cell, cmap=WHITE_IS_ZERO)
    sheet.text(label, cell.centre, cell.top - 1.8)
    if column:
        middle = cell.left - (cells.column_step - cells.width) / 2
        sheet.text("+", middle, cell.top + cell.height / 2, vertical="center", bold=True)


def _picture(sheet: Sheet, picture: Array, cell: Cell, white: float, head: str = "") -> None:
    sheet.tile(picture / white, cell, cmap=GREY)
    sheet.text(head, cell.centre, cell.top - 1.8, bold=True)


def _measures(sheet: Sheet, original: Array, approximation: Array, cell: Cell, white: float) -> None:
    signal, similarity = psnr(original, approximation, white), ssim(original, approximation, white)
    words = "exact" if math.isinf(signal) else f"{signal:.1f}"
    shown = words if math.isnan(similarity) else f"{words} · {similarity:.3f}".replace("exact · 1.000", "exact")
    sheet.text(shown, cell.centre, cell.bottom + LABEL + 0.6)


def _error_under(sheet: Sheet, original: Array, approximation: Array, cell: Cell) -> None:
    error = relative_error(original, approximation)
    sheet.text("–" if math.isinf(error) else f"{100 * error:.1f} %", cell.centre, cell.bottom + LABEL + 0.6)


def _residuals(sheet: Sheet, residual: Array, cells: Grid) -> None:
    signed = residual.mean(axis=3) if residual.ndim == 4 else residual
    # The far tail would wash every tile out: the scale ends where one pixel in two hundred does.
    limit = float(np.quantile(np.abs(signed), 0.995)) or 1.0
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


def _contributions(image: Array, parts: Array, coefficients: ArrayLike) -> tuple[Array, Array]:
    if parts.shape[1:] != image.shape:
        raise ShapeMismatchError(f"the parts must have the size of the image, {image.shape}, got {parts.shape[1:]}")
    weights = np.asarray(coefficients, dtype=np.float64)
    if weights.shape != (len(parts),):
        raise ShapeMismatchError(
            f"coefficients must hold one number a part, shape ({len(parts)},), got {weights.shape}"
        )
    check_finite(weights, "coefficients")
    refuse_negative(weights, "coefficients")
    refuse_negative(parts, "parts_stack")
    contributions = parts.astype(np.float64) * weights.reshape(-1, *(1,) * image.ndim)
    light = contributions.reshape(len(parts), -1).sum(axis=1)
    return light / (light.sum() or 1.0), contributions
