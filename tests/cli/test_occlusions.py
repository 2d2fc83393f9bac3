"""`imgnmf occlusions`: masks that `inpaint --mask` takes, parts, a figure and an account."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

import imgnmf
from imgnmf.commands.occlusions import mask_names
from tests.cli.runs import DONE, everything_below, refusal, run
from tests.occlusion.test_find import RANK, damaged, planted

QUICK = "-k", RANK, "--max-iter", 40, "--threads", 1
EXACT = "--grow", 0


def written(folder, images):
    """In two folders, as pictures of 8 bits."""
    for number, image in enumerate(images):
        path = folder / f"s{number % 2}" / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(path)
    return folder


@pytest.fixture
def covered(tmp_path):
    images, hidden = damaged(planted(40), "black")
    return written(tmp_path / "faces", images), hidden


def test_masks_are_called_as_the_images_and_inpaint_takes_them(covered, tmp_path):
    source, hidden = covered
    out = tmp_path / "out"
    result = run("occlusions", source, "-o", out, *QUICK, *EXACT)
    assert result.exit_code == DONE, result.output
    assert "something may be in the way in 12 of 40 images" in result.stdout
    names = [f"s{number % 2}/{number:02}.png" for number in range(40)]
    masks = [f"masks/{name}.png" for name in names]
    assert everything_below(out) == sorted(
        ["masks", "masks/s0", "masks/s1", *masks, "occlusions.png", "parts.imgnmf", "summary.json"]
    )
    for name, mask in zip(names, hidden, strict=True):
        with Image.open(out / "masks" / f"{name}.png") as picture:
            found = np.asarray(picture) == 255
        assert (found & mask).sum() >= 0.9 * mask.sum()
        assert (found & ~mask).sum() <= 10
    filled = run("inpaint", source, "--mask", out / "masks", "-o", tmp_path / "filled", "-k", 3, "--max-iter", 20)
    assert filled.exit_code == DONE, filled.output
    account = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert {find["image"] for find in account["finds"]} == {
        name for name, mask in zip(names, hidden, strict=True) if mask.any()
    }
    scores = [find["score"] for find in account["finds"]]
    assert scores == sorted(scores, reverse=True)
    assert f"score {scores[0]:6.1f}" in result.stdout
    assert "and 2 more with lower scores" in result.stdout
    assert "nothing in the way are marked too" in result.stdout
    assert not account["doubts_most"]
    assert account["side"] == 4.0
    fit, meta = imgnmf.load(out / "parts.imgnmf")
    assert fit.rank == RANK
    assert meta.image_shape == (24, 20)


def test_where_nothing_is_in_the_way_nothing_is_drawn(tmp_path):
    out = tmp_path / "out"
    result = run("occlusions", written(tmp_path / "clean", planted(20)), "-o", out, *QUICK)
    assert result.exit_code == DONE, result.output
    assert "in 0 of 20 images, 0.0 % of all pixels" in result.stdout
    assert not (out / "occlusions.png").exists()


def test_a_data_set_without_names_has_numbered_masks(tmp_path):
    np.save(tmp_path / "images.npy", damaged(planted(20), "white")[0])
    out = tmp_path / "out"
    assert run("occlusions", tmp_path / "images.npy", "-o", out, *QUICK).exit_code == DONE
    masks = [name for name in everything_below(out) if name.startswith("masks/")]
    assert masks == [f"masks/{number:02}.png" for number in range(20)]
    source, filled = tmp_path / "images.npy", tmp_path / "filled"
    assert run("inpaint", source, "--mask", out / "masks", "-o", filled, "-k", 3, "--max-iter", 20).exit_code == DONE


def test_gray_arrays_are_not_reported_as_made_rgb(tmp_path):
    images = np.rint(255 * damaged(planted(20), "white")[0]).astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    assert run("occlusions", tmp_path / "images.npy", "-o", tmp_path / "out", *QUICK).exit_code == DONE
    assert "rgb" not in (tmp_path / "out" / "summary.json").read_text(encoding="utf-8")


def test_where_most_images_are_doubted_it_says_so(tmp_path):
    images, _hidden = damaged(planted(40), "texture", share=0.7)
    np.save(tmp_path / "images.npy", images)
    result = run("occlusions", tmp_path / "images.npy", "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == DONE, result.output
    assert "this looks like light, shadows or background" in result.stderr
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["doubts_most"]


def test_too_few_images_and_a_cutoff_beyond_the_most_are_refused(tmp_path):
    few = written(tmp_path / "few", planted(9))
    assert "at least 10 images, got 9" in refusal("occlusions", few, "-o", tmp_path / "out", "-k", 2)
    assert "25" in refusal("occlusions", few, "-o", tmp_path / "out", "--cutoff", 25)


def test_masks_are_a_pixel_wider_than_what_was_found(covered, tmp_path):
    source, _hidden = covered
    shares = []
    for grow in (0, 1):
        run("occlusions", source, "-o", tmp_path / f"{grow}", *QUICK, "--grow", grow)
        masks = imgnmf.load_images(tmp_path / f"{grow}" / "masks").pixels > 0
        shares.append(masks)
    narrow, wide = shares
    assert np.array_equal(wide, binary_dilation(narrow, np.ones((1, 3, 3))))


def test_unknown_pixels_are_drawn_as_the_parts_have_them(tmp_path):
    images, _hidden = damaged(planted(20), "white")
    images[:, :2, :2] = np.nan
    np.save(tmp_path / "images.npy", images)
    out = tmp_path / "out"
    result = run("occlusions", tmp_path / "images.npy", "-o", out, *QUICK)
    assert result.exit_code == DONE, result.output
    assert (out / "occlusions.png").exists()


def test_images_that_differ_in_the_ending_alone_get_masks_of_their_own(tmp_path):
    images, hidden = damaged(planted(20), "black")
    source = tmp_path / "faces"
    source.mkdir()
    for number, image in enumerate(images):
        name = f"{number // 2:02}.{'png' if number % 2 else 'bmp'}"
        Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(source / name)
    out, filled = tmp_path / "out", tmp_path / "filled"
    assert run("occlusions", source, "-o", out, *QUICK).exit_code == DONE
    done = run("inpaint", source, "--mask", out / "masks", "-o", filled, "-k", 3, "--max-iter", 20)
    assert done.exit_code == DONE, done.output
    for number in np.flatnonzero(hidden.any(axis=(1, 2))):
        with Image.open(filled / f"{number:02}-{number // 2:02}.png") as picture:
            changed = np.asarray(picture) != np.rint(255 * images[number])
        assert (changed & hidden[number]).sum() > 0.8 * hidden[number].sum()


@pytest.mark.parametrize("names", [["", "a"], ["a", "A"], ["a", "a.png/b"], ["x" * 300, "a"], ["/a", "b"]])
def test_names_that_cannot_be_files_give_way_to_numbers(names):
    images = imgnmf.ImageSet(np.ones((2, 3, 3)), tuple(names))
    assert [name[:1] for name in mask_names(images)] == ["0", "1"]
