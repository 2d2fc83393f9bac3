"""Learn parts to share from images: fit, quantise, and count the coefficients at every step."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from imgnmf.compression.layout import Layout, eight_bit
from imgnmf.compression.parts_file import STEP_UNIT, SharedParts
from imgnmf.compression.pixels import POINT
from imgnmf.compression.rounding import Quadratic
from imgnmf.compression.tables import Integers, Table
from imgnmf.core.factorize import factorize
from imgnmf.core.interrupts import interruptible
from imgnmf.core.parts import Array
from imgnmf.core.penalties import L1, L2
from imgnmf.errors import ImgnmfWarning, ParameterError
from imgnmf.validation import LARGEST, checked_count, checked_number, checked_rng

__all__ = ["described_by", "shared", "train_parts"]

# Half octaves: from a grey level a column to far more than any picture needs.
STEPS = tuple(round(16 * 2 ** (j / 2)) for j in range(30))
COUNTED = 1500


@interruptible()
def train_parts(
    images: Any,
    rank: int,
    *,
    patch_size: tuple[int, int] | None = None,
    bits: int = 8,
    sparsity: float = 0.001,
    n_columns: int = 20_000,
    max_iter: int = 100,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
) -> SharedParts:
    """Learn the parts that sender and receiver share, so that each image costs its coefficients alone.

    The first part is the mean, which alone says the most for few bits; the others are learned beside it.

    Parameters
    ----------
    images : ImageSet or uint8 array, shape (n_images, height, width[, channels])
        To learn from. Judge the result on others.
    rank : int
        k, the number of parts; fewer if some of them die out.
    patch_size : (height, width), optional
        Parts of patches, which then describe images of any size. None for parts of whole images.
    bits : int
        2 to 12: levels of the largest pixel of a part.
    sparsity : float
        Strength of `L1` on the coefficients while the parts are learned, and of `L2` on the parts. Parts of which
        few are needed at a time cost fewer bytes: on patches of faces half of what plain NMF needs.
    n_columns : int
        Fit to so many images or patches at most, drawn by `rng`.
    max_iter, rng, threads
        As for `factorize`.

    Returns
    -------
    SharedParts
        ``to_bytes()`` is the ``.parts`` file.

    Raises
    ------
    DataError
        If the images are not 8-bit.
    ParameterError
        If `bits`, `rank` or `patch_size` is out of bounds.
    Interrupted
        At Ctrl-C; its `best` is None.

    Examples
    --------
    >>> import imgnmf
    >>> bars, _ = imgnmf.images.synthetic.bars(n_images=50, rng=0)
    >>> pixels = np.rint(255 * bars.pixels / bars.pixels.max()).astype(np.uint8)
    >>> parts = train_parts(pixels, 8)
    >>> parts.rank, SharedParts.from_bytes(parts.to_bytes()).digest == parts.digest
    (8, True)
    """
    _check_bits(bits)
    checked_count("n_columns", n_columns, 1)
    checked_count("max_iter", max_iter, 1)
    checked_number("sparsity", sparsity, "a number >= 0", least=0, most=LARGEST)
    found = eight_bit(images)
    layout = Layout(found.image_shape, patch_size)
    generator = checked_rng(rng)
    V = _sample(layout.columns(found), n_columns, generator)
    with warnings.catch_warnings():
        # A fit that ends a little early costs bytes, which are counted; black images are no mistake here.
        warnings.simplefilter("ignore", ImgnmfWarning)
        fit = factorize(
            V, rank, fixed_W=V.mean(axis=1, keepdims=True) if V.any() else None, init="columns", max_iter=max_iter,
            penalty_H=L1(sparsity) if sparsity else None, penalty_W=L2(sparsity) if sparsity else None,
            rng=generator, threads=threads,
        )  # fmt: skip
    used = np.flatnonzero(fit.W.any(axis=0))
    return shared(fit.W[:, used if used.size else [0]], V, layout, bits=bits)


def _check_bits(bits: int) -> None:
    if not 2 <= checked_count("bits", bits, 0) <= 12:
        raise ParameterError(f"expected bits in 2..12, got {bits}")


def shared(
    W: Array, V: Array, layout: Layout, *, bits: int, offset: Integers | None = None, signed: bool = False
) -> SharedParts:
    """Quantise parts, shape (n_pixels, rank), and count the coefficients of the columns `V` at every step."""
    _check_bits(bits)
    peak = np.abs(W).max(axis=0, initial=0)
    integers = np.rint(W * ((2**bits - 1) / np.where(peak > 0, peak, 1))).astype(np.int64).T
    integers[~integers.any(axis=1), 0] = 1
    units = np.rint(2.0 ** (POINT - 4) / np.linalg.norm(integers, axis=1)).astype(np.int64)
    bare = SharedParts(integers, units, layout, (1,), (), offset, signed)
    tables = _counted(bare, V[:, :: max(1, V.shape[1] // COUNTED)])
    return SharedParts(integers, units, layout, STEPS[: len(tables)], tables, offset, signed)


def described_by(parts: SharedParts, V: Array) -> Quadratic:
    """How well coefficients describe the columns of `V` by the parts as they are used."""
    W = parts.W
    product = W.T @ V.astype(np.float64)
    if parts.offset is not None:
        product -= W.T @ parts.offset[:, None].astype(np.float64)
    return Quadratic(W.T @ W, product, parts.signed)


def _counted(parts: SharedParts, V: Array) -> tuple[tuple[Table, ...], ...]:
    """Tables for each step, until all coefficients of a coarser one would be 0."""
    found: list[tuple[Table, ...]] = []
    problem = described_by(parts, V)
    for step in STEPS:
        Q, tables = problem.in_steps(step / STEP_UNIT).tuned()
        found.append(tuple(tables))
        if not Q.any():
            break
    return tuple(found)


def _sample(V: Array, count: int, rng: np.random.Generator) -> Array:
    if V.shape[1] <= count:
        return V
    return V[:, np.sort(rng.choice(V.shape[1], count, replace=False))]
