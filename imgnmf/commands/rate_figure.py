"""The figure of `imgnmf compare-codecs`: quality over bytes, a curve a codec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from imgnmf.compression import Curve
from imgnmf.viz.style import MARKERS, PALETTE, QUIET, applied

__all__ = ["lowest_of_most", "rate_figure"]

# Of all points at most this share may be left out, and only below a gap of this share of the axis.
FEW, GAP = 0.03, 0.14
ROOM = 0.04


def rate_figure(curves: Sequence[Curve], title: str) -> Figure:
    """Draw PSNR and SSIM over bits per pixel; dotted where each image is a file of its own.

    A few points far below all others, say black pictures in next to no bytes, do not squeeze the curves: they are
    marked at the edge of the axes, and counted.
    """
    heights = [[p.psnr for curve in curves for p in curve.points], [p.ssim for curve in curves for p in curve.points]]
    within = np.all([np.array(each) >= lowest_of_most(np.array(each)) for each in heights], axis=0)
    with applied():
        figure = Figure(figsize=(7.0, 3.7), layout="constrained")
        for axes, values, label in zip(figure.subplots(1, 2), heights, ("mean PSNR (dB)", "mean SSIM"), strict=True):
            _draw(axes, curves, np.array(values), within)
            axes.set(xlabel="bits per pixel, files as they are on disk", ylabel=label)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=9, parse_math=False)
        figure.legend(*_legend(figure.axes[0], int((~within).sum())), loc="outside lower center", ncols=4)
    return figure


def lowest_of_most(values: NDArray[Any]) -> float:
    """Return the lowest value, but for a few that are far below all others.

    >>> values = np.append(np.linspace(20, 50, 99), 1.0)
    >>> lowest_of_most(values), lowest_of_most(values[:-1])
    (20.0, 20.0)
    """
    rising = np.sort(values[np.isfinite(values)])
    if not rising.size:
        return -np.inf
    gaps = np.diff(rising)[: int(FEW * rising.size)]
    alone = np.flatnonzero(gaps > GAP * (rising[-1] - rising[0]))
    return float(rising[alone[-1] + 1] if alone.size else rising[0])


def _draw(axes: Axes, curves: Sequence[Curve], heights: NDArray[Any], within: NDArray[np.bool_]) -> None:
    kinds = list(dict.fromkeys(_kind(curve) for curve in curves))
    ends = np.cumsum([len(curve.points) for curve in curves])[:-1]
    drawn = list(zip(curves, np.split(heights, ends), np.split(within, ends), strict=True))
    rates = np.concatenate([curve.rates for curve in curves])[within]
    left, bottom = 10 ** _start(np.log10(rates)), _start(heights[within])
    for curve, up, inside in drawn:
        look = PALETTE[kinds.index(_kind(curve)) % 7], MARKERS[kinds.index(_kind(curve)) % 7]
        _plot(axes, curve, up, look)
        across = np.array(curve.rates)
        _mark(axes, np.maximum(across, left)[~inside], np.maximum(up, bottom)[~inside], look[0])
    axes.set_xscale("log")
    axes.set_xlim(left=left)
    axes.set_ylim(bottom=bottom)
    _dress(axes)


def _start(values: NDArray[Any]) -> float:
    if np.isnan(values).all():
        return 0.0
    lowest = float(np.nanmin(values))
    return lowest - ROOM * (float(np.nanmax(values)) - lowest or 1.0)


def _legend(axes: Axes, n_beyond: int) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    if n_beyond:
        handles.append(Line2D([], [], color=QUIET, marker="v", markersize=5, linestyle="none"))
        labels.append(f"{n_beyond} beyond the axes")
    return handles, labels


def _kind(curve: Curve) -> str:
    return curve.name.split()[0]


def _plot(axes: Axes, curve: Curve, heights: NDArray[Any], look: tuple[str, str]) -> None:
    together = any(word in curve.name for word in ("mosaic", "one file", "closed"))
    axes.plot(
        curve.rates,
        heights,
        color=look[0],
        marker=look[1],
        markersize=2.5,
        linewidth=1.0,
        linestyle="-" if together else ":",
        label=curve.name,
    )


def _mark(axes: Axes, rates: NDArray[Any], heights: NDArray[Any], colour: str) -> None:
    # The layout would take an empty line that is not clipped for one of infinite size.
    if rates.size:
        axes.plot(rates, heights, color=colour, marker="v", markersize=5, linestyle="none", clip_on=False, zorder=4)


def _dress(axes: Axes) -> None:
    axes.grid(True, which="major")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
