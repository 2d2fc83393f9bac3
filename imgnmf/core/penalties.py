"""Penalties on the factors: added to the loss, and to the parts of a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from imgnmf.core.graphs import Ties, checked_graph
from imgnmf.core.parts import Array, Parts, inner
from imgnmf.core.units import times_power_of_two
from imgnmf.errors import DataError, IncompatibleError, ParameterError, ShapeMismatchError
from imgnmf.validation import LARGEST, check_number_field, checked_count, checked_items

__all__ = [
    "L1",
    "L2",
    "NO_PENALTY",
    "Neighbours",
    "Orthogonal",
    "Penalties",
    "Smooth",
    "Weight",
    "laplacian",
    "weights_of",
]


# Of a strength in the scaled unit, as an exponent: a coefficient's square times this is in range still.
STRONGEST = 200


@dataclass(frozen=True)
class L1:
    """``strength * sum(factor)``: drives small entries to zero.

    The strength is free of the unit of V and of its size: `factorize` multiplies it by ``s**(beta - 1/2)``, `s` being
    the root mean square of V, and by the number of entries that each coefficient explains (n_pixels for H, n_images
    for W).

    Examples
    --------
    >>> L1(-1)
    Traceback (most recent call last):
    imgnmf.errors.ParameterError: the strength of a penalty must be a number >= 0, got -1
    """

    strength: float

    def __post_init__(self) -> None:
        _check_strength(self)


@dataclass(frozen=True)
class L2:
    """``strength / 2 * sum(factor**2)``: keeps entries small; scaled as `L1`, by ``s**(beta - 1)``.

    Examples
    --------
    >>> L2(0.1)
    L2(strength=0.1)
    """

    strength: float

    def __post_init__(self) -> None:
        _check_strength(self)


Penalty: TypeAlias = "L1 | L2 | Smooth | Orthogonal | Neighbours"
Penalties: TypeAlias = "Penalty | Sequence[Penalty] | Weight | None"


@dataclass(frozen=True)
class Smooth:
    """``strength / 2 * sum (w_p - w_q)**2`` over neighbouring pixels: parts without grain; on W, scaled as `L2`.

    Parameters
    ----------
    strength : float
    image_shape : (height, width) or (height, width, channels)
        Of the images; channels are smoothed each on its own.

    Examples
    --------
    >>> Smooth(0.1, (8, 8))
    Smooth(strength=0.1, image_shape=(8, 8))
    """

    strength: float
    image_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_strength(self)
        shape = checked_items("image_shape", self.image_shape, "image_shape=(height, width)")
        if len(shape) not in (2, 3):
            raise ParameterError(f"image_shape must be (height, width) or (height, width, channels), got {shape}")
        object.__setattr__(self, "image_shape", tuple(checked_count("all of image_shape", n, 1) for n in shape))


@dataclass(frozen=True)
class Orthogonal:
    """``strength / 2 * sum_{s != t} <w_s, w_t>``: parts that do not overlap; on W, scaled as `L2`.

    Examples
    --------
    >>> Orthogonal(0.1)
    Orthogonal(strength=0.1)
    """

    strength: float

    def __post_init__(self) -> None:
        _check_strength(self)


@dataclass(frozen=True, eq=False, repr=False)
class Neighbours:
    """``strength / 2 * sum_{i < j} S_ij |h_i - h_j|**2``: images joined by a graph get coefficients that are alike.

    Graph regularised NMF (Cai et al. 2011); on H, scaled as `L2`. It holds in the fit. A new image has no
    neighbours, so `encode` gives it the coefficients that it has without any.

    Parameters
    ----------
    strength : float
    graph : sparse matrix or array, shape (n_images, n_images), symmetric, non-negative
        How much two images are to be alike; `imgnmf.neighbour_graph` makes one of V.

    Examples
    --------
    >>> Neighbours(0.1, np.eye(3)[::-1])
    Neighbours(strength=0.1, graph of 3 images with 3 entries)
    """

    strength: float
    graph: Any

    def __post_init__(self) -> None:
        _check_strength(self)
        object.__setattr__(self, "graph", checked_graph(self.graph))

    def __repr__(self) -> str:
        # Of thousands of images: all of it would bury the message that names it.
        n_images = self.graph.shape[0]
        return f"Neighbours(strength={self.strength}, graph of {n_images} images with {self.graph.nnz} entries)"

    def of_images(self, n_images: int) -> Any:
        """The graph, once it is seen that it is one of so many images."""
        if self.graph.shape[0] != n_images:
            raise ShapeMismatchError(
                f"the graph of {self!r} must have shape (n_images, n_images) = ({n_images}, {n_images}), got "
                f"{self.graph.shape}; imgnmf.neighbour_graph(V) makes one"
            )
        return self.graph


@dataclass(frozen=True)
class Weight:
    """What penalties come to, in the unit of the scaled data.

    ``l1 sum(F) + l2 / 2 sum(F**2) + overlap / 2 sum_{s != t} <F_s, F_t> + smooth / 2 sum (F_p - F_q)**2``, the last
    over neighbours on the pixel `grid`; and the ties between the columns.
    """

    l1: float = 0.0
    l2: float = 0.0
    overlap: float = 0.0
    smooth: float = 0.0
    grid: tuple[int, ...] = ()
    ties: Ties | None = None

    def value(self, factor: Array) -> float:
        """The penalty of a non-negative factor."""
        l1 = self.l1 * float(factor.sum(dtype=np.float64)) if self.l1 else 0.0
        l2 = self.l2 / 2 * float(np.square(factor, dtype=np.float64).sum()) if self.l2 else 0.0
        tied = 0.0 if self.ties is None else self.ties.value(factor)
        return l1 + l2 + self._overlap(factor) + self._roughness(factor) + tied

    def entries(self, factor: Array) -> Array:
        """The penalty of every entry."""
        return self.l1 * factor + self.l2 / 2 * factor**2

    def in_unit(self, objective: float, factor: float) -> Weight:
        """The same penalty where the objective counts ``2**objective``, and the factor ``2**factor`` times as much."""
        squares = (self.l2, self.overlap, self.smooth)
        l2, overlap, smooth = (times_power_of_two(strength, objective - 2 * factor) for strength in squares)
        return Weight(times_power_of_two(self.l1, objective - factor), l2, overlap, smooth, self.grid)

    def smallest_factor(self, objective: float) -> float:
        """The least `factor` for which no strength of ``in_unit(objective, factor)`` is above ``2**STRONGEST``."""
        linear = np.frexp(self.l1)[1] + objective - STRONGEST if self.l1 else -np.inf
        square = max(self.l2, self.overlap, self.smooth)
        return float(max(linear, (np.frexp(square)[1] + objective - STRONGEST) / 2 if square else -np.inf))

    def check_kept(self, objective: float, factor: float) -> None:
        """Raise if ``in_unit(objective, factor)`` would be infinite, or lose digits, or nothing at all."""
        made, tiny = self.in_unit(objective, factor), float(np.finfo(np.float64).tiny)
        for name in ("l1", "l2"):
            if getattr(self, name) and not tiny <= getattr(made, name) < np.inf:
                raise DataError(
                    f"{name.upper()} on H must have a strength that floats can hold in the unit of V, and here it is "
                    f"{getattr(made, name):.3g}: V is too large or too small; divide V by its largest value"
                )

    def applied(self, parts: Parts, moving: Array) -> Any:
        """The parts of loss plus penalty."""
        parts = parts.penalised(self.l1, self.l2, moving)
        if self.overlap:
            parts = parts.coupled(self.overlap, moving)
        if self.smooth:
            # No pixel has more than four neighbours, so no eigenvalue of the grid's Laplacian is above 8.
            slope = self.smooth * laplacian(moving, self.grid)
            parts = parts.pulled(slope.astype(moving.dtype), 8 * self.smooth, moving)  # type: ignore[attr-defined]
        return parts

    def tied(self, parts: Any, H: Array, span: slice) -> Any:
        """The parts for some columns of `H`, with the ties to all of them added."""
        if self.ties is None:
            return parts
        slope = self.ties.slope(H, span).astype(H.dtype)
        return parts.pulled(slope, self.ties.bend, H[:, span])

    def _overlap(self, factor: Array) -> float:
        if not self.overlap:
            return 0.0
        total = np.square(factor.sum(axis=0, dtype=np.float64)).sum()
        return self.overlap / 2 * float(total - np.square(factor, dtype=np.float64).sum())

    def _roughness(self, factor: Array) -> float:
        return self.smooth / 2 * inner(factor, laplacian(factor, self.grid)) if self.smooth else 0.0


def laplacian(factor: Array, grid: tuple[int, ...]) -> Array:
    """For every pixel, the sum of its differences from its neighbours above, below, left and right.

    >>> laplacian(np.array([[0.0, 1.0, 0.0]]), (1, 3))
    array([[-1.,  2., -1.]])
    """
    pictures = factor.reshape(len(factor), *grid)
    result = np.zeros_like(pictures)
    for axis in (1, 2):
        step = np.diff(pictures, axis=axis)
        low, high = [slice(None)] * pictures.ndim, [slice(None)] * pictures.ndim
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        result[tuple(low)] -= step
        result[tuple(high)] += step
    return result.reshape(factor.shape)


NO_PENALTY = Weight()


def weights_of(
    penalty_W: Penalties, penalty_H: Penalties, shape: tuple[int, int], scale: float, beta: float
) -> tuple[Weight, Weight]:
    """The penalties' weights for data of this shape and root mean square; both factors or none."""
    if bool(strengths(penalty_W)) != bool(strengths(penalty_H)):
        alone, other = ("penalty_W", "penalty_H") if strengths(penalty_W) else ("penalty_H", "penalty_W")
        raise IncompatibleError(
            f"{alone} without {other} is defeated by scale: the penalised factor shrinks and the other grows without "
            f"end; give {other} too"
        )
    n_pixels, n_images = shape
    for penalty in strengths(penalty_H):
        if isinstance(penalty, (Smooth, Orthogonal)):
            raise IncompatibleError(f"{penalty!r} is a penalty for W, the parts; for H take L1, L2 or Neighbours")
    for penalty in strengths(penalty_W):
        if isinstance(penalty, Neighbours):
            raise IncompatibleError("Neighbours is a penalty for H, the images; for W take Smooth or Orthogonal")
        if isinstance(penalty, Smooth) and np.prod(penalty.image_shape) != n_pixels:
            raise ShapeMismatchError(
                f"{penalty!r} is for images of {np.prod(penalty.image_shape)} pixels, and V has {n_pixels}"
            )
    sides = ((penalty_W, n_images), (penalty_H, n_pixels))
    made = [_weight(penalty, entries, scale, beta, n_images) for penalty, entries in sides]
    return made[0], made[1]


