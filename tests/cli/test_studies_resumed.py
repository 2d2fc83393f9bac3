"""`imgnmf ranks` and `imgnmf gallery` with --resume: stopped by real signals, and gone on with to the last bit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

import pytest

import imgnmf
from tests.checkpoint.test_resuming import assert_same
from tests.cli.runs import BAD_INPUT, COMMAND, DONE, INTERRUPTED, everything_below, refusal, run

pytestmark = [
    pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning"),
    pytest.mark.skipif(os.name == "nt", reason="there are no such signals"),
]

# Of parts that are not global no error on unseen images is drawn, which would take longest of all.
GALLERY = ("gallery", "digits", "-k", 4, "-k", 12, "--parts", "sparse", "--max-iter", 600, "--threads", 1)
RANKS = ("ranks", "digits", "-k", "6,12", "--repeats", 2, "--threads", 1)
CODES = {"SIGINT": INTERRUPTED, "SIGTERM": 143, "SIGKILL": -signal.SIGKILL}


def stopped(folder, place, words, name):
    """Run a command until a checkpoint of this name is there, send a signal, and return how it ended."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, words), "--checkpoint-every", "2"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not place.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(getattr(signal, name))
    told = process.communicate(timeout=60)[1]
    return process.returncode, told


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert run(*GALLERY, "-o", folder / "all").exit_code == DONE
    return folder / "all"


@pytest.mark.parametrize(("name", "rank"), [("SIGINT", 4), ("SIGTERM", 12), ("SIGKILL", 4), ("SIGKILL", 12)])
def test_a_gallery_goes_on_where_it_was(tmp_path, whole, name, rank):
    out, kept = tmp_path / "faces", tmp_path / "faces.ckpt"
    command = (*GALLERY, "-o", out, "--resume")
    code, told = stopped(tmp_path, kept / f"k{rank}.ckpt", command, name)
    assert code == CODES[name], told
    assert "Traceback" not in told
    assert sorted(os.listdir(tmp_path)) in (["faces.ckpt"], ["faces", "faces.ckpt"])
    done = run(*command)
    assert done.exit_code == DONE, done.output
    for model in ("k04.imgnmf", "k12.imgnmf"):
        assert_same(imgnmf.load(out / model)[0], imgnmf.load(whole / model)[0])
    assert everything_below(out) == everything_below(whole)


@pytest.mark.parametrize("name", CODES)
def test_a_study_of_ranks_goes_on_where_it_was(tmp_path, name):
    figure, kept = tmp_path / "which.png", tmp_path / "which.ckpt"
    code, told = stopped(tmp_path, kept / "held-out-k12-0.ckpt", (*RANKS, "-o", figure, "--resume"), name)
    assert code == CODES[name], told
    if name != "SIGKILL":
        assert "fits are kept in" in told
        assert "with --resume the rest is done" in told
    assert not figure.exists()
    done = run(*RANKS, "-o", figure, "--resume")
    assert done.exit_code == DONE, done.output
    at_once = run(*RANKS, "-o", tmp_path / "once.png")
    assert done.output.replace("which.png", "once.png") == at_once.output
    assert figure.read_bytes() == (tmp_path / "once.png").read_bytes()


def test_kinds_and_layers_are_kept_too(folder, tmp_path):
    command = ("gallery", folder, "-k", 2, "-k", 4, "--layers", "6,3", "--kinds", "-o", tmp_path / "out", "--resume")
    assert run(*command).exit_code == DONE
    names = {path.name for path in (tmp_path / "out.ckpt").iterdir()}
    assert {"k2.ckpt", "k4.ckpt", "layers-layer1-k6.ckpt", "kinds-local-k4.ckpt", "unseen-k2-0.ckpt"} <= names
    shutil.copytree(tmp_path / "out", tmp_path / "first")
    assert run(*command).exit_code == DONE
    for model in ("k02.imgnmf", "k04.imgnmf", "layers.imgnmf"):
        assert (tmp_path / "out" / model).read_bytes() == (tmp_path / "first" / model).read_bytes()


