"""`imgnmf gallery`: every picture of a study in one folder, with a page that shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imgnmf.archive import save
from imgnmf.checkpoint import CheckpointFolder
from imgnmf.commands.keeping import KeptProgress
from imgnmf.commands.kinds import Kinds, check_kinds, fit_kinds, summarize_kinds, write_kinds
from imgnmf.commands.layers import check_options, fit_layers, parsed_ranks, summarize_layers, write_layers
from imgnmf.commands.options import FitOptions
from imgnmf.commands.output import MARKER, checked_folder, staged, write_json
from imgnmf.commands.source import Reading, default_ranks, read_usable, short_name, spread, tell_left_out
from imgnmf.commands.summary import summarize
from imgnmf.images import ImageSet
from imgnmf.studies.floor import svd_errors
from imgnmf.studies.generalisation import Generalisation, generalisation, n_kept
from imgnmf.studies.layers import LayeredFactorization
from imgnmf.studies.ranks import RankStudy
from imgnmf.viz import (
    basis,
    build_up,
    coefficients,
    convergence,
    rank_curve,
    reconstructions,
    save_figure,
    write_page,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Gallery", "draw", "gallery_of", "kept_aside", "make_gallery", "write_everything"]

# What the fits of a gallery are called.
FITS = r"k\d+(-warm)?|(layers|unseen|kinds)-.+"
ROWS_SHOWN = 6
# Beyond these a heat map of H is a grey haze, and the floor costs more than the fits.
MOST_COLUMNS, MOST_GROUPS, LARGEST_GRAM, LARGEST_SPLIT = 2000, 40, 2000, 5_000_000


@dataclass(frozen=True)
class Gallery:
    """What there is to draw: images and their fits, the parts of each in falling order of energy.

    Figures that show a single rank show `chosen`.
    """

    name: str
    source: str
    images: ImageSet
    study: RankStudy
    chosen: int
    unseen: Generalisation | None = None
    layers: LayeredFactorization | None = None
    kinds: Kinds | None = None

    @property
    def interrupted(self) -> bool:
        """Whether something was cut short."""
        return self.study.interrupted or (self.kinds is not None and self.kinds.interrupted)


def make_gallery(
    source: str,
    *,
    ranks: tuple[int, ...],
    folder: str | None,
    reading: Reading,
    force: bool,
    options: FitOptions,
    kept: KeptProgress,
    layers: str | None = None,
    kinds: bool = False,
) -> tuple[Path, Gallery]:
    """Read, fit, draw; the folder appears when all of it is done."""
    wanted, name = parsed_ranks(layers), folder or f"{short_name(source)}-gallery"
    check_options(wanted, options)
    check_kinds(kinds, options)
    target = checked_folder(name, force=force or kept.goes_on(name))
    images = read_usable(source, reading)
    place = kept.folder(Path(name), images.V, force=force, names=FITS)
    if not ranks:
        ranks = default_ranks(images.V)
        tell_left_out(images.V, ranks)
    gallery = _fitted(source, images, ranks, options, place, more=(wanted, kinds))
    with staged(target) as staging:
        write_everything(staging, gallery)
    return target, gallery


def _fitted(
    source: str,
    images: ImageSet,
    ranks: tuple[int, ...],
    options: FitOptions,
    kept: CheckpointFolder | None,
    *,
    more: tuple[tuple[int, ...], bool],
) -> Gallery:
    """All the fits of a gallery; after Ctrl-C, what was done until then."""
    layers, unseen, compared = None, None, None
    place = {name: None if kept is None else kept.part(name) for name in ("layers", "unseen", "kinds")}
    study = options.fit(images.V, ranks, images.image_shape, kept)
    try:
        layers = None if study.interrupted else fit_layers(images, more[0], options, place["layers"])
        study = replace(study, interrupted=study.interrupted or (layers is not None and layers.interrupted))
        unseen = kept_aside(images, study, options, place["unseen"])
        if more[1] and not study.interrupted:
            compared = fit_kinds(images, middle_rank(study), options, place["kinds"])
    except KeyboardInterrupt:  # the ranks are there, and worth drawing
        study = replace(study, interrupted=True)
    return replace(gallery_of(source, images, study), unseen=unseen, layers=layers, kinds=compared)


def gallery_of(source: str, images: ImageSet, study: RankStudy, chosen: int | None = None) -> Gallery:
    """Return the study in the order in which it is shown and saved; the rank in the middle is `chosen`.

    >>> from imgnmf import factorize_ranks, load_dataset
    >>> images = load_dataset("swimmer")
    >>> gallery_of("swimmer", images, factorize_ranks(images.V, [4])).chosen
    4
    """
    fits = {rank: study[rank].normalized().ordered() for rank in study.ranks}
    shown = middle_rank(study) if chosen is None else chosen
    return Gallery(short_name(source), source, images, RankStudy(fits, study.interrupted), shown)


def middle_rank(study: RankStudy) -> int:
    """Return the rank that figures of a single rank show."""
    return study.ranks[len(study) // 2]


def kept_aside(
    images: ImageSet, study: RankStudy, options: FitOptions, kept: CheckpointFolder | None = None
) -> Generalisation | None:
    """Return the error on a quarter of the images, kept aside: for plain parts of sets where it takes a moment."""
    largest = min(images.V.shape[0], len(images) - n_kept(len(images)))
    ranks = [rank for rank in study.ranks if rank <= largest and len(images) > 1]
    if study.interrupted or options.parts != "global" or not ranks or images.V.size > LARGEST_SPLIT:
        return None
    return generalisation(
        images.V,
        ranks,
        loss=options.loss,
        repeats=1,
        rng=options.rng,
        threads=options.threads,
        checkpoint=kept,
        resume=kept is not None,
    )


def write_everything(folder: Path, gallery: Gallery) -> None:
    """Write figures, models, page and summary into an empty folder."""
    for name, figure in draw(gallery):
        save_figure(folder / f"{name}.png", figure)
    for rank in gallery.study.ranks:
        save(folder / f"k{rank:02}.imgnmf", gallery.study[rank], gallery.images)
    summary, sections = summarize(gallery.source, gallery.images, gallery.study), []
    if gallery.kinds is not None:
        sections.append(write_kinds(folder, gallery.name, gallery.images, gallery.kinds))
        summary["kinds"] = summarize_kinds(gallery.kinds)
    if gallery.layers is not None:
        sections.append(write_layers(folder, gallery.name, gallery.images, gallery.layers))
        summary["layers"] = summarize_layers(gallery.images, gallery.layers)
    title, shown = f"The parts of {gallery.name}", (gallery.study, gallery.images)
    write_page(folder / "index.html", *shown, title=title, unseen=gallery.unseen, sections=sections)
    write_json(folder / MARKER, summary)


def draw(gallery: Gallery) -> Iterator[tuple[str, Figure]]:
    """Yield the figures that make sense for these images, each with its file's name."""
    for rank in gallery.study.ranks:
        yield f"basis-k{rank:02}", _basis(gallery, rank)
    yield "reconstructions", _reconstructions(gallery)
    yield "build-up", _build_up(gallery)
    if len(gallery.study) > 1:
        yield "rank-curve", _rank_curve(gallery)
    lengths = [fit.n_iter for fit in gallery.study.fits.values()]
    if min(lengths) > 0 and max(lengths) > 1:
        traces = {f"k = {rank}": fit.trace for rank, fit in gallery.study.fits.items()}
        yield "convergence", convergence(traces, title=f"{gallery.name}: how the error falls")
    if len(gallery.images) <= MOST_COLUMNS:
        yield "coefficients", _coefficients(gallery)


