"""The command line as a process: interrupted, off a terminal, and quick to help."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import imgnmf
from imgnmf.cli import main
from tests.cli.runs import COMMAND, DONE, INTERRUPTED, everything_below, refusal, run


def start(*arguments, cwd):
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=cwd, env=environment, stderr=subprocess.PIPE, text=True
    )


def test_ctrl_c_keeps_the_best_so_far(tmp_path):
    """Interrupted once a checkpoint shows that the second fit has begun."""
    words = ("gallery", "lfw-faces", "-k", 4, "-k", 81, "--max-iter", 10**7, "-o", "out", "--checkpoint", "run.ckpt")
    process = start(*words, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not (tmp_path / "run.ckpt" / "k81.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, words
    assert "Traceback" not in words
    assert not list(tmp_path.glob(".*"))
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

    monkeypatch.setattr("imgnmf.commands.gallery.read_usable", interrupt)
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
