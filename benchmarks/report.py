"""What a benchmark leaves behind: a table on the screen, Markdown and JSON with the machine's description."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

__all__ = ["RESULTS", "machine", "table", "write"]

RESULTS = Path(__file__).resolve().parent / "results"


def machine() -> dict[str, Any]:
    """Processor, cores, load, BLAS and versions, without names of hosts or folders."""
    cpu = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    blas = [f"{lib['internal_api']} {lib['version']} {lib.get('architecture', '')}" for lib in threadpool_info()]
    packages = ("numpy", "scipy", "scikit-learn", "numba", "threadpoolctl")
    return {
        "processor": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "load average at the start": round(os.getloadavg()[0], 2),
        "BLAS": sorted(set(blas)),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table with the keys of the first row as its head."""
    head = list(rows[0])
    cells = [head, *[[_cell(row[key]) for key in head] for row in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)) + " |" for line in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def write(name: str, command: str, rows: list[dict[str, Any]], remarks: list[str], curves: Any = None) -> None:
    """Write ``results/name.md`` and ``results/name.json`` and print the table."""
    about = machine()
    text = [
        table(rows),
        "",
        *(f"- {remark}" for remark in remarks),
        "",
        f"`{command}` on {about['processor']}, {about['cores']} cores.",
    ]
    print("\n".join(text))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text("\n".join(text) + "\n")
    record = {"command": command, "machine": about, "rows": rows, "remarks": remarks, "curves": curves}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1, default=_plain) + "\n")


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)
