"""Figures of repeated measurements: scores against the rank, and how reliable each part is."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from imgnmf.errors import ParameterError, ShapeMismatchError
from imgnmf.viz.figures.rank_axis import mark_rank, tick_ranks
from imgnmf.viz.montage import scaled
from imgnmf.viz.sheet import GAP, LABEL, LINE, NOTE, Cell, Grid, open_sheet, text_width, tile_size
from imgnmf.viz.stack import Array, as_pictures, bands_note, check_finite, default_columns
from imgnmf.viz.style import FAINT, MARKERS, PALETTE, QUIET, WHITE_IS_ZERO, styled

__all__ = ["reliability", "score_curves"]

BAR, NOTE_WIDTH, LABEL_WIDTH = 3.0, 76, 40


@styled
def score_curves(
    ranks: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    chosen: int | None = None,
    score: str = "score",
    note: str | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the mean of repeated scores against the rank, with bars of one standard error.

    Parameters
    ----------
    ranks : array of int, shape (r,), rising
    scores : mapping of str to array, shape (repeats, r)
        What to call each curve, and its repeats.
    chosen : int, optional
        One of the ranks, to be marked.
    score : str
        What the scores are, for the axis.
    note, title : str, optional
        Written below and above, wrapped to the width.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeMismatchError
        A curve does not have one column a rank.
    DataError
        A score is NaN or infinite.
    ParameterError
        `chosen` is not among the ranks.

    Examples
    --------
    >>> figure = score_curves([1, 2], {"held-out": [[0.5, 0.2], [0.6, 0.1]]}, chosen=2)
    >>> figure.axes[0].get_xlabel()
    'rank k'
    """
    k = np.atleast_1d(np.asarray(ranks))
    figure = Figure(figsize=(4.4, 3.0 if note is None else 3.5), layout="constrained")
    axes = figure.add_subplot()
    curves = {name: _checked_scores(values, name, len(k)) for name, values in scores.items()}
    for place, (name, values) in enumerate(curves.items()):
        _draw_scores(axes, k, values, name, place)
    _frame(axes, k, curves)
    if chosen is not None:
        mark_rank(axes, k, chosen)
    axes.set(xlabel="rank k", ylabel=textwrap.fill(score, LABEL_WIDTH))
    if title:
        axes.set_title(title, parse_math=False)
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(frameon=True, framealpha=0.9, edgecolor="none")
    if note:
        figure.supxlabel(textwrap.fill(note, NOTE_WIDTH), fontsize=7, color=QUIET, x=0.01, ha="left", parse_math=False)
    return figure


@styled
def reliability(
    stack: ArrayLike,
    held_by: ArrayLike,
    n_runs: int,
    *,
    columns: int | None = None,
    title: str | None = None,
) -> Figure:
    """Draw every part with a bar below it: how many of the runs hold it.

    Parameters
    ----------
    stack : array, shape (k, h, w) or (k, h, w, c), >= 0
        The parts: ``images.stack(found.parts)``.
    held_by : array of int, shape (k,)
        How many runs hold each part.
    n_runs : int
        How many runs there are; a full bar.
    columns : int, optional
        Parts in a row.
    title : str, optional
        Written above.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ShapeMismatchError
        There is not one number a part.
    ParameterError
        A number is not within 0 .. n_runs.

    Examples
    --------
    >>> figure = reliability(np.eye(4).reshape(4, 2, 2), [5, 5, 4, 1], 5)
    >>> [text.get_text() for text in figure.axes[0].texts[:4]]
    ['5/5', '5/5', '4/5', '1/5']
    """
    parts = as_pictures(stack)
    counts = _checked_counts(held_by, len(parts), n_runs)
    shown, labels = scaled(parts, "per-tile"), [f"{count}/{n_runs}" for count in counts]
    per_row = columns or default_columns(len(parts), parts.shape[1] / parts.shape[2])
    width, height = tile_size(parts.shape[1:3], per_row)
    step = max(width, *(text_width(label, LABEL) for label in labels)) + GAP
    grid = Grid(per_row, width, height, step, height + 2 * BAR + LINE, above=LINE - 3)
    words = "bar: the share of the runs that hold the part; parts on scales of their own" + bands_note(stack)
    total_width, total_height = grid.size(len(parts))
    sheet, top = open_sheet(max(total_width, text_width(words, NOTE)), total_height + LINE, None, title)
    for place, count in enumerate(counts):
        cell = grid.below(top).place(place)
        sheet.tile(shown[place], cell, cmap=WHITE_IS_ZERO)
        sheet.text(labels[place], cell.centre, cell.top - 1.8)
        _draw_bar(sheet.axes, cell, count / n_runs)
    sheet.note(words, top + total_height + LINE)
    return sheet.figure


