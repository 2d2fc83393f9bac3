"""Find the step that meets a target: so many bytes, or so good a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imgnmf.core.parts import Array
from imgnmf.errors import IncompatibleError, ParameterError
from imgnmf.validation import checked_count, checked_number

__all__ = ["Attempt", "Target", "chosen", "pooled_psnr"]


@dataclass(frozen=True)
class Attempt:
    """A finished file, and how near to the images it comes."""

    data: bytes
    psnr: float


@dataclass(frozen=True)
class Target:
    """What the user asked for; at most one of them.

    >>> Target(target_bytes=100).met(Attempt(bytes(99), 30.0))
    True
    """

    bits: int | None = None
    step: float | None = None
    target_bytes: int | None = None
    target_psnr: float | None = None

    def __post_init__(self) -> None:
        given = [name for name, value in vars(self).items() if value is not None]
        if len(given) > 1:
            raise IncompatibleError(f"pass one of bits, step, target_bytes and target_psnr, got {' and '.join(given)}")
        for name, largest in (("bits", 16), ("step", 1e6), ("target_bytes", 2**40), ("target_psnr", 99)):
            value = getattr(self, name)
            if value is not None and name in ("bits", "target_bytes"):
                checked_count(name, value, 1)
            if value is not None:
                checked_number(name, value, f"a number above 0 and at most {largest:g}", above=0, most=largest)

    @property
    def searched(self) -> bool:
        """Whether a step must be searched for."""
        return self.target_bytes is not None or self.target_psnr is not None

    def met(self, attempt: Attempt) -> bool:
        """Whether this is small, or good, enough."""
        if self.target_bytes is not None:
            return len(attempt.data) <= self.target_bytes
        return attempt.psnr >= (self.target_psnr or 0)

    def better(self, one: Attempt | None, other: Attempt) -> Attempt:
        """Return the one to keep of two: the better picture for bytes, the smaller file for a quality."""
        if one is None or self.met(one) != self.met(other):
            return one if one is not None and self.met(one) else other
        small = self.target_psnr is not None if self.met(one) else self.target_bytes is not None
        if small:
            return min(one, other, key=lambda attempt: len(attempt.data))
        return max(one, other, key=lambda attempt: attempt.psnr)

    def refuse_unless_met(self, best: Attempt) -> Attempt:
        """Return the best attempt, or say that it does not suffice.

        Raises
        ------
        ParameterError
            With the best that can be had.
        """
        if self.met(best):
            return best
        if self.target_bytes is not None:
            raise ParameterError(
                f"{self.target_bytes} bytes cannot be reached: the smallest file has {len(best.data)}, at "
                f"{best.psnr:.2f} dB; pass target_bytes={len(best.data)}, a lower rank, or shared parts"
            )
        raise ParameterError(
            f"{self.target_psnr} dB cannot be reached: the best is {best.psnr:.2f} dB in {len(best.data)} bytes; "
            "pass a higher rank, or parts of patches"
        )


def chosen(target: Target, steps: Sequence[float], attempt: Callable[[float], Attempt]) -> Attempt:
    """Search `steps`, the finest first, for the one that just meets the target, by halving.

    Examples
    --------
    >>> made = chosen(Target(target_bytes=20), range(1, 99), lambda step: Attempt(bytes(100 // step), 50.0 - step))
    >>> len(made.data), made.psnr
    (20, 45.0)
    """
    best: Attempt | None = None
    low, high = 0, len(steps) - 1
    while low <= high:
        middle = (low + high) // 2
        made = attempt(steps[middle])
        best = target.better(best, made)
        if target.met(made) == (target.target_bytes is not None):
            high = middle - 1
        else:
            low = middle + 1
    if best is None:
        raise ParameterError("there is no step to choose from")
    return best


def pooled_psnr(pixels: Array, others: Array) -> float:
    """Return the PSNR in dB of all pixels together, 255 being white; infinite for equal ones.

    >>> round(pooled_psnr(np.array([[0, 255]]), np.array([[0, 0]])), 2)
    3.01
    """
    error = float(np.mean((pixels.astype(np.float64) - others) ** 2))
    return float(10 * np.log10(255**2 / error)) if error else float("inf")
