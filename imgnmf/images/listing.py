"""What a source turns out to hold: files with a name and a way to open them, wherever they lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from imgnmf.images.formats import has_image_suffix
from imgnmf.images.raster import Request
from imgnmf.images.report import Skipped

__all__ = ["Found", "Listing", "SourceFile", "natural_key", "sorted_out"]

# Names that people and programs give to a file so that it is no longer taken for what it was.
SET_ASIDE = (".bad", ".bak", ".orig", ".part", ".tmp", "~")


@dataclass(frozen=True)
class SourceFile:
    """One file to read.

    Attributes
    ----------
    name : str
        What its image will be called.
    where : str
        Its path, in words, for messages.
    promises_image : bool
        Whether it claims to be an image: if it is none, that is an error.
    open : callable
        Takes the request, gives the open file; raises `UnreadableError`.
    packed : bool
        It lies in an archive, which only one thread at a time can read from.
    """

    name: str
    where: str
    promises_image: bool
    open: Callable[[Request], BinaryIO]
    packed: bool = False


@dataclass(frozen=True)
class Found:
    """Something that was seen while looking, and what keeps it from being read if anything does."""

    name: str
    where: str
    open: Callable[[Request], BinaryIO]
    obstacle: str | None = None
    packed: bool = False


@dataclass(frozen=True)
class Listing:
    """The files of a source, and what was passed over while looking.

    Attributes
    ----------
    where : str
        The source in words, for messages.
    explicit : bool
        The user named every file: each one is expected to be an image.
    in_order : bool
        The files are in their final order. Those of a compressed archive are not: they can only be had in the
        order in which they were packed.
    """

    where: str
    files: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...] = ()
    explicit: bool = False
    in_order: bool = True


def sorted_out(where: str, found: Iterable[Found], *, in_order: bool = True) -> Listing:
    """Part the files to read from the rest, both in natural order."""
    files: list[SourceFile] = []
    skipped: list[Skipped] = []
    for thing in found:
        set_aside = "set aside by its name" if thing.name.lower().endswith(SET_ASIDE) else None
        reason = thing.obstacle or set_aside
        if reason:
            skipped.append(Skipped(thing.name, reason))
        else:
            promises = has_image_suffix(thing.name)
            files.append(SourceFile(thing.name, thing.where, promises, thing.open, thing.packed))
    if in_order:
        files.sort(key=lambda file: natural_key(file.name))
    skipped.sort(key=lambda entry: natural_key(entry.name))
    return Listing(where, tuple(files), tuple(skipped), in_order=in_order)


def natural_key(name: str) -> tuple[list[list[str | int]], str]:
    """Return a sort key that puts 2 before 10, folder by folder, the same on every machine.

    >>> sorted(["s10/1.pgm", "s2/10.pgm", "s2/9.pgm"], key=natural_key)
    ['s2/9.pgm', 's2/10.pgm', 's10/1.pgm']
    """
    return [_numbers_apart(part) for part in name.split("/")], name


def _numbers_apart(part: str) -> list[str | int]:
    pieces: list[str | int] = list(re.split(r"([0-9]+)", part.casefold()))
    pieces[1::2] = map(int, pieces[1::2])
    return pieces
