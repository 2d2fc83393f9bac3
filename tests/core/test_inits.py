from __future__ import annotations

import numpy as np
import pytest

from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.inits import NNDSVD, SPA, coefficients_for, fitted_start
from imgnmf.core.nnls import nonnegative_least_squares
from imgnmf.core.sketch import randomized_svd
from imgnmf.errors import ParameterError
from tests.core.cases import INITS, low_rank, name_of


def blocks_of(V):
    return ColumnBlocks(V, np.dtype(V.dtype))


@pytest.mark.parametrize("init", INITS, ids=name_of)
def test_a_start_is_non_negative_balanced_and_scaled_best(init):
    V = low_rank(noise=0.2)
    W, H = fitted_start(init, blocks_of(V), 4, np.random.default_rng(0), map)
    assert W.min() >= 0
    assert H.min() >= 0
    assert np.linalg.norm(W) == pytest.approx(np.linalg.norm(H), rel=1e-6)
    model = W.T @ H
    assert np.vdot(V, model) == pytest.approx(np.vdot(model, model), rel=1e-6)


def test_the_randomised_svd_is_the_svd_of_low_rank_data():
    V = low_rank(40, 60, 5)
    left, values, right = randomized_svd(blocks_of(V), 5, np.random.default_rng(0), map)
    np.testing.assert_allclose(values, np.linalg.svd(V, compute_uv=False)[:5], rtol=1e-8)
    np.testing.assert_allclose((left.T * values) @ right, V, atol=1e-8)


def test_nndsvd_is_boutsidis_and_gallopoulos_construction():
    sklearn = pytest.importorskip("sklearn.decomposition._nmf", reason="scikit-learn is the oracle")
    V = low_rank(20, 25, 6, noise=0.3)
    W, H = NNDSVD("zero").start(blocks_of(V), 4, np.random.default_rng(0), map)
    other_H, other_W = sklearn._initialize_nmf(V.T, 4, init="nndsvd", random_state=0)
    np.testing.assert_allclose(W.T @ H, (other_H @ other_W).T, atol=1e-3 * V.max())


def test_spa_finds_the_pure_images():
    rng = np.random.default_rng(0)
    pure = rng.random((12, 3))
    V = np.hstack([pure @ rng.dirichlet(np.ones(3), 30).T, pure])
    W, H = SPA().start(blocks_of(V), 3, rng, map)
    assert sorted(map(tuple, W.round(9))) == sorted(map(tuple, pure.T.round(9)))
    np.testing.assert_allclose(W.T @ H, V, atol=0.05)


def test_coefficients_approach_the_least_squares_answer():
    V = low_rank(noise=0.1)
    W = np.random.default_rng(0).random((3, 30))
    exact = nonnegative_least_squares(W @ W.T, W @ V)
    np.testing.assert_allclose(coefficients_for(W, blocks_of(V), map, sweeps=3000), exact, atol=0.02 * exact.max())


def test_nndsvd_needs_enough_pixels_and_images():
    with pytest.raises(ParameterError, match="rank <= min"):
        NNDSVD().start(blocks_of(np.ones((3, 4))), 4, np.random.default_rng(0), map)
    with pytest.raises(ParameterError, match="fill must be"):
        NNDSVD("average")
