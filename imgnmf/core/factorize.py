"""`factorize`: check, start, iterate until a rule says stop, finish. The only loop over iterations."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from imgnmf.core.blocks import running, useful_threads
from imgnmf.core.check import as_matrix, checked_count, checked_rank
from imgnmf.core.choices import InitLike, LossLike, SolverLike, as_init, as_loss, as_solver
from imgnmf.core.constraints import Constraint
from imgnmf.core.fitting import Fitting
from imgnmf.core.inits import ColumnSample, GivenFactors, RandomInit
from imgnmf.core.limits import MAX_ITER, Callback, Limits, State
from imgnmf.core.online import Online
from imgnmf.core.penalties import Penalties
from imgnmf.core.result import Factorization
from imgnmf.core.seen import usable
from imgnmf.core.sparse import stored_values
from imgnmf.core.steering import checked_steering
from imgnmf.core.stopping import RelativeDecrease, StoppingRule, TimeLimit
from imgnmf.core.units import as_blocks
from imgnmf.errors import ConvergenceWarning

__all__ = ["Callback", "State", "factorize"]


def factorize(
    V: Any,
    rank: int,
    *,
    loss: LossLike = "frobenius",
    solver: SolverLike | None = None,
    init: InitLike = "nndsvd",
    n_init: int = 1,
    penalty_W: Penalties = None,
    penalty_H: Penalties = None,
    constraint_W: Constraint | None = None,
    constraint_H: Constraint | None = None,
    fixed_W: Any = None,
    weights: Any = None,
    missing: Literal["error", "mask"] = "error",
    negative: Literal["error", "clip"] = "error",
    online: Online | None = None,
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 500,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
    callback: Callback | None = None,
) -> Factorization:
    """Take a set of images apart: find ``V ~ W H`` with ``W >= 0`` and ``H >= 0``.

    Solves ``min loss(V, W H) + penalties`` in one pass over V per iteration, by default with extrapolated HALS
    (Ang & Gillis 2019). V is converted block by block, to float32 unless it is float64, and never as a whole; its
    unit does not matter.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        One image a column; uint8, uint16 and floats alike, or any matrix of `scipy.sparse`, which stays sparse.
    rank : int
        k, the number of parts; at most ``min(n_pixels, n_images)``, unless the start is random.
    loss : "frobenius", "kullback-leibler", "itakura-saito" or Loss
        `BetaDivergence` for any other member of the family.
    solver : "hals", "anls", "pg", "mu", "newton" or Solver, optional
        None for the one that was measured to be the fastest for the loss.
    init : "nndsvd", "random", "columns", "spa" or Init
    n_init : int
        Fit from so many starts and keep the best.
    penalty_W, penalty_H : L1, L2 or several, optional; for W also Smooth and Orthogonal
        Both or none: a penalty on one factor is defeated by scale.
    constraint_W, constraint_H : UpperBound, Simplex or Sparseness, optional
        A set that the factor stays in; `Sparseness` for W, `Simplex` for H.
    fixed_W : array, shape (n_pixels, j), non-negative, optional
        Parts that stay as they are, the first j of the rank; the others are learned beside them.
    weights : array, shape (n_pixels, n_images), (n_pixels, 1) or (1, n_images), non-negative, optional
        How much each entry counts, relative to the largest; 0 = not seen. Objective and relative error count alike.
    missing : {"error", "mask"}
        Refuse NaN, or give it weight 0.
    negative : {"error", "clip"}
        Refuse negative values, or set them to 0 in a copy.
    online : Online, optional
        Improve W many times within a pass first, for many images.
    stop : rule or sequence of rules, optional
        None for ``RelativeDecrease()``.
    max_iter : int
        0 gives the start back.
    time_limit : float, optional
        In seconds.
    rng : int, Generator or None
        Decides the start; None for a different one each time.
    threads : int, optional
        At most so many; None for one per processor. The result is the same to the last bit for any number.
    callback : callable, optional
        Called with a `State` after each iteration; stops the fit by returning True.

    Returns
    -------
    Factorization

    Raises
    ------
    DataError
        If V has NaN, infinite or negative values, or is not a matrix.
    ParameterError
        If an option is out of bounds; IncompatibleError if loss and solver do not fit.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came before any stopping rule held.

    Examples
    --------
    >>> import numpy as np, imgnmf
    >>> V = np.array([[1.0, 0.0, 1.0], [2.0, 0.0, 2.0], [0.0, 3.0, 3.0]])
    >>> fit = imgnmf.factorize(V, rank=2)
    >>> fit.relative_error < 1e-6
    True
    """
    started = time.perf_counter()
    data, seen = usable(as_matrix(V), weights, missing, negative)
    start = as_init(init)
    rank = checked_rank(rank, data.shape, beyond=isinstance(start, (RandomInit, ColumnSample, GivenFactors)))
    limits = Limits(_as_rules(stop, time_limit), checked_count("max_iter", max_iter, 0), callback, started)
    chosen = as_solver(solver, as_loss(loss), rank)
    steering = checked_steering(
        fixed_W, constraint_W, constraint_H, penalty_W=penalty_W, solver=chosen, rank=rank, n_pixels=data.shape[0]
    )
    fitting = Fitting(as_loss(loss), chosen, start, rank, penalty_W, penalty_H, steering, online)
    blocks = as_blocks(data, fitting.loss, seen)
    if not stored_values(data).any():
        return fitting.of_nothing(data.shape, blocks)
    streams = np.random.default_rng(rng).spawn(checked_count("n_init", n_init, 1))
    with running(useful_threads(threads, data.shape, rank)) as run:
        problem = fitting.problem(blocks, run)
        fits = (fitting.fit(problem, stream, limits, run) for stream in streams)
        best = min(fits, key=lambda fit: fit.objective)
    if best.n_iter and best.reason.startswith(MAX_ITER):
        _warn_not_converged(best)
    return best


def _as_rules(stop: StoppingRule | Sequence[StoppingRule] | None, time_limit: float | None) -> tuple[StoppingRule, ...]:
    rules = RelativeDecrease() if stop is None else stop
    limit = () if time_limit is None else (TimeLimit(time_limit),)
    return (*(rules if isinstance(rules, Sequence) else (rules,)), *limit)


def _warn_not_converged(fit: Factorization) -> None:
    seen = fit.trace.kkt[~np.isnan(fit.trace.kkt)]
    residual = f"; scaled KKT residual {seen[-1]:.2g}" if len(seen) else ""
    warnings.warn(
        f"{fit.reason} before the stopping rule held{residual}. Raise max_iter, or pass a looser "
        "stop=RelativeDecrease(tol)",
        ConvergenceWarning,
        stacklevel=3,
    )
