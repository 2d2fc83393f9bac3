from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

import imgnmf
from imgnmf.core.constraints import NonSmooth, Simplex, Sparseness, UpperBound
from imgnmf.core.measures import sparseness
from imgnmf.core.penalties import Weight, laplacian
from imgnmf.errors import DataError, IncompatibleError, ParameterError, ShapeMismatchError
from tests.core.cases import PAIRS, low_rank, name_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

QUADRATIC = ["hals", "anls", "pg"]


def never_rises(fit):
    assert np.diff(fit.trace.objective).max() <= 1e-12 * fit.trace.objective[0]


@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_given_parts_stay_and_others_are_learned_beside_them(pair):
    loss, solver = pair
    V = low_rank(rank=4, noise=0.2) + 0.05
    given = low_rank(30, 2, 2) + 0.1
    fit = imgnmf.factorize(V, 5, loss=loss, solver=solver, fixed_W=given, max_iter=60, stop=())
    np.testing.assert_allclose(fit.W[:, :2], given, rtol=1e-12)
    never_rises(fit)
    alone = imgnmf.factorize(V, 2, loss=loss, solver=solver, fixed_W=given, max_iter=60, stop=())
    np.testing.assert_allclose(alone.W, given, rtol=1e-12)
    assert fit.objective < 0.7 * alone.objective


def test_true_parts_given_leave_the_rest_to_be_found():
    rng = np.random.default_rng(0)
    W = rng.gamma(1.0, size=(30, 4)) * (rng.random((30, 4)) < 0.5)
    V = W @ (rng.gamma(1.0, size=(4, 60)) * (rng.random((4, 60)) < 0.6))
    fit = imgnmf.factorize(V, 4, fixed_W=W[:, :3], max_iter=3000, stop=imgnmf.RelativeDecrease(1e-7))
    assert fit.relative_error < 1e-3
    assert imgnmf.core.measures.matched(W[:, 3:], fit.W).cosine[0] > 0.999


