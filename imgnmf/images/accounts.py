"""What is said about a reading: the report, the warnings, the labels, and the errors when nothing was read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import ImageReadError, NoImagesError
from imgnmf.images.collect import Collector
from imgnmf.images.formats import looked_for
from imgnmf.images.listing import Listing
from imgnmf.images.raster import Raster
from imgnmf.images.report import ReadReport, Skipped, counted, listed

__all__ = ["doubtful", "labels_from", "mixture", "nothing_read", "report_of"]


def nothing_read(listing: Listing, skipped: list[Skipped]) -> Exception:
    """Return the error for a source that gave no image."""
    if listing.explicit:
        return ImageReadError(f"nothing could be read of {listing.where}: {listed(tuple(skipped))}")
    left_out = f"{counted(len(skipped), 'file')} skipped: {listed(tuple(skipped))}" if skipped else "nothing is there"
    return NoImagesError(f"no readable images in {listing.where} (looked for {looked_for()}); {left_out}")


def mixture(collector: Collector, pixels: NDArray[Any]) -> str:
    """Return the sentence about mixed depths and colours; empty if all files were of one kind."""
    kinds = collector.kinds
    if len(kinds) < 2:
        return ""
    counts = ", ".join(f"{count} of {kind}" for kind, count in kinds.most_common())
    target = f"{Raster(pixels[0]).kind} by the full range of each dtype (floats: 0..1)"
    return f"mixed images ({counts}), all brought to {target}"


def doubtful(doubts: list[str]) -> str:
    """Return the sentence about files that were decoded and look damaged."""
    return (
        f"{counted(len(doubts), 'file')} look damaged, as if their line endings had been converted: "
        f"{listed(tuple(doubts))}; compare with the originals"
    )


def labels_from(listing: Listing, names: list[str]) -> NDArray[Any] | None:
    """Return the folder of each image, if there are folders in the source."""
    if listing.explicit or not any("/" in name for name in names):
        return None
    return np.array([name.split("/")[0] if "/" in name else "" for name in names])


def report_of(collector: Collector, skipped: list[Skipped], mixed: str) -> ReadReport:
    """Return the account of a reading."""
    lines = [f"{counted(count, 'image')}: {note}" for note, count in sorted(collector.notes.items())]
    doubts = collector.doubts
    said = [mixed] if mixed else []
    told = (*said, *lines, *([doubtful(doubts)] if doubts else []))
    return ReadReport(len(collector.names), tuple(skipped), told, collector.greyed)
