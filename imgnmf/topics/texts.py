"""Documents and their names: from files, or the language reference that comes with Python."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal, TypeAlias

from imgnmf.core.check import checked_choice
from imgnmf.errors import DataError, DataWarning, tell

__all__ = ["By", "Texts", "listed", "python_reference", "read_texts"]

By: TypeAlias = Literal["file", "paragraph", "line"]

# Of the files below a folder those with these endings are read.
SUFFIXES = (".txt", ".md")
# What stands between two documents of a text.
BREAKS = {"paragraph": re.compile(r"\n[^\S\n]*\n\s*"), "line": re.compile(r"\n")}


@dataclass(frozen=True)
class Texts:
    r"""Documents, each with a name.

    Attributes
    ----------
    names, texts : tuple of str, of one length

    Examples
    --------
    >>> Texts(("tale",), ("once upon a time\n\nthe end",)).cut("paragraph").names
    ('tale:1', 'tale:3')
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.texts):
            raise DataError(f"each text needs a name: got {len(self.names)} names for {len(self.texts)} texts")

    def __len__(self) -> int:
        return len(self.texts)

    def cut(self, by: By) -> Texts:
        """Each paragraph or line as a document of its own, named by the line that it begins on; none is blank.

        Warns
        -----
        DataWarning
            A text is blank, and so leaves no document.
        """
        if checked_choice("by", by, ("file", "paragraph", "line")) == "file":
            return self
        blank = [name for name, text in zip(self.names, self.texts, strict=True) if not text.strip()]
        if blank:
            tell(f"{len(blank)} blank text(s) left out: {listed(blank)}", DataWarning)
        pieces = [
            (f"{name}:{line}", piece)
            for name, text in zip(self.names, self.texts, strict=True)
            for line, piece in _pieces(text, BREAKS[by])
        ]
        return Texts(tuple(name for name, _ in pieces), tuple(piece for _, piece in pieces))


def read_texts(sources: Iterable[str | os.PathLike[str]], *, by: By = "file") -> Texts:
    """Read text files in UTF-8.

    Parameters
    ----------
    sources : iterable of str or path-like
        Files, globs, and folders, of which every ``.txt`` and ``.md`` file below is read. A file that is named twice is
        read once.
    by : {"file", "paragraph", "line"}
        What a document is. Paragraphs have a blank line between them.

    Returns
    -------
    Texts
        Named by their paths below the folder that they have in common.

    Raises
    ------
    DataError
        There is no file, or one cannot be read or is no text in UTF-8; all such files are named, and none is read.

    Examples
    --------
    >>> read_texts(["no such file.txt"])
    Traceback (most recent call last):
    imgnmf.errors.DataError: 1 of 1 files cannot be read as text: no such file.txt (No such file or directory); ...
    """
    paths = list(dict.fromkeys(path for source in sources for path in _matches(os.fspath(source))))
    if not paths:
        raise DataError("no text files: give at least one file, or a glob that matches some")
    texts, failures = [], []
    for path in paths:
        try:
            texts.append(_text_of(path))
        except (OSError, ValueError) as reason:
            failures.append(f"{path} ({_why(reason)})")
    if failures:
        raise DataError(
            f"{len(failures)} of {len(paths)} files cannot be read as text: {listed(failures)}; "
            "convert them to UTF-8, or leave them out"
        )
    return Texts(_names_of(paths), tuple(texts)).cut(by)


def python_reference(*, by: By = "file") -> Texts:
    """Python's own language reference: the topics that ``help()`` knows, a document each.

    Returns
    -------
    Texts
        In the order of their names. They differ a little between the versions of Python.

    Raises
    ------
    DataError
        This Python came without them.

    Examples
    --------
    >>> reference = python_reference()
    >>> "lambda" in reference.names, len(reference) > 50
    (True, True)
    """
    try:
        table = import_module("pydoc_data.topics").topics
    except (ImportError, AttributeError):
        table = None
    pairs = table.items() if isinstance(table, Mapping) else ()
    rows = sorted((name, text) for name, text in pairs if isinstance(name, str) and isinstance(text, str))
    if not rows:
        raise DataError("this Python came without its language reference (pydoc_data.topics); give text files instead")
    return Texts(tuple(name for name, _ in rows), tuple(text for _, text in rows)).cut(by)


def listed(names: Iterable[str], most: int = 5) -> str:
    """The first few of the names.

    >>> listed(["a", "b", "c"], most=2)
    'a, b, ...'
    """
    every = list(names)
    return ", ".join(every[:most]) + (", ..." if len(every) > most else "")


def _pieces(text: str, between: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Each piece that is not blank, and the line that it begins on."""
    begin, line = 0, 1
    for end, after in [*(match.span() for match in between.finditer(text)), (len(text), len(text))]:
        piece = text[begin:end]
        if piece.strip():
            blank = len(piece) - len(piece.lstrip())
            yield line + piece.count("\n", 0, blank), piece.strip()
        line += text.count("\n", begin, after)
        begin = after


def _matches(source: str) -> list[str]:
    """Return the files that a folder or glob stands for, or the path itself."""
    path = os.path.expanduser(source)
    if os.path.isdir(path):
        return _texts_below(path)
    if os.path.exists(path) or not glob.has_magic(path):
        return [path]
    return sorted(found for found in glob.glob(path, recursive=True) if not os.path.isdir(found))


def _texts_below(folder: str) -> list[str]:
    found = sorted(
        os.path.join(place, name)
        for place, _folders, names in os.walk(folder)
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    )
    if not found:
        raise DataError(
            f"no {' or '.join(SUFFIXES)} file below the folder {folder!r}; name the files by a glob, e.g. "
            f"{os.path.join(folder, '*')!r}"
        )
    return found


def _text_of(path: str) -> str:
    text = Path(path).read_bytes().decode("utf-8-sig")
    if "\0" in text:
        raise ValueError("it holds zero bytes, so it is no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _why(reason: OSError | ValueError) -> str:
    if isinstance(reason, UnicodeDecodeError):
        return f"not UTF-8: byte 0x{reason.object[reason.start]:02x} at {reason.start}"
    return (reason.strerror if isinstance(reason, OSError) else None) or str(reason)


def _names_of(paths: list[str]) -> tuple[str, ...]:
    places = [os.path.abspath(path) for path in paths]
    folder = os.path.commonpath([os.path.dirname(place) for place in places])
    return tuple(Path(os.path.relpath(place, folder)).as_posix() for place in places)
