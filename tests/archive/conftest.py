from __future__ import annotations

import numpy as np
import pytest

import imgnmf


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 5, 4), dtype=np.uint8)
    return imgnmf.ImageSet(pixels, [f"s{i % 3}/é {i}.png" for i in range(12)], np.arange(12) % 3)


@pytest.fixture(scope="module")
def fit(images):
    return imgnmf.factorize(images.V, 3)


@pytest.fixture
def saved(fit, images, tmp_path):
    path = tmp_path / "model.imgnmf"
    imgnmf.save(path, fit, images)
    return path
