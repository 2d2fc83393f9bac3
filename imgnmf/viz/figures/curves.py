"""Figures of curves: the error against the rank, and against time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike

from imgnmf.errors import DataError, ParameterError, ShapeMismatchError
from imgnmf.viz.figures.rank_axis import mark_rank, tick_ranks
from imgnmf.viz.sheet import figure_of
from imgnmf.viz.stack import Array, check_finite
from imgnmf.viz.style import MARKERS, PALETTE, styled

__all__ = ["Curve", "TraceLike", "convergence", "rank_curve"]


class TraceLike(Protocol):
    """What a run writes down: three arrays of one length."""

    @property
    def iteration(self) -> Array:
        """Iterations done."""

    @property
    def seconds(self) -> Array:
        """Seconds since the start."""

    @property
    def relative_error(self) -> Array:
        """Relative error, NaN where it was not computed."""


@dataclass(frozen=True)
class Curve:
    """A trace from plain arrays, for whoever has no `fit.trace`.

    Examples
    --------
    >>> import numpy as np
    >>> Curve(np.arange(3), np.arange(3) / 10, np.array([1.0, 0.5, 0.4])).relative_error[-1].item()
    0.4
    """

    iteration: Array
    seconds: Array
    relative_error: Array


@styled
def rank_curve(
    ranks: ArrayLike,
    errors: ArrayLike,
    *,
    label: str = "NMF",
    others: Mapping[str, ArrayLike] | None = None,
    chosen: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw the relative error against the rank.

    Parameters
    ----------
    ranks : array of int, shape (r,)
        The ranks that were fitted, in any order.
    errors : array, shape (r,), >= 0
        The relative error of each.
    label : str
        What to call the curve when there are others.
    others : mapping of str to array, shape (r,), optional
        More curves over the same ranks, say the SVD's floor or the error on held-out entries.
    chosen : int, optional
        One of the ranks, to be marked.
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
        There is no rank, or a value is NaN or infinite.
    ShapeMismatchError
        A curve does not have one value a rank.
    ParameterError
        `chosen` is not among the ranks.

    Examples
    --------
    >>> figure = rank_curve([4, 9, 16], [0.25, 0.2, 0.17], others={"SVD": [0.22, 0.17, 0.14]})
    >>> figure.axes[0].get_xlabel()
    'rank k'
    """
    k, order = _sorted_ranks(ranks)
    curves = {label: errors, **(others or {})}
    axes = _new_axes() if ax is None else ax
    for place, (name, values) in enumerate(curves.items()):
        percent = 100 * _one_per_rank(values, name, len(k))[order]
        axes.plot(
            k,
            percent,
            color=PALETTE[place % 7],
            marker=MARKERS[place % 7],
            label=name,
            clip_on=False,
            zorder=3,
        )
    _label_axes(axes, "rank k", title)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    tick_ranks(axes, k)
    if chosen is not None:
        mark_rank(axes, k, chosen)
    if len(curves) > 1:
        axes.legend()
    return figure_of(axes)


@styled
def convergence(
    traces: Mapping[str, TraceLike] | Any,
    *,
    title: str | None = None,
    axes: tuple[Axes, Axes] | None = None,
) -> Figure:
    """Draw how the error falls, against iterations and against seconds, both on a logarithmic axis.

    Parameters
    ----------
    traces : mapping of str to trace, or Factorization
        One fit, or what to call each run, and its `fit.trace` (or a `Curve` of plain arrays). Entries without an error
        are left out.
    title : str, optional
        Written above.
    axes : (Axes, Axes), optional
        Draw here, iterations first, instead of on a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        There is no trace, or one has no error in it.
    ShapeMismatchError
        The arrays of a trace differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> run = Curve(np.arange(5), np.arange(5) / 10, 0.5 ** np.arange(5) + 0.1)
    >>> figure = convergence({"k = 25": run})
    >>> [ax.get_xlabel() for ax in figure.axes]
    ['iterations', 'seconds']
    """
    if hasattr(traces, "trace"):
        traces = {"fit": traces.trace}
    if not isinstance(traces, Mapping):
        raise ParameterError(f"traces must be a fit, or runs by their names, {{name: fit.trace}}; got {traces!r}")
    curves = {name: _clean(name, trace) for name, trace in traces.items()}
    if not curves:
        raise DataError("traces is empty: give at least one run, {name: fit.trace}")
    left, right = _new_pair() if axes is None else axes
    for ax in (left, right):
        _logarithmic(ax)
    for place, (name, curve) in enumerate(curves.items()):
        _draw_run(left, curve.iteration, curve.relative_error, name, place)
        _draw_run(right, curve.seconds, curve.relative_error, name, place)
    _label_axes(left, "iterations", title)
    _label_axes(right, "seconds", None)
    right.set_ylabel("")
    _share_range(left, right)
    for ax in (left, right):
        _label_short_range(ax)
    _place_legend(right, outside=axes is None)
    return figure_of(left)


