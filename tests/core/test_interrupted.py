"""Ctrl-C at any moment of a fit: the factors that come back are whole, and the reported error is theirs."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.core import fitting, problem, projective
from tests.signals import Struck, best_of

V = np.random.default_rng(0).random((30, 700)) + 0.01  # three blocks
OPTIONS = {"rank": 3, "init": imgnmf.RandomInit(lead_in=False), "threads": 1, "stop": (), "max_iter": 12}


def error_of(fit):
    return np.linalg.norm(V - fit.W @ fit.H) / np.linalg.norm(V)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", "huber"])
@pytest.mark.parametrize("number", range(1, 37, 3))
def test_within_a_pass(monkeypatch, loss, number):
    struck = Struck(problem.Problem.parts, number)
    # A function, which is bound to its problem.
    monkeypatch.setattr(problem.Problem, "parts", lambda *given, **options: struck(*given, **options))  # noqa: PLW0108
    fit = best_of(imgnmf.factorize, V, loss=loss, **OPTIONS)
    assert (fit.reason, fit.n_iter) == ("interrupted", (number - 1) // 3)
    assert fit.relative_error == pytest.approx(error_of(fit), rel=1e-9)


@pytest.mark.parametrize("where", ["exact_coefficients", "exact_loss"])
def test_while_the_end_is_made_exact_or_measured(monkeypatch, where):
    monkeypatch.setattr(fitting, where, Struck(getattr(fitting, where), 1))
    fit = best_of(imgnmf.factorize, V, **OPTIONS)
    assert (fit.reason, fit.converged, fit.n_iter) == ("interrupted", False, 12)
    assert fit.relative_error == pytest.approx(error_of(fit), rel=1e-9)
    monkeypatch.undo()
    with pytest.warns(imgnmf.errors.ConvergenceWarning):
        whole = imgnmf.factorize(V, **OPTIONS)
    assert whole.relative_error == pytest.approx(error_of(whole), rel=1e-9)
    assert whole.relative_error <= fit.relative_error * (1 + 1e-9)


def test_a_projective_fit_is_measured_again_too(monkeypatch):
    whole = imgnmf.factorize_projective(V, 3)
    monkeypatch.setattr(projective, "exact_loss", Struck(projective.exact_loss, 1))
    fit = best_of(imgnmf.factorize_projective, V, 3)
    assert (fit.reason, fit.converged, fit.n_iter) == ("interrupted", False, whole.n_iter)
    assert fit.relative_error == whole.relative_error
    assert np.array_equal(fit.W, whole.W)
