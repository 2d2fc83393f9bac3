"""A named set that lies on the net: where, under which hash, and what reads its files.

A hash is one that somebody published, as it stands there; where nobody did, there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imgnmf.images.dataset_info import DatasetInfo
from imgnmf.images.dataset_readers import Wanted
from imgnmf.images.fetch import RemoteFile
from imgnmf.images.imageset import ImageSet

__all__ = ["STATED_NOWHERE", "TRAIN_TEST", "RemoteSet", "info_of", "one_file"]

ALWAYS = ("color", "size", "path", "download", "offline", "cache", "progress")
WITH_SUBSETS = ("subset", *ALWAYS)
TRAIN_TEST = ("train", "test")
STATED_NOWHERE = "stated nowhere that we know of: do not redistribute"


@dataclass(frozen=True)
class RemoteSet:
    """A set on the net, and what reads its files.

    Attributes
    ----------
    pixels_sha256 : str
        Of the pixels of the whole set as they are read, where no file of known hash exists: computed by us
        from a copy whose headers and sizes were checked one by one.
    """

    info: DatasetInfo
    read: Callable[[list[Path], Wanted], ImageSet]
    pixels_sha256: str = ""


def info_of(
    name: str,
    description: str,
    shape: tuple[int, ...],
    licence: str,
    citation: str,
    files: tuple[RemoteFile, ...],
    *,
    subsets: tuple[str, ...] = (),
) -> DatasetInfo:
    """Return what is known about a set on the net, its availability and options told from its files."""
    availability = f"downloaded when asked to, from {files[0].urls[0].split('/')[2]}"
    options = WITH_SUBSETS if subsets else ALWAYS
    return DatasetInfo(name, description, shape, licence, citation, availability, options, subsets, files)


def one_file(name: str, url: str, digest: str | None = None) -> tuple[RemoteFile, ...]:
    """Return the only file of a set."""
    return (RemoteFile(name, (url,), digest),)