def _new_axes() -> Axes:
    return Figure(figsize=(3.6, 2.6), layout="constrained").add_subplot()


def _new_pair() -> tuple[Axes, Axes]:
    left, right = Figure(figsize=(7.0, 2.6), layout="constrained").subplots(1, 2)
    return left, right


def _sorted_ranks(ranks: ArrayLike) -> tuple[Array, Array]:
    k = np.atleast_1d(np.asarray(ranks))
    if k.ndim != 1 or k.size == 0 or k.dtype.kind not in "iu":
        raise DataError(f"ranks must be one or more integers, got {k.dtype} of shape {k.shape}")
    order = np.argsort(k, kind="stable")
    return k[order], order


def _one_per_rank(values: ArrayLike, name: str, n_ranks: int) -> Array:
    curve = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if curve.shape != (n_ranks,):
        raise ShapeMismatchError(f"{name!r} must hold one value a rank, {n_ranks}, got shape {curve.shape}")
    check_finite(curve, repr(name))
    return curve


def _label_axes(axes: Axes, x: str, title: str | None) -> None:
    axes.set(xlabel=x, ylabel="relative error (%)")
    axes.grid(axis="y")
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if title:
        axes.set_title(title, parse_math=False)


def _clean(name: str, trace: TraceLike) -> Curve:
    columns = [np.asarray(c, dtype=np.float64) for c in (trace.iteration, trace.seconds, trace.relative_error)]
    if len({c.shape for c in columns}) != 1 or columns[0].ndim != 1:
        raise ShapeMismatchError(
            f"the trace {name!r} must hold arrays of one length, got shapes {[c.shape for c in columns]}"
        )
    known = np.isfinite(columns[2])
    if not known.any():
        raise DataError(f"the trace {name!r} holds no relative error: it is empty, or NaN throughout")
    return Curve(*(c[known] for c in columns))


def _draw_run(ax: Axes, x: Array, error: Array, name: str, place: int) -> None:
    # On the logarithmic axis the start, iteration 0, has no place.
    later = x > 0
    x, percent = x[later], 100 * error[later]
    colour, marker = PALETTE[place % 7], MARKERS[place % 7]
    last = [len(x) - 1] if len(x) else []
    # An error of 0 ends on the axis, its marker half below; unclipped, an empty line would break the layout.
    ax.plot(x, percent, color=colour, label=name, marker=marker, markevery=last, zorder=3, clip_on=not last)


def _logarithmic(ax: Axes) -> None:
    # Most of the fall is over in the first steps: on a straight axis it is one vertical line.
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(numticks=8))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def _label_short_range(ax: Axes) -> None:
    # Powers of ten alone may leave less than two numbers on an axis.
    lowest, highest = ax.get_xlim()
    if highest < 5 * lowest:
        ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    elif highest < 100 * lowest:
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))


def _share_range(left: Axes, right: Axes) -> None:
    ends = [end for ax in (left, right) for end in ax.get_ylim()]
    for ax in (left, right):
        ax.set_ylim(max(0.0, min(ends)), max(ends))


def _place_legend(right: Axes, *, outside: bool) -> None:
    if outside:
        figure_of(right).legend(*right.get_legend_handles_labels(), loc="outside right upper")
    else:
        right.legend(loc="upper right")
