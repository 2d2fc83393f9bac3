from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

import imgnmf
from imgnmf.core.nnls import nonnegative_least_squares
from imgnmf.errors import DataError, ShapeMismatchError
from tests.core.cases import low_rank


@pytest.mark.parametrize("seed", range(20))
def test_each_column_is_scipys_nnls(seed):
    rng = np.random.default_rng(seed)
    m, k = int(rng.integers(2, 30)), int(rng.integers(1, 12))
    W, V = rng.random((m, k)) * (rng.random((m, k)) < 0.7), rng.random((m, 10))
    H = nonnegative_least_squares(W.T @ W, W.T @ V)
    for j in range(10):
        expected, residual = nnls(W, V[:, j])
        assert np.linalg.norm(V[:, j] - W @ H[:, j]) <= residual + 1e-7
        if np.linalg.matrix_rank(W) == k and np.linalg.cond(W) < 1e4:
            np.testing.assert_allclose(H[:, j], expected, atol=1e-6 * max(1, expected.max()))


def test_no_answer_depends_on_its_neighbours_or_on_threads():
    V = low_rank(25, 700, 5, noise=0.5).astype(np.float32)
    fit = imgnmf.factorize(V, 5)
    whole = fit.encode(V)
    for i in (0, 13, 699):
        np.testing.assert_allclose(fit.encode(V[:, [i]])[:, 0], whole[:, i], rtol=1e-6, atol=1e-6 * whole.max())


def test_encoding_the_fitted_images_gives_the_fit():
    V = low_rank(25, 300, 5, noise=0.5)
    fit = imgnmf.factorize(V, 5)
    np.testing.assert_allclose(fit.encode(V), fit.H, rtol=1e-6, atol=1e-6 * fit.H.max())


def test_new_images_of_known_parts_are_explained_fully():
    V = low_rank(30, 80, 4)
    fit = imgnmf.factorize(V[:, :60], 4, max_iter=2000)
    new = V[:, 60:]
    assert np.linalg.norm(new - fit.W @ fit.encode(new)) <= 0.02 * np.linalg.norm(new)


@pytest.mark.parametrize("exponent", [-300, -12, 12, 300])
def test_the_unit_of_new_images_does_not_matter(exponent):
    V = low_rank(noise=0.2)
    expected = imgnmf.factorize(V, 3)
    scaled = imgnmf.factorize(V * 10.0**exponent, 3)
    model = scaled.W @ (scaled.encode(V * 10.0**exponent))
    np.testing.assert_allclose(model / 10.0**exponent, expected.W @ expected.encode(V), rtol=1e-6, atol=1e-6)


def test_duplicate_and_empty_parts_are_no_trouble():
    W = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]])
    H = nonnegative_least_squares(W.T @ W, W.T @ np.array([[3.0], [6.0]]))
    np.testing.assert_allclose(W @ H, [[3.0], [6.0]], rtol=1e-6)
    assert H.min() >= 0


def test_what_cannot_be_encoded_is_refused():
    fit = imgnmf.factorize(low_rank(), 3)
    with pytest.raises(ShapeMismatchError, match="the parts have 30 pixels, the new images 29"):
        fit.encode(np.ones((29, 2)))
    with pytest.raises(DataError, match="negative"):
        fit.encode(-np.ones((30, 2)))
