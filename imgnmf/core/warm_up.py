"""Compile the kernels of a fit before its clock starts: the first fit of a process is as fast as the rest."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, energy_of
from imgnmf.core.encode import encodable, exact_coefficients
from imgnmf.core.interrupts import interruptible
from imgnmf.core.iterate import first_iterate, iterate
from imgnmf.core.kernels import can_compile
from imgnmf.core.losses import Frobenius
from imgnmf.core.penalties import NO_PENALTY
from imgnmf.core.problem import Problem, settled
from imgnmf.core.solvers import HALS

__all__ = ["compile_kernels"]


def compile_kernels(loss: Any, solver: Any, dtype: np.dtype[Any]) -> float:
    """Compile what a fit by this loss and solver runs, once per process; return the seconds that it took.

    Losses and solvers of your own are not run here, and without numba there is nothing to compile.

    >>> compile_kernels(Frobenius(), HALS(), np.dtype(np.float64)) >= 0
    True
    """
    started = time.perf_counter()
    ours = all(type(one).__module__.startswith("imgnmf.") for one in (loss, solver))
    if ours and can_compile():
        with interruptible():  # a Ctrl-C here finds no fit begun
            # Starts of every loss are improved by HALS under squared Frobenius first.
            _run_once(Frobenius(), HALS(), dtype)
            if solver.needs in loss.offers:  # else it serves a sparse V of which stored entries alone were seen
                _run_once(loss, solver, dtype)
    return time.perf_counter() - started


@cache
def _run_once(loss: Any, solver: Any, dtype: np.dtype[Any]) -> None:
    """Run one iteration on a tiny V, and the exact coefficients after it."""
    blocks = ColumnBlocks(np.ones((4, 4), dtype), dtype)
    energy = energy_of(blocks, map)
    W, H = np.ones((2, 1, 4), dtype)
    problem = settled(Problem(blocks, loss, solver, NO_PENALTY, NO_PENALTY, energy, energy), W, H)
    found = next(iterate(problem, first_iterate(problem, W, H), map))
    if encodable(problem.loss):
        exact_coefficients(found.W, blocks, problem.loss, NO_PENALTY, map)
