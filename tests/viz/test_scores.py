"""Scores against the rank: every word within the figure, no curve that leaves it without a word."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from imgnmf import viz

LONG = "loss on hidden entries / that of the mean image"


def laid_out(figure):
    FigureCanvasAgg(figure).draw()
    return figure.axes[0]


def curve(*means):
    return np.array([means, means], float)


@pytest.mark.parametrize("chosen", [4, 9, 25])
@pytest.mark.parametrize("note", [None, "word " * 60])
def test_every_word_stands_beside_the_axes_it_belongs_to(chosen, note):
    figure = viz.score_curves([4, 9, 25], {"a": curve(0.6, 0.4, 0.3)}, chosen=chosen, score=LONG, note=note)
    axes = laid_out(figure)
    box, (name,) = axes.get_window_extent(), axes.texts
    assert name.get_text() == f"k = {chosen}"
    assert box.x0 <= name.get_window_extent().x0
    assert name.get_window_extent().x1 <= box.x1
    label = axes.yaxis.label.get_window_extent()
    assert box.y0 <= label.y0
    assert label.y1 <= box.y1


def test_the_mark_of_a_rank_curve_stays_within_its_axes():
    for chosen in (4, 9, 100):
        axes = laid_out(viz.rank_curve([4, 9, 100], [0.3, 0.2, 0.1], chosen=chosen))
        box, name = axes.get_window_extent(), axes.texts[0].get_window_extent()
        assert box.x0 <= name.x0
        assert name.x1 <= box.x1


def test_the_ranks_that_were_tried_are_the_ticks():
    axes = laid_out(viz.score_curves([4, 9, 25], {"a": curve(0.6, 0.4, 0.3)}))
    assert axes.get_xticks().tolist() == [4, 9, 25]


def test_a_curve_that_rises_from_a_small_start_is_drawn_whole():
    means = (0.0115, 0.03, 0.15, 0.1, 0.18, 0.0002)
    axes = laid_out(viz.score_curves(range(2, 14, 2), {"a": curve(*means)}))
    assert axes.get_ylim()[1] >= max(means)
    assert axes.get_legend() is None


def test_a_score_far_beyond_the_others_is_marked_at_the_edge():
    figure = viz.score_curves([1, 2, 3, 4, 5], {"a": curve(0.9, 0.5, 0.4, 0.5, 80)}, chosen=3)
    axes = laid_out(figure)
    assert axes.get_ylim()[1] < 3
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["beyond the axis: k = 5", "a"]
    (mark,) = [line for line in axes.lines if line.get_marker() == "^"]
    assert mark.get_xdata().tolist() == [5]
    assert axes.get_xlim()[1] < 6
