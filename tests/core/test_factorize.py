from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import imgnmf
from imgnmf.core import blocks
from imgnmf.core.encode import encode
from imgnmf.core.inits import GivenFactors
from imgnmf.core.losses import BetaDivergence, Frobenius
from imgnmf.core.penalties import L1, L2
from imgnmf.core.robust import Huber
from imgnmf.core.stopping import KKTBelow, RelativeDecrease, TimeLimit
from imgnmf.errors import ConvergenceWarning, DataWarning
from tests.core.cases import INITS, LOSSES, PAIRS, factors, low_rank, name_of
from tests.signals import best_of

quiet = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


@quiet
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_the_objective_never_rises_and_is_the_factors_own(pair, dtype):
    loss, solver = pair
    slack = 1e-5 if dtype == np.float32 else 1e-12
    seen = []

    def watch(state):
        seen.append(loss.value(V.astype(np.float64), (state.W @ state.H).astype(np.float64)))

    for seed in range(3):
        V = (low_rank(noise=0.3, seed=seed) + 0.05).astype(dtype)
        seen.clear()
        fit = imgnmf.factorize(V, 4, loss=loss, solver=solver, max_iter=40, rng=seed, callback=watch, stop=())
        noise = (1e-6 if dtype == np.float32 else 1e-12) * (V.astype(np.float64) ** loss.beta).sum()
        assert all(b <= a * (1 + slack) + noise / 10 for a, b in pairwise(seen))
        np.testing.assert_allclose(fit.trace.objective, seen, rtol=1e-6, atol=noise)
        final = loss.value(V.astype(np.float64), fit.reconstruct().astype(np.float64))
        assert fit.objective == pytest.approx(final, rel=1e-4, abs=noise)


@quiet
@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_a_planted_product_is_found(pair):
    loss, solver = pair
    V = low_rank(rank=3) + 1e-3
    fit = imgnmf.factorize(V, 4, loss=loss, solver=solver, max_iter=400)
    assert fit.relative_error < (0.05 if loss.beta > 0 else 0.3)


@quiet
@pytest.mark.parametrize("init", INITS, ids=name_of)
@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_the_unit_of_V_does_not_matter(loss, init):
    base = low_rank(noise=0.2) + 0.01
    errors, reasons = [], []
    for dtype, exponents in ((np.float64, (-300, -12, 0, 12, 150)), (np.float32, (-12, 0, 12))):
        for exponent in exponents:
            V = (base * 10.0**exponent).astype(dtype)
            fit = imgnmf.factorize(V, 3, loss=loss, init=init, max_iter=60)
            errors.append(fit.relative_error)
            reasons.append(fit.reason)
            assert np.isfinite(fit.W).all()
            assert np.isfinite(fit.H).all()
    assert max(errors) <= 1.01 * min(errors)
    assert len(set(reasons[:5])) == 1


@quiet
@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_same_rng_same_bytes_for_any_number_of_threads(loss, monkeypatch):
    monkeypatch.setattr(blocks, "SMALL_PASS", 0)
    V = (255 * low_rank(20, 1500, noise=0.2) / 20).astype(np.uint8)
    fits = [imgnmf.factorize(V, 3, loss=loss, max_iter=15, rng=3, threads=threads) for threads in (1, 2, 3, 2)]
    assert len({fit.W.tobytes() + fit.H.tobytes() for fit in fits}) == 1
    other = imgnmf.factorize(V, 3, loss=loss, max_iter=15, rng=4, init="random")
    assert (other.W != fits[0].W).any()


@quiet
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float32, bool])
def test_integers_give_what_their_floats_give(dtype):
    V = np.random.default_rng(0).integers(0, 2 if dtype is bool else 200, (25, 60)).astype(dtype)
    kept = V.copy()
    fit = imgnmf.factorize(V, 4, max_iter=50)
    assert fit.W.dtype == np.float32
    same = imgnmf.factorize(V.astype(np.float32), 4, max_iter=50)
    assert fit.relative_error == pytest.approx(same.relative_error, rel=1e-5)
    assert (kept == V).all()


@quiet
def test_memory_order_does_not_matter():
    V = low_rank(noise=0.1)
    errors = [imgnmf.factorize(a, 4, max_iter=50).relative_error for a in (V, np.asfortranarray(V), V[::-1][::-1])]
    assert max(errors) == pytest.approx(min(errors), rel=1e-6)


