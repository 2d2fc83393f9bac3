"""`imgnmf ranks`: which k the images support, and a figure that shows why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgnmf.checkpoint import CheckpointFolder
from imgnmf.commands.interrupted import or_best
from imgnmf.commands.keeping import KeptProgress
from imgnmf.commands.output import checked_file
from imgnmf.commands.source import Reading, located, opened, read_usable, short_name
from imgnmf.errors import ParameterError
from imgnmf.images import ImageSet, StoredImages
from imgnmf.studies.choice import Method, RankChoice, choose_rank

__all__ = ["ChosenRank", "StudyOptions", "parse_ranks", "study_ranks"]


@dataclass(frozen=True)
class ChosenRank:
    """The advice, and where the figure is; if it was interrupted, by what was done, and what is kept of it."""

    choice: RankChoice
    images: ImageSet | StoredImages
    figure: Path | None
    interrupted: str | None = None


@dataclass(frozen=True)
class StudyOptions:
    """What `choose_rank` is told."""

    method: Method = "held-out"
    loss: Any = "frobenius"
    repeats: int = 5
    rng: int = 0
    threads: int | None = None

    def choose(
        self, V: Any, ranks: Iterable[int], kept: CheckpointFolder | None = None
    ) -> tuple[RankChoice, str | None]:
        """Ask the images; after Ctrl-C, by what was done, with a word of what is kept."""
        try:
            choice, interrupted = or_best(choose_rank, V, ranks, checkpoint=kept, resume=kept is not None, **vars(self))
        except KeyboardInterrupt:
            if kept is None:
                raise
            raise KeyboardInterrupt(f"interrupted: {_kept_in(kept)}") from None
        if not interrupted:
            return choice, None
        words = f"interrupted: only {len(choice.scores)} repeats of {len(choice.ranks)} ranks were done"
        return choice, words if kept is None else f"{words}; {_kept_in(kept)}"


def study_ranks(
    source: str,
    ranks: str,
    output: str | None,
    *,
    reading: Reading,
    force: bool,
    options: StudyOptions,
    kept: KeptProgress,
) -> ChosenRank:
    """Ask the images of SOURCE which rank they support; draw it if there is an output, and all was done."""
    wanted, named = parse_ranks(ranks), output or f"{short_name(source)}-ranks.png"
    again = force or kept.goes_on(named)
    target = None if output is None else checked_file(output, force=again, suffix=".png")
    images = opened(source, reading) or read_usable(source, reading)
    folder = kept.folder(Path(named), images.V, force=force, names=rf"{options.method}-k\d+.*")
    with located(images):
        choice, interrupted = options.choose(images.V, wanted, folder)
    if interrupted is not None:
        return ChosenRank(choice, images, None, interrupted)
    if target is not None:
        from imgnmf.viz import save_figure

        save_figure(target, choice.figure())
    return ChosenRank(choice, images, target)


def _kept_in(folder: CheckpointFolder) -> str:
    return f"{len(folder.files())} fits are kept in {folder.path}; with --resume the rest is done"


def parse_ranks(text: str) -> tuple[int, ...]:
    """Return the ranks of ``"2:60"`` (both included), ``"2:60:4"``, ``"4,9,16"`` or ``"4"``.

    Raises
    ------
    ParameterError
        If it is none of these, or holds no rank.

    Examples
    --------
    >>> parse_ranks("2:5"), parse_ranks("2:9:3"), parse_ranks("4,9")
    ((2, 3, 4, 5), (2, 5, 8), (4, 9))
    """
    found: list[int] = []
    for piece in text.split(","):
        match = re.fullmatch(r"([0-9]{1,6})(?::([0-9]{1,6})(?::([1-9][0-9]{0,5}))?)?", piece.strip())
        if match is None:
            raise ParameterError(f"expected ranks as 2:60, 2:60:4 or 4,9,16, got {text!r}")
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        found.extend(range(first, last + 1, step))
    if not found:
        raise ParameterError(f"{text!r} holds no rank: write the smaller one first, say 2:60")
    return tuple(found)
