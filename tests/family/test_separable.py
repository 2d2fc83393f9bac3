"""Separable NMF: the pure images are found, exactly and with noise, and SNPA where SPA cannot."""

from __future__ import annotations

import numpy as np
import pytest

from imgnmf import errors, factorize, family
from imgnmf.core.measures import matched
from tests.core.cases import low_rank


def separable_set(m=15, n=80, rank=5, *, noise=0.0, seed=0):
    """Mixtures of `rank` pure images, which lie shuffled among them."""
    rng = np.random.default_rng(seed)
    W = rng.random((m, rank))
    V = np.hstack([W, W @ rng.dirichlet(np.ones(rank), n - rank).T])
    order = rng.permutation(n)
    V = V[:, order] + noise * rng.standard_normal((m, n))
    return V.clip(0), np.flatnonzero(order < rank)


@pytest.mark.parametrize("method", ["spa", "snpa"])
@pytest.mark.parametrize("seed", range(10))
def test_pure_images_are_found_exactly(method, seed):
    V, pure = separable_set(seed=seed)
    fit = family.separable(V, 5, method=method)
    assert sorted(fit.chosen) == list(pure)
    assert fit.relative_error < 1e-7
    np.testing.assert_array_equal(fit.W, V[:, fit.chosen])
    np.testing.assert_allclose(V @ fit.shares, fit.W, rtol=1e-12)


@pytest.mark.parametrize("method", ["spa", "snpa"])
def test_pure_images_are_found_under_noise(method):
    for seed in range(10):
        V, pure = separable_set(noise=0.003, seed=seed)
        fit = family.separable(V, 5, method=method)
        assert matched(V[:, pure], fit.W).cosine.min() > 0.998


def test_snpa_finds_parts_that_depend_on_each_other_and_spa_does_not():
    # Four corners of a square in three dimensions: the fourth lies in the span of the others.
    rng = np.random.default_rng(0)
    W = np.array([[0.0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1]])
    V = np.hstack([W @ rng.dirichlet(np.ones(4), 40).T, W])
    assert sorted(family.separable(V, 4).chosen) == [40, 41, 42, 43]
    with pytest.raises(errors.ParameterError, match="rank must be within"):
        family.separable(V, 4, method="spa")
    V = np.vstack([V, V])
    with pytest.raises(
        errors.ParameterError, match=r"sums of 3 of them, so there are not 4 to pick: lower rank to 3; .*SNPA"
    ):
        family.separable(V, 4, method="spa")
    with pytest.raises(errors.ParameterError, match="mixtures of 4 of them"):
        family.separable(V, 5)


def test_light_of_different_strength_needs_unit_sums():
    V, pure = separable_set(seed=3)
    rng = np.random.default_rng(0)
    light = rng.uniform(0.1, 5, V.shape[1])
    assert sorted(family.separable(V * light, 5, unit_sum=True).chosen) == list(pure)
    assert sorted(family.separable(V * light, 5).chosen) != list(pure)


def test_the_trace_tells_what_is_left_after_each_pick():
    V, _ = separable_set(noise=0.05)
    spa, snpa = (family.separable(V, 5, method=method) for method in ("spa", "snpa"))
    for picks in range(1, 6):
        basis = np.linalg.qr(V[:, spa.chosen[:picks]])[0]
        outside = np.linalg.norm(V - basis @ (basis.T @ V)) / np.linalg.norm(V)
        assert spa.trace.relative_error[picks - 1] == pytest.approx(outside, rel=1e-6)
    # A span holds more than a hull.
    assert snpa.relative_error <= snpa.trace.relative_error[-1]
    assert spa.relative_error >= spa.trace.relative_error[-1]


def test_the_start_of_nmf_picks_the_same_images():
    V = low_rank(noise=0.2)
    start = factorize(V, 4, init="spa", max_iter=0)
    assert matched(family.separable(V, 4, method="spa").W, start.W).cosine.min() > 1 - 1e-9


def test_an_unknown_method_is_refused():
    with pytest.raises(errors.ParameterError, match="method must be 'spa' or 'snpa'"):
        family.separable(np.eye(3), 2, method="vca")
