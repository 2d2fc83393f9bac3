"""`imgnmf datasets`: what there is by name, on what terms, and whether it is here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imgnmf.commands.source import size_of
from imgnmf.errors import ParameterError
from imgnmf.images import DatasetInfo, dataset_status, describe_datasets, load_dataset

__all__ = ["all_datasets", "get_dataset", "one_dataset"]


def all_datasets(*, offline: bool = False) -> str:
    """Return a line a set: name, whether it is here, size, what it shows.

    >>> print(all_datasets(offline=True).splitlines()[1])
    digits         offline       1797 of 8 x 8        1797 handwritten digits with labels 0..9; float64, 0..16
    """
    listed = ((info, dataset_status(info)) for info in describe_datasets())
    return "\n".join(
        f"{info.name:<15}{status:<14}{_extent(info):<21}{info.description}"
        for info, status in listed
        if not (offline and status == "downloadable")
    )


def one_dataset(name: str) -> str:
    """Return all that is known about one set, a line a fact."""
    info = _known(name)
    facts = {
        "name": info.name,
        "images": f"{_extent(info)}: {info.description}",
        "subsets": ", ".join(info.subsets),
        "licence": info.licence,
        "citation": info.citation,
        "from": info.availability,
        "hash": _checked_by(info),
        "status": dataset_status(info),
    }
    return "\n".join(f"{fact + ':':<10}{value}" for fact, value in facts.items() if value)


def _checked_by(info: DatasetInfo) -> str:
    """Return by what a download is told from another file; empty where nothing is downloaded.

    >>> [_checked_by(info) for info in describe_datasets() if info.name in ("mnist", "usps", "cbcl")]
    ['nothing: nobody published a hash; ...', 'SHA-256', 'md5, which shows damage and no forgery; ...']
    """
    hashes = [file.hash or "" for file in info.files]
    if all(digest.startswith("sha256:") for digest in hashes):
        return "SHA-256" if hashes else ""
    if all(hashes):
        return "md5, which shows damage and no forgery; the SHA-256 of the first download is told, and kept to"
    return "nothing: nobody published a hash; the SHA-256 of the first download is told, and kept to"


def get_dataset(name: str, *, offline: bool) -> str:
    """Download a set into the cache, unless it is there or `offline` forbids it; return what was read then.

    Raises
    ------
    ImgnmfError
        What `load_dataset` raises.
    """
    info = _known(name)
    if not info.files:
        raise ParameterError(f"the dataset {name!r} needs no download: {info.availability}")
    with _bar() as progress:
        images = load_dataset(name, download=True, offline=offline, progress=progress)
    return f"{name}: {len(images)} images of {size_of(images.image_shape)}, {images.pixels.dtype}"


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Give a callback that moves a bar on a terminal; it starts again with every file."""
    from tqdm import tqdm

    with tqdm(unit="B", unit_scale=True, file=sys.stderr, disable=None, leave=False) as bar:

        def show(name: str, done: int, total: int) -> None:
            bar.total = total or None
            bar.set_description_str(name, refresh=False)
            # A new file begins below where the last one ended: update() would not move the bar back.
            bar.n = min(bar.n, done)
            bar.update(done - bar.n)

        yield show


def _known(name: str) -> DatasetInfo:
    known = {info.name: info for info in describe_datasets()}
    if name not in known:
        raise ParameterError(f"there is no dataset {name!r}; there are {', '.join(known)}")
    return known[name]


def _extent(info: DatasetInfo) -> str:
    return f"{info.shape[0]} of {size_of(info.shape[1:])}"
