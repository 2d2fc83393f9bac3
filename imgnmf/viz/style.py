"""How every figure looks, in one place: fonts, colours, sizes. Global settings stay untouched."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

import matplotlib
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.font_manager import FontProperties, findfont, get_font

__all__ = [
    "DIFFERENCE",
    "DPI",
    "FAINT",
    "GREY",
    "INK",
    "MARKERS",
    "PALETTE",
    "PAPER",
    "QUIET",
    "SEQUENTIAL",
    "WHITE_IS_ZERO",
    "applied",
    "printable",
    "styled",
]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

INK = "#1b1b1b"
QUIET = "#666666"
FAINT = "#d9d9d9"
PAPER = "white"
DPI = 200

# Okabe and Ito (2008), told apart under every common colour vision; without the yellow, which white paper
# swallows.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

GREY = "gray"
WHITE_IS_ZERO = "gray_r"
SEQUENTIAL = "cividis"
# Blue to orange through white: no red-green pair, and print keeps the two ends apart.
DIFFERENCE = LinearSegmentedColormap.from_list(
    "blue-white-orange", ["#003C63", "#5AA5D6", "#FFFFFF", "#F0A04B", "#8A3800"]
)

# Ships with matplotlib, so a figure looks the same on every machine.
FONT = "DejaVu Sans"

_SETTINGS: dict[str, Any] = {
    "font.family": [FONT],
    "font.size": 8,
    "mathtext.fontset": "dejavusans",
    "text.usetex": False,
    "text.color": INK,
    "figure.facecolor": PAPER,
    "figure.dpi": DPI,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.constrained_layout.h_pad": 0.06,
    "savefig.dpi": "figure",
    "savefig.facecolor": "auto",
    "savefig.bbox": None,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "image.origin": "upper",
    # PDF embeds the font, as publishers ask; SVG draws the letters, as a browser may not have it.
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "imgnmf",
}


def applied() -> AbstractContextManager[None]:
    """Return a context in which the settings hold; outside it, the caller's do."""
    return matplotlib.rc_context(_SETTINGS)  # type: ignore[arg-type,unused-ignore]


def styled(draw: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Draw in this style, whatever the caller's settings are."""

    @functools.wraps(draw)
    def draw_in_style(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with applied():
            return draw(*args, **kwargs)

    return draw_in_style


def printable(text: str) -> str:
    """Replace what the figure font has no glyph for by a box: file names hold anything."""
    font = get_font(findfont(FontProperties(family=FONT)))
    return "".join(c if c.isprintable() and font.get_char_index(ord(c)) else "\N{WHITE SQUARE}" for c in text)
