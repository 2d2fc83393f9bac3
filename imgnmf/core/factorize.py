"""`factorize`: check the options, start, iterate until a rule says stop, finish.

The iterations themselves are in `imgnmf.core.iterate`, and what ends them in `imgnmf.core.limits`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from imgnmf.core.blocks import running, useful_threads
from imgnmf.core.budget import check_budget
from imgnmf.core.check import LOWER_OR_RANDOM, as_data, checked_count, checked_rank
from imgnmf.core.choices import InitLike, LossLike, SolverLike, as_init, as_loss, as_solver
from imgnmf.core.constraints import Constraint
from imgnmf.core.fitting import Fitting, best_fit
from imgnmf.core.inits import takes_any_rank
from imgnmf.core.interrupts import interruptible, own_best
from imgnmf.core.limits import Callback, State, limits_of, warn_if_cut_short
from imgnmf.core.online import Online, window_size
from imgnmf.core.penalties import Penalties
from imgnmf.core.progress import Keeper, Progress, Task, opened
from imgnmf.core.result import Factorization
from imgnmf.core.seen import skip_empty, usable, weight_scale
from imgnmf.core.sparse import is_sparse
from imgnmf.core.steering import check_constraints, checked_steering, refuse_loss, refuse_ties
from imgnmf.core.stopping import StoppingRule
from imgnmf.core.units import as_blocks
from imgnmf.core.warm_up import compile_kernels
from imgnmf.errors import ParameterError
from imgnmf.validation import check_flag, checked_rng

__all__ = ["Callback", "State", "factorize"]


@interruptible(own_best)
def factorize(  # noqa: PLR0913 - the whole contract in one place
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
    memory: int | str | None = None,
    callback: Callback | None = None,
    checkpoint: str | os.PathLike[str] | Keeper | None = None,
    resume: bool = False,
) -> Factorization:
    """Take a set of images apart: find ``V ~ W H`` with ``W >= 0`` and ``H >= 0``.

    Solves ``min loss(V, W H) + penalties`` in one pass over V per iteration, by default with extrapolated HALS
    (Ang & Gillis 2019). V is converted block by block, to float32 unless it is float64, and never as a whole; its
    unit does not matter.

    Every part has Euclidean length 1 and its scale is in H, so that rows of H can be compared. Where something else
    decides the scale it stays: with a penalty, `fixed_W`, an upper bound, `Simplex`, `NonSmooth`, or ``max_iter=0``.

    Parameters
    ----------
    V : array, shape (n_pixels, n_images), non-negative
        One image a column; uint8, uint16 and floats alike, or any matrix of `scipy.sparse`, which stays sparse. Also
        what is larger than memory: `open_images(path).V`, a memmap, an array of zarr, h5py or dask, or any object with
        `shape`, `dtype` and column slices ``V[:, a:b]``; a few of those are in memory at a time.
    rank : int
        k, the number of parts; at most ``min(n_pixels, n_images)``, unless the start is random.
    loss : "frobenius", "kullback-leibler", "itakura-saito" or Loss
        `BetaDivergence` for any other member of the family.
    solver : "hals", "anls", "pg", "mu", "newton" or Solver, optional
        None for the one that was measured to be the fastest for the loss.
    init : "nndsvd", "random", "columns", "spa" or Init
        Where "nndsvd" leads to more than 3 % of error although V is of this rank but for 1 % (swimmers before a gray
        background), up to three random starts are tried too and the best fit kept; its `init` says which.
    n_init : int
        Fit from so many starts and keep the best.
    penalty_W, penalty_H : L1, L2 or several, optional; for W also Smooth and Orthogonal, for H also Neighbours
        Both or none: a penalty on one factor is defeated by scale.
    constraint_W, constraint_H : UpperBound, Sparseness, optional; for H also Simplex and NonSmooth
        A set that the factor stays in.
    fixed_W : array, shape (n_pixels, j), non-negative, optional
        Parts that stay as they are, the first j of the rank; the others are learned beside them.
    weights : array, shape (n_pixels, n_images), (n_pixels, 1) or (1, n_images), non-negative, or "stored", optional
        How much each entry counts, relative to the largest; 0 = not seen. Objective and relative error count alike. Of
        a sparse V, "stored": an entry that is not stored was not seen (else it is a 0), as in a table of ratings.
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
        In seconds; what the compiler takes in the first fit of a process does not count, here and in the trace.
    rng : int, Generator or None
        Decides the start; None for a different one each time.
    threads : int, optional
        At most so many; None for one per processor. The result is the same to the last bit for any number.
    memory : int or str, optional
        How much the fit may take beside V, say ``"2GB"``; what would take more is refused at once, with the estimate.
    callback : callable, optional
        Called with a `State` after each iteration; stops the fit by returning True.
    checkpoint : path or `imgnmf.Checkpoint`, optional
        A file to keep the progress in, every 30 seconds and at the end.
    resume : bool
        Go on where the run that wrote the checkpoint stopped: the result is the same to the last bit. Begins anew
        where there is no such file yet.

    Returns
    -------
    Factorization

    Raises
    ------
    DataError
        If V has NaN, infinite or negative values, or is not a matrix; or if a part of it cannot be read.
    ParameterError
        If an option is out of bounds; IncompatibleError if loss and solver do not fit, or the checkpoint is of
        another fit; MemoryBudgetError if the fit would take more than `memory`.
    ArchiveError, OutputError
        If the checkpoint is damaged, or its place cannot be written to.
    Interrupted
        At Ctrl-C, with the best factors so far as its `best`: a `Factorization`, or None before there are any.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came while the fit was still visibly improving, or before a rule in `stop` held.

    Examples
    --------
    >>> import numpy as np, imgnmf
    >>> V = np.array([[1.0, 0.0, 1.0], [2.0, 0.0, 2.0], [0.0, 3.0, 3.0]])
    >>> fit = imgnmf.factorize(V, rank=2)
    >>> fit.relative_error < 1e-6
    True
    """
    limits = limits_of(stop, max_iter, time_limit, callback)
    check_constraints(constraint_W, constraint_H)
    check_flag("resume", resume)
    if online is not None and not isinstance(online, Online):
        raise ParameterError(f"online must be an imgnmf.Online(), say Online(passes=2), or None; got {online!r}")
    data, seen = usable(as_data(V, missing), weights, missing, negative)
    start = as_init(init)
    rank = checked_rank(rank, data.shape, beyond=takes_any_rank(start), remedy=LOWER_OR_RANDOM)
    refuse_loss(as_loss(loss), (penalty_W, penalty_H), constraint_W, constraint_H)
    chosen = as_solver(solver, as_loss(loss), rank, stored=is_sparse(seen))
    steering = checked_steering(
        fixed_W,
        constraint_W,
        constraint_H,
        penalties=(penalty_W, penalty_H),
        solver=chosen,
        rank=rank,
        n_pixels=data.shape[0],
    )
    if online is not None:
        refuse_ties(penalty_H, constraint_H, "online=Online() looks at a window of images at a time: leave one out")
    fitting = Fitting(as_loss(loss), chosen, start, rank, penalty_W, penalty_H, steering, online, weight_scale(weights))
    n_init, generator = checked_count("n_init", n_init, 1), checked_rng(rng)
    n_threads = useful_threads(threads, data.shape, rank)
    if memory is not None:
        check_budget(
            memory,
            data,
            rank,
            start,
            fitting.loss,
            chosen,
            n_init=n_init,
            threads=n_threads,
            window=0 if online is None else window_size(online.images, rank),
            keeping=checkpoint is not None,
        )
    if fitting.loss.floor:
        seen = skip_empty(data, seen)
    with running(n_threads) as run:
        blocks = as_blocks(data, fitting.loss, seen, run)
        if not blocks.largest:
            return fitting.of_nothing(data.shape, blocks)
        compiling = compile_kernels(fitting.loss, chosen, blocks.dtype)
        limits = replace(limits, started=limits.started + compiling)
        task = Task(fitting, blocks, n_init, limits, generator, rng is None, run)
        session = opened(checkpoint, resume, task)
        problem = fitting.problem(blocks, run)
        begin = Progress(generator) if session is None else session.begin
        best = best_fit(fitting, problem, n_init, limits, run, begin=begin, session=session)
    warn_if_cut_short(best, limits)
    return best
