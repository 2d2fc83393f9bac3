"""Bad input and places that cannot be written to: one line, an exit code, and nothing half written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.cli.runs import BAD_INPUT, CANNOT_WRITE, DONE, everything_below, refusal, run


def test_an_empty_or_missing_folder_names_what_is_read(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for source in (empty, tmp_path / "gone" / "*.png"):
        words = refusal("gallery", source, "-o", tmp_path / "out")
        assert "no readable images in" in words
        assert "png" in words
    assert "gone" in refusal("gallery", tmp_path / "gone", "-o", tmp_path / "out")
    assert everything_below(tmp_path) == ["empty"]


def test_mixed_sizes_are_counted_and_not_resized(folder, tmp_path):
    Image.new("L", (3, 3)).save(folder / "odd.png")
    result = run("gallery", folder, "-o", tmp_path / "out")
    assert result.exit_code == BAD_INPUT
    assert "10 x 8: 12 images" in result.stderr
    assert "3 x 3: 1 image, first odd.png" in result.stderr
    assert "pass --size HxW to resize all" in result.stderr
    assert not (tmp_path / "out").exists()


def test_damaged_files_are_left_out_and_reported(folder, tmp_path):
    Image.fromarray(np.full((10, 8), 90, np.uint8)).save(folder / "cut.jpg")
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) - 40])
    (folder / "text.png").write_text("no image", encoding="utf-8")
    result = run("gallery", folder, "-k", 2, "-o", tmp_path / "out")
    assert result.exit_code == DONE, result.output
    assert "read 12 images" in result.stderr
    assert "cut.jpg" in result.stderr
    assert "text.png" in result.stderr
    for name in ("cut.jpg", "text.png"):
        assert name in refusal("gallery", folder / name, "-o", tmp_path / "single")
    assert not (tmp_path / "single").exists()


@pytest.mark.parametrize("rank", [0, -1, 13])
def test_a_rank_out_of_bounds_names_them(folder, tmp_path, rank):
    for command in (("gallery", folder, "-k", 2, "-k", rank), ("fit", folder, "-k", rank)):
        output = tmp_path / ("out" if command[0] == "gallery" else "m.imgnmf")
        assert "1 <= rank <= min(n_pixels, n_images) = 12" in refusal(*command, "-o", output)
        assert not output.exists()


@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN"), (np.inf, "infinite"), (-0.5, "negative")])
def test_numbers_that_cannot_be_factored_are_located(tmp_path, value, words):
    pixels = np.random.default_rng(0).random((4, 6, 6)).astype(np.float32)
    pixels[2, 0, 3] = value
    for number, picture in enumerate(pixels):
        tifffile.imwrite(tmp_path / f"{number}.tif", picture)
    refused = [
        refusal("fit", tmp_path / "*.tif", "-k", 2, "-o", tmp_path / "m.imgnmf"),
        refusal("ranks", tmp_path / "*.tif", "-k", 2, "-o", tmp_path / "ranks.png"),
    ]
    assert all("2.tif: row 0, column 3 is" in complaint for complaint in refused)
    complaint = refusal("gallery", tmp_path / "*.tif", "-k", 2, "-o", tmp_path / "out")
    assert words in complaint
    assert "2.tif: row 0, column 3 is" in complaint
    assert "1 of 144 values" in complaint
    assert "in the file" in complaint
    assert "='" not in complaint
    assert len(everything_below(tmp_path)) == 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_numbers_of_images_that_are_read_a_few_at_a_time_are_located_too(tmp_path, value):
    pixels = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)
    pixels[2, 1, 3] = value
    np.save(tmp_path / "x.npy", pixels)
    for command in (("fit", "-o", tmp_path / "m.imgnmf"), ("ranks", "--method", "elbow")):
        words = refusal(command[0], tmp_path / "x.npy", "-k", 2, *command[1:])
        assert "image 2, row 1, column 3: " in words
        assert "1 of 120 values" in words


def test_an_existing_output_is_refused_before_the_work(folder, tmp_path, monkeypatch):
    run("gallery", folder, "-k", 2, "-o", tmp_path / "out")
    run("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf")
    monkeypatch.setattr("imgnmf.images.reading.decode", pytest.fail)
    before = (tmp_path / "out" / "index.html").read_bytes()
    for command in (("gallery", folder, "-o", tmp_path / "out"), ("fit", folder, "-k", 3, "-o", tmp_path / "m.imgnmf")):
        complaint = refusal(*command)
        assert "exists" in complaint
        assert "--force" in complaint
    assert (tmp_path / "out" / "index.html").read_bytes() == before


def test_force_replaces_what_imgnmf_wrote(folder, tmp_path):
    out = tmp_path / "out"
    run("gallery", folder, "-k", 2, "-o", out)
    assert run("gallery", folder, "-k", 3, "-o", out, "--force").exit_code == DONE
    assert (out / "k03.imgnmf").exists()
    assert not (out / "k02.imgnmf").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]


def test_force_never_replaces_other_files(folder, tmp_path):
    complaint = refusal("gallery", folder, "-k", 2, "-o", folder, "--force")
    assert "holds files that imgnmf did not write" in complaint
    assert len(everything_below(folder)) == 12
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert "is not a folder" in refusal("gallery", folder, "-k", 2, "-o", link, "--force")


def test_an_empty_folder_is_filled(folder, tmp_path):
    (tmp_path / "out").mkdir()
    assert run("gallery", folder, "-k", 2, "-o", tmp_path / "out").exit_code == DONE


@pytest.mark.parametrize(
    ("command", "output"),
    [("gallery", "out"), ("fit", "m.imgnmf"), ("encode", "H.npy"), ("montage", "p.png"), ("reconstruct", "out")],
)
def test_a_place_that_cannot_be_written_to_is_74(folder, model, tmp_path, command, output):
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    arguments = {
        "gallery": (folder, "-k", 2),
        "fit": (folder, "-k", 2),
        "encode": (model, folder),
        "montage": (model,),
        "reconstruct": (model,),
    }[command]
    for place in (tmp_path / "gone" / output, tmp_path / "file" / output):
        assert "cannot write" in refusal(command, *arguments, "-o", place, code=CANNOT_WRITE)
    assert not (tmp_path / "gone").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_74(folder, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert "no permission" in refusal("gallery", folder, "-o", closed / "out", code=CANNOT_WRITE)


def test_a_failure_half_way_leaves_nothing_and_the_old_gallery_whole(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run("gallery", folder, "-k", 2, "-o", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imgnmf.commands.gallery.write_page", full)
    complaint = refusal("gallery", folder, "-k", 3, "-o", out, "--force", code=CANNOT_WRITE)
    assert "No space left on device" in complaint
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]


def test_options_that_do_not_fit_are_refused(folder, tmp_path):
    out = "-o", tmp_path / "m.imgnmf"
    fit = "fit", folder, "-k", 2
    assert "hals" in refusal(*fit, *out, "--loss", "kullback-leibler", "--solver", "hals")
    assert "say 64x48" in refusal(*fit, *out, "--size", "64")
    assert "must end in .imgnmf" in refusal(*fit, "-o", tmp_path / "m.txt")
    assert "has its own" in refusal("fit", "digits", "-k", 2, *out, "--size", "6x6")
    assert "'--loss'" in refusal(*fit, *out, "--loss", "round")
    assert everything_below(tmp_path)[0] == "photos"


def test_a_foreign_or_missing_model_is_named(folder, tmp_path):
    (tmp_path / "m.imgnmf").write_bytes(b"no model")
    for command in (("info",), ("montage", "-o", tmp_path / "p.png"), ("encode", folder, "-o", tmp_path / "H.npy")):
        assert "m.imgnmf" in refusal(command[0], tmp_path / "m.imgnmf", *command[1:])
    assert "cannot be read" in refusal("info", tmp_path / "gone.imgnmf")


def test_images_of_another_size_are_refused_with_the_right_one(model, tmp_path):
    Image.new("L", (3, 3)).save(tmp_path / "small.png")
    complaint = refusal("encode", model, tmp_path / "small.png", "-o", tmp_path / "H.npy")
    assert "pass --size 10x8" in complaint


def test_hostile_names_stay_inside_the_folder(tmp_path):
    place = tmp_path / "photos"
    (place / "a").mkdir(parents=True)
    for number, name in enumerate(("a/b..png", "<i>&.png", "a b;c.png", "é.png")):
        Image.fromarray(np.full((6, 6), 20 * number + 9, np.uint8)).save(place / name)
    run("fit", place, "-k", 1, "-o", tmp_path / "m.imgnmf")
    assert run("reconstruct", tmp_path / "m.imgnmf", "-o", tmp_path / "out").exit_code == DONE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.imgnmf", "out", "photos"]
    assert len(everything_below(tmp_path / "out")) == 5


def test_output_names_are_what_the_user_typed():
    from imgnmf.commands.output import checked_folder

    assert checked_folder("~/never-made-by-imgnmf", force=False) == Path.home() / "never-made-by-imgnmf"
