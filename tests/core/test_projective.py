"""Projective NMF: ``V ~ W W' V``."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import imgnmf
from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.losses import Frobenius
from imgnmf.core.measures import matched
from imgnmf.core.penalties import NO_PENALTY
from imgnmf.core.problem import Problem
from imgnmf.core.projective import _looked
from imgnmf.core.solvers import HALS
from imgnmf.errors import DataError, ParameterError, ShapeMismatchError
from tests.core.cases import low_rank

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

RULES = [False, True]


def overlap(W):
    unit = W / np.linalg.norm(W, axis=0)
    return np.abs(unit.T @ unit - np.eye(W.shape[1])).max()


def test_the_gradient_is_that_of_the_error():
    rng = np.random.default_rng(0)
    V, W = rng.random((6, 9)), rng.random((2, 6))
    problem = Problem(ColumnBlocks(V, V.dtype), Frobenius(), HALS(), NO_PENALTY, NO_PENALTY, np.sum(V**2), 1.0)
    W, parts, squared = _looked(problem, W, False, map)

    def loss(W):
        return np.sum((V - W.T @ (W @ V)) ** 2) / 2

    assert squared / 2 == pytest.approx(loss(W))
    steps = 1e-6 * np.eye(12).reshape(12, 2, 6)
    slope = [(loss(W + step) - loss(W - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose((parts.plus - parts.minus).ravel(), slope, rtol=1e-6, atol=1e-6)
    assert all(loss(W) <= loss(scale * W) for scale in (0.99, 1.01))


@pytest.mark.parametrize("orthonormal", RULES)
@pytest.mark.parametrize("unit", [1e-8, 1.0, 255.0, 2.0**40])
def test_the_error_never_rises_whatever_the_unit(unit, orthonormal):
    V = low_rank(noise=0.3)
    fit = imgnmf.factorize_projective(V * unit, 4, orthonormal=orthonormal, max_iter=200, stop=())
    assert np.diff(fit.trace.objective).max() <= 0
    assert fit.objective == pytest.approx(np.sum((V * unit - fit.reconstruct()) ** 2) / 2)
    assert fit.relative_error == pytest.approx(np.linalg.norm(V * unit - fit.reconstruct()) / np.linalg.norm(V * unit))
    one = imgnmf.factorize_projective(V, 4, orthonormal=orthonormal, max_iter=200, stop=())
    np.testing.assert_allclose(fit.W, one.W, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("orthonormal", RULES)
def test_parts_that_share_no_pixel_are_found_and_are_orthonormal(orthonormal):
    rng = np.random.default_rng(0)
    W = np.kron(np.eye(4), rng.random((8, 1)) + 0.2)
    V = W @ rng.gamma(0.5, size=(4, 60))
    fit = imgnmf.factorize_projective(V, 4, orthonormal=orthonormal, stop=imgnmf.KKTBelow(1e-3))
    assert fit.converged
    assert fit.relative_error < 1e-2
    assert matched(W, fit.W).cosine.min() > 0.999
    np.testing.assert_allclose(fit.W.T @ fit.W, np.eye(4), atol=0.02)


def test_parts_of_faces_overlap_far_less_than_plain_ones():
    V = imgnmf.load_dataset("lfw-faces").V
    plain = imgnmf.factorize(V, 9, max_iter=200)
    fit = imgnmf.factorize_projective(V, 9, max_iter=600)
    assert overlap(fit.W) < 0.5 * overlap(plain.W)
    assert plain.relative_error < fit.relative_error < 1.5 * plain.relative_error


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_encode_is_one_product_and_agrees_with_the_fit(dtype):
    V = (255 * low_rank(n=500, noise=0.3) / 12).clip(0, 255).astype(dtype)
    fit = imgnmf.factorize_projective(V, 4, max_iter=50)
    np.testing.assert_allclose(fit.encode(V), fit.H, rtol=1e-5)
    np.testing.assert_allclose(
        fit.encode(V[:, 3:4]), fit.encode(V)[:, 3:4], rtol=1e-6 if dtype == np.float32 else 1e-12
    )
    np.testing.assert_allclose(fit.H, fit.W.T @ V.astype(float), rtol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_neither_threads_nor_being_sparse_change_the_fit(threads):
    V = low_rank(n=1300)
    fit = imgnmf.factorize_projective(V, 4, max_iter=30, threads=threads)
    np.testing.assert_array_equal(fit.W, imgnmf.factorize_projective(V, 4, max_iter=30, threads=1).W)
    stored = imgnmf.factorize_projective(sp.csc_array(V), 4, max_iter=30, init="random")
    dense = imgnmf.factorize_projective(V, 4, max_iter=30, init="random")
    assert stored.relative_error == pytest.approx(dense.relative_error, rel=0.05)
    np.testing.assert_allclose(stored.encode(sp.csc_array(V)), stored.H, rtol=1e-6)


@pytest.mark.parametrize(
    ("V", "rank", "error", "message"),
    [
        (np.zeros((4, 5)), 2, DataError, "zero everywhere"),
        (-np.ones((4, 5)), 2, DataError, "negative"),
        (np.full((4, 5), np.nan), 2, DataError, "NaN"),
        (np.ones((4, 5)), 6, ParameterError, "rank"),
    ],
)
def test_what_cannot_be_projected_is_refused(V, rank, error, message):
    with pytest.raises(error, match=message):
        imgnmf.factorize_projective(V, rank)
    fit = imgnmf.factorize_projective(low_rank(), 2, max_iter=5)
    with pytest.raises(ShapeMismatchError, match="30 pixels, the new images 29"):
        fit.encode(np.ones((29, 1)))
    with pytest.raises(DataError, match="negative"):
        fit.encode(-np.ones((30, 1)))
