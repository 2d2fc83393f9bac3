"""How far a fit is: enough to go on as if it had never stopped. Where that is kept is decided outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner
from imgnmf.core.digest import block_digests
from imgnmf.core.iterate import Iterate
from imgnmf.core.limits import Limits
from imgnmf.core.result import Factorization, History
from imgnmf.errors import IncompatibleError, ParameterError
from imgnmf.validation import check_flag, is_instance

if TYPE_CHECKING:
    from imgnmf.core.fitting import Fitting

__all__ = ["Keeper", "Keeping", "Progress", "Session", "Shelf", "Standing", "Task", "kept_as", "opened", "opened_shelf"]


@dataclass(frozen=True, eq=False)
class Standing:
    """Where the fit from one start stands after an iteration.

    Attributes
    ----------
    iterate : Iterate
    history : History
    loss : Loss
        A robust one has settled what it found at the start.
    """

    iterate: Iterate
    history: History
    loss: Any


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a fit is.

    Attributes
    ----------
    rng : numpy.random.Generator
        What the starts' own streams are spawned from.
    start : int
        Which of the `n_init` starts is under way.
    best : Factorization, optional
        Of the starts before.
    standing : Standing, optional
        None where the start has not begun.
    """

    rng: np.random.Generator
    start: int = 0
    best: Factorization | None = None
    standing: Standing | None = None

    @property
    def seconds(self) -> float:
        """How long it took to come so far."""
        return 0.0 if self.standing is None else self.standing.history.seconds[-1]


@dataclass(frozen=True, eq=False)
class Task:
    """What is asked for: progress is worth something for the same task alone.

    Attributes
    ----------
    fitting : Fitting
    blocks : ColumnBlocks
    n_init : int
    limits : Limits
    rng : numpy.random.Generator
        Not yet drawn from.
    any_rng : bool
        Whether any other would do.
    run : callable
        The threads of the fit.
    digested : callable, optional
        Gives the SHA-256 of every block of V, where V lies with others.
    """

    fitting: Fitting
    blocks: ColumnBlocks
    n_init: int
    limits: Limits
    rng: np.random.Generator
    any_rng: bool
    run: Runner[Any]
    digested: Callable[[], Iterable[str]] | None = None

    def digests(self) -> Iterable[str]:
        """The SHA-256 of every block of V."""
        return block_digests(self.blocks, self.run) if self.digested is None else self.digested()


class Session(Protocol):
    """Where the progress of one fit is kept."""

    @property
    def begin(self) -> Progress:
        """Where to go on."""
        ...

    def due(self, iteration: int) -> bool:
        """Whether it is time to keep the progress."""
        ...

    def keep(self, progress: Progress) -> None:
        """Keep it; nothing of it is held on to, and what goes wrong does not end the fit."""
        ...


@runtime_checkable
class Keeper(Protocol):
    """What `factorize` takes as ``checkpoint``."""

    def opened(self, task: Task, resume: bool) -> Session:
        """A place for the progress of this task, refused where it holds that of another."""
        ...


def opened(checkpoint: Any, resume: bool, task: Task) -> Session | None:
    """The place for the progress of a fit, before its first iteration."""
    if checkpoint is None:
        if resume:
            raise ParameterError("resume=True needs the checkpoint to go on from: pass checkpoint='run.ckpt', say")
        return None
    if not is_instance(checkpoint, Keeper) or hasattr(checkpoint, "of"):
        raise ParameterError("the core opens no files: call imgnmf.factorize, or pass an imgnmf.Checkpoint")
    session: Session = checkpoint.opened(task, resume)
    return session


@runtime_checkable
class Shelf(Protocol):
    """What a study takes as ``checkpoint``: a place for the progress of each of its fits."""

    def opened(self, resume: bool) -> None:
        """See that it can be written to, and holds nothing unless that is gone on with."""
        ...

    def of(self, name: str) -> Keeper:
        """The place of one fit."""
        ...

    def part(self, name: str) -> Shelf:
        """The same place for another study, whose fits may have the same names."""
        ...


def opened_shelf(checkpoint: Any, resume: bool, rng: Any = 0, part: str = "") -> Shelf | None:
    """The shelf of a study, before its first fit; or a part of it, for a study that shares it."""
    check_flag("resume", resume)
    if checkpoint is None:
        if resume:
            raise ParameterError("resume=True needs what to go on from: pass checkpoint=CheckpointFolder('run.ckpt')")
        return None
    if not is_instance(checkpoint, Shelf):
        raise ParameterError(
            f"a study keeps many fits: pass checkpoint=imgnmf.CheckpointFolder('run.ckpt'), say; got {checkpoint!r}"
        )
    if isinstance(rng, np.random.Generator):
        # A fit that is there already does not draw from it again, so the next one would start elsewhere.
        raise IncompatibleError("with a checkpoint, rng must be an int or None: a Generator moves on with every fit")
    shelf: Shelf = checkpoint.part(part) if part else checkpoint
    shelf.opened(resume)
    return shelf


def kept_as(shelf: Shelf | None, name: str) -> dict[str, Any]:
    """What `factorize` is to be told, for a fit of a study to be gone on with, or begun."""
    return {} if shelf is None else {"checkpoint": shelf.of(name), "resume": True}


@dataclass(frozen=True, eq=False)
class Keeping:
    """What is kept while one start is followed."""

    session: Session | None
    progress: Progress

    @property
    def lasting(self) -> bool:
        """Whether every iterate must stay whole until the next is there."""
        return self.session is not None

    def after(self, iterate: Iterate, history: History, loss: Any, *, last: bool = False) -> None:
        """Keep what an iteration came to, if it is time."""
        if self.session and iterate.iteration and (last or self.session.due(iterate.iteration)):
            self.session.keep(replace(self.progress, standing=Standing(iterate, history, loss)))
