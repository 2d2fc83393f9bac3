"""What all members of the family share: V in float64 blocks, scaled, and exact coefficients for given parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner, energy_of, running, useful_threads
from imgnmf.core.check import as_matrix, checked_values
from imgnmf.core.encode import exact_coefficients
from imgnmf.core.losses import Frobenius
from imgnmf.core.parts import Array, inner
from imgnmf.core.penalties import Weight
from imgnmf.core.sparse import is_sparse
from imgnmf.errors import DataError, ShapeMismatchError
from imgnmf.validation import LARGEST, checked_number

__all__ = [
    "Frame",
    "cancelling",
    "checked_ridge",
    "coefficients",
    "dense_matrix",
    "framed",
    "ridged",
    "squared_residual",
]


# Whether a pass is long enough for a second thread is judged before the rank is known.
USUAL_RANK = 10


@dataclass(frozen=True)
class Frame:
    """V as the members see it.

    Attributes
    ----------
    blocks : ColumnBlocks
        In float64, scaled to a largest absolute value of about 1, unless it is not far from it.
    dtype : numpy.dtype
        Of the factors that are given back: float64 for float64 data, else float32.
    energy : float
        ``|V|^2``, scaled.
    run : callable
        Maps a function over column spans, in order.
    """

    blocks: ColumnBlocks
    dtype: np.dtype[Any]
    energy: float
    run: Runner[Any]
    loss: Frobenius = field(default_factory=Frobenius)

    @property
    def rounding(self) -> float:
        """Differences of the objective below this are noise."""
        return 0.01 * float(np.finfo(self.dtype).eps) * self.energy / 2

    def whole(self) -> Array:
        """V at once, scaled, for members that go through it image by image."""
        return self.blocks.load(slice(None))


@contextmanager
def framed(V: Any, threads: int | None, *, signed: bool, pixels: int | None = None) -> Iterator[Frame]:
    """V checked and scaled, and threads over its blocks."""
    data = dense_matrix(V)
    if pixels is not None and data.shape[0] != pixels:
        raise ShapeMismatchError(
            f"the parts have {pixels} pixels, the new images {data.shape[0]}; "
            "load the new images at the size that the model was fitted at"
        )
    largest = _checked_signed(data) if signed else checked_values(data)
    if pixels is None and largest == 0:
        raise DataError("V is zero everywhere, so it has no parts; give images that show something")
    exponent = int(np.frexp(largest)[1])
    # Scaling copies every block in every pass, so it is left out unless squares would leave the range.
    blocks = ColumnBlocks(data, np.dtype(np.float64), exponent if abs(exponent) > 16 else 0)
    dtype = np.dtype(np.float64 if data.dtype == np.float64 else np.float32)
    with running(useful_threads(threads, blocks.shape, USUAL_RANK)) as run:
        yield Frame(blocks, dtype, energy_of(blocks, run), run)


def dense_matrix(V: Any) -> Array:
    """`V` as a matrix; a sparse one is refused, since its parts are dense in any case."""
    if is_sparse(V):
        raise DataError("this member of the family takes a dense V, and got a sparse one; pass V.toarray()")
    return as_matrix(V)


def _checked_signed(V: Array) -> float:
    bad = ~np.isfinite(V)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"V must be finite; {int(bad.sum())} of {V.size} values are NaN or infinite, the first at (pixel {row}, "
            f"image {column}): {V[row, column]}; replace them"
        )
    return float(max(abs(float(V.max())), abs(float(V.min()))))


def coefficients(frame: Frame, W: Array, ridge: float = 0.0) -> Array:
    """The exact non-negative coefficients of every image for k-major parts `W`; with a ridge, see `cancelling`."""
    length = np.linalg.norm(W, axis=1, keepdims=True)
    length = np.where(length > 0, length, 1)
    return np.asarray(exact_coefficients(W / length, frame.blocks, frame.loss, Weight(l2=ridge), frame.run) / length)


def checked_ridge(ridge: Any) -> float:
    """`ridge` as a float, once it is seen to be one."""
    return checked_number("ridge", ridge, "a number >= 0, usually 1e-3", least=0, most=LARGEST)


def ridged(gram: Array, ridge: float) -> Array:
    """The Gram matrix of the loss plus `cancelling`: its diagonal raised by a share of itself."""
    return np.asarray(gram + np.diag(ridge * np.diag(gram)))


def cancelling(W: Array, H: Array, ridge: float) -> float:
    """``ridge / 2 sum_k |w_k|^2 |h_k|^2``: large where parts are, only to take each other away.

    Free of the unit of V and of scale between W and H. It keeps parts that may be negative from growing without end.
    """
    return ridge / 2 * float(np.square(W).sum(axis=1) @ np.square(H).sum(axis=1))


def squared_residual(frame: Frame, W: Array, H: Array) -> float:
    """``|V - W' H|^2``, scaled, from the residual itself."""

    def missed(span: slice) -> float:
        gap = frame.blocks.load(span) - W.T @ H[:, span]
        return inner(gap, gap)

    return float(sum(frame.run(missed, frame.blocks.thin_spans)))
