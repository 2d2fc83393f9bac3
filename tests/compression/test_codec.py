"""What comes out is what the encoder promised, small, and the same however it is read."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

import imgnmf
from imgnmf.compression import SharedParts, decode_images, encode_images, train_parts
from imgnmf.compression.closed import Coded
from imgnmf.compression.codec import closed_bytes
from imgnmf.compression.layout import Layout
from imgnmf.compression.targets import pooled_psnr
from imgnmf.errors import CodecError, DataError, IncompatibleError, ParameterError
from tests.compression.samples import faces, made_of_parts, picture


@pytest.fixture(scope="module")
def people():
    return faces()


@pytest.fixture(scope="module")
def parts(people):
    return train_parts(people[:75], 12)


def psnr_of(data, images, parts=None):
    return pooled_psnr(images.pixels, decode_images(data, parts).pixels)


def test_a_finer_step_is_a_better_picture_in_more_bytes(people):
    files = [encode_images(people, rank=16, step=step) for step in (8, 32, 128)]
    quality = [psnr_of(file, people) for file in files]
    assert len(files[0]) > len(files[1]) > len(files[2])
    assert quality[0] > quality[1] > quality[2]


def test_a_fine_step_reaches_what_the_factors_can(people):
    fit = imgnmf.factorize(people.V, 16, max_iter=300, stop=imgnmf.RelativeDecrease(1e-3))
    exact = pooled_psnr(people.V, np.clip(fit.reconstruct(), 0, 255))
    assert psnr_of(encode_images(people, rank=16, step=4), people) > exact - 0.1


def test_bytes_are_far_fewer_than_the_numbers_that_are_counted_elsewhere(people):
    numbers = 16 * sum(people.V.shape)
    data = encode_images(people, rank=16, bits=6)
    assert len(data) < 0.7 * numbers
    assert psnr_of(data, people) > 19


@pytest.mark.parametrize("coder", ["range", "lzma"])
def test_both_coders_give_the_same_pixels(people, parts, coder):
    closed = decode_images(encode_images(people[:30], rank=5, bits=5, coder="auto"))
    again = decode_images(encode_images(people[:30], rank=5, bits=5, coder=coder))
    assert np.array_equal(closed.pixels, again.pixels)
    shared = [decode_images(encode_images(people[75:], parts=parts, step=40, coder=c), parts) for c in ("auto", coder)]
    assert np.array_equal(shared[0].pixels, shared[1].pixels)


def test_the_range_coder_is_smaller_than_lzma(people):
    range_coded, lzma_coded = (encode_images(people, rank=16, bits=6, coder=c) for c in ("range", "lzma"))
    assert len(range_coded) < 0.95 * len(lzma_coded)


def test_without_constriction_lzma_files_are_written_and_read_and_range_files_refused(people, tmp_path):
    (tmp_path / "range.nmf").write_bytes(encode_images(people[:10], rank=3, bits=4, coder="range"))
    code = f"""
import sys, importlib.util
sys.modules["constriction"] = None
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "constriction" else found(name, *rest)
import numpy as np
from imgnmf.compression import decode_images, encode_images
from imgnmf.errors import ParameterError
images = np.random.default_rng(0).integers(0, 256, (9, 4, 4), dtype=np.uint8)
assert decode_images(encode_images(images, rank=2)).pixels.shape == (9, 4, 4)
try:
    decode_images(open({str(tmp_path / "range.nmf")!r}, "rb").read())
except ParameterError as error:
    print(error)
