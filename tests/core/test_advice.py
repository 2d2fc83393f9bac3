"""What an error advises works: followed to its end it leads to a fit, and never in a circle."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import imgnmf
from imgnmf.core.choices import LOSSES, SOLVERS
from imgnmf.core.constraints import NonSmooth, Simplex, Sparseness, UpperBound
from imgnmf.core.penalties import L1, L2, Neighbours, Orthogonal, Smooth
from imgnmf.errors import IncompatibleError, ParameterError

V = np.random.default_rng(0).random((12, 10)) + 0.1
SMALL = L2(0.01)
STEERED = {
    "L1": {"penalty_W": L1(0.01), "penalty_H": L1(0.01)},
    "L2": {"penalty_W": SMALL, "penalty_H": SMALL},
    "Smooth": {"penalty_W": [Smooth(0.1, (4, 3)), SMALL], "penalty_H": SMALL},
    "Orthogonal": {"penalty_W": [Orthogonal(0.1), SMALL], "penalty_H": SMALL},
    "Neighbours": {"penalty_W": SMALL, "penalty_H": [SMALL, Neighbours(0.1, np.eye(10)[::-1])]},
    "NonSmooth": {"constraint_H": NonSmooth(0.5)},
    "Simplex": {"constraint_H": Simplex()},
    "UpperBound": {"constraint_W": UpperBound(1.0)},
    "Sparseness": {"constraint_W": Sparseness(0.5)},
}
SOLVER_NAMES = (None, *(solver.name for solver in SOLVERS))


def follow(options):
    """Fit, and after a refusal do the first thing that it says; return how often."""
    for refusals in range(3):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
                imgnmf.factorize(V, 2, max_iter=2, **options)
        except IncompatibleError as refused:
            option, value = re.search(r"\b(loss|solver)='([a-z0-9-]+)'", str(refused)).groups()
            if options.get(option) == value:
                pytest.fail(f"it was done already: {refused}")
            options = {**options, option: value}
        else:
            return refusals
    pytest.fail(f"three refusals, and the last advice was {options}")


@pytest.mark.parametrize("loss", [loss.name for loss in LOSSES])
@pytest.mark.parametrize("steered", STEERED)
def test_the_advice_about_losses_and_solvers_leads_to_a_fit(steered, loss):
    refusals = [follow({**STEERED[steered], "loss": loss, "solver": solver}) for solver in SOLVER_NAMES]
    assert max(refusals) > 0  # at least one solver does not fit any loss, so that the advice was tried


def test_a_graph_is_named_in_a_few_words():
    assert len(repr(Neighbours(0.1, np.ones((500, 500))))) < 100


def test_more_neighbours_than_there_are_images_are_refused():
    with pytest.raises(ParameterError, match="below the number of images, 10, got 10"):
        imgnmf.family.affinity(V, neighbours=10)
    assert imgnmf.family.affinity(V, neighbours=9).shape == (10, 10)
