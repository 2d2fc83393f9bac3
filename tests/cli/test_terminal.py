"""What reaches a terminal: nothing that a file brings along steers it, and a terminal that is full is told."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import imgnmf
from tests.cli.runs import refusal

pty = pytest.importorskip("pty")
EVIL = "\x1b]0;owned\x07\x1b[31m\u202egnp\u2069\nimgnmf: all is well"


def on_a_terminal(*command):
    """Return what a command writes to a terminal, where click strips nothing."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "imgnmf", *command], stdout=follower, stderr=follower)
    os.close(follower)
    written = b""
    try:
        while piece := os.read(leader, 4096):
            written += piece
    except OSError:  # Linux says so that nobody writes to it any more
        pass
    process.wait()
    os.close(leader)
    return written.decode(errors="replace").replace("\r", "")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = imgnmf.ImageSet(np.random.default_rng(0).integers(0, 255, (4, 5, 4), dtype=np.uint8))
    fit = imgnmf.factorize(images.V, 2, stop=imgnmf.RelativeDecrease(1e-1))
    imgnmf.save("m.imgnmf", replace(fit, reason=EVIL, solver=EVIL, init=EVIL), images)
    with zipfile.ZipFile("x.zip", "w") as archive:
        for number in range(2):
            Image.fromarray(images.pixels[number]).save(f"{number}.png")
            archive.write(f"{number}.png", f"{number}{EVIL}.png")
        archive.writestr(f"{EVIL}.jpg", b"no picture")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("info", "m.imgnmf"),
        ("info", "x.zip"),
        ("encode", "m.imgnmf", "x.zip", "-o", "H.npy", "--report"),
        ("montage", "x.zip", "-o", "m.png"),
    ],
    ids=" ".join,
)
def test_what_comes_from_a_file_cannot_steer_the_terminal(place, command):
    written = on_a_terminal(*command)
    assert written
    assert all(c.isprintable() or c == "\n" for c in written), ascii(written)
    assert not any(line.startswith("imgnmf: all is well") for line in written.splitlines())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "command",
    [
        ("info", "m.imgnmf"),
        ("info", "x.zip"),
        ("datasets",),
        ("montage", "m.imgnmf", "-o", "m.png"),
        ("--help",),
        ("fit", "--help"),
        ("--version",),
    ],
    ids=" ".join,
)
def test_output_that_cannot_be_written_is_told_and_ends_with_74(place, command):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "imgnmf", *command], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 74
    assert done.stderr == "imgnmf: cannot write to standard output: No space left on device; choose another place\n"


def test_the_home_of_nobody_is_a_place_that_is_not_there(place):
    assert "there is no such" in refusal("fit", "~nouser/photos", "-k", 2, "-o", "m2.imgnmf")
    assert "there is no such" in refusal("info", "~nouser/photos")
    assert "there is no such folder" in refusal("fit", "x.zip", "-k", 1, "-o", "~nouser/m.imgnmf", code=74)
    assert "there is no such folder" in refusal("reconstruct", "m.imgnmf", "-o", "~nouser/out", code=74)


def test_a_npy_file_of_a_negative_shape_is_damaged(place):
    with open("n.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (-3, 5, 4)})
        file.write(bytes(60))
    for command in (("info", "n.npy"), ("fit", "n.npy", "-k", 2, "-o", "o.imgnmf")):
        assert "its header says an array of shape (-3, 5, 4), which none can have" in refusal(*command)
    for read in (imgnmf.load_images, imgnmf.open_images):
        with pytest.raises(imgnmf.errors.ImageReadError, match="which none can have"):
            read("n.npy")