def _basis(gallery: Gallery, rank: int) -> Figure:
    fit, images = gallery.study[rank], gallery.images
    title = f"{gallery.name}: {rank} parts, relative error {100 * fit.relative_error:.1f} %"
    return basis(images.stack(fit.W), title=title)


def _reconstructions(gallery: Gallery) -> Figure:
    images, rows = gallery.images, _rows_shown(gallery.images)
    by_rank: Mapping[int, Any] = {
        rank: images.stack(fit.W @ fit.H[:, rows]) for rank, fit in gallery.study.fits.items()
    }
    return reconstructions(
        images.pixels[rows],
        by_rank,
        names=[images.names[row] for row in rows],
        data_range=images.white_level,
        title=f"{gallery.name}: what each rank keeps",
    )


def _build_up(gallery: Gallery) -> Figure:
    images, fit = gallery.images, gallery.study[gallery.chosen]
    row = _rows_shown(images)[0]
    return build_up(
        images.pixels[row],
        images.stack(fit.W),
        fit.H[:, row],
        data_range=images.white_level,
        title=f"{gallery.name}: {images.names[row]} from its strongest parts, k = {gallery.chosen}",
    )


def _rank_curve(gallery: Gallery) -> Figure:
    ranks = gallery.study.ranks
    errors = [gallery.study[rank].relative_error for rank in ranks]
    small = min(gallery.images.V.shape) <= LARGEST_GRAM
    others = {"SVD, the floor": svd_errors(gallery.images.V, ranks)} if small else None
    return rank_curve(list(ranks), errors, others=others, title=f"{gallery.name}: the error at each rank")


def _coefficients(gallery: Gallery) -> Figure:
    labels = gallery.images.labels
    groups = labels is not None and len(set(labels.tolist())) <= MOST_GROUPS
    return coefficients(
        gallery.study[gallery.chosen].H,
        labels.tolist() if groups and labels is not None else None,
        title=f"{gallery.name}: how much of each part each image holds, k = {gallery.chosen}",
    )


def _rows_shown(images: ImageSet) -> list[int]:
    """Choose images that differ: of as many labels as can be, else spread over the set."""
    groups: list[Any] = [np.arange(len(images))]
    if images.labels is not None:
        groups = [np.flatnonzero(images.labels == label) for label in np.unique(images.labels)]
    if len(groups) < ROWS_SHOWN:
        return spread(np.arange(len(images)), ROWS_SHOWN)
    return [int(groups[place][len(groups[place]) // 2]) for place in spread(np.arange(len(groups)), ROWS_SHOWN)]
