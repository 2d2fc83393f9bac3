from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import nnls

import imgnmf
from imgnmf.core.descent import own_minimisers
from imgnmf.core.encode import encode
from imgnmf.core.losses import KullbackLeibler
from imgnmf.core.nnls import nonnegative_least_squares, own_least_squares
from imgnmf.core.pivots import pivots, pivots_numpy, unit_grams, unit_grams_numpy
from tests.core.cases import LOSSES, low_rank, name_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

SHAPES = [(1, 1), (2, 7), (5, 40), (17, 60), (49, 80)]
# How far the images are from the cone of the parts decides how many coefficients are zero: hardly any, half, most.
SHARES = [0.0, 0.5, 3.0]


def problem(rank, n, share=0.5, seed=0):
    """Parts of unit length (rank, m), images (m, n) and, as `pivots` takes them, Gram matrix and products."""
    rng = np.random.default_rng(seed)
    W = rng.random((rank, 3 * rank + 2)) * (rng.random((rank, 3 * rank + 2)) < 0.6) + 0.01
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    V = np.maximum(W.T @ rng.random((rank, n)) + share * rng.standard_normal((W.shape[1], n)), 0)
    return W, V, W @ W.T, np.ascontiguousarray((W @ V).T)


def misses(W, V, H):
    """By how much each column's squared error is above that of scipy's nnls, relative to the column's square."""
    # Of its answer, since the residual that it reports can be off by 1e-6 where parts mix each other.
    least = np.stack([nnls(W.T, v, maxiter=10_000)[0] for v in V.T], axis=1)
    squares = [((V - W.T @ each) ** 2).sum(axis=0) for each in (H, least)]
    return (squares[0] - squares[1]) / np.maximum((V**2).sum(axis=0), 1e-30)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(("rank", "n"), SHAPES)
def test_from_either_side_and_by_the_twin_the_answer_is_scipys(rank, n, share):
    W, V, gram, product = problem(rank, n, share)
    expected = np.stack([nnls(W.T, v)[0] for v in V.T])
    everything = np.ones(product.shape, bool)
    answers = [
        pivots(gram[None], np.linalg.inv(gram), product, everything),
        pivots(gram[None], None, product, everything),
        pivots(gram[None], None, product, ~everything),
        pivots(np.repeat(gram[None], n, axis=0), None, product, everything),
        pivots_numpy(gram[None], product, everything),
        pivots_numpy(np.repeat(gram[None], n, axis=0), product, ~everything),
    ]
    for H, certified in answers:
        assert certified.all()
        np.testing.assert_allclose(H, expected, atol=1e-9 * max(1, expected.max()))


@pytest.mark.parametrize("share", SHARES)
def test_a_column_alone_is_the_same_to_the_last_bit(share):
    _, _, gram, product = problem(17, 60, share)
    inverse, free = np.linalg.inv(gram), product > 0
    whole, _ = pivots(gram[None], None, product, free)
    for i in (0, 31, 59):
        alone, _ = pivots(gram[None], None, product[[i]], free[[i]])
        assert (alone[0] == whole[i]).all()
    # From the zeros' side a product with all columns comes first, which the BLAS cuts by their number.
    whole, _ = pivots(gram[None], inverse, product, free)
    for i in (0, 31, 59):
        alone, _ = pivots(gram[None], inverse, product[[i]], free[[i]])
        np.testing.assert_allclose(alone[0], whole[i], rtol=0, atol=1e-13 * whole.max())


