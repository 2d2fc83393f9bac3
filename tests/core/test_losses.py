from __future__ import annotations

import numpy as np
import pytest

from imgnmf.core.losses import BetaDivergence
from imgnmf.errors import ParameterError
from tests.core.cases import LOSSES, factors, name_of

oracle = pytest.importorskip("sklearn.decomposition._nmf", reason="scikit-learn is the oracle")


@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_value_is_scikit_learns_on_the_same_factors(loss):
    V, W, H = factors()
    expected = oracle._beta_divergence(V, W.T, H, loss.beta)
    assert loss.value(V, W.T @ H) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_an_exact_model_has_no_loss(loss):
    _, W, H = factors()
    model = W.T @ H
    assert loss.value(model, model) == pytest.approx(0, abs=1e-12 * model.sum())


@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_gradient_agrees_with_differences(loss):
    V, W, H = factors()
    minus, plus = loss.parts("gradient", V, W, H).split(H)
    gradient, step = np.broadcast_to(plus, H.shape) - minus, 1e-6
    for k, j in [(0, 0), (1, 4), (2, 8)]:
        up, down = H.copy(), H.copy()
        up[k, j] += step
        down[k, j] -= step
        slope = (loss.value(V, W.T @ up) - loss.value(V, W.T @ down)) / (2 * step)
        assert gradient[k, j] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_hessians_agree_with_differences_of_the_gradient():
    V, W, H = factors()
    loss, step = BetaDivergence(1), 1e-6
    hessians = loss.parts("curvature", V, W, H).hessians
    row = dict(zip(zip(*np.triu_indices(3), strict=True), range(6), strict=True))
    for a, b in row:
        up, down = H.copy(), H.copy()
        up[b] += step
        down[b] -= step
        slopes = [p.plus[a] - p.minus[a] for p in (loss.parts("gradient", V, W, x) for x in (up, down))]
        np.testing.assert_allclose(hessians[row[a, b]], (slopes[0] - slopes[1]) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_parts_add_up_over_blocks(loss):
    V, W, H = factors()
    whole = loss.parts("gradient", V.T, H, W, measure=True)
    left, right = (loss.parts("gradient", V[:, s].T, H[:, s], W, measure=True) for s in (slice(4), slice(4, 9)))
    for expected, found in zip(whole.split(W), (left + right).split(W), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    energy = float((V**2).sum())
    assert (left + right).measured(W, W, energy).loss == pytest.approx(loss.value(V, W.T @ H), rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_value_is_homogeneous_of_degree_beta(loss):
    V, W, H = factors()
    assert loss.value(3 * V, 3 * W.T @ H) == pytest.approx(3**loss.beta * loss.value(V, W.T @ H), rel=1e-9)


@pytest.mark.parametrize(("beta", "floor"), [(2, 0.0), (np.nan, 0.0), ("1", 0.0), (0, 0.0), (1, 2.0)])
def test_impossible_losses_are_refused(beta, floor):
    with pytest.raises(ParameterError):
        BetaDivergence(beta, floor)