@pytest.mark.parametrize("unit", [1.0, 255.0, 2.0**40])
@pytest.mark.parametrize("solver", QUADRATIC)
def test_abundances_sum_to_one_in_the_fit_and_in_encode(solver, unit):
    rng = np.random.default_rng(0)
    V = rng.random((30, 3)) @ rng.dirichlet(np.ones(3), 80).T
    fit = imgnmf.factorize(V * unit, 3, solver=solver, constraint_H=Simplex(), max_iter=300, stop=())
    np.testing.assert_allclose(fit.H.sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(fit.encode(V[:, :9] * unit).sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(fit.encode(V * unit), fit.H, atol=1e-5)
    assert fit.relative_error < 0.02
    never_rises(fit)


@pytest.mark.parametrize("constraint", [Simplex(), UpperBound(0.7), NonSmooth(0.6)], ids=name_of)
def test_encode_within_a_set_is_the_best_there(constraint):
    rng = np.random.default_rng(1)
    W, V = rng.random((20, 4)), 2 * rng.random((20, 6))
    H = imgnmf.core.encode.encode(V, W, loss=imgnmf.Frobenius(), constraint=constraint)
    np.testing.assert_allclose(constraint.projected(H), H, atol=1e-9)
    sums = [{"type": "eq", "fun": lambda h: h.sum() - 1}] if isinstance(constraint, Simplex) else []
    if isinstance(constraint, NonSmooth):
        sums = [{"type": "ineq", "fun": lambda h: h - 0.6 / 4 * h.sum()}]
    top = 0.7 if isinstance(constraint, UpperBound) else None
    for j in range(6):
        found = minimize(
            lambda h, j=j: np.sum((V[:, j] - W @ h) ** 2),
            np.full(4, 0.25),
            bounds=[(0, top)] * 4,
            constraints=sums,
            method="SLSQP",
            options={"ftol": 1e-14},
        )
        assert np.sum((V[:, j] - W @ H[:, j]) ** 2) <= found.fun * (1 + 1e-8)


def test_coefficients_stay_below_their_bound():
    V = low_rank(noise=0.2)
    fit = imgnmf.factorize(V, 3, constraint_H=UpperBound(0.5), max_iter=200, stop=())
    assert fit.H.max() <= 0.5 + 1e-12
    assert fit.objective >= imgnmf.factorize(V, 3, max_iter=200, stop=()).objective * (1 - 1e-6)
    never_rises(fit)


@pytest.mark.parametrize("level", [0.3, 0.6, 0.9])
def test_parts_have_the_sparseness_that_was_asked_for(level):
    V = low_rank(noise=0.5)
    fit = imgnmf.factorize(V, 4, constraint_W=Sparseness(level), max_iter=100, stop=())
    np.testing.assert_allclose(sparseness(fit.W), level, atol=1e-6)
    never_rises(fit)


@pytest.mark.parametrize("seed", range(10))
def test_the_projection_onto_a_sparseness_is_the_nearest_of_many(seed):
    rng = np.random.default_rng(seed)
    row = rng.random((1, 30))
    nearest = Sparseness(0.7).projected(row)
    assert nearest.min() >= 0
    assert np.linalg.norm(nearest) == pytest.approx(np.linalg.norm(row))
    for _ in range(200):
        other = Sparseness(0.7).projected(np.maximum(nearest + 0.3 * rng.normal(size=row.shape), 0))
        other *= np.linalg.norm(row) / np.linalg.norm(other)
        assert np.linalg.norm(nearest - row) <= np.linalg.norm(other - row) + 1e-9


def test_the_laplacian_is_the_slope_of_the_squared_differences():
    rng = np.random.default_rng(0)
    w = rng.random((1, 12))
    picture = w.reshape(4, 3)
    expected = np.sum(np.diff(picture, axis=0) ** 2) + np.sum(np.diff(picture, axis=1) ** 2)
    assert np.sum(w * laplacian(w, (4, 3))) == pytest.approx(expected)
    colour = rng.random((2, 24))
    each = [laplacian(colour.reshape(2, 12, 2)[:, :, c], (4, 3)) for c in range(2)]
    np.testing.assert_allclose(laplacian(colour, (4, 3, 2)).reshape(2, 12, 2), np.stack(each, axis=2))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("solver", QUADRATIC)
@pytest.mark.parametrize("penalty", [imgnmf.Smooth(0.5, (5, 6)), imgnmf.Orthogonal(0.5)], ids=name_of)
def test_penalties_on_parts_do_what_they_say_and_never_raise_the_objective(penalty, solver, weighted):
    if solver == "anls" and isinstance(penalty, imgnmf.Orthogonal):
        with pytest.raises(IncompatibleError, match="'anls'"):
            imgnmf.factorize(low_rank(), 3, solver=solver, penalty_W=penalty, penalty_H=imgnmf.L2(0.1))
        return
    V = low_rank(noise=0.5)
    weights = np.random.default_rng(0).random(V.shape) if weighted else None
    options = {"solver": solver, "weights": weights, "max_iter": 150, "stop": (), "penalty_H": imgnmf.L2(0.01)}
    plain = imgnmf.factorize(V, 3, penalty_W=imgnmf.L2(0.01), **options).W.T
    fit = imgnmf.factorize(V, 3, penalty_W=[penalty, imgnmf.L2(0.01)], **options)
    never_rises(fit)
    plain, steered = (W / W.max(axis=1, keepdims=True) for W in (plain, fit.W.T))
    measure = Weight(overlap=1.0) if isinstance(penalty, imgnmf.Orthogonal) else Weight(smooth=1.0, grid=(5, 6))
    assert measure.value(steered) < 0.8 * measure.value(plain)


def test_a_fit_whose_coefficients_are_penalised_keeps_its_scale():
    V = low_rank(noise=0.2)
    for options in ({"penalty_W": imgnmf.L1(0.01), "penalty_H": imgnmf.L1(0.01)}, {"constraint_H": Simplex()}):
        fit = imgnmf.factorize(V, 3, **options)
        np.testing.assert_allclose(fit.normalized().ordered().encode(V), fit.ordered().H, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fixed_W": np.ones((29, 1))}, ShapeMismatchError, r"\(30, j\), got \(29, 1\)"),
        ({"fixed_W": np.ones((30, 4))}, ParameterError, "4 parts.*rank, which is 3"),
        ({"fixed_W": -np.ones((30, 1))}, DataError, "non-negative"),
        ({"constraint_W": NonSmooth(0.5)}, IncompatibleError, "constraint_H"),
        ({"constraint_H": Simplex(), "solver": "mu"}, IncompatibleError, "'mu'"),
        ({"constraint_W": Sparseness(0.5), "loss": "kullback-leibler"}, IncompatibleError, "quadratic loss"),
        ({"penalty_W": imgnmf.Orthogonal(0.1)}, IncompatibleError, "penalty_W without penalty_H"),
        ({"penalty_W": imgnmf.L2(0.1), "penalty_H": imgnmf.Orthogonal(0.1)}, IncompatibleError, "for W"),
        ({"penalty_W": imgnmf.Smooth(0.1, (7, 7)), "penalty_H": imgnmf.L2(0.1)}, ShapeMismatchError, "49.*30"),
        (
            {"penalty_W": imgnmf.Smooth(0.1, (5, 6)), "penalty_H": imgnmf.L2(0.1), "loss": "kullback-leibler"},
            IncompatibleError,
            "quadratic",
        ),
    ],
)
def test_what_cannot_be_had_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        imgnmf.factorize(low_rank(), 3, **options)


@pytest.mark.parametrize("value", [-0.1, 1.5, "much"])
def test_a_sparseness_lies_between_0_and_1(value):
    with pytest.raises(ParameterError, match=r"within 0 \.\. 1"):
        Sparseness(value)
    with pytest.raises(ParameterError, match="above 0"):
        UpperBound(-1)
