"""Preparing images: exact where it can be, on record, and the same again for new images."""

import json

import numpy as np
import pytest

from imgnmf.errors import ArchiveError, IncompatibleError, ParameterError, ShapeMismatchError
from imgnmf.images import (
    ImageSet,
    align_eyes,
    crop,
    equalize,
    extract_patches,
    mask_pixels,
    prepare_like,
    resize,
    scale_mean_std,
    scale_range,
    split_channels,
    steps_from_json,
    steps_to_json,
)

RNG = np.random.default_rng(0)
GREY = ImageSet(RNG.integers(0, 256, (5, 12, 10), dtype=np.uint8), list("abcde"), np.arange(5))
COLOR = ImageSet(RNG.integers(0, 256, (5, 12, 10, 3), dtype=np.uint8))
DISC = np.hypot(*np.mgrid[-5.5:6, -4.5:5]) < 5
EYES = np.array([[(4, 2), (5, 7)]] * 5, dtype=float)

PREPARED = {
    "crop": lambda images: crop(images, (1, 2, 8, 6)),
    "centre": lambda images: crop(images, centre=(8, 6)),
    "resize": lambda images: resize(images, (6, 7)),
    "mask": lambda images: mask_pixels(images, DISC),
    "range": scale_range,
    "mean": scale_mean_std,
    "equalize": equalize,
    "align": lambda images: align_eyes(images, EYES[: len(images)], (9, 9)),
    "all": lambda images: equalize(
        scale_mean_std(mask_pixels(resize(crop(images, (0, 0, 11, 9)), (12, 10)), DISC), 0.3, 0.2)
    ),
}


@pytest.mark.parametrize("images", [GREY, COLOR], ids=["grey", "colour"])
@pytest.mark.parametrize("name", PREPARED)
def test_what_was_done_is_on_record_and_can_be_done_again(images, name):
    kept = images.pixels.copy()
    done = PREPARED[name](images)
    np.testing.assert_array_equal(images.pixels, kept)
    assert not images.steps
    assert done.steps
    assert done.names == images.names
    again = prepare_like(images[1:3], steps_from_json(json.loads(json.dumps(steps_to_json(done.steps)))), eyes=EYES[:2])
    np.testing.assert_array_equal(again.pixels, done.pixels[1:3])
    np.testing.assert_array_equal(again.V, done.V[:, 1:3])
    assert again.names == images.names[1:3]
    assert len(again.steps) == len(done.steps)


def test_a_mask_takes_rows_out_of_V_and_stack_puts_them_back():
    for images in (GREY, COLOR):
        masked = mask_pixels(images, DISC)
        assert masked.V.shape == (DISC.sum() * int(np.prod(images.image_shape[2:])), 5)
        stacked = masked.stack(masked.V)
        np.testing.assert_array_equal(stacked[:, DISC], images.pixels[:, DISC])
        assert not stacked[:, ~DISC].any()
        assert stacked.dtype == np.uint8
        with pytest.raises(ShapeMismatchError, match=rf"expected a matrix of shape \({masked.V.shape[0]}, j\)"):
            masked.stack(images.V)
    narrower = mask_pixels(masked, np.arange(10) * np.ones((12, 1)) < 5)
    assert narrower.mask.sum() == DISC[:, :5].sum()
    assert mask_pixels(GREY, DISC)[2:4].V.shape == (DISC.sum(), 2)


def test_what_does_not_go_with_a_mask_is_refused():
    masked = mask_pixels(GREY, DISC)
    for attempt in (
        lambda: resize(masked, (3, 3)),
        lambda: align_eyes(masked, EYES, (9, 9)),
        lambda: extract_patches(masked, (3, 3)),
    ):
        with pytest.raises(IncompatibleError, match="mask has"):
            attempt()
    cropped = crop(masked, (2, 1, 6, 6))
    np.testing.assert_array_equal(cropped.mask, DISC[2:8, 1:7])
    for mask in (DISC.T, DISC.astype(int)):
        with pytest.raises(ShapeMismatchError, match="expected a bool mask of the shape"):
            mask_pixels(GREY, mask)
    with pytest.raises(ValueError, match="keeps none"):
        mask_pixels(GREY, DISC & False)


def test_mean_and_standard_deviation_are_those_of_lee_and_seung():
    smooth = ImageSet(RNG.integers(100, 140, (4, 20, 20), dtype=np.uint8))
    scaled = scale_mean_std(smooth, 0.5, 0.1)
    np.testing.assert_allclose(scaled.pixels.mean(axis=(1, 2)), 0.5, atol=1e-6)
    np.testing.assert_allclose(scaled.pixels.std(axis=(1, 2)), 0.1, atol=1e-6)
    clipped = scale_mean_std(smooth)
    expected = (smooth.pixels - smooth.pixels.mean((1, 2), keepdims=True)) / smooth.pixels.std((1, 2), keepdims=True)
    np.testing.assert_allclose(clipped.pixels, np.clip(0.25 + 0.25 * expected, 0, 1), atol=1e-6)
    assert clipped.pixels.dtype == np.float32
    assert scale_mean_std(ImageSet(smooth.pixels.astype(float))).pixels.dtype == np.float64


