"""What holds for every member: the objective falls, the unit does not matter, bad input is refused."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from scipy.optimize import nnls
from scipy.sparse import csr_array

from imgnmf import errors, family
from imgnmf.core.measures import relative_error
from imgnmf.core.stopping import RelativeDecrease
from tests.family.cases import DIRECT, ITERATIVE, MEMBERS, RANDOM, name_of
from tests.signals import best_of

each = pytest.mark.parametrize("case", MEMBERS, ids=name_of)
iterative = pytest.mark.parametrize("case", ITERATIVE, ids=name_of)


@each
def test_the_objective_never_rises_and_is_what_it_says(case):
    fit = case()
    falls = np.diff(fit.trace.objective)
    assert (falls <= 0).all()
    assert (falls < 0).any()
    residual = case.V - fit.reconstruct()
    assert fit.objective == pytest.approx(np.square(residual).sum() / 2 + fit.penalty, rel=1e-9)
    assert fit.relative_error == pytest.approx(relative_error(case.V, fit.reconstruct()), rel=1e-9)
    assert fit.H.min() >= 0
    assert len(fit.trace.seconds) == len(fit.trace.kkt) == fit.n_iter
    if case in ITERATIVE:
        # The final coefficients are exact for the final parts, hence no worse than the last of the iterations.
        assert fit.objective <= fit.trace.objective[-1] * (1 + 1e-9)
        assert fit.converged


@each
@pytest.mark.parametrize("unit", [2.0**-400, 1e-8, 255.0, 2.0**300])
def test_the_unit_of_the_data_does_not_matter(case, unit):
    fit, other = case(), case(unit * case.V)
    assert other.relative_error == pytest.approx(fit.relative_error, rel=1e-3)
    assert other.reason == fit.reason
    if np.frexp(unit)[0] == 0.5:
        np.testing.assert_array_equal(other.reconstruct() / unit, fit.reconstruct())


@each
@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16, np.int32])
def test_factors_are_float32_unless_the_data_is_float64(case, dtype):
    V = case.V if dtype is np.float32 else np.rint(100 * np.abs(case.V) / np.abs(case.V).max())
    fit, wide = case(V.astype(dtype)), case(V.astype(dtype).astype(np.float64))
    assert fit.W.dtype == fit.H.dtype == np.float32
    assert wide.W.dtype == wide.H.dtype == np.float64
    assert fit.relative_error == pytest.approx(wide.relative_error, rel=1e-6)


@each
def test_the_input_is_not_changed_and_the_result_cannot_be(case):
    V = case.V.copy()
    V.flags.writeable = False
    fit = case(V)
    np.testing.assert_array_equal(V, case.V)
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.W = fit.H


@each
def test_the_same_again_and_for_any_number_of_threads(case):
    fit = case()
    options = {} if "symmetric" in case.name else {"threads": 2}
    again = case(**options)
    np.testing.assert_array_equal(again.W, fit.W)
    np.testing.assert_array_equal(again.H, fit.H)


@pytest.mark.parametrize("case", RANDOM, ids=name_of)
def test_randomness_comes_from_rng_alone(case):
    if "symmetric" in case.name:
        case = dataclasses.replace(case, fit=lambda V, rank, **more: family.symmetric(V, rank, n_init=1, **more))
    fits = [case(rng=seed, stop=RelativeDecrease(1e-2)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(fits[0].H, fits[1].H)
    assert not np.array_equal(fits[0].H, fits[2].H) or "svd" in case.name or "convex" in case.name


@each
def test_encoding_is_least_squares_and_agrees_with_the_fit(case):
    fit = case()
    found = fit.encode(case.V)
    for image in (0, 7):
        length = np.linalg.norm(fit.W, axis=0)
        padded = np.vstack([fit.W, np.diag(np.sqrt(fit.ridge) * length)]), np.append(case.V[:, image], [0, 0, 0])
        exact = fit.W @ nnls(*padded)[0]
        np.testing.assert_allclose(fit.W @ found[:, image], exact, atol=1e-6 * case.V.max())
        np.testing.assert_allclose(fit.encode(case.V[:, [image]])[:, 0], found[:, image], rtol=1e-6)
    if "symmetric" not in case.name:
        np.testing.assert_allclose(fit.W @ found, fit.reconstruct(), atol=1e-6 * case.V.max())
    assert not fit.encode(np.zeros_like(case.V[:, :2])).any()
    with pytest.raises(errors.ShapeMismatchError, match="pixels"):
        fit.encode(case.V[:-1])


@iterative
def test_limits_end_a_fit_and_say_so(case):
    with pytest.warns(errors.ConvergenceWarning, match="max_iter = 3"):
        assert case(max_iter=3, stop=()).n_iter == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        start = case(max_iter=0)
        assert (start.n_iter, start.converged, len(start.trace.objective)) == (0, False, 0)
        assert not case(time_limit=1e-9).converged
        seen = []
        stopped = case(callback=lambda state: seen.append(state.W.shape) or state.iteration == 2)
    assert stopped.reason == "the callback asked to stop"
    assert set(seen) == {(case.V.shape[0], 3)}
    assert start.objective >= case().objective


@iterative
def test_an_interrupted_fit_keeps_what_it_has(case):
    def interrupt(state):
        if state.iteration == 5:
            raise KeyboardInterrupt

    fit = best_of(case, callback=interrupt)
    assert (fit.reason, fit.n_iter) == ("interrupted", 5)
    assert np.isfinite(fit.W).all()


@pytest.mark.parametrize("case", MEMBERS, ids=name_of)
def test_ctrl_c_while_the_result_is_measured_loses_nothing(case, monkeypatch):
    from imgnmf.family import alternate

    whole, real, calls = case(), alternate.squared_residual, []

    def first_is_interrupted(*args):
        calls.append(args)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(alternate, "squared_residual", first_is_interrupted)
    fit = best_of(case)
    assert (fit.reason, fit.converged, len(calls)) == ("interrupted", False, 2)
    if whole.member != "symmetric":  # whose other starts are left out then
        assert fit.relative_error == whole.relative_error
        np.testing.assert_array_equal(fit.W, whole.W)


@each
@pytest.mark.parametrize("rank", [0, -1, 2.0, True, "3", 10_000])
def test_a_rank_out_of_bounds_is_refused(case, rank):
    with pytest.raises(errors.ParameterError, match="rank must be"):
        case(rank=rank)


@each
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_by_place(case, bad):
    V = case.V.copy()
    V[4, 2] = bad
    with pytest.raises(errors.DataError, match=r"1 of .* the first at \(pixel 4, image 2\)"):
        case(V)


@each
def test_signs_are_refused_where_parts_have_none(case):
    V = case.V.copy()
    V[4, 2] = V[2, 4] = -1
    if case.takes_signs:
        assert np.isfinite(case(V).W).all()
    else:
        with pytest.raises(errors.DataError, match="negative"):
            case(V)


@each
def test_other_bad_data_is_refused(case):
    with pytest.raises(errors.DataError, match="zero everywhere"):
        case(np.zeros_like(case.V))
    with pytest.raises(errors.DataError, match="toarray"):
        case(csr_array(case.V))
    with pytest.raises(errors.ShapeMismatchError, match="matrix"):
        case(case.V[0])
    with pytest.raises(errors.DataError, match="real numbers"):
        case(case.V.astype(complex))
    with pytest.raises(errors.DataError, match="at least one"):
        case(case.V[:, :0])


@iterative
def test_bad_options_are_refused(case):
    for bad in ({"max_iter": -1}, {"max_iter": 2.5}, {"time_limit": 0}):
        with pytest.raises(errors.ParameterError):
            case(**bad)
    if "symmetric" not in case.name:
        with pytest.raises(errors.ParameterError, match="init must be"):
            case.fit(case.V, 3, **{"init": "best"})
        with pytest.raises(errors.ParameterError, match="threads"):
            case(threads=0)


@pytest.mark.parametrize("case", [c for c in MEMBERS if "symmetric" not in c.name], ids=name_of)
def test_odd_images_do_no_harm(case):
    V = case.V.copy()
    V[:, 3] = 0
    V[5] = 0
    V[:, 10] = V[:, 11]
    fit = case(V, stop=RelativeDecrease(1e-2)) if case not in DIRECT else case(V)
    assert np.isfinite(fit.W).all()
    assert (np.diff(fit.trace.objective) <= 0).all()
    assert not fit.H[:, 3].any()
    np.testing.assert_allclose(fit.H[:, 10], fit.H[:, 11], atol=1e-9 * fit.H.max())


@each
def test_one_part_and_one_image(case):
    assert case(rank=1).rank == 1
    one = np.array([[2.0]]) if "symmetric" in case.name else np.abs(case.V[:, :1])
    fit = case(one, rank=1)
    assert fit.relative_error < 0.011
