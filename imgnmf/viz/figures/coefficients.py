"""The figure of how much of each part each image holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, Locator, MaxNLocator
from numpy.typing import ArrayLike

from imgnmf.errors import DataError, ShapeMismatchError
from imgnmf.validation import checked_choice
from imgnmf.viz.sheet import LABEL, TITLE, figure_of, shortened, text_width
from imgnmf.viz.stack import Array, check_finite, refuse_negative
from imgnmf.viz.style import PALETTE, PAPER, SEQUENTIAL, printable, styled

__all__ = ["coefficients"]

MOST_GROUPS = 10


@styled
def coefficients(
    H: ArrayLike,
    labels: Sequence[object] | None = None,
    *,
    scale: Literal["per-part", "shared"] = "per-part",
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw how much of each part each image holds: a heat map, and bars of the mean, for up to ten groups of each.

    Parameters
    ----------
    H : array, shape (k, n), >= 0
        The coefficients.
    labels : sequence, length n, optional
        A label for each image; images of one label are put side by side, groups in order of first appearance.
    scale : {"per-part", "shared"}
        Divide each row by its largest value, or all by the largest of all.
    title : str, optional
        Written above.
    ax : matplotlib.axes.Axes, optional
        Draw the heat map here, without bars, instead of on a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        `H` is empty, or holds NaN, infinite or negative values.
    ShapeMismatchError
        `H` is not a matrix, or there is not one label an image.
    ParameterError
        `scale` is none of the two.

    Examples
    --------
    >>> import numpy as np
    >>> figure = coefficients(np.eye(3), labels=["a", "b", "a"])
    """
    values = _checked_H(H)
    order, groups = _grouped(labels, values.shape[1])
    shown = _scaled_rows(values, scale)[:, order]
    means = _mean_uses(values[:, order], groups)
    axes, bars = _new_axes(len(values), len(means)) if ax is None else (ax, [])
    picture = axes.imshow(
        shown,
        cmap=SEQUENTIAL,
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
        extent=(0, shown.shape[1], len(shown) + 0.5, 0.5),
    )
    axes.set(xlabel="images" if groups is None else "images, grouped", ylabel="part")
    axes.yaxis.set_major_locator(_whole_numbers(1, len(shown)))
    axes.xaxis.set_major_locator(_whole_numbers(0, shown.shape[1], most=12 if len(bars) < 4 else 3))
    axes.spines[:].set_visible(False)
    if groups is not None:
        _draw_groups(axes, groups)
    if title:
        _write_title(axes, title, grouped=groups is not None, above_all=bool(bars))
    if bars:
        _draw_bars(bars, means)
        key = figure_of(axes).colorbar(picture, ax=[axes, *bars], fraction=0.03, pad=0.02, aspect=30)
        key.set_label("share of the part's largest" if scale == "per-part" else "share of the largest")
        key.outline.set_visible(False)
    return figure_of(axes)


def _write_title(axes: Axes, title: str, *, grouped: bool, above_all: bool) -> None:
    if not above_all:
        axes.set_title(title, parse_math=False, pad=16 if grouped else 6)
        return
    # Above all of them: the layout keeps the bars out of the way of a title wider than the heat map.
    figure_of(axes).suptitle(title, x=0.01, ha="left", fontsize=TITLE, weight="bold", parse_math=False)


def _checked_H(H: ArrayLike) -> Array:
    values = np.asarray(H, dtype=np.float64)
    if values.ndim != 2:
        raise ShapeMismatchError(f"H must have shape (k, n), one row a part, got {values.shape}")
    if values.size == 0:
        raise DataError(f"H must hold at least one part and one image, got shape {values.shape}")
    check_finite(values, "H")
    refuse_negative(values, "H")
    return values


def _grouped(labels: Sequence[object] | None, n_images: int) -> tuple[Array, dict[str, int] | None]:
    if labels is None:
        return np.arange(n_images), None
    names = [str(label) for label in labels]
    if len(names) != n_images:
        raise ShapeMismatchError(f"labels must hold one label an image, {n_images}, got {len(names)}")
    groups = {name: names.count(name) for name in dict.fromkeys(names)}
    place = {name: i for i, name in enumerate(groups)}
    return np.argsort([place[name] for name in names], kind="stable"), groups


def _scaled_rows(values: Array, scale: str) -> Array:
    checked_choice("scale", scale, ("per-part", "shared"))
    peaks = values.max(axis=1, keepdims=True) if scale == "per-part" else values.max(keepdims=True)
    return values / np.where(peaks > 0, peaks, 1)


def _new_axes(n_parts: int, n_bars: int) -> tuple[Axes, list[Axes]]:
    height = min(max(2.3, 0.9 + 0.11 * n_parts), 7.0)
    figure = Figure(figsize=(6.6, height), layout="constrained")
    bars = max(1.0, 0.42 * n_bars)
    heat, *others = figure.subplots(1, 1 + n_bars, sharey=True, width_ratios=(6 - bars, *[bars / n_bars] * n_bars))
    return heat, others


def _mean_uses(values: Array, groups: dict[str, int] | None) -> dict[str, Array]:
    """Return each part's share of the mean coefficients, in percent: of each group, or of all if these are many."""
    few = groups if groups and 1 < len(groups) <= MOST_GROUPS else {"": values.shape[1]}
    ends = np.cumsum(list(few.values()))[:-1]
    means = [columns.mean(axis=1) for columns in np.split(values, ends, axis=1)]
    return {name: 100 * mean / (mean.sum() or 1.0) for name, mean in zip(few, means, strict=True)}


def _whole_numbers(first: int, last: int, most: int = 12) -> Locator:
    few = last - first < min(most, 10)
    return FixedLocator(range(first, last + 1)) if few else MaxNLocator(most, integer=True, steps=[1, 2, 5, 10])


def _draw_groups(axes: Axes, groups: dict[str, int]) -> None:
    edges = np.cumsum([0, *groups.values()])
    axes.vlines(edges[1:-1], 0, 1, transform=axes.get_xaxis_transform(), color=PAPER, linewidth=0.8)
    room = axes.get_window_extent().width / figure_of(axes).dpi * 72 / edges[-1]
    taken = -6.0
    for name, left, right in zip(groups, edges[:-1], edges[1:], strict=True):
        words = shortened(printable(name), max((right - left) * room, 12.0), LABEL)
        width, middle = text_width(words, LABEL), (left + right) / 2
        # Of many narrow groups only some can be named, or no name could be read.
        if width > (right - left) * room + 6 or middle * room - width / 2 < taken:
            continue
        taken = middle * room + width / 2 + 3.0
        axes.text(
            middle,
            1.01,
            words,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize=LABEL,
            parse_math=False,
        )


def _draw_bars(bars: Sequence[Axes], means: dict[str, Array]) -> None:
    largest = max(float(mean.max()) for mean in means.values()) or 1.0
    for axes, (name, mean) in zip(bars, means.items(), strict=True):
        axes.barh(np.arange(1, len(mean) + 1), mean, color=PALETTE[0], height=0.75)
        axes.set_xlim(0, 1.05 * largest)
        axes.xaxis.set_major_locator(MaxNLocator(1 if len(bars) > 3 else 3))
        axes.tick_params(axis="y", length=0)
        width = 432 * max(1.0, 0.42 * len(bars)) / 6 / len(bars)
        axes.set_title(shortened(printable(name), width, LABEL), fontsize=LABEL, loc="center", parse_math=False, pad=2)
    bars[len(bars) // 2].set_xlabel("mean use (%)")
