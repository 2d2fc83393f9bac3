from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.core.measures import parts_found, sparseness
from imgnmf.core.penalties import Weight
from imgnmf.core.presets import KINDS, preset
from imgnmf.errors import ParameterError

# What the page on parts says: the settings that find a swimmer's parts.
SWIMMER = {
    "penalty_W": [imgnmf.Orthogonal(0.02), imgnmf.L1(0.003)],
    "penalty_H": imgnmf.L1(0.003),
    "n_init": 3,
    "max_iter": 1500,
    "stop": imgnmf.RelativeDecrease(1e-6),
}

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


@pytest.mark.parametrize("rng", range(3))
def test_all_limbs_and_the_torso_of_the_swimmer_are_found(rng):
    swimmer, masks = imgnmf.images.synthetic.swimmer()
    fit = imgnmf.factorize(swimmer.V, 17, rng=rng, **SWIMMER)
    assert parts_found(fit.W, masks).min() >= 0.99


def overlap(W):
    unit = W[:, W.any(axis=0)]
    unit = unit / np.linalg.norm(unit, axis=0)
    return (unit.T @ unit).mean()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_parts_is_what_it_is_called(kind):
    images = imgnmf.load_dataset("lfw-faces")
    some = images.V
    options = {"max_iter": 60, "stop": ()}
    plain = imgnmf.factorize(some, 25, **options).W
    parts = imgnmf.factorize(some, 25, **vars(preset(kind, images.image_shape)), **options).W
    plain, parts = (W / np.where(W.any(axis=0), W.max(axis=0), 1) for W in (plain, parts))
    rough = Weight(smooth=1.0, grid=images.image_shape)
    if kind == "local":
        np.testing.assert_allclose(sparseness(parts), 0.75, atol=1e-4)
    if kind == "sparse":
        assert sparseness(parts).mean() > sparseness(plain).mean() + 0.03
    if kind == "smooth":
        assert rough.value(parts.T) < 0.8 * rough.value(plain.T)
    if kind == "orthogonal":
        assert overlap(parts) < 0.8 * overlap(plain)
    if kind == "global":
        np.testing.assert_array_equal(parts, plain)


def test_another_kind_is_refused():
    with pytest.raises(ParameterError, match="'local'"):
        preset("round", (8, 8))
