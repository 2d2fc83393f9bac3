"""The axis of ranks, the same in every figure that has one."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from imgnmf.errors import ParameterError
from imgnmf.viz.stack import Array
from imgnmf.viz.style import INK, QUIET

__all__ = ["mark_rank", "tick_ranks"]


def tick_ranks(axes: Axes, k: Array) -> None:
    """Give every fitted rank its tick, while they are few enough not to run into each other."""
    apart = k.size < 2 or np.diff(np.sort(k)).min() / max(k.max(), 1) > 0.055
    if apart and k.size <= 12:
        axes.set_xticks(k)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))


def mark_rank(axes: Axes, k: Array, chosen: int) -> None:
    """Draw a line at the chosen rank, named on the side where there is room; after the limits are set."""
    if chosen not in k:
        raise ParameterError(f"chosen must be one of the ranks {k.tolist()}, got {chosen}")
    axes.axvline(chosen, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    left, right = axes.get_xlim()
    towards = -1 if chosen - left > 0.6 * (right - left) else 1
    axes.annotate(
        f"k = {chosen}",
        (chosen, 1),
        xycoords=("data", "axes fraction"),
        xytext=(3 * towards, -2),
        textcoords="offset points",
        ha="right" if towards < 0 else "left",
        va="top",
        fontsize=7,
        color=INK,
    )
