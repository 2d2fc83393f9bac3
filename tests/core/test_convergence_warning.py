"""A warning that a fit was cut short is for what can be seen, and says it in words for a person."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import imgnmf
from imgnmf.core.limits import VISIBLE_ERROR, VISIBLE_FALL
from imgnmf.errors import ConvergenceWarning
from tests.core.cases import low_rank

ORL = Path(__file__).parents[2] / "../shared/data/orl_faces"
NOISY = low_rank(noise=0.5)


def fall(fit):
    objective = fit.trace.objective
    return (objective[fit.n_iter // 2] - objective[-1]) / objective[-1]


def fall_of_error(fit):
    error = fit.trace.relative_error
    return error[fit.n_iter // 2] - error[-1]


def orl():
    if not ORL.exists():
        pytest.skip("needs the shared ORL faces")
    return imgnmf.load_images(ORL, size=(28, 23))


SETS = {
    "lfw-faces": lambda: imgnmf.load_dataset("lfw-faces"),
    "digits": lambda: imgnmf.load_dataset("digits"),
    "patches": lambda: imgnmf.load_dataset("patches", n_patches=2000),
    "orl": orl,
}


@pytest.mark.parametrize("rank", [9, 49])
@pytest.mark.parametrize("name", SETS)
def test_real_images_at_the_defaults_give_no_warning(name, rank):
    V = SETS[name]().V
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        fit = imgnmf.factorize(V, rank)
    assert fit.converged or fall(fit) < VISIBLE_FALL or fall_of_error(fit) < VISIBLE_ERROR


def test_a_fit_that_was_cut_at_five_iterations_gives_one():
    with pytest.warns(ConvergenceWarning, match=r"k = 9 was still improving.*Raise max_iter to let it settle"):
        imgnmf.factorize(imgnmf.load_dataset("digits").V, 9, max_iter=5)


def test_a_study_names_the_rank():
    with pytest.warns(ConvergenceWarning) as seen:
        imgnmf.factorize_ranks(NOISY, [2, 3], max_iter=5)
    assert [f"k = {rank} " in str(each.message) for rank, each in zip([2, 3], seen, strict=True)] == [True, True]


@pytest.mark.parametrize(("rank", "change", "limit"), [(4, fall, VISIBLE_FALL), (6, fall_of_error, VISIBLE_ERROR)])
def test_what_cannot_be_seen_is_told_only_to_those_who_ask_for_more(rank, change, limit):
    quiet = imgnmf.factorize(NOISY, rank, max_iter=30)
    assert quiet.reason.startswith("max_iter")
    assert 0 < change(quiet) < limit
    with pytest.warns(ConvergenceWarning, match="too little to be seen in a picture"):
        imgnmf.factorize(NOISY, rank, max_iter=30, stop=imgnmf.KKTBelow(1e-12))


def test_the_words_say_how_far_the_objective_fell():
    with pytest.warns(ConvergenceWarning) as seen:
        fit = imgnmf.factorize(NOISY, 3, max_iter=10)
    assert f"fell by {100 * fall(fit):.2g} % over the latter half of them" in str(seen[0].message)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_without_a_number_to_tell_there_is_none():
    for V, iterations in ((NOISY, 1), (NOISY * 1e300, 5)):
        with pytest.warns(ConvergenceWarning, match="was still improving. Raise"):
            imgnmf.factorize(V, 3, max_iter=iterations)
    assert np.isinf(imgnmf.factorize(NOISY * 1e300, 3, max_iter=30).objective)
