"""A sheet measured in points: tiles and words at exact places, so pixels stay crisp and nothing collides."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextToPath

from imgnmf.viz.stack import Array
from imgnmf.viz.style import DPI, FAINT, FONT, INK, QUIET, printable

__all__ = [
    "GAP",
    "LABEL",
    "LINE",
    "NOTE",
    "TITLE",
    "Cell",
    "Grid",
    "Sheet",
    "figure_of",
    "open_sheet",
    "shortened",
    "text_width",
    "tile_size",
]

TITLE, LABEL, NOTE = 9.0, 6.5, 6.0
LINE = LABEL * 1.25
GAP = 4.0
MARGIN = 9.0
SMALLEST = 22.0
POINTS_PER_INCH = 72.0
PAGE_WIDTH = 504.0  # seven inches: the text width of a two-column journal

Align = Literal["left", "center", "right"]


@dataclass(frozen=True)
class Cell:
    """A rectangle on the sheet, in points from its upper left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        """The horizontal middle."""
        return self.left + self.width / 2

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height


@dataclass(frozen=True)
class Grid:
    """Places of equally sized tiles, in points: `step` from one to the next, `above` of words over each."""

    columns: int
    width: float
    height: float
    column_step: float
    row_step: float
    above: float = 0.0
    left: float = 0.0
    top: float = 0.0

    def cell(self, row: int, column: int) -> Cell:
        """Return the tile in this row and column."""
        slack = (self.column_step - GAP - self.width) / 2
        left = self.left + column * self.column_step + slack
        return Cell(left, self.top + row * self.row_step + self.above, self.width, self.height)

    def place(self, number: int) -> Cell:
        """Return the tile at this place, counted along the rows."""
        return self.cell(*divmod(number, self.columns))

    def size(self, n_tiles: int) -> tuple[float, float]:
        """Return the width and height that so many tiles take, words included."""
        rows = -(-n_tiles // self.columns)
        return self.left + self.columns * self.column_step - GAP, rows * self.row_step

    def below(self, distance: float) -> Grid:
        """Return the same grid further down."""
        return replace(self, top=self.top + distance)


@dataclass(frozen=True)
class Sheet:
    """The axes drawn on, and how much smaller than life they are."""

    axes: Axes
    shrink: float

    def tile(
        self,
        picture: Array,
        cell: Cell,
        *,
        cmap: str | Colormap = "gray",
        limits: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        """Draw a picture (h, w) in `cmap` between `limits`, or (h, w, 3) as it is, framed by a hair line."""
        self.axes.imshow(
            picture if picture.ndim == 2 else picture.clip(0, 1),
            cmap=cmap,
            vmin=limits[0],
            vmax=limits[1],
            extent=(cell.left, cell.left + cell.width, cell.bottom, cell.top),
            interpolation=_interpolation(picture, cell),
        )
        self.axes.add_patch(
            Rectangle((cell.left, cell.top), cell.width, cell.height, fill=False, edgecolor=FAINT, linewidth=0.4)
        )

    def text(
        self,
        words: str,
        x: float,
        y: float,
        *,
        size: float = LABEL,
        align: Align = "center",
        vertical: Literal["top", "center", "bottom", "baseline"] = "baseline",
        colour: str = INK,
        bold: bool = False,
    ) -> None:
        """Write `words` as they are: a dollar sign in a file name is a dollar sign."""
        self.axes.text(
            x,
            y,
            printable(words),
            fontsize=size * self.shrink,
            ha=align,
            va=vertical,
            color=colour,
            weight="bold" if bold else "normal",
            parse_math=False,
        )

    def note(self, words: str, bottom: float) -> None:
        """Write the small print along the lower edge."""
        self.text(words, 0, bottom, size=NOTE, align="left", vertical="bottom", colour=QUIET)

    @property
    def figure(self) -> Figure:
        """The whole figure that the sheet is part of."""
        return figure_of(self.axes)


def open_sheet(width: float, height: float, ax: Axes | None, title: str | None = None) -> tuple[Sheet, float]:
    """Return a sheet for a body of this size in points, and where the body begins below the title."""
    lines = _wrapped(title, width, TITLE) if title else []
    head = len(lines) * TITLE * 1.3 + (4.0 if lines else 0.0)
    full_width, full_height = width + 2 * MARGIN, height + head + 2 * MARGIN
    axes = _new_axes(full_width, full_height) if ax is None else ax
    axes.set_axis_off()
    axes.set_autoscale_on(False)
    axes.set(xlim=(-MARGIN, width + MARGIN), ylim=(full_height - MARGIN, -MARGIN), aspect="equal")
    sheet = Sheet(axes, 1.0 if ax is None else _shrink(axes, full_width, full_height))
    for number, line in enumerate(lines):
        sheet.text(line, 0, (number + 0.8) * TITLE * 1.3, size=TITLE, align="left", bold=True)
    return sheet, head


def tile_size(
    shape: tuple[int, ...], columns: int, *, available: float = PAGE_WIDTH, largest: float = 108.0
) -> tuple[float, float]:
    """Return width and height of a tile in points, each pixel a whole number of dots if it can be."""
    height, width = shape[:2]
    most = min(max(available / columns - GAP, SMALLEST), largest, largest * width / height * 1.4)
    wanted = most / POINTS_PER_INCH * DPI
    dots = max(1.0, wanted // width) if width <= wanted else wanted / width
    points = dots * POINTS_PER_INCH / DPI
    # A spectrum is a single row of pixels: those it may stretch, or nobody would see it.
    return max(width * points, SMALLEST / 2), max(height * points, SMALLEST / 2)


def text_width(words: str, size: float, *, bold: bool = False) -> float:
    """Return how wide `words` will be, in points."""
    font = FontProperties(family=FONT, size=size, weight="bold" if bold else "normal")
    return float(TextToPath().get_text_width_height_descent(printable(words), font, ismath=False)[0])


def shortened(words: str, width: float, size: float = LABEL) -> str:
    """Cut the middle out of `words` until they fit: file names differ at their ends."""
    keep = len(words)
    shown = words
    while keep > 2 and text_width(shown, size) > width:
        keep -= 1
        shown = words[: (keep + 1) // 2] + "…" + words[len(words) - keep // 2 :]
    return shown


def figure_of(axes: Axes) -> Figure:
    """Return the figure at the root, from within a subfigure too."""
    owner = axes.figure
    return owner if isinstance(owner, Figure) else owner.figure


def _new_axes(width: float, height: float) -> Axes:
    figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), dpi=DPI)
    return figure.add_axes((0.0, 0.0, 1.0, 1.0))


def _shrink(axes: Axes, width: float, height: float) -> float:
    box = axes.get_window_extent()
    per_point = figure_of(axes).dpi / POINTS_PER_INCH
    return min(box.width / per_point / width, box.height / per_point / height, 1.0)


def _interpolation(picture: Array, cell: Cell) -> str:
    dots = cell.width / POINTS_PER_INCH * DPI
    return "nearest" if dots >= picture.shape[1] else "antialiased"


def _wrapped(words: str, width: float, size: float) -> list[str]:
    clean = " ".join(words.split())
    letters = max(8, int(len(clean) * width / max(text_width(clean, size, bold=True), 1.0)))
    while True:
        lines = textwrap.wrap(clean, letters) or [""]
        if letters <= 8 or max(text_width(line, size, bold=True) for line in lines) <= width:
            return lines
        letters -= 2
