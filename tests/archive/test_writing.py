"""A model file is the old one or the new one, and whoever cannot write says so with exit code 74."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import imgnmf
from imgnmf import atomic
from imgnmf.errors import OutputError
from tests.cli.runs import CANNOT_WRITE, refusal, run
from tests.viz.test_atomic import FailingSystem


def test_whichever_call_fails_the_model_is_the_old_one_or_the_new_one(fit, images, tmp_path, monkeypatch):
    path = tmp_path / "m.imgnmf"
    other = imgnmf.factorize(images.V, 2)
    imgnmf.save(path, other, images)
    old, calls, failures = path.read_bytes(), [], 0

    def save_with_failure(fail_at):
        calls.clear()
        with monkeypatch.context() as patched:
            patched.setattr(atomic, "os", FailingSystem(os, calls, fail_at))
            patched.setattr(atomic, "fcntl", FailingSystem(atomic.fcntl, calls, fail_at))
            imgnmf.save(path, fit, images)

    save_with_failure(0)
    new = path.read_bytes()
    for fail_at in range(1, len(calls) + 1):
        path.write_bytes(old)
        try:
            save_with_failure(fail_at)
        except OutputError:
            failures += 1
            assert path.read_bytes() == old
        else:
            assert path.read_bytes() == new
        imgnmf.save(path, other, images)
        assert os.listdir(tmp_path) == ["m.imgnmf"]
        assert imgnmf.load(path)[0].rank == 2
    assert failures > 3


def test_safetensors_alone_reads_a_model(saved):
    script = Path(__file__).parents[2] / "docs" / "examples" / "read_model.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 20
    done = subprocess.run([sys.executable, script, saved], capture_output=True, text=True, check=True)
    assert done.stdout == "k = 3, 12 images, loss Frobenius\n"
    damaged = bytearray(saved.read_bytes())
    damaged[-1] ^= 1
    saved.write_bytes(damaged)
    assert subprocess.run([sys.executable, script, saved], capture_output=True, check=False).returncode == 1


def test_info_says_what_is_in_the_file(saved):
    said = run("info", saved).output
    for words in ("rank:", "12 of 5 x 4", "3 different", "data sha256:", "frobenius", "made with:"):
        assert words in said


FULL = (
    "import resource, signal, sys; from imgnmf.cli import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)); main(sys.argv[1:])"
)


@pytest.mark.skipif(os.name == "nt", reason="no such limit there")
def test_a_full_disk_is_74_and_the_old_model_is_whole(saved, images, tmp_path):
    np.save(tmp_path / "photos.npy", images.pixels)
    old = saved.read_bytes()
    arguments = ["fit", str(tmp_path / "photos.npy"), "-k", "2", "-o", str(saved), "--force"]
    done = subprocess.run([sys.executable, "-c", FULL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == CANNOT_WRITE
    assert str(saved) in done.stderr
    assert "File too large" in done.stderr
    assert saved.read_bytes() == old
    assert sorted(os.listdir(tmp_path)) == ["model.imgnmf", "photos.npy"]


def test_a_name_that_is_too_long_is_74(images, tmp_path):
    np.save(tmp_path / "photos.npy", images.pixels)
    for command, name in (("fit", "x" * 300 + ".imgnmf"), ("gallery", "x" * 300)):
        said = refusal(command, tmp_path / "photos.npy", "-k", 2, "-o", tmp_path / name, code=CANNOT_WRITE)
        assert "too long" in said
    assert os.listdir(tmp_path) == ["photos.npy"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_74(images, tmp_path):
    np.save(tmp_path / "photos.npy", images.pixels)
    (tmp_path / "closed").mkdir(mode=0o500)
    target = tmp_path / "closed" / "m.imgnmf"
    assert "no permission" in refusal("fit", tmp_path / "photos.npy", "-k", 2, "-o", target, code=CANNOT_WRITE)


def test_what_was_saved_of_images_is_shown_in_a_line():
    meta = imgnmf.ModelMeta(image_shape=(2, 3), names=tuple(f"image {i}" for i in range(5000)), white=255.0)
    assert repr(meta) == "ModelMeta(image_shape=(2, 3), 5000 names, white=255)"
