"""The command line: what it writes, what it says, and with which exit code it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from PIL import Image

import imgnmf
from imgnmf.cli import main

DONE, BAD_INPUT, CANNOT_WRITE, INTERRUPTED = 0, 2, 74, 130
COMMAND = [sys.executable, "-c", "from imgnmf.cli import main; main()"]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refusal(*arguments, code=BAD_INPUT):
    """Run a command that must fail, and return its one line of complaint."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result.stderr.strip().splitlines()[-1]


@pytest.fixture
def folder(tmp_path):
    """Twelve pictures of 10 x 8 that have parts."""
    rng = np.random.default_rng(0)
    place = tmp_path / "photos"
    place.mkdir()
    parts = rng.random((3, 10, 8)) * (rng.random((3, 10, 8)) > 0.6)
    for number in range(12):
        picture = np.tensordot(rng.random(3), parts, 1) * 80
        Image.fromarray(picture.astype(np.uint8)).save(place / f"p{number}.png")
    return place


@pytest.fixture
def model(folder, tmp_path):
    path = tmp_path / "m.imgnmf"
    assert run("fit", folder, "-k", 2, "-o", path).exit_code == DONE
    return path


def everything_below(path):
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*"))


def test_the_gallery_holds_every_picture_model_and_figure(folder, tmp_path):
    out = tmp_path / "out"
    result = run("gallery", folder, "-k", 4, "-k", 2, "-o", out)
    assert result.exit_code == DONE, result.output
    assert everything_below(out) == [
        "basis-k02.png",
        "basis-k04.png",
        "build-up.png",
        "coefficients.png",
        "convergence.png",
        "index.html",
        "k02.imgnmf",
        "k04.imgnmf",
        "rank-curve.png",
        "reconstructions.png",
        "summary.json",
    ]
    assert everything_below(tmp_path)[0] == "out"
    assert str(out / "index.html") in result.stdout
    for path in out.glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
    fit, meta = imgnmf.load(out / "k04.imgnmf")
    assert fit.rank == 4
    assert meta.names == tuple(f"p{i}.png" for i in range(12))


def test_the_summary_says_what_was_found(folder, tmp_path):
    run("gallery", folder, "-k", 2, "-k", 4, "-o", tmp_path / "out", "--rng", 3)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["source"] == str(folder)
    assert (summary["n_images"], summary["image_shape"], summary["dtype"]) == (12, [10, 8], "uint8")
    assert set(summary["versions"]) == {"imgnmf", "numpy", "python"}
    assert [row["rank"] for row in summary["ranks"]] == [2, 4]
    wanted = {"relative_error", "psnr", "ssim", "sparseness_W", "iterations", "seconds", "reason"}
    assert all(wanted <= set(row) for row in summary["ranks"])
    fit = imgnmf.load(tmp_path / "out" / "k02.imgnmf")[0]
    assert summary["ranks"][0]["relative_error"] == pytest.approx(fit.relative_error, rel=1e-5)


def test_parts_come_in_falling_order_of_energy(folder, tmp_path):
    run("fit", folder, "-k", 4, "-o", tmp_path / "m.imgnmf")
    fit = imgnmf.load(tmp_path / "m.imgnmf")[0]
    energy = np.linalg.norm(fit.W, axis=0) * np.linalg.norm(fit.H, axis=1)
    assert np.all(np.diff(energy) <= 1e-5 * energy[0])
    assert fit.W.max(axis=0) == pytest.approx(1)


