"""Figures of the parts themselves: the basis, two bases side by side, and who owns which pixel."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from imgnmf.errors import ParameterError, ShapeMismatchError
from imgnmf.validation import checked_choice, checked_count
from imgnmf.viz.montage import Scale, scaled
from imgnmf.viz.quality import sparseness
from imgnmf.viz.sheet import GAP, LABEL, LINE, NOTE, Cell, Grid, Sheet, open_sheet, text_width, tile_size
from imgnmf.viz.stack import Array, as_pictures, bands_note, check_finite, default_columns, refuse_negative
from imgnmf.viz.style import WHITE_IS_ZERO, styled

__all__ = ["basis", "compare"]


@styled
def basis(
    stack: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    order: Literal["energy", "sparseness"] | None = None,
    scale: Scale = "per-tile",
    columns: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw every part as a tile of crisp pixels, its number above it.

    Grey parts are drawn as on paper, white for 0 and black for the largest value; colour parts as light,
    black for 0. The figure says which scale it uses.

    Parameters
    ----------
    stack : array, shape (k, h, w) or (k, h, w, c), >= 0
        The parts: ``images.stack(fit.W)``. Three channels are drawn in colour, any other number as their
        mean.
    weights : array, shape (k,), >= 0, optional
        How much each part is used, say ``fit.H.sum(axis=1)`` for parts of equal size; shown as a share of
        the sum.
    order : {"energy", "sparseness"}, optional
        Draw the parts with the largest weight first (the brightest, without `weights`), or the sparsest
        first. A part keeps its number, its place in `stack` counted from 1.
    scale : {"per-tile", "shared"}
        Each part on its own scale, or all on one.
    columns : int, optional
        Tiles in a row.
    title : str, optional
        Written above, wrapped to the width.
    ax : matplotlib.axes.Axes, optional
        Draw here instead of on a new figure of the right size.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        `stack` or `weights` hold NaN, infinite or negative values, or nothing.
    ShapeMismatchError
        `stack` is not a stack of images, or there is not one weight a part.
    ParameterError
        An option is out of its bounds.

    Examples
    --------
    >>> import numpy as np
    >>> figure = basis(np.eye(4).reshape(4, 2, 2), title="Four pixels")
    >>> figure.axes[0].texts[0].get_text()
    'Four pixels'
    """
    parts = as_pictures(stack)
    checked_choice("scale", scale, ("per-tile", "shared"))
    shown = scaled(parts, scale)
    share = None if weights is None else _shares(weights, len(parts))
    labels = [str(i + 1) if share is None else f"{i + 1} · {_percent(share[i])}" for i in range(len(parts))]
    note = _scale_note(parts, scale, weighted=share is not None) + bands_note(stack)
    grid = _basis_grid(parts, columns, widest=max(text_width(label, LABEL) for label in labels))
    width, height = grid.size(len(parts))
    sheet, top = open_sheet(max(width, text_width(note, NOTE)), height + LINE, ax, title)
    for place, index in enumerate(_order(parts, share, order)):
        cell = grid.below(top).place(place)
        sheet.tile(shown[index], cell, cmap=WHITE_IS_ZERO)
        sheet.text(labels[index], cell.centre, cell.top - 1.8)
    sheet.note(note, top + height + LINE)
    return sheet.figure


