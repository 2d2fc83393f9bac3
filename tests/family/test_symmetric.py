"""Symmetric NMF: groups in an affinity, and the affinity of images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2
from scipy.optimize import minimize_scalar

from imgnmf import errors, family
from imgnmf.core.stopping import RelativeDecrease
from imgnmf.family.kernels import _symmetric_loops, symmetric_sweep
from tests.family.cases import blocks
from tests.signals import best_of


def same_groups(labels, truth):
    return len(set(zip(labels, truth, strict=True))) == len(set(truth)) == len(set(labels))


@pytest.mark.parametrize("seed", range(10))
def test_the_groups_of_a_block_affinity_are_found(seed):
    A, truth = blocks((12, 9, 14, 5), noise=0.3, seed=seed)
    assert same_groups(family.symmetric(A, 4, rng=seed).labels, truth)


def test_an_exact_product_is_found():
    rng = np.random.default_rng(0)
    H = rng.random((3, 30)) * (rng.random((3, 30)) < 0.4)
    fit = family.symmetric(H.T @ H, 3, max_iter=5000)
    assert fit.relative_error < 1e-3
    np.testing.assert_array_equal(fit.W, fit.H.T)


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_each_coefficient_is_set_to_its_minimum(scale):
    rng = np.random.default_rng(0)
    A = rng.random((6, 6))
    A, trial = A + A.T, scale * rng.random((6, 2))
    swept = trial.copy()
    symmetric_sweep(A, swept)

    def value(x, i, t):
        trial[i, t] = x
        return np.square(A - trial @ trial.T).sum()

    for place in np.ndindex(6, 2):
        near = min(np.linspace(0, 3, 61), key=lambda x: value(x, *place))
        bounds = max(near - 0.1, 0), near + 0.1
        found = minimize_scalar(value, bounds=bounds, args=place, method="bounded").x
        assert value(swept[place], *place) <= value(found, *place) + 1e-9
        value(swept[place], *place)


def test_the_compiled_round_is_the_plain_one():
    A, _ = blocks()
    one = np.random.default_rng(0).random((len(A), 3))
    other = one.copy()
    symmetric_sweep(A, one)
    _symmetric_loops(A, other)
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_stripes_that_k_means_cuts_across():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 60)
    stripes = np.array([rng.uniform(0, 6, 120), 2 * truth + 0.5 * rng.random(120)])
    fit = family.symmetric(family.affinity(stripes, neighbours=20), 2)
    assert same_groups(fit.labels, truth)
    assert not same_groups(kmeans2(stripes.T, 2, rng=0)[1], truth)


def test_an_affinity_is_symmetric_local_and_free_of_the_unit():
    V = np.random.default_rng(0).standard_normal((5, 50))
    V[:, 7] = V[:, 8]
    A = family.affinity(V)
    np.testing.assert_array_equal(A, A.T)
    assert A.min() == 0
    assert A.max() <= 1
    assert not np.diag(A).any()
    assert (A > 0).sum(axis=1).min() >= 6
    assert (A > 0).mean() < 0.4
    assert A[7, 8] >= A[7].max()
    np.testing.assert_allclose(family.affinity(1e-8 * V), A, rtol=1e-9)
    assert (family.affinity(V, neighbours=1) > 0).sum() < (A > 0).sum()


def test_copies_of_one_image_are_alike():
    A = family.affinity(np.ones((3, 10)))
    np.testing.assert_allclose(A.sum(axis=1), 1)
    np.testing.assert_allclose(family.affinity(np.eye(2)), [[0, 1], [1, 0]])


def test_bad_affinities_are_refused():
    A, _ = blocks()
    with pytest.raises(errors.ShapeMismatchError, match="affinity of each two images"):
        family.symmetric(A[:, :-1], 3)
    B = A.copy()
    B[2, 5] += 0.1
    with pytest.raises(errors.DataError, match=r"must be symmetric; A\[2, 5\]"):
        family.symmetric(B, 3)
    for bad in (0, 1.5, None):
        with pytest.raises(errors.ParameterError, match="n_init must be"):
            family.symmetric(A, 3, n_init=bad)
    with pytest.raises(errors.ParameterError, match="neighbours must be"):
        family.affinity(A, neighbours=0)
    with pytest.raises(errors.DataError, match="two images or more"):
        family.affinity(np.ones((4, 1)))


def test_one_interruption_ends_all_starts():
    seen = []

    def interrupt(state):
        seen.append(state.iteration)
        if len(seen) == 3:
            raise KeyboardInterrupt

    fit = best_of(family.symmetric, blocks()[0], 3, n_init=4, callback=interrupt)
    assert (fit.reason, seen) == ("interrupted", [1, 2, 3])


def test_an_interruption_between_two_starts_keeps_the_one_that_ended(monkeypatch):
    from imgnmf.family import symmetric_nmf

    real, begun = symmetric_nmf._fitted, []

    def second_is_interrupted(*args):
        begun.append(args)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(symmetric_nmf, "_fitted", second_is_interrupted)
    A = blocks()[0]
    fit = best_of(family.symmetric, A, 3, n_init=4)
    assert (fit.reason, fit.converged, len(begun)) == ("interrupted", False, 2)
    monkeypatch.undo()
    np.testing.assert_array_equal(fit.H, family.symmetric(A, 3, n_init=1).H)


def test_an_interruption_is_told_where_an_earlier_start_was_better():
    A, seen = blocks((12, 9, 14, 5), noise=0.3)[0], []

    def interrupt(state):
        seen.append(state.iteration)
        if len(seen) > 1 and state.iteration == 1:
            raise KeyboardInterrupt

    fit = best_of(family.symmetric, A, 6, n_init=3, rng=3, callback=interrupt)
    assert (fit.reason, fit.converged) == ("interrupted", False)
    assert fit.n_iter > 1


def test_more_starts_are_never_worse():
    A, _ = blocks((12, 9, 14, 5), noise=0.3)
    one, many = (family.symmetric(A, 6, n_init=n, rng=3, stop=RelativeDecrease(1e-2)) for n in (1, 4))
    assert many.objective <= one.objective
