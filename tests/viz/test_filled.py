"""The figures of filled holes and of what stands in the way: what is drawn, and what is refused."""

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


def test_what_stands_in_the_way_is_marked_and_what_the_parts_make_stands_beside_it():
    figure = viz.occluded(IMAGES, HOLES, IMAGES + 0.5, names=["a", "b"], data_range=1)
    assert words(figure)[:3] == ["image", "found", "parts without it"]
    whole, found, without = (figure.axes[0].images[place].get_array() for place in (0, 2, 4))
    assert np.allclose(whole, IMAGES[0])
    assert np.array_equal(found[HOLES[0]], [[1, 0, 1]] * 4)
    assert np.allclose(without, np.clip(IMAGES[0] + 0.5, 0, 1))


@pytest.mark.parametrize(
    ("masks", "without", "said"),
    [(HOLES[:, :3], IMAGES, "masks must have the shape"), (HOLES, IMAGES[:1], "without must have the shape")],
)
def test_masks_and_products_of_another_shape_are_refused(masks, without, said):
    with pytest.raises(ShapeMismatchError, match=said):
        viz.occluded(IMAGES, masks, without)
