"""The best area: against all areas there are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from imgnmf.errors import ParameterError
from imgnmf.occlusion.expected import spread_of, surprise
from imgnmf.occlusion.region import best_area
from imgnmf.occlusion.rule import Rule

SHAPES = [(3, 3), (1, 9), (4, 2)]


def gain(worth, border, area):
    edges = (area[:, 1:] != area[:, :-1]).sum() + (area[1:] != area[:-1]).sum()
    return worth[area].sum() - border * edges


@pytest.mark.parametrize("border", [0.0, 0.4, 1.5])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_no_area_is_worth_more(shape, border, seed):
    worth = np.random.default_rng(seed).normal(size=shape)
    areas = (np.reshape(bits, shape) for bits in product([False, True], repeat=worth.size))
    best = max(gain(worth, border, area) for area in areas)
    assert gain(worth, border, best_area(worth, border)) == pytest.approx(best, abs=0.02)


def test_without_a_border_each_pixel_decides_for_itself():
    worth = np.random.default_rng(0).normal(size=(20, 30))
    clearly = np.abs(worth) > 0.01
    assert np.array_equal(best_area(worth, 0.0)[clearly], (worth > 0)[clearly])


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_the_unit_of_worth_does_not_matter(unit):
    worth = np.random.default_rng(1).normal(size=(12, 12))
    assert np.array_equal(best_area(unit * worth, unit * 0.7), best_area(worth, 0.7))


def square(side, height):
    suspect = np.zeros((40, 40))
    suspect[10 : 10 + side, 12 : 12 + side] = height
    return suspect.reshape(-1, 1)


@pytest.mark.parametrize(("side", "found"), [(9, True), (7, False)])
def test_a_square_of_twice_the_cutoff_is_found_from_the_rules_side_on(side, found):
    clear = Rule.of((40, 40, 1), 8.0, 6.0).clear(square(side, 12.0), np.ones((1600, 1), bool))
    assert (~clear).sum() == (side**2 if found else 0)


def test_an_image_of_which_more_than_half_is_surprising_is_another_image_and_left_as_it_is():
    rule = Rule.of((10, 10, 1), 3.0, 8.0)
    suspect, known = np.full((100, 2), 25.0), np.ones((100, 2), bool)
    suspect[60:, 1] = 0.0
    suspect[40:60, 1] = 0.0
    assert rule.clear(suspect, known)[:, 0].all()
    assert np.array_equal(~rule.clear(suspect, known)[:, 1], suspect[:, 1] > 0)


def test_where_too_much_is_doubted_the_clearest_area_is_still_found():
    suspect = np.full((100, 1), 9.0)
    suspect[:30] = 25.0
    assert np.array_equal(~Rule.of((10, 10, 1), 3.0, 8.0).clear(suspect, np.ones((100, 1), bool)), suspect > 10)


def test_unknown_pixels_speak_neither_for_an_area_nor_against_it():
    suspect, known = square(12, 14.0), np.random.default_rng(0).random((1600, 1)) > 0.4
    found = ~Rule.of((40, 40, 1), 8.0, 6.0).clear(np.where(known, suspect, 0), known)
    assert found[(suspect > 0) & known].mean() > 0.97
    assert (found & known & (suspect == 0)).sum() == 0


def test_channels_share_one_area():
    suspect = np.zeros((20, 20, 3))
    suspect[5:15, 5:15, 0] = 24.0
    assert Rule.of((20, 20, 3), 4.0, 4.0).clear(suspect.reshape(-1, 1), np.ones((1200, 1), bool)).sum() == 3 * (
        400 - 100
    )


@pytest.mark.parametrize("spread", [0.01, 3.0])
def test_the_spread_is_that_of_normal_noise_though_some_images_are_damaged(spread):
    residual = spread * np.random.default_rng(0).normal(size=(50, 4000))
    residual[:, :400] = 1e3
    residual[0] = np.nan
    assert spread_of(residual)[1:] == pytest.approx(np.full((49, 1), 1.15 * spread), rel=0.08)
    assert np.nanmean(surprise(residual[:, 400:], spread_of(residual))) == pytest.approx(0.74, rel=0.05)


@pytest.mark.parametrize(
    ("side", "cutoff"), [(0, 8.0), (np.nan, 8.0), (True, 8.0), (4, 25.0), (4, -1), ("4", 8.0), (np.float32(0), 8.0)]
)
def test_options_out_of_bounds_are_refused(side, cutoff):
    with pytest.raises(ParameterError, match="must be a number above 0"):
        Rule.of((20, 20, 1), side, cutoff)


def test_numbers_of_numpy_are_numbers():
    assert Rule.of((20, 20, 1), np.int64(3), np.float32(8)) == Rule.of((20, 20, 1), 3, 8.0)
