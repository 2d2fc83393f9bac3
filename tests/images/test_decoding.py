"""Every format, depth, colour and orientation, pixel for pixel."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgnmf.images import load_images

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
RGB8 = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
RGBA8 = RNG.integers(0, 256, (5, 7, 4), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (5, 7), dtype=np.uint16)
RGB16 = RNG.integers(0, 65536, (5, 7, 3), dtype=np.uint16)
RGBA16 = RNG.integers(0, 65536, (5, 7, 4), dtype=np.uint16)


def read(path, **options):
    return load_images(path, **options).pixels[0]


def luminance(rgb):
    return np.rint(rgb.astype(float) @ [0.299, 0.587, 0.114])


def png(samples, color_type):
    """Write a 16-bit PNG, which Pillow cannot for colour; the row filter "up" is used to exercise it."""
    big_endian = samples.astype(">u2").reshape(len(samples), -1).view(np.uint8)
    filtered = np.diff(big_endian, axis=0, prepend=np.zeros_like(big_endian[:1]))
    rows = np.insert(filtered, 0, 2, axis=1).tobytes()
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, color_type, 0, 0, 0)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("suffix", ["png", "pgm", "bmp", "tif", "gif"])
def test_grey_8_bit_is_exact_in_every_lossless_format(tmp_path, suffix):
    Image.fromarray(GREY8).save(tmp_path / f"a.{suffix}")
    pixels = read(tmp_path / f"a.{suffix}")
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, GREY8)


@pytest.mark.parametrize(
    ("suffix", "options"), [("png", {}), ("ppm", {}), ("bmp", {}), ("tif", {}), ("webp", {"lossless": True})]
)
def test_rgb_8_bit_is_exact_in_every_lossless_format(tmp_path, suffix, options):
    Image.fromarray(RGB8).save(tmp_path / f"a.{suffix}", **options)
    np.testing.assert_array_equal(read(tmp_path / f"a.{suffix}", color="rgb"), RGB8)


def test_jpeg_is_what_pillow_decodes(tmp_path):
    Image.fromarray(GREY8).save(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read(tmp_path / "a.jpg"), np.asarray(Image.open(tmp_path / "a.jpg")))


def test_the_content_decides_and_not_the_name(tmp_path):
    Image.fromarray(GREY8).save(tmp_path / "picture.jpg", format="png")
    Image.fromarray(GREY8).save(tmp_path / "no-suffix", format="tiff")
    images = load_images(tmp_path)
    np.testing.assert_array_equal(images.pixels, [GREY8, GREY8])


def test_grey_is_the_luminance_that_pillow_computes(tmp_path):
    Image.fromarray(RGB8).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png"), np.asarray(Image.fromarray(RGB8).convert("L")))


def test_grey_repeated_is_rgb(tmp_path):
    Image.fromarray(GREY8).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png", color="rgb"), np.stack([GREY8] * 3, axis=-1))


@pytest.mark.parametrize("suffix", ["png", "pgm", "tif"])
def test_grey_16_bit_is_kept(tmp_path, suffix):
    Image.fromarray(GREY16).save(tmp_path / f"a.{suffix}")
    pixels = read(tmp_path / f"a.{suffix}")
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, GREY16)


def test_colour_png_of_16_bit_is_kept(tmp_path):
    (tmp_path / "a.png").write_bytes(png(RGB16, 2))
    pixels = read(tmp_path / "a.png", color="rgb")
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, RGB16)
    np.testing.assert_allclose(read(tmp_path / "a.png"), luminance(RGB16), atol=1)


@pytest.mark.parametrize(("samples", "color_type"), [(RGBA16, 6), (RGBA16[..., 2:], 4)])
def test_png_of_16_bit_with_alpha_is_composited_in_16_bit(tmp_path, samples, color_type):
    (tmp_path / "a.png").write_bytes(png(samples, color_type))
    color, alpha = samples[..., :-1].astype(float), samples[..., -1:] / 65535
    expected = np.rint(color * alpha + 65535 * (1 - alpha))
    pixels = read(tmp_path / "a.png", color="rgb")
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, pixels.shape))


def test_raw_and_plain_ppm_of_16_bit_are_kept(tmp_path):
    (tmp_path / "raw.ppm").write_bytes(b"P6\n7 5\n65535\n" + RGB16.astype(">u2").tobytes())
    (tmp_path / "plain.ppm").write_text("P3 # a comment\n7 5\n65535\n" + " ".join(map(str, RGB16.ravel())))
    np.testing.assert_array_equal(load_images(tmp_path, color="rgb").pixels, [RGB16, RGB16])


def test_pgm_with_another_maximum_fills_its_range(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 15\n" + bytes([0, 7, 15]))
    images = load_images(tmp_path / "a.pgm")
    assert images.pixels.tolist() == [[[0, 119, 255]]]
    assert "stretched from 0..15" in str(images.report)


@pytest.mark.parametrize("kind", ["rgba", "la", "palette"])
def test_alpha_is_composited_on_white(tmp_path, kind):
    alpha = np.array([[0, 255, 51]], np.uint8)
    black = Image.new("RGBA" if kind != "la" else "LA", (3, 1), 0)
    black.putalpha(Image.fromarray(alpha))
    if kind == "palette":
        black = black.quantize(4)
    black.save(tmp_path / "a.png")
    images = load_images(tmp_path / "a.png")
    assert images.pixels.tolist() == [[[255, 0, 204]]]
    assert "1 image: alpha composited on white" in str(images.report)


def test_a_palette_is_looked_up(tmp_path):
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    for suffix in ("png", "gif", "bmp", "tif"):
        picture.save(tmp_path / f"a.{suffix}")
    expected = [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]
    assert load_images(tmp_path, color="rgb").pixels.tolist() == [expected] * 4


def test_one_bit_is_black_and_white_in_8_bit(tmp_path):
    picture = Image.fromarray(GREY8 > 128)
    for suffix in ("png", "pbm", "bmp", "tif"):
        picture.save(tmp_path / f"a.{suffix}")
    picture.save(tmp_path / "fax.tif", compression="group4")
    images = load_images(tmp_path)
    assert images.pixels.dtype == np.uint8
    np.testing.assert_array_equal(images.pixels, [(GREY8 > 128) * 255] * 5)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_becomes_rgb(tmp_path, suffix):
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / f"a.{suffix}")
    images = load_images(tmp_path / f"a.{suffix}", color="rgb")
    np.testing.assert_allclose(images.pixels[0, 4, 4], [0, 255, 255], atol=6)
    assert "CMYK converted to RGB" in str(images.report)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.float16, np.float32, np.float64]
)
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_keeps_every_dtype_in_native_order(tmp_path, dtype, byteorder):
    samples = RNG.integers(0, 100, (5, 7)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", samples, byteorder=byteorder)
    pixels = read(tmp_path / "a.tif")
    assert pixels.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(pixels, samples)


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"compression": "zlib"}, {"planarconfig": "separate"}])
def test_tiff_of_rgb_16_bit_is_kept(tmp_path, options):
    separate = "planarconfig" in options
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(RGB16, -1, 0) if separate else RGB16, photometric="rgb", **options)
    np.testing.assert_array_equal(read(tmp_path / "a.tif", color="rgb"), RGB16)


@pytest.mark.parametrize("samples", [GREY8, GREY16, RGB8])
def test_tiff_with_lzw_is_exact(tmp_path, samples):
    Image.fromarray(samples).save(tmp_path / "a.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(read(tmp_path / "a.tif", color="grey" if samples.ndim == 2 else "rgb"), samples)


@pytest.mark.parametrize("samples", [GREY8, GREY16])
def test_tiff_in_which_white_is_zero_is_inverted(tmp_path, samples):
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="miniswhite")
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), np.iinfo(samples.dtype).max - samples)


def test_tiff_alpha_is_used_as_its_tag_says(tmp_path):
    alpha = RGBA8[..., 3:] / 255
    premultiplied = RGBA8.copy()
    premultiplied[..., :3] = np.rint(RGBA8[..., :3] * alpha)
    tifffile.imwrite(tmp_path / "straight.tif", RGBA8, photometric="rgb", extrasamples=["unassalpha"])
    tifffile.imwrite(tmp_path / "times.tif", premultiplied, photometric="rgb", extrasamples=["assocalpha"])
    tifffile.imwrite(tmp_path / "unstated.tif", RGBA8, photometric="rgb", extrasamples=["unspecified"])
    expected = np.rint(RGBA8[..., :3] * alpha + 255 * (1 - alpha))
    straight, times, unstated = load_images(tmp_path, color="rgb").pixels
    np.testing.assert_array_equal(straight, expected)
    np.testing.assert_allclose(times, expected, atol=1)
    np.testing.assert_array_equal(unstated, RGBA8[..., :3])


def test_float_tiff_is_neither_scaled_nor_clipped(tmp_path):
    samples = np.array([[-1.5, 0.0, 1e6, np.nan]], np.float32)
    tifffile.imwrite(tmp_path / "a.tif", samples)
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), samples)


def _stored_as(upright, orientation):
    """Undo the turn that the EXIF standard prescribes for an orientation, written out case by case."""
    return {
        1: upright,
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: np.swapaxes(upright, 0, 1),
        6: np.rot90(upright, 1),
        7: np.swapaxes(np.rot90(upright, 2), 0, 1),
        8: np.rot90(upright, -1),
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "lzw.tif", "sixteen.tif", "big-endian.tif"])
def test_all_eight_orientations_come_upright(tmp_path, orientation, name):
    samples = {"sixteen.tif": GREY16, "a.webp": RGB8}.get(name, GREY8)
    stored, path = np.ascontiguousarray(_stored_as(samples, orientation)), tmp_path / name
    if name.endswith(".tif") and name != "lzw.tif":
        order = ">" if name == "big-endian.tif" else "<"
        tifffile.imwrite(path, stored, byteorder=order, extratags=[(274, "H", 1, orientation, True)])
    elif name == "lzw.tif":
        Image.fromarray(stored).save(path, compression="tiff_lzw", tiffinfo={274: orientation})
    else:
        exif = Image.Exif()
        exif[274] = orientation
        Image.fromarray(stored).save(path, exif=exif, **({"lossless": True} if name == "a.webp" else {}))
    images = load_images(path, color="rgb" if samples.ndim == 3 else "grey")
    np.testing.assert_array_equal(images.pixels[0], samples)
    assert ("turned upright" in str(images.report)) == (orientation != 1)


def test_orientation_of_a_jpeg(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    picture = Image.fromarray(np.repeat(np.repeat(GREY8, 8, axis=0), 8, axis=1))
    picture.save(tmp_path / "a.jpg", exif=exif)
    decoded = np.asarray(Image.open(tmp_path / "a.jpg"))
    np.testing.assert_array_equal(read(tmp_path / "a.jpg"), np.rot90(decoded, -1))
