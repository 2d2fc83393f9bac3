"""A folder of pictures, and a model of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.cli.runs import DONE, run


@pytest.fixture
def folder(tmp_path):
    """Twelve pictures of 10 x 8 that have parts."""
    rng = np.random.default_rng(0)
    place = tmp_path / "photos"
    place.mkdir()
    parts = rng.random((3, 10, 8)) * (rng.random((3, 10, 8)) > 0.6)
    for number in range(12):
        picture = np.tensordot(rng.random(3), parts, 1) * 80
        Image.fromarray(picture.astype(np.uint8)).save(place / f"p{number}.png")
    return place


@pytest.fixture
def model(folder, tmp_path):
    path = tmp_path / "m.imgnmf"
    assert run("fit", folder, "-k", 2, "-o", path).exit_code == DONE
    return path
