"""The figure of filled holes: what stands in it, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from imgnmf import viz
from imgnmf.errors import DataError, ShapeMismatchError

IMAGES = np.random.default_rng(0).random((2, 6, 5))
HOLES = np.zeros(IMAGES.shape, bool)
HOLES[0, 2:4, 2:4] = True


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_error_is_measured_over_the_hole_alone():
    filled = np.where(HOLES, IMAGES + 0.1, IMAGES)
    shown = words(viz.inpainted(filled, HOLES, originals=IMAGES, data_range=1))
    assert shown[:4] == ["original", "damaged", "filled", "error"]
    assert "20.0" in shown
    assert "–" in shown
    assert "exact" in words(viz.inpainted(IMAGES, HOLES, originals=IMAGES))


def test_without_originals_two_columns_are_drawn():
    for images, holes in ((IMAGES, HOLES), (IMAGES[..., None] * np.ones(3), HOLES)):
        figure = viz.inpainted(images, holes)
        assert words(figure)[:2] == ["damaged", "filled"]
        assert len(figure.axes[0].images) == 4
        damaged = figure.axes[0].images[0].get_array()
        assert np.array_equal(damaged[HOLES[0]], [[1, 0, 1]] * 4)
        assert "magenta: unknown" in words(figure)[-1]
        assert np.allclose(damaged[~HOLES[0]], images[0][~HOLES[0]].reshape(26, -1))


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "said"),
    [
        ((IMAGES, HOLES.astype(float)), {}, DataError, "bool"),
        ((IMAGES, HOLES[:1]), {}, ShapeMismatchError, "unknown must have the shape"),
        ((IMAGES, HOLES), {"originals": IMAGES[:1]}, ShapeMismatchError, "originals must have the shape"),
        ((IMAGES, HOLES), {"names": ["one"]}, ShapeMismatchError, "one name an image, 2, got 1"),
        ((np.where(HOLES, np.nan, IMAGES), HOLES), {}, DataError, "filled must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, options, kind, said):
    with pytest.raises(kind, match=said):
        viz.inpainted(*arguments, **options)
