"""A full disk: every command that writes ends with 74, leaves what was there whole, and no file of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cli.runs import run
from tests.cli.test_force import COMMANDS, FOLDERS, place  # noqa: F401 - a fixture

CANNOT_WRITE = 74
STUDIES = {
    "gallery": ("gallery", "images.npy", "-k", 1, "--image-shape", "5x4"),
    "ranks.png": ("ranks", "images.npy", "-k", "1,2", "--image-shape", "5x4", "--method", "elbow"),
}
LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import imgnmf.commands.gallery, numba, joblib  # loaded before: some of them write when they are
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from imgnmf.cli import main
main(sys.argv[2:])
"""


@pytest.mark.skipif(os.name != "posix", reason="the limit on the size of a file is POSIX's")
@pytest.mark.parametrize("limit", [0, 100, 3000, 20_000, 400_000])
def test_packing_hdf5_on_a_full_disk_ends_with_74_and_the_old_file_whole(tmp_path, limit):
    pytest.importorskip("h5py")
    (tmp_path / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\nold")
    command = [sys.executable, "-c", LIMITED, str(limit), "pack", "digits", "-o", "x.h5", "--force"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == CANNOT_WRITE, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot write 'x.h5': File too large" in done.stderr
    assert (tmp_path / "x.h5").read_bytes() == b"\x89HDF\r\n\x1a\nold"
    assert os.listdir(tmp_path) == ["x.h5"]


@pytest.mark.skipif(os.name != "posix", reason="the limit on the size of a file is POSIX's")
@pytest.mark.parametrize("output", COMMANDS | FOLDERS | STUDIES)
def test_every_command_that_writes_ends_with_74_and_the_old_output_whole(place, output):  # noqa: F811
    command = [str(word) for word in {**COMMANDS, **FOLDERS, **STUDIES}[output]]
    assert run(*command, "-o", output).exit_code == 0
    before = contents(place)
    limited = [sys.executable, "-c", LIMITED, "50", *command, "-o", output, "--force"]
    done = subprocess.run(limited, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == CANNOT_WRITE, done.stderr
    assert "Traceback" not in done.stderr
    assert contents(place) == before


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.is_file() and path.read_bytes() for path in folder.rglob("*")}
