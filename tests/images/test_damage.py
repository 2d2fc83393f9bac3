"""Damaged, misnamed and oversized files: refused by a message, or read with a warning."""

import contextlib
import io
import logging
import struct
import zlib

import numpy as np
import pytest
import tifffile
from mutations import read_mutated
from PIL import Image

from imgnmf.errors import DataWarning, ImageReadError
from imgnmf.images import load_images

RNG = np.random.default_rng(0)
GREY8 = RNG.integers(0, 256, (5, 7), dtype=np.uint8)


def read(path):
    return load_images(path).pixels[0]


def test_a_pgm_header_with_crlf_is_not_one_pixel_out_of_step(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5\r\n7 5\r\n255\r\n" + GREY8.tobytes())
    np.testing.assert_array_equal(read(tmp_path / "a.pgm"), GREY8)


def test_a_raster_that_begins_with_a_line_feed_is_kept(tmp_path):
    samples = np.array([[10, 13, 10]], np.uint8)
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 255\r" + samples.tobytes())
    np.testing.assert_array_equal(read(tmp_path / "a.pgm"), samples)


def test_a_pgm_whose_line_endings_were_converted_is_read_with_a_warning(tmp_path):
    samples = np.array([[10, 1, 2, 10]], np.uint8)
    (tmp_path / "a.pgm").write_bytes((b"P5\n4 1\n255\n" + samples.tobytes()).replace(b"\n", b"\r\n"))
    with pytest.warns(DataWarning, match="1 file look damaged, .*a.pgm is 2 bytes longer than its header says"):
        images = load_images(tmp_path)
    assert "2 bytes longer" in str(images.report)


DAMAGED = {
    "truncated.jpg": (lambda good: good("JPEG")[:400], "cannot be decoded as JPEG"),
    "truncated.png": (lambda good: good("PNG")[:400], "cannot be decoded as PNG"),
    "truncated.gif": (lambda good: good("GIF")[:300], "cannot be decoded as GIF"),
    "truncated.bmp": (lambda good: good("BMP")[:400], "cannot be decoded as BMP"),
    "truncated.webp": (lambda good: good("WEBP")[:300], "cannot be decoded as WebP"),
    "truncated.pgm": (lambda good: good("PPM")[:400], "truncated: 637 bytes of its raster are missing"),
    "truncated.tif": (lambda good: good("TIFF")[:-100], "cannot be decoded as TIFF"),
    "text.png": (lambda good: b"some words", "not an image: it begins with b'some words'"),
    "page.jpg": (
        lambda good: b"<!DOCTYPE html><html></html>",
        "not an image: it begins with b'<!DOCTYPE html>",
    ),
    "empty.png": (lambda good: b"", r"not an image: it is empty \(0 bytes\)"),
    "header.pgm": (lambda good: b"P5 wide high", "its header is damaged"),
    "nothing.pgm": (lambda good: b"P5 0 0 255\n", "its header says 0 x 0"),
    "outside.pgm": (lambda good: b"P5 1 1 15\n\xff", "samples up to 255, above the 15"),
    "negative.pgm": (lambda good: b"P2 1 1 15\n-1", r"samples outside 0\.\.15"),
    "short.pgm": (lambda good: b"P2 2 2 15\n1 2 3", "truncated: 1 of its 4 samples"),
}


def good_file(file_format):
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (32, 32), dtype=np.uint8)).save(buffer, format=file_format)
    return buffer.getvalue()


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_with_its_path_and_the_reason(tmp_path, name):
    make, reason = DAMAGED[name]
    (tmp_path / name).write_bytes(make(good_file))
    with pytest.raises(ImageReadError, match=f'{name}: .*{reason}.*; pass on_error="skip"'):
        load_images(tmp_path)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "PPM", "TIFF"])
def test_a_truncated_file_is_refused_unless_all_its_pixels_are_there(tmp_path, file_format):
    good, path = good_file(file_format), tmp_path / "a.png"
    path.write_bytes(good)
    whole = read(path)
    for length in range(0, len(good), max(1, len(good) // 150)):
        path.write_bytes(good[:length])
        try:
            np.testing.assert_array_equal(read(path), whole, err_msg=f"{length} of {len(good)} bytes")
        except ImageReadError:
            continue


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "PPM", "TIFF"])
@pytest.mark.filterwarnings("ignore")
def test_a_mutated_file_gives_an_image_or_an_image_read_error(tmp_path, file_format):
    rng, good, path = np.random.default_rng(1), good_file(file_format), tmp_path / "a.png"
    for _ in range(60):
        data = np.frombuffer(good, np.uint8).copy()
        data[rng.integers(0, min(len(data), 200), size=3)] = rng.integers(0, 256, size=3)
        path.write_bytes(data.tobytes())
        with contextlib.suppress(ImageReadError):
            load_images(path, frames="first", max_pixels=10_000_000)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "lzw.tif", "a.pgm"])
def test_a_large_picture_is_refused_from_its_header(tmp_path, name):
    picture = Image.new("L", (300, 200))
    picture.save(tmp_path / name, **({"compression": "tiff_lzw"} if name == "lzw.tif" else {}))
    with pytest.raises(ImageReadError, match="200 x 300 = 60000 pixels, more than max_pixels = 59999"):
        load_images(tmp_path / name, max_pixels=59_999)
    assert load_images(tmp_path / name, max_pixels=60_000).image_shape == (200, 300)


def test_a_bomb_is_refused_at_once(tmp_path):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    empty = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + empty)
    (tmp_path / "bomb.pgm").write_bytes(b"P5 60000 60000 255\n")
    for name in ("bomb.png", "bomb.pgm"):
        with pytest.raises(ImageReadError, match="60000 x 60000 = 3600000000 pixels, more than max_pixels"):
            load_images(tmp_path / name)


def test_five_thousand_mutated_files_give_an_image_or_an_image_read_error_that_names_them(tmp_path):
    account = read_mutated(tmp_path, 5_000)
    assert not account.leaks
    assert account.outcomes["read"] > 500
    assert account.outcomes["refused"] > 500
    assert account.outcomes.total() == 5_000


def test_what_tifffile_logs_is_a_note_of_the_report_and_no_line_on_standard_error(tmp_path, capfd):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, GREY8, photometric="minisblack")
    data = bytearray(buffer.getvalue())
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        entry = tiff.pages[0].tags["XResolution"].offset
    data[entry + 2 : entry + 4] = b"\xff\x47"  # a type that does not exist
    (tmp_path / "a.tif").write_bytes(data)
    images = load_images(tmp_path / "a.tif")
    np.testing.assert_array_equal(images.pixels[0], GREY8)
    assert "some of the TIFF tags are invalid" in str(images.report)
    assert capfd.readouterr().err == ""
    assert not logging.getLogger("tifffile").handlers
