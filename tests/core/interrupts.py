"""Send Ctrl-C to a fit at random times: ``python -m tests.core.interrupts COUNT SEED``.

A process of its own, since a signal that comes late must not hit the tests. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import imgnmf
from imgnmf import family

PLAIN = {"rank": 6, "stop": (), "max_iter": 150}
OUTCOMES = (
    "stopped, and the run up to there",
    "before there was anything",
    "had ended",
    "lost",
    "wrong",
    "slow",
)


def cases(folder: Path) -> dict[str, Callable[..., Any]]:
    """Fits of every kind that can be interrupted, each to be called with a callback."""
    rng = np.random.default_rng(0)
    V = rng.random((300, 6)) @ rng.random((6, 900)) + 0.1 * rng.random((300, 900))
    fit = partial(imgnmf.factorize, V, **PLAIN)
    number = iter(range(10**9))

    def checkpointed(**given: Any) -> Any:
        return fit(checkpoint=imgnmf.Checkpoint(folder / f"{next(number)}.ckpt", every_iterations=3), **given)

    def ranked(callback: Any) -> Any:
        given = {"stop": (), "max_iter": 60, "callback": lambda rank, state: callback(state)}
        try:
            study = imgnmf.factorize_ranks(V, [3, 6], **given)
        except imgnmf.Interrupted as interrupt:
            so_far = interrupt.best
            last = so_far[so_far.ranks[-1]] if so_far is not None and so_far.interrupted else None
            raise imgnmf.Interrupted(best=last) from None
        return study[6]

    return {
        "frobenius": fit,
        "frobenius, two threads": partial(fit, threads=2),
        "kullback-leibler": partial(fit, loss="kullback-leibler"),
        "kullback-leibler, mu": partial(fit, loss="kullback-leibler", solver="mu"),
        "huber": partial(fit, loss="huber", max_iter=60),
        "weights": partial(fit, weights=(rng.random(V.shape) > 0.2).astype(np.float32), max_iter=60),
        "two starts": partial(fit, n_init=2, init="random", max_iter=60),
        "online": partial(fit, online=imgnmf.Online(images=300, passes=2), max_iter=60),
        "checkpoints": checkpointed,
        "ranks": ranked,
        "semi": partial(family.semi, V - V.mean(), 6, stop=(), max_iter=150),
        "minimum-volume": partial(family.minimum_volume, V, 6, stop=(), max_iter=60),
        "symmetric": partial(family.symmetric, V.T[:300] @ V[:, :300], 6, n_init=2, stop=(), max_iter=60),
    }


@dataclass
class Watched:
    """What a callback saw: how many iterations, and the longest of them."""

    iterations: int = 0
    longest: float = 0.0
    last: float = 0.0

    def __call__(self, _state: Any) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.last if self.last else 0.0)
        self.iterations, self.last = self.iterations + 1, now


class Interrupts:
    """Each case in turn, hit once at a random time; what came of it is counted."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng, self.cases = np.random.default_rng(seed), cases(folder)
        self.wholes: dict[str, tuple[Any, float]] = {}
        self.count: Counter[str] = Counter()
        self.slowest = 0.0
        self.told: list[str] = []
        for name, fit in self.cases.items():
            fit(callback=Watched())  # compiles
            started = time.perf_counter()
            self.wholes[name] = fit(callback=Watched()), time.perf_counter() - started

    def once(self, place: int) -> None:
        """Hit one case."""
        name = list(self.cases)[place % len(self.cases)]
        whole, seconds = self.wholes[name]
        watch, sent = Watched(), []

        def hit() -> None:
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

        timer = threading.Timer(float(self.rng.uniform(0, seconds)), hit)
        fit, interrupted, ended = None, True, None
        try:
            timer.start()
            fit = self.cases[name](callback=watch)
            ended, interrupted = time.perf_counter(), False
            timer.cancel()
            timer.join()  # a signal that is on its way comes here
        except imgnmf.Interrupted as interrupt:
            fit, ended = interrupt.best, time.perf_counter()
        except KeyboardInterrupt:  # before the call, or after it
            ended = ended or time.perf_counter()
        timer.join()
        outcome = self.judged(fit, whole, watch, interrupted)
        late = max(ended - sent[0], 0.0) if sent else 0.0
        self.slowest = max(self.slowest, late)
        if late > max(1.0, 2 * watch.longest):
            outcome = "slow"
        if outcome in ("lost", "wrong", "slow"):
            self.told.append(f"{name}: {outcome} after {watch.iterations} iterations")
        self.count[outcome] += 1

    def judged(self, fit: Any, whole: Any, watch: Watched, interrupted: bool) -> str:
        """What a call came to."""
        if fit is None:
            return "lost" if watch.iterations else "before there was anything"
        if not interrupted:
            return "had ended" if fit.reason == whole.reason else "wrong"
        seen, n = fit.trace.objective, fit.n_iter
        good = [np.isfinite(fit.W).all(), np.isfinite(fit.H).all(), fit.H.min() >= 0, np.isfinite(fit.objective)]
        good += [fit.W.shape[1] == fit.H.shape[0], not fit.converged, len(seen) == n, len(fit.trace.seconds) == n]
        if fit.rank == whole.rank and fit.init != "random":  # the best of several starts may be another one
            good.append(np.array_equal(seen, whole.trace.objective[:n]))
        return "stopped, and the run up to there" if all(good) else "wrong"


def main() -> None:
    """Hit so many times."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
    with tempfile.TemporaryDirectory() as folder:
        hits = Interrupts(Path(folder), int(sys.argv[2]))
        for place in range(int(sys.argv[1])):
            hits.once(place)
    row = {name: hits.count[name] for name in OUTCOMES}
    print(json.dumps({**row, "slowest, s": round(hits.slowest, 3), "told": hits.told}))


if __name__ == "__main__":
    main()
