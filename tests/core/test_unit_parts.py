"""Parts of a fit have length 1, so that the rows of H can be compared, unless something else decides their scale."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import imgnmf
from imgnmf.core.inits import GivenFactors
from imgnmf.core.units import in_user_units, to_unit_length
from imgnmf.errors import ParameterError
from tests.core.cases import PAIRS, low_rank, name_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:1 pixel:imgnmf.errors.DataWarning"),
]

V = low_rank(noise=0.3) + 0.05
L2 = imgnmf.L2(0.01)


def lengths(fit):
    return np.linalg.norm(fit.W.astype(np.float64), axis=0)


def unlike(seed=0):
    """A start whose parts have very different scales."""
    rng = np.random.default_rng(seed)
    return GivenFactors(rng.random((30, 3)) * [1, 1000, 1e-3], rng.random((3, 40)) * [[1], [1e-3], [1000]])


@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_parts_have_length_one_with_every_loss_and_solver(pair):
    loss, solver = pair
    fit = imgnmf.factorize(V, 3, loss=loss, solver=solver, init=unlike(), max_iter=15)
    np.testing.assert_allclose(lengths(fit), 1, rtol=1e-12)
    value = loss.value(V, fit.reconstruct()) if loss.name != "huber" else fit.loss.value(V, fit.reconstruct())
    assert fit.objective == pytest.approx(value, rel=1e-9)


CASES = {
    "float32": {"V": V.astype(np.float32)},
    "bytes": {"V": np.round(20 * V).astype(np.uint8)},
    "sparse": {"V": scipy.sparse.csc_array(np.where(V > 1, V, 0))},
    "weights": {"weights": np.random.default_rng(0).random(V.shape)},
    "a pixel never seen": {"weights": np.ones(V.shape) * (np.arange(30) != 4)[:, None]},
    "several starts": {"init": "random", "n_init": 2},
    "online": {"V": np.tile(V, 100), "online": imgnmf.Online(passes=1, images=1000)},
    "sparse parts": {"constraint_W": imgnmf.Sparseness(0.5)},
    "parts in few images": {"constraint_H": imgnmf.Sparseness(0.5)},
    "stopped by the callback": {"callback": lambda state: state.iteration == 3},
    "huge": {"V": V * 1e300},
    "tiny": {"V": V * 1e-290},
    "huge float32": {"V": (V * 1e35).astype(np.float32)},
    "strength zero": {"penalty_W": imgnmf.L1(0), "penalty_H": imgnmf.L1(0)},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_parts_have_length_one_however_v_is_held_and_the_fit_ends(case):
    fit = imgnmf.factorize(**{"V": V, "rank": 4, "max_iter": 12, **case})
    np.testing.assert_allclose(lengths(fit), 1, rtol=1e-6)
    assert np.isfinite(fit.H).all()


KEPT = {
    "penalties": {"penalty_W": L2, "penalty_H": L2},
    "fixed parts": {"fixed_W": 5 * V[:, :1]},
    "an upper bound on W": {"constraint_W": imgnmf.UpperBound(0.1)},
    "an upper bound on H": {"constraint_H": imgnmf.UpperBound(0.5)},
    "abundances": {"constraint_H": imgnmf.Simplex()},
    "non-smooth": {"constraint_H": imgnmf.NonSmooth(0.5)},
    "the start": {"max_iter": 0},
}


@pytest.mark.parametrize("case", KEPT.values(), ids=KEPT)
def test_where_scale_is_decided_by_something_else_it_stays(case):
    fit = imgnmf.factorize(**{"V": V, "rank": 4, "max_iter": 30, **case})
    assert not np.allclose(lengths(fit), 1, rtol=1e-3)
    for name in ("constraint_W", "constraint_H"):
        if name in case:
            factor = fit.W.T if name == "constraint_W" else fit.H
            np.testing.assert_allclose(case[name].projected(factor), factor, rtol=1e-9, atol=1e-12)
    if "fixed_W" in case:
        np.testing.assert_array_equal(fit.W[:, :1], case["fixed_W"])


def test_the_cone_of_non_smooth_nmf_is_one_for_the_rows_of_H_as_they_are():
    fit = imgnmf.factorize(V, 4, constraint_H=imgnmf.NonSmooth(0.5))
    _, scale = to_unit_length(fit.W.T)
    moved = fit.H * scale[:, None]
    assert not np.allclose(fit.constraint_H.projected(moved), moved, rtol=1e-3)


def test_the_start_of_given_factors_comes_back_as_it_was_given():
    start = unlike()
    fit = imgnmf.factorize(V, 3, init=start, max_iter=0)
    np.testing.assert_array_equal(fit.W, start.W)
    np.testing.assert_array_equal(fit.H, start.H)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_encode_finds_the_coefficients_of_the_fit(dtype):
    fit = imgnmf.factorize(V.astype(dtype), 4)
    np.testing.assert_allclose(fit.encode(V), fit.H, rtol=1e-6, atol=1e-6 * fit.H.max())


def test_a_part_that_is_zero_stays_zero():
    fit = imgnmf.factorize(np.outer(V[:, 0], V[0]), 3, init=GivenFactors(np.eye(30)[:, :3], np.eye(3, 40)), max_iter=50)
    dead = ~fit.W.any(axis=0)
    np.testing.assert_allclose(lengths(fit)[~dead], 1)
    for norm in ("max", "unit"):
        assert np.isfinite(fit.normalized(norm).W).all()
    parts, scale = to_unit_length(np.zeros((2, 3)))
    assert (not parts.any(), scale.tolist()) == (True, [1, 1])


@pytest.mark.parametrize(("dtype", "value"), [(np.float32, 3e38), (np.float64, 1.7e308), (np.float64, 1e-310)])
def test_at_the_ends_of_the_range_the_scale_is_shared_since_h_could_not_hold_it(dtype, value):
    extreme = np.full((5, 4), value, dtype)
    fit = imgnmf.factorize(extreme, 1)
    assert np.isfinite(fit.W).all()
    assert np.isfinite(fit.H).all()
    np.testing.assert_allclose(fit.reconstruct(), extreme, rtol=1e-6)
    np.testing.assert_allclose(fit.normalized("unit").reconstruct(), extreme, rtol=1e-6)


def test_scale_goes_into_h_for_parts_of_length_one_and_is_shared_otherwise():
    W, H = np.ones((1, 3)), np.ones((1, 2))
    assert [factor.flat[0] for factor in in_user_units(W, H, 20, unit_parts=True)] == [1, 2**20]
    assert [factor.flat[0] for factor in in_user_units(W, H, 20)] == [2**10, 2**10]


def test_lengths_neither_overflow_nor_vanish():
    W = np.array([[3e300, 4e300], [3e-300, 4e-300], [5e-324, 0.0]])
    parts, scale = to_unit_length(W)
    np.testing.assert_allclose(parts, [[0.6, 0.8], [0.6, 0.8], [1, 0]])
    np.testing.assert_allclose(scale, [5e300, 5e-300, 5e-324])


def test_normalized_brings_parts_to_a_maximum_or_a_length_of_one():
    fit = imgnmf.factorize(V, 4, max_iter=0)
    for norm, measure in (("max", np.max), ("unit", np.linalg.norm)):
        other = fit.normalized(norm)
        np.testing.assert_allclose(measure(other.W, axis=0), 1)
        np.testing.assert_allclose(other.reconstruct(), fit.reconstruct())
        np.testing.assert_allclose(measure(other.ordered().W, axis=0), 1)
    with pytest.raises(ParameterError, match="'max' or 'unit', got 'l1'"):
        fit.normalized("l1")


def test_studies_and_streams_hand_back_parts_of_length_one():
    study = imgnmf.factorize_ranks(V, [2, 3], warm_start=True, max_iter=20)
    for rank in study.ranks:
        np.testing.assert_allclose(lengths(study[rank]), 1)
    stream = imgnmf.Stream(rank=2, images=40)
    for _ in range(2):
        stream = stream.partial_fit(V)
    np.testing.assert_allclose(lengths(stream.fit), 1)


def test_parts_are_the_same_to_the_last_bit_for_any_number_of_threads_and_after_a_save(tmp_path):
    many = np.tile(V, 100)
    one, two = (imgnmf.factorize(many, 4, max_iter=5, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.W, two.W)
    np.testing.assert_array_equal(one.H, two.H)
    imgnmf.save(tmp_path / "fit.imgnmf", one)
    loaded, _ = imgnmf.load(tmp_path / "fit.imgnmf")
    np.testing.assert_array_equal(one.W, loaded.W)
