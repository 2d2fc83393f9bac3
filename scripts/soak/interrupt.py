"""RELIABILITY T14 at its full count: ``python scripts/soak/interrupt.py [COUNT]``.

Sends 200 real Ctrl-Cs to fits of thirteen kinds at random times. Each must come back within a second, or an iteration,
with factors that are those of the run up to there. The suite does so 26 times. Writes
``benchmarks/results/interrupt.md``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.report import write

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Hit them all and write the table; exit with 1 if anything was wrong."""
    count = sys.argv[1] if len(sys.argv) > 1 else "200"
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.interrupts", count, "1"],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    row = json.loads(done.stdout)
    told = row.pop("told")
    write("interrupt", "python scripts/soak/interrupt.py", [{"promise": "T14", "Ctrl-Cs": int(count), **row}], told)
    sys.exit(bool(row["lost"] + row["wrong"] + row["slow"]))


if __name__ == "__main__":
    main()
