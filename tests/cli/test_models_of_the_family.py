"""The commands around a model take every kind of fit that makes sense there, and refuse the others by name."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf import family
from tests.cli.runs import DONE, refusal, run


@pytest.fixture
def pictures(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 5, 4), dtype=np.uint8)
    np.save(tmp_path / "photos.npy", pixels)
    return imgnmf.ImageSet(pixels)


FITS = {
    "semi": family.semi,
    "convex": family.convex,
    "separable": family.separable,
    "minimum-volume": family.minimum_volume,
    "projective": imgnmf.factorize_projective,
}


def saved(tmp_path, images, name):
    fit = FITS[name](images.V, 3)
    imgnmf.save(tmp_path / "m.imgnmf", fit, images)
    return fit


@pytest.mark.parametrize("name", FITS)
def test_encode_gives_what_the_fit_itself_gives(name, pictures, tmp_path):
    fit = saved(tmp_path, pictures, name)
    done = run("encode", tmp_path / "m.imgnmf", tmp_path / "photos.npy", "-o", tmp_path / "H.npy", "--report")
    assert done.exit_code == DONE, done.output
    assert np.array_equal(np.load(tmp_path / "H.npy"), fit.encode(pictures.V))
    assert "3 coefficients for each of 20 images" in done.output


@pytest.mark.parametrize("name", FITS)
def test_info_says_which_kind_it_is(name, pictures, tmp_path):
    saved(tmp_path, pictures, name)
    said = run("info", tmp_path / "m.imgnmf").output
    assert f"kind:           {name}\n" in said
    assert "20 of 5 x 4" in said


def test_parts_without_signs_are_drawn(pictures, tmp_path):
    saved(tmp_path, pictures, "projective")
    for arguments in (
        ("montage", "-o", tmp_path / "basis.png"),
        ("reconstruct", "-o", tmp_path / "rebuilt"),
        ("buildup", tmp_path / "photos.npy", "-o", tmp_path / "sum.png"),
    ):
        done = run(arguments[0], tmp_path / "m.imgnmf", *arguments[1:])
        assert done.exit_code == DONE, done.output


def test_parts_below_zero_are_not_drawn_as_light(pictures, tmp_path):
    imgnmf.save(tmp_path / "m.imgnmf", family.semi(pictures.V - pictures.V.mean(axis=1, keepdims=True), 3), pictures)
    for command, output in (("montage", "basis.png"), ("reconstruct", "rebuilt"), ("animate", "film.gif")):
        said = refusal(command, tmp_path / "m.imgnmf", "-o", tmp_path / output)
        assert "semi fit with parts below 0" in said
        assert not (tmp_path / output).exists()


def test_groups_have_no_pixels_to_encode_or_draw(pictures, tmp_path):
    fit = family.symmetric(family.affinity(pictures.V), 3)
    imgnmf.save(tmp_path / "m.imgnmf", fit, pictures)
    for command, *more in (("encode", tmp_path / "photos.npy", "-o", "H.npy"), ("montage", "-o", "basis.png")):
        said = refusal(command, tmp_path / "m.imgnmf", *more[:-1], tmp_path / more[-1])
        assert "symmetric fit: groups of images" in said
    assert "images:         20\n" in run("info", tmp_path / "m.imgnmf").output


def test_inpaint_asks_for_a_model_that_can_leave_pixels_out(pictures, tmp_path):
    saved(tmp_path, pictures, "separable")
    holes = pictures.pixels.astype(np.float32)
    holes[:, 0, 0] = np.nan
    np.save(tmp_path / "holes.npy", holes)
    said = refusal("inpaint", tmp_path / "holes.npy", "--model", tmp_path / "m.imgnmf", "-o", tmp_path / "out")
    assert "separable fit, which encodes whole images alone" in said
