"""The commands around one model file: fit, encode, reconstruct, montage, info."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imgnmf.archive import Fit, ModelMeta, load, save
from imgnmf.archive_kinds import kind_of, shows_groups
from imgnmf.atomic import write_bytes
from imgnmf.commands.keeping import KeptProgress
from imgnmf.commands.options import FitOptions
from imgnmf.commands.output import MARKER, checked_file, checked_folder, staged, write_json
from imgnmf.commands.source import Reading, located, opened, read_source, read_usable, size_of, stands_for_files, usable
from imgnmf.commands.summary import describe_source, finite
from imgnmf.core.measures import image_errors
from imgnmf.core.penalties import NO_PENALTY
from imgnmf.core.result import Factorization
from imgnmf.errors import IncompatibleError, ShapeMismatchError, escaped
from imgnmf.family import FamilyFit
from imgnmf.images import ImageSet, StoredImages, prepare_like
from imgnmf.images.color import to_dtype
from imgnmf.intensity import white_level

AS_THERE = "those that the model was fitted to are grey too"
WHITE_OF_16_BITS = 65535

__all__ = [
    "describe",
    "encode_source",
    "fit_model",
    "fit_model_there",
    "image_file_names",
    "images_for",
    "is_numbered",
    "loaded_pictures",
    "reconstruct_images",
    "write_montage",
]


def fit_model_there(
    source: str,
    rank: int,
    output: str,
    *,
    scheduler: str,
    reading: Reading,
    force: bool,
    options: FitOptions,
    kept: KeptProgress,
) -> tuple[Factorization, ImageSet, str]:
    """Fit on a dask cluster and write the model; what had come back, if the cluster is lost. The bytes it took too."""
    from imgnmf.commands.cluster import fit_there, traffic

    target = checked_file(output, force=force or kept.goes_on(output), suffix=".imgnmf")
    checkpoint = kept.checkpoint(target, force=force)
    images = read_usable(source, reading)
    kept.begin_anew(checkpoint)

    def write(fit: Factorization) -> None:
        save(target, fit.normalized().ordered(), images, rng=options.rng)

    fit, passed = fit_there(scheduler, images, rank, options, write, checkpoint=checkpoint, resume=kept.resume)
    write(fit)
    return fit, images, "" if passed is None else traffic(passed)


def fit_model(
    source: str,
    rank: int,
    output: str,
    *,
    reading: Reading,
    force: bool,
    options: FitOptions,
    kept: KeptProgress,
) -> tuple[Factorization, ImageSet | StoredImages]:
    """Fit one rank and write the model, the best so far after Ctrl-C; a run that goes on replaces its own.

    A store is read bit by bit, and never loaded.
    """
    target = checked_file(output, force=force or kept.goes_on(output), suffix=".imgnmf")
    checkpoint = kept.checkpoint(target, force=force)
    images = opened(source, reading) or read_usable(source, reading)
    kept.begin_anew(checkpoint)
    with located(images):
        found = options.fit_one(images.V, rank, images.image_shape, checkpoint, kept.resume)
    fit = found.normalized().ordered()
    save(target, fit, images, rng=options.rng)
    return fit, images


def loaded_pictures(model: str, *, signed: bool = True) -> tuple[Fit, ModelMeta]:
    """Load a model whose parts are of pixels; unless `signed`, of none below 0, so that they can be drawn as light."""
    fit, meta = load(model)
    if shows_groups(fit):
        raise IncompatibleError(
            f"{model} is of a symmetric fit: groups of images, found in an affinity, which have no pixels; "
            "imgnmf.load gives its labels and its H"
        )
    if not signed and fit.W.min() < 0:
        raise IncompatibleError(
            f"{model} is of a {kind_of(fit)} fit with parts below 0, which are differences and no pictures; "
            "imgnmf.load gives its W, to be drawn on a scale with two ends"
        )
    return fit, meta


def encode_source(
    model: str, source: str, output: str, *, reading: Reading, force: bool
) -> tuple[tuple[int, ...], tuple[tuple[str, float], ...]]:
    """Write the coefficients of other images as H.npy; return their shape, and each image's name and error."""
    target = checked_file(output, force=force, suffix=".npy")
    fit, meta = loaded_pictures(model)
    images = images_for(meta, source, reading)
    H = fit.encode(images.V)
    buffer = io.BytesIO()
    np.save(buffer, H, allow_pickle=False)
    write_bytes(target, buffer.getvalue())
    errors = image_errors(images.V, fit.W @ H)
    return H.shape, tuple(zip(images.names, errors.tolist(), strict=True))


def reconstruct_images(
    model: str, source: str | None, folder: str, *, reading: Reading, force: bool
) -> tuple[Path, int]:
    """Write what the parts make of each image as a PNG, in 16 bits if gray came so; return the folder and how many."""
    from imgnmf.viz import save_image

    target = checked_folder(folder, force=force)
    fit, meta = loaded_pictures(model, signed=False)
    images = None if source is None else images_for(meta, source, reading)
    H = fit.H if images is None else fit.encode(images.V)
    white = _white(meta, images, fit.W, H)
    names = image_file_names(meta.names if images is None else images.names, H.shape[1])
    with staged(target) as staging:
        for column, name in enumerate(names):
            picture = _picture(meta, fit.W @ H[:, [column]])
            deep = white == WHITE_OF_16_BITS and picture.ndim == 2
            save_image(staging / name, to_dtype(picture, np.dtype(np.uint16)) if deep else picture, white=white)
        scale = {"white": white, "bits": 16 if deep else 8}
        write_json(staging / MARKER, {**_account(model, images, fit, H), **scale})
    return target, len(names)


