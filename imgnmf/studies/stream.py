"""Parts of a stream of images that never ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from imgnmf.core.blocks import thread_count
from imgnmf.core.check import as_data, checked_count, checked_values
from imgnmf.core.choices import LossLike, SolverLike, as_loss, as_solver
from imgnmf.core.factorize import factorize
from imgnmf.core.inits import GivenFactors, Init
from imgnmf.core.interrupts import interruptible
from imgnmf.core.limits import State
from imgnmf.core.online import Online, window_size
from imgnmf.core.parts import Array
from imgnmf.core.penalties import Penalties, strengths
from imgnmf.core.result import Factorization
from imgnmf.core.sparse import is_sparse
from imgnmf.errors import IncompatibleError, ParameterError, ShapeMismatchError
from imgnmf.validation import checked_rng

__all__ = ["Stream"]

# Learn anew once so large a share of what is kept is new; the first fit has so many times the iterations.
NEW, FIRST = 0.25, 5


@dataclass(frozen=True, eq=False)
class Stream:
    """Parts that follow a stream of images, of which only the last ones are kept.

    Solves ``V ~ W H`` for a sliding window, each time from the last parts. What was seen before the window is
    forgotten but for its traces in W, so that parts follow a stream that changes, and memory does not grow.

    Parameters
    ----------
    rank : int
        k, the number of parts.
    images : int, optional
        In the window; None for 2500, or 50 for each part where that is more. The more, the steadier the parts.
    iterations : int
        On each window.
    loss, solver, penalty_W, penalty_H, rng, threads
        As for `factorize`.
    fit : Factorization, optional
        The parts so far, and the coefficients of the images that were in the window when they were last improved; None
        before as many images as parts came.
    recent : array, shape (n_pixels, n), optional
        The window, in the dtype that came.
    n_images : int
        How many images were seen in all.
    n_new : int
        How many of the window the parts were not learned from yet.

    Examples
    --------
    >>> stream = Stream(rank=3, images=200)
    >>> rng = np.random.default_rng(0)
    >>> for _ in range(5):
    ...     stream = stream.partial_fit(rng.random((16, 100), dtype=np.float32))
    >>> stream.n_images, stream.fit.W.shape
    (500, (16, 3))
    """

    rank: int
    images: int | None = None
    iterations: int = 10
    loss: LossLike = "frobenius"
    solver: SolverLike | None = None
    penalty_W: Penalties = None
    penalty_H: Penalties = None
    rng: int | np.random.Generator | None = 0
    threads: int | None = None
    fit: Factorization | None = None
    recent: Array | None = field(default=None, repr=False)
    n_images: int = 0
    n_new: int = 0

    def __post_init__(self) -> None:
        checked_count("rank", self.rank, 1)
        Online(images=self.images, iterations=self.iterations)
        as_solver(self.solver, as_loss(self.loss), self.rank)
        strengths(self.penalty_W), strengths(self.penalty_H)
        checked_rng(self.rng)
        thread_count(self.threads)
        if window_size(self.images, self.rank) < self.rank:
            raise ParameterError(f"a window of images={self.images} is too small for rank={self.rank} parts; widen it")

    @interruptible()
    def partial_fit(self, V: Any) -> Stream:
        """The stream after some more images; this one stays as it is.

        Parameters
        ----------
        V : array, shape (n_pixels, n), non-negative
            One image a column, any number of them, all of one unit and dtype; read a window at a time where they lie in
            a store.

        Returns
        -------
        Stream

        Raises
        ------
        DataError
            If V has NaN, infinite or negative values.
        ShapeMismatchError
            If its images have another size or dtype than those before.
        Interrupted
            At Ctrl-C, with None as its `best`: this stream has seen none of the images then.
        """
        if is_sparse(V):
            raise IncompatibleError(
                "a Stream keeps its last images as they are, and takes dense ones: pass V.toarray()"
            )
        data = as_data(V)
        self._refuse_unlike(data)
        checked_values(data)
        size = window_size(self.images, self.rank)
        stream = self
        for first in range(0, data.shape[1], size):
            stream = stream._joined(data[:, first : first + size], size)
        return stream

    def _refuse_unlike(self, data: Any) -> None:
        known = self.recent
        if known is not None and (known.shape[0], known.dtype) != (data.shape[0], data.dtype):
            raise ShapeMismatchError(
                f"the stream has images of {known.shape[0]} pixels in {known.dtype}, these have {data.shape[0]} in "
                f"{data.dtype}: bring them to one size and dtype, or begin another Stream"
            )

    def _joined(self, data: Array, size: int) -> Stream:
        before = data[:, :0] if self.recent is None else self.recent
        recent = np.concatenate([before.T, data.T])[-size:].T
        n_new = min(self.n_new + data.shape[1], size)
        joined = replace(self, recent=recent, n_images=self.n_images + data.shape[1], n_new=n_new)
        due = n_new >= NEW * recent.shape[1] if self.fit is not None else min(recent.shape) >= self.rank
        return joined._learned(recent) if due and recent.any() else joined

    def _learned(self, recent: Array) -> Stream:
        init: Init | Literal["nndsvd"] = "nndsvd" if self.fit is None else GivenFactors(self.fit.W)
        enough = self.iterations * (FIRST if self.fit is None else 1)

        def done(state: State) -> bool:
            return state.iteration >= enough

        fit = factorize(
            recent, self.rank, loss=self.loss, solver=self.solver, init=init, penalty_W=self.penalty_W,
            penalty_H=self.penalty_H, rng=self.rng, threads=self.threads, callback=done, max_iter=enough + 1,
        )  # fmt: skip
        return replace(self, fit=fit, n_new=0)
