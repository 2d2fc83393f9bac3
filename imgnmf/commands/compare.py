"""`imgnmf compare-codecs`: NMF beside PCA and picture formats, in figures and tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from imgnmf.atomic import write_bytes, write_text
from imgnmf.commands.compress import eight_bit_source
from imgnmf.commands.output import MARKER, checked_folder, staged, write_json
from imgnmf.commands.source import Reading, short_name
from imgnmf.compression import (
    ClosedSet,
    Curve,
    Shared,
    StorageRow,
    pca_parts,
    pillow_formats,
    rate_distortion,
    storage,
    train_parts,
)
from imgnmf.errors import DataError
from imgnmf.images import ImageSet

__all__ = ["Comparison", "bd_lines", "compare_source", "compared", "split", "table_of"]

STEPS = tuple(float(2**j) for j in range(2, 11))
RANKS = (1, 4, 9, 16, 25, 49, 100)


@dataclass(frozen=True)
class Comparison:
    """What was measured on a set, and what the parts need to be stored.

    Attributes
    ----------
    closed, unseen : tuple of Curve
        With the parts counted, on all images; with shared parts, on images that were not learned from.
    storage : tuple of StorageRow
    n_test : int
        How many images were kept aside; 0 if there are too few.
    parts_bytes : dict
        Of shared parts by the name of their curve: to be added once, however many images there are.
    """

    name: str
    closed: tuple[Curve, ...]
    unseen: tuple[Curve, ...]
    storage: tuple[StorageRow, ...]
    n_test: int
    parts_bytes: dict[str, int]


def compare_source(
    source: str, folder: str, *, patch: tuple[int, int] | None, reading: Reading, force: bool
) -> tuple[Path, Comparison]:
    """Measure every codec on SOURCE; write a figure and a CSV for each use, and the table of storage."""
    target = checked_folder(folder, force=force)
    made = compared(short_name(source), eight_bit_source(source, reading), patch=patch)
    with staged(target) as staging:
        write_comparison(made, staging)
    return target, made


def compared(
    name: str,
    images: ImageSet,
    *,
    patch: tuple[int, int] | None = None,
    rank: int = 64,
    ranks: Sequence[int] = RANKS,
    train: ImageSet | None = None,
    test: ImageSet | None = None,
) -> Comparison:
    """Measure a closed set of `images`, and shared parts learned from `train` on `test`."""
    own = [ClosedSet(kind, tuple(ranks), STEPS, patch) for kind in ("NMF", "PCA")]
    closed = rate_distortion(images, [*own, *_formats(len(images))])
    wide = images.V.shape
    rows = storage(images, [k for k in ranks if k <= min(wide)]) if patch is None else []
    if train is None or test is None:
        train, test = split(images)
    if train is None or test is None:
        return Comparison(name, closed, (), tuple(rows), 0, {})
    parts = {"NMF": train_parts(train, _bounded(rank, train, patch), patch_size=patch)}
    parts["PCA"] = pca_parts(train, parts["NMF"].rank, patch_size=patch)
    shared = [
        Shared(f"{kind} {'per file' if each else 'one file'}", one, each)
        for each in (False, True)
        for kind, one in parts.items()
    ]
    unseen = rate_distortion(test, [*shared, *_formats(len(test))])
    sizes = {kind: len(one.to_bytes()) for kind, one in parts.items()}
    return Comparison(name, closed, unseen, tuple(rows), len(test), sizes)


def split(images: ImageSet) -> tuple[ImageSet | None, ImageSet | None]:
    """Return images to learn from and a quarter to judge on: whole folders or labels if there are several.

    >>> train, test = split(ImageSet(np.zeros((40, 2, 2)), labels=np.repeat(np.arange(4), 10)))
    >>> len(train), sorted(set(test.labels.tolist()))
    (30, [3])
    """
    if len(images) < 20:
        return None, None
    folders = np.array([str(PurePath(name).parent) for name in images.names])
    groups = next((g for g in (images.labels, folders) if g is not None and len(set(g.tolist())) > 3), None)
    if groups is None or len(set(groups.tolist())) == len(images):
        aside = np.arange(len(images)) % 4 == 3
    else:
        aside = np.isin(groups, np.unique(groups)[3::4])
    return images[~aside], images[aside]


def write_comparison(made: Comparison, folder: Path) -> None:
    """Write figures, tables and a summary into a folder that is there."""
    from imgnmf.commands.rate_figure import rate_figure
    from imgnmf.viz import save_figure

    for use, curves in (("closed", made.closed), ("unseen", made.unseen)):
        if curves:
            write_text(folder / f"{use}.csv", csv_of(curves))
            write_bytes(folder / f"{use}-each.csv", each_csv_of(curves).encode())
            save_figure(folder / f"{use}.png", rate_figure(curves, f"{made.name}: {_what(made, use)}"))
    write_text(folder / "storage.csv", _csv([asdict(row) for row in made.storage]))
    summary = {"made_by": "imgnmf", "name": made.name, "held_out": made.n_test, "parts_bytes": made.parts_bytes}
    write_json(folder / MARKER, {**summary, "bd_rates": bd_lines(made)})


def _what(made: Comparison, use: str) -> str:
    return "parts counted, all images" if use == "closed" else f"shared parts, {made.n_test} unseen images"


def bd_lines(made: Comparison) -> list[dict[str, Any]]:
    """BD-rates of NMF against each other codec, or why there is none."""
    lines = []
    for curves in (made.closed, made.unseen):
        for curve in (curve for curve in curves if curve.name.startswith("NMF")):
            for anchor in (anchor for anchor in curves if not anchor.name.startswith("NMF")):
                if ("per file" in curve.name) == ("per file" in anchor.name) or "closed" in curve.name:
                    lines.append({"codec": curve.name, "anchor": anchor.name, **_bd(curve, anchor)})
    return lines


def _bd(curve: Curve, anchor: Curve) -> dict[str, Any]:
    """The BD-rate over the rates that both reach."""
    low, high = max(curve.rates[0], anchor.rates[0]), min(curve.rates[-1], anchor.rates[-1])
    try:
        return {"percent": round(curve.within(low, high).bd_rate(anchor.within(low, high)), 1)}
    except DataError as reason:
        return {"percent": None, "why": str(reason)}


def table_of(curves: Sequence[Curve], rates: Sequence[float]) -> list[dict[str, Any]]:
    """PSNR of each codec at some rates; NaN where it does not go."""
    return [
        {"codec": curve.name, "from bpp": curve.rates[0]} | {f"{rate:g}": curve.psnr_at(rate) for rate in rates}
        for curve in curves
    ]


def csv_of(curves: Sequence[Curve]) -> str:
    """One line a setting."""
    return _csv(
        [
            {
                "codec": curve.name, "setting": point.setting, "bits_per_pixel": point.bits_per_pixel,
                "bytes": sum(point.bytes_each), "psnr": point.psnr, "ssim": point.ssim,
            }
            for curve in curves
            for point in curve.points
        ]
    )  # fmt: skip


def each_csv_of(curves: Sequence[Curve]) -> str:
    """One line an image and setting; without bytes where all images are in one file."""
    return _csv(list(_each(curves)))


def _each(curves: Sequence[Curve]) -> Iterator[dict[str, Any]]:
    for curve in curves:
        for point in curve.points:
            alone = len(point.bytes_each) == len(point.psnr_each)
            sizes: Sequence[Any] = point.bytes_each if alone else [""] * len(point.psnr_each)
            for number, row in enumerate(zip(sizes, point.psnr_each, point.ssim_each, strict=True)):
                yield {"codec": curve.name, "setting": point.setting, "image": number} | dict(
                    zip(("bytes", "psnr", "ssim"), row, strict=True)
                )


def _csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{v:.6g}" if isinstance(v, float) else v for key, v in row.items()} for row in rows)
    return out.getvalue()


def _formats(count: int) -> list[Any]:
    return [*pillow_formats(), *(pillow_formats(mosaic=True) if count > 1 else ())]


def _bounded(rank: int, images: ImageSet, patch: tuple[int, int] | None) -> int:
    n_pixels = images.V.shape[0] if patch is None else patch[0] * patch[1]
    return min(rank, n_pixels, len(images) if patch is None else rank)
