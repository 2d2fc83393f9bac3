"""The page's curves: plain coordinates, which the template turns into inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import Locator, LogLocator, MaxNLocator
from numpy.typing import ArrayLike

from imgnmf.viz.figures.curves import TraceLike
from imgnmf.viz.stack import Array

__all__ = ["Chart", "Line", "Tick", "convergence_charts", "rank_chart", "unseen_chart"]

WIDTH, HEIGHT = 400.0, 260.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 16.0, 14.0, 44.0
MOST_POINTS = 160


@dataclass(frozen=True)
class Tick:
    """A place on an axis and its words."""

    at: float
    words: str


@dataclass(frozen=True)
class Line:
    """A curve in SVG coordinates, and where it ends."""

    rank: int
    points: str
    end: tuple[float, float]


@dataclass(frozen=True)
class Dot:
    """A marked point, and what it says."""

    rank: int
    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Chart:
    """All that the template draws of one chart."""

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


@dataclass(frozen=True)
class _Axis:
    """A map from numbers to coordinates, straight or logarithmic."""

    lowest: float
    highest: float
    start: float
    stop: float
    logarithmic: bool = False

    def place(self, values: ArrayLike) -> Array:
        ends = np.array([self.lowest, self.highest])
        numbers = np.asarray(values, dtype=np.float64)
        if self.logarithmic:
            ends, numbers = np.log10(ends), np.log10(numbers)
        share: Array = (numbers - ends[0]) / (ends[1] - ends[0] or 1.0)
        return self.start + share * (self.stop - self.start)

    def ticks(self, n: int) -> tuple[Tick, ...]:
        values = np.asarray(self._locator(n).tick_values(self.lowest, self.highest))
        room = 1e-9 * (self.highest - self.lowest)
        inside = values[(values >= self.lowest - room) & (values <= self.highest + room)]
        return tuple(Tick(round(float(self.place(v)), 1), f"{v:g}") for v in inside)

    def _locator(self, n: int) -> Locator:
        # Powers of ten alone may leave less than two numbers on an axis.
        if not self.logarithmic or self.highest < 5 * self.lowest:
            return MaxNLocator(n, steps=[1, 2, 2.5, 5, 10])
        return LogLocator(subs=(1.0, 2.0, 5.0) if self.highest < 100 * self.lowest else (1.0,), numticks=n)


def rank_chart(ranks: Sequence[int], errors: Sequence[float]) -> Chart:
    """Chart the relative error against the rank."""
    percent = 100 * np.asarray(errors, dtype=np.float64)
    x, y = _across(max(ranks)), _up(0.0, float(percent.max()) * 1.08 or 1.0)
    places = list(zip(ranks, x.place(ranks), y.place(percent), percent, strict=True))
    return Chart(
        title="Error against rank",
        x_label="rank k",
        y_label="relative error (%)",
        x_ticks=_rank_ticks(ranks, x),
        y_ticks=y.ticks(5),
        lines=(Line(0, _points(x.place(ranks), y.place(percent)), (0.0, 0.0)),),
        dots=tuple(
            Dot(k, round(float(a), 1), round(float(b), 1), f"k = {k}: {value:.2f} %") for k, a, b, value in places
        ),
    )


def unseen_chart(
    ranks: Sequence[int], fitted: Sequence[float], unseen: Sequence[float], *, axis: Sequence[int], note: str
) -> Chart:
    """Chart the error on fitted images and on those kept aside, over the whole `axis` of ranks."""
    curves = {"fitted": 100 * np.asarray(fitted, np.float64), "unseen": 100 * np.asarray(unseen, np.float64)}
    shown = sorted({*ranks, *axis})
    x, y = _across(max(shown)), _up(0.0, max(float(curve.max()) for curve in curves.values()) * 1.08 or 1.0)
    across = x.place(ranks)
    return Chart(
        title="Fitted images, and images kept aside",
        x_label="rank k",
        y_label="error (%), the mean image's being 100 %; the upper curve is of the images kept aside" + note,
        x_ticks=_rank_ticks(shown, x),
        y_ticks=y.ticks(5),
        lines=tuple(Line(0, _points(across, y.place(curve)), (0.0, 0.0)) for curve in curves.values()),
        dots=tuple(
            Dot(k, round(float(a), 1), round(float(b), 1), f"{name}, k = {k}: {value:.1f} %")
            for name, curve in curves.items()
            for k, a, b, value in zip(ranks, across, y.place(curve), curve, strict=True)
        ),
    )


def convergence_charts(traces: Mapping[int, TraceLike]) -> list[Chart]:
    """Chart the error of every fit against iterations and seconds; nothing when none was traced over two at least."""
    known = {rank: curve for rank, trace in traces.items() if (curve := _thinned(trace)).shape[1]}
    if max((curve.shape[1] for curve in known.values()), default=0) < 2:
        return []
    highest = max(float(curve[2].max()) for curve in known.values())
    lowest = min(float(curve[2].min()) for curve in known.values())
    room = 0.06 * (highest - lowest or highest or 1.0)
    y = _up(max(0.0, lowest - room), highest + room)
    return [_convergence_chart(known, row, words, y) for row, words in ((0, "iterations"), (1, "seconds"))]


def _convergence_chart(curves: Mapping[int, Array], row: int, words: str, y: _Axis) -> Chart:
    longest = max(float(curve[row].max()) for curve in curves.values())
    shortest = min(float(curve[row].min()) for curve in curves.values())
    x = _Axis(min(shortest, longest / 1.2), longest, LEFT, WIDTH - RIGHT, logarithmic=True)
    return Chart(
        title=f"Convergence against {words}",
        x_label=f"{words}, logarithmic",
        y_label="relative error (%)",
        x_ticks=x.ticks(6),
        y_ticks=y.ticks(5),
        lines=tuple(_run(rank, curve, row, x, y) for rank, curve in curves.items()),
    )


def _run(rank: int, curve: Array, row: int, x: _Axis, y: _Axis) -> Line:
    across, up = x.place(curve[row]), y.place(curve[2])
    return Line(rank, _points(across, up), (round(float(across[-1]), 1), round(float(up[-1]), 1)))


def _thinned(trace: TraceLike) -> Array:
    """Return iterations, seconds and error in percent as three rows of finite numbers, few enough to draw."""
    rows = np.array([trace.iteration, trace.seconds, trace.relative_error], dtype=np.float64)
    rows[2] *= 100
    # The axes are logarithmic: the start, iteration 0, has no place on them.
    rows = rows[:, np.isfinite(rows).all(axis=0) & (rows[:2] > 0).all(axis=0)]
    if rows.shape[1] <= MOST_POINTS:
        return rows
    # The start is steep and the end is flat: keep points evenly on a logarithmic scale of steps.
    keep = np.unique(np.geomspace(1, rows.shape[1], MOST_POINTS).astype(np.intp) - 1)
    return rows[:, keep]


def _across(highest: float) -> _Axis:
    return _Axis(0.0, float(highest) or 1.0, LEFT, WIDTH - RIGHT)


def _up(lowest: float, highest: float) -> _Axis:
    return _Axis(lowest, highest, HEIGHT - BOTTOM, TOP)


def _rank_ticks(ranks: Sequence[int], x: _Axis) -> tuple[Tick, ...]:
    places = x.place(ranks)
    apart = len(ranks) < 2 or float(np.diff(np.sort(places)).min()) > 18
    if not apart:
        return x.ticks(6)
    return tuple(Tick(round(float(p), 1), str(k)) for k, p in zip(ranks, places, strict=True))


def _points(x: Array, y: Array) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
