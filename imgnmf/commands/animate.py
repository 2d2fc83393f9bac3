"""`imgnmf animate` and `imgnmf buildup`: how parts are learnt, and how images are made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.commands.interrupted import or_best
from imgnmf.commands.model import images_for, loaded_pictures
from imgnmf.commands.options import FitOptions
from imgnmf.commands.output import checked_file
from imgnmf.commands.progress import following
from imgnmf.commands.source import Reading, read_usable, short_name, spread
from imgnmf.core.choices import as_init
from imgnmf.core.factorize import State, factorize
from imgnmf.core.result import Factorization
from imgnmf.errors import ParameterError
from imgnmf.images import ImageSet
from imgnmf.viz import (
    animate_basis,
    animate_build_up,
    animate_reconstructions,
    build_up,
    save_animation,
    save_figure,
)
from imgnmf.viz.film_file import check_film_path

__all__ = ["Film", "animate_model", "animate_source", "write_build_up"]

FIGURES = (".png", ".pdf", ".svg")
SHOWN = 6
# A frame for every iteration at first, when much happens; later ever fewer.
PACE = 1.3
LEARNING_MS, RANK_MS, SUM_MS = 150, 800, 250


@dataclass(frozen=True)
class Film:
    """What was written."""

    path: Path
    n_frames: int
    interrupted: bool = False
    images: ImageSet | None = None


def animate_source(
    source: str,
    ranks: tuple[int, ...],
    output: str,
    *,
    frame_ms: int | None,
    reading: Reading = Reading(),  # noqa: B008 - frozen
    force: bool,
    options: FitOptions,
) -> Film:
    """Film the parts while they are learnt; for several ranks, images as they are rebuilt at each."""
    if not ranks:
        raise ParameterError("say how many parts with -k: one for a film of the parts, several for the images")
    target = _checked_film(output, force)
    images = read_usable(source, reading)
    if len(set(ranks)) == 1:
        film, interrupted = _learning(short_name(source), images, ranks[0], frame_ms, options)
    else:
        film, interrupted = _growing(short_name(source), images, ranks, frame_ms, options)
    save_animation(target, film)
    return Film(target, len(film.frames), interrupted, images)


def animate_model(model: str, ranks: tuple[int, ...], output: str, *, frame_ms: int | None, force: bool) -> Film:
    """Film images as they are summed up from the parts of a model, the strongest first."""
    target = _checked_film(output, force)
    if len(ranks) > 1:
        raise ParameterError(f"for a model -k says with how many parts to end: give one, got {len(ranks)}")
    fit, meta = loaded_pictures(model, signed=False)
    film = animate_build_up(
        meta.stack(fit.W),
        fit.H[:, spread(np.arange(fit.H.shape[1]), SHOWN)],
        n_parts=ranks[0] if ranks else None,
        data_range=meta.white,
        title=f"{short_name(model)}: images from their strongest parts",
        frame_ms=frame_ms or SUM_MS,
    )
    save_animation(target, film)
    return Film(target, len(film.frames))


def write_build_up(
    model: str,
    source: str,
    output: str,
    *,
    image: str | None,
    n_parts: int,
    reading: Reading,
    force: bool,
) -> Path:
    """Draw one image of SOURCE as the running sum of its strongest parts."""
    target = _checked_suffix(output, FIGURES, force)
    fit, meta = loaded_pictures(model, signed=False)
    images = images_for(meta, source, reading)
    place = _place_of(image, images)
    figure = build_up(
        images.pixels[place],
        meta.stack(fit.W),
        fit.encode(images.V[:, [place]])[:, 0],
        n_parts=n_parts,
        data_range=images.white_level,
        title=f"{images.names[place]} from its strongest parts, k = {fit.rank}",
    )
    save_figure(target, figure)
    return target


@dataclass
class _Recorder:
    """The parts after some of the iterations, each of length 1: scale moves between W and H as a fit goes on."""

    iterations: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    bases: list[NDArray[Any]] = field(default_factory=list)

    def look(self, state: State) -> None:
        if not self.iterations or state.iteration >= math.ceil(PACE * self.iterations[-1]):
            self.keep(state.iteration, state.relative_error, state.W)

    def keep(self, iteration: int, error: float, W: NDArray[Any]) -> None:
        if self.iterations and self.iterations[-1] == iteration:
            self.iterations.pop(), self.errors.pop(), self.bases.pop()
        length = np.linalg.norm(W, axis=0)
        self.iterations.append(iteration)
        self.errors.append(error)
        self.bases.append(W / np.where(length > 0, length, 1))


def _learning(name: str, images: ImageSet, rank: int, frame_ms: int | None, options: FitOptions) -> tuple[Any, bool]:
    recorder = _Recorder()
    fit, interrupted = _recorded(images, rank, recorder, options)
    recorder.keep(fit.n_iter, fit.relative_error, fit.W)
    energy = np.linalg.norm(fit.W, axis=0) * np.linalg.norm(fit.H, axis=1)
    order = np.argsort(-energy, kind="stable")
    film = animate_basis(
        [images.stack(W[:, order]) for W in recorder.bases],
        iterations=recorder.iterations,
        errors=recorder.errors,
        title=f"{name}: {rank} parts while they are learnt",
        frame_ms=frame_ms or LEARNING_MS,
    )
    return film, interrupted


def _recorded(images: ImageSet, rank: int, recorder: _Recorder, options: FitOptions) -> tuple[Factorization, bool]:
    init = as_init(options.init)
    if getattr(init, "lead_in", False):
        # Led in by cheaper problems, the first iteration would show parts that are all but learnt.
        init = replace(init, lead_in=False)  # type: ignore[type-var]
    with following([rank]) as show:

        def callback(state: State) -> None:
            show(rank, state)
            recorder.look(state)

        given = {**options.given(images.image_shape), "init": init}
        return or_best(factorize, images.V, rank, callback=callback, **given)


def _growing(
    name: str, images: ImageSet, ranks: tuple[int, ...], frame_ms: int | None, options: FitOptions
) -> tuple[Any, bool]:
    study = options.fit(images.V, ranks, images.image_shape)
    rows = spread(np.arange(len(images)), SHOWN)
    film = animate_reconstructions(
        images.pixels[rows],
        {rank: images.stack(fit.W @ fit.H[:, rows]) for rank, fit in study.fits.items()},
        errors={rank: fit.relative_error for rank, fit in study.fits.items()},
        data_range=images.white_level,
        title=f"{name}: what each rank keeps",
        frame_ms=frame_ms or RANK_MS,
    )
    return film, study.interrupted


def _place_of(image: str | None, images: ImageSet) -> int:
    """Return which image is meant: by name, or by number counted from 1."""
    if image is None:
        return 0
    if image in images.names:
        return list(images.names).index(image)
    if image.isdecimal() and 1 <= int(image) <= len(images):
        return int(image) - 1
    raise ParameterError(
        f"--image must be a name or a number from 1 to {len(images)}, got {image!r}; the first is {images.names[0]!r}"
    )


def _checked_film(output: str, force: bool) -> Path:
    return checked_file(output, force=force, suffix=check_film_path(output))


def _checked_suffix(output: str, suffixes: tuple[str, ...], force: bool) -> Path:
    suffix = Path(output).suffix.lower()
    if suffix not in suffixes:
        raise ParameterError(f"the output must end in {', '.join(suffixes)}, got {output!r}")
    return checked_file(output, force=force, suffix=suffix)
