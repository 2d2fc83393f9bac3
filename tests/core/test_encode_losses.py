from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize, nnls

import imgnmf
from imgnmf.core.descent import own_minimisers
from imgnmf.core.encode import encode
from imgnmf.core.losses import BetaDivergence
from imgnmf.core.nnls import nonnegative_least_squares, own_least_squares
from imgnmf.core.penalties import Weight
from imgnmf.errors import DataError, DataWarning, ShapeMismatchError
from tests.core.cases import LOSSES, low_rank, name_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

CONVEX = [BetaDivergence(b) for b in (1, 1.25, 1.5, 1.75)]
OTHERS = [BetaDivergence(b) for b in (-0.5, 0, 0.5, 3)]


def problem(seed=0, m=30, k=5, n=20):
    rng = np.random.default_rng(seed)
    W = rng.random((k, m)) * (rng.random((k, m)) < 0.7) + 0.01
    V = W.T @ (rng.gamma(1.0, size=(k, n)) * (rng.random((k, n)) < 0.6)) + 0.3 * rng.random((m, n))
    return W, V, rng.random((m, n))


def gradient(loss, V, W, H, weights, penalty):
    parts = penalty.applied(loss.parts("gradient", V, W, H, weights=weights), H)
    return parts.plus - parts.minus


@pytest.mark.parametrize("penalty", [Weight(), Weight(0.3, 0.1)], ids=["plain", "penalised"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", CONVEX + OTHERS, ids=name_of)
def test_every_column_meets_the_kkt_conditions(loss, weighted, penalty):
    W, V, M = problem()
    weights = M if weighted else None
    H = own_minimisers(loss, V, W, weights=weights, penalty=penalty)
    slope = gradient(loss, V, W, H, weights, penalty)
    scale = np.abs(loss.parts("gradient", V, W, H, weights=weights).minus).max()
    assert H.min() >= 0
    assert np.abs(np.minimum(H, slope / scale)).max() < 1e-6


@pytest.mark.parametrize("loss", CONVEX, ids=name_of)
def test_no_other_minimiser_finds_less(loss):
    W, V, _ = problem(1, n=6)
    H = own_minimisers(loss, V, W)
    for j in range(V.shape[1]):
        objective = lambda h, j=j: loss.value(V[:, [j]], W.T @ h[:, None])  # noqa: E731
        found = minimize(objective, H[:, j] + 0.1, bounds=[(0, None)] * len(W), method="L-BFGS-B", tol=1e-12)
        assert objective(H[:, j]) <= found.fun * (1 + 1e-7) + 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_weighted_least_squares_is_scipys_nnls(seed):
    W, V, M = problem(seed)
    M = M * (np.random.default_rng(seed).random(M.shape) < 0.7)
    fit_W = W.T
    H = encode(V, fit_W, loss=imgnmf.Frobenius(), weights=M)
    for j in range(V.shape[1]):
        root = np.sqrt(M[:, j])
        expected, _ = nnls(root[:, None] * fit_W, root * V[:, j])
        np.testing.assert_allclose(H[:, j], expected, atol=1e-7 * max(1, expected.max()))


def test_own_grams_that_agree_give_what_one_gram_gives():
    W, V, _ = problem(3)
    grams = np.repeat((W @ W.T)[np.triu_indices(len(W))][:, None], V.shape[1], axis=1)
    np.testing.assert_allclose(own_least_squares(grams, W @ V), nonnegative_least_squares(W @ W.T, W @ V), atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_no_answer_depends_on_its_neighbours(loss, weighted):
    V = low_rank(25, 300, 4, noise=0.5) + 0.05
    weights = np.random.default_rng(2).random(V.shape) if weighted else None
    fit = imgnmf.factorize(V, 4, loss=loss, max_iter=30, stop=())
    whole = fit.encode(V, weights)
    for i in (0, 13, 299):
        alone = fit.encode(V[:, [i]], None if weights is None else weights[:, [i]])
        np.testing.assert_allclose(alone[:, 0], whole[:, i], rtol=1e-6, atol=1e-6 * whole.max())


@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
@pytest.mark.parametrize("exponent", [-60, 5, 60])
def test_the_unit_of_new_images_does_not_matter(loss, exponent):
    V = low_rank(noise=0.4) + 0.05
    unit = 2.0**exponent
    options = {"loss": loss, "max_iter": 20, "stop": (), "penalty_W": imgnmf.L1(0.01), "penalty_H": imgnmf.L1(0.01)}
    here, there = (imgnmf.factorize(V * u, 3, **options) for u in (1.0, unit))
    np.testing.assert_allclose(
        there.W @ there.encode(V * unit) / unit, here.W @ here.encode(V), rtol=1e-5, atol=1e-5 * V.max()
    )


@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_encoding_the_fitted_images_is_never_worse_than_the_fit_and_keeps_its_penalties(loss):
    V = low_rank(noise=0.4) + 0.05
    fit = imgnmf.factorize(V, 3, loss=loss, penalty_W=imgnmf.L1(0.05), penalty_H=imgnmf.L1(0.05), max_iter=200, stop=())
    H = fit.encode(V)

    def objective(H):
        return fit.loss.value(V, fit.W @ H) + fit.penalty_H.value(H)

    assert objective(H) <= objective(fit.H) * (1 + 1e-6)
    assert np.linalg.norm(H) == pytest.approx(np.linalg.norm(fit.H), rel=0.05)


def test_occluded_images_are_told_by_what_is_seen():
    V = low_rank(40, 60, 4)
    fit = imgnmf.factorize(V, 4, max_iter=2000)
    clean = V[:, :5]
    hidden = np.zeros(clean.shape, bool)
    hidden[:12] = True
    damaged = np.where(hidden, 7.0, clean)
    error = [np.linalg.norm(fit.W @ fit.encode(damaged, w) - clean) for w in (None, ~hidden)]
    assert error[1] < 0.05 * error[0]
    nan = np.where(hidden, np.nan, clean)
    np.testing.assert_allclose(fit.encode(nan, missing="mask"), fit.encode(damaged, ~hidden))


def test_an_image_that_nobody_saw_is_named_and_zero():
    fit = imgnmf.factorize(low_rank(), 3)
    weights = np.ones((30, 2))
    weights[:, 1] = 0
    with pytest.warns(DataWarning, match="1 image.* without a seen entry"):
        H = fit.encode(np.ones((30, 2)), weights)
    assert not H[:, 1].any()
    assert H[:, 0].any()


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (np.ones((30, 3)), ShapeMismatchError, "weights must have shape"),
        (-np.ones((30, 2)), DataError, "non-negative"),
        (np.full((30, 2), np.nan), DataError, "finite"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, error, message):
    fit = imgnmf.factorize(low_rank(), 3)
    with pytest.raises(error, match=message):
        fit.encode(np.ones((30, 2)), weights)
    with pytest.raises(DataError, match="missing='mask'"):
        fit.encode(np.full((30, 2), np.nan))
