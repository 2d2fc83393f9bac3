"""Projective NMF: ``V ~ W W' V``. The coefficients are projections, so that a new image is encoded by one product."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from typing import Any

import numpy as np

from imgnmf.core.blocks import Runner, energy_of, running, useful_threads
from imgnmf.core.check import as_matrix, checked_count, checked_rank, checked_values
from imgnmf.core.choices import InitLike, as_init
from imgnmf.core.extrapolation import Way, extrapolated
from imgnmf.core.interrupts import concluded, interruptible, own_best
from imgnmf.core.iterate import first_iterate, iterate
from imgnmf.core.lead_in import led_in_start, lifted
from imgnmf.core.limits import Reached, limits_of, warn_if_cut_short
from imgnmf.core.losses import Frobenius
from imgnmf.core.parts import Array, Gradient, inner
from imgnmf.core.penalties import NO_PENALTY
from imgnmf.core.problem import Problem, exact_loss
from imgnmf.core.result import History, Trace, described
from imgnmf.core.solvers import HALS, MU, multiplied
from imgnmf.core.sparse import times
from imgnmf.core.stopping import RelativeDecrease, StoppingRule
from imgnmf.core.units import as_blocks, power_of_two
from imgnmf.errors import DataError, ShapeMismatchError
from imgnmf.validation import check_flag, checked_rng

__all__ = ["ProjectiveFactorization", "factorize_projective"]

# Iterations of plain NMF for a start.
START_ITERATIONS = 60
LAST = RelativeDecrease(1e-2)
# The exponent of the step that never raises the error. Of it, ``-tr(W'VV'W)`` is concave, so below its tangent, and the
# rest a sum of products of four entries each, so below their fourth powers: the best ratio between the two is a root.
SAFE = 1 / 3


@dataclass(frozen=True, eq=False, repr=False)
class ProjectiveFactorization:
    """``V ~ W H`` with ``H = W'V``.

    Attributes
    ----------
    W : array, shape (n_pixels, rank), non-negative
        Parts that hardly overlap, of length about 1.
    H : array, shape (rank, n_images)
        ``W' V``.
    n_iter : int
    converged : bool
    reason : str
    objective, relative_error : float
        ``|V - W H|**2 / 2`` and ``|V - W H| / |V|``, computed anew from V.
    trace : Trace
    """

    W: Array
    H: Array
    n_iter: int
    converged: bool
    reason: str
    objective: float
    relative_error: float
    trace: Trace

    def __repr__(self) -> str:
        return described(self, "projective")

    @property
    def rank(self) -> int:
        """k, the number of parts."""
        return int(self.W.shape[1])

    def reconstruct(self) -> Array:
        """``W H``, shape (n_pixels, n_images)."""
        return np.asarray(self.W @ self.H)

    def encode(self, V_new: Any) -> Array:
        """``W' V_new``, shape (rank, n_new): the coefficients of any images, each by itself."""
        V = as_matrix(V_new)
        if V.shape[0] != len(self.W):
            raise ShapeMismatchError(
                f"the parts have {len(self.W)} pixels, the new images {V.shape[0]}; "
                "load the new images at the size that the model was fitted at"
            )
        checked_values(V)
        return times(self.W.T.astype(np.float64), V).astype(self.W.dtype)


