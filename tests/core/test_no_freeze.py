"""A fit goes on as long as there is something to gain, in float32 as in float64."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgnmf

ORL = Path(__file__).parents[3] / "shared" / "data" / "orl_faces"
ITERATIONS, SEEDS = 500, range(5)


def images_of(name: str) -> np.ndarray:
    """Small images of a set, (n_pixels, n_images), at most 1."""
    if name == "orl":
        paths = sorted(ORL.glob("*/*.pgm"))[::4]
        if not paths:
            pytest.skip("the ORL faces are not here")
        V = np.stack([np.asarray(Image.open(path).resize((23, 28))).ravel() for path in paths]).T
    else:
        V = imgnmf.load_dataset(name).V
        V = V[:, :: max(1, V.shape[1] // 400)]
    return V / float(V.max())


@pytest.mark.parametrize("name", ["lfw-faces", "digits", "patches", "orl"])
def test_a_float32_fit_gains_to_the_end_where_float64_does_and_ends_as_low(name):
    V, excess = images_of(name), []
    for seed in SEEDS:
        narrow, wide = (_last_gains(V.astype(dtype), seed) for dtype in (np.float32, np.float64))
        excess.append(narrow[0] / wide[0] - 1)
        # Gains below 1e-5 of the objective cannot be told from the noise of float32.
        assert narrow[1] > 0 or wide[1] < 1e-5
    assert np.median(excess) <= 1e-3


def _last_gains(V: np.ndarray, seed: int) -> tuple[float, float]:
    """The objective after all iterations, and the share of it that the last 50 gained."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = imgnmf.factorize(V, 25, init="random", rng=seed, max_iter=ITERATIONS, stop=())
    trace = fit.trace.objective
    return fit.objective, (trace[-51] - trace[-1]) / trace[-1]
