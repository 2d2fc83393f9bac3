"""The measures of parts on pictures whose numbers can be told by looking."""

from __future__ import annotations

import numpy as np
import pytest

from imgnmf.core.measures import part_measures, sparseness
from imgnmf.errors import ParameterError, ShapeMismatchError


def pictures():
    """A square, two corners, nothing."""
    stack = np.zeros((3, 6, 5))
    stack[0, 1:4, 1:4] = 2
    stack[1, 0, 0] = stack[1, 5, 4] = 1
    return stack


def test_by_hand():
    W = pictures().reshape(3, -1).T
    found = part_measures(W, (6, 5), np.array([[1.0, 1.0], [3.0, 0.0], [1.0, 1.0]]))
    np.testing.assert_allclose(found.area, [9 / 30, 2 / 30, 0])
    assert found.pieces.tolist() == [1, 2, 0]
    np.testing.assert_allclose(found.spread, [np.sqrt(4 / 3), np.sqrt(2.5**2 + 2**2), 0])
    np.testing.assert_allclose(found.energy_share, [72 / 90, 18 / 90, 0])
    np.testing.assert_allclose(found.sparseness, sparseness(W))
    assert found.coverage == pytest.approx(11 / 30)
    assert found.overlap.tolist() == [0, 0, 0]
    assert found.mean_overlap == 0


def test_overlap_is_a_cosine_free_of_scale():
    W = np.array([[1.0, 0.0], [5.0, 5.0], [0.0, 1.0]]).T
    found = part_measures(W, (1, 2))
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found.overlap, [half, half, half])
    assert found.mean_overlap == pytest.approx(2 * half / 3)
    assert np.isnan(found.energy_share).all()


def test_pixels_touch_at_corners_and_colours_are_one_pixel():
    diagonal = np.eye(3).reshape(-1, 1)
    assert part_measures(diagonal, (3, 3)).pieces.tolist() == [1]
    colour = np.zeros((1, 2, 3))
    colour[0, 0, 0] = colour[0, 0, 2] = 1
    found = part_measures(colour.reshape(-1, 1), (1, 2, 3))
    assert found.area.tolist() == [0.5]
    assert found.spread.tolist() == [0]


def test_the_level_decides_the_support():
    W = np.array([[1.0], [0.05], [0.5]])
    assert part_measures(W, (1, 3)).pieces.tolist() == [2]
    assert part_measures(W, (1, 3), level=0.0).pieces.tolist() == [1]
    assert part_measures(1e-30 * W, (1, 3)).pieces.tolist() == [2]


@pytest.mark.parametrize(
    ("error", "options"),
    [
        (ShapeMismatchError, {"image_shape": (2, 2)}),
        (ShapeMismatchError, {"image_shape": (3,)}),
        (ShapeMismatchError, {"image_shape": (1, 3), "H": np.ones((2, 4))}),
        (ParameterError, {"image_shape": (1, 3), "level": 1.5}),
    ],
)
def test_what_does_not_fit_is_refused(error, options):
    with pytest.raises(error):
        part_measures(np.ones((3, 1)), **options)