"""
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "install imgnmf[codec]" in seen.stdout


def test_a_file_holds_the_same_pixels_on_every_machine():
    rng = np.random.default_rng(0)
    W, H = rng.integers(0, 200, (5, 48)), rng.integers(0, 30, (5, 12))
    scale = np.array([10**6, 2 * 10**6, 3, 999_999, 31])
    data = closed_bytes(Coded(W, H, scale), Layout((8, 6)), 12, coder="lzma")
    pixels = decode_images(data).V
    by_integers = (((W * scale[:, None]).T @ H + 2**27) >> 28).clip(0, 255)
    assert np.array_equal(pixels, by_integers)
    assert len(np.unique(pixels)) > 50
    assert hashlib.sha256(pixels.tobytes("F")).hexdigest()[:12] == "62cd2d89f05b"


def test_same_rng_same_bytes(people):
    assert encode_images(people, rank=6, bits=5) == encode_images(people, rank=6, bits=5, threads=1)


def test_the_input_is_not_changed(people, parts):
    before = people.pixels.copy()
    encode_images(people, rank=4)
    encode_images(people, parts=parts)
    assert np.array_equal(people.pixels, before)


@pytest.mark.parametrize("rank", [9, None])
def test_target_bytes_is_kept_and_used(people, rank):
    data = encode_images(people, rank=rank, target_bytes=4000)
    assert 3500 < len(data) <= 4000
    assert psnr_of(data, people) > 17.5


def test_target_psnr_is_reached_with_little_to_spare(people):
    data = encode_images(people, rank=25, target_psnr=20)
    assert 20 <= psnr_of(data, people) < 20.4


def test_shared_parts_meet_targets_on_unseen_images(people, parts):
    unseen = people[75:]
    data = encode_images(unseen, parts=parts, target_bytes=250)
    assert len(data) <= 250
    assert psnr_of(encode_images(unseen, parts=parts, target_psnr=15), unseen, parts) >= 15


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"target_bytes": 20}, r"20 bytes cannot be reached: the smallest file has \d+"),
        ({"target_psnr": 60}, r"60 dB cannot be reached: the best is \d+\.\d+ dB"),
    ],
)
def test_a_target_that_cannot_be_reached_says_the_best_that_can(people, parts, target, message):
    with pytest.raises(ParameterError, match=message):
        encode_images(people, rank=4, **target)
    with pytest.raises(ParameterError, match=message):
        encode_images(people, parts=parts, **target)


def test_an_unseen_image_costs_its_coefficients_alone(people, parts):
    unseen = people[75:]
    data = encode_images(unseen, parts=parts, step=64)
    assert len(data) < 15 * len(unseen)
    one = encode_images(unseen[3], parts=parts, step=64)
    assert len(one) < 40
    assert np.array_equal(decode_images(one, parts).pixels[0], decode_images(data, parts).pixels[3])


def test_parts_survive_their_file_and_are_given_as_bytes_too(people, parts):
    again = SharedParts.from_bytes(parts.to_bytes())
    assert again.digest == parts.digest
    data = encode_images(people[75:], parts=parts.to_bytes())
    assert np.array_equal(decode_images(data, again).pixels, decode_images(data, parts).pixels)


def test_large_pictures_are_coded_by_patches_grey_and_colour():
    colour = picture()
    grey = imgnmf.ImageSet(colour.pixels[..., 0])
    for images in (colour, grey):
        data = encode_images(images, rank=16, patch_size=(8, 8), step=8)
        assert decode_images(data).image_shape == images.image_shape
        assert psnr_of(data, images) > 28
        assert len(data) < images.pixels.size / 2


def test_parts_of_patches_code_images_of_another_size():
    colour = picture()
    parts = train_parts(colour, 8, patch_size=(6, 5))
    other = imgnmf.ImageSet(colour.pixels[:, 3:40, 2:33])
    data = encode_images(other, parts=parts, step=8)
    assert psnr_of(data, other, parts) > 24
    with pytest.raises(ParameterError, match="resize them"):
        encode_images(imgnmf.ImageSet(colour.pixels[..., 0]), parts=parts)


def test_names_are_in_the_file_only_if_asked(people):
    named = imgnmf.ImageSet(people.pixels[:3], ("a/é.png", "b\n", "c"))
    assert decode_images(encode_images(named, rank=2, names=True)).names == named.names
    assert decode_images(encode_images(named, rank=2)).names == ("0", "1", "2")


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_images_come_back_as_they_were(value):
    images = np.full((5, 4, 4), value, np.uint8)
    assert np.array_equal(decode_images(encode_images(images, rank=2, step=1)).pixels, images)
    assert np.abs(decode_images(encode_images(images, rank=2)).pixels - images.astype(float)).max() <= 2


def test_whole_numbers_as_floats_are_taken_and_nothing_is_ever_clipped():
    images = made_of_parts(10)
    assert np.array_equal(
        decode_images(encode_images(images.pixels.astype(float), rank=3)).pixels,
        decode_images(encode_images(images, rank=3)).pixels,
    )
    for bad in (
        images.pixels / 255,
        images.pixels.astype(np.uint16) * 257,
        images.pixels - 1.0,
        images.pixels + np.nan,
    ):
        with pytest.raises(DataError, match="expected 8-bit images, found"):
            encode_images(bad, rank=3)
        with pytest.raises(DataError, match="expected 8-bit images, found"):
            train_parts(bad, 3)


def test_options_that_exclude_each_other_and_bounds(people, parts):
    with pytest.raises(IncompatibleError, match="bits and target_bytes"):
        encode_images(people, bits=4, target_bytes=100)
    with pytest.raises(IncompatibleError, match="leave rank"):
        encode_images(people, parts=parts, rank=4)
    with pytest.raises(ParameterError, match="bits must be a whole number"):
        encode_images(people, bits=0)
    with pytest.raises(ParameterError, match="entropy coder"):
        encode_images(people, rank=2, coder="zip")
    with pytest.raises(ParameterError, match="patches of 1 x 1"):
        encode_images(people, rank=2, patch_size=(26, 4))
    with pytest.raises(ParameterError, match="expected bits in 2"):
        train_parts(people, 3, bits=1)
    with pytest.raises(IncompatibleError, match="mask"):
        encode_images(imgnmf.ImageSet(people.pixels, mask=np.eye(25, dtype=bool)), rank=2)


@pytest.mark.parametrize("coder", ["range", "lzma"])
def test_a_step_that_no_file_can_hold_is_refused(people, coder):
    with pytest.raises(ParameterError, match="take a larger step"):
        encode_images(people, rank=3, step=1e-4, coder=coder)


def test_the_finest_step_of_a_large_picture_fits_the_file():
    large = imgnmf.ImageSet(np.full((3, 300, 400), 250, np.uint8))
    data = encode_images(large, rank=1, target_psnr=45)
    assert psnr_of(data, large) >= 45


def test_parts_that_were_not_used_are_refused(people, parts):
    data = encode_images(people[75:], parts=parts, step=64)
    with pytest.raises(CodecError, match="other parts were given"):
        decode_images(data, train_parts(people[:60], 12))
    with pytest.raises(CodecError, match="pass those that it was encoded with"):
        decode_images(data)
    with pytest.raises(CodecError, match="leave parts out"):
        decode_images(encode_images(people, rank=2), parts)
    with pytest.raises(CodecError, match="give the other file"):
        SharedParts.from_bytes(data)
