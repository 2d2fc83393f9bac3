"""What `factorize` does not take, and says why."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.core.inits import GivenFactors
from imgnmf.core.penalties import L1, L2
from imgnmf.core.stopping import TimeLimit
from imgnmf.errors import DataError, DataWarning, IncompatibleError, ParameterError, ShapeMismatchError
from tests.core.cases import low_rank

BAD_V = [
    (np.array([[1.0, np.nan], [2.0, 3.0]]), DataError, r"1 of 4 values are non-finite.*\(pixel 0, image 1\)"),
    (np.array([[1.0, 2.0], [np.inf, 3.0]]), DataError, r"\(pixel 1, image 0\)"),
    (np.array([[1.0, -2.0], [2.0, 3.0]]), DataError, "negative='clip'"),
    (np.ones(4), ShapeMismatchError, r"\(n_pixels, n_images\)"),
    (np.ones((2, 3, 4)), ShapeMismatchError, "images.V"),
    (np.ones((0, 4)), DataError, "at least one"),
    (np.ones((2, 2), complex), DataError, "real numbers"),
    (np.array([["a", "b"]]), DataError, "real numbers"),
]


@pytest.mark.parametrize(("V", "error", "message"), BAD_V)
def test_unusable_data_is_refused(V, error, message):
    with pytest.raises(error, match=message):
        imgnmf.factorize(V, 1)


BAD_OPTIONS = [
    ({"rank": 0}, ParameterError, "rank must be a whole number with 1 <= rank <= .* = 30, got 0"),
    ({"rank": 2.0}, ParameterError, "rank must be a whole number"),
    ({"rank": True}, ParameterError, "rank must be a whole number"),
    ({"rank": 31}, ParameterError, "30, got 31; lower it or use init='random'"),
    ({"loss": "l2"}, ParameterError, "loss must be 'frobenius' or"),
    ({"solver": "cd"}, ParameterError, "solver must be 'hals' or"),
    ({"init": "nndsvda"}, ParameterError, "init must be 'nndsvd' or"),
    (
        {"loss": "kullback-leibler", "solver": "hals"},
        IncompatibleError,
        "'hals' cannot minimise .*solver='mu' or solver='newton'",
    ),
    ({"loss": "itakura-saito", "solver": "newton"}, IncompatibleError, "'newton' cannot minimise"),
    ({"penalty_H": L1(0.1)}, IncompatibleError, "penalty_H without penalty_W is defeated by scale"),
    ({"penalty_W": L2(0.1)}, IncompatibleError, "penalty_W without penalty_H"),
    ({"max_iter": -1}, ParameterError, "max_iter must be a whole number >= 0"),
    ({"n_init": 0}, ParameterError, "n_init must be a whole number >= 1"),
    ({"time_limit": 0.0}, ParameterError, "time limit must be a number > 0"),
    (
        {"init": GivenFactors(np.ones((3, 3)))},
        ParameterError,
        r"given W must have shape \(30, 3\), got \(3, 3\)",
    ),
    ({"init": GivenFactors(-np.ones((30, 3)))}, ParameterError, "finite and non-negative"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD_OPTIONS)
def test_impossible_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        imgnmf.factorize(low_rank(), **{"rank": 3, **options})


def test_a_rank_above_both_sides_needs_a_random_start_and_warns():
    with pytest.warns(DataWarning, match="rank 12 is above"):
        imgnmf.factorize(low_rank(10, 11), 12, init="random", max_iter=5, stop=TimeLimit(5), callback=lambda s: True)


@pytest.mark.parametrize("work", [imgnmf.factorize, imgnmf.factorize_projective, imgnmf.family.semi])
def test_a_set_of_images_is_told_from_its_matrix(work):
    with pytest.raises(ShapeMismatchError, match=r"got ImageSet: pass its \.V"):
        work(imgnmf.ImageSet(np.ones((4, 3, 3))), 2)


@pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")
def test_fits_are_described_in_a_line():
    V = low_rank(12, 9, 2)
    fits = imgnmf.factorize(V, 2), imgnmf.factorize_projective(V, 2), imgnmf.family.semi(V, 2)
    for fit, kind in zip(
        fits, ("Factorization(hals", "ProjectiveFactorization(projective", "FamilyFit(semi"), strict=True
    ):
        assert repr(fit).startswith(f"{kind}: 2 parts of 12 x 9, relative error {fit.relative_error:.4g}, ")
        assert fit.reason in repr(fit)
    study = imgnmf.factorize_ranks(V, [1, 2])
    assert repr(study).startswith(f"RankStudy(relative errors k = 1: {study[1].relative_error:.4g}, k = 2: ")
