"""A run that was stopped and goes on ends as one that never stopped, to the last bit."""

from __future__ import annotations

import contextlib
import pickle

import numpy as np
import pytest
import scipy.sparse

import imgnmf
from imgnmf.core.robust import L21, Huber
from tests.core.cases import INITS, LOSSES, PAIRS, low_rank, name_of
from tests.signals import best_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

V = low_rank(30, 40, noise=0.3) + 0.05
GIVEN = low_rank(30, 2, 2) + 0.1
WEIGHTS = np.random.default_rng(0).random(V.shape)
PENALTIES = {"penalty_W": imgnmf.L2(0.01), "penalty_H": imgnmf.L1(0.02)}

STEERED = {
    "penalties": PENALTIES,
    "smooth": {"penalty_W": [imgnmf.Smooth(0.1, (5, 6)), imgnmf.Orthogonal(0.1)], "penalty_H": imgnmf.L2(0.01)},
    "fixed_W": {"fixed_W": GIVEN},
    "fixed_W and penalties": {"fixed_W": GIVEN, **PENALTIES},
    "weights": {"weights": WEIGHTS},
    "weights, mu": {"weights": WEIGHTS, "solver": "mu", "loss": "kullback-leibler"},
    "sparseness": {"constraint_W": imgnmf.Sparseness(0.6)},
    "simplex": {"constraint_H": imgnmf.Simplex()},
    "huber auto": {"loss": "huber"},
    "huber, weights, starts": {"loss": "huber", "weights": WEIGHTS, "n_init": 2, "init": "random"},
    "huge unit": {"V": V * 2.0**90, "loss": "kullback-leibler"},
    "tiny unit, float32": {"V": (V * 2.0**-90).astype(np.float32)},
    "bytes": {"V": np.round(20 * V).astype(np.uint8)},
    "C order": {"V": np.ascontiguousarray(V)},
    "sparse": {"V": scipy.sparse.csc_array(np.where(V > 1, V, 0)), "loss": "kullback-leibler"},
    "given": {"init": imgnmf.GivenFactors(V[:, :4], np.full((4, 40), 0.25, order="F"))},
    "rank 1": {"rank": 1},
    "many images, blocks, threads": {"V": np.tile(V, 25), "threads": 2},
}


def options_of(case):
    return {"V": V, "rank": 4, "stop": (), "max_iter": 30, **case}


def stopping(at, how=KeyboardInterrupt):
    """A callback that ends the fit after so many calls, in one of two ways."""
    seen = []

    def stop(state):
        seen.append(state.iteration)
        if len(seen) == at and how is KeyboardInterrupt:
            raise KeyboardInterrupt
        return len(seen) == at

    return stop


