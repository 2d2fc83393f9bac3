"""What the commands write."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import imgnmf
from tests.cli.runs import DONE, everything_below, refusal, run


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
    wanted = {"relative_error", "psnr", "ssim", "sparseness_W", "parts", "iterations", "seconds", "reason"}
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
    result = run("gallery", folder, "-o", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.imgnmf")) == ["k04.imgnmf", "k09.imgnmf"]
    assert result.stderr.count("k = 16, 25, 49 left out: the images are too few or too small, 12 images") == 1


def test_one_rank_needs_no_curve(folder, tmp_path):
    run("gallery", folder, "-k", 2, "-o", tmp_path / "out")
    assert not (tmp_path / "out" / "rank-curve.png").exists()
    assert "At k = 2, the error on images kept aside is" in (tmp_path / "out" / "index.html").read_text("utf-8")


def test_images_kept_aside_have_an_error_at_every_rank_that_can_be_had(folder, tmp_path):
    run("gallery", folder, "-k", 2, "-k", 9, "-k", 10, "-o", tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "unseen, k = 9: " in page
    assert "none at k = 10: what is left to fit can have 9 parts at most" in page


def test_black_images_make_a_gallery_too(tmp_path):
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(tmp_path / "0.png")
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(tmp_path / "1.png")
    result = run("gallery", tmp_path / "*.png", "-k", 1, "-o", tmp_path / "out")
    assert result.exit_code == DONE, result.output
    assert "V is zero everywhere" in result.stderr


def test_a_single_rank_of_a_single_iteration_has_no_curves_at_all(folder, tmp_path):
    result = run("gallery", folder, "-k", 2, "--max-iter", 1, "-o", tmp_path / "out")
    assert result.exit_code == DONE, result.output
    made = {path.stem for path in (tmp_path / "out").glob("*.png")}
    assert made == {"basis-k02", "reconstructions", "build-up", "coefficients"}
    assert "<svg" not in (tmp_path / "out" / "index.html").read_text("utf-8")


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


def test_reconstructions_of_16_bits_are_written_in_16_bits(tmp_path):
    rng = np.random.default_rng(0)
    stack = (rng.random((6, 2)) @ rng.random((2, 63)) * 30000).astype(np.uint16).reshape(6, 9, 7)
    np.save(tmp_path / "V.npy", stack)
    assert run("fit", tmp_path / "V.npy", "-k", 2, "-o", tmp_path / "m.imgnmf").exit_code == DONE
    for source in ((), (tmp_path / "V.npy",)):
        assert run("reconstruct", tmp_path / "m.imgnmf", *source, "-o", tmp_path / "out", "--force").exit_code == DONE
        with Image.open(sorted((tmp_path / "out").glob("*.png"))[0]) as picture:
            assert np.abs(np.asarray(picture).astype(int) - stack[0]).max() < 100
        summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
        assert (summary["white"], summary["bits"]) == (65535, 16)


def test_reconstructions_in_a_unit_that_nobody_knows_are_not_clipped(tmp_path):
    stack = np.outer(np.arange(1, 7), np.arange(63.0)).reshape(6, 9, 7)
    np.save(tmp_path / "V.npy", stack)
    assert run("fit", tmp_path / "V.npy", "-k", 1, "-o", tmp_path / "m.imgnmf").exit_code == DONE
    assert run("reconstruct", tmp_path / "m.imgnmf", "-o", tmp_path / "out").exit_code == DONE
    with Image.open(sorted((tmp_path / "out").glob("*.png"))[-1]) as picture:
        assert len(np.unique(np.asarray(picture))) == 63
