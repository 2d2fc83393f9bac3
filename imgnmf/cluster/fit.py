"""`factorize` on dask.distributed: the loop of one machine, whose blocks lie with the workers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from distributed import Client

from imgnmf.checkpoint import as_checkpoint
from imgnmf.cluster.holder import coefficients, digests, look, sums
from imgnmf.cluster.notes import Notes
from imgnmf.cluster.passes import Passes, Watch
from imgnmf.cluster.sources import as_source
from imgnmf.cluster.team import HeldColumns, Team, working
from imgnmf.core.blocks import ColumnBlocks, Runner, running
from imgnmf.core.check import LOWER_OR_RANDOM, checked_count, checked_rank, figures_of
from imgnmf.core.choices import InitLike, LossLike, SolverLike, as_init, as_loss, as_solver
from imgnmf.core.constraints import Constraint
from imgnmf.core.digest import as_it_is
from imgnmf.core.fitting import Fitting
from imgnmf.core.inits import takes_any_rank
from imgnmf.core.interrupts import INTERRUPTED, concluded, interruptible, own_best
from imgnmf.core.iterate import Iterate, first_iterate, iterate
from imgnmf.core.lead_in import lifted, parts_of_sample
from imgnmf.core.limits import Callback, Limits, limits_of, warn_if_cut_short
from imgnmf.core.losses import Loss
from imgnmf.core.parts import Array
from imgnmf.core.penalties import Penalties
from imgnmf.core.problem import Problem, settled
from imgnmf.core.progress import Keeper, Keeping, Progress, Task, opened
from imgnmf.core.result import Factorization, History
from imgnmf.core.start import inside, steered_start
from imgnmf.core.steering import check_constraints, checked_steering, refuse_loss, refuse_ties
from imgnmf.core.stopping import StoppingRule
from imgnmf.core.units import looked_for, scaled_blocks
from imgnmf.errors import ClusterError, ParameterError
from imgnmf.validation import check_flag, checked_rng

__all__ = ["factorize"]

# A V of so many entries is fetched as a whole for its start, since all its images are needed there.
SMALL_V = 1 << 26


@interruptible(own_best)
def factorize(
    V: Any,
    rank: int,
    *,
    client: Client,
    loss: LossLike = "frobenius",
    solver: SolverLike | None = None,
    init: InitLike = "nndsvd",
    penalty_W: Penalties = None,
    penalty_H: Penalties = None,
    constraint_W: Constraint | None = None,
    constraint_H: Constraint | None = None,
    fixed_W: Any = None,
    stop: StoppingRule | Sequence[StoppingRule] | None = None,
    max_iter: int = 500,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    callback: Callback | None = None,
    keep_every: int = 20,
    watch: Watch | None = None,
    checkpoint: str | os.PathLike[str] | Keeper | None = None,
    resume: bool = False,
) -> Factorization:
    """As `imgnmf.factorize`, with V spread over the workers of a dask cluster, and the same result.

    Each worker holds its columns of V and of H; an iteration sends it W and brings back the sums that the step on W
    needs, which are added up between the workers: n_pixels * rank + rank**2 numbers, whatever the number of images.
    Blocks and the order of sums are those of one machine. A worker that is lost costs time only: its columns are loaded
    again from where they came, and the passes since H was last kept are done again.

    Parameters
    ----------
    V : array, dask array, sequence of arrays, or path or sequence of paths
        Arrays: shape (n_pixels, n_images), one image a column; a sequence is put side by side. Paths: .npy files or
        .zarr arrays that the workers can read, one image a row: (n_images, n_pixels) or (n_images, height, width, ...).
    rank : int
    client : distributed.Client
    loss, solver, init, penalty_W, penalty_H, constraint_W, constraint_H, fixed_W, stop, max_iter, time_limit, rng
        As for `imgnmf.factorize`. A start that needs all images (SPA, or one with ``lead_in=False``) reads V through
        the client once per pass that it makes.
    callback : callable, optional
        As there; to look at ``state.H`` brings H from the workers.
    keep_every : int
        H comes to the client every so many passes: where a lost worker's part begins again, and what is left if the
        scheduler is lost.
    watch : callable, optional
        Called with a `Passed` after each pass: its time, and its bytes on the network.
    checkpoint, resume
        As there, written when H comes to the client, at the end, and if the scheduler is lost. The file is that of one
        machine: a fit that was begun on a cluster goes on there, on another, or by `imgnmf.factorize`.

    Returns
    -------
    Factorization

    Raises
    ------
    ClusterError
        If the scheduler is lost, with what is left as its `best`, and in the checkpoint; if no worker is left; if a
        worker has another imgnmf.
    DataError
        If V has NaN, infinite or negative values; ImageReadError if a worker cannot read a file.
    ParameterError
        As `imgnmf.factorize`.
    Interrupted
        At Ctrl-C, with the best factors so far as its `best`, or None.

    Warns
    -----
    ConvergenceWarning
        If `max_iter` came while the fit was still visibly improving, or before a rule in `stop` held.

    Examples
    --------
    >>> import imgnmf.cluster
    >>> V = np.random.default_rng(0).random((30, 500))
    >>> with imgnmf.cluster.connected("tcp://127.0.0.1:8786") as client:  # doctest: +SKIP
    ...     fit = imgnmf.cluster.factorize(V, rank=4, client=client)
    """
    if client.asynchronous:
        raise ParameterError("client is asynchronous; pass a Client(..., asynchronous=False)")
    limits, keep_every = limits_of(stop, max_iter, time_limit, callback), checked_count("keep_every", keep_every, 1)
    check_constraints(constraint_W, constraint_H)
    check_flag("resume", resume)
    refuse_ties(penalty_H, constraint_H, "on a cluster it is spread over the workers: use imgnmf.factorize")
    source, start = as_source(V, client), as_init(init)
    rank = checked_rank(rank, source.shape, beyond=takes_any_rank(start), remedy=LOWER_OR_RANDOM)
    refuse_loss(as_loss(loss), (penalty_W, penalty_H), constraint_W, constraint_H)
    chosen = as_solver(solver, as_loss(loss), rank)
    steering = checked_steering(
        fixed_W,
        constraint_W,
        constraint_H,
        penalties=(penalty_W, penalty_H),
        solver=chosen,
        rank=rank,
        n_pixels=source.shape[0],
    )
    fitting = Fitting(as_loss(loss), chosen, start, rank, penalty_W, penalty_H, steering)
    generator = checked_rng(rng)
    with running(1) as run, working(client, source) as team:
        blocks = _looked_over(team, fitting.loss)
        if not blocks.largest:
            return fitting.of_nothing(source.shape, blocks)
        problem = _problem(fitting, blocks, team)
        digested = partial(team.each_block, digests, _nothing_of(as_it_is(blocks)))
        task = Task(fitting, blocks, 1, limits, generator, rng is None, run, digested)
        session = opened(as_checkpoint(checkpoint), resume, task)
        keeping = Keeping(session, Progress(generator) if session is None else session.begin)
        problem, begin, history = _begun(fitting, problem, team, keeping.progress, run)
        notes = Notes(keeping, history, problem.loss, keep_every, getattr(checkpoint, "path", checkpoint))
        passes = Passes(team, problem, begin, keep_every, watch, notes.take)
        limits = replace(limits, started=limits.started - keeping.progress.seconds)
        fit = _fitted(fitting, problem, passes, begin, limits, notes=notes, run=run)
    warn_if_cut_short(fit, limits)
    return fit


def _looked_over(team: Team, loss: Loss) -> ColumnBlocks:
    """V as the workers hold it, once they have looked at every value."""
    wanted = looked_for(team.source.shape, loss)
    starts = [team.span(key).start for key in range(len(team.cuts))]
    seen = [block for piece in team.each(look, wanted["sums"], wanted["every"], own=starts) for block in piece]
    return scaled_blocks(HeldColumns(team), loss, figures_of(seen, team.source.shape))


def _problem(fitting: Fitting, blocks: ColumnBlocks, team: Team) -> Problem:
    if blocks.sums is not None:
        return fitting.problem_of(blocks, blocks.sums[1], blocks.sums[0])
    like = _nothing_of(blocks)
    energies, totals = zip(*team.each_block(sums, like), strict=True)
    return fitting.problem_of(blocks, sum(energies), sum(totals))


def _nothing_of(blocks: ColumnBlocks) -> ColumnBlocks:
    return replace(blocks, data=np.empty((0, 0), blocks.data.dtype))


def _begun(
    fitting: Fitting, problem: Problem, team: Team, progress: Progress, run: Runner[Any]
) -> tuple[Problem, Iterate, History]:
    """The start, or where an earlier run stopped."""
    if (standing := progress.standing) is not None:
        history = replace(standing.history, rounding=problem.rounding, reference=problem.reference)
        return replace(problem, loss=standing.loss), standing.iterate, history
    W, H = _start(fitting, problem, team, progress.rng.spawn(1)[0], run)
    problem = settled(problem, W, H)
    history = History(rounding=problem.rounding, reference=problem.reference)
    return problem, first_iterate(problem, W, H), history


def _start(
    fitting: Fitting, problem: Problem, team: Team, rng: np.random.Generator, run: Runner[Any]
) -> tuple[Array, Array]:
    """The start of one machine: parts from a sample of the images where there is one, all images at once."""
    W = None if fitting.steering.fixed_W is not None else parts_of_sample(fitting.init, problem, fitting.rank, rng, run)
    if W is None:
        if np.prod(problem.blocks.shape) <= SMALL_V:
            problem = replace(problem, blocks=replace(problem.blocks, data=problem.blocks.data[:, :]))
        return steered_start(fitting.init, problem, fitting.rank, rng, run)
    like = _nothing_of(problem.blocks)
    H = np.concatenate(team.each(coefficients, like, sent=W), axis=1)
    if problem.solver.needs_positive:
        W, H = lifted(W), lifted(H)
    return inside(problem.steering, W, H)


def _fitted(
    fitting: Fitting,
    problem: Problem,
    passes: Passes,
    begin: Iterate,
    limits: Limits,
    *,
    notes: Notes,
    run: Runner[Any],
) -> Factorization:
    """Iterate until something ends it; of a cluster that is lost, what had come back is kept."""
    history = notes.history
    try:
        iterates = passes.remembered(iterate(problem, begin, run, held=passes))
        best, reason, converged = limits.follow(iterates, begin, problem, history)
        if notes.wanted and reason != INTERRUPTED:  # amid a pass, what it is extrapolated from is gone
            passes.fetch()
        notes.write()
        exact = bool(history.seconds) and fitting.ends_exactly(problem, reason)
        W, lengths = fitting.final_parts(best, problem)
        H, loss, squared = passes.finished(W, lengths, exact=exact)
        final = replace(best, W=W, H=H)
        measured = partial(fitting.result, final, problem, history, measured=(loss, squared))
        return concluded(measured, reason, converged)
    except ClusterError as error:
        notes.write()
        told = ClusterError(f"{error}; {notes.how_to_go_on(passes.kept_best is not None)}")
        if (kept := passes.kept_best) is not None:
            loss = kept.objective - problem.penalty_W.value(kept.W) - problem.penalty_H.value(kept.H)
            came = (loss, kept.squared_residual)
            W, lengths = fitting.final_parts(kept, problem)
            kept = replace(kept, W=W, H=kept.H * lengths[:, None])
            told.best = fitting.result(kept, problem, history, f"lost: {error}", False, measured=came)
        raise told from error
