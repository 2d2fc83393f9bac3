"""Keep the progress of a fit in a file, so that it can be stopped at any time and goes on where it was.

`factorize` here is that of the core, which knows no files; it takes a path too.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from imgnmf.core import factorize as core
from imgnmf.core.progress import Progress, Session, Task
from imgnmf.core.result import Factorization
from imgnmf.errors import CheckpointWarning, OutputError, ParameterError, tell
from imgnmf.validation import check_number_field, check_path, checked_count

if TYPE_CHECKING:
    from imgnmf.checkpoint_task import Identity

__all__ = ["Checkpoint", "CheckpointFolder", "as_checkpoint", "factorize"]

EVERY_SECONDS = 30.0
# Writing by the clock takes at most this share of the time.
SHARE = 0.05
ENDING = ".ckpt"

Parameters = ParamSpec("Parameters")


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often `factorize` keeps its progress; at the end of the fit it does so always.

    Parameters
    ----------
    path : str or path-like
        The file; its folder must exist. Only a fit that resumes it replaces it.
    every_iterations : int, optional
    every_seconds : float, optional
        By the clock, and so seldom that writing takes at most a twentieth of the time. Without either, 30 seconds.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import imgnmf
    >>> V = imgnmf.load_dataset("swimmer").V
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept = Checkpoint(pathlib.Path(folder) / "run.ckpt", every_iterations=20)
    ...     stopped = imgnmf.factorize(V, 16, checkpoint=kept, callback=lambda state: state.iteration == 30)
    ...     went_on = imgnmf.factorize(V, 16, checkpoint=kept, resume=True)
    >>> at_once = imgnmf.factorize(V, 16)
    >>> (went_on.W == at_once.W).all(), went_on.n_iter == at_once.n_iter
    (np.True_, True)
    """

    path: str | os.PathLike[str]
    every_iterations: int | None = None
    every_seconds: float | None = None

    def __post_init__(self) -> None:
        check_path("path", self.path)
        if self.every_iterations is not None:
            checked_count("every_iterations", self.every_iterations, 1)
        if self.every_seconds is not None:
            check_number_field(self, "every_seconds", "a number >= 0 or None", least=0)

    def opened(self, task: Task, resume: bool) -> Session:
        """The file, seen to be of this task, or begun."""
        from imgnmf.checkpoint_file import read_progress, write_progress
        from imgnmf.checkpoint_task import identity_of

        if os.path.isdir(self.path):
            raise ParameterError(
                f"checkpoint must be a file, and {os.fspath(self.path)!r} is a folder: give the name of a file, say "
                f"{os.path.join(self.path, 'run.ckpt')!r}"
            )
        there, identity = os.path.lexists(self.path), identity_of(task)
        if there and not resume:
            raise ParameterError(
                f"{os.fspath(self.path)!r} exists, and may hold hours of work: pass resume=True to go on with it, "
                "give another name, or delete it"
            )
        if there:
            return _FileSession(self, *read_progress(self.path, identity, task))
        begin = Progress(task.rng)
        write_progress(self.path, identity, begin)  # a place that cannot be written to is told before the work
        return _FileSession(self, identity, begin)


@dataclass(frozen=True)
class CheckpointFolder:
    """Where and how often a study keeps the progress of its fits: a `Checkpoint` each, those that ended included.

    For `factorize_ranks`, `choose_rank`, `generalisation` and `factorize_layers`.

    Parameters
    ----------
    path : str or path-like
        The folder; it is made where only it is missing.
    every_iterations, every_seconds : optional
        As for `Checkpoint`.
    prefix : str
        What the names of its files begin with, for studies that share a folder.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import imgnmf
    >>> V = imgnmf.load_dataset("swimmer").V
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept = CheckpointFolder(pathlib.Path(folder) / "ranks.ckpt")
    ...     first = imgnmf.factorize_ranks(V, [4], checkpoint=kept)
    ...     both = imgnmf.factorize_ranks(V, [4, 16], checkpoint=kept, resume=True)  # fits 16 alone
    ...     sorted(path.name for path in kept.files())
    ['k16.ckpt', 'k4.ckpt']
    """

    path: str | os.PathLike[str]
    every_iterations: int | None = None
    every_seconds: float | None = None
    prefix: str = ""

    def __post_init__(self) -> None:
        check_path("path", self.path)
        self.of("")  # which sees that the numbers are some

    def of(self, name: str) -> Checkpoint:
        """The checkpoint of one fit."""
        place = Path(self.path) / f"{self.prefix}{name}{ENDING}"
        return Checkpoint(place, self.every_iterations, self.every_seconds)

    def part(self, name: str) -> CheckpointFolder:
        """The same folder for another study, whose fits may have the same names."""
        return replace(self, prefix=f"{self.prefix}{name}-")

    def files(self) -> list[Path]:
        """The checkpoints that are there."""
        return sorted(path for path in Path(self.path).glob(f"*{ENDING}") if path.name.startswith(self.prefix))

    def opened(self, resume: bool) -> None:
        """Make the folder; refuse one that holds fits unless they are gone on with."""
        if not resume and (there := self.files()):
            raise ParameterError(
                f"{os.fspath(self.path)!r} holds {len(there)} checkpoints, which may be hours of work: pass "
                "resume=True to go on with them, give another folder, or delete it"
            )
        try:
            Path(self.path).mkdir(exist_ok=True)
        except OSError as reason:
            raise OutputError(
                f"cannot make the folder {os.fspath(self.path)!r}: {reason.strerror}; keep checkpoints elsewhere"
            ) from reason


@dataclass
class _FileSession:
    """The file while a fit runs."""

    checkpoint: Checkpoint
    identity: Identity
    begin: Progress
    again: float = 0.0
    failed: bool = False

    def __post_init__(self) -> None:
        self.again = time.perf_counter() + self._pause

    @property
    def _pause(self) -> float:
        given = self.checkpoint.every_seconds
        if given is None:
            return EVERY_SECONDS if self.checkpoint.every_iterations is None else float("inf")
        return float(given)

    def due(self, iteration: int) -> bool:
        """Whether the iterations or the clock say so."""
        every = self.checkpoint.every_iterations
        return (every is not None and iteration % every == 0) or time.perf_counter() >= self.again

    def keep(self, progress: Progress) -> None:
        """Write the file; where that fails, the one before stays, and the first failure is told."""
        from imgnmf.checkpoint_file import write_progress

        started = time.perf_counter()
        try:
            write_progress(self.checkpoint.path, self.identity, progress)
        except OutputError as reason:
            if not self.failed:
                self.failed = True
                words = f"the progress could not be kept, the fit goes on without: {reason}"
                tell(words, CheckpointWarning)
        now = time.perf_counter()
        self.again = now + max(self._pause, (now - started) / SHARE)


def as_checkpoint(given: Any) -> Any:
    """Return the `Checkpoint` that a path stands for; anything else as it is."""
    return Checkpoint(given) if isinstance(given, (str, os.PathLike)) else given


def _taking_paths(fit: Callable[Parameters, Factorization]) -> Callable[Parameters, Factorization]:
    # Its own module stays, or it could not be pickled.
    @functools.wraps(fit, assigned=("__name__", "__qualname__", "__doc__"))
    def factorize(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Factorization:
        kwargs["checkpoint"] = as_checkpoint(kwargs.get("checkpoint"))
        return fit(*args, **kwargs)

    return factorize


factorize = _taking_paths(core.factorize)
