"""Parts of parts: every layer a row of tiles, and lines from each large part to the small ones that make it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from imgnmf.errors import ParameterError, ShapeMismatchError
from imgnmf.viz.montage import scaled
from imgnmf.viz.sheet import GAP, LABEL, LINE, NOTE, PAGE_WIDTH, Cell, Sheet, open_sheet, text_width, tile_size
from imgnmf.viz.stack import Array, as_pictures, bands_note, check_finite, refuse_negative
from imgnmf.viz.style import PALETTE, WHITE_IS_ZERO, styled

__all__ = ["layer_tree"]

MOST_SHOWN, LINES, WIDEST = 18, 3, 7.0
ROOM = 44.0  # between two rows, for the lines


@styled
def layer_tree(
    stacks: Sequence[ArrayLike],
    shares: Sequence[ArrayLike],
    *,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw which small parts make which large one: the smallest parts at the bottom, what they make above them.

    Each large part has lines to the three small parts that hold most of its light; the wider, the more. A row
    shows 18 parts at most, those with the largest shares, each near the parts it makes, so that few lines cross.

    Parameters
    ----------
    stacks : sequence of array, each of shape (k, h, w[, c]), >= 0
        The parts of each layer, the smallest parts first: ``[images.stack(deep.basis(i)) for i in ...]``.
    shares : sequence of array, each of shape (k_small, k_large), >= 0
        One fewer than `stacks`: the share of each small part in each large part of the layer behind.
    title : str, optional
        Written above, wrapped to the width.
    ax : matplotlib.axes.Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        Parts or shares hold NaN, infinite or negative values, or nothing.
    ShapeMismatchError
        Shares and stacks do not fit together.
    ParameterError
        There are fewer than two layers.

    Examples
    --------
    >>> import numpy as np
    >>> small = np.eye(4).reshape(4, 2, 2)
    >>> figure = layer_tree([small, small[:2] + small[2:]], [np.vstack([np.eye(2), np.eye(2)]) / 2], title="Halves")
    >>> figure.axes[0].texts[0].get_text()
    'Halves'
    """
    pictures = [as_pictures(stack, f"stacks[{i}]") for i, stack in enumerate(stacks)]
    links = _checked_shares(shares, [len(parts) for parts in pictures])
    shown = _shown(len(pictures[-1]), links)
    names = [_row_name(len(rows), len(parts)) for rows, parts in zip(shown, pictures, strict=True)]
    left = max(text_width(name, LABEL, bold=True) for name in names) + 2 * GAP
    note = "lines: the three largest shares of each part, as far as they are shown, wider for more" + bands_note(
        stacks[0]
    )
    rows, width, height = _places(pictures, shown, left)
    sheet, top = open_sheet(max(width, text_width(note, NOTE)), height + LINE, ax, title)
    rows = [[Cell(c.left, c.top + top, c.width, c.height) for c in row] for row in rows]
    for i, link in enumerate(links):
        _lines(
            sheet,
            link[np.ix_(shown[i], shown[i + 1])],
            _strongest(link)[np.ix_(shown[i], shown[i + 1])],
            rows[i : i + 2],
        )
    for parts, order, row, name in zip(pictures, shown, rows, names, strict=True):
        _tiles(sheet, scaled(parts, "per-tile"), order, row)
        middle = row[0].top + row[0].height / 2
        sheet.text(name, 0, middle, align="left", vertical="center", bold=True)
    sheet.note(note, top + height + LINE)
    return sheet.figure


def _checked_shares(shares: Sequence[ArrayLike], sizes: Sequence[int]) -> list[Array]:
    if len(sizes) < 2:
        raise ParameterError(f"a tree needs at least two layers of parts, got {len(sizes)}; draw one with basis")
    links = [np.asarray(share, dtype=np.float64) for share in shares]
    wanted = list(pairwise(sizes))
    if [link.shape for link in links] != wanted:
        raise ShapeMismatchError(
            f"shares must have the shapes {wanted}, (small parts, large parts) between two stacks, "
            f"got {[link.shape for link in links]}"
        )
    for i, link in enumerate(links):
        check_finite(link, f"shares[{i}]")
        refuse_negative(link, f"shares[{i}]")
    return links


def _strongest(link: Array) -> Array:
    """Where the largest shares of each large part are."""
    place = np.argsort(np.argsort(-link, axis=0, kind="stable"), axis=0)
    return np.asarray((place < LINES) & (link > 0))


def _shown(n_top: int, links: Sequence[Array]) -> list[Array]:
    """Which parts of each layer are drawn, from left to right."""
    rows = [np.arange(min(n_top, MOST_SHOWN))]
    for link in reversed(links):
        seen = np.where(_strongest(link), link, 0)[:, rows[-1]]
        kept = np.argsort(-seen.max(axis=1), kind="stable")[:MOST_SHOWN]
        total = seen[kept].sum(axis=1)
        centre = (seen[kept] @ np.arange(seen.shape[1])) / np.where(total > 0, total, 1)
        rows.append(kept[np.argsort(np.where(total > 0, centre, np.inf), kind="stable")])
    return rows[::-1]


def _row_name(shown: int, of: int) -> str:
    return f"{of} parts" if shown == of else f"{shown} of {of}"


def _places(pictures: Sequence[Array], shown: Sequence[Array], left: float) -> tuple[list[list[Cell]], float, float]:
    """The cells of each row, bottom row first, and the size of it all."""
    room = PAGE_WIDTH - left
    sizes = [tile_size(p.shape[1:], len(s), available=room, largest=64.0) for p, s in zip(pictures, shown, strict=True)]
    widest = max([room, *(len(s) * (w + GAP) for s, (w, _) in zip(shown, sizes, strict=True))])
    rows, top = [], 0.0
    for order, (width, height) in list(zip(shown, sizes, strict=True))[::-1]:
        step = widest / len(order)
        start = left + (step - width) / 2
        rows.append([Cell(start + i * step, top + LINE, width, height) for i in range(len(order))])
        top += LINE + height + ROOM
    return rows[::-1], left + widest, top - ROOM + GAP


def _lines(sheet: Sheet, link: Array, drawn: Array, rows: Sequence[Sequence[Cell]]) -> None:
    below, above = rows
    for small, large in np.argwhere(drawn):
        sheet.axes.plot(
            [above[large].centre, below[small].centre],
            [above[large].bottom + 2.0, below[small].top - LINE - 2.5],
            color=PALETTE[large % len(PALETTE)],
            linewidth=max(0.4, WIDEST * min(link[small, large], 1.0)) * sheet.shrink,
            alpha=0.75,
            solid_capstyle="butt",
        )


def _tiles(sheet: Sheet, pictures: Array, order: Array, row: Sequence[Cell]) -> None:
    for part, cell in zip(order, row, strict=True):
        sheet.tile(pictures[part], cell, cmap=WHITE_IS_ZERO)
        sheet.text(str(part + 1), cell.centre, cell.top - 1.8)
