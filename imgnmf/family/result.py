"""What each member of the family gives back: frozen, pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from imgnmf.core.parts import Array
from imgnmf.core.result import Trace, described
from imgnmf.family.frame import coefficients, framed

__all__ = ["FamilyFit", "Member"]

Member: TypeAlias = Literal["semi", "convex", "separable", "minimum-volume", "symmetric"]
SIGNED: tuple[Member, ...] = ("semi", "convex")


@dataclass(frozen=True, eq=False, repr=False)
class FamilyFit:
    """``V ~ W H`` with H non-negative, and W as the member of the family asks.

    Attributes
    ----------
    W : array, shape (n_pixels, rank)
        Basis images, one a column; for "symmetric" the transpose of H.
    H : array, shape (rank, n_images)
        Coefficients.
    member : {"semi", "convex", "separable", "minimum-volume", "symmetric"}
    n_iter : int
    converged : bool
        Whether a stopping rule held, rather than a limit.
    reason : str
        Why the fit ended, in words.
    objective, relative_error : float
        Of the final factors, computed anew from V.
    trace : Trace
    init : str
    shares : array, shape (n_images, rank), optional
        For "convex" and "separable": ``W = V shares``, each column non-negative and of sum 1.
    penalty : float
        The part of the objective that is not the loss.
    ridge : float
        As `semi` and `convex` were given it; `encode` applies it too.

    Examples
    --------
    >>> import imgnmf
    >>> fit = imgnmf.family.semi(np.outer([1.0, -2.0, 3.0], [4.0, 5.0, 1.0]), rank=1)
    >>> fit.rank, fit.W.shape, fit.H.shape, fit.relative_error < 0.002
    (1, (3, 1), (1, 3), True)
    """

    W: Array
    H: Array
    member: Member
    n_iter: int
    converged: bool
    reason: str
    objective: float
    relative_error: float
    trace: Trace
    init: str
    shares: Array | None = None
    penalty: float = 0.0
    ridge: float = 0.0

    def __repr__(self) -> str:
        return described(self, self.member)

    @property
    def rank(self) -> int:
        """k, the number of parts."""
        return int(self.W.shape[1])

    @property
    def chosen(self) -> Array:
        """The image that holds the largest share of each part; for "separable" the part itself. None has none."""
        return np.array([], np.intp) if self.shares is None else self.shares.argmax(axis=0)

    @property
    def labels(self) -> Array:
        """The part that each image holds most of, shape (n_images,): its cluster."""
        return np.asarray(self.H.argmax(axis=0))

    def reconstruct(self) -> Array:
        """``W H``, shape (n_pixels, n_images)."""
        return np.asarray(self.W @ self.H)

    def encode(self, V_new: Any, *, threads: int | None = None) -> Array:
        """Exact non-negative least squares of new images on the parts, each image on its own.

        Parameters
        ----------
        V_new : array, shape (n_pixels, n_new)
            Signed for "semi" and "convex". For "symmetric", the affinities of new images to the fitted ones,
            shape (n_images, n_new).
        threads : int, optional

        Returns
        -------
        array, shape (rank, n_new)
        """
        with framed(V_new, threads, signed=self.member in SIGNED, pixels=len(self.W)) as frame:
            exponent = int(np.frexp(np.abs(self.W).max(initial=0))[1])
            H = coefficients(frame, np.ldexp(self.W.T.astype(np.float64), -exponent), self.ridge)
            return np.ldexp(H, frame.blocks.exponent - exponent).astype(self.H.dtype)
