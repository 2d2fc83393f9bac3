"""Files of several frames, and resizing."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgnmf.errors import ImageReadError, ParameterError
from imgnmf.images import load_images

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
RGB8 = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (5, 7), dtype=np.uint16)
RGB16 = RNG.integers(0, 65536, (5, 7, 3), dtype=np.uint16)


def read(path, **options):
    return load_images(path, **options).pixels[0]


def save_frames(path, count=3):
    frames = [Image.fromarray(np.full((4, 6), 40 * i, np.uint8)) for i in range(count)]
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        **({"lossless": True} if path.suffix == ".webp" else {}),
    )


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_several_frames_are_refused_until_asked_for(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    save_frames(path)
    with pytest.raises(ImageReadError, match=r'a\.\w+: it holds 3 frames, expected one; pass frames="all"'):
        load_images(path)
    assert load_images(path, frames="first").names == (path.name,)
    images = load_images(path, frames="all")
    assert images.names == tuple(f"{path.name}[{i}]" for i in range(3))
    np.testing.assert_array_equal(images.pixels[:, 0, 0], [0, 40, 80])


def test_a_thumbnail_in_a_tiff_is_no_page(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(GREY8)
        tiff.write(GREY8[::2, ::2], subfiletype=1)
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), GREY8)


def test_a_damaged_link_to_the_next_page_is_not_followed(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 5, 7), np.uint8), photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        offset = tiff.pages[1].tags["ImageWidth"].valueoffset
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[offset : offset + 2] = b"\0\0"
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ImageReadError, match="its page 1 has no size"):
        load_images(tmp_path / "a.tif", frames="all")


def test_a_tiff_of_many_bands_is_no_picture(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 7, 6), np.uint8), photometric="minisblack", planarconfig="contig")
    with pytest.raises(ImageReadError, match=r"has the shape \(5, 7, 6\) \(axes YXS\), expected grey or RGB"):
        load_images(tmp_path / "a.tif")


def test_the_preview_in_a_stereo_jpeg_is_no_frame(tmp_path):
    picture = Image.fromarray(RGB8)
    picture.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[picture])
    assert load_images(tmp_path / "a.jpg").names == ("a.jpg",)


@pytest.mark.parametrize("samples", [GREY8, GREY16, GREY16.astype(np.float32) / 65535])
def test_resizing_keeps_the_dtype_and_a_constant(tmp_path, samples):
    constant = np.full((40, 30), samples.max())
    tifffile.imwrite(tmp_path / "a.tif", constant)
    images = load_images(tmp_path / "a.tif", size=(7, 11))
    assert images.pixels.dtype == samples.dtype
    assert images.image_shape == (7, 11)
    np.testing.assert_allclose(images.pixels, samples.max(), rtol=1e-6)
    assert "1 image: resized to 7 x 11" in str(images.report)


@pytest.mark.parametrize("samples", [RGB8, RGB16])
def test_resizing_is_antialiased(tmp_path, samples):
    full = np.iinfo(samples.dtype).max
    stripes = np.zeros((64, 64, 3), samples.dtype)
    stripes[:, ::2] = full
    tifffile.imwrite(tmp_path / "a.tif", stripes, photometric="rgb")
    small = read(tmp_path / "a.tif", size=(8, 8), color="rgb")
    np.testing.assert_allclose(small / full, 0.5, atol=0.05)


def test_resizing_leaves_no_range(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", (RNG.random((50, 50)) < 0.5).astype(np.float32))
    for size in ((20, 20), (90, 90)):
        pixels = read(tmp_path / "a.tif", size=size)
        assert pixels.min() >= 0
        assert pixels.max() <= 1 + 1e-6


@pytest.mark.parametrize("size", [7, (7,), (7, 0), (7, 2.5), "ab", (1, 2, 3)])
def test_a_size_that_is_none_is_refused(tmp_path, size):
    with pytest.raises(ParameterError, match="size"):
        load_images(tmp_path, size=size)
