"""The command that says which k: ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imgnmf.cli.shell import (
    COLOR_OPTION,
    LOSSES,
    READING_OPTIONS,
    answering,
    force_option,
    keeping_options,
    kept_progress,
    reading,
    say,
    tell_report,
)

if TYPE_CHECKING:
    from imgnmf.commands.source import Reading
    from imgnmf.studies.choice import RankChoice

__all__ = ["ranks"]

METHODS = ("held-out", "bi-cross-validation", "stability", "elbow")


@click.command()
@click.argument("source")
@click.option("-k", "--ranks", "wanted", required=True, metavar="2:60", help="Also 2:60:4, or 4,9,16.")
@click.option("--method", type=click.Choice(METHODS), default="held-out", show_default=True)
@click.option("--loss", type=click.Choice(LOSSES), default="frobenius", show_default=True)
@click.option("--repeats", type=click.IntRange(min=2), default=5, show_default=True, help="At most 10 for held-out.")
@click.option("--rng", type=click.IntRange(min=0), default=0, show_default=True, help="Decides what is hidden.")
@click.option("--threads", type=click.IntRange(min=1), help="Default: one a processor.")
@click.option("-o", "--output", metavar="FILE.png", help="Draw the curve here.")
@reading(*READING_OPTIONS, COLOR_OPTION)
@keeping_options("DIR.ckpt")
@force_option
@answering
def ranks(source: str, wanted: str, output: str | None, reading: Reading, force: bool, **study: Any) -> None:
    """Say which k the images of SOURCE support."""
    from imgnmf.commands.ranks import StudyOptions, study_ranks

    kept = kept_progress(study)
    options = StudyOptions(**study)
    found = study_ranks(source, wanted, output, reading=reading, force=force, options=options, kept=kept)
    tell_report(found.images)
    for line in _lines(found.choice):
        say(line)
    say(found.choice.advice)
    if found.figure is not None:
        say(f"wrote {found.figure}")
    if found.interrupted is not None:
        raise KeyboardInterrupt(found.interrupted)


def _lines(choice: RankChoice) -> list[str]:
    rows = [f"k = {rank:<4} {mean:8.4f}" for rank, mean in zip(choice.ranks, choice.curve, strict=True)]
    if len(choice.scores) > 1:
        rows = [f"{row} +- {error:.4f}" for row, error in zip(rows, choice.standard_error, strict=True)]
    return [f"{choice.meaning}:", *rows]
