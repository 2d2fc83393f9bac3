"""`imgnmf datasets`: what there is by name, and on what terms."""

from __future__ import annotations

from imgnmf.commands.source import size_of
from imgnmf.errors import ParameterError
from imgnmf.images import DatasetInfo, describe_datasets

__all__ = ["all_datasets", "one_dataset"]


def all_datasets() -> str:
    """Return a line a set.

    >>> print(all_datasets().splitlines()[3])
    swimmer    256 of 32 x 32     all 256 poses of a figure whose 17 parts are known; uint8, 0 or 255
    """
    return "\n".join(f"{info.name:<11}{_extent(info):<19}{info.description}" for info in describe_datasets())


def one_dataset(name: str) -> str:
    """Return all that is known about one set, a line a fact."""
    known = {info.name: info for info in describe_datasets()}
    if name not in known:
        raise ParameterError(f"there is no dataset {name!r}; there are {', '.join(known)}")
    info = known[name]
    facts = {
        "name": info.name,
        "images": f"{_extent(info)}: {info.description}",
        "licence": info.licence,
        "citation": info.citation,
        "from": info.availability,
    }
    return "\n".join(f"{fact + ':':<10}{value}" for fact, value in facts.items())


def _extent(info: DatasetInfo) -> str:
    return f"{info.shape[0]} of {size_of(info.shape[1:])}"
