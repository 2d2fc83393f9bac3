"""Files from the net into a cache: only when asked, checked by their hash, whole or not at all. pooch does the work.

A file whose SHA-256 nobody published is trusted once, and not in silence: the SHA-256 of what came is told in a warning
and written beside the file, which is held to it from then on.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imgnmf.atomic import write_bytes
from imgnmf.errors import DataWarning, ImageReadError, NoImagesError, tell
from imgnmf.images.extras import needed
from imgnmf.images.report import listed

__all__ = ["Fetching", "RemoteFile", "cache_folder", "fetch", "has_hash"]

CHUNK = 2**16
SHA256 = "sha256:"


@dataclass(frozen=True)
class RemoteFile:
    """One file of a named set.

    Attributes
    ----------
    name : str
        What it is called in the cache.
    urls : tuple of str
        Where it can be had; the first that answers is taken.
    hash : str or None
        ``"sha256:..."`` or ``"md5:..."`` as somebody published it; None if nobody did.
    subsets : tuple of str
        The parts of the set that need it; all do, if none is named.
    """

    name: str
    urls: tuple[str, ...]
    hash: str | None = None
    subsets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fetching:
    """Whether and how files may be downloaded, and where they are kept."""

    folder: Path
    download: bool = False
    offline: bool = False
    progress: Callable[[str, int, int], None] | None = None
    retries: int = 3
    timeout: float = 30.0


def cache_folder() -> Path:
    """Return where downloads are kept: ``$IMGNMF_DATA``, else ``imgnmf`` in the user's cache folder.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    chosen = os.environ.get("IMGNMF_DATA")
    if chosen:
        return Path(os.path.expanduser(chosen)).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "imgnmf"


def has_hash(path: Path, expected: str) -> bool:
    """Say whether a file has the hash ``"sha256:..."`` or ``"md5:..."``."""
    algorithm, _, digest = expected.partition(":")
    with path.open("rb") as file:
        # Of md5 no more is asked than to tell a damaged file: whoever published it chose it.
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest() == digest


def fetch(files: list[RemoteFile], how: Fetching) -> list[Path]:
    """Return where the files lie, after having got what is missing if that is allowed.

    Raises
    ------
    NoImagesError
        If one is missing and must not be downloaded.
    ImageReadError
        If one cannot be had from any of its addresses, or is not what its hash says.
    ParameterError
        If pooch is not installed, and something is to be downloaded.

    Warns
    -----
    DataWarning
        If a file was downloaded whose SHA-256 nobody published.
    """
    missing = [file for file in files if not _is_here(file, how.folder)]
    if missing and (how.offline or not how.download):
        raise NoImagesError(_how_to_get(missing, how))
    for file in missing:
        _download(file, how)
    return [how.folder / file.name for file in files]


def _is_here(file: RemoteFile, folder: Path) -> bool:
    path = folder / file.name
    expected = _expected(file, folder)
    return path.is_file() and (expected is None or has_hash(path, expected))


def _expected(file: RemoteFile, folder: Path) -> str | None:
    """Return the SHA-256 that was published or came with the first download, else what else was published."""
    first = folder / f"{file.name}.sha256"
    if not _is_pinned(file) and first.is_file():
        return SHA256 + first.read_text(encoding="ascii", errors="replace").strip()
    return file.hash


def _is_pinned(file: RemoteFile) -> bool:
    return (file.hash or "").startswith(SHA256)


def _note_first(file: RemoteFile, folder: Path) -> None:
    """Write down and tell which bytes came, where nobody published their SHA-256."""
    with (folder / file.name).open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    write_bytes(folder / f"{file.name}.sha256", digest.encode("ascii") + b"\n")
    published = "only an md5, which shows damage and no forgery," if file.hash else "no hash"
    tell(
        f"nobody published the SHA-256 of {file.name} ({published} is known), so that another file may have come; "
        f"what came has {digest}: compare it with another copy. It is held to that from now on",
        DataWarning,
    )


def _how_to_get(missing: list[RemoteFile], how: Fetching) -> str:
    names = listed(tuple(file.name for file in missing))
    if how.offline:
        return f"not in {how.folder}, or damaged there: {names}; offline=True forbids a download, path= reads a copy"
    return (
        f"not in {how.folder}, or damaged there: {names}; nothing is downloaded unless asked: pass download=True "
        f"to get it from {missing[0].urls[0]}, or path= to read a copy that you have"
    )


def _download(file: RemoteFile, how: Fetching) -> None:
    pooch = needed("pooch", "data", "downloading")
    reasons = []
    for url in file.urls:
        registry = pooch.create(
            how.folder,
            base_url="",
            registry={file.name: _expected(file, how.folder)},
            urls={file.name: url},
            retry_if_failed=how.retries,
        )
        downloader = pooch.HTTPDownloader(
            progressbar=_Progress(file.name, how.progress) if how.progress else False,
            chunk_size=CHUNK,
            timeout=how.timeout,
        )
        try:
            with _silent(pooch.get_logger()):
                # To a file beside it first, which takes its name when it is whole and has the hash.
                registry.fetch(file.name, downloader=downloader)
        # Everything that requests raises is an OSError, a wrong hash is a ValueError.
        except (OSError, ValueError) as error:
            reasons.append(f"{url}: {type(error).__name__}: {error}")
        else:
            if not _is_pinned(file) and not (how.folder / f"{file.name}.sha256").exists():
                _note_first(file, how.folder)
            return
    raise ImageReadError(f"{file.name} could not be downloaded: {'; '.join(reasons)}")


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Progress:
    """What pooch calls a progress bar, that tells a function: name, bytes done, bytes in all."""

    def __init__(self, name: str, tell: Callable[[str, int, int], None]) -> None:
        self.total = 0
        self._name = name
        self._tell = tell
        self._done = 0

    def update(self, n_bytes: int) -> None:
        self._done = min(self._done + n_bytes, self.total) if self.total else self._done + n_bytes
        self._tell(self._name, self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass
