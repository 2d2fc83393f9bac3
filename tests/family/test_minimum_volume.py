"""Minimum volume: planted parts are found though no image is pure; the spectra of a real scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imgnmf import errors, factorize, family
from imgnmf.core.measures import matched
from imgnmf.core.stopping import KKTBelow
from imgnmf.family.minimum_volume_nmf import Volume
from tests.family.cases import scattered

SAMSON = Path(__file__).resolve().parents[3] / "shared" / "data" / "mat" / "Samson.mat"


def angles(true, found):
    """Between each true part and its partner, in degrees."""
    return np.degrees(np.arccos(np.clip(matched(true, found).cosine, -1, 1)))


@pytest.mark.parametrize("seed", range(3))
def test_planted_parts_are_found_though_no_image_is_pure(seed):
    W, V = scattered(seed=seed)
    assert angles(W, family.minimum_volume(V, 3).W).max() < 1
    assert angles(W, family.minimum_volume(V, 3, strength=0.01).W).max() < 0.4
    assert angles(W, factorize(V, 3, stop=KKTBelow(1e-3)).W).max() > 5
    assert angles(W, family.separable(V, 3).W).max() > 5


@pytest.mark.parametrize("seed", range(3))
def test_noise_costs_little_at_the_default_strength(seed):
    W, V = scattered(noise=0.02, seed=seed)
    assert angles(W, family.minimum_volume(V.clip(0), 3).W).max() < 1.5


def test_more_strength_makes_less_volume_and_more_error():
    _, V = scattered(noise=0.02)
    fits = [family.minimum_volume(V.clip(0), 3, strength=s) for s in (0.01, 0.1, 1.0, 10.0)]
    volumes = [np.linalg.det(fit.W.T @ fit.W) for fit in fits]
    assert (np.diff(volumes) < 0).all()
    assert (np.diff([fit.relative_error for fit in fits]) > 0).all()


def test_columns_sum_to_one_in_any_unit():
    _, V = scattered(noise=0.01)
    for unit in (1e-8, 1.0, 255.0):
        fit = family.minimum_volume(V.clip(0) * unit, 3)
        np.testing.assert_allclose(fit.W.sum(axis=0), 1)
        assert fit.W.min() >= 0


def test_the_penalty_is_the_log_det_and_starts_at_its_share_of_the_loss():
    _, V = scattered(noise=0.01)
    V = V.clip(0)
    start = family.minimum_volume(V, 3, strength=0.7, max_iter=0)
    loss = np.square(V - start.reconstruct()).sum() / 2
    assert start.penalty == pytest.approx(0.7 * loss, rel=1e-9)
    gram = start.W.T @ start.W
    flat = 0.1 * np.trace(gram) / 3
    fit = family.minimum_volume(V, 3, strength=0.7)
    volumes = [np.linalg.slogdet(np.eye(3) + W.T @ W / flat)[1] for W in (start.W, fit.W)]
    assert fit.penalty == pytest.approx(start.penalty * volumes[1] / volumes[0], rel=1e-9)


def test_the_tangent_of_the_log_det_lies_above_it():
    rng = np.random.default_rng(0)
    volume = Volume(0.3, weight=2.0)
    W = rng.random((3, 8))
    for X in (W, W + 0.1 * rng.random((3, 8)), rng.random((3, 8)), np.zeros((3, 8))):
        tangent = volume.value(W) + np.sum(volume.bend(W) * (X @ X.T - W @ W.T)) / 2
        assert volume.value(X) <= tangent + 1e-12
    step = 1e-6 * rng.random((3, 8))
    slope = np.sum(volume.bend(W) @ W * step)
    assert volume.value(W + step) - volume.value(W - step) == pytest.approx(2 * slope, rel=1e-6)


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf, "0.1", True, None])
def test_a_strength_or_delta_that_is_none_is_refused(bad):
    _, V = scattered()
    with pytest.raises(errors.ParameterError, match="strength must be"):
        family.minimum_volume(V, 3, strength=bad)
    with pytest.raises(errors.ParameterError, match="delta must be"):
        family.minimum_volume(V, 3, delta=bad)


@pytest.mark.skipif(not SAMSON.exists(), reason="shared/data/mat/Samson.mat is not here")
def test_the_spectra_of_a_real_scene():
    scipy_io = pytest.importorskip("scipy.io")
    samson = scipy_io.loadmat(SAMSON)
    V, true = samson["Y"][:, ::5], samson["GT"].T
    plain = angles(true, factorize(V, 3).W).mean()
    found = angles(true, family.minimum_volume(V, 3).W).mean()
    assert plain > 15
    assert found < 6