@interruptible(own_best)
def factorize_projective(
    V: Any,
    rank: int,
    *,
    orthonormal: bool = False,
    init: InitLike = "nndsvd",
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 5000,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
) -> ProjectiveFactorization:
    """Find parts whose projections give the images back: ``min |V - W W'V|**2 / 2, W >= 0``.

    Non-negative and nearly orthogonal, hence hardly overlapping: most pixels belong to one part, and an image is
    encoded by ``W'v``, without solving anything. By multiplicative steps (Yuan & Oja 2005; Yang & Oja 2010),
    extrapolated, W stretched to its best length at each, and taken back whenever the error rises.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        As for `factorize`; its unit does not matter.
    rank : int
        At most ``min(n_pixels, n_images)``.
    orthonormal : bool
        The rule of OPNMF, made for W on the way of orthonormal ones (Yang & Oja 2010), rather than that of the error
        itself. Of the two it is the one in use in brain imaging; the other ended lower wherever we looked.
    init : "nndsvd", "random", "columns", "spa" or Init
        Improved by some iterations of plain NMF.
    stop : rule or sequence of rules, optional
        None for ``RelativeDecrease(1e-2)``: the last per cent takes as long as all the rest.
    max_iter : int
    time_limit : float, optional
        In seconds.
    rng : int, Generator or None
    threads : int, optional
        The result is the same to the last bit for any number.

    Returns
    -------
    ProjectiveFactorization

    Raises
    ------
    DataError
        If V has NaN, infinite or negative values, is zero everywhere, or is not a matrix.
    ParameterError
        If an option is out of bounds.
    Interrupted
        At Ctrl-C, with the best parts so far as its `best`, or None.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came while the fit was still visibly improving, or before a rule in `stop` held.

    Examples
    --------
    >>> V = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    >>> fit = factorize_projective(V, 2)
    >>> fit.relative_error < 1e-3, np.allclose(fit.W.T @ fit.W, np.eye(2), atol=1e-2)
    (True, True)
    """
    limits = limits_of(LAST if stop is None else stop, checked_count("max_iter", max_iter, 1), time_limit, None)
    check_flag("orthonormal", orthonormal)
    generator = checked_rng(rng)
    data, start = as_matrix(V), as_init(init)
    rank = checked_rank(rank, data.shape, beyond=False)
    blocks = as_blocks(data, Frobenius())
    with running(useful_threads(threads, data.shape, rank)) as run:
        energy = energy_of(blocks, run)
        if not energy:
            raise DataError("V is zero everywhere, so there is nothing to project onto; give images with light in them")
        problem = Problem(blocks, Frobenius(), HALS(), NO_PENALTY, NO_PENALTY, energy, energy / 2)
        W = _start(led_in_start(start, problem, rank, generator, run), problem, run)
        history = History(rounding=problem.rounding, reference=problem.reference)
        begin = Reached(W, np.empty((rank, 0), W.dtype))
        best, reason, converged = limits.follow(_iterates(problem, W, orthonormal, run), begin, problem, history)
        fit = concluded(partial(_result, best.W, problem, history, run), reason, converged)
    warn_if_cut_short(fit, limits)
    return fit


def _start(pair: tuple[Array, Array], problem: Problem, run: Runner[Any]) -> Array:
    """The parts of plain NMF, of length 1 and above zero."""
    W = deque(islice(iterate(problem, first_iterate(problem, *pair), run), START_ITERATIONS), maxlen=1)[0].W
    length = np.linalg.norm(W, axis=1, keepdims=True)
    return lifted(W / np.where(length > 0, length, 1))


def _iterates(problem: Problem, W: Array, orthonormal: bool, run: Runner[Any]) -> Iterator[Reached]:
    """Improve W forever; k-major. Each iterate's error is at most the one's before."""
    last, way = W, Way(MU().pace)
    accepted, parts, squared = _looked(problem, W, orthonormal, run)
    for iteration in count(1):
        stepped = multiplied(parts, accepted, SAFE if way.careful else 1.0)
        ahead, last = extrapolated(stepped, last, way.momentum, way.positive_only), stepped
        here, parts_here, found = _looked(problem, ahead, orthonormal, run)
        if found <= squared + 2 * problem.rounding:
            squared, accepted, parts, way = min(found, squared), here, parts_here, way.after_success()
        else:
            last, way = accepted, way.after_rise()
        H = np.empty((len(W), 0), W.dtype)  # nobody asks for it before the end
        yield Reached(accepted, H, squared / 2, squared, parts.predicted_decrease(accepted), iteration)


def _looked(problem: Problem, W: Array, orthonormal: bool, run: Runner[Any]) -> tuple[Array, Gradient, float]:
    """W at its best length, the gradient there, and ``|V - W W'V|**2``; in one pass over V."""

    def visit(span: slice) -> Array:
        V_b = problem.blocks.load(span)
        return times(times(W, V_b), V_b.T)

    pull = sum(run(visit, problem.blocks.spans))
    shared, gram = pull @ W.T, W @ W.T
    linear, square = inner(W, pull), inner(shared, gram)
    stretch = np.asarray(np.sqrt(linear / square), W.dtype)
    W, pull, shared, gram = W * stretch, pull * stretch, shared * stretch**2, gram * stretch**2
    plus = shared @ W
    parts = Gradient(pull, plus) if orthonormal else Gradient(2 * pull, plus + gram @ pull)
    return W, parts, max(problem.energy - linear**2 / square, 0.0)


def _result(
    W: Array, problem: Problem, history: History, run: Runner[Any], reason: str, converged: bool
) -> ProjectiveFactorization:
    H = np.concatenate(list(run(lambda span: times(W, problem.blocks.load(span)), problem.blocks.spans)), axis=1)
    loss, squared = exact_loss(problem, W, H)
    unit = power_of_two(2 * problem.blocks.exponent)
    return ProjectiveFactorization(
        W=W.T,
        H=np.ldexp(H, problem.blocks.exponent),
        n_iter=len(history.seconds),
        converged=converged,
        reason=reason,
        objective=loss * unit,
        relative_error=float(np.sqrt(squared / problem.energy)),
        trace=history.frozen(unit),
    )