def test_scaling_looks_at_the_kept_pixels_alone():
    pixels = RNG.uniform(0.2, 0.6, (3, 12, 10))
    pixels[:, ~DISC] = 1000
    masked = mask_pixels(ImageSet(pixels), DISC)
    inside = scale_range(masked).V
    np.testing.assert_allclose([inside.min(axis=0), inside.max(axis=0)], [[0] * 3, [1] * 3], atol=1e-12)
    np.testing.assert_allclose(scale_mean_std(masked, 0.5, 0.05).V.mean(axis=0), 0.5)
    spread = np.sort(equalize(masked).V[:, 0])
    np.testing.assert_allclose(spread, np.linspace(0, 1, len(spread)), atol=0.05)


def test_scaling_does_not_depend_on_the_unit():
    for scale in (1e-9, 1e9):
        for prepare in (scale_range, scale_mean_std):
            one, other = prepare(ImageSet(GREY.pixels / 255.0)), prepare(ImageSet(GREY.pixels * scale))
            np.testing.assert_allclose(one.pixels, other.pixels, atol=1e-9)


def test_a_constant_image_stays_finite():
    constant = ImageSet(np.full((1, 4, 4), 7, np.uint8))
    assert np.unique(scale_range(constant).pixels).tolist() == [0]
    assert np.unique(scale_mean_std(constant).pixels).tolist() == [0.25]
    assert np.isfinite(equalize(constant).pixels).all()


def test_a_turned_face_comes_level_and_in_its_dtype():
    rows, columns = np.mgrid[:80, :80]
    left, right = (45.0, 22.0), (35.0, 60.0)
    face = sum(200 * np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 30) for r, c in (left, right))
    aligned = align_eyes(ImageSet(face[None].astype(np.uint16)), [[left, right]], (40, 40))
    assert aligned.pixels.dtype == np.uint16
    for half, column in ((np.s_[:, :20], 12), (np.s_[:, 20:], 28 - 20)):
        peak = np.unravel_index(aligned.pixels[0][half].argmax(), (40, 20))
        np.testing.assert_allclose(peak, (14, column), atol=1)
    same = align_eyes(ImageSet(face[None]), [[left, right]], (80, 80), left=left, right=right)
    np.testing.assert_allclose(same.pixels[0], face, atol=1e-6)


def test_a_channel_a_set():
    red, _, blue = split_channels(COLOR)
    np.testing.assert_array_equal(red.pixels, COLOR.pixels[..., 0])
    np.testing.assert_array_equal(blue.V, COLOR.pixels[..., 2].reshape(5, -1).T)
    assert split_channels(GREY) == (GREY,)


def test_cropped_patches_are_images_that_no_longer_fit_their_places():
    patches = extract_patches(GREY, (4, 4), n_patches=10)
    assert type(crop(patches, centre=(2, 2))) is ImageSet
    assert scale_range(patches).assemble(scale_range(patches).V).pixels.shape == GREY.pixels.shape


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: crop(GREY),
        lambda: crop(GREY, (0, 0, 2, 2), centre=(2, 2)),
        lambda: crop(GREY, (-1, 0, 2, 2)),
        lambda: crop(GREY, (0, 0, 2.5, 2)),
        lambda: resize(GREY, (0, 2)),
        lambda: resize(GREY, None),
        lambda: scale_range(GREY, 1, 0),
        lambda: scale_mean_std(GREY, std=0),
        lambda: equalize(GREY, 0),
        lambda: align_eyes(GREY, EYES, (9, 9), left=(1, 1), right=(1, 1)),
    ],
)
def test_a_value_that_cannot_be_is_refused(attempt):
    with pytest.raises(ParameterError, match=r"expected|must be"):
        attempt()


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ShapeMismatchError, match="a box inside 12 x 10"):
        crop(GREY, (8, 0, 5, 5))
    with pytest.raises(ShapeMismatchError, match="a size of at most"):
        crop(GREY, centre=(13, 2))
    with pytest.raises(ShapeMismatchError, match=r"expected eyes of shape \(5, 2, 2\)"):
        align_eyes(GREY, EYES[:2], (9, 9))
    with pytest.raises(IncompatibleError, match="pass eyes="):
        prepare_like(GREY, align_eyes(GREY, EYES, (9, 9)).steps)


@pytest.mark.parametrize("document", [{}, {"step": "Crop"}, {"step": "__import__"}, {"step": "Equalize", "bin": 3}])
def test_a_record_that_is_none_is_refused(document):
    with pytest.raises(ArchiveError, match="expected a step of preparation"):
        steps_from_json([document])