@pytest.mark.parametrize(("rank", "n"), SHAPES)
def test_unit_grams_equal_their_numpy_twin(rank, n):
    rng = np.random.default_rng(rank)
    triangles, descent, start = rng.random((rank * (rank + 1) // 2, n)), rng.random((rank, n)), rng.random((rank, n))
    triangles[0, 0] = 0
    for fast, plain in zip(
        unit_grams(triangles, descent, start), unit_grams_numpy(triangles, descent, start), strict=True
    ):
        np.testing.assert_allclose(fast, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("solve", [pivots, pivots_numpy])
def test_what_is_not_solved_is_not_certified(solve):
    same, product = np.ones((1, 2, 2)), np.array([[1.0, 0.5], [1.0, 1.0], [-1.0, -1.0]])
    arguments = (same, None, product) if solve is pivots else (same, product)
    H, certified = solve(*arguments, np.array([[True, False], [True, True], [False, False]]))
    assert certified[0]
    assert certified[2]
    np.testing.assert_allclose(H[0], [1, 0])
    assert not H[2].any()
    # Two equal parts have no one answer: none is given, or one that explains everything.
    assert not certified[1] or H[1].sum() == pytest.approx(1)


def test_an_answer_that_is_off_is_not_certified():
    pytest.importorskip("numba", reason="the twin has no use for an inverse")
    _, _, gram, product = problem(9, 20, 0.0)
    inverse = np.linalg.inv(gram + 1e-8 * np.diag(np.arange(9)))
    _, certified = pivots(gram[None], inverse, product, np.ones(product.shape, bool))
    assert not certified.any()


def mixed_parts(seed):
    """Parts that are copies and mixtures of others, parts without light, more parts than pixels."""
    rng = np.random.default_rng(seed)
    m, rank = int(rng.integers(2, 25)), int(rng.integers(3, 40))
    W = rng.random((rank, m)) * (rng.random((rank, m)) < rng.choice([0.1, 0.3, 1]))
    W[1], W[2] = 2 * W[0], W[0] + W[-1]
    return W, rng.random((m, 6)) * (rng.random((m, 6)) < 0.8)


@pytest.mark.parametrize("seed", range(25))
def test_parts_that_mix_each_other_are_no_trouble(seed):
    W, V = mixed_parts(seed)
    H = nonnegative_least_squares(W @ W.T, W @ V)
    assert H.min() >= 0
    assert misses(W, V, H).max() < 1e-10


@pytest.mark.parametrize("seed", range(25))
def test_nor_are_they_where_every_image_hides_other_pixels(seed):
    W, V = mixed_parts(seed)
    M = np.random.default_rng(seed).random(V.shape) * (np.random.default_rng(seed + 1).random(V.shape) < 0.6)
    H = encode(V, W.T, loss=imgnmf.Frobenius(), weights=np.maximum(M, 1e-3))
    root = np.sqrt(np.maximum(M, 1e-3))
    for j in range(V.shape[1]):
        assert misses(root[:, j] * W, root[:, [j]] * V[:, [j]], H[:, [j]])[0] < 1e-8


@pytest.mark.parametrize("unit", [1e-8, 1.0, 255.0])
@pytest.mark.parametrize("own", [False, True])
def test_units_of_parts_and_images_do_not_matter(unit, own):
    W, V, _, _ = problem(9, 20)
    size = np.geomspace(1e-3, 1e3, 9)[:, None]
    scaled = W * size * unit
    if own:
        grams = np.repeat((scaled @ scaled.T)[np.triu_indices(9)][:, None], V.shape[1], axis=1)
        H = own_least_squares(grams, scaled @ V)
    else:
        H = nonnegative_least_squares(scaled @ scaled.T, scaled @ V)
    np.testing.assert_allclose(H * size * unit, nonnegative_least_squares(W @ W.T, W @ V), atol=1e-8)


@pytest.mark.parametrize("started", ["zero", "answer", "elsewhere"])
def test_the_start_decides_nothing(started):
    W, V, gram, _ = problem(9, 20)
    answer = nonnegative_least_squares(gram, W @ V)
    start = {"zero": np.zeros_like(answer), "answer": answer, "elsewhere": answer[::-1] + 1}[started]
    grams = np.repeat(gram[np.triu_indices(9)][:, None], V.shape[1], axis=1)
    np.testing.assert_allclose(own_least_squares(grams, W @ V - gram @ start, start), answer, atol=1e-9)
    np.testing.assert_allclose(nonnegative_least_squares(gram, W @ V, start), answer, atol=1e-9)


@pytest.mark.parametrize(
    ("loss", "weighted"),
    [*((loss, False) for loss in LOSSES), (imgnmf.Frobenius(), True), (KullbackLeibler(), True)],
    ids=name_of,
)
def test_threads_change_no_bit(loss, weighted):
    rng = np.random.default_rng(0)
    W, V = rng.random((400, 2)), rng.random((400, 1350)) + 0.05
    weights = rng.random(V.shape) if weighted else None
    # Three spans and more of columns, whichever thread takes them.
    one, two = (encode(V, W, loss=loss, weights=weights, floor=0.01, threads=t) for t in (1, 2))
    assert (one == two).all()


@pytest.mark.parametrize("mean", [0.05, 0.5, 20.0])
def test_counts_with_many_zeros_meet_the_kkt_conditions(mean):
    W, V, _, _ = problem(12, 60, 0.0, seed=3)
    loss, counts = KullbackLeibler(), np.random.default_rng(4).poisson(mean * V).astype(float)
    H = own_minimisers(loss, counts, W)
    parts = loss.parts("gradient", counts, W, H)
    slope = (parts.plus - parts.minus) / parts.plus
    assert (counts.sum(axis=0) == 0).any() == (mean < 0.1)
    some = counts.any(axis=0)
    assert slope[:, some].min() > -1e-6
    assert np.abs((slope * H)[:, some]).max() < 1e-6 * max(mean, 1)
    assert not H[:, ~some].any()


WITHOUT = """
import numpy as np, imgnmf
from imgnmf.core.encode import encode
rng = np.random.default_rng(0)
W, V, M = rng.random((30, 6)), rng.random((30, 40)), rng.random((30, 40))
for loss in (imgnmf.Frobenius(), imgnmf.KullbackLeibler(), imgnmf.Huber(0.1)):
    for weights in (None, M):
        H = encode(V, W, loss=loss, weights=weights)
        print(repr(loss.value(V, W @ H, weights)))
"""


def test_without_numba_the_twins_find_the_same_minima():
    pytest.importorskip("numba", reason="without numba both runs are the fallback")
    found = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ}, capture_output=True, text=True, check=True
        ).stdout.split()
        for code in (WITHOUT, "import sys; sys.modules['numba'] = None" + WITHOUT)
    ]
    assert len(found[0]) == 6
    # Not the same bits: the two sum in another order, and the docs promise objectives within 1e-8 of each other.
    np.testing.assert_allclose(np.array(found[0], float), np.array(found[1], float), rtol=1e-8)


def test_a_fit_that_is_over_has_the_coefficients_that_encode_finds():
    V = low_rank(40, 90, 8, noise=0.3)
    fit = imgnmf.factorize(V, 8)
    misfit = misses(fit.W.T, V[:, :20], fit.encode(V[:, :20]))
    assert np.abs(misfit).max() < 1e-12
