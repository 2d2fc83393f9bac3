"""Figures of topics: the words that make them, and the documents that hold them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from imgnmf.errors import DataError, ShapeMismatchError
from imgnmf.viz.sheet import figure_of, shortened
from imgnmf.viz.stack import Array, check_finite, refuse_negative
from imgnmf.viz.style import INK, PALETTE, WHITE_IS_ZERO, printable, styled

__all__ = ["topic_documents", "topic_words"]

# More document names than this would be too small to read.
MOST_NAMES = 100
NAME_WIDTH, LABEL_WIDTH, WORD_WIDTH = 110.0, 190.0, 90.0


@styled
def topic_words(words: Sequence[Sequence[tuple[str, float]]], *, columns: int = 5, title: str | None = None) -> Figure:
    """Draw the strongest words of each topic as bars, each topic on its own scale.

    Parameters
    ----------
    words : sequence of sequences of (str, float)
        For each topic its words and their weights, the strongest first; `TopicModel.top_words` gives them.
    columns : int
        Topics in a row.
    title : str, optional
        Written above.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        There is no topic, or a weight is negative, NaN or infinite.

    Examples
    --------
    >>> figure = topic_words([[("cat", 0.5), ("dog", 0.25)], [("bus", 0.4)]])
    >>> [ax.get_title("left") for ax in figure.axes]
    ['topic 1', 'topic 2']
    """
    if not len(words):
        raise DataError("no topics to draw: at least one is needed")
    _checked([weight for topic in words for _, weight in topic], "the weights of words")
    columns, longest = min(columns, len(words)), max(map(len, words))
    rows = -(-len(words) // columns)
    size = 1.55 * columns, rows * (0.45 + 0.17 * max(longest, 1)) + 0.3 * (title is not None)
    figure = Figure(figsize=size, layout="constrained")
    for number, topic in enumerate(words):
        _bars(figure.add_subplot(rows, columns, number + 1), topic, f"topic {number + 1}", longest)
    if title is not None:
        figure.suptitle(printable(title), fontsize=9, weight="bold", x=0.01, ha="left", parse_math=False)
    return figure


@styled
def topic_documents(
    shares: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw how much of each document belongs to each topic, documents of one main topic side by side.

    Parameters
    ----------
    shares : array, shape (k, n_documents), >= 0
        White is 0, black the largest.
    labels : sequence of str, one a topic, optional
        None for their numbers.
    names : sequence of str, one a document, optional
        Written where there are at most 100.
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
        There is nothing to draw, or a value is negative, NaN or infinite.
    ShapeMismatchError
        There is not one label a topic, or one name a document.

    Examples
    --------
    >>> figure = topic_documents([[0.9, 0.2], [0.1, 0.8]], names=["a.txt", "b.txt"])
    >>> [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    ['a.txt', 'b.txt']
    """
    array = _checked(shares, "shares")
    if array.ndim != 2 or not array.size:
        raise DataError(f"shares must be a matrix (k, n_documents) with something in it, got shape {array.shape}")
    labels = [f"topic {number + 1}" for number in range(len(array))] if labels is None else labels
    names = [""] * array.shape[1] if names is None else names
    for what, given, wanted in (("labels", labels, len(array)), ("names", names, array.shape[1])):
        if len(given) != wanted:
            raise ShapeMismatchError(f"expected {wanted} {what}, got {len(given)}")
    order = _by_main_topic(array)
    axes = _new_axes(array.shape) if ax is None else ax
    picture = axes.imshow(array[:, order], cmap=WHITE_IS_ZERO, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(array)), [shortened(label, LABEL_WIDTH) for label in labels], parse_math=False)
    axes.tick_params(axis="y", length=0)
    _name_columns(axes, [names[i] for i in order])
    if title is not None:
        axes.set_title(printable(title), parse_math=False)
    bar = figure_of(axes).colorbar(picture, ax=axes, pad=0.01, fraction=0.03, aspect=30)
    bar.set_label("share of the document", fontsize=7)
    bar.outline.set_visible(False)
    return figure_of(axes)


def _checked(values: ArrayLike, name: str) -> Array:
    """Return the values as an array, once they are seen to be finite and not below 0."""
    array = np.asarray(values, np.float64)
    check_finite(array, name)
    if array.size:
        refuse_negative(array, name)
    return array


def _name_columns(axes: Axes, names: Sequence[str]) -> None:
    if len(names) <= MOST_NAMES:
        shown = [shortened(name, NAME_WIDTH) for name in names]
        axes.set_xticks(range(len(names)), shown, rotation=90, fontsize=5, parse_math=False)
        axes.tick_params(axis="x", length=0, pad=1)
    else:
        axes.set_xticks([])
        axes.set_xlabel(f"{len(names):,} documents, each a column, ordered by their main topic")


def _bars(axes: Axes, topic: Sequence[tuple[str, float]], title: str, longest: int) -> None:
    # Each word stands above its bar: beside or upon it, some would be cut and others run over its end.
    bars = [place + 0.33 for place in range(len(topic))]
    axes.barh(bars, [weight for _, weight in topic], height=0.26, color=PALETTE[0])
    axes.set(ylim=(max(longest, 1) - 0.4, -0.6), xticks=[], yticks=[])
    axes.set_xlim(left=0)
    for place, (word, _) in enumerate(topic):
        axes.text(
            0, place + 0.02, shortened(printable(word), WORD_WIDTH), transform=axes.get_yaxis_transform(), fontsize=6.5,
            va="baseline", color=INK, parse_math=False,
        )  # fmt: skip
    axes.spines[["bottom", "left"]].set_visible(False)
    axes.set_title(title, fontsize=7.5)


def _by_main_topic(shares: Array) -> Array:
    """Documents by their largest topic, the purest first; ones without any at the end."""
    main, largest = shares.argmax(axis=0), shares.max(axis=0)
    return np.lexsort((-largest, np.where(largest > 0, main, len(shares))))


def _new_axes(shape: tuple[int, ...]) -> Axes:
    n_topics, n_documents = shape
    named = n_documents <= MOST_NAMES
    width = 3.4 + (max(0.095 * n_documents, 2.0) if named else 5.5)
    height = 0.7 + 0.16 * n_topics + (1.1 if named else 0.2)
    return Figure(figsize=(width, max(height, 2.0)), layout="constrained").add_subplot()
