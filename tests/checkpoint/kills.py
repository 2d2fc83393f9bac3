"""Kill a fit again and again while it writes its checkpoint: ``python -m tests.checkpoint.kills FOLDER COUNT SEED``.

A process of its own, because it forks: a child starts where the kernels are compiled already, and gets further than
its imports before it is killed. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import imgnmf

CASES: tuple[dict[str, Any], ...] = (
    {"loss": "frobenius"},
    {"loss": "kullback-leibler", "solver": "mu"},
    {"loss": "huber", "n_init": 2, "init": "random"},
)


class Kills:
    """One fit, killed until it is done, then the next one; what came of it is counted."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.path, self.rng = folder / "run.ckpt", np.random.default_rng(seed)
        self.V = self.rng.random((60, 3)) @ self.rng.random((3, 80)) + 0.1 * self.rng.random((60, 80))
        self.wholes = [imgnmf.factorize(**self.options(place)) for place in range(len(CASES))]
        self.count = {"kills": 0, "before the file was there": 0, "loaded, equal so far": 0, "wrong": 0, "ends": 0}
        self.done = 0
        started = time.perf_counter()
        for place in range(len(CASES)):
            self.end(place, count=False)
        # So that a run takes a few kills, however busy the machine is.
        self.most_seconds = (time.perf_counter() - started) / len(CASES) / 2

    def options(self, place: int) -> dict[str, Any]:
        """How a case is fitted."""
        return {"V": self.V, "rank": 4, "stop": (), "max_iter": 16, "threads": 1, **CASES[place]}

    def resumed(self, path: Path, place: int, every: int = 1, **other: Any) -> Any:
        """The fit, gone on with."""
        kept = imgnmf.Checkpoint(path, every_iterations=every)
        return imgnmf.factorize(**{**self.options(place), **other}, checkpoint=kept, resume=True)

    def once(self) -> None:
        """Start a child, and kill it at a random time."""
        place = self.done % len(CASES)
        child = os.fork()
        if child == 0:
            self.resumed(self.path, place)
            os._exit(0)
        time.sleep(float(self.rng.uniform(0, self.most_seconds)))
        os.kill(child, signal.SIGKILL)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended == -signal.SIGKILL:
            self.count["kills"] += 1
            self.look(place)
        elif ended == 0:
            self.end(place)
        else:
            self.count["wrong"] += 1

    def look(self, place: int) -> None:
        """What a kill left must load, and be the whole run up to there."""
        if not self.path.exists():
            self.count["before the file was there"] += 1
            return
        copy = self.path.with_name("copy.ckpt")
        copy.write_bytes(self.path.read_bytes())
        at_once = CASES[place].get("n_init") is None
        fit = self.resumed(copy, place, 10**6, **({"max_iter": 1} if at_once else {}))
        seen, whole = fit.trace.objective, self.wholes[place].trace.objective
        good = np.array_equal(seen, whole[: len(seen)]) if at_once else self.equal(fit, place)
        self.count["loaded, equal so far" if good else "wrong"] += 1

    def end(self, place: int, *, count: bool = True) -> None:
        """A run that ended must be the one that was never killed, and leave nothing behind."""
        good = self.equal(self.resumed(self.path, place), place) and not list(self.path.parent.glob(".*"))
        self.count["ends" if good else "wrong"] += count
        self.path.unlink()
        self.done += count

    def equal(self, fit: Any, place: int) -> bool:
        """To the last bit."""
        whole = self.wholes[place]
        pairs = ((fit.W, whole.W), (fit.H, whole.H), (fit.trace.objective, whole.trace.objective))
        return all(np.array_equal(a, b) for a, b in pairs) and fit.reason == whole.reason


def main() -> None:
    """Kill so many times, then let the last run end."""
    warnings.simplefilter("ignore")
    kills = Kills(Path(sys.argv[1]), int(sys.argv[3]))
    while kills.count["kills"] < int(sys.argv[2]):
        kills.once()
    kills.end(kills.done % len(CASES))
    print(json.dumps(kills.count))


if __name__ == "__main__":
    main()
