"""`imgnmf inpaint`: what is unknown, what is written, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import imgnmf
from tests.cli.runs import DONE, everything_below, refusal, run

QUICK = "--max-iter", 20, "--threads", 1


@pytest.fixture
def mask(tmp_path):
    hole = np.zeros((10, 8), np.uint8)
    hole[3:6, 2:5] = 255
    Image.fromarray(hole).save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


@pytest.fixture
def masks(folder, tmp_path):
    """A mask for each picture but the first, at different places."""
    place = tmp_path / "masks"
    place.mkdir()
    for number in range(1, 12):
        hole = np.zeros((10, 8), np.uint8)
        hole[number % 7 : number % 7 + 3, number % 5 : number % 5 + 3] = 255
        Image.fromarray(hole).save(place / f"p{number}.png")
    return place


def pixels_in(folder, name):
    with Image.open(folder / name) as picture:
        return np.asarray(picture)


def test_a_folder_of_masks_names_its_images(folder, masks, tmp_path):
    out = tmp_path / "out"
    result = run("inpaint", folder, "--mask", masks, "-k", 3, "-o", out, "--originals", folder, *QUICK)
    assert result.exit_code == DONE, result.output
    assert "99 pixels filled" in result.stdout
    assert "PSNR on the filled pixels" in result.stdout
    names = [f"{number:02}-p{number}.png" for number in range(12)]
    assert everything_below(out) == sorted([*names, "inpainted.png", "summary.json"])
    for number, name in enumerate(names):
        before, after = pixels_in(folder, f"p{number}.png"), pixels_in(out, name)
        seen = pixels_in(masks, f"p{number}.png") == 0 if number else np.ones(before.shape, bool)
        assert np.array_equal(before[seen], after[seen])
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["pixels_filled"] == 99
    assert summary["rank"] == 3


@pytest.mark.parametrize("value", [0, 1])
def test_a_mask_that_marks_nothing_says_what_it_would_have_to_be(folder, tmp_path, value):
    Image.fromarray(np.full((10, 8), value, np.uint8)).save(tmp_path / "mask.png")
    words = refusal("inpaint", folder, "--mask", tmp_path / "mask.png", "-o", tmp_path / "out", *QUICK)
    assert f"more than half of 255, and its brightest pixel is {value}. Draw what is unknown in white" in words


def test_the_figure_says_how_many_images_it_leaves_out(folder, mask, masks, tmp_path, monkeypatch):
    from imgnmf import viz

    drawn = []
    monkeypatch.setattr(viz, "save_figure", lambda path, figure: drawn.append(figure.axes[0].texts))
    run("inpaint", folder, "--mask", masks, "-k", 3, "-o", tmp_path / "some", *QUICK)
    for number in range(2, 12):
        (masks / f"p{number}.png").unlink()
    run("inpaint", folder, "--mask", masks, "-k", 3, "-o", tmp_path / "all", *QUICK)
    some, every = ([text.get_text() for text in texts] for texts in drawn)
    assert some[0] == "6 of 11 images with unknown pixels"
    assert [name for name in some if name.endswith(".png")][-1] == "p11.png"
    assert every[:2] == ["damaged", "filled"]


def test_one_mask_holds_for_all_and_a_model_knows_what_no_image_shows(folder, model, mask, tmp_path):
    result = run("inpaint", folder, "--mask", mask, "--model", model, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == DONE, result.output
    assert "seen in no image" not in result.stderr
    told = run("inpaint", folder, "--mask", mask, "-o", tmp_path / "plain", *QUICK)
    assert "9 pixel(s) of 80 were seen in no image" in told.stderr


def test_a_colour_is_unknown_and_colour_stays(tmp_path):
    rng = np.random.default_rng(0)
    place = tmp_path / "photos"
    place.mkdir()
    parts = rng.random((3, 9, 7, 3))
    for number in range(10):
        picture = (np.tensordot(rng.random(3), parts, 1) * 80).astype(np.uint8)
        picture[number % 6 : number % 6 + 2, 2:5] = (255, 0, 255)
        Image.fromarray(picture).save(place / f"{number}.png")
    out = tmp_path / "out"
    result = run("inpaint", place, "--unknown", "magenta", "-k", 3, "-o", out, *QUICK)
    assert result.exit_code == DONE, result.output
    assert "60 pixels filled" in result.stdout
    after = pixels_in(out, "4-4.png")
    assert after.shape == (9, 7, 3)
    assert not (after == (255, 0, 255)).all(axis=2).any()


def test_floats_with_nan_come_back_exact_in_one_array(tmp_path):
    rng = np.random.default_rng(0)
    images = np.tensordot(rng.random((15, 2)), rng.random((2, 8, 6)), 1).astype(np.float32)
    damaged = np.where(rng.random(images.shape) < 0.1, np.nan, images).astype(np.float32)
    np.save(tmp_path / "cube.npy", damaged)
    result = run("inpaint", tmp_path / "cube.npy", "-k", 2, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == DONE, result.output
    filled = np.load(tmp_path / "out" / "images.npy", allow_pickle=False)
    assert np.isfinite(filled).all()
    assert np.array_equal(filled[~np.isnan(damaged)], damaged[~np.isnan(damaged)])


def test_one_picture_is_cut_into_patches_and_so_it_is_for_a_model_of_patches(tmp_path):
    y, x = np.mgrid[:24, :26]
    Image.fromarray((100 + 80 * np.sin(x) * np.sin(y)).astype(np.uint8)).save(tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as picture:
        patches = imgnmf.extract_patches(np.asarray(picture)[None], (6, 6), stride=1)
    imgnmf.save(tmp_path / "m.imgnmf", imgnmf.factorize(patches.V, 4), patches)
    holes = np.random.default_rng(0).random((24, 26)) < 0.2
    Image.fromarray((255 * holes).astype(np.uint8)).save(tmp_path / "mask.png")
    command = "inpaint", tmp_path / "one.png", "--mask", tmp_path / "mask.png", *QUICK
    for out, options, size in (("a", (), [8, 8]), ("b", ("--model", tmp_path / "m.imgnmf"), [6, 6])):
        result = run(*command, "-o", tmp_path / out, *options)
        assert result.exit_code == DONE, result.output
        assert json.loads((tmp_path / out / "summary.json").read_text(encoding="utf-8"))["patch_size"] == size


def test_what_cannot_be_told_is_refused_and_nothing_is_written(folder, mask, tmp_path):
    out = tmp_path / "out"
    base = "inpaint", folder, "-o", out
    assert "nothing to fill" in refusal(*base)
    assert "no pixel has exactly the colour '#123456'" in refusal(*base, "--unknown", "#123456")
    assert "expected a colour" in refusal(*base, "--unknown", "nocolour")
    Image.new("L", (3, 3), 255).save(tmp_path / "small.png")
    assert "10 x 8" in refusal(*base, "--mask", tmp_path / "small.png")
    Image.new("L", (8, 10), 255).save(tmp_path / "all.png")
    assert "'p0.png'" in refusal(*base, "--mask", tmp_path / "all.png")
    assert "12 of 10 x 8" in refusal(*base, "--mask", mask, "--originals", folder / "p1.png")
    assert "13" in refusal(*base, "--mask", mask, "-k", 13)
    assert not out.exists()


def test_a_mask_of_no_image_is_named(folder, masks, tmp_path):
    (masks / "p3.png").rename(masks / "q3.png")
    assert "'q3.png' belongs to no image" in refusal("inpaint", folder, "--mask", masks, "-o", tmp_path / "out")


def test_the_only_mask_of_a_folder_is_for_its_image_alone(folder, mask, tmp_path):
    place = tmp_path / "alone"
    place.mkdir()
    mask.rename(place / "p3.png")
    result = run("inpaint", folder, "--mask", place, "-k", 3, "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == DONE, result.output
    assert "9 pixels filled" in result.stdout


def test_images_are_resized_and_masks_and_originals_are_of_that_size(folder, mask, tmp_path):
    size = "--size", "5x4"
    base = "inpaint", folder, "-k", 2, *QUICK, *size
    hole = np.zeros((5, 4), np.uint8)
    hole[1:3, 1:3] = 255
    Image.fromarray(hole).save(tmp_path / "small.png")
    done = run(*base, "--mask", tmp_path / "small.png", "--originals", folder, "-o", tmp_path / "out")
    assert done.exit_code == DONE, done.output
    assert "48 pixels filled" in done.stdout
    assert "PSNR" in done.stdout
    assert pixels_in(tmp_path / "out", "00-p0.png").shape == (5, 4)
    words = refusal(*base, "--mask", mask, "-o", tmp_path / "not")
    assert "the size of the images, 5 x 4, and" in words
    assert "10 x 8" in words


def test_masks_of_occlusions_that_were_sought_at_a_size_are_taken_at_that_size(tmp_path):
    from tests.cli.test_occlusions import QUICK as BRIEF
    from tests.cli.test_occlusions import written
    from tests.occlusion.test_find import damaged, planted

    faces = written(tmp_path / "faces", np.kron(damaged(planted(40), "black")[0], np.ones((1, 2, 2))))
    size = "--size", "24x20"
    sought = run("occlusions", faces, "-o", tmp_path / "covered", *BRIEF, *size)
    assert sought.exit_code == DONE, sought.output
    masks = "--mask", tmp_path / "covered" / "masks"
    filled = run("inpaint", faces, *masks, *size, "-o", tmp_path / "filled", "-k", 3, *QUICK)
    assert filled.exit_code == DONE, filled.output
    assert "24 x 20" in refusal("inpaint", faces, *masks, "-o", tmp_path / "not")


def test_the_frames_of_a_film_are_filled(mask, tmp_path):
    rng = np.random.default_rng(0)
    frames = [Image.fromarray(rng.integers(0, 255, (10, 8), dtype=np.uint8)) for _ in range(5)]
    frames[0].save(tmp_path / "film.tiff", save_all=True, append_images=frames[1:])
    base = "inpaint", tmp_path / "film.tiff", "--mask", mask, "-k", 2, *QUICK, "-o", tmp_path / "out"
    assert "--frames all" in refusal(*base)
    done = run(*base, "--frames", "all")
    assert done.exit_code == DONE, done.output
    assert "wrote 5 images" in done.stdout


def test_originals_are_read_as_the_images(folder, mask, tmp_path):
    flat = imgnmf.load_images(folder).pixels.reshape(12, 80)
    np.savez(tmp_path / "two.npz", images=flat, other=flat[::-1])
    base = "inpaint", tmp_path / "two.npz", "--key", "images", "--image-shape", "10x8", "--mask", mask, "-k", 2, *QUICK
    for originals in (tmp_path / "two.npz", folder):
        done = run(*base, "--originals", originals, "-o", tmp_path / "out", "--force")
        assert done.exit_code == DONE, done.output
        assert "PSNR" in done.stdout
