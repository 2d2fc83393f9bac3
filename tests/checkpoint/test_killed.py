"""RELIABILITY T15 and T16: killed at random moments, a run goes on and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
def test_twenty_kills_lose_nothing(tmp_path):
    """Of 200, `scripts/soak/resume.py` tells."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.checkpoint.kills", str(tmp_path), "20", "0"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count = json.loads(done.stdout)
    assert (count["kills"], count["wrong"]) == (20, 0), done.stderr
    assert count["loaded, equal so far"] + count["before the file was there"] == 20
    assert count["loaded, equal so far"] >= 5
    assert count["ends"] >= 1