def assert_same(first, second):
    """Two fits are one, but for the seconds."""
    for name in ("W", "H", "objective", "relative_error", "n_iter", "converged", "reason", "loss", "floor"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
    assert first.penalty_H == second.penalty_H
    assert (first.W.dtype, first.W.flags.f_contiguous) == (second.W.dtype, second.W.flags.f_contiguous)
    for name in ("iteration", "objective", "relative_error", "kkt"):
        np.testing.assert_array_equal(getattr(first.trace, name), getattr(second.trace, name), err_msg=name)


def assert_goes_on(path, case, cuts):
    """Stopped after each number of calls in `cuts`, one after the other, and ended: as at once."""
    options = options_of(case)
    at_once = imgnmf.factorize(**options)
    kept = imgnmf.Checkpoint(path, every_iterations=10**6)
    for place, cut in enumerate(cuts):
        # By its answer a callback ends one start of several, which is another result.
        how = KeyboardInterrupt if place % 2 == 0 or "n_init" in case else None
        with contextlib.suppress(imgnmf.Interrupted):
            imgnmf.factorize(**options, checkpoint=kept, resume=place > 0, callback=stopping(cut, how))
    went_on = imgnmf.factorize(**options, checkpoint=kept, resume=True)
    assert_same(went_on, at_once)
    assert (np.diff(went_on.trace.seconds) > 0).all()


@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_every_loss_and_solver_goes_on_bit_for_bit(pair, tmp_path):
    loss, solver = pair
    for cuts in ([1], [7, 6], [19], [30]):
        assert_goes_on(tmp_path / f"{cuts}.ckpt", {"loss": loss, "solver": solver}, cuts)


@pytest.mark.parametrize("case", STEERED)
def test_whatever_steers_a_fit_it_goes_on_bit_for_bit(case, tmp_path):
    for cuts in ([3, 8], [20]):
        assert_goes_on(tmp_path / f"{cuts}.ckpt", STEERED[case], cuts)


@pytest.mark.parametrize("init", INITS, ids=name_of)
@pytest.mark.parametrize("rng", [0, None], ids=["rng", "any"])
def test_a_start_is_not_made_again(init, rng, tmp_path):
    path = tmp_path / "run.ckpt"
    if rng is not None:
        assert_goes_on(path, {"init": init, "rng": rng}, [4])
        return
    first = best_of(imgnmf.factorize, **options_of({"init": init, "rng": None}), checkpoint=path, callback=stopping(9))
    again = imgnmf.factorize(**options_of({"init": init, "rng": None, "max_iter": 9}), checkpoint=path, resume=True)
    np.testing.assert_array_equal(first.trace.objective, again.trace.objective)


@pytest.mark.parametrize("cut", [1, 29, 30, 31, 45, 61, 89, 90])
def test_several_starts_are_gone_on_with_at_the_one_that_was_under_way(cut, tmp_path):
    assert_goes_on(tmp_path / "run.ckpt", {"n_init": 3, "init": "random", "loss": "huber"}, [cut])


@pytest.mark.parametrize("rng", [None, 5, np.random.PCG64, np.random.Philox])
def test_starts_still_to_come_are_those_that_would_have_come(rng, tmp_path):
    def given():
        return rng if rng is None or isinstance(rng, int) else np.random.Generator(rng(3)).spawn(2)[1]

    options = {"V": V, "rank": 4, "n_init": 3, "init": "random", "max_iter": 9, "stop": ()}
    path, copy = tmp_path / "run.ckpt", tmp_path / "copy.ckpt"
    best_of(imgnmf.factorize, **options, rng=given(), checkpoint=path, callback=stopping(12))
    copy.write_bytes(path.read_bytes())
    first, second = (imgnmf.factorize(**options, rng=given(), checkpoint=p, resume=True) for p in (path, copy))
    assert_same(first, second)
    if rng is not None:
        assert_same(first, imgnmf.factorize(**options, rng=given()))


def test_a_robust_loss_keeps_what_it_settled(tmp_path):
    for loss in (Huber(), L21()):
        path = tmp_path / f"{loss.name}.ckpt"
        stopped = best_of(imgnmf.factorize, V, 4, loss=loss, checkpoint=path, callback=stopping(3))
        assert imgnmf.factorize(V, 4, loss=loss, checkpoint=path, resume=True).loss == stopped.loss


def test_a_run_that_converged_is_there_at_once_and_can_be_taken_further(tmp_path):
    path = tmp_path / "run.ckpt"
    done = imgnmf.factorize(V, 4, checkpoint=path)
    assert done.converged
    again = imgnmf.factorize(V, 4, checkpoint=path, resume=True)
    assert_same(again, done)
    np.testing.assert_array_equal(again.trace.seconds, done.trace.seconds)
    tighter = {"stop": imgnmf.RelativeDecrease(1e-6), "max_iter": 3000}
    assert_same(imgnmf.factorize(V, 4, checkpoint=path, resume=True, **tighter), imgnmf.factorize(V, 4, **tighter))


def test_any_number_of_threads_goes_on_with_any_other(tmp_path):
    case = options_of({"V": np.tile(V, 30)})
    at_once = imgnmf.factorize(**case, threads=1)
    best_of(imgnmf.factorize, **case, threads=2, checkpoint=tmp_path / "run.ckpt", callback=stopping(8))
    assert_same(imgnmf.factorize(**case, threads=1, checkpoint=tmp_path / "run.ckpt", resume=True), at_once)


def test_the_order_of_v_in_memory_is_not_its_identity(tmp_path):
    best_of(imgnmf.factorize, V, 4, checkpoint=tmp_path / "run.ckpt", callback=stopping(8))
    fit = imgnmf.factorize(np.asfortranarray(V), 4, checkpoint=tmp_path / "run.ckpt", resume=True)
    assert fit.relative_error == pytest.approx(imgnmf.factorize(V, 4).relative_error, rel=1e-3)


def test_the_time_that_was_spent_counts(tmp_path):
    path = tmp_path / "run.ckpt"
    imgnmf.factorize(V, 4, stop=(), max_iter=40, checkpoint=path)
    spent = imgnmf.factorize(V, 4, stop=(), max_iter=40, checkpoint=path, resume=True).trace.seconds[-1]
    limited = imgnmf.factorize(V, 4, stop=(), max_iter=10**6, time_limit=spent / 2, checkpoint=path, resume=True)
    assert limited.n_iter == 40
    assert "time limit" in limited.reason


def test_ctrl_c_ends_all_the_starts(tmp_path):
    options = options_of({"n_init": 3, "init": "random"})
    fit = best_of(imgnmf.factorize, **options, callback=stopping(40))
    assert fit.reason == "interrupted"
    assert not fit.converged
    assert fit.objective == imgnmf.factorize(**{**options, "n_init": 1, "max_iter": 30}).objective or fit.n_iter == 10


@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_to_keep_progress_changes_nothing(loss, tmp_path):
    plain = imgnmf.factorize(**options_of({"loss": loss}))
    kept = imgnmf.Checkpoint(tmp_path / "run.ckpt", every_iterations=1)
    assert_same(imgnmf.factorize(**options_of({"loss": loss}), checkpoint=kept), plain)


def test_the_public_function_can_still_be_sent_to_another_process():
    assert pickle.loads(pickle.dumps(imgnmf.factorize)) is imgnmf.factorize


@pytest.mark.parametrize("step", ["parts", "step"])
@pytest.mark.parametrize("call", [*range(40, 52), 77])
def test_an_interruption_amid_an_iteration_loses_that_iteration_alone(step, call, tmp_path, monkeypatch):
    """Half of the blocks have been stepped by then, or W has."""
    wide, path = np.tile(V, 15), tmp_path / "run.ckpt"
    options = options_of({"V": wide, "loss": "frobenius", "threads": 1, "init": imgnmf.RandomInit(lead_in=False)})
    at_once = imgnmf.factorize(**options)
    kind = imgnmf.Frobenius if step == "parts" else imgnmf.HALS
    whole, calls = getattr(kind, step), []

    def interrupted(*args, **kwargs):
        calls.append(step)
        if len(calls) == call:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(kind, step, interrupted)
        kept = imgnmf.Checkpoint(path, every_iterations=10**6)
        stopped = best_of(imgnmf.factorize, **options, checkpoint=kept)
    assert stopped.reason == "interrupted"
    assert 5 < stopped.n_iter < 30
    assert stopped.relative_error == pytest.approx(stopped.trace.relative_error[-1], rel=1e-6)
    assert_same(imgnmf.factorize(**options, checkpoint=kept, resume=True), at_once)


def test_an_interruption_of_the_last_polish_keeps_the_fit(tmp_path, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    options = options_of({"checkpoint": tmp_path / "run.ckpt"})
    with monkeypatch.context() as patch:
        patch.setattr("imgnmf.core.fitting.exact_coefficients", interrupted)
        stopped = best_of(imgnmf.factorize, **options)
    assert (stopped.reason, stopped.converged, stopped.n_iter) == ("interrupted", False, 30)
    assert_same(imgnmf.factorize(**options, resume=True), imgnmf.factorize(**options_of({})))