def write_montage(model: str, output: str, *, columns: int | None, shared: bool, force: bool) -> Path:
    """Draw the parts of a model as one labelled figure."""
    from imgnmf.viz import basis, save_figure

    target = checked_file(output, force=force, suffix=".png")
    fit, meta = loaded_pictures(model, signed=False)
    title = f"{fit.rank} parts, relative error {100 * fit.relative_error:.1f} %"
    scale: Any = "shared" if shared else "per-tile"
    save_figure(target, basis(meta.stack(fit.W), columns=columns, scale=scale, title=title))
    return target


def describe(model: str) -> str:
    """Return what is in a model file, a line a fact."""
    fit, meta = load(model)
    shape = meta.image_shape or fit.W.shape[:1]
    facts = {
        "rank": fit.rank,
        "images": f"{fit.H.shape[1]}{'' if shows_groups(fit) else ' of ' + size_of(shape)}",
        "labels": "none" if meta.labels is None else f"{len(set(meta.labels))} different",
        "relative error": f"{fit.relative_error:.6g}",
        "objective": f"{fit.objective:.6g}",
        **_how_fitted(fit),
        "iterations": fit.n_iter,
        "ended because": fit.reason,
        "factors": f"{fit.W.dtype}, W {fit.W.shape}, H {fit.H.shape}",
        "prepared by": ", ".join(map(_step_name, meta.steps)) or "nothing",
        "rng": "not told" if meta.rng is None else meta.rng,
        "data sha256": meta.data_sha256 or "not told",
        "made with": ", ".join(f"{name} {version}" for name, version in meta.versions.items()),
    }
    return "\n".join(f"{name + ':':<16}{escaped(str(value))}" for name, value in facts.items())


def _how_fitted(fit: Fit) -> dict[str, str]:
    if isinstance(fit, Factorization):
        penalty = str(fit.penalty_H) if fit.penalty_H != NO_PENALTY else "none"
        return {"loss": fit.loss.name, "solver": fit.solver, "init": fit.init, "penalty on H": penalty}
    if isinstance(fit, FamilyFit):
        return {"kind": kind_of(fit), "init": fit.init, "ridge": f"{fit.ridge:g}"}
    return {"kind": kind_of(fit)}


def _step_name(step: Any) -> str:
    return type(step).__name__


def images_for(meta: ModelMeta, source: str, reading: Reading) -> ImageSet:
    """Read images that a model can encode: prepared as those it was fitted to were, and of their size."""
    coloured = meta.image_shape is not None and len(meta.image_shape) == 3
    as_there = replace(reading, color="rgb" if coloured and stands_for_files(source) else "grey", grey_since=AS_THERE)
    images = usable(prepare_like(read_source(source, as_there), meta.steps))
    if meta.image_shape is not None and images.image_shape != meta.image_shape:
        wanted = "x".join(map(str, meta.image_shape[:2]))
        raise ShapeMismatchError(
            f"the model is of images of {size_of(meta.image_shape)}, {source} has "
            f"{size_of(images.image_shape)}; pass --size {wanted} to resize them"
        )
    return images


def _white(meta: ModelMeta, images: ImageSet | None, W: Any, H: Any) -> float:
    """Return the value of white; of images that nobody knows it of, the largest of all reconstructions."""
    if images is not None:
        return images.white_level
    if meta.white is not None:
        return meta.white
    return max(white_level(W @ H[:, [column]]) for column in range(H.shape[1]))


def _picture(meta: ModelMeta, column: Any) -> Any:
    picture = meta.stack(column)[0]
    return picture.mean(axis=2) if picture.ndim == 3 and picture.shape[2] not in (3, 4) else picture


def image_file_names(names: tuple[str, ...] | Any, n_images: int, *, numbered: bool = True) -> list[str]:
    """Return a PNG's name for each image: flat, in order, and safe whatever the image was called.

    Without `numbered`, images keep their own names where these stay different from each other on every file system.

    >>> image_file_names(("s1/a.pgm", "../b"), 2), image_file_names(("0", "1"), 2)
    (['0-s1-a.png', '1-b.png'], ['0.png', '1.png'])
    >>> image_file_names(("s31_01.pgm", "b"), 2, numbered=False), image_file_names(("a", "A"), 2, numbered=False)
    (['s31_01.png', 'b.png'], ['0-a.png', '1-A.png'])
    """
    digits = len(str(n_images - 1))
    if is_numbered(names):
        names = ()
    stems = [Path(name).with_suffix("").as_posix() if Path(name).name else "" for name in names] or [""] * n_images
    kept = ["".join(c if c.isalnum() or c in "-_." else "-" for c in stem)[:80].strip("-.") for stem in stems]
    if not numbered and all(kept) and len({stem.casefold() for stem in kept}) == n_images:
        return [f"{stem}.png" for stem in kept]
    return [f"{i:0{digits}}-{stem}.png" if stem else f"{i:0{digits}}.png" for i, stem in enumerate(kept)]


def is_numbered(names: Sequence[str]) -> bool:
    """Return whether the names are those of an `ImageSet` that was given none: the numbers of the images."""
    return list(names) == [str(number) for number in range(len(names))]


def _account(model: str, images: ImageSet | None, fit: Fit, H: Any) -> dict[str, Any]:
    if images is None:
        return {"made_by": "imgnmf", "model": model, "relative_error": finite(fit.relative_error)}
    V = images.V.astype(np.float64)
    error = float(np.linalg.norm(V - fit.W @ H) / (np.linalg.norm(V) or 1.0))
    return {**describe_source(model, images), "model": model, "relative_error": finite(error)}
