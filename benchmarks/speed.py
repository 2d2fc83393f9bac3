"""Time to reach the objective that scikit-learn ends with at its defaults, as a ratio; both in this process.

``python -m benchmarks.speed [--quick] [--loss frobenius]``
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import imgnmf
from benchmarks.data import CASES, Case
from benchmarks.peers import PeerRun, scikit_learn, scikit_learn_minibatch
from benchmarks.report import RESULTS, write
from imgnmf.core.choices import as_loss
from imgnmf.viz import Curve, convergence, save_figure

REPEATS = 3
LOSSES = ("frobenius", "kullback-leibler", "itakura-saito")


def unit_pixels(V: NDArray[Any]) -> NDArray[Any]:
    """Float32 in 0..1 for both sides: scikit-learn goes astray on 0..255."""
    return V.astype(np.float32) / np.float32(V.max())


def time_to(V: NDArray[Any], rank: int, loss: str, target: float, threads: int, limit: float) -> tuple[float, Any]:
    """Median seconds over starts until the objective is at most `target`, and the last fit."""
    seconds = []
    for rng in range(REPEATS):
        fit = imgnmf.factorize(
            V, rank, loss=loss, rng=rng, threads=threads, stop=(), max_iter=10**6, time_limit=limit,
            callback=lambda state: state.objective <= target,
        )  # fmt: skip
        reached = fit.trace.objective[-1] <= target
        seconds.append(fit.trace.seconds[-1] if reached else np.inf)
    return float(np.median(seconds)), fit


def objective(V: NDArray[Any], model: NDArray[Any], loss: str) -> float:
    return as_loss(loss).value(V.astype(np.float64), model.astype(np.float64))


def lifted(V: NDArray[Any]) -> NDArray[Any]:
    """For Itakura-Saito both sides get the same positive pixels."""
    return np.maximum(V, np.float32(1e-3 * np.median(V[V > 0])))


def compare(case: Case, loss: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    raw = case.load()
    if raw is None:
        return None
    V = unit_pixels(raw)
    if loss == "itakura-saito":
        V = lifted(V)
    peer = scikit_learn(V, case.rank, as_loss(loss).beta)
    target = objective(V, peer.model, loss)
    limit = max(1.0, 2 * peer.seconds)
    one, _ = time_to(V, case.rank, loss, target, 1, limit)
    two, fit = time_to(V, case.rank, loss, target, 2, limit)
    default = imgnmf.factorize(V, case.rank, loss=loss, threads=2, time_limit=max(20.0, peer.seconds))
    row = {
        "set": case.name,
        "m x n": f"{V.shape[0]} x {V.shape[1]}",
        "k": case.rank,
        "loss": loss,
        "solver": fit.solver,
        "scikit-learn s": peer.seconds,
        "ours s, 1 thread": one,
        "ratio, 1 thread": peer.seconds / one,
        "ratio, 2 threads": peer.seconds / two,
        "our default stop s": float(default.trace.seconds[-1]),
        "its objective / theirs": default.objective / target,
    }
    return row, {"seconds": default.trace.seconds, "objective": default.trace.objective, "theirs": target}


def fallback_ratio(case: Case) -> float:
    """The same ratio in a process without numba."""
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from benchmarks.speed import *; from benchmarks.data import case\n"
        f"c = case({case.name!r}); row, _ = compare(c, 'frobenius'); print(row['ratio, 1 thread'])"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def minibatch_rows(case: Case) -> dict[str, Any] | None:
    """Against ``MiniBatchNMF``, its dictionary judged by an exact refit of all coefficients."""
    raw = case.load()
    if raw is None:
        return None
    V = unit_pixels(raw)
    peer: PeerRun = scikit_learn_minibatch(V, case.rank)
    target = objective(V, peer.model, "frobenius")
    one, _ = time_to(V, case.rank, "frobenius", target, 1, 60)
    return {"set": case.name, "MiniBatchNMF s": peer.seconds, "ours s, 1 thread": one, "ratio": peer.seconds / one}


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def draw(curves: dict[str, Any], V_energy: dict[str, float]) -> None:
    """Our relative error against time on the Frobenius sets."""
    traces = {
        name: Curve(np.arange(1, len(c["seconds"]) + 1), c["seconds"], np.sqrt(2 * c["objective"] / V_energy[name]))
        for name, c in curves.items()
    }
    save_figure(RESULTS / "speed.png", convergence(traces, title="Relative error of imgnmf at its defaults"))


def run(cases: tuple[Case, ...], losses: tuple[str, ...], quick: bool) -> None:
    rows, curves, energies = [], {}, {}
    for loss in losses:
        for case in cases if loss == "frobenius" else [c for c in cases if "00 000" not in c.name]:
            imgnmf.factorize(np.random.default_rng(0).random((16, 40), np.float32), 4, loss=loss, max_iter=12)
            found = compare(case, loss)
            if found is None:
                continue
            rows.append(found[0])
            print(found[0], flush=True)
            if loss == "frobenius":
                curves[case.name] = found[1]
                energies[case.name] = float((unit_pixels(case.load()).astype(np.float64) ** 2).sum())
    remarks = [summary(rows, loss) for loss in losses if any(row["loss"] == loss for row in rows)]
    if not quick:
        without = {c.name: fallback_ratio(c) for c in cases if c.name.startswith(("orl 56", "digits", "patches 12"))}
        remarks.append(f"Without numba, 1 thread: {', '.join(f'{n}: {r:.1f}x' for n, r in without.items())}.")
        batches = [minibatch_rows(c) for c in cases if c.name.startswith("patches")]
        remarks += [f"{b['set']}: {b['ratio']:.1f}x MiniBatchNMF to its own objective, 1 thread." for b in batches if b]
    if curves:
        draw(curves, energies)
    write("speed", "python -m benchmarks.speed", rows, remarks, curves)


def summary(rows: list[dict[str, Any]], loss: str) -> str:
    mine = [row for row in rows if row["loss"] == loss]
    one, two = (geometric_mean([row[f"ratio, {t}"] for row in mine]) for t in ("1 thread", "2 threads"))
    return f"{loss}: geometric mean {one:.1f}x with 1 thread, {two:.1f}x with 2, over {len(mine)} sets."


@click.command()
@click.option("--quick", is_flag=True, help="The three smallest sets.")
@click.option("--loss", multiple=True, default=LOSSES)
def main(quick: bool, loss: tuple[str, ...]) -> None:
    """Compare with scikit-learn; BLAS at one thread, our threads at 1 and 2."""
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    warnings.simplefilter("ignore")
    run(CASES[:4] if quick else CASES, tuple(loss), quick)


if __name__ == "__main__":
    main()