def _draw_scores(axes: Axes, k: Array, values: Array, name: str, place: int) -> None:
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else None
    axes.errorbar(
        k,
        values.mean(axis=0),
        error,
        color=PALETTE[place % 7],
        marker=MARKERS[place % 7],
        markersize=3,
        capsize=2,
        elinewidth=0.8,
        label=name,
    )


def _frame(axes: Axes, k: Array, curves: Mapping[str, Array]) -> None:
    axes.yaxis.grid(visible=True)
    tick_ranks(axes, k)
    # Left as the curves need it: what stands at the edges below must not widen the axis.
    axes.set_xlim(*axes.get_xlim())
    means = {name: values.mean(axis=0) for name, values in curves.items()}
    top = _top(list(means.values()))
    axes.set_ylim(0, 1.1 * top or 1)
    for place, mean in enumerate(means.values()):
        _mark_beyond(axes, k[mean > top], place)


def _top(means: Sequence[Array]) -> float:
    """Return the largest score that the axis holds."""
    # A rank far too large can predict arbitrarily badly; the curve's valley is what matters.
    usual = max(max(1.5 * mean[0], 4 * float(np.median(mean))) for mean in means)
    return float(min(max(mean.max() for mean in means), usual))


def _mark_beyond(axes: Axes, ranks: Array, place: int) -> None:
    if ranks.size:
        which = f"{ranks.size} ranks" if ranks.size > 4 else "k = " + ", ".join(str(rank) for rank in ranks)
        axes.plot(
            ranks,
            np.ones(ranks.size),
            transform=axes.get_xaxis_transform(),
            color=PALETTE[place % 7],
            marker="^",
            linestyle="none",
            clip_on=False,
            label=f"beyond the axis: {which}",
        )


def _draw_bar(axes: Axes, cell: Cell, share: float) -> None:
    place: dict[str, Any] = {"height": BAR, "linewidth": 0}
    corner = (cell.left, cell.bottom + BAR / 2)
    axes.add_patch(Rectangle(corner, cell.width, facecolor=FAINT, **place))
    axes.add_patch(Rectangle(corner, cell.width * share, facecolor=PALETTE[0], **place))


def _checked_scores(values: ArrayLike, name: str, n_ranks: int) -> Array:
    array = np.asarray(values, np.float64)
    if array.ndim != 2 or array.shape[1] != n_ranks or not len(array):
        raise ShapeMismatchError(f"{name!r} must have shape (repeats, {n_ranks}), got {array.shape}")
    check_finite(array, name)
    return array


def _checked_counts(held_by: ArrayLike, n_parts: int, n_runs: int) -> Array:
    counts = np.asarray(held_by)
    if counts.shape != (n_parts,):
        raise ShapeMismatchError(f"held_by must have one number for each of {n_parts} parts, got shape {counts.shape}")
    if counts.dtype.kind not in "iu" or n_runs < 1 or counts.min() < 0 or counts.max() > n_runs:
        raise ParameterError(f"held_by must be whole numbers within 0 .. n_runs = {n_runs}, got {counts.tolist()}")
    return counts
