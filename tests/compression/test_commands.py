"""The commands: what they write, and what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.runs import BAD_INPUT, DONE, everything_below, refusal, run
from tests.compression.samples import faces


@pytest.fixture
def photos(tmp_path):
    place = tmp_path / "photos"
    place.mkdir()
    for number, pixels in enumerate(faces().pixels[:24]):
        Image.fromarray(pixels).save(place / f"p{number:02}.png")
    return place


def test_compress_and_decompress(photos, tmp_path):
    said = run("compress", photos, "-o", tmp_path / "a.nmf", "-k", 6, "--names")
    assert said.exit_code == DONE, said.output
    n_bytes = (tmp_path / "a.nmf").stat().st_size
    assert f"{n_bytes} bytes for 24 images, {8 * n_bytes / (24 * 625):.3f} bits per pixel" in said.output
    assert run("decompress", tmp_path / "a.nmf", "-o", tmp_path / "out").exit_code == DONE
    assert len(list((tmp_path / "out").glob("*.png"))) == 24
    seen = np.asarray(Image.open(tmp_path / "out" / "p03.png"), float)
    assert np.abs(seen - np.asarray(Image.open(photos / "p03.png"), float)).mean() < 30


def test_targets(photos, tmp_path):
    assert run("compress", photos, "-o", tmp_path / "a.nmf", "--bits-per-pixel", 0.5).exit_code == DONE
    assert (tmp_path / "a.nmf").stat().st_size <= 0.5 * 24 * 625 / 8
    assert "18." in run("compress", photos, "-o", tmp_path / "b.nmf", "--psnr", 18, "-k", 9).output


def test_shared_parts(photos, tmp_path):
    parts = tmp_path / "faces.parts"
    assert run("train-parts", photos, "-k", 5, "-o", parts).exit_code == DONE
    assert run("compress", photos, "-o", tmp_path / "a.nmf", "--parts", parts).exit_code == DONE
    assert run("decompress", tmp_path / "a.nmf", "--parts", parts, "-o", tmp_path / "out").exit_code == DONE
    assert "encoded with" in refusal("decompress", tmp_path / "a.nmf", "-o", tmp_path / "other")
    assert "resize" in refusal("compress", photos, "-o", tmp_path / "b.nmf", "--parts", parts, "--size", "9x9")


def test_info_names_compressed_files(photos, tmp_path):
    parts = tmp_path / "faces.parts"
    assert run("compress", photos, "-o", tmp_path / "closed.nmf", "-k", 3).exit_code == DONE
    assert run("train-parts", photos, "-k", 5, "-o", parts).exit_code == DONE
    assert run("compress", photos, "-o", tmp_path / "open.nmf", "--parts", parts).exit_code == DONE
    assert "24 images of 25 x 25 with their parts" in run("info", tmp_path / "closed.nmf").output
    assert "5 shared parts" in run("info", parts).output
    assert "--parts FILE.parts" in run("info", tmp_path / "open.nmf").output
    (tmp_path / "closed.nmf").write_bytes((tmp_path / "closed.nmf").read_bytes()[:-1])
    assert "checksum" in refusal("info", tmp_path / "closed.nmf")


def test_names_that_clash_are_numbered(photos, tmp_path):
    (photos / "P03.png").write_bytes((photos / "p03.png").read_bytes())
    assert run("compress", photos, "-o", tmp_path / "a.nmf", "-k", 3, "--names").exit_code == DONE
    assert run("decompress", tmp_path / "a.nmf", "-o", tmp_path / "out").exit_code == DONE
    assert len(list((tmp_path / "out").glob("[0-2][0-9]-*.png"))) == 25


def test_refusals(photos, tmp_path):
    before = everything_below(tmp_path)
    out = tmp_path / "a.nmf"
    assert "cannot be reached: the best is" in refusal("compress", photos, "-o", out, "-k", 2, "--psnr", 80)
    assert "pass one of them" in refusal("compress", photos, "-o", out, "--psnr", 20, "--bits-per-pixel", 1)
    assert "must end in .nmf" in refusal("compress", photos, "-o", tmp_path / "a.jpg")
    assert "found no file" in refusal("decompress", tmp_path / "none.nmf", "-o", tmp_path / "out")
    assert "expected a file of imgnmf compress" in refusal("decompress", photos / "p00.png", "-o", tmp_path / "out")
    assert "no file" in refusal("compress", photos, "-o", out, "--parts", tmp_path / "none.parts")
    assert everything_below(tmp_path) == before
    assert run("compress", photos, "-o", out, "-k", 0).exit_code == BAD_INPUT


def test_sixteen_bit_pictures_are_refused(tmp_path):
    place = tmp_path / "deep"
    place.mkdir()
    for number in range(3):
        Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 150 + number).save(place / f"{number}.png")
    assert "expected 8-bit images, found uint16" in refusal("compress", place, "-o", tmp_path / "a.nmf", "-k", 1)


def test_compare_codecs(photos, tmp_path, monkeypatch):
    from imgnmf.commands import compare

    monkeypatch.setattr(compare, "STEPS", (32.0, 128.0))
    monkeypatch.setattr(compare, "RANKS", (1, 4))
    monkeypatch.setattr(
        compare.compared, "__kwdefaults__", {**compare.compared.__kwdefaults__, "ranks": (1, 4), "rank": 4}
    )
    said = run("compare-codecs", photos, "-o", tmp_path / "out", "--size", "12x12")
    assert said.exit_code == DONE, said.output
    assert said.output.count("have no BD-rate: see summary.json") == 1
    assert "NMF closed set" in (tmp_path / "out" / "summary.json").read_text()
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["held_out"] == 6
    files = everything_below(tmp_path / "out")
    assert {"closed.csv", "closed.png", "unseen.csv", "unseen.png", "storage.csv", "unseen-each.csv"} <= set(files)
    assert (tmp_path / "out" / "unseen.csv").read_text().startswith("codec,setting,bits_per_pixel,bytes,psnr,ssim\n")


def test_colour_stays(tmp_path):
    photos = tmp_path / "colour"
    photos.mkdir()
    colored = np.array([np.stack([pixels, pixels // 2, 255 - pixels], axis=2) for pixels in faces().pixels[:8]])
    for number, pixels in enumerate(colored):
        Image.fromarray(pixels).save(photos / f"p{number}.png")
    assert run("compress", photos, "-o", tmp_path / "a.nmf", "-k", 4).exit_code == DONE
    assert run("decompress", tmp_path / "a.nmf", "-o", tmp_path / "out").exit_code == DONE
    seen = np.array([np.asarray(Image.open(path), float) for path in sorted((tmp_path / "out").glob("*.png"))])
    assert seen.shape == (8, 25, 25, 3)
    error = np.abs(seen - colored).mean(axis=(1, 2, 3))
    gray_error = np.abs(seen.mean(axis=3, keepdims=True) - colored).mean(axis=(1, 2, 3))
    assert np.all(error < gray_error / 1.5)  # the same picture without its colors is 2 to 4 times as far off
    assert error.mean() < 20
