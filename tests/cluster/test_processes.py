"""A scheduler and workers started from the command line, as a user would, on loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import imgnmf
import imgnmf.cluster
from imgnmf.errors import ClusterError
from tests.cli.runs import refusal, run
from tests.cluster.conftest import planted

HERE = str(Path(imgnmf.__file__).resolve().parents[1])


def started(*arguments, path=HERE):
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments], env=environment, stderr=subprocess.PIPE, text=True, cwd="/"
    )


def worker_of(address, **options):
    return started("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", **options)


@pytest.fixture
def scheduler():
    """A scheduler's process and address."""
    process = started("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
    for line in process.stderr:
        if found := re.search(r"Scheduler at:\s+(tcp://\S+)", line):
            break
    yield process, found[1]
    process.kill()
    process.communicate()


@pytest.fixture
def worker(scheduler):
    process = worker_of(scheduler[1])
    yield process
    process.kill()
    process.communicate()


def test_the_command_fits_on_the_cluster_and_says_what_it_sent(scheduler, worker, tmp_path):
    rows = (255 * planted(64, 300, np.float64).T).clip(0, 255).astype(np.uint8)
    np.save(tmp_path / "rows.npy", rows.reshape(-1, 8, 8))
    here = run("fit", tmp_path / "rows.npy", "-k", 3, "-o", tmp_path / "here.imgnmf", "--threads", 1)
    there = run("fit", tmp_path / "rows.npy", "-k", 3, "-o", tmp_path / "there.imgnmf", "--scheduler", scheduler[1])
    assert (here.exit_code, there.exit_code) == (0, 0), there.output
    assert re.search(r"each iteration sent \S+ bytes to and \S+ bytes from each of 1 worker", there.output)
    one, other = (imgnmf.load(tmp_path / f"{name}.imgnmf")[0] for name in ("here", "there"))
    assert other.objective == pytest.approx(one.objective, rel=1e-6)
    np.testing.assert_array_equal(one.W, other.W)


def test_a_scheduler_that_dies_is_an_error_and_leaves_the_best_so_far(scheduler, worker):
    V = planted(48, 1200, np.float32)

    def kill(state):
        if state.iteration == 9:
            scheduler[0].send_signal(signal.SIGKILL)

    begun = time.monotonic()
    with (
        imgnmf.cluster.connected(scheduler[1]) as client,
        pytest.raises(ClusterError, match="scheduler does not answer") as caught,
    ):
        imgnmf.cluster.factorize(V, 4, client=client, callback=kill, keep_every=4, stop=())
    best = caught.value.best
    assert np.linalg.norm(V - best.reconstruct()) / np.linalg.norm(V) == pytest.approx(best.relative_error, rel=1e-4)
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(("line", "found"), [("__version__ = '0.0.1'", "0.0.1"), ("raise ImportError", "none")])
def test_a_worker_with_another_imgnmf_or_none_is_refused(scheduler, tmp_path, line, found):
    (tmp_path / "imgnmf.py").write_text(line)
    process = worker_of(scheduler[1], path=str(tmp_path))
    try:
        words = f"all workers need imgnmf {re.escape(imgnmf.__version__)}.*has {found}"
        with imgnmf.cluster.connected(scheduler[1]) as client:
            client.wait_for_workers(1, timeout=60)
            with pytest.raises(ClusterError, match=words):
                imgnmf.cluster.factorize(planted(8, 300, np.float32), 2, client=client)
    finally:
        process.kill()
        process.communicate()


def test_no_scheduler_is_one_line_within_ten_seconds(tmp_path):
    begun = time.monotonic()
    words = refusal("fit", "digits", "-k", 2, "-o", tmp_path / "m.imgnmf", "--scheduler", "tcp://127.0.0.1:9")
    assert "no dask scheduler answered at tcp://127.0.0.1:9" in words
    assert time.monotonic() - begun < 20
