"""What stands in the way of planted images is found, in the set and outside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import imgnmf
from imgnmf.errors import DataError, DataWarning, ParameterError, ShapeMismatchError
from tests.signals import best_of

SHAPE, RANK, SIDE = (24, 20), 5, 9
ORL = Path(__file__).resolve().parents[3] / "shared" / "data" / "orl_faces"
KINDS = {
    "white": lambda rng: 1.0,
    "black": lambda rng: 0.0,
    "texture": lambda rng: rng.random((SIDE, SIDE)),
}


def planted(n_images=80, channels=(), seed=0):
    """Four smooth parts and a constant, so that a block looks like none of them; values in 0.2 .. 0.8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:1:24j, 0:1:20j]
    waves = [1 + np.cos(np.pi * (a * y + b * x)) for a, b in ((1, 0), (0, 1), (2, 1), (1, 2))]
    W = np.stack([np.multiply.outer(wave, np.linspace(0.6, 1, *channels) if channels else 1.0) for wave in waves])
    images = np.tensordot(rng.random((n_images, len(W))), W, axes=1)
    return 0.2 + 0.6 * images / images.max() + 0.01 * rng.random(images.shape)


def damaged(images, kind, share=0.3, seed=1):
    rng = np.random.default_rng(seed)
    images, hidden = images.copy(), np.zeros(images.shape[:3], bool)
    for number in rng.choice(len(images), round(share * len(images)), replace=False):
        top, left = rng.integers(0, SHAPE[0] - SIDE + 1), rng.integers(0, SHAPE[1] - SIDE + 1)
        hidden[number, top : top + SIDE, left : left + SIDE] = True
        block = KINDS[kind](rng)
        images[number, top : top + SIDE, left : left + SIDE] = block if images.ndim == 3 else np.expand_dims(block, -1)
    return images, hidden


def columns(images):
    return images.reshape(len(images), -1).T


@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colour"])
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_found_and_the_parts_are_those_of_clean_images(kind, channels):
    clean = planted(channels=channels)
    images, hidden = damaged(clean, kind)
    given = images.copy()
    found = imgnmf.find_occlusions(images, RANK)
    assert np.array_equal(images, given)
    assert (found.masks & hidden).sum() > 0.9 * hidden.sum()
    assert (found.masks & ~hidden).sum() < 0.1 * hidden.sum()
    away = np.repeat(~hidden[..., None], *channels or (1,), axis=3).reshape(len(images), -1).T
    plain = imgnmf.factorize(columns(images), RANK, max_iter=300)
    errors = [np.linalg.norm((fit.W @ fit.H - columns(clean))[away]) for fit in (found.fit, plain)]
    assert errors[0] < errors[1] / 2


def test_clean_images_are_left_alone():
    found = imgnmf.find_occlusions(planted(), RANK)
    assert found.seen.all()
    assert not found.masks.any()


def test_masks_and_seen_say_the_same_where_all_is_known():
    images, _hidden = damaged(planted(), "white")
    found = imgnmf.find_occlusions(images, RANK)
    assert np.array_equal(found.seen, ~columns(found.masks))


def test_scores_are_zero_without_a_find_and_follow_the_area():
    images, hidden = damaged(planted(), "white", share=0.2)
    found = imgnmf.find_occlusions(images, RANK)
    assert np.array_equal(found.scores > 0, found.masks.any(axis=(1, 2)))
    # Of a square of 9 pixels, each of which counts 25: (25 - cutoff) / cutoff * (9 / side)^2.
    expected = (25 - found.rule.cutoff) / found.rule.cutoff * (SIDE / found.rule.side) ** 2
    assert found.scores[hidden.any(axis=(1, 2))] == pytest.approx(expected, rel=0.1)


def test_scores_do_not_depend_on_the_number_of_channels():
    gray, _hidden = damaged(planted(), "white", share=0.2)
    rgb = np.repeat(gray[..., None], 3, axis=3)
    one, three = (imgnmf.find_occlusions(images, RANK).scores for images in (gray, rgb))
    assert three == pytest.approx(one, rel=0.1)


def test_a_set_of_which_most_is_doubted_is_warned_of():
    images, _hidden = damaged(planted(40), "texture", share=0.7)
    with pytest.warns(DataWarning, match="light, shadows or background"):
        found = imgnmf.find_occlusions(images, RANK)
    assert found.doubts_most
    assert not imgnmf.find_occlusions(planted(), RANK).doubts_most


