"""The first pair of a fit: led in, beside the parts that are given, and inside the sets that it must stay in."""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.blocks import Runner
from imgnmf.core.inits import Init, fitted_start
from imgnmf.core.lead_in import led_in_start, lifted
from imgnmf.core.other_half import coefficients_for
from imgnmf.core.parts import Array
from imgnmf.core.problem import Problem
from imgnmf.core.steering import Steering

__all__ = ["coefficients_in", "inside", "steered_start"]


def steered_start(
    init: Init, problem: Problem, rank: int, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array]:
    """The start of `init`, beside the given parts and inside the sets."""
    steering = problem.steering
    if steering.fixed_W is None:
        W, H = led_in_start(init, problem, rank, rng, run)
    else:
        W, H = _beside(steering.fixed_W, init, problem, rank, rng, run)
    return inside(steering, W, H)


def inside(steering: Steering, W: Array, H: Array) -> tuple[Array, Array]:
    """A start, brought into the sets that it must stay in."""
    if steering.constraint_H is not None:
        share = np.asarray(steering.constraint_H.excess(H), H.dtype)
        W, H = W * share, steering.constraint_H.projected(H / share)
        if steering.fixed_W is not None:
            W[: steering.n_fixed] = steering.fixed_W
    return steering.kept_W(W), H


def coefficients_in(problem: Problem, W: Array, run: Runner[Any]) -> Array:
    """Coefficients to start from for the parts `W`, where the solver and the constraint want them."""
    H = coefficients_for(W, problem.blocks, run)
    H = lifted(H) if problem.solver.needs_positive else H
    return H if problem.steering.constraint_H is None else problem.steering.constraint_H.projected(H)


def _beside(
    fixed: Array, init: Init, problem: Problem, rank: int, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array]:
    W = fixed
    if rank > len(fixed):
        W = np.concatenate([fixed, fitted_start(init, problem.blocks, rank - len(fixed), rng, run)[0]])
    H = coefficients_for(W, problem.blocks, run)
    if not problem.solver.needs_positive:
        return W, H
    return np.concatenate([fixed, lifted(W[len(fixed) :])]) if rank > len(fixed) else W, lifted(H)
