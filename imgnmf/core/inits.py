"""Starts: the first pair of factors. Each is then scaled by one number that makes it fit V best.

To add one: a frozen class with `name` and `start`, one export, one line in the tests' list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner
from imgnmf.core.parts import Array, gram_of, inner
from imgnmf.errors import ParameterError

__all__ = ["NNDSVD", "GivenFactors", "Init", "RandomInit", "fitted_start", "randomized_svd"]


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

    Examples
    --------
    >>> from imgnmf.core.blocks import ColumnBlocks
    >>> blocks = ColumnBlocks(np.ones((4, 3)), np.dtype(np.float64))
    >>> W, H = RandomInit().start(blocks, 2, np.random.default_rng(0), map)
    >>> W.shape, H.shape
    ((2, 4), (2, 3))
    """

    name: ClassVar[str] = "random"

    def start(self, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]) -> tuple[Array, Array]:
        """Draw both factors from ``[0, 1)``."""
        del run
        n_pixels, n_images = blocks.shape
        return tuple(rng.random((rank, n), np.float32).astype(blocks.dtype) for n in (n_pixels, n_images))  # type: ignore[return-value]


@dataclass(frozen=True)
class NNDSVD:
    """Non-negative double SVD (Boutsidis & Gallopoulos 2008, fig. 1), free of the unit of V.

    The first part is the leading singular pair; each later one keeps the sign pattern of its singular pair
    that holds more energy.

    Parameters
    ----------
    fill : {"mean", "random", "zero"}
        What replaces the zeros, which a multiplicative update could never leave: the level at which a flat
        pair of factors has the mean of V; a random share, at most a hundredth, of it; or nothing.

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
    name: ClassVar[str] = "nndsvd"

    def __post_init__(self) -> None:
        if self.fill not in ("mean", "random", "zero"):
            raise ParameterError(f"NNDSVD fill must be 'mean', 'random' or 'zero', got {self.fill!r}")

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
        Left out, every coefficient starts the same and the first iteration finds it.
    """

    W: Array
    H: Array | None = None
    name: ClassVar[str] = "given"

    def start(self, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]) -> tuple[Array, Array]:
        """Copies of the given factors, once their shapes and values are seen to be usable."""
        del rng, run
        n_pixels, n_images = blocks.shape
        H = np.ones((rank, n_images)) if self.H is None else self.H
        for name, factor, shape in (("W", self.W, (n_pixels, rank)), ("H", H, (rank, n_images))):
            if factor.shape != shape:
                raise ParameterError(f"the given {name} must have shape {shape}, got {factor.shape}")
            if not np.isfinite(factor).all() or factor.min() < 0:
                raise ParameterError(f"the given {name} must be finite and non-negative")
        half = blocks.exponent // 2
        W_scaled = np.ldexp(self.W.T.astype(np.float64), -half)
        H_scaled = np.ldexp(np.asarray(H, np.float64), half - blocks.exponent)
        return np.array(W_scaled, blocks.dtype, order="C"), np.array(H_scaled, blocks.dtype, order="C")


def randomized_svd(
    blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array, Array]:
    """Leading singular triplets of V in two passes (Halko, Martinsson & Tropp 2011, alg. 4.4 and 5.1).

    Returns
    -------
    left : array, shape (rank, n_pixels)
    values : array, shape (rank,), falling
    right : array, shape (rank, n_images)
    """
    n_pixels, n_images = blocks.shape
    width = min(rank + 10, n_pixels, n_images)
    probe = rng.standard_normal((width, n_images), np.float32).astype(blocks.dtype)
    sketch = sum(run(lambda span: probe[:, span] @ blocks.load(span).T, blocks.spans))
    basis = np.linalg.qr(np.asarray(sketch).T)[0].T
    sketch = sum(run(lambda span: (basis @ (V := blocks.load(span))) @ V.T, blocks.spans))
    basis = np.linalg.qr(np.asarray(sketch).T)[0].T
    small = np.concatenate(list(run(lambda span: basis @ blocks.load(span), blocks.spans)), axis=1)
    squares, vectors = np.linalg.eigh(gram_of(small))
    order = np.argsort(squares)[::-1][:rank]
    values = np.sqrt(np.maximum(squares[order], 0))
    left = vectors[:, order].T @ basis
    right = (vectors[:, order].T @ small) / np.where(values > 0, values, 1)[:, None]
    return left, values, right


def fitted_start(init: Init, blocks: ColumnBlocks, rank: int, rng: np.random.Generator, run: Runner[Any]) -> tuple[Array, Array]:
    """The start of `init`, scaled by the number that fits V best and with both factors of one norm."""
    W, H = init.start(blocks, rank, rng, run)
    if isinstance(init, GivenFactors) and init.H is not None:
        return W, H
    product = sum(run(lambda span: inner(W, H[:, span] @ blocks.load(span).T), blocks.spans))
    model = inner(gram_of(W), gram_of(H))
    scale = product / model if model > 0 and product > 0 else 1.0
    norm_W, norm_H = np.sqrt(inner(W, W)), np.sqrt(inner(H, H))
    balance = np.sqrt(norm_H / norm_W) if norm_W > 0 and norm_H > 0 else 1.0
    root = np.sqrt(scale)
    return W * np.asarray(root * balance, W.dtype), H * np.asarray(root / balance, H.dtype)


def _heavier_half(u: Array, v: Array, *, first: bool) -> tuple[Array, Array]:
    if first:
        return np.abs(u), np.abs(v)
    halves = [(np.maximum(sign * u, 0), np.maximum(sign * v, 0)) for sign in (1, -1)]
    (w, h), weight = max(((pair, np.linalg.norm(pair[0]) * np.linalg.norm(pair[1])) for pair in halves), key=lambda p: p[1])
    if weight == 0:
        return np.zeros_like(w), np.zeros_like(h)
    root = np.sqrt(weight)
    return w * (root / np.linalg.norm(w)), h * (root / np.linalg.norm(h))
