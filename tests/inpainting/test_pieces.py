"""The membrane, the shares and what is hidden, each on its own."""

from __future__ import annotations

import numpy as np
import pytest

from imgnmf.inpainting.extend import biharmonic, harmonic
from imgnmf.inpainting.hide import hidden_pixels
from imgnmf.inpainting.mix import PARTS_ALONE, Guess, Mix, learned_mix
from imgnmf.inpainting.pictures import as_pictures


def hole(shape=(9, 10, 2), share=0.4):
    return np.random.default_rng(0).random(shape) < share


@pytest.mark.parametrize("fill", [harmonic, biharmonic])
def test_a_plane_and_what_is_seen_stay(fill):
    y, x = np.mgrid[:9, :10]
    plane = np.stack([2.0 * x + y, 5.0 + 0 * x], axis=-1)
    unknown = np.zeros(plane.shape, bool)
    unknown[2:6, 3:7] = True
    assert np.allclose(fill(np.where(unknown, 99.0, plane), unknown), plane)


def test_a_membrane_is_the_mean_of_its_neighbours_and_never_beyond_the_rim():
    picture, unknown = np.random.default_rng(1).random((9, 10, 2)), hole()
    filled = harmonic(picture, unknown)
    padded = np.pad(filled, ((1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    around = np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
    assert np.allclose(np.nanmean(around, axis=0)[unknown], filled[unknown])
    assert np.array_equal(filled[~unknown], picture[~unknown])
    assert filled.max() <= picture[~unknown].max()


def guess(rng, shape=(20, 20, 1)):
    smooth, held, bent = rng.random((3, *shape))
    return Guess(smooth, held, bent, rng.integers(1, 5, shape).astype(float))


def test_the_shares_that_made_the_truth_are_found():
    made = guess(np.random.default_rng(0))
    mix = Mix(np.array([1.0, 4.0]), np.array([[0.1, 0.3], [0.9, 0.1]]))
    truth = mix.applied(made)
    found = learned_mix([made], [truth], [np.ones(truth.shape, bool)])
    assert np.allclose(found.applied(made), truth)
    assert np.allclose(found.shares[[0, -1]], mix.shares)


def test_shares_never_leave_the_triangle():
    made = guess(np.random.default_rng(0))
    for truth in (made.smooth + 5, made.smooth - 5, 3 * made.held):
        shares = learned_mix([made], [truth], [np.ones(truth.shape, bool)]).shares
        assert shares.min() >= 0
        assert shares.sum(axis=1).max() <= 1 + 1e-12


def test_with_nothing_hidden_the_parts_count_alone():
    made = guess(np.random.default_rng(0))
    nothing = np.zeros(made.smooth.shape, bool)
    assert learned_mix([made], [made.smooth], [nothing]) is PARTS_ALONE
    assert np.allclose(PARTS_ALONE.applied(made), made.held)


@pytest.mark.parametrize(("n_images", "most"), [(8, 8), (21, 10), (300, 100)])
def test_only_seen_pixels_are_hidden_and_half_of_them_stay(n_images, most):
    seen = np.random.default_rng(0).random((n_images, 6, 7)) > 0.3
    pictures = as_pictures(np.ones(seen.shape), seen)
    hidden = hidden_pixels(pictures, np.random.default_rng(0))
    assert 0 < sum(mask.any() for mask in hidden) <= most
    for mask, known in zip(hidden, pictures.seen, strict=True):
        assert not (mask & ~known).any()
        assert (known & ~mask).sum() >= 0.5 * known.sum()
    left = pictures.without(hidden)
    assert all((value[mask] == 0).all() for value, mask in zip(left.values, hidden, strict=True))


def test_nothing_is_hidden_where_too_little_would_stay():
    seen = np.zeros((3, 6, 6), bool)
    seen[:, 0, 0] = True
    pictures = as_pictures(np.ones(seen.shape), seen)
    assert all(mask.sum() == 0 for mask in hidden_pixels(pictures, np.random.default_rng(2)))
