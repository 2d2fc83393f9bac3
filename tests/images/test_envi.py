"""ENVI cubes: every interleave, type and byte order; a band an image."""

import numpy as np
import pytest

from imgnmf.errors import ImageReadError
from imgnmf.images import load_images

RNG = np.random.default_rng(0)
CUBE = RNG.integers(0, 100, (3, 4, 5))
TYPES = {1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 12: "u2", 13: "u4", 14: "i8", 15: "u8"}


def save(folder, *, interleave="bsq", code=12, big=0, offset=0, data="cube.img", header="cube.hdr", more=""):
    order = {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (1, 2, 0)}[interleave]
    samples = CUBE.transpose(order).astype(np.dtype(TYPES[code]).newbyteorder(">" if big else "<"))
    (folder / data).write_bytes(b"\7" * offset + samples.tobytes())
    (folder / header).write_text(
        "ENVI\ndescription = {\n  made = up, for\n  a test}\nsamples = 5\nlines   = 4\nbands = 3\n"
        f"header offset = {offset}\nfile type = ENVI Standard\ndata type = {code}\ninterleave = {interleave}\n"
        f"byte order = {big}\n{more}"
    )
    return folder / header


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("big", [0, 1])
def test_every_interleave_type_and_byte_order(tmp_path, interleave, code, big):
    images = load_images(save(tmp_path, interleave=interleave, code=code, big=big, offset=7))
    assert images.pixels.dtype == np.dtype(TYPES[code])
    assert images.pixels.dtype.isnative
    np.testing.assert_array_equal(images.pixels, CUBE)


NAMES = (("cube", "cube.hdr"), ("cube.raw", "cube.hdr"), ("cube.img", "cube.img.hdr"), ("a.b", "a.b.hdr"))


@pytest.mark.parametrize(("data", "header"), NAMES)
def test_header_and_samples_find_each_other(tmp_path, data, header):
    save(tmp_path, data=data, header=header)
    for name in (data, header):
        np.testing.assert_array_equal(load_images(tmp_path / name).pixels, CUBE)


def test_bands_are_called_by_their_names_or_wavelengths(tmp_path):
    assert load_images(save(tmp_path)).names == ("0", "1", "2")
    assert load_images(save(tmp_path, more="wavelength = {400.5,\n 500, 600}\n")).names == ("400.5", "500", "600")
    assert load_images(save(tmp_path, more="Band Names = {red, green, blue}\n")).names == ("red", "green", "blue")
    assert load_images(save(tmp_path, more="band names = {red}\n")).names == ("0", "1", "2")


def test_what_does_not_fit_is_refused(tmp_path):
    header = save(tmp_path)
    text = header.read_text()
    for old, new, reason in (
        ("lines   = 4", "lines = 5", r"cube\.img is truncated: 120 bytes, and its header says 150"),
        ("bands = 3", "bands = many", "no whole number for 'bands': 'many'"),
        ("data type = 12", "data type = 6", "interleave 'bsq' and data type 6, which is not read here"),
        ("interleave = bsq", "interleave = tiff", "interleave 'tiff'"),
        ("bands = 3", "bands = 1000", "is truncated: 120 bytes"),
        ("bands = 3", "bands = 99999999", "120 bytes that unpack to 3999999960"),
    ):
        header.write_text(text.replace(old, new))
        with pytest.raises(ImageReadError, match=rf"cube\.hdr: .*{reason}"):
            load_images(header)
    header.write_text(text)
    (tmp_path / "cube.img").unlink()
    with pytest.raises(ImageReadError, match="it is a header, and its samples are not beside it"):
        load_images(header)
