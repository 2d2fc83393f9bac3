"""Cheaper problems first: what they find starts the exact one, which alone decides the result.

Three of them, each solved by the same loop: a sample of the images, or of the pixels, where there are many more
of them than parts to learn (the idea of multilevel NMF, Gillis & Glineur 2012); V compressed to its leading subspace
where both sides are long (Tepper & Sapiro 2016); squared Frobenius without penalties before another loss, since a
HALS iteration is worth many multiplicative ones, and before penalties. Most end early once they gain little: the
exact problem is next anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, energy_of
from imgnmf.core.columns import some_images, some_pixels
from imgnmf.core.inits import Init, RandomInit, fitted_start
from imgnmf.core.iterate import first_iterate, iterate
from imgnmf.core.losses import Form, Frobenius
from imgnmf.core.other_half import coefficients_for, parts_for
from imgnmf.core.parts import Array, Quadratic
from imgnmf.core.penalties import Weight
from imgnmf.core.problem import Problem
from imgnmf.core.sketch import randomized_basis
from imgnmf.core.solvers import HALS
from imgnmf.core.sparse import is_sparse, stored_values
from imgnmf.core.steering import FREE

__all__ = ["led_in_start", "lifted", "parts_of_sample", "sample_size"]

COARSE_ITERATIONS, SKETCH_ITERATIONS, FROBENIUS_ITERATIONS, PLAIN_ITERATIONS = 40, 20, 10, 60
# A sample grows with the number of images up to here: it is held in memory.
MOST_SAMPLED = 50_000
# A lead-in ends when it gained less than this share of its objective over so many iterations.
LITTLE, WINDOW = 0.02, 4
# What a start is lifted to, relative to each part's mean, before steps that cannot leave zero.
LIFT = 0.01


def led_in_start(
    init: Init, problem: Problem, rank: int, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array]:
    """The start of `init`, improved on cheaper problems unless it is given or asks to be left alone."""
    if problem.blocks.weights is not None or not getattr(init, "lead_in", False):
        W, H = fitted_start(init, problem.blocks, rank, rng, run)
    else:
        W, H = _improved(init, problem, rank, rng, run)
    if not problem.solver.needs_positive:
        return W, H
    return lifted(W), lifted(H)


def _improved(
    init: Init, problem: Problem, rank: int, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array]:
    if (sampled := parts_of_sample(init, problem, rank, rng, run)) is not None:
        return sampled, coefficients_for(sampled, problem.blocks, run)
    other_loss, easy = not isinstance(problem.loss, Frobenius), _easy(problem)
    if easy.solver.needs != problem.solver.needs and not other_loss:
        return fitted_start(init, problem.blocks, rank, rng, run)
    if (pixels := _sample(problem.blocks.shape[0], 2 * rank, rng)) is not None:
        _, H = _coarse(easy, some_pixels(problem.blocks.data, pixels), init, rank, rng, run)
        return parts_for(H, problem.blocks, run), H
    W, H = fitted_start(init, problem.blocks, rank, rng, run)
    width = rank + 20
    if min(problem.blocks.shape) >= 8 * width and not problem.blocks.floor:
        W, H = _after(SKETCH_ITERATIONS, _sketched(easy, width, rng, run), W, H, run)
    # A penalty on a rough start can switch off parts that it would keep in a good one.
    penalised = problem.penalty_W != Weight() or problem.penalty_H != Weight()
    if penalised:
        return _after(PLAIN_ITERATIONS, easy, W, H, run, little=0)
    return _after(FROBENIUS_ITERATIONS, easy, W, H, run) if other_loss else (W, H)


def parts_of_sample(
    init: Init, problem: Problem, rank: int, rng: np.random.Generator, run: Runner[Any]
) -> Array | None:
    """The parts that a sample of the images makes; None where the start is another."""
    easy = _easy(problem)
    plain = isinstance(problem.loss, Frobenius) and problem.solver.needs != easy.solver.needs
    if problem.blocks.weights is not None or not getattr(init, "lead_in", False) or plain:
        return None
    images = _sample(problem.blocks.shape[1], rank, rng)
    return None if images is None else _coarse(easy, some_images(problem.blocks.data, images), init, rank, rng, run)[0]


def _easy(problem: Problem) -> Problem:
    """Squared Frobenius of the same V, without penalties."""
    return replace(problem, loss=Frobenius(), solver=HALS(), penalty_W=Weight(), penalty_H=Weight(), steering=FREE)


def _sample(size: int, rank: int, rng: np.random.Generator) -> Array | None:
    """Some of `size` indices, where a sample is much less than the whole and enough for `rank` parts."""
    enough = sample_size(size, rank)
    return None if enough is None else np.sort(rng.choice(size, enough, replace=False))


def sample_size(size: int, rank: int) -> int | None:
    """How many of `size` images the lead-in looks at, or None if all.

    >>> sample_size(1_000_000, 49), sample_size(1000, 49)
    (50980, None)
    """
    enough = max(500, 20 * rank) + min(size // 20, MOST_SAMPLED)
    return None if size < 2 * enough else enough


def _coarse(
    easy: Problem, sample: Array, init: Init, rank: int, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array]:
    blocks = easy.blocks.of(sample if is_sparse(sample) else np.ascontiguousarray(sample.T).T)
    if not stored_values(sample).any() or rank > min(sample.shape):
        return RandomInit().start(blocks, rank, rng, run)
    W, H = fitted_start(init, blocks, rank, rng, run)
    return _after(COARSE_ITERATIONS, replace(easy, blocks=blocks, energy=energy_of(blocks, run)), W, H, run)


def _after(
    iterations: int, problem: Problem, W: Array, H: Array, run: Runner[Any], *, little: float = LITTLE
) -> tuple[Array, Array]:
    objectives: list[float] = []
    for last in islice(iterate(problem, first_iterate(problem, W, H), run), iterations):
        objectives.append(last.objective)
        if len(objectives) > WINDOW and objectives[-WINDOW - 1] - objectives[-1] < little * objectives[-1]:
            break
    return last.W, last.H.copy()


@dataclass(frozen=True, eq=False)
class _SketchedFrobenius(Frobenius):
    """Frobenius on ``V ~ basis.T @ B``: products with V become two thin ones, and both factors stay whole."""

    basis: Array

    def parts(
        self, form: Form, V: Array, fixed: Array, moving: Array, *, weights: Array | None = None, measure: bool = False
    ) -> Quadratic:
        transposed = fixed.shape[1] == V.shape[0]
        product = (fixed @ V) @ self.basis if transposed else (fixed @ self.basis.T) @ V
        return Quadratic(fixed @ fixed.T, product, V.shape[0] if transposed else self.basis.shape[1])


def _sketched(problem: Problem, width: int, rng: np.random.Generator, run: Runner[Any]) -> Problem:
    basis, compressed = randomized_basis(problem.blocks, width, rng, run)
    blocks = ColumnBlocks(np.ascontiguousarray(compressed.T).T, problem.blocks.dtype)
    return replace(problem, blocks=blocks, loss=_SketchedFrobenius(basis), energy=energy_of(blocks, run))


def lifted(factor: Array) -> Array:
    """The factor without zeros, which a multiplicative step could never leave."""
    level = factor.mean(axis=1, keepdims=True)
    level = np.where(level > 0, level, factor.mean())
    return np.asarray(np.maximum(factor, np.asarray(LIFT, factor.dtype) * level))
