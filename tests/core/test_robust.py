from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

import imgnmf
from imgnmf.core.robust import L21, Huber, LeastAbsolute
from imgnmf.errors import IncompatibleError, ParameterError
from tests.core.cases import factors, low_rank, name_of

LOSSES = [Huber(0.05), Huber(0.3), Huber(100.0), L21(0), L21(1)]

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_the_parts_lie_above_the_loss_and_touch_it_with_one_slope(loss, weighted):
    V, W, H = factors()
    rng = np.random.default_rng(0)
    weights = rng.random(V.shape) if weighted else None
    parts = loss.parts("quadratic", V, W, H, weights=weights, measure=True)
    if loss == L21(0):
        # Each image's own problem is only scaled: the minimiser is that of least squares.
        parts_of = imgnmf.Frobenius().parts("quadratic", V, W, H, weights=weights)
        np.testing.assert_allclose(parts.product, parts_of.product)
        return
    assert parts.known[0] == pytest.approx(loss.value(V, W.T @ H, weights))
    for _ in range(20):
        step = rng.normal(size=H.shape) * 10.0 ** rng.uniform(-7, 0)

        def bound(X):
            return 0.5 * np.sum(X * (parts.gram @ X)) - np.sum(parts.product * X)

        rise = loss.value(V, W.T @ (H + step), weights) - loss.value(V, W.T @ H, weights)
        assert rise <= bound(H + step) - bound(H) + 1e-9
    direction, h = rng.normal(size=H.shape), 1e-6
    slope = (loss.value(V, W.T @ (H + h * direction), weights) - loss.value(V, W.T @ (H - h * direction), weights)) / (
        2 * h
    )
    assert slope == pytest.approx(np.sum((parts.gram @ H - parts.product) * direction), rel=1e-5, abs=1e-7)


def test_a_wide_huber_loss_is_least_squares():
    V, W, H = factors()
    assert Huber(100.0).value(V, W.T @ H) == pytest.approx(imgnmf.Frobenius().value(V, W.T @ H))
    plain, wide = (
        imgnmf.factorize(V, 2, loss=loss, init=imgnmf.RandomInit(lead_in=False), max_iter=2000, stop=())
        for loss in ("frobenius", Huber(100.0))
    )
    assert wide.relative_error == pytest.approx(plain.relative_error, rel=1e-4)


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**7, 2.0**60])
@pytest.mark.parametrize("loss", [Huber(), LeastAbsolute(), L21()], ids=name_of)
def test_the_unit_of_V_does_not_matter(loss, unit):
    V = low_rank(noise=0.3)
    here, there = (imgnmf.factorize(V * u, 3, loss=loss, max_iter=50) for u in (1.0, unit))
    np.testing.assert_allclose(there.reconstruct() / unit, here.reconstruct(), rtol=1e-4, atol=1e-4 * V.max())
    if isinstance(here.loss, Huber):
        assert there.loss.delta == pytest.approx(here.loss.delta * unit)


def test_the_fit_tells_the_delta_that_it_took_and_its_objective_is_that_losses_own():
    V = low_rank(noise=0.3)
    fit = imgnmf.factorize(V, 3, loss="huber")
    assert fit.loss.delta > 0
    assert fit.objective == pytest.approx(fit.loss.value(V, fit.reconstruct()))


@pytest.mark.parametrize(("loss", "share"), [(Huber(), 0.4), (LeastAbsolute(), 0.3)], ids=name_of)
def test_wrong_pixels_do_not_bend_the_parts(loss, share):
    V, rng = low_rank(60, 80, 3), np.random.default_rng(0)
    wrong = np.where(rng.random(V.shape) < 0.05, V.max() * rng.random(V.shape), V)
    plain, robust = (
        np.linalg.norm(imgnmf.factorize(wrong, 3, loss=L, max_iter=2000).reconstruct() - V) for L in ("frobenius", loss)
    )
    assert robust < share * plain


def test_wrong_images_do_not_bend_the_parts():
    V, rng = low_rank(60, 80, 3), np.random.default_rng(0)
    wrong = V.copy()
    wrong[:, :6] = V.max() * rng.random((60, 6))
    plain, robust = (
        np.linalg.norm((imgnmf.factorize(wrong, 3, loss=L, max_iter=2000).reconstruct() - V)[:, 6:])
        for L in ("frobenius", "l21")
    )
    assert robust < 0.75 * plain


def test_encode_finds_each_images_own_minimum():
    V = low_rank(25, 40, 3, noise=0.5)
    fit = imgnmf.factorize(V, 3, loss=Huber(0.1))
    H = fit.encode(V[:, :5])
    for j in range(5):
        objective = lambda h, j=j: fit.loss.value(V[:, [j]], fit.W @ h[:, None])  # noqa: E731
        found = minimize(objective, H[:, j] + 0.1, bounds=[(0, None)] * 3, method="L-BFGS-B", tol=1e-12)
        assert objective(H[:, j]) <= found.fun * (1 + 1e-6)
    np.testing.assert_allclose(fit.encode(V[:, [3]])[:, 0], H[:, 3], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(fit.encode(V)[:, :5], H, rtol=1e-6, atol=1e-6)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ParameterError, match="delta of the Huber loss must be a number above 0, got -1"):
        Huber(-1)
    with pytest.raises(ParameterError, match="within a fit"):
        Huber().value(np.ones((1, 1)), np.ones((1, 1)))
    with pytest.raises(IncompatibleError, match="'mu' cannot minimise the loss 'huber'"):
        imgnmf.factorize(low_rank(), 2, loss="huber", solver="mu")


@pytest.mark.parametrize("seed", range(3))
def test_converged_is_true_for_a_delta_far_below_the_residuals(seed):
    rng = np.random.default_rng(seed)
    V = rng.gamma(1, size=(20, 4)) @ rng.gamma(1, size=(4, 30)) * 1e6
    fit = imgnmf.factorize(V, 4, loss=Huber(0.3), init="spa", max_iter=300)
    if fit.converged:
        longer = imgnmf.factorize(V, 4, loss=Huber(0.3), init="spa", max_iter=3000, stop=())
        assert fit.objective <= 1.01 * longer.objective
    else:
        assert fit.reason.startswith("max_iter")