def _weight(penalties: Penalties, entries: int, scale: float, beta: float, n_images: int) -> Weight:
    if isinstance(penalties, Weight):
        return penalties
    given = strengths(penalties)
    if not given:
        return Weight()

    def total(kind: type) -> float:
        return entries * sum(p.strength for p in given if isinstance(p, kind))

    linear, square = scale ** (beta - 0.5), scale ** (beta - 1)
    grid = next((p.image_shape for p in given if isinstance(p, Smooth)), ())
    graphs = [Ties.of(p.of_images(n_images), entries * p.strength * square) for p in given if isinstance(p, Neighbours)]
    if len(graphs) > 1:
        raise IncompatibleError("penalty_H holds two graphs of Neighbours; give their weighted sum as one")
    overlap, smooth, ties = total(Orthogonal) * square, total(Smooth) * square, graphs[0] if graphs else None
    return Weight(total(L1) * linear, total(L2) * square, overlap, smooth, grid, ties)


def strengths(penalties: Penalties) -> tuple[Penalty, ...]:
    """The penalties that have any strength."""
    if isinstance(penalties, Weight):
        return () if penalties == Weight() else (L1(penalties.l1), L2(penalties.l2))
    listed: Any = () if penalties is None else penalties
    listed = tuple(listed) if isinstance(listed, Sequence) and not isinstance(listed, str) else (listed,)
    for penalty in listed:
        if not isinstance(penalty, (L1, L2, Smooth, Orthogonal, Neighbours)):
            raise ParameterError(
                "penalty_W and penalty_H take L1, L2, Smooth, Orthogonal or Neighbours with their strength, as in "
                f"L1(0.1), or a list of them; got {penalty!r}"
            )
    return tuple(p for p in listed if p.strength)


def _check_strength(penalty: Any) -> None:
    words, name = "a number >= 0", "the strength of a penalty"
    check_number_field(penalty, "strength", words, name=name, least=0, most=LARGEST)