def test_without_resume_what_is_there_stays_and_with_force_it_is_begun_anew(folder, tmp_path):
    kept = tmp_path / "run.ckpt"
    command = ("ranks", folder, "-k", "1:3", "--repeats", 2, "--checkpoint", kept)
    assert run(*command).exit_code == DONE
    before = {path.name: path.read_bytes() for path in kept.glob("*.ckpt")}
    assert len(before) == 6
    (kept / "notes.txt").write_text("mine", encoding="utf-8")
    assert "holds 6 checkpoints" in refusal(*command, code=BAD_INPUT)
    assert {path.name: path.read_bytes() for path in kept.glob("*.ckpt")} == before
    assert "held-out-k1-0.ckpt: it is of another fit: rng was" in refusal(*command, "--rng", 5, "--resume")
    assert run(*command, "--rng", 5, "--force").exit_code == DONE
    assert (kept / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_force_deletes_what_this_study_makes_and_only_once_it_can_begin(folder, tmp_path):
    kept = tmp_path / "shared.ckpt"
    ranks = ("ranks", folder, "--repeats", 2, "--checkpoint", kept)
    gallery = ("gallery", folder, "-k", 2, "-o", tmp_path / "out", "--checkpoint", kept, "--force")
    assert run(*ranks, "-k", "1:2").exit_code == DONE
    assert run(*gallery).exit_code == DONE
    names = sorted(path.name for path in kept.iterdir())
    assert {"k2.ckpt", "held-out-k2-1.ckpt"} <= set(names)
    (kept / "mine.ckpt").write_bytes(b"hours")
    refusal(*ranks, "-k", "999", "--force")
    assert sorted(path.name for path in kept.iterdir()) == sorted([*names, "mine.ckpt"])
    assert run(*ranks, "-k", "1", "--force").exit_code == DONE
    left = {path.name for path in kept.iterdir()}
    assert {"k2.ckpt", "mine.ckpt", "held-out-k1-0.ckpt"} <= left
    assert "held-out-k2-1.ckpt" not in left


def test_what_was_made_of_other_images_is_not_replaced(folder, tmp_path):
    out = tmp_path / "gal"
    assert run("gallery", folder, "-k", 4, "-o", out, "--resume").exit_code == DONE
    before = (out / "summary.json").read_bytes()
    other = ("gallery", "digits", "-k", 3, "-o", out, "--max-iter", 5)
    assert "holds fits of other images than these" in refusal(*other, "--resume")
    assert (out / "summary.json").read_bytes() == before
    assert run("gallery", folder, "-k", 3, "-o", out, "--resume").exit_code == DONE
    (tmp_path / "gal.ckpt" / "images.sha256").unlink()
    assert "--force to replace it" in refusal(*other, "--resume")


def test_two_methods_share_a_folder(folder, tmp_path):
    kept = tmp_path / "which.ckpt"
    command = ("ranks", folder, "-k", "1:2", "--repeats", 2, "--checkpoint", kept, "--resume")
    for method in ("held-out", "stability", "elbow", "held-out"):
        done = run(*command, "--method", method)
        assert done.exit_code == DONE, done.output
    assert {"held-out-k1-0.ckpt", "stability-k1-0.ckpt", "elbow-k1.ckpt"} <= {path.name for path in kept.iterdir()}


def test_a_dot_in_the_name_of_a_folder_is_part_of_it(folder, tmp_path):
    for number in (1, 2):
        assert run("gallery", folder, "-k", 2, "-o", tmp_path / f"v1.{number}", "--resume").exit_code == DONE
    assert {"v1.1.ckpt", "v1.2.ckpt"} <= set(os.listdir(tmp_path))


def test_how_often_needs_where(folder, tmp_path):
    for command in ("ranks", "gallery"):
        said = refusal(command, folder, "-k", 2, "-o", tmp_path / "a.png", "--checkpoint-every", "9")
        assert "give that too" in said


def test_ranks_of_a_store_are_studied_without_loading_it(folder, tmp_path, monkeypatch):
    from imgnmf.core import loading

    assert run("pack", folder, "-o", tmp_path / "V.npy").exit_code == DONE
    monkeypatch.setattr(loading, "machine_memory", lambda: 0.0)
    monkeypatch.setattr("imgnmf.commands.ranks.read_usable", lambda *_: pytest.fail("it was loaded"))
    command = ("ranks", tmp_path / "V.npy", "-k", "1:3", "--repeats", 2)
    done = run(*command, "--method", "elbow")
    assert done.exit_code == DONE, done.output
    assert "--method held-out needs all of V in memory: 80 pixels of 12 images" in refusal(*command)
