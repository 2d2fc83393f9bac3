"""What parts say of every pixel, seen or not: whole images as columns of V, or patches of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from imgnmf.core.encode import encode
from imgnmf.core.factorize import factorize
from imgnmf.core.losses import Frobenius
from imgnmf.core.penalties import L2, NO_PENALTY, Weight
from imgnmf.core.result import Factorization
from imgnmf.errors import ConvergenceWarning, DataWarning
from imgnmf.images import PatchSet, extract_patches
from imgnmf.inpainting.pictures import Array

__all__ = ["Cut", "GivenParts", "LearnedParts", "Parts", "Patches", "WholeImages"]

# A patch of which less was seen says more about its few pixels than about the rest.
LEAST_SEEN = 0.25
MOST_PATCHES = 20_000
SMALLEST = 2.0**-60
STRENGTHS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1)


class Prediction(NamedTuple):
    """V as the parts make it, NaN where they say nothing, and the parts."""

    V: Array
    fit: Factorization


class Parts(Protocol):
    """Where parts come from."""

    @property
    def strengths(self) -> tuple[float, ...]:
        """The penalties worth trying, relative to V."""
        ...

    def predict(self, V: Array, weights: Array, strength: float, max_iter: int) -> Prediction:
        """Every entry of V, from those that were seen."""
        ...


class Cut(Protocol):
    """How pictures become columns, and columns pictures."""

    def columns(self, pictures: Sequence[Array]) -> Array:
        """One matrix (n_pixels, n_columns) of all pictures."""
        ...

    def pictures(self, V: Array, weights: Array, like: Sequence[Array]) -> list[Array]:
        """The pictures that these columns make, NaN where nothing is known."""
        ...


@dataclass(frozen=True)
class LearnedParts:
    """Parts learned from the seen pixels of all the columns; `unit` is what these were divided by."""

    rank: int
    unit: float
    rng: np.random.Generator
    threads: int | None = None
    strengths: ClassVar[tuple[float, ...]] = STRENGTHS

    def predict(self, V: Array, weights: Array, strength: float, max_iter: int) -> Prediction:
        """Fit with a ridge on both factors, which together bound the nuclear norm of their product."""
        ridge = L2(strength) if strength else None
        with warnings.catch_warnings():
            for what in (ConvergenceWarning, DataWarning):
                warnings.simplefilter("ignore", what)
            fit = factorize(
                self._in_their_unit(V),
                self.rank,
                weights=weights,
                penalty_W=ridge,
                penalty_H=ridge,
                max_iter=max_iter,
                rng=self.rng,
                threads=self.threads,
            )
        known = (weights > 0).any(axis=1, keepdims=True)
        return Prediction(np.where(known, fit.reconstruct() / self.unit, np.nan), fit)

    def _in_their_unit(self, V: Array) -> Array:
        """Single precision is enough for a guess, where it can hold the numbers."""
        return (V * self.unit).astype(np.float32 if SMALLEST < self.unit < 1 / SMALLEST else np.float64)


@dataclass(frozen=True)
class GivenParts:
    """Parts learned before, from images that were whole; `unit` is what the columns were divided by."""

    fit: Factorization
    unit: float
    threads: int | None = None

    @property
    def strengths(self) -> tuple[float, ...]:
        """A ridge is tried where nothing else holds the coefficients."""
        plain = isinstance(self.fit.loss, Frobenius) and self.fit.penalty_H == NO_PENALTY
        return STRENGTHS if plain and self.fit.constraint_H is None else (0.0,)

    def predict(self, V: Array, weights: Array, strength: float, max_iter: int) -> Prediction:
        """Encode the seen pixels; `strength` is relative to the mean squared length of a part."""
        del max_iter
        fit = self.fit
        ridge = Weight(l2=strength * float((fit.W.astype(np.float64) ** 2).sum()) / fit.rank)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            H = encode(
                V * self.unit,
                fit.W,
                loss=fit.loss,
                weights=weights,
                penalty=ridge if strength else fit.penalty_H,
                constraint=fit.constraint_H,
                floor=fit.floor,
                threads=self.threads,
            )
        return Prediction(fit.W @ H / self.unit, fit)


@dataclass(frozen=True)
class WholeImages:
    """Each picture a column: they show the same thing at the same place."""

    def columns(self, pictures: Sequence[Array]) -> Array:
        """V."""
        return np.stack([picture.ravel() for picture in pictures], axis=1)

    def pictures(self, V: Array, weights: Array, like: Sequence[Array]) -> list[Array]:
        """Each column in the shape of its picture."""
        del weights
        return [column.reshape(picture.shape).astype(np.float64) for column, picture in zip(V.T, like, strict=True)]


@dataclass(frozen=True)
class Patches:
    """Overlapping patches of pictures of any size; what several say of a pixel is averaged."""

    size: tuple[int, int]

    def columns(self, pictures: Sequence[Array]) -> Array:
        """V of the patches."""
        return np.asarray(self._cut(pictures).V)

    def pictures(self, V: Array, weights: Array, like: Sequence[Array]) -> list[Array]:
        """Assemble those patches of which enough was seen."""
        enough = np.flatnonzero((weights > 0).mean(axis=0) >= LEAST_SEEN)
        kept = self._cut(like)[enough]
        return kept.assemble_each(V[:, enough].astype(np.float64))

    def _cut(self, pictures: Sequence[Array]) -> PatchSet:
        return extract_patches(list(pictures), self.size, stride=self._stride(pictures))

    def _stride(self, pictures: Sequence[Array]) -> int:
        places = sum(picture.shape[0] * picture.shape[1] for picture in pictures)
        widest = max(1, int(np.min(self.size)) // 2)
        wanted = int(np.ceil(np.sqrt(places / MOST_PATCHES)))
        return min(max(wanted, 2), widest)
