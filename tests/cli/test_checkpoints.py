"""`imgnmf fit --checkpoint`: killed, terminated, interrupted, and gone on with."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time

import numpy as np
import pytest

import imgnmf
from tests.checkpoint.test_resuming import assert_same
from tests.cli.runs import BAD_INPUT, CANNOT_WRITE, COMMAND, DONE, INTERRUPTED, refusal, run

TERMINATED = 143


def interrupting(monkeypatch, at):
    """Ctrl-C in the given iteration of the fit, not of the one that compiles."""
    from imgnmf.commands import progress

    def interrupt(_bar, _done, words):
        if f"iteration {at}," in words:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress, "_advance", interrupt)


def test_an_interrupted_command_goes_on_where_it_was(folder, tmp_path, monkeypatch):
    at_once, model, kept = tmp_path / "once.imgnmf", tmp_path / "m.imgnmf", tmp_path / "run.ckpt"
    assert run("fit", folder, "-k", 2, "-o", at_once).exit_code == DONE
    with monkeypatch.context() as patch:
        interrupting(patch, 7)
        refusal("fit", folder, "-k", 2, "-o", model, "--checkpoint", kept, code=INTERRUPTED)
    stopped, _ = imgnmf.load(model)
    assert (stopped.reason, stopped.n_iter) == ("interrupted", 7)
    words = refusal("fit", folder, "-k", 2, "-o", tmp_path / "n.imgnmf", "--checkpoint", kept)
    assert "exists" in words
    less = run("fit", folder, "-k", 2, "-o", tmp_path / "n.imgnmf", "--checkpoint", kept, "--resume", "--max-iter", 1)
    assert less.exit_code == DONE
    assert "--max-iter = 1 is less than the 7 iterations done before" in less.stderr
    result = run("fit", folder, "-k", 2, "-o", model, "--checkpoint", kept, "--resume")
    assert result.exit_code == DONE, result.output
    assert_same(imgnmf.load(model)[0], imgnmf.load(at_once)[0])


def test_resume_alone_keeps_the_progress_beside_the_model(folder, tmp_path, monkeypatch):
    model = tmp_path / "m.imgnmf"
    command = ("fit", folder, "-k", 2, "-o", model, "--resume", "--checkpoint-every", "3")
    with monkeypatch.context() as patch:
        interrupting(patch, 4)
        refusal(*command, code=INTERRUPTED)
    assert (tmp_path / "m.ckpt").exists()
    assert run(*command).exit_code == DONE
    assert imgnmf.load(model)[0].converged


def test_force_begins_anew(folder, tmp_path):
    command = ("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf", "--checkpoint", tmp_path / "run.ckpt", "--force")
    assert run(*command).exit_code == DONE
    assert run(*command, "--rng", 3).exit_code == DONE


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--checkpoint", "run.dat"], "must end in .ckpt", BAD_INPUT),
        (["--checkpoint", "none/run.ckpt"], "there is no such folder", CANNOT_WRITE),
        (["--checkpoint", "run.ckpt", "--checkpoint-every", "often"], "say 100, or seconds, 60s", BAD_INPUT),
        (["--checkpoint-every", "9"], "give that too", BAD_INPUT),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_work(folder, tmp_path, monkeypatch, options, words, code):
    monkeypatch.chdir(tmp_path)
    assert words in refusal("fit", folder, "-k", 2, "-o", "m.imgnmf", *options, code=code)
    assert not (tmp_path / "m.imgnmf").exists()


def test_a_checkpoint_of_another_fit_or_a_damaged_one_is_refused(folder, tmp_path):
    kept, model = tmp_path / "run.ckpt", tmp_path / "m.imgnmf"
    command = ("fit", folder, "-o", model, "--checkpoint", kept, "--resume")
    assert run(*command, "-k", 2).exit_code == DONE
    assert "rank was 2 and is 3" in refusal(*command, "-k", 3)
    kept.write_bytes(kept.read_bytes()[:100])
    assert "damaged" in refusal(*command, "-k", 2)


SLOW = {"loss": "kullback-leibler", "solver": "mu"}


def begun(folder, kept, *, seconds):
    """A command that has long to go: so many seconds after its checkpoint was begun, and with nothing to compile."""
    imgnmf.factorize(imgnmf.load_dataset("lfw-faces").V, 16, **SLOW, max_iter=1, stop=())
    words = ["fit", "lfw-faces", "-k", "16", "-o", "m.imgnmf", "--checkpoint", str(kept), "--checkpoint-every", "1"]
    words += ["--max-iter", str(10**7), "--threads", "1", *(w for name in SLOW for w in (f"--{name}", SLOW[name]))]
    process = subprocess.Popen([*COMMAND, *words], cwd=folder, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not kept.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(seconds)
    return process


@pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")
@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_leaves_the_best_model_and_a_checkpoint(number, code, tmp_path):
    kept = tmp_path / "run.ckpt"
    process = begun(tmp_path, kept, seconds=0.3)
    process.send_signal(number)
    _, words = process.communicate(timeout=60)
    assert process.returncode == code, words
    assert "Traceback" not in words
    model, _ = imgnmf.load(tmp_path / "m.imgnmf")
    assert model.reason == "interrupted"
    V = imgnmf.load_dataset("lfw-faces").V
    again = imgnmf.factorize(V, 16, **SLOW, max_iter=model.n_iter, checkpoint=kept, resume=True, stop=())
    assert again.n_iter == model.n_iter
    np.testing.assert_array_equal(again.trace.objective, model.trace.objective)
    assert not list(tmp_path.glob(".*"))


def test_a_terminated_command_that_has_nothing_yet_says_so(folder, tmp_path, monkeypatch):
    def terminate(*_args, **_kwargs):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)

    former = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("imgnmf.commands.model.read_usable", terminate)
    words = refusal("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf", code=TERMINATED)
    assert "nothing was written" in words
    assert signal.getsignal(signal.SIGTERM) is former


def test_a_signal_while_the_kernels_are_compiled_is_not_lost(folder, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("imgnmf.core.warm_up._run_once", interrupted)
    words = refusal("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf", code=INTERRUPTED)
    assert "nothing was written" in words


@pytest.fixture
def background():
    """As a shell starts jobs there: SIGINT ignored."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, former)


def drop(number, monkeypatch):
    """Let the compiler's callback drop a signal while the images are read."""
    dropped = []

    @ctypes.CFUNCTYPE(None)
    def called_back():
        dropped.append(number)
        signal.raise_signal(number)

    def read(*_args, **_kwargs):
        called_back()
        time.sleep(20)

    monkeypatch.setattr("imgnmf.commands.model.read_usable", read)
    return dropped


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_that_a_callback_of_the_compiler_drops_comes_again(number, code, folder, tmp_path, monkeypatch):
    dropped = drop(number, monkeypatch)
    assert "nothing was written" in refusal("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf", code=code)
    assert dropped == [number]


@pytest.mark.usefixtures("background")
def test_what_comes_again_is_the_same_signal(folder, tmp_path, monkeypatch):
    dropped = drop(signal.SIGTERM, monkeypatch)
    refusal("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf", code=TERMINATED)
    assert dropped == [signal.SIGTERM]
