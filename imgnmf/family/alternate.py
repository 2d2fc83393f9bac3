"""Steps on all factors in turn, extrapolated, and taken back where the objective would rise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import count
from typing import Literal, TypeAlias

import numpy as np

from imgnmf.core.extrapolation import Pace, extrapolated
from imgnmf.core.interrupts import concluded
from imgnmf.core.kernels import hals_sweeps
from imgnmf.core.limits import Limits, Reached
from imgnmf.core.parts import Array
from imgnmf.core.result import History, in_unit
from imgnmf.core.units import power_of_two
from imgnmf.family.frame import Frame, cancelling, coefficients, ridged, squared_residual
from imgnmf.family.result import FamilyFit, Member

__all__ = ["Alternation", "Factors", "Stepped", "finished", "swept_coefficients"]

Factors: TypeAlias = tuple[Array, ...]

# What a step without extrapolation would gain tells how much there is left to gain; it costs a step.
PROBE_EVERY = 10
SWEEPS, PATIENCE = 10, 0.01


@dataclass(frozen=True)
class Stepped:
    """All factors after a step, and what they come to."""

    factors: Factors
    objective: float
    squared_residual: float


@dataclass
class Alternation:
    """A member's steps, run as `imgnmf.core.iterate` runs those of NMF (Ang & Gillis 2019).

    Attributes
    ----------
    step : callable
        Improves all factors once; from an accepted point it never raises the objective.
    factors : tuple of array
        The best so far.
    signed : tuple of bool
        Which factors may be negative.
    pair : callable
        k-major W and H of the factors.
    """

    step: Callable[[Factors], Stepped]
    factors: Factors
    signed: tuple[bool, ...]
    pair: Callable[[Factors], tuple[Array, Array]] = lambda factors: (factors[0], factors[1])

    def iterates(self) -> Iterator[Reached]:
        """Improve the factors forever; each iterate's objective is at most the one's before."""
        pace, ahead = Pace(), self.factors
        objective, squared = np.inf, np.nan
        for iteration in count(1):
            stepped = self.step(ahead)
            if stepped.objective <= objective:
                ahead = self._moved_on(stepped.factors, pace.momentum)
                self.factors, objective, squared = stepped.factors, stepped.objective, stepped.squared_residual
                pace = pace.after_success()
            else:
                pace, ahead = pace.after_rise(), self.factors
            promised = np.nan
            if iteration % PROBE_EVERY == 0:
                promised = max(objective - self.step(self.factors).objective, 0.0)
            yield Reached(*self.pair(self.factors), objective, squared, promised, iteration)

    def _moved_on(self, new: Factors, momentum: float) -> Factors:
        def onward(now: Array, before: Array, signed: bool) -> Array:
            if signed:
                return np.asarray(now + momentum * (now - before))
            return extrapolated(now, before, momentum, positive_only=False)

        return tuple(map(onward, new, self.factors, self.signed))

    def follow(self, frame: Frame, limits: Limits) -> tuple[History, str, bool]:
        """Run until something says stop: how it went, why it ended, and whether that means convergence."""
        history = History(rounding=frame.rounding, reference=frame.energy / 2)
        _, reason, converged = limits.follow(self.iterates(), Reached(*self.pair(self.factors)), frame, history)
        return history, reason, converged


def swept_coefficients(frame: Frame, W: Array, H: Array, ridge: float = 0.0) -> tuple[Array, Array, Array]:
    """Sweeps over H, block by block: ``H H'`` and ``H V'``, which a step on W needs, and the new H.

    With a ridge, a share of each part's own energy is added to the loss.
    """
    gram, moved = ridged(W @ W.T, ridge), np.empty_like(H)

    def visit(span: slice) -> Array:
        V_b = frame.blocks.load(span)
        moved[:, span] = hals_sweeps(gram, W @ V_b, H[:, span], SWEEPS, PATIENCE)
        return np.asarray(moved[:, span] @ V_b.T)

    product = reduce(np.add, frame.run(visit, frame.blocks.spans))
    return moved @ moved.T, product, moved


def finished(
    frame: Frame,
    W: Array,
    H: Array | None,
    went: tuple[History, str, bool],
    *,
    member: Member,
    init: str,
    shares: Array | None = None,
    ridge: float = 0.0,
    penalty: float = 0.0,
    unit_in: Literal["W", "H", "both"] = "W",
) -> FamilyFit:
    """The fit in the user's unit, which `unit_in` carries, its error computed anew; H is exact where none is given.

    Raises
    ------
    Interrupted
        With that fit, if Ctrl-C ended it.
    """
    history, reason, converged = went

    def measured(reason: str, converged: bool) -> FamilyFit:
        found = coefficients(frame, W, ridge) if H is None else H
        squared, added = squared_residual(frame, W, found), penalty + cancelling(W, found, ridge)
        exponent = frame.blocks.exponent
        unit = power_of_two(2 * exponent)
        on_W = {"W": exponent, "H": 0, "both": exponent // 2}[unit_in]
        return FamilyFit(
            W=np.ldexp(W, on_W).T.astype(frame.dtype),
            H=np.ldexp(found, exponent - on_W).astype(frame.dtype),
            member=member,
            n_iter=len(history.seconds),
            converged=converged,
            reason=reason,
            objective=float(in_unit(np.array(squared / 2 + added), unit)),
            relative_error=float(np.sqrt(squared / frame.energy)),
            trace=history.frozen(unit),
            init=init,
            shares=None if shares is None else shares.astype(frame.dtype),
            penalty=float(in_unit(np.array(added), unit)),
            ridge=ridge,
        )

    return concluded(measured, reason, converged)
