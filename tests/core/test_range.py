"""The ends of the range of floats: an answer, or a plain refusal, and never NaN."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.core.inits import GivenFactors
from imgnmf.core.losses import BetaDivergence, Frobenius, ItakuraSaito, KullbackLeibler
from imgnmf.core.penalties import L1, L2, Orthogonal, Smooth, Weight
from imgnmf.core.robust import Huber
from imgnmf.errors import DataError
from tests.core.cases import INITS, LOSSES, low_rank, name_of

quiet = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


def plain():
    return np.random.default_rng(0).random((12, 15)) + 0.1


def usable(*factors):
    return all(np.isfinite(factor).all() and factor.min() >= 0 for factor in factors)


@quiet
@pytest.mark.parametrize("init", INITS, ids=name_of)
@pytest.mark.parametrize("loss", [ItakuraSaito(), BetaDivergence(-1)], ids=name_of)
@pytest.mark.parametrize(("dtype", "largest"), [(np.float32, 2e38), (np.float64, 1.7e308)])
def test_losses_with_a_floor_take_values_near_the_top(dtype, largest, loss, init):
    fit = imgnmf.factorize(np.full((5, 4), largest, dtype), 2, loss=loss, init=init, max_iter=20)
    assert usable(fit.W, fit.H)
    assert fit.relative_error < 1e-2
    assert fit.floor == pytest.approx(1e-3 * largest, rel=1e-6)


@quiet
@pytest.mark.parametrize("loss", [Frobenius(), KullbackLeibler()], ids=name_of)
def test_encode_scales_with_images_down_to_denormals(loss):
    V = plain()
    fit = imgnmf.factorize(V, 3, loss=loss, max_iter=20)
    plainly = fit.encode(V)
    np.testing.assert_allclose(fit.encode(V * 1e-310) / 1e-310, plainly, rtol=1e-2, atol=1e-2 * plainly.max())


@quiet
def test_encode_lifts_images_far_below_the_floor_to_it():
    fit = imgnmf.factorize(plain(), 3, loss="itakura-saito", max_iter=20)
    np.testing.assert_array_equal(fit.encode(np.full((12, 2), 1e-310)), fit.encode(np.full((12, 2), fit.floor)))


@quiet
@pytest.mark.parametrize("size", [1e-305, 1e-310, 1e-320])
@pytest.mark.parametrize("loss", [*LOSSES[:3], Huber()], ids=name_of)
def test_a_model_of_denormals_encodes_its_own_images(loss, size):
    V = plain() * size
    fit = imgnmf.factorize(V, 3, loss=loss, max_iter=20)
    codes = fit.encode(V)
    assert usable(fit.W, fit.H, codes)
    assert codes.any()


@quiet
@pytest.mark.parametrize("strength", [0.1, 1e3, 1e8])
@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160, 1e290])
@pytest.mark.parametrize("loss", [*LOSSES[:2], BetaDivergence(1.5), BetaDivergence(3)], ids=name_of)
def test_encode_follows_a_penalty_that_emptied_W_or_the_fit_is_refused(loss, size, strength):
    V = plain() * size
    for penalty_W, penalty_H in ((L1, L1), (L2, L2), (Orthogonal, L1)):
        penalties = {"penalty_W": penalty_W(strength), "penalty_H": penalty_H(strength)}
        # In the unit of V, strengths are about this power of its size.
        power = loss.beta - (0.5 if penalty_H is L1 else 1)
        if abs(power * np.log10(size)) > 300:
            with pytest.raises(DataError, match="divide V by its largest value"):
                imgnmf.factorize(V, 3, loss=loss, max_iter=30, **penalties)
        else:
            fit = imgnmf.factorize(V, 3, loss=loss, max_iter=30, **penalties)
            assert usable(fit.W, fit.H, fit.encode(V))


@quiet
def test_smoothness_of_emptied_parts_is_a_number():
    V = plain() * 1e160
    fit = imgnmf.factorize(V, 3, penalty_W=[L1(1e8), Smooth(1e8, (3, 4))], penalty_H=L2(1e8), max_iter=30)
    assert usable(fit.W, fit.H, fit.encode(V))


def test_a_penalty_moves_between_units_and_back():
    penalty = Weight(l1=3.0, l2=5.0)
    assert penalty.in_unit(1000.0, 700).in_unit(-1000.0, -700) == penalty
    assert Weight(l2=5.0).in_unit(2130.0, 1065) == Weight(l2=5.0)
    assert Weight(l1=3.0).in_unit(1600.0, 1000) == Weight(l1=3.0 * 2.0**600)


def test_encode_refuses_what_the_precision_of_the_parts_cannot_hold():
    fit = imgnmf.factorize(plain().astype(np.float32), 3)
    with pytest.raises(DataError, match="divide V_new by a number"):
        fit.encode(plain() * 1e300)


@pytest.mark.parametrize("loss", [*LOSSES[:3], Huber()], ids=name_of)
def test_given_factors_far_from_V_are_balanced_or_refused(loss):
    rng = np.random.default_rng(0)
    W, H = rng.random((12, 3)), rng.random((3, 15))
    with pytest.raises(DataError, match=r"product of the given W and H .* multiply it by 1e-400"):
        imgnmf.factorize(plain(), 3, loss=loss, init=GivenFactors(1e200 * W, 1e200 * H))
    near = imgnmf.factorize(plain(), 3, loss=loss, init=GivenFactors(W, H), max_iter=0)
    for up in (2.0**660, 2.0**-660):
        far = imgnmf.factorize(plain(), 3, loss=loss, init=GivenFactors(up * W, H / up), max_iter=0)
        np.testing.assert_allclose(far.reconstruct(), near.reconstruct(), rtol=1e-12)
    assert usable(imgnmf.factorize(plain(), 3, loss=loss, init=GivenFactors(1e300 * W), max_iter=0).W)


def test_a_fit_of_tiny_data_starts_another():
    V = low_rank(noise=0.2) * 1e-300
    first = imgnmf.factorize(V, 3)
    again = imgnmf.factorize(V, 3, init=GivenFactors(first.W, first.H), max_iter=0)
    assert again.relative_error == pytest.approx(first.relative_error, rel=1e-6)


@pytest.mark.parametrize("loss", [*LOSSES[:3], Huber()], ids=name_of)
@pytest.mark.parametrize(
    ("dtype", "size"), [(np.float64, 1e200), (np.float64, 1e-200), (np.float32, 1e39), (np.float32, 1e-46)]
)
def test_fixed_parts_far_from_V_are_refused_with_the_factor_that_helps(dtype, size, loss):
    V, fixed = plain().astype(dtype), size * np.random.default_rng(0).random((12, 1))
    with pytest.raises(DataError, match=r"fixed_W must be of a size that suits V.* multiply it by 1e[+-]\d+"):
        imgnmf.factorize(V, 3, loss=loss, fixed_W=fixed)
