"""Topics drawn: documents of one topic stand together, and what is no share is refused."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from imgnmf import viz
from imgnmf.errors import DataError, ShapeMismatchError

SHARES = np.array([[0.1, 0.6, 0.0, 1.0], [0.9, 0.4, 0.0, 0.0]])


def test_documents_stand_by_their_main_topic_the_purest_first_and_empty_ones_last():
    axes = viz.topic_documents(SHARES, names=list("abcd")).axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list("dbac")
    np.testing.assert_array_equal(axes.images[0].get_array(), SHARES[:, [3, 1, 0, 2]])


def test_many_documents_are_counted_and_not_named():
    axes = viz.topic_documents(np.ones((2, 1234)), names=["x"] * 1234).axes[0]
    assert axes.get_xlabel().startswith("1,234 documents")
    assert not axes.get_xticks().size


def test_nothing_but_zeros_can_be_drawn():
    image = viz.topic_documents(np.zeros((2, 3))).axes[0].images[0]
    assert image.norm.vmax == 1


def test_bars_are_the_weights():
    figure = viz.topic_words([[("cat", 0.5), ("dog", 0.25)], [("bus", 0.4)]])
    widths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes]
    assert widths == [[0.5, 0.25], [0.4]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["cat", "dog"]


def test_no_word_runs_over_a_bar():
    long = "a_very_long_identifier_of_a_program__"
    figure = viz.topic_words([[(word, 1 / (n + 1)) for n, word in enumerate(["__init__", long, "gyp"] * 3)]] * 7)
    FigureCanvasAgg(figure).draw()
    for axes in figure.axes:
        for word in axes.texts:
            box = word.get_window_extent()
            assert not any(box.overlaps(bar.get_window_extent()) for bar in axes.patches)
            assert box.x1 <= axes.get_window_extent().x1


@pytest.mark.parametrize(
    ("shares", "options", "error"),
    [
        (-SHARES, {}, DataError),
        (SHARES * np.nan, {}, DataError),
        (SHARES[0], {}, DataError),
        (SHARES[:, :0], {}, DataError),
        (SHARES, {"names": ["a"]}, ShapeMismatchError),
        (SHARES, {"labels": ["a"]}, ShapeMismatchError),
    ],
)
def test_what_are_no_shares_is_refused(shares, options, error):
    with pytest.raises(error):
        viz.topic_documents(shares, **options)


@pytest.mark.parametrize("words", [[], [[("cat", -1.0)]], [[("cat", np.nan)]]])
def test_what_are_no_words_is_refused(words):
    with pytest.raises(DataError):
        viz.topic_words(words)
