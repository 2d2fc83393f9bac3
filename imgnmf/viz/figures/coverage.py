"""The figure of which part owns which pixel."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from imgnmf.viz.sheet import LABEL, NOTE, Cell, Sheet, open_sheet, shortened, text_width, tile_size
from imgnmf.viz.stack import Array, as_pictures, bands_note, refuse_negative
from imgnmf.viz.style import INK, PALETTE, styled

__all__ = ["coverage"]


@styled
def coverage(stack: ArrayLike, *, title: str | None = None, ax: Axes | None = None) -> Figure:
    """Draw which part owns which pixel: the one that is strongest there, each part on its own scale.

    A region is named by its part's number, counted from 1, where there is room for it; colours only keep
    neighbours apart. The paler a pixel, the more it is shared with other parts; white pixels belong to none.

    Parameters
    ----------
    stack : array, shape (k, h, w) or (k, h, w, c), >= 0
        The parts; of colour parts the mean over the channels counts.
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
        `stack` holds NaN, infinite or negative values, or nothing.

    Examples
    --------
    >>> import numpy as np
    >>> figure = coverage(np.eye(4).reshape(4, 2, 2))
    >>> [label.get_text() for label in figure.axes[0].texts[:4]]
    ['1', '2', '3', '4']
    """
    pictures = as_pictures(stack)
    refuse_negative(pictures, "stack")
    parts = pictures.mean(axis=3) if pictures.ndim == 4 else pictures.astype(np.float64)
    owner, share = _owners(parts)
    width, height = tile_size(owner.shape, 1, available=252.0, largest=252.0)
    note = "the number of the strongest part; pale = shared with others, white = no part" + bands_note(stack)
    words = shortened(note, max(width, text_width(note, NOTE)), NOTE)
    body = max(width, text_width(words, NOTE))
    sheet, top = open_sheet(body, height + 2 * LABEL, ax, title)
    cell = Cell((body - width) / 2, top, width, height)
    sheet.tile(_owner_colours(owner, share), cell)
    _draw_borders(sheet, owner, cell)
    _number_regions(sheet, owner, cell)
    sheet.note(words, top + height + 2 * LABEL)
    return sheet.figure


def _owners(parts: Array) -> tuple[Array, Array]:
    """Return the strongest part of each pixel, -1 for none, and its share of all parts there."""
    peaks = parts.max(axis=(1, 2), keepdims=True)
    own = parts / np.where(peaks > 0, peaks, 1)
    total = own.sum(axis=0)
    owner = np.where(total > 0, own.argmax(axis=0), -1)
    return owner, own.max(axis=0) / np.where(total > 0, total, 1)


def _owner_colours(owner: Array, share: Array) -> Array:
    palette = np.array([to_rgb(colour) for colour in PALETTE[:-1]])
    solid = palette[_colours_apart(owner)[owner]]
    # Never paler than a third: a region stays visible, whoever it is shared with.
    strength = (0.35 + 0.5 * share)[..., None]
    return np.where(owner[..., None] >= 0, 1 - strength * (1 - solid), 1.0)


def _colours_apart(owner: Array) -> Array:
    """Give each part the colour that its already coloured neighbours use least."""
    n_parts, n_colours = int(owner.max()) + 1, len(PALETTE) - 1
    touching = np.zeros((n_parts + 1, n_parts + 1), dtype=np.int64)
    for first, second in ((owner[1:], owner[:-1]), (owner[:, 1:], owner[:, :-1])):
        np.add.at(touching, (first.ravel(), second.ravel()), 1)
    touching += touching.T
    colours = np.full(n_parts + 1, -1)
    for part in range(n_parts):
        used = np.array([touching[part, colours == c].sum() for c in range(n_colours)])
        free = np.flatnonzero(used == used.min())
        # Starting elsewhere for each part spreads the colours over the picture.
        colours[part] = free[((free - part) % n_colours).argmin()]
    return colours


def _draw_borders(sheet: Sheet, owner: Array, cell: Cell) -> None:
    across, down = cell.width / owner.shape[1], cell.height / owner.shape[0]
    rows, columns = np.nonzero(owner[:, 1:] != owner[:, :-1])
    x, y = cell.left + (columns + 1) * across, cell.top + rows * down
    sheet.axes.vlines(x, y, y + down, color=INK, linewidth=0.5)
    rows, columns = np.nonzero(owner[1:] != owner[:-1])
    x, y = cell.left + columns * across, cell.top + (rows + 1) * down
    sheet.axes.hlines(y, x, x + across, color=INK, linewidth=0.5)


def _number_regions(sheet: Sheet, owner: Array, cell: Cell) -> None:
    across, down = cell.width / owner.shape[1], cell.height / owner.shape[0]
    for part in range(int(owner.max()) + 1):
        words = str(part + 1)
        room = math.ceil(LABEL / down), math.ceil((text_width(words, LABEL, bold=True) + 2.0) / across)
        place = _place_within(owner == part, room)
        if place is not None:
            x, y = cell.left + place[1] * across, cell.top + place[0] * down
            sheet.text(words, x, y, vertical="center", bold=True)


def _place_within(region: Array, room: tuple[int, int]) -> Array | None:
    """Return the middle of the window of this size, in pixels, that is within the region and nearest to its middle."""
    # Anywhere else a number would touch that of a neighbour.
    if room[0] > region.shape[0] or room[1] > region.shape[1]:
        return None
    middles = np.argwhere(sliding_window_view(region, room).all(axis=(2, 3))) + np.array(room) / 2
    if not len(middles):
        return None
    centre = np.median(np.argwhere(region) + 0.5, axis=0)
    return np.asarray(middles[np.abs(middles - centre).sum(axis=1).argmin()])
