"""What a fit returns as H is what `encode` finds for its parts, however the fit ended."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.core.penalties import L1
from tests.core.cases import low_rank, name_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

STOPS = {
    "callback": {"callback": lambda state: state.iteration == 3},
    "time limit": {"time_limit": 1e-9},
    "max_iter": {"max_iter": 3},
    "rule": {"stop": imgnmf.RelativeDecrease(0.1)},
}
LOSSES = [(imgnmf.Frobenius(), 1e-6), (imgnmf.KullbackLeibler(), 1e-4), (imgnmf.Huber(0.3), 1e-4)]


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("case", LOSSES, ids=name_of)
def test_after_every_stop(case, stop):
    (loss, tolerance), V = case, low_rank(noise=0.3) + 0.05
    fit = imgnmf.factorize(V, 4, loss=loss, **STOPS[stop])
    assert np.abs(fit.H - fit.encode(V)).max() <= tolerance * fit.H.max()


@pytest.mark.parametrize("case", LOSSES, ids=name_of)
def test_with_weights_above_1_and_penalties(case, tmp_path):
    (loss, tolerance), V = case, low_rank(noise=0.3) + 0.05
    weights = 3 * np.random.default_rng(0).random(V.shape)
    penalty = L1(0.01)
    fit = imgnmf.factorize(V, 4, loss=loss, weights=weights, penalty_W=penalty, penalty_H=penalty, max_iter=20)
    assert fit.weight_scale == weights.max()
    assert fit.H.any()
    imgnmf.save(tmp_path / "fit.imgnmf", fit)
    for same in (fit, imgnmf.load(tmp_path / "fit.imgnmf")[0]):
        assert np.abs(fit.H - same.encode(V, weights)).max() <= tolerance * fit.H.max()
