"""`make cluster`: a scheduler and two workers that belong to one process and end with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from distributed import Client

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "local_cluster.py"


def start(port):
    return subprocess.Popen(
        [sys.executable, SCRIPT, "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def cluster():
    """A cluster in a process group of its own, as a terminal would start it, and the line that it prints last."""
    process = start(0)
    lines = [process.stdout.readline() for _ in range(2)]
    yield process, lines[-1]
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_the_line_that_is_printed_last_reaches_two_workers(cluster):
    _process, line = cluster
    address = re.fullmatch(r"imgnmf fit .* --scheduler (tcp://127\.0\.0\.1:\d+)\n", line)[1]
    with Client(address, set_as_default=False) as client:
        assert len(client.scheduler_info()["workers"]) == 2


@pytest.mark.parametrize("to_all", [True, False], ids=["ctrl-c", "sigterm"])
def test_a_signal_ends_all_of_it_without_a_word(cluster, to_all):
    process, _line = cluster
    children = psutil.Process(process.pid).children(recursive=True)
    if to_all:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (0, "", "")
    _gone, alive = psutil.wait_procs(children, timeout=10)
    assert all(child.status() == psutil.STATUS_ZOMBIE for child in alive)


def test_a_port_that_is_taken_is_refused_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(port)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert re.fullmatch(
        rf"no cluster on port {port}: .*ddress already in use; for another port: make cluster PORT=N\n", errors
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_starts_the_script_on_the_port_that_was_asked_for():
    shown = subprocess.run(
        ["make", "-n", "cluster", "PORT=18786"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "scripts/local_cluster.py --port 18786" in shown.stdout