@styled
def compare(
    stack_a: ArrayLike,
    stack_b: ArrayLike,
    matching: ArrayLike,
    *,
    names: tuple[str, str] = ("A", "B"),
    columns: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw two bases matched one to one, best match first, with the cosine of each pair.

    Parameters
    ----------
    stack_a, stack_b : array, shape (k, h, w[, c]) and (j, h, w[, c]), >= 0
        The two bases.
    matching : array of int, shape (k,)
        ``matching[i]`` is the place in `stack_b` of the partner of part i of `stack_a`; -1 for a part
        without one.
    names : (str, str)
        What to call the two.
    columns : int, optional
        Pairs in a row.
    title : str, optional
        Written above.
    ax : matplotlib.axes.Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        A stack holds NaN, infinite or negative values, or nothing.
    ShapeMismatchError
        The images differ in size, or `matching` does not have one entry a part.
    ParameterError
        `matching` names a part that `stack_b` does not have.

    Examples
    --------
    >>> import numpy as np
    >>> parts = np.eye(4).reshape(4, 2, 2)
    >>> figure = compare(parts, parts[::-1], [3, 2, 1, 0], names=("this run", "that run"))
    """
    a, b = as_pictures(stack_a, "stack_a"), as_pictures(stack_b, "stack_b")
    partner = _partners(matching, a, b)
    cosine = _cosines(a, b, partner)
    shown_a, shown_b = scaled(a, "per-tile"), scaled(b, "per-tile")
    grid = _pair_grid(a, columns, head=max(text_width(name, LABEL, bold=True) for name in names))
    note = f"above: part of {names[0]} ↔ part of {names[1]};  below: their cosine" + bands_note(stack_a)
    width, height = grid.size(len(a))
    sheet, top = open_sheet(max(width, text_width(note, NOTE)), height + LINE, ax, title)
    for place, i in enumerate(np.argsort(-cosine, kind="stable")):
        upper = grid.below(top).place(place)
        lower = Cell(upper.left, upper.bottom + 3.0, upper.width, upper.height)
        matched = partner[i] >= 0
        sheet.tile(shown_a[i], upper, cmap=WHITE_IS_ZERO)
        sheet.text(f"{i + 1} ↔ {partner[i] + 1}" if matched else f"{i + 1}", upper.centre, upper.top - 1.8)
        sheet.text(f"{cosine[i]:.3f}" if matched else "no match", lower.centre, lower.bottom + LABEL + 0.8)
        if matched:
            sheet.tile(shown_b[partner[i]], lower, cmap=WHITE_IS_ZERO)
        if place % grid.columns == 0:
            _name_rows(sheet, names, upper, lower, right=grid.left - 6.0)
    sheet.note(note, top + height + LINE)
    return sheet.figure


def _basis_grid(parts: Array, columns: int | None, widest: float) -> Grid:
    per_row = _columns(columns, len(parts), default_columns(len(parts), parts.shape[1] / parts.shape[2]))
    width, height = tile_size(parts.shape[1:], per_row)
    return Grid(per_row, width, height, max(width, widest) + GAP, LINE + height + GAP, above=LINE)


def _pair_grid(parts: Array, columns: int | None, head: float) -> Grid:
    per_row = _columns(columns, len(parts), 10)
    width, height = tile_size(parts.shape[1:], per_row, largest=64.0)
    column_step = max(width, text_width("000 ↔ 000", LABEL)) + GAP
    row_step = 2 * LINE + 2 * height + 3.0 + 2 * GAP
    return Grid(per_row, width, height, column_step, row_step, above=LINE, left=head + 6.0)


def _columns(columns: int | None, n_tiles: int, default: int) -> int:
    if columns is not None:
        checked_count("columns", columns, 1)
    return min(columns or default, n_tiles)


def _name_rows(sheet: Sheet, names: tuple[str, str], upper: Cell, lower: Cell, right: float) -> None:
    for name, tile in zip(names, (upper, lower), strict=True):
        sheet.text(name, right, tile.top + tile.height / 2, align="right", vertical="center", bold=True)


def _shares(weights: ArrayLike, n_parts: int) -> Array:
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (n_parts,):
        raise ShapeMismatchError(
            f"weights must hold one number a part, shape ({n_parts},), got {values.shape}; say H.sum(axis=1)"
        )
    check_finite(values, "weights")
    refuse_negative(values, "weights")
    total = values.sum()
    return values / total if total > 0 else values


def _order(parts: Array, share: Array | None, order: str | None) -> Array:
    if order is None:
        return np.arange(len(parts))
    checked_choice("order", order, ("energy", "sparseness"))
    if order == "sparseness":
        return np.argsort(-sparseness(parts), kind="stable")
    energy = np.linalg.norm(parts.reshape(len(parts), -1), axis=1) if share is None else share
    return np.argsort(-energy, kind="stable")


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f} %" if percent >= 9.95 or percent == 0 else f"{percent:.1f} %"


def _scale_note(parts: Array, scale: Scale, *, weighted: bool) -> str:
    low, high = ("black", "full colour") if parts.ndim == 4 else ("white", "black")
    own = f"each part on its own scale: {low} = 0, {high} = its largest value"
    one = f"all parts on one scale: {low} = 0, {high} = {parts.max():.3g}"
    return (own if scale == "per-tile" else one) + (";  %: share of the weights" if weighted else "")


def _partners(matching: ArrayLike, a: Array, b: Array) -> Array:
    if a.shape[1:] != b.shape[1:]:
        raise ShapeMismatchError(f"the parts must be of one size to compare them, got {a.shape[1:]} and {b.shape[1:]}")
    partner = np.asarray(matching)
    if partner.shape != (len(a),) or partner.dtype.kind not in "iu":
        raise ShapeMismatchError(
            f"matching must hold one integer a part of stack_a, shape ({len(a)},), "
            f"got {partner.dtype} of shape {partner.shape}"
        )
    if partner.min() < -1 or partner.max() >= len(b):
        raise ParameterError(
            f"matching must be -1 (no partner) or 0 .. {len(b) - 1}, found {partner.min()} .. {partner.max()}"
        )
    return partner.astype(np.intp)


def _cosines(a: Array, b: Array, partner: Array) -> Array:
    first, second = _unit_rows(a), _unit_rows(b)
    return np.where(partner >= 0, np.einsum("ij,ij->i", first, second[partner]), -1.0)


def _unit_rows(stack: Array) -> Array:
    flat = stack.reshape(len(stack), -1).astype(np.float64)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat / np.where(length > 0, length, 1)