@quiet
@pytest.mark.parametrize("init", ["nndsvd", "random", "columns", "spa"])
@pytest.mark.parametrize("loss", [*LOSSES[:3], BetaDivergence(-1), Huber()], ids=name_of)
def test_zero_rows_and_columns_change_nothing(loss, init):
    rng = np.random.default_rng(0)
    V = rng.gamma(1, size=(40, 4)) @ rng.gamma(1, size=(4, 60)) + 0.3 * rng.random((40, 60))
    wide = np.pad(V, 3)
    fits = [imgnmf.factorize(a, 4, loss=loss, init=init, max_iter=600) for a in (V, wide)]
    # A start of another shape is another one, which may also lead to a lower minimum.
    # 600 iterations do not reach a minimum of beta = -1: there, starts differ by up to 11 %.
    near = 1.2 if loss.beta < 0 else 1.03
    assert fits[1].relative_error <= near * fits[0].relative_error
    fit = fits[1]
    # Multiplicative steps stop at a floor at the limit of precision.
    assert fit.W[[0, 1, 2, -1]].max() <= 1e-12 * fit.W.max()
    assert fit.H[:, [0, 1, 2, -1]].max() <= 1e-12 * fit.H.max()
    codes = fit.encode(wide)
    assert not codes[:, [0, 1, 2, -1]].any()
    assert not fit.encode(wide[:, :1]).any()
    without = encode(V, fit.W[3:-3], loss=fit.loss, floor=fit.floor)
    # Outside 1 <= beta <= 2 there are several minima, and rounding chooses.
    if loss.convex:
        np.testing.assert_allclose(codes[:, 3:-3], without, atol=1e-6 * without.max())


def test_nothing_gives_nothing_with_one_warning():
    with pytest.warns(DataWarning, match="zero everywhere") as caught:
        fit = imgnmf.factorize(np.zeros((4, 5)), 2)
    assert len(caught) == 1
    assert not fit.W.any()
    assert not fit.H.any()
    assert fit.relative_error == 0


@pytest.mark.parametrize(
    "V", [np.full((6, 8), 3.0), np.outer(np.arange(6.0), np.ones(8)), np.ones((1, 5)), np.ones((5, 1))]
)
def test_rank_one_data_is_given_back(V):
    assert imgnmf.factorize(V, 1).relative_error < 1e-6


@quiet
def test_zeros_planted_in_the_start_do_not_lock():
    V = low_rank(noise=0.1)
    free = imgnmf.factorize(V, 4, init="random", max_iter=400)
    rng = np.random.default_rng(0)
    for solver in ("hals", "mu", "anls", "pg"):
        W, H = rng.random((30, 4)), rng.random((4, 40))
        W[rng.random(W.shape) < 0.7] = 0
        W[:, 2], H[2] = 0, 0
        fit = imgnmf.factorize(V, 4, init=GivenFactors(W, H), solver=solver, max_iter=2000)
        assert fit.objective <= 1.01 * free.objective, solver
        assert fit.W.any(axis=0).all()


@quiet
def test_itakura_saito_takes_black_pixels_and_says_what_it_lifted():
    V = (200 * low_rank(noise=0.1) / 10).astype(np.uint8)
    assert (V == 0).any()
    fit = imgnmf.factorize(V, 4, loss="itakura-saito", max_iter=50)
    assert np.isfinite(fit.objective)
    assert fit.floor == pytest.approx(1e-3 * np.median(V[V > 0]))
    assert imgnmf.factorize(V, 4, max_iter=50).floor == 0


@quiet
def test_float32_is_enough():
    V = low_rank(60, 300, 6, noise=0.5)
    wide, narrow = (imgnmf.factorize(V.astype(t), 6, max_iter=200) for t in (np.float64, np.float32))
    assert narrow.relative_error == pytest.approx(wide.relative_error, rel=1e-3)


@quiet
def test_converged_means_that_little_is_left():
    for seed in range(8):
        V = low_rank(noise=0.4, seed=seed)
        fit = imgnmf.factorize(V, 4, rng=seed, init="random", max_iter=5000)
        assert fit.converged
        longer = imgnmf.factorize(
            V, 4, init=GivenFactors(fit.W, fit.H), stop=(), max_iter=10 * fit.n_iter - 1, time_limit=5
        )
        assert fit.objective - longer.objective <= 10 * RelativeDecrease().tol * fit.objective


@quiet
def test_extreme_numbers_give_no_warning_and_no_nan():
    rng = np.random.default_rng(0)
    for trial in range(150):
        m, n = rng.integers(1, 9, 2)
        V = rng.random((m, n)) * 10.0 ** rng.integers(-300, 300)
        V[rng.random((m, n)) < 0.3] = 0
        if trial % 3 == 0:
            V[:, 0] = 5e-324
        if trial % 5 == 0:
            V[:] = V[:, [0]]
        if not V.any():
            continue
        for loss in ("frobenius", "kullback-leibler", "itakura-saito"):
            rank = int(rng.integers(1, min(m, n) + 1))
            fit = imgnmf.factorize(V, rank, loss=loss, init="random", max_iter=15, rng=trial)
            for factor in (fit.W, fit.H):
                assert np.isfinite(factor).all()
                assert factor.min() >= 0


@quiet
def test_penalties_join_the_objective_and_make_factors_sparse():
    V = low_rank(noise=0.5)
    plain = imgnmf.factorize(V, 4)
    sparse = imgnmf.factorize(V, 4, penalty_W=L1(0.02), penalty_H=L1(0.02))
    assert (sparse.H == 0).mean() > (plain.H == 0).mean()
    scale = np.sqrt((V**2).mean()) ** 1.5
    expected = Frobenius().value(V, sparse.reconstruct()) + 0.02 * scale * (40 * sparse.W.sum() + 30 * sparse.H.sum())
    assert sparse.objective == pytest.approx(expected, rel=1e-6)
    for solver in ("mu", "anls"):
        other = imgnmf.factorize(V, 4, penalty_W=L1(0.02), penalty_H=[L1(0.01), L2(0.01)], solver=solver)
        assert np.diff(other.trace.objective).max() <= 0