def test_default_ranks_stay_below_the_smaller_side(folder, tmp_path):
    run("gallery", folder, "-o", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.imgnmf")) == ["k04.imgnmf", "k09.imgnmf"]


def test_one_rank_needs_no_curve(folder, tmp_path):
    run("gallery", folder, "-k", 2, "-o", tmp_path / "out")
    assert not (tmp_path / "out" / "rank-curve.png").exists()


def test_black_images_make_a_gallery_too(tmp_path):
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(tmp_path / "0.png")
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(tmp_path / "1.png")
    result = run("gallery", tmp_path / "*.png", "-k", 1, "-o", tmp_path / "out")
    assert result.exit_code == DONE, result.output
    assert "V is zero everywhere" in result.stderr


def test_the_default_folder_is_named_after_the_source(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("gallery", "photos", "-k", 2).exit_code == DONE
    assert (tmp_path / "photos-gallery" / "index.html").is_file()


@pytest.mark.parametrize("name", ["digits", "swimmer"])
def test_a_dataset_is_a_source(name, tmp_path):
    result = run("fit", name, "-k", 3, "-o", tmp_path / "m.imgnmf", "--max-iter", 20)
    assert result.exit_code == DONE, result.output
    assert imgnmf.load(tmp_path / "m.imgnmf")[0].rank == 3


def test_size_resizes_files_and_cuts_patches(folder, tmp_path):
    for source, name in ((folder, "a"), ("patches", "b")):
        run("fit", source, "-k", 2, "--size", "6x5", "-o", tmp_path / f"{name}.imgnmf", "--max-iter", 5)
        assert imgnmf.load(tmp_path / f"{name}.imgnmf")[1].image_shape == (6, 5)


def test_montage_draws_the_parts(model, tmp_path):
    assert run("montage", model, "-o", tmp_path / "parts.png", "--columns", 1).exit_code == DONE
    with Image.open(tmp_path / "parts.png") as picture:
        assert picture.height > picture.width / 2


def test_encode_writes_what_the_library_finds(model, folder, tmp_path):
    assert run("encode", model, folder, "-o", tmp_path / "H.npy").exit_code == DONE
    fit = imgnmf.load(model)[0]
    H = np.load(tmp_path / "H.npy", allow_pickle=False)
    assert np.array_equal(H, fit.encode(imgnmf.load_images(folder).V))


def test_reconstruct_writes_an_image_for_each(model, folder, tmp_path):
    assert run("reconstruct", model, "-o", tmp_path / "own").exit_code == DONE
    assert run("reconstruct", model, folder, "-o", tmp_path / "new").exit_code == DONE
    names = everything_below(tmp_path / "own")
    assert names[0] == "00-p0.png"
    assert len(names) == 13
    assert names == everything_below(tmp_path / "new")
    fit = imgnmf.load(model)[0]
    expected = np.rint(np.clip(fit.W @ fit.H[:, 5], 0, 255)).reshape(10, 8)
    with Image.open(tmp_path / "own" / "05-p5.png") as picture:
        assert np.abs(np.asarray(picture) - expected).max() <= 1


def test_info_says_what_is_in_a_model(model):
    words = run("info", model).stdout
    for fact in ("rank:", "12 of 10 x 8", "frobenius", "hals", "imgnmf 0.1.0"):
        assert fact in words


def test_datasets_lists_all_and_describes_one():
    assert all(name in run("datasets").stdout for name in ("lfw-faces", "digits", "patches", "swimmer"))
    assert "licence:" in run("datasets", "swimmer").stdout
    assert "there is no dataset 'cats'" in refusal("datasets", "cats")


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
    assert "size=(h, w)" in result.stderr
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
    complaint = refusal("gallery", tmp_path / "*.tif", "-k", 2, "-o", tmp_path / "out")
    assert words in complaint
    assert "(pixel 3, image 2)" in complaint
    assert len(everything_below(tmp_path)) == 4


def test_an_existing_output_is_refused_before_the_work(folder, tmp_path, monkeypatch):
    run("gallery", folder, "-k", 2, "-o", tmp_path / "out")
    run("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf")
    monkeypatch.setattr("imgnmf.images.readers.decode", pytest.fail)
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
    assert "'--loss'" in refusal(*fit, *out, "--loss", "huber")
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


def start(*arguments, cwd):
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env=environment, stderr=subprocess.PIPE, text=True
    )


def test_ctrl_c_keeps_the_best_so_far(tmp_path):
    """Interrupted once the folder shows that fitting has begun."""
    process = start("gallery", "lfw-faces", "-k", 4, "-k", 81, "--max-iter", 10**7, "-o", "out", cwd=tmp_path)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".out.*.partial")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert process.returncode in (DONE, INTERRUPTED), words
    assert "Traceback" not in words
    assert not list(tmp_path.glob(".*"))
    if process.returncode == INTERRUPTED and (tmp_path / "out").exists():
        assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["interrupted"]


def test_an_interrupted_fit_is_written_and_130(folder, tmp_path, monkeypatch):
    from imgnmf.commands import progress

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(progress, "_advance", interrupt)
    words = refusal("gallery", folder, "-k", 2, "-k", 3, "-o", tmp_path / "out", code=INTERRUPTED)
    assert "the best factors so far were kept" in words
    assert imgnmf.load(tmp_path / "out" / "k02.imgnmf")[0].reason == "interrupted"
    refusal("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf", code=INTERRUPTED)
    assert imgnmf.load(tmp_path / "m.imgnmf")[0].n_iter == 1


def test_an_interruption_before_the_first_fit_writes_nothing(folder, tmp_path, monkeypatch):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("imgnmf.commands.gallery.read_source", interrupt)
    words = refusal("gallery", folder, "-k", 2, "-o", tmp_path / "out", code=INTERRUPTED)
    assert "nothing was written" in words
    assert everything_below(tmp_path)[0] == "photos"


def test_a_real_process_is_silent_about_progress_off_a_terminal(folder, tmp_path):
    done = subprocess.run(
        [*COMMAND, "gallery", str(folder), "-k", "2", "-o", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == DONE
    assert done.stderr == ""
    assert re.search(r"k = 2 .*relative error", done.stdout)


def test_help_answers_within_three_imports_of_numpy():
    def fastest(*arguments):
        times = []
        for _ in range(5):
            start_time = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            times.append(time.perf_counter() - start_time)
        return min(times)

    assert fastest(*COMMAND[1:], "--help") < 3 * fastest("-c", "import numpy")


@pytest.mark.parametrize("command", ["", *main.commands])
def test_every_command_has_help(command):
    result = run(*filter(None, [command]), "--help")
    assert result.exit_code == DONE
    assert "Usage:" in result.stdout


def test_output_names_are_what_the_user_typed():
    from imgnmf.commands.output import checked_folder

    assert checked_folder("~/never-made-by-imgnmf", force=False) == Path.home() / "never-made-by-imgnmf"
