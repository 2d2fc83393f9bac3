"""The figure of an image that is built up from its parts."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from imgnmf.errors import ShapeMismatchError
from imgnmf.validation import checked_count
from imgnmf.viz.figures.pictures import name_row, picture
from imgnmf.viz.quality import full_range, relative_error
from imgnmf.viz.sheet import GAP, LABEL, LINE, NOTE, Cell, Grid, Sheet, open_sheet, text_width, tile_size
from imgnmf.viz.stack import Array, as_pictures, bands_note, check_finite, refuse_negative
from imgnmf.viz.style import WHITE_IS_ZERO, styled

__all__ = ["build_up"]

# A smaller share is written as 0.0 %.
SMALLEST_SHARE = 0.0005


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
        How many parts to show at most, strongest first. Parts that add less than 0.05 % are left out, and the
        figure says how many they are.
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
    checked_count("n_parts", n_parts, 1)
    white = full_range(np.asarray(original), data_range)
    strongest = _strongest(share, n_parts)
    grid = _step_grid(image, len(strongest) + 2)
    zero = "black" if parts.ndim == 4 else "white"
    note = f"part · its share of the light ({zero} = 0);  under the sums: relative error" + bands_note(parts_stack)
    left_out = _left_out(share, strongest)
    width, height = grid.size(2 * grid.columns)
    lines = [line for line in (note, left_out) if line]
    body = max(width, *(text_width(line, NOTE) for line in lines))
    sheet, top = open_sheet(body, height + (len(lines) + 1) * LINE, ax, title)
    cells = grid.below(top)
    for row, words in enumerate(("part", "sum so far")):
        name_row(sheet, words, cells.cell(row, 0))
    so_far = np.zeros(image.shape)
    for column, i in enumerate(strongest):
        so_far = so_far + contributions[i]
        _part(sheet, cells, column, parts[i], f"{i + 1} · {100 * share[i]:.1f} %")
        picture(sheet, so_far, cells.cell(1, column), white)
        _error_under(sheet, image, so_far, cells.cell(1, column))
    whole, original_cell = (cells.cell(1, len(strongest) + i) for i in (0, 1))
    picture(sheet, contributions.sum(axis=0), whole, white, head=f"all {len(parts)}")
    _error_under(sheet, image, contributions.sum(axis=0), whole)
    picture(sheet, image, original_cell, white, head="original")
    for number, line in enumerate(lines):
        sheet.note(line, top + height + (number + 2) * LINE)
    return sheet.figure


def _strongest(share: Array, n_parts: int) -> Array:
    """Return the parts to show; of a black image, which has none, the first."""
    order = np.argsort(-share, kind="stable")
    return order[: min(n_parts, max(1, int((share >= SMALLEST_SHARE).sum())))]


def _left_out(share: Array, shown: Array) -> str:
    """Say how many parts are not drawn, and what they add."""
    n_more, n_empty = int((share >= SMALLEST_SHARE).sum()) - len(shown), int((share < SMALLEST_SHARE).sum())
    rest = 100 * (1 - share[shown].sum())
    words = [
        f"{n_more} more part{'s' * (n_more > 1)}: {rest:.1f} % together" if n_more > 0 else "",
        f"left out: {n_empty} part{'s' * (n_empty > 1)} of less than 0.05 %" if n_empty and share.any() else "",
    ]
    return ";  ".join(word for word in words if word)


def _step_grid(image: Array, columns: int) -> Grid:
    head = text_width("sum so far", LABEL) + 6.0
    width, height = tile_size(image.shape, columns, available=504.0 - head)
    step = max(width, text_width("100 · 12.3 %", LABEL)) + GAP
    return Grid(columns, width, height, step, LINE + height + GAP, above=LINE, left=head)


def _part(sheet: Sheet, cells: Grid, column: int, part: Array, label: str) -> None:
    cell = cells.cell(0, column)
    sheet.tile(part / (part.max() or 1), cell, cmap=WHITE_IS_ZERO)
    sheet.text(label, cell.centre, cell.top - 1.8)
    if column:
        middle = cell.left - (cells.column_step - cells.width) / 2
        sheet.text("+", middle, cell.top + cell.height / 2, vertical="center", bold=True)


def _error_under(sheet: Sheet, original: Array, approximation: Array, cell: Cell) -> None:
    error = relative_error(original, approximation)
    sheet.text("–" if math.isinf(error) else f"{100 * error:.1f} %", cell.centre, cell.bottom + LABEL + 0.6)


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
