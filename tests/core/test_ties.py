"""What reaches over several images or parts: non-smooth NMF, sparse rows of H, neighbours, overlap under any loss."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import imgnmf
from imgnmf.core.constraints import NonSmooth, Sparseness
from imgnmf.core.graphs import Ties
from imgnmf.core.measures import sparseness
from imgnmf.core.penalties import Weight
from imgnmf.errors import DataError, IncompatibleError, ParameterError, ShapeMismatchError
from tests.core.cases import LOSSES, PAIRS, factors, low_rank, name_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

QUADRATIC = ["hals", "anls", "pg"]
UNITS = [1e-8, 1.0, 255.0]
CHAIN = sp.diags_array([np.ones(39), np.ones(39)], offsets=[-1, 1], shape=(40, 40)).tocsr()


def never_rises(fit):
    assert np.diff(fit.trace.objective).max() <= 1e-12 * fit.trace.objective[0]


def smoothing(theta, rank):
    return (1 - theta) * np.eye(rank) + theta / rank


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("theta", [0.0, 0.5, 0.9])
def test_non_smooth_coefficients_are_a_smoothed_non_negative_matrix(theta, unit):
    V = low_rank(noise=0.3)
    fit = imgnmf.factorize(V * unit, 4, constraint_H=NonSmooth(theta), max_iter=100, stop=())
    theirs = NonSmooth(theta).unmixed(fit.H)
    assert theirs.min() >= 0
    np.testing.assert_allclose(smoothing(theta, 4) @ theirs, fit.H, atol=1e-6 * fit.H.max())
    never_rises(fit)
    one = imgnmf.factorize(V, 4, constraint_H=NonSmooth(theta), max_iter=100, stop=())
    assert fit.relative_error == pytest.approx(one.relative_error, rel=1e-4)
    np.testing.assert_allclose(fit.encode(V[:, 3:5] * unit), fit.H[:, 3:5], atol=1e-5 * fit.H.max())


def test_the_more_mixed_the_coefficients_the_sparser_the_parts():
    V = imgnmf.load_dataset("lfw-faces").V[:, :100]
    fits = [imgnmf.factorize(V, 9, constraint_H=NonSmooth(theta), max_iter=150, stop=()) for theta in (0, 0.4, 0.8)]
    assert (np.diff([sparseness(fit.W).mean() for fit in fits]) > 0.05).all()
    assert (np.diff([fit.relative_error for fit in fits]) > 0).all()


@pytest.mark.parametrize("theta", [0.2, 0.7])
def test_the_projection_onto_the_cone_is_the_nearest_of_many(theta):
    rng = np.random.default_rng(0)
    point = rng.normal(size=(5, 40))
    nearest = NonSmooth(theta).projected(point)
    assert (nearest - theta / 5 * nearest.sum(axis=0)).min() >= -1e-12
    np.testing.assert_allclose(NonSmooth(theta).projected(nearest), nearest, atol=1e-12)
    for size in (0.01, 0.3, 3.0):
        other = smoothing(theta, 5) @ np.maximum(NonSmooth(theta).unmixed(nearest) + size * rng.normal(size=(5, 40)), 0)
        assert (np.linalg.norm(nearest - point, axis=0) <= np.linalg.norm(other - point, axis=0) + 1e-12).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("unit", UNITS)
def test_rows_of_the_coefficients_have_the_sparseness_that_was_asked_for(unit, weighted):
    V = low_rank(n=700, noise=0.5)  # three blocks of images
    weights = np.random.default_rng(0).random(V.shape) if weighted else None
    options = {"weights": weights, "max_iter": 60, "stop": ()}
    fit = imgnmf.factorize(V * unit, 4, constraint_H=Sparseness(0.6), **options)
    np.testing.assert_allclose(sparseness(fit.H.T), 0.6, atol=1e-6)
    never_rises(fit)
    plain = imgnmf.factorize(V * unit, 4, **options)
    assert plain.relative_error < fit.relative_error < plain.relative_error + 0.3
    both = imgnmf.factorize(V, 4, constraint_H=Sparseness(0.6), constraint_W=Sparseness(0.4), **options)
    np.testing.assert_allclose(sparseness(both.H.T), 0.6, atol=1e-6)
    np.testing.assert_allclose(sparseness(both.W), 0.4, atol=1e-6)


def test_an_image_by_itself_is_encoded_without_what_ties_images():
    V = low_rank(noise=0.5)
    tied = imgnmf.factorize(V, 4, constraint_H=Sparseness(0.6), max_iter=60, stop=())
    free = imgnmf.core.encode.encode(V, tied.W, loss=imgnmf.Frobenius())
    np.testing.assert_array_equal(tied.encode(V), free)
    ridge = imgnmf.L2(0.01)
    near = imgnmf.factorize(V, 4, penalty_W=ridge, penalty_H=[ridge, imgnmf.Neighbours(0.1, CHAIN)], max_iter=60)
    alone = imgnmf.core.encode.encode(V, near.W, loss=imgnmf.Frobenius(), penalty=Weight(l2=near.penalty_H.l2))
    np.testing.assert_array_equal(near.encode(V), alone)
    assert near.penalty_H.l2 > 0


def test_the_slope_of_ties_is_that_of_their_value():
    rng = np.random.default_rng(0)
    graph = rng.random((6, 6)) * (rng.random((6, 6)) < 0.5)
    graph, H = graph + graph.T, rng.random((2, 6))
    ties = Ties.of(sp.csr_array(graph), 0.7)
    gaps = [graph[i, j] * np.sum((H[:, i] - H[:, j]) ** 2) for i in range(6) for j in range(i)]
    assert ties.value(H) == pytest.approx(0.35 * sum(gaps))
    steps = 1e-6 * np.eye(12).reshape(12, 2, 6)
    slope = [(ties.value(H + step) - ties.value(H - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(np.hstack([ties.slope(H, s) for s in (slice(0, 4), slice(4, 6))]).ravel(), slope)
    assert ties.bend >= np.linalg.eigvalsh(ties.laplacian.toarray())[-1]


@pytest.mark.parametrize("solver", QUADRATIC)
@pytest.mark.parametrize("unit", UNITS)
def test_images_that_are_joined_get_coefficients_that_are_alike(unit, solver):
    V, ridge = low_rank(noise=0.5), imgnmf.L2(0.01)
    options = {"penalty_W": ridge, "solver": solver, "max_iter": 100, "stop": ()}
    plain = imgnmf.factorize(V * unit, 4, penalty_H=ridge, **options)
    fit = imgnmf.factorize(V * unit, 4, penalty_H=[ridge, imgnmf.Neighbours(0.5, CHAIN)], **options)
    never_rises(fit)
    apart = [np.square(np.diff(H)).sum() / np.square(H).sum() for H in (plain.H, fit.H)]
    assert apart[1] < 0.5 * apart[0]


def test_strong_ties_make_all_images_one():
    V, ridge = low_rank(noise=0.5), imgnmf.L2(1e-4)
    everyone = imgnmf.Neighbours(1e4, sp.csr_array(np.ones((40, 40))))
    fit = imgnmf.factorize(V, 2, penalty_W=ridge, penalty_H=[ridge, everyone], max_iter=300, stop=())
    assert np.ptp(fit.H, axis=1).max() < 1e-3 * fit.H.max()


@pytest.mark.parametrize("threads", [1, 2])
def test_ties_over_blocks_do_not_depend_on_threads(threads):
    V, ridge = low_rank(m=40, n=1300, noise=0.5), imgnmf.L2(0.01)
    graph = imgnmf.neighbour_graph(V, 3)
    options = {"penalty_W": ridge, "penalty_H": [ridge, imgnmf.Neighbours(0.1, graph)], "max_iter": 20, "stop": ()}
    fit = imgnmf.factorize(V, 4, threads=threads, **options)
    never_rises(fit)
    np.testing.assert_array_equal(fit.H, imgnmf.factorize(V, 4, threads=1, **options).H)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("as_sparse", [False, True])
def test_the_graph_of_neighbours_joins_the_nearest(unit, as_sparse):
    V = low_rank(n=50, noise=0.1)
    graph = imgnmf.neighbour_graph(sp.csc_array(V * unit) if as_sparse else V * unit, 4).toarray()
    distance = np.linalg.norm(V[:, :, None] - V[:, None, :], axis=0) + 1e9 * np.eye(50)
    near = distance <= np.sort(distance, axis=0)[3]
    np.testing.assert_array_equal(graph, near | near.T)


@pytest.mark.parametrize(
    ("loss", "solver"), [pair for pair in PAIRS if getattr(pair[1], "name", "") != "anls"], ids=name_of
)
def test_overlap_falls_under_every_loss_and_the_objective_never_rises(loss, solver):
    V = low_rank(noise=0.5) + 0.05
    small = imgnmf.L2(0.01)
    options = {"loss": loss, "solver": solver, "penalty_H": small, "max_iter": 100, "stop": ()}
    plain = imgnmf.factorize(V, 3, penalty_W=small, **options)
    fit = imgnmf.factorize(V, 3, penalty_W=[imgnmf.Orthogonal(0.5), small], **options)
    never_rises(fit)
    overlaps = [Weight(overlap=1.0).value(W / np.linalg.norm(W, axis=1, keepdims=True)) for W in (plain.W.T, fit.W.T)]
    assert overlaps[1] < 0.9 * overlaps[0]


@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_the_slope_and_the_curvature_with_overlap_are_those_of_the_objective(loss):
    V, W, H = factors()
    weight = Weight(l2=0.3, overlap=0.7)

    def slope(W):
        parts = weight.applied(loss.parts("gradient", V.T, H, W), W)
        minus, plus = parts.split(W)
        return (plus - minus).ravel()

    def objective(W):
        return loss.value(V.T, H.T @ W) + weight.value(W)

    steps = 1e-6 * np.eye(W.size).reshape(W.size, *W.shape)
    found = [(objective(W + step) - objective(W - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(slope(W), found, rtol=1e-5, atol=1e-5)
    if "curvature" in loss.offers:
        hessians = weight.applied(loss.parts("curvature", V.T, H, W), W).hessians
        for row, (a, b) in enumerate(zip(*np.triu_indices(len(W)), strict=True)):
            step = np.zeros_like(W)
            step[b] = 1e-6
            second = ((slope(W + step) - slope(W - step)) / 2e-6).reshape(W.shape)[a]
            np.testing.assert_allclose(hessians[row], second, rtol=1e-5)


@pytest.mark.parametrize("theta", [1, -0.1, True, "half"])
def test_a_theta_lies_between_0_and_below_1(theta):
    with pytest.raises(ParameterError, match="0 to below 1"):
        NonSmooth(theta)


@pytest.mark.parametrize(
    ("penalty", "error", "message"),
    [
        (imgnmf.Neighbours(0.1, np.eye(7)), ShapeMismatchError, r"\(40, 40\).*\(7, 7\).*neighbour_graph"),
        ([imgnmf.Neighbours(0.1, CHAIN), imgnmf.Neighbours(0.2, CHAIN)], IncompatibleError, "two graphs"),
    ],
)
def test_a_graph_that_is_none_is_refused(penalty, error, message):
    with pytest.raises(error, match=message):
        imgnmf.factorize(low_rank(), 3, penalty_W=imgnmf.L2(0.1), penalty_H=penalty)


@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (5, ShapeMismatchError, "no matrix"),
        (np.ones((2, 3)), ShapeMismatchError, r"shape \(2, 3\)"),
        (np.triu(np.ones((40, 40))), DataError, "symmetric"),
        (-np.ones((40, 40)), DataError, "weights >= 0"),
        (np.full((40, 40), np.nan), DataError, "finite"),
    ],
)
def test_a_graph_is_looked_at_where_it_is_given(graph, error, message):
    with pytest.raises(error, match=message):
        imgnmf.Neighbours(0.1, graph)


def test_neighbours_in_the_wrong_place_are_refused():
    near, ridge = imgnmf.Neighbours(0.1, CHAIN), imgnmf.L2(0.1)
    with pytest.raises(IncompatibleError, match="penalty for H"):
        imgnmf.factorize(low_rank(), 3, penalty_W=near, penalty_H=ridge)
    with pytest.raises(IncompatibleError, match="penalty_H without penalty_W"):
        imgnmf.factorize(low_rank(), 3, penalty_H=near)
    with pytest.raises(IncompatibleError, match="quadratic"):
        imgnmf.factorize(low_rank(), 3, penalty_W=ridge, penalty_H=near, loss="kullback-leibler")
    with pytest.raises(ParameterError, match="number of images, 40"):
        imgnmf.neighbour_graph(low_rank(), 40)
