"""What happened while images were read: an account, not a log."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["ReadReport", "Skipped", "shown"]

LINES_SHOWN = 10


@dataclass(frozen=True)
class Skipped:
    """One file that was left out, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{shown(self.name)} ({self.reason})"


@dataclass(frozen=True)
class ReadReport:
    """What was read, what was left out, what was changed on the way.

    Attributes
    ----------
    read : int
        Number of images that are in the set.
    skipped : tuple of Skipped
        Every file that was seen and left out, with its reason.
    converted : tuple of str
        One line for each kind of change, with the number of images it touched.
    greyed : int
        How many images had colours, and were brought to grey.

    Examples
    --------
    >>> print(ReadReport(2, (Skipped("README", "not an image"),), ("2 images: alpha composited on white",)))
    read 2 images
    skipped 1: README (not an image)
    2 images: alpha composited on white
    """

    read: int
    skipped: tuple[Skipped, ...] = ()
    converted: tuple[str, ...] = ()
    greyed: int = 0

    def __str__(self) -> str:
        lines = [f"read {counted(self.read, 'image')}"]
        if self.skipped:
            lines.append(f"skipped {len(self.skipped)}: {listed(self.skipped)}")
        return "\n".join([*lines, *self.converted])


def counted(number: int, noun: str) -> str:
    """Return ``"1 image"`` or ``"2 images"``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(things: tuple[object, ...]) -> str:
    """Join the first few, and say how many more there are."""
    text = ", ".join(map(str, things[:LINES_SHOWN]))
    rest = len(things) - LINES_SHOWN
    return text if rest <= 0 else f"{text} and {rest} more"


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return a path as it can be printed on one line: quoted if a character in it cannot.

    >>> shown("s1/1.pgm"), shown("two\nlines.png")
    ('s1/1.pgm', "'two\\nlines.png'")
    """
    text = os.fspath(path)
    return text if text.isprintable() else repr(text)
