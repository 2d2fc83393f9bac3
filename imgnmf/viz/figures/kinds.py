"""Several ways to take the same images apart, a row of parts each, with what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from imgnmf.errors import NoImagesError, ParameterError
from imgnmf.viz.montage import scaled
from imgnmf.viz.sheet import GAP, LABEL, LINE, NOTE, PAGE_WIDTH, Grid, open_sheet, text_width, tile_size
from imgnmf.viz.stack import Array, as_pictures, bands_note, refuse_negative
from imgnmf.viz.style import QUIET, WHITE_IS_ZERO, styled

__all__ = ["kinds"]

MOST_SHOWN = 12
HEAD = LINE + 3.0  # above each row: its name, and what was measured
BETWEEN = 9.0


@styled
def kinds(
    stacks: Mapping[str, ArrayLike],
    *,
    facts: Mapping[str, str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw a row of parts for each kind, the kind's name and its figures above the row.

    Parameters
    ----------
    stacks : mapping of name to array, shape (k, h, w[, c]), >= 0
        The parts of each kind, the most important first; the first 12 are drawn, each on its own scale.
    facts : mapping of name to str, optional
        What was measured of a kind, a line of words.
    title : str, optional
        Written above, wrapped to the width.
    ax : matplotlib.axes.Axes, optional
        Draw here instead of on a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    NoImagesError
        There are no kinds.
    ParameterError
        `facts` names a kind that is not in `stacks`.
    DataError, ShapeMismatchError
        A stack holds NaN, infinite or negative values, or is none.

    Examples
    --------
    >>> import numpy as np
    >>> parts = np.eye(4).reshape(4, 2, 2)
    >>> figure = kinds({"global": parts, "local": parts[:2]}, facts={"local": "area 25 %"})
    >>> [text.get_text() for text in figure.axes[0].texts[:2]]
    ['global', 'local']
    """
    if not stacks:
        raise NoImagesError("there are no kinds of parts to draw: give at least one stack")
    said = dict(facts or {})
    if unknown := [name for name in said if name not in stacks]:
        raise ParameterError(f"facts names {unknown[0]!r}, which is not in stacks: {', '.join(stacks)}")
    rows = {name: as_pictures(stack, f"the parts of {name}") for name, stack in stacks.items()}
    for name, parts in rows.items():
        refuse_negative(parts, f"the parts of {name}")
    grid = _grid([parts.shape for parts in rows.values()])
    note = _shown(rows) + bands_note(next(iter(stacks.values())))
    widths = [text_width(name, LABEL, bold=True) + 2 * GAP + text_width(said.get(name, ""), LABEL) for name in rows]
    width, height = grid.size(grid.columns)[0], len(rows) * grid.row_step
    sheet, top = open_sheet(max(width, text_width(note, NOTE), *widths), height + LINE, ax, title)
    for place, name in enumerate(rows):
        base = top + place * grid.row_step + LINE
        sheet.text(name, 0, base, align="left", bold=True)
    for place, (name, parts) in enumerate(rows.items()):
        base = top + place * grid.row_step + LINE
        start = text_width(name, LABEL, bold=True) + 2 * GAP
        sheet.text(said.get(name, ""), start, base, align="left", colour=QUIET)
        for column, picture in enumerate(scaled(parts[: grid.columns], "per-tile")):
            sheet.tile(picture, grid.below(top).cell(place, column), cmap=WHITE_IS_ZERO)
    sheet.note(note, top + height + LINE)
    return sheet.figure


def _grid(shapes: list[tuple[int, ...]]) -> Grid:
    columns = min(MOST_SHOWN, max(shape[0] for shape in shapes))
    sizes = np.array([tile_size(shape[1:], columns, available=PAGE_WIDTH, largest=64.0) for shape in shapes])
    width, height = (float(size) for size in sizes.max(axis=0))
    return Grid(columns, width, height, width + GAP, HEAD + height + BETWEEN, above=HEAD)


def _shown(rows: Mapping[str, Array]) -> str:
    most = max(len(parts) for parts in rows.values())
    low, high = ("black", "full colour") if next(iter(rows.values())).ndim == 4 else ("white", "black")
    which = f"the first {MOST_SHOWN} of {most} parts of each kind" if most > MOST_SHOWN else "the parts of each kind"
    return f"{which}, each part on its own scale: {low} = 0, {high} = its largest value"
