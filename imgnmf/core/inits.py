"""Starts: the first pair of factors. Each is then scaled by one number that makes it fit V best.

To add one: a frozen class with `name` and `start`, one export, one line in the tests' list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, model_energy_of
from imgnmf.core.extremes import columns, successive_projection
from imgnmf.core.other_half import coefficients_for
from imgnmf.core.parts import Array, inner
from imgnmf.core.sketch import randomized_svd
from imgnmf.core.units import is_far, refuse_far
from imgnmf.errors import ParameterError
from imgnmf.validation import as_array, check_flag, checked_choice, checked_count

__all__ = [
    "NNDSVD",
    "SPA",
    "ColumnSample",
    "GivenFactors",
    "Init",
    "RandomInit",
    "fallback_of",
    "fitted_start",
    "takes_any_rank",
]


@runtime_checkable
class Init(Protocol):
    """What `factorize` asks of a start."""

    @property
    def name(self) -> str:
        """As the user writes it."""
        ...

    def start(self, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]) -> tuple[Array, Array]:
        """Non-negative ``W (rank, n_pixels)`` and ``H (rank, n_images)``, of any scale."""
        ...


@dataclass(frozen=True)
class RandomInit:
    """Uniform random factors.

    Parameters
    ----------
    lead_in : bool
        Improve the start on cheaper problems first (`imgnmf.core.lead_in`).

    Examples
    --------
    >>> from imgnmf.core.blocks import ColumnBlocks
    >>> blocks = ColumnBlocks(np.ones((4, 3)), np.dtype(np.float64))
    >>> W, H = RandomInit().start(blocks, 2, np.random.default_rng(0), map)
    >>> W.shape, H.shape
    ((2, 4), (2, 3))
    """

    lead_in: bool = True
    name: ClassVar[str] = "random"
    any_rank: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_flag("lead_in", self.lead_in)

    def start(self, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]) -> tuple[Array, Array]:
        """Draw both factors from ``[0, 1)``."""
        del run
        n_pixels, n_images = blocks.shape
        return tuple(rng.random((rank, n), np.float32).astype(blocks.dtype) for n in (n_pixels, n_images))  # type: ignore[return-value]


@dataclass(frozen=True)
class NNDSVD:
    """Non-negative double SVD (Boutsidis & Gallopoulos 2008, fig. 1), free of the unit of V.

    The first part is the leading singular pair; each later one keeps the sign pattern of its singular pair
    that holds more energy. Where a fit from it misses more than 3 % of a V that is of rank k but for 1 %, `fallback`
    is tried too, and the better fit kept (`imgnmf.core.fitting.is_stuck`).

    Parameters
    ----------
    fill : {"mean", "random", "zero"}
        What replaces the zeros, which a multiplicative update could never leave: the level at which a flat
        pair of factors has the mean of V; a random share, at most a hundredth, of it; or nothing.
    lead_in : bool
        Improve the start on cheaper problems first (`imgnmf.core.lead_in`).

    Examples
    --------
    >>> from imgnmf.core.blocks import ColumnBlocks
    >>> blocks = ColumnBlocks(np.diag([3.0, 2.0]), np.dtype(np.float64))
    >>> W, H = NNDSVD(fill="zero").start(blocks, 2, np.random.default_rng(0), map)
    >>> np.round(W.T @ H, 6)
    array([[3., 0.],
           [0., 2.]])
    """

    fill: Literal["mean", "random", "zero"] = "mean"
    lead_in: bool = True
    name: ClassVar[str] = "nndsvd"
    fallback: ClassVar[Init] = RandomInit()

    def __post_init__(self) -> None:
        checked_choice("NNDSVD fill", self.fill, ("mean", "random", "zero"))
        check_flag("lead_in", self.lead_in)

    def start(self, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]) -> tuple[Array, Array]:
        """Split a randomised SVD of V into its non-negative halves."""
        if rank > min(blocks.shape):
            raise ParameterError(
                f"NNDSVD needs rank <= min(n_pixels, n_images) = {min(blocks.shape)}, got {rank}; "
                "lower the rank or use init='random'"
            )
        left, values, right = randomized_svd(blocks, rank, rng, run)
        pairs = [_heavier_half(left[t], right[t], first=t == 0) for t in range(rank)]
        roots = np.sqrt(values)[:, None]
        W = roots * np.stack([w for w, _ in pairs])
        H = roots * np.stack([h for _, h in pairs])
        level = np.sqrt(max(inner(W.sum(1), H.sum(1)) / (W.shape[1] * H.shape[1]), 0.0) / rank)
        return tuple(self._filled(factor, level, rng).astype(blocks.dtype) for factor in (W, H))  # type: ignore[return-value]

    def _filled(self, factor: Array, level: float, rng: np.random.Generator) -> Array:
        if self.fill == "zero":
            return factor
        share = 0.01 * rng.random(factor.shape) if self.fill == "random" else 1.0
        return np.where(factor > 0, factor, level * share)


@dataclass(frozen=True, eq=False)
class GivenFactors:
    """Factors from an earlier fit, or from anywhere.

    Parameters
    ----------
    W : array, shape (n_pixels, rank), non-negative
    H : array, shape (rank, n_images), non-negative, optional
        Left out, it is found by a few sweeps for the given `W`.
    """

    W: Array
    H: Array | None = None
    name: ClassVar[str] = "given"
    any_rank: ClassVar[bool] = True

    def start(self, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]) -> tuple[Array, Array]:
        """Copies of the given factors, once their shapes and values are seen to be usable."""
        del rng
        n_pixels, n_images = blocks.shape
        W = _given("W", self.W, (n_pixels, rank))
        half, size_W = blocks.exponent // 2, int(np.frexp(W.max())[1])
        if self.H is None:
            half = size_W if is_far(size_W - half, blocks.dtype) else half  # H takes any scale
            W = np.ldexp(W, -half).astype(blocks.dtype)
            return W.T.copy(), coefficients_for(W.T.copy(), blocks, run)
        H = _given("H", self.H, (rank, n_images))
        size_H = int(np.frexp(H.max())[1])
        if is_far(size_W - half, blocks.dtype) or is_far(size_H + half - blocks.exponent, blocks.dtype):
            half = (size_W - size_H + blocks.exponent) // 2  # both of one size: their product stays
            refuse_far("the product of the given W and H", size_W + size_H - blocks.exponent, blocks.dtype)
        W, H = np.ldexp(W, -half), np.ldexp(H, half - blocks.exponent)
        return W.T.astype(blocks.dtype, order="C"), H.astype(blocks.dtype)


def _given(name: str, factor: Array, shape: tuple[int, int]) -> Array:
    values = as_array(factor, f"the given {name}")
    if values.shape != shape:
        raise ParameterError(f"the given {name} must have shape {shape}, got {values.shape}")
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all() or values.min() < 0:
        raise ParameterError(f"the given {name} must be finite and non-negative numbers")
    return values.astype(np.float64)


@dataclass(frozen=True)
class ColumnSample:
    """Each part starts as the mean of a few random images, and H as the coefficients for them.

    Parameters
    ----------
    average : int
        How many images make a part.
    lead_in : bool
        Improve the start on cheaper problems first (`imgnmf.core.lead_in`).

    Examples
    --------
    >>> from imgnmf.core.blocks import ColumnBlocks
    >>> blocks = ColumnBlocks(np.ones((4, 3)), np.dtype(np.float64))
    >>> W, H = ColumnSample(average=1).start(blocks, 1, np.random.default_rng(0), map)
    >>> W
    array([[1., 1., 1., 1.]])
    """

    average: int = 5
    lead_in: bool = True
    name: ClassVar[str] = "columns"
    any_rank: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checked_count("average", self.average, 1)
        check_flag("lead_in", self.lead_in)

    def start(self, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]) -> tuple[Array, Array]:
        """Draw the images with replacement."""
        drawn = rng.integers(0, blocks.shape[1], (rank, self.average))
        images = columns(blocks, drawn.ravel())
        W = np.stack([some.mean(axis=1) for some in np.split(images, rank, axis=1)])
        return W, coefficients_for(W, blocks, run)


@dataclass(frozen=True)
class SPA:
    """Successive projection (Gillis & Vavasis 2014, alg. 1): the parts start as the most extreme images.

    Each part is the image with the largest residual outside the span of those before; exact where every image
    is a mixture of some pure ones (separable data, as in hyperspectral unmixing).

    Examples
    --------
    >>> from imgnmf.core.blocks import ColumnBlocks
    >>> blocks = ColumnBlocks(np.array([[3.0, 1.0, 0.0], [0.0, 1.0, 2.0]]), np.dtype(np.float64))
    >>> W, H = SPA().start(blocks, 2, np.random.default_rng(0), map)
    >>> W
    array([[3., 0.],
           [0., 2.]])
    """

    name: ClassVar[str] = "spa"

    def start(self, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]) -> tuple[Array, Array]:
        """The parts are the images that `imgnmf.core.extremes.successive_projection` picks."""
        del rng
        chosen, _ = successive_projection(blocks, rank, run)
        W = np.ascontiguousarray(columns(blocks, np.resize(chosen, rank)).T)
        return W, coefficients_for(W, blocks, run)


def takes_any_rank(init: Init) -> bool:
    """Whether there may be more parts than pixels or images: a start says so by ``any_rank = True``.

    >>> takes_any_rank(RandomInit()), takes_any_rank(SPA())
    (True, False)
    """
    return bool(getattr(init, "any_rank", False))


def fallback_of(init: Init) -> Init | None:
    """Return the start to try where a fit from `init` is stuck: a start may name one by ``fallback``.

    >>> fallback_of(NNDSVD()), fallback_of(SPA())
    (RandomInit(lead_in=True), None)
    """
    fallback: Init | None = getattr(init, "fallback", None)
    return fallback


def fitted_start(
    init: Init, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array]:
    """The start of `init`, scaled by the number that fits V best and with both factors of one norm."""
    W, H = init.start(blocks, rank, rng, run)
    # A part that is zero in both factors would stay so.
    dead = np.asarray(~(W.any(axis=1) | H.any(axis=1)))
    if dead.any():
        W = np.where(dead[:, None], 2 * W.mean() * rng.random(W.shape), W).astype(W.dtype)
    if isinstance(init, GivenFactors) and init.H is not None:
        return W, H
    product = sum(run(lambda span: inner(W, H[:, span] @ blocks.load(span).T), blocks.spans))
    model = model_energy_of(W, H, blocks, run)
    scale = product / model if model > 0 and product > 0 else 1.0
    norm_W, norm_H = np.sqrt(inner(W, W)), np.sqrt(inner(H, H))
    balance = np.sqrt(norm_H / norm_W) if norm_W > 0 and norm_H > 0 else 1.0
    root = np.sqrt(scale)
    return W * np.asarray(root * balance, W.dtype), H * np.asarray(root / balance, H.dtype)


def _heavier_half(u: Array, v: Array, *, first: bool) -> tuple[Array, Array]:
    if first:
        return np.abs(u), np.abs(v)
    halves = [(np.maximum(sign * u, 0), np.maximum(sign * v, 0)) for sign in (1, -1)]
    (w, h), weight = max(
        ((pair, np.linalg.norm(pair[0]) * np.linalg.norm(pair[1])) for pair in halves), key=lambda p: p[1]
    )
    if weight == 0:
        return np.zeros_like(w), np.zeros_like(h)
    root = np.sqrt(weight)
    return w * (root / np.linalg.norm(w)), h * (root / np.linalg.norm(h))