@pytest.mark.parametrize("unit", [2.0**-10, 256.0])
def test_the_unit_of_the_images_does_not_matter(unit):
    images, _hidden = damaged(planted(), "white")
    found, scaled = imgnmf.find_occlusions(images, RANK), imgnmf.find_occlusions(unit * images, RANK)
    assert np.array_equal(found.masks, scaled.masks)
    assert scaled.spread == pytest.approx(unit * found.spread, rel=1e-3)


def test_pixels_of_eight_bits_give_the_masks_of_the_same_floats():
    images, _hidden = damaged(planted(), "black")
    eight = np.rint(255 * images).astype(np.uint8)
    assert np.array_equal(imgnmf.find_occlusions(eight, RANK).masks, imgnmf.find_occlusions(eight / 256.0, RANK).masks)


def test_unknown_pixels_are_neither_seen_nor_in_the_way():
    images, hidden = damaged(planted(), "white")
    unknown = np.zeros(images.shape, bool)
    unknown[:, :3] = True
    unknown[5, 10:, 10:] = True
    found = imgnmf.find_occlusions(np.where(unknown, np.nan, images), RANK)
    told = imgnmf.find_occlusions(np.where(unknown, 0.5, images), RANK, ~unknown)
    assert not (found.masks & unknown).any()
    assert not found.seen[columns(unknown)].any()
    assert np.array_equal(found.seen, told.seen)
    assert (found.masks & hidden & ~unknown).sum() > 0.9 * (hidden & ~unknown).sum()


@pytest.mark.parametrize("kind", KINDS)
def test_in_new_images_too_and_one_by_one(kind):
    every = planted(92)
    found = imgnmf.find_occlusions(damaged(every[:80], "white")[0], RANK)
    images, hidden = damaged(every[80:], kind, share=0.5, seed=6)
    seen = found.find_in(images)
    alone = np.concatenate([found.find_in(image[None]) for image in images], axis=1)
    assert np.array_equal(seen, alone)
    assert (~seen & columns(hidden)).sum() > 0.9 * hidden.sum()
    assert (~seen & ~columns(hidden)).sum() < 0.1 * hidden.sum()
    H, told = found.fit.encode(columns(images), seen), found.fit.encode(columns(images), ~columns(hidden))
    assert np.linalg.norm(found.fit.W @ (H - told)) < 0.05 * np.linalg.norm(found.fit.W @ told)


def test_threads_do_not_change_a_bit():
    images, _hidden = damaged(planted(), "texture")
    one, two = (imgnmf.find_occlusions(images, RANK, threads=threads) for threads in (1, 2))
    assert np.array_equal(one.masks, two.masks)
    assert np.array_equal(one.fit.W, two.fit.W)


def test_faces_with_blocks_over_them():
    if not ORL.is_dir():
        pytest.skip("needs the ORL faces in ../shared/data")
    images = imgnmf.load_images(ORL, size=(28, 23)).pixels
    rng = np.random.default_rng(0)
    hidden = np.zeros(images.shape, bool)
    for number in rng.choice(len(images), 120, replace=False):
        top, left = rng.integers(0, 18), rng.integers(0, 13)
        hidden[number, top : top + 10, left : left + 10] = True
    found = imgnmf.find_occlusions(np.where(hidden, 0, images), 25)
    assert (found.masks & hidden).sum() > 0.8 * hidden.sum()
    assert (found.masks & hidden).sum() > 0.75 * found.masks.sum()


def test_what_is_asked_for_too_little_is_refused():
    images = planted(9)
    with pytest.raises(DataError, match="at least 10 images, got 9"):
        imgnmf.find_occlusions(images, 2)
    with pytest.raises(ParameterError, match="rank must be within"):
        imgnmf.find_occlusions(planted(12), 13)
    with pytest.raises(ParameterError, match="max_iter"):
        imgnmf.find_occlusions(planted(12), 2, max_iter=0)
    with pytest.raises(ShapeMismatchError, match="of one size"):
        imgnmf.find_occlusions([np.ones((4, 5)), np.ones((5, 4))], 1)


def test_new_images_of_another_shape_are_refused():
    found = imgnmf.find_occlusions(planted(12), 2)
    with pytest.raises(ShapeMismatchError, match=r"of shape \(24, 20, 1\)"):
        found.find_in(np.ones((3, 20, 24)))


def test_ctrl_c_ends_the_search(monkeypatch):
    from imgnmf.inpainting import predict

    def interrupted(*args, **options):
        return imgnmf.factorize(*args, **{**options, "callback": stop})

    def stop(state):
        raise KeyboardInterrupt

    monkeypatch.setattr(predict, "factorize", interrupted)
    assert best_of(imgnmf.find_occlusions, planted(12), 2) is None
