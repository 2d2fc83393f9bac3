from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

import imgnmf
from imgnmf.errors import DataError, DataWarning, ShapeMismatchError
from tests.core.cases import PAIRS, low_rank, name_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


def holes(shape, share=0.3, seed=0):
    return (np.random.default_rng(seed).random(shape) > share).astype(float)


@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_the_weighted_objective_never_rises_and_is_the_losses_own(pair):
    loss, solver = pair
    V = low_rank(noise=0.3) + 0.05
    weights = holes(V.shape) * np.random.default_rng(1).random(V.shape)
    weights /= weights.max()
    fit = imgnmf.factorize(V, 4, loss=loss, solver=solver, weights=weights, max_iter=60, stop=())
    assert np.diff(fit.trace.objective).max() <= 1e-12 * fit.trace.objective[0]
    assert fit.objective == pytest.approx(loss.value(V, fit.reconstruct(), weights), rel=1e-9)


@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_weights_of_one_change_nothing(pair):
    loss, solver = pair
    V = low_rank(noise=0.3) + 0.05
    options = {"loss": loss, "solver": solver, "init": imgnmf.RandomInit(lead_in=False), "max_iter": 300, "stop": ()}
    plain = imgnmf.factorize(V, 3, **options)
    weighted = imgnmf.factorize(V, 3, weights=np.ones((1, 40)), **options)
    assert weighted.objective == pytest.approx(plain.objective, rel=0.05)


def test_missing_entries_are_found_again():
    V = low_rank(40, 60, 3)
    weights = holes(V.shape)
    damaged = np.where(weights > 0, V, np.nan)
    fit = imgnmf.factorize(damaged, 3, missing="mask", max_iter=4000, stop=imgnmf.RelativeDecrease(1e-6))
    hidden = weights == 0
    assert np.linalg.norm((fit.reconstruct() - V)[hidden]) < 0.02 * np.linalg.norm(V[hidden])
    same = imgnmf.factorize(V, 3, weights=weights, max_iter=4000, stop=imgnmf.RelativeDecrease(1e-6))
    assert same.relative_error == pytest.approx(fit.relative_error, abs=1e-3)


def test_what_does_not_count_does_not_matter():
    V = low_rank(noise=0.3)
    weights = holes(V.shape)
    fits = [
        imgnmf.factorize(np.where(weights > 0, V, junk), 4, weights=weights, max_iter=50) for junk in (0.0, 1e6, np.nan)
    ]
    assert len({fit.W.tobytes() for fit in fits}) == 1


def test_the_solution_is_each_columns_weighted_least_squares():
    V = low_rank(noise=0.3)
    weights = holes(V.shape)
    fit = imgnmf.factorize(V, 3, weights=weights, max_iter=5000, stop=imgnmf.KKTBelow(1e-9))
    for j in range(V.shape[1]):
        root = np.sqrt(weights[:, j])
        _, best = nnls(root[:, None] * fit.W, root * V[:, j])
        assert np.linalg.norm(root * (V[:, j] - fit.W @ fit.H[:, j])) <= best + 1e-3


def test_weights_per_pixel_and_per_image_are_broadcast():
    V = low_rank(noise=0.3)
    per_image = np.random.default_rng(0).random((1, 40)) + 0.1
    wide, narrow = (imgnmf.factorize(V, 3, weights=w, max_iter=40) for w in (np.repeat(per_image, 30, 0), per_image))
    assert (wide.W == narrow.W).all()
    assert imgnmf.factorize(V, 3, weights=np.ones((30, 1)), max_iter=5).relative_error < 1


def test_what_was_never_seen_is_named_and_zero():
    V, weights = low_rank(noise=0.3), np.ones((30, 40))
    weights[:, 7] = 0
    weights[3] = 0
    with pytest.warns(DataWarning) as told:
        fit = imgnmf.factorize(V, 3, weights=weights, max_iter=50)
    words = " ".join(str(w.message) for w in told)
    assert "1 image(s) without a seen entry (7)" in words
    assert "1 pixel(s) without a seen entry (3)" in words
    assert not fit.H[:, 7].any()
    assert not fit.W[3].any()


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (np.ones((30, 39)), ShapeMismatchError, r"\(30, 40\).*got \(30, 39\)"),
        (np.ones(40), ShapeMismatchError, r"got \(40,\)"),
        (-np.ones((30, 40)), DataError, "non-negative"),
        (np.full((30, 40), np.nan), DataError, "finite"),
        (np.zeros((30, 40)), DataError, "nothing was seen"),
    ],
)
def test_impossible_weights_are_refused(weights, error, message):
    with pytest.raises(error, match=message):
        imgnmf.factorize(low_rank(), 3, weights=weights)
