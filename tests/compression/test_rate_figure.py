"""The figure of compare-codecs: one worthless point does not squeeze the curves, and is not lost."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from imgnmf.commands.rate_figure import lowest_of_most, rate_figure
from imgnmf.compression import Curve
from imgnmf.compression.experiment import RatePoint

RATES = np.geomspace(0.05, 5, 30)


def curve(name, rates=RATES, psnrs=None, ssims=None):
    psnrs = np.linspace(20, 50, len(rates)) if psnrs is None else psnrs
    ssims = np.linspace(0.5, 1, len(rates)) if ssims is None else ssims
    points = zip(rates, psnrs, ssims, strict=True)
    return Curve(name, tuple(RatePoint("", *map(float, point), (), (), ()) for point in points))


def with_a_black_picture():
    psnrs, ssims = np.append(6, np.linspace(20, 50, 30)), np.append(0, np.linspace(0.5, 1, 30))
    return [curve("NMF closed set", np.append(1e-4, RATES), psnrs, ssims), curve("JPEG mosaic"), curve("WEBP per file")]


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_point_far_below_all_others_is_marked_at_the_edge_and_counted():
    figure = rate_figure(with_a_black_picture(), "a $title")
    FigureCanvasAgg(figure).draw()
    for axes, lowest in zip(figure.axes, (20, 0.5), strict=True):
        (left, _), (bottom, _) = axes.get_xlim(), axes.get_ylim()
        assert 0.02 < left < 0.05
        assert 0.8 * lowest < bottom < lowest
        marks = [line for line in axes.lines if line.get_marker() == "v" and len(line.get_xdata()) == 1]
        assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marks] == [pytest.approx((left, bottom))]
    assert labels(figure) == ["NMF closed set", "JPEG mosaic", "WEBP per file", "1 beyond the axes"]


def test_without_such_a_point_all_are_within_the_axes():
    figure = rate_figure(with_a_black_picture()[1:], "title")
    assert "beyond" not in " ".join(labels(figure))
    for axes, lowest in zip(figure.axes, (20, 0.5), strict=True):
        assert axes.get_ylim()[0] < lowest
        assert axes.get_xlim()[0] < RATES[0]


@pytest.mark.parametrize("n_low", [0, 1, 3, 4])
def test_only_a_few_are_left_out_however_low(n_low):
    values = np.append(np.linspace(20, 50, 100), np.linspace(1, 2, n_low))
    assert lowest_of_most(values) == (20 if n_low <= 3 else 1)


def test_images_too_small_for_an_ssim_are_drawn_too():
    nothing = np.full(30, np.nan)
    FigureCanvasAgg(rate_figure([curve("NMF closed set", ssims=nothing)], "small")).draw()
    FigureCanvasAgg(rate_figure([curve("NMF closed set", RATES[:1])], "one point")).draw()
