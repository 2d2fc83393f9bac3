"""RELIABILITY T15 and T16 at their full count: ``python scripts/soak/resume.py [COUNT]``.

Kills 200 fits at random moments while they write a checkpoint after every iteration; what each kill left must load and
be the uninterrupted run up to there, and each run that is gone on with must end as the uninterrupted one, to the last
bit. The suite does so 20 times. Writes ``benchmarks/results/resume.md``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.report import write

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Kill them all and write the table; exit with 1 if anything was wrong."""
    count = sys.argv[1] if len(sys.argv) > 1 else "200"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.checkpoint.kills", folder, count, "1"],
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    row = json.loads(done.stdout)
    write("resume", "python scripts/soak/resume.py", [{"promise": "T15, T16", **row}], [])
    sys.exit(bool(row["wrong"]))


if __name__ == "__main__":
    main()