@quiet
def test_penalties_are_free_of_the_unit():
    V = low_rank(noise=0.5)
    fits = [
        imgnmf.factorize(V * c, 4, loss=loss, penalty_W=L2(0.05), penalty_H=L1(0.02), max_iter=100)
        for loss in ("frobenius", "kullback-leibler")
        for c in (1e-6, 1, 255)
    ]
    for trio in (fits[:3], fits[3:]):
        errors = [fit.relative_error for fit in trio]
        assert max(errors) == pytest.approx(min(errors), rel=1e-2)


@quiet
def test_the_best_of_several_starts_is_kept():
    V = low_rank(noise=0.5)
    single = [imgnmf.factorize(V, 6, init="random", rng=r).objective for r in np.random.default_rng(5).spawn(1)]
    assert imgnmf.factorize(V, 6, init="random", n_init=4, rng=5).objective <= min(single)


def test_rules_and_limits_end_a_fit_and_say_so():
    V = low_rank(noise=0.5)
    assert "KKT" in imgnmf.factorize(V, 4, stop=KKTBelow(1e-3)).reason
    assert "time limit" in imgnmf.factorize(V, 4, stop=(TimeLimit(1e-6),)).reason
    assert imgnmf.factorize(V, 4, callback=lambda state: state.iteration == 3, stop=()).n_iter == 3
    words = r"max_iter = 12 iterations were done, and the fit with k = 4 was still improving: its objective fell by"
    with pytest.warns(ConvergenceWarning, match=words):
        fit = imgnmf.factorize(V, 4, max_iter=12)
    assert not fit.converged
    assert fit.trace.iteration.tolist() == list(range(1, 13))


def test_no_iteration_gives_the_start():
    fit = imgnmf.factorize(low_rank(), 3, max_iter=0)
    assert fit.n_iter == 0
    assert 0 < fit.relative_error < 1


def test_ctrl_c_keeps_the_best_so_far():
    def interrupt(state):
        if state.iteration == 5:
            raise KeyboardInterrupt

    fit = best_of(imgnmf.factorize, low_rank(noise=0.5), 4, callback=interrupt)
    assert (fit.reason, fit.n_iter, fit.converged) == ("interrupted", 5, False)
    assert fit.relative_error == pytest.approx(fit.trace.relative_error[-1], rel=1e-6)


def test_the_callback_sees_factors_of_its_own():
    kept = []
    fit = imgnmf.factorize(low_rank(noise=0.5), 4, callback=lambda s: kept.append((s.W, s.H, s.objective)))
    for W, H, objective in kept[:3]:
        assert Frobenius().value(low_rank(noise=0.5), W @ H) == pytest.approx(objective, rel=1e-9)
    assert fit.n_iter == len(kept)


def test_canonical_forms_keep_the_product():
    fit = imgnmf.factorize(low_rank(noise=0.5), 4)
    for other in (fit.normalized(), fit.ordered(), fit.normalized().ordered()):
        np.testing.assert_allclose(other.reconstruct(), fit.reconstruct(), atol=1e-12)
    assert fit.normalized().W.max(axis=0) == pytest.approx(1)


def test_negative_values_are_clipped_when_asked():
    V = low_rank()
    V[0, 0] = -5
    kept = V.copy()
    fit = imgnmf.factorize(V, 3, negative="clip", init="random", max_iter=500, stop=KKTBelow(1e-2))
    assert (kept == V).all()
    assert fit.W.min() >= 0


def test_given_factors_start_there():
    V, W, H = factors()
    exact = W.T @ H
    fit = imgnmf.factorize(exact, 3, init=GivenFactors(W.T, H))
    assert fit.trace.relative_error[0] < 1e-7
    assert "working precision" in fit.reason
    assert V.shape == fit.reconstruct().shape


def test_seconds_leave_out_what_the_compiler_took(monkeypatch):
    monkeypatch.setattr("imgnmf.core.factorize.compile_kernels", lambda *_: 1000.0)
    fit = imgnmf.factorize(low_rank(), 2, time_limit=500)
    assert (fit.trace.seconds < -900).all()


def test_a_fit_compiles_nothing_more_after_its_clock_has_started(monkeypatch):
    pytest.importorskip("numba")
    from imgnmf.core import kernels, limits

    signatures = []
    record = limits.History.record

    def noted(self, *given):
        signatures.append(
            len(kernels.compiled(kernels._sweep_tiles, kernels._sweep_tile, kernels._take_off).signatures)
        )
        record(self, *given)

    monkeypatch.setattr(limits.History, "record", noted)
    imgnmf.factorize(low_rank().astype(np.float32), 2)
    assert len(set(signatures)) == 1
