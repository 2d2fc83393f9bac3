"""`imgnmf gallery --kinds`: the five kinds of parts of the same images side by side, drawn and measured."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imgnmf.checkpoint import CheckpointFolder
from imgnmf.commands.options import FitOptions
from imgnmf.commands.summary import finite
from imgnmf.core.measures import PartMeasures, part_measures
from imgnmf.core.presets import KINDS
from imgnmf.core.result import Factorization
from imgnmf.errors import ParameterError, tell
from imgnmf.images import ImageSet
from imgnmf.viz import PageSection, kinds, save_figure

__all__ = ["Kinds", "check_kinds", "fit_kinds", "summarize_kinds", "write_kinds"]

MEANING = {
    "global": "plain NMF",
    "local": "every part of sparseness 0.75",
    "sparse": "small entries driven to zero",
    "smooth": "neighbouring pixels alike",
    "orthogonal": "parts share few pixels",
}


@dataclass(frozen=True, eq=False)
class Kinds:
    """Fits of one rank, one a kind, and the measures of their parts; all five, unless it was interrupted."""

    rank: int
    fits: dict[str, Factorization]
    measures: dict[str, PartMeasures]
    interrupted: bool


def check_kinds(wanted: bool, options: FitOptions) -> None:
    """Refuse a loss or a solver that only some of the kinds can be had with."""
    plain = FitOptions()
    for name in ("loss", "solver"):
        if wanted and getattr(options, name) != getattr(plain, name):
            raise ParameterError(f"--kinds compares fits of the Frobenius loss by its own solver: leave out --{name}")


def fit_kinds(images: ImageSet, rank: int, options: FitOptions, kept: CheckpointFolder | None = None) -> Kinds:
    """Fit each kind at one rank, its parts in falling order of energy."""
    fits, interrupted = {}, False
    for kind in KINDS:
        place = None if kept is None else kept.part(kind)
        with _warnings_named(f"{kind} parts"):
            study = replace(options, parts=kind).fit(images.V, [rank], images.image_shape, place)
        fits[kind] = study[rank].ordered()
        if interrupted := study.interrupted:
            break
    measures = {kind: part_measures(fit.W, images.image_shape, fit.H) for kind, fit in fits.items()}
    return Kinds(rank, fits, measures, interrupted)


@contextmanager
def _warnings_named(name: str) -> Iterator[None]:
    """Say in every warning which of the fits it is about: all have one rank."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
    for each in seen:
        tell(f"{name}: {each.message}", each.category)


def write_kinds(folder: Path, name: str, images: ImageSet, made: Kinds) -> PageSection:
    """Write the figure, and return what the page shows of it."""
    title = f"{name}: the same images taken apart into {made.rank} parts of {len(made.fits)} kinds"
    facts = {kind: _line(made, kind) for kind in made.fits}
    stacks = {kind: images.stack(fit.W) for kind, fit in made.fits.items()}
    save_figure(folder / "kinds.png", kinds(stacks, facts=facts, title=title))
    columns = ("kind", "relative error", "sparseness", "area", "pieces", "overlap")
    return PageSection(
        heading="Kinds of parts",
        words=(
            f"The same images, taken apart into {made.rank} parts that are asked to be of a kind. Every wish costs "
            "some error. Sparseness is Hoyer's: 0 flat, 1 a single pixel. Area is the share of the pixels that a part "
            "covers, pieces the number of its connected regions, overlap the mean cosine of two parts; means over the "
            "parts."
        ),
        picture=(folder / "kinds.png").read_bytes(),
        alt=f"A row of parts for each kind: {', '.join(made.fits)}. The table has their figures.",
        columns=columns,
        rows=tuple((f"{kind}: {MEANING[kind]}", *_figures(made, kind)) for kind in made.fits),
    )


def summarize_kinds(made: Kinds) -> dict[str, Any]:
    """Return the error and the measures of each kind, as plain numbers."""
    rows = [
        {"kind": kind, "relative_error": finite(fit.relative_error), "parts": _plain(made.measures[kind])}
        for kind, fit in made.fits.items()
    ]
    return {"rank": made.rank, "rows": rows}


def _plain(measures: PartMeasures) -> dict[str, float | None]:
    return {name: finite(mean) for name, mean in measures.means().items()}


def _figures(made: Kinds, kind: str) -> tuple[str, ...]:
    means = made.measures[kind].means()
    return (
        f"{100 * made.fits[kind].relative_error:.1f} %",
        f"{means['sparseness']:.2f}",
        f"{100 * means['area']:.0f} %",
        f"{means['pieces']:.1f}",
        f"{means['mean_overlap']:.2f}",
    )


def _line(made: Kinds, kind: str) -> str:
    error, sparseness, area, pieces, overlap = _figures(made, kind)
    return (
        f"{MEANING[kind]} · relative error {error} · sparseness {sparseness} · area {area} · "
        f"pieces {pieces} · overlap {overlap}"
    )
