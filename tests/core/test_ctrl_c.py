"""RELIABILITY T14: real signals at random times leave the best so far."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_ctrl_c_at_random_times_loses_nothing():
    """Twice for each kind of fit; of 200, `scripts/soak/interrupt.py` tells, which looks at the time it takes too."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.interrupts", "26", "0"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count = json.loads(done.stdout)
    assert (count["lost"], count["wrong"]) == (0, 0), count["told"]
    assert count["stopped, and the run up to there"] >= 5
