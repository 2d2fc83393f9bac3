"""Holes are filled, what was seen stays, and what cannot be filled is refused by name."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from skimage.restoration import inpaint_biharmonic

import imgnmf
from imgnmf.errors import DataError, DataWarning, IncompatibleError, ParameterError, ShapeMismatchError


def planted(n_images=60, shape=(8, 9), rank=3, seed=0):
    """Images that are exactly of this rank, and nowhere smooth."""
    rng = np.random.default_rng(seed)
    return np.tensordot(rng.random((n_images, rank)), rng.random((rank, *shape)), 1)


def faces(side=16, n_images=40):
    return imgnmf.load_dataset("lfw-faces").pixels[:n_images, 4 : 4 + side, 4 : 4 + side]


def random_seen(shape, share=0.2, seed=1):
    return np.random.default_rng(seed).random(shape) >= share


def block_seen(shape, side=6, seed=1):
    rng = np.random.default_rng(seed)
    seen = np.ones(shape[:3], bool)
    for one in seen:
        top, left = (int(rng.integers(0, length - side + 1)) for length in shape[1:3])
        one[top : top + side, left : left + side] = False
    return seen


def error(filled, truth, seen):
    return np.linalg.norm((filled - truth)[~seen]) / np.linalg.norm(truth[~seen])


@pytest.mark.parametrize("shape", [(8, 9), (6, 5, 3)], ids=["grey", "colour"])
@pytest.mark.parametrize("unit", [1e-8, 1.0, 255.0])
def test_a_planted_low_rank_is_recovered_where_it_was_not_seen(shape, unit):
    images = unit * planted(shape=shape)
    seen = random_seen(images.shape)
    done = imgnmf.inpaint(np.where(seen, images, np.nan), rank=3, max_iter=3000)
    assert error(done.images, images, seen) < 2e-3
    assert done.strength == 0
    assert done.hidden_error < 0.1 * done.smooth_error
    V = images.reshape(len(images), -1).T
    assert np.linalg.norm(done.fit.reconstruct() - V) < 1e-3 * np.linalg.norm(V)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colour"])
def test_what_was_seen_is_untouched_and_the_form_is_kept(dtype, channels):
    white = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1.0
    images = (white / 4 * planted(30, (7, 6, *channels))).astype(dtype)
    seen = block_seen(images.shape, 3)
    before = images.copy()
    done = imgnmf.inpaint(images, seen, 3, max_iter=50)
    assert (done.images.dtype, done.images.shape) == (images.dtype, images.shape)
    assert np.array_equal(done.images[seen], images[seen])
    assert np.array_equal(images, before)
    assert all(
        np.array_equal(mask.any(axis=-1) if channels else mask, ~one)
        for mask, one in zip(done.filled, seen, strict=True)
    )
    assert done.images[~seen].min() >= 0
    assert done.images.max() <= images.max()


def test_what_stands_in_a_hole_is_ignored():
    images = planted(30)
    seen = block_seen(images.shape, 3)
    one, other = (imgnmf.inpaint(np.where(seen, images, junk), seen, 3, max_iter=50).images for junk in (np.nan, -7e9))
    assert np.array_equal(one, other)


def test_an_image_set_keeps_names_and_labels_and_its_class():
    images = imgnmf.ImageSet(planted(24), [f"p{i}" for i in range(24)], labels=np.arange(24))
    done = imgnmf.inpaint(images, block_seen(images.pixels.shape, 3), 3, max_iter=20)
    assert isinstance(done.images, imgnmf.ImageSet)
    assert done.images.names == images.names
    assert np.array_equal(done.images.labels, images.labels)
    with pytest.raises(FrozenInstanceError):
        done.images = images


def test_with_nothing_missing_nothing_is_fitted():
    images = faces()
    for weights in (None, np.ones(images.shape), np.full(images.shape[1:], 0.5)):
        done = imgnmf.inpaint(images, weights)
        assert np.array_equal(done.images, images)
        assert done.fit is None
        assert not np.any(done.filled)


def test_all_forms_of_weights_say_the_same():
    images = planted(20, (5, 4, 3))
    seen = random_seen(images.shape[:3], 0.1)
    full = np.repeat(seen[..., None], 3, axis=3)
    forms = (seen, full, full.astype(np.float32), full.reshape(20, -1).T)
    filled = [imgnmf.inpaint(images, form, 3, max_iter=20).images for form in forms]
    assert all(np.array_equal(filled[0], other) for other in filled[1:])


def test_the_result_does_not_depend_on_threads_or_unit():
    images = faces().astype(np.float64)
    seen = block_seen(images.shape)
    one, two = (imgnmf.inpaint(images, seen, 4, max_iter=20, threads=n).images for n in (1, 2))
    assert np.array_equal(one, two)
    large = imgnmf.inpaint(2.0**20 * images, seen, 4, max_iter=20).images
    assert np.array_equal(large, 2.0**20 * one)


def test_a_block_in_a_face_is_filled_better_than_by_biharmonic_inpainting():
    images = imgnmf.load_dataset("lfw-faces").pixels.astype(np.float64)
    seen = block_seen(images.shape, 9)
    smooth = np.stack([inpaint_biharmonic(image, ~one) for image, one in zip(images, seen, strict=True)])
    done = imgnmf.inpaint(images, seen, 16, max_iter=60)
    assert error(done.images, images, seen) < 0.9 * error(smooth, images, seen)
    assert done.hidden_error < done.smooth_error
    # The promise of the hidden pixels is kept by the others.
    assert done.hidden_error == pytest.approx(error(done.images, images, seen), rel=0.15)


def test_parts_of_whole_images_fill_what_no_image_shows():
    images = faces(n_images=100).astype(np.float64)
    model = imgnmf.factorize(images[:80].reshape(80, -1).T, 16)
    seen = np.ones(images.shape[1:], bool)
    seen[5:11, 5:11] = False
    done = imgnmf.inpaint(images[80:], seen, model=model)
    missing = np.broadcast_to(~seen, images[80:].shape)
    smooth = np.stack([inpaint_biharmonic(image, ~seen) for image in images[80:]])
    assert error(done.images, images[80:], ~missing) < 0.9 * error(smooth, images[80:], ~missing)
    assert done.fit is model


def test_a_pixel_that_no_image_shows_is_filled_from_around_and_said():
    images = faces()
    seen = np.ones(images.shape[1:], bool)
    seen[5:9, 5:9] = False
    with pytest.warns(DataWarning, match=r"16 pixel\(s\) of 256 were seen in no image"):
        done = imgnmf.inpaint(images, seen, 4)
    smooth = inpaint_biharmonic(images[0].astype(np.float64), ~seen)
    assert np.allclose(done.images[0], smooth, atol=0.51 if images.dtype.kind == "u" else 1e-6)


def texture(shape=(40, 44)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return 100 + 90 * np.sin(1.3 * x) * np.sin(0.9 * y)


def test_a_single_picture_is_filled_from_its_own_patches():
    picture = texture()[None].astype(np.uint8)
    seen = random_seen(picture.shape, 0.4)
    done = imgnmf.inpaint(picture, seen, 9, max_iter=100)
    smooth = inpaint_biharmonic(picture[0].astype(np.float64), ~seen[0])
    assert done.patch_size == (8, 8)
    assert np.array_equal(done.images[seen], picture[seen])
    assert error(done.images.astype(float), picture, seen) < 0.7 * error(smooth[None], picture, seen)


def test_pictures_of_several_sizes_come_back_as_they_came():
    pictures = [texture((20, 24)), texture((17, 30))]
    seen = [random_seen(picture.shape, 0.2) for picture in pictures]
    done = imgnmf.inpaint(pictures, seen, 4, max_iter=30)
    assert [image.shape for image in done.images] == [(20, 24), (17, 30)]
    for new, old, mask in zip(done.images, pictures, seen, strict=True):
        assert np.array_equal(new[mask], old[mask])
        assert np.isfinite(new).all()


def test_a_hole_larger_than_the_patches_is_filled_from_around():
    picture = texture()[None]
    seen = np.ones(picture.shape, bool)
    seen[:, 8:30, 8:30] = False
    done = imgnmf.inpaint(picture, seen, 4, patch_size=(5, 5), max_iter=30)
    assert np.isfinite(done.images).all()


def test_parts_of_patches_are_a_model_too():
    patches = imgnmf.extract_patches(texture()[None], (6, 6), stride=1)
    model = imgnmf.factorize(patches.V, 9)
    seen = random_seen((1, 40, 44), 0.3)
    done = imgnmf.inpaint(texture()[None], seen, model=model, patch_size=(6, 6))
    assert error(done.images, texture()[None], seen) < 0.05


IMAGES = planted(12)
BLIND = np.ones(IMAGES.shape, bool)
BLIND[3] = False


@pytest.mark.parametrize(
    ("images", "options", "kind", "words"),
    [
        (IMAGES, {"weights": BLIND}, DataError, r"1 image\(s\) without a seen pixel.*'3'"),
        (IMAGES, {"weights": np.ones((8, 8))}, ShapeMismatchError, r"\(12, 8, 9\).*\(72, 12\); got \(8, 8\)"),
        (IMAGES, {"weights": -np.ones(IMAGES.shape)}, DataError, "non-negative"),
        (IMAGES, {"weights": np.full((8, 9), np.nan)}, DataError, "finite"),
        (-IMAGES, {"weights": random_seen(IMAGES.shape)}, DataError, r"image '0' has \d+ negative .* row 0, column 0"),
        (np.where(IMAGES > 1, np.inf, IMAGES), {"weights": random_seen(IMAGES.shape)}, DataError, r"has \d+ infinite"),
        (IMAGES, {"weights": random_seen(IMAGES.shape), "rank": 13}, ParameterError, "12"),
        (IMAGES, {"weights": random_seen(IMAGES.shape), "max_iter": 0}, ParameterError, "max_iter"),
        (IMAGES, {"patch_size": (9, 3)}, ParameterError, r"\(8, 9\).*got \(9, 3\)"),
        (list(IMAGES), {"weights": [np.ones((8, 9))]}, ShapeMismatchError, "each of 12 images, got 1"),
        ([IMAGES[0], planted(1, (8, 9, 3))[0]], {}, DataError, "all grey or all colour"),
        (IMAGES[0], {}, ShapeMismatchError, "expected pixels of shape"),
    ],
)
def test_what_cannot_be_filled_is_refused(images, options, kind, words):
    with pytest.raises(kind, match=words):
        imgnmf.inpaint(images, **options)


def test_a_model_of_another_size_or_with_a_rank_is_refused():
    seen = random_seen(IMAGES.shape)
    model = imgnmf.factorize(planted(12, (4, 4)).reshape(12, -1).T, 2)
    with pytest.raises(ShapeMismatchError, match="16 pixels, what is to be filled 72"):
        imgnmf.inpaint(IMAGES, seen, model=model)
    with pytest.raises(IncompatibleError, match="rank=2"):
        imgnmf.inpaint(IMAGES, seen, 2, model=model)
    masked = imgnmf.images.mask_pixels(imgnmf.ImageSet(IMAGES), np.eye(8, 9, dtype=bool))
    with pytest.raises(IncompatibleError, match="with a mask"):
        imgnmf.inpaint(masked, seen)
