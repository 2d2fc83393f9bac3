"""Ctrl-C in every command: 130, one line that says what is there, nothing by halves; without a clock, and by signals.

`Calls` brings Ctrl-C at the n-th call of a function of imgnmf, so that each run is hit at the same place.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import imgnmf
from imgnmf.cli import main
from tests.cli.runs import DONE, INTERRUPTED, run
from tests.signals import Calls

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ImgnmfWarning")

TERMINATED = 143
# What is left by a command that was interrupted: the best so far, or nothing.
BEST_SO_FAR = ("gallery", "fit", "animate", "topics")
COMMANDS = {
    "gallery": ("photos", "-k", 2, "--layers", "4,2", "--max-iter", 5, "-o", "out"),
    "fit": ("photos", "-k", 2, "--max-iter", 5, "-o", "out.imgnmf"),
    "ranks": ("photos", "-k", "1,2", "--repeats", 3, "-o", "out.png"),
    "montage": ("m.imgnmf", "-o", "out.png"),
    "reconstruct": ("m.imgnmf", "photos", "-o", "out"),
    "encode": ("m.imgnmf", "photos", "-o", "out.npy"),
    "inpaint": ("photos", "--mask", "mask.png", "-k", 2, "--max-iter", 5, "-o", "out"),
    "occlusions": ("photos", "-k", 2, "--max-iter", 5, "-o", "out"),
    "buildup": ("m.imgnmf", "photos", "-o", "out.png"),
    "animate": ("photos", "-k", 2, "--max-iter", 5, "-o", "out.gif"),
    "info": ("photos",),
    "datasets": ("digits",),
    "pack": ("photos", "-o", "out.zarr"),
    "compress": ("photos", "--psnr", 25, "-o", "out.nmf"),
    "decompress": ("a.nmf", "-o", "out"),
    "train-parts": ("photos", "-k", 3, "-o", "out.parts"),
    "compare-codecs": ("photos", "-o", "out"),
    "topics": ("letters/*.txt", "-k", 2, "--min-df", 1, "--max-iter", 5, "-o", "out"),
}
SLOW = ("gallery", "compare-codecs")
NEEDS = {"topics": "sklearn", "pack": "zarr"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Pictures, a mask, a model, a compressed file and letters."""
    place = tmp_path_factory.mktemp("place")
    rng = np.random.default_rng(0)
    (place / "photos").mkdir()
    (place / "letters").mkdir()
    parts = rng.random((3, 16, 12)) * (rng.random((3, 16, 12)) > 0.6)
    for number in range(12):
        picture = np.tensordot(rng.random(3), parts, 1) * 80
        Image.fromarray(picture.astype(np.uint8)).save(place / "photos" / f"p{number:02}.png")
        words = rng.choice(["cat", "dog", "bus", "car", "tree", "leaf"], 3, replace=False)
        (place / "letters" / f"{number}.txt").write_text(" ".join(words), encoding="utf-8")
    mask = np.zeros((16, 12), np.uint8)
    mask[4:7, 4:7] = 255
    Image.fromarray(mask).save(place / "mask.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert run("fit", "photos", "-k", 2, "-o", "m.imgnmf").exit_code == DONE
        assert run("compress", "photos", "-k", 2, "-o", "a.nmf").exit_code == DONE
    return place


def outputs(place):
    return sorted(name for name in os.listdir(place) if name.startswith(("out", ".")))


def removed(place):
    for name in outputs(place):
        path = place / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_every_command_is_here():
    assert set(COMMANDS) == set(main.commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_at_any_call_ends_with_130_and_a_word(command, place, monkeypatch):
    if command in NEEDS:
        pytest.importorskip(NEEDS[command])
    monkeypatch.chdir(place)
    removed(place)
    words = [command, *COMMANDS[command]]
    assert run(*words).exit_code == DONE  # what is imported and compiled at first
    removed(place)
    with Calls() as calls:
        assert run(*words).exit_code == DONE
    whole = outputs(place)
    removed(place)
    shares = (0.0, 0.3, 0.9) if command in SLOW else (0.0, 0.03, 0.2, 0.4, 0.6, 0.8, 0.95)
    for strike in {1 + int(share * calls.done) for share in shares}:
        with Calls(strike):
            result = run(*words)
        assert result.exit_code == INTERRUPTED, (strike, result.output)
        assert "Traceback" not in result.output
        last = result.stderr.strip().splitlines()[-1]
        assert last.startswith("imgnmf: interrupted"), last
        there = outputs(place)
        assert there in ([], whole)
        if there and command not in BEST_SO_FAR:
            assert whole[0] in last  # it came after all was written
        if not there:
            assert "kept" not in last or "nothing" in last
        removed(place)


@pytest.mark.parametrize("command", ["compress", "train-parts", "inpaint", "occlusions", "compare-codecs", "ranks"])
def test_an_output_that_was_there_is_whole_and_the_search_does_not_go_on(command, place, monkeypatch):
    """A fit within a search must not pass for a whole one."""
    monkeypatch.chdir(place)
    removed(place)
    words = [command, *COMMANDS[command], "--force"]
    assert run(*words).exit_code == DONE
    before = {path: path.read_bytes() for path in sorted(place.glob("out*/**/*")) if path.is_file()}
    before |= {path: path.read_bytes() for path in place.glob("out*") if path.is_file()}
    assert before
    real, begun = imgnmf.core.fitting.iterate, []

    def interrupted(*given, **named):
        begun.append(command)
        for found in real(*given, **named):
            yield found
            raise KeyboardInterrupt

    monkeypatch.setattr("imgnmf.core.fitting.iterate", interrupted)
    result = run(*words)
    assert result.exit_code == INTERRUPTED, result.output
    assert "nothing was written" in result.stderr
    assert begun == [command]
    assert {path: path.read_bytes() for path in before} == before


def test_ranks_prints_the_repeats_that_were_done(place, monkeypatch):
    from imgnmf.studies import prediction
    from tests.signals import Struck

    monkeypatch.chdir(place)
    removed(place)
    whole = run("ranks", "photos", "-k", "1,2", "--repeats", 2)
    monkeypatch.setattr(prediction, "factorize", Struck(prediction.factorize, 6))
    result = run("ranks", "photos", "-k", "1,2", "--repeats", 5, "-o", "out.png")
    assert result.exit_code == INTERRUPTED
    assert result.stdout == whole.stdout
    assert "only 2 repeats of 2 ranks were done" in result.stderr
    assert not outputs(place)


# Says when it iterates, and then has long to go.
WAITING = """
import sys, time
from imgnmf.core import fitting
real = fitting.iterate
def waiting(*given, **named):
    print("iterating", flush=True)
    time.sleep(60)
    yield from real(*given, **named)
fitting.iterate = waiting
from imgnmf.cli import main
main(sys.argv[1:])
"""


def hit(words, place, *numbers, ignoring=None):
    """Start a command, send signals once it iterates, and return its exit code and what it said."""
    shell = [] if ignoring is None else ["sh", "-c", f"trap '' {ignoring}; exec \"$@\"", "sh"]
    process = subprocess.Popen(
        [*shell, sys.executable, "-c", WAITING, *map(str, words)],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "iterating\n"
    for number in numbers:
        process.send_signal(number)
    _, told = process.communicate(timeout=60)
    return process.returncode, told


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
@pytest.mark.parametrize("command", ["compress", "train-parts"])
def test_a_signal_ends_a_command(command, number, code, place):
    removed(place)
    returned, told = hit([command, *COMMANDS[command]], place, number)
    assert returned == code, told
    assert told.splitlines()[-1].startswith("imgnmf: interrupted before there was anything to keep")
    assert not outputs(place)


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_ends_a_fit_with_what_there_is_by_then(number, code, place):
    removed(place)
    returned, told = hit(["fit", *COMMANDS["fit"]], place, number)
    assert returned == code, told
    assert told.splitlines()[-1] == "imgnmf: interrupted: the best factors so far were kept"
    assert imgnmf.load(place / "out.imgnmf")[0].reason == "interrupted"


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_a_command_that_was_started_with_a_signal_ignored_ignores_it_and_heeds_the_other(place):
    """As a shell starts jobs in the background."""
    removed(place)
    words = ["fit", *COMMANDS["fit"]]
    assert hit(words, place, signal.SIGINT, signal.SIGTERM, ignoring="INT")[0] == TERMINATED
    removed(place)
    assert hit(words, place, signal.SIGTERM, signal.SIGINT, ignoring="TERM")[0] == INTERRUPTED
