from __future__ import annotations

import numpy as np
import pytest

from imgnmf.errors import DataError, NoImagesError, ParameterError, ShapeMismatchError
from imgnmf.viz import montage


def by_hand(tiles, columns, padding, gap):
    """The definition, one pixel at a time."""
    n, h, w = tiles.shape[:3]
    rows = -(-n // columns)
    picture = np.full((rows * (h + padding) + padding, columns * (w + padding) + padding, *tiles.shape[3:]), gap)
    for place, tile in enumerate(tiles):
        top = padding + (place // columns) * (h + padding)
        left = padding + (place % columns) * (w + padding)
        picture[top : top + h, left : left + w] = tile
    return picture


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 2), (6, 2, 4), (7, 3, 3, 3), (4, 2, 3, 1)])
@pytest.mark.parametrize("columns", [1, 2, 4, 9])
@pytest.mark.parametrize("padding", [0, 1, 3])
def test_every_pixel_is_where_the_definition_puts_it(shape, columns, padding):
    tiles = np.random.default_rng(0).random(shape)
    picture = montage(tiles, columns=columns, padding=padding, scale=None, gap=0.25)
    np.testing.assert_array_equal(picture, by_hand(tiles.astype(np.float32), columns, padding, np.float32(0.25)))


def test_shared_scale_divides_by_the_largest_of_all_and_per_tile_by_the_largest_of_each():
    stack = np.array([[[1.0, 2.0]], [[4.0, 8.0]]])
    assert montage(stack, columns=2, padding=0).tolist() == [[0.125, 0.25, 0.5, 1]]
    assert montage(stack, columns=2, padding=0, scale="per-tile").tolist() == [[0.5, 1, 0.5, 1]]


def test_the_unit_of_the_stack_does_not_matter():
    stack = np.random.default_rng(1).random((4, 3, 3))
    for unit in (1e-12, 255.0, 1e12):
        np.testing.assert_allclose(montage(stack * unit), montage(stack), rtol=1e-6)


def test_magnified_pixels_are_whole_squares_and_the_padding_is_not_magnified():
    picture = montage(np.array([[[0.0, 1.0]]]), magnify=3, padding=1, gap=0.5)
    assert picture.shape == (5, 8)
    np.testing.assert_array_equal(picture[1:4, 1:7], np.repeat([[0, 0, 0, 1, 1, 1]], 3, axis=0))


def test_white_is_zero_turns_the_tiles_over_and_leaves_the_gaps():
    stack = np.array([[[0.0, 1.0]]])
    assert montage(stack, white_is_zero=True).tolist()[1] == [0.5, 1, 0, 0.5]


def test_bytes_stay_bytes_when_no_scale_is_asked_for():
    pictures = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    picture = montage(pictures, columns=3, padding=0, scale=None)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, by_hand(pictures, 3, 0, 128))


def test_masks_are_shown_black_and_white():
    assert set(np.unique(montage(np.eye(2, dtype=bool)[None], padding=0))) == {0, 1}


@pytest.mark.parametrize("value", [0.0, 1e-300, 7.0])
def test_a_constant_tile_is_no_trouble(value):
    picture = montage(np.full((2, 2, 2), value), padding=0, scale="per-tile")
    assert np.unique(picture).tolist() == [float(value > 0)]


def test_the_stack_is_left_as_it_was():
    stack = np.random.default_rng(2).random((4, 3, 3))
    before = stack.copy()
    montage(stack, scale="per-tile", white_is_zero=True)
    np.testing.assert_array_equal(stack, before)


@pytest.mark.parametrize(
    ("stack", "error", "words"),
    [
        (np.zeros((0, 2, 2)), NoImagesError, "at least one image"),
        (np.zeros((4, 4)), ShapeMismatchError, r"ImageSet.stack\(W\)"),
        (np.array([[[1.0, np.nan]]]), DataError, r"1 NaN or infinite values, the first at index \(0, 0, 1\)"),
        (np.array([[[np.inf, -np.inf]]]), DataError, "2 NaN or infinite"),
        (np.array([[[1.0, -2.0]]]), DataError, "found -2"),
        (np.array([[["a"]]]), DataError, "dtype"),
        (np.ones((1, 2, 2), complex), DataError, "dtype"),
    ],
)
def test_a_stack_that_is_none_is_refused_in_words(stack, error, words):
    with pytest.raises(error, match=words):
        montage(stack)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": 0}, "columns must be a whole number >= 1, got 0"),
        ({"padding": -1}, "padding must be a whole number >= 0"),
        ({"magnify": 0}, "magnify must be a whole number >= 1"),
        ({"gap": 2.0}, "between 0 and 1"),
        ({"scale": "log"}, "'log'"),
        ({"scale": None}, "found 9"),
    ],
)
def test_an_option_out_of_its_bounds_is_refused_in_words(options, words):
    with pytest.raises(ParameterError, match=words):
        montage(np.full((1, 2, 2), 9.0), **options)
