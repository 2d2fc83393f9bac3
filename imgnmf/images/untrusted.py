"""Open zarr stores and HDF5 files from strangers: what could run code or reach another file is refused first.

A zarr store names the codecs that unpack it, and one of numcodecs' codecs is pickle, which runs whatever the store
says. An HDF5 dataset may say that its values lie in any other file of the user. Whatever reads either comes through
here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imgnmf.errors import ImageReadError
from imgnmf.images.extras import needed
from imgnmf.images.raster import UnreadableError
from imgnmf.images.report import shown
from imgnmf.images.stored import REAL

__all__ = ["ZARR_CODECS", "hdf5_datasets", "hdf5_member", "open_zarr"]

# None of these runs anything that the store brings along.
COMPRESSORS = ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")
CHECKSUMS = ("adler32", "crc32", "crc32c", "fletcher32")
REARRANGEMENTS = ("bytes", "delta", "sharding_indexed", "shuffle", "transpose")
ZARR_CODECS = frozenset(COMPRESSORS + CHECKSUMS + REARRANGEMENTS)
ZARR_METADATA = ("zarr.json", ".zarray", ".zmetadata")


def open_zarr(path: Path) -> Any:
    """Open a zarr array or group for reading, after its metadata was checked.

    Parameters
    ----------
    path : Path
        The folder of the store.

    Returns
    -------
    zarr.Array or zarr.Group

    Raises
    ------
    ImageReadError
        It, or anything nested in it, uses a codec that is not in `ZARR_CODECS`, or holds a link to another file.
    ParameterError
        zarr is not installed.
    """
    zarr = needed("zarr", "store", "reading zarr")
    # All of the store, nested groups too: zarr itself reads further metadata as it goes.
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            if os.path.islink(os.path.join(folder, name)):
                raise ImageReadError(
                    f"{shown(path)}: {shown(os.path.relpath(os.path.join(folder, name), path))} is a link, through "
                    "which a store could read any file; if you trust it, replace the link by a copy"
                )
        for name in sorted(set(files) & set(ZARR_METADATA)):
            _check_metadata(path, Path(folder, name))
    return zarr.open(path, mode="r")


def _check_metadata(path: Path, file: Path) -> None:
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ImageReadError(f"{shown(path)}: {shown(file.name)} is no JSON ({error}): damaged") from error
    refused = sorted({name for array in _arrays_in(document) for name in _codecs_of(array)} - ZARR_CODECS)
    if refused:
        raise ImageReadError(
            f"{shown(path)}: it is packed by {', '.join(map(repr, refused))}, and a store is read only if all its "
            f"codecs are among {', '.join(sorted(ZARR_CODECS))}: others could run code. If you trust it, write it "
            "again with one of these"
        )


def _arrays_in(document: Any) -> Iterator[dict[str, Any]]:
    """Yield what is said of arrays: by the document itself, and by what it repeats of those below it."""
    if not isinstance(document, dict):
        return
    yield document
    below = document.get("consolidated_metadata")  # of format 3; a .zmetadata file is the same of format 2
    for holder in (document, below):
        repeated = holder.get("metadata") if isinstance(holder, dict) else None
        for entry in repeated.values() if isinstance(repeated, dict) else ():
            yield from _arrays_in(entry)


def _codecs_of(array: dict[str, Any]) -> Iterator[str]:
    """Yield the names of all codecs of an array, those inside of shards too."""
    listed = [array.get("compressor"), array.get("filters"), array.get("codecs"), array.get("index_codecs")]
    for entry in listed:
        for codec in entry if isinstance(entry, list) else [entry]:
            if codec is None:
                continue
            about = codec if isinstance(codec, dict) else {"name": codec}
            yield str(about.get("id", about.get("name"))).removeprefix("numcodecs.")
            configuration = about.get("configuration")
            yield from _codecs_of(configuration if isinstance(configuration, dict) else {})


def hdf5_datasets(file: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and the dataset of each array of real numbers in an open HDF5 file, links to other files left out.

    Parameters
    ----------
    file : h5py.File

    Raises
    ------
    UnreadableError
        The values of one of them lie in another file.
    """
    h5py = needed("h5py", "store", "reading HDF5")
    found: list[tuple[str, Any]] = []

    def visit(key: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset) and thing.dtype.kind in REAL:
            found.append((key, thing))

    file.visititems(visit)  # it follows no soft and no external links
    for key, dataset in found:
        _check_holds_its_values(key, dataset)
        yield key, dataset


def hdf5_member(group: Any, key: str) -> Any | None:
    """Return a dataset that lies directly in an HDF5 group; None if there is none of that name.

    Raises
    ------
    UnreadableError
        It is a link, or its values lie in another file.
    """
    h5py = needed("h5py", "store", "reading HDF5")
    link = group.get(key, getlink=True)
    if link is None:
        return None
    if not isinstance(link, h5py.HardLink):
        raise UnreadableError(
            f"{shown(key)} is a link, through which an HDF5 file could read any other; copy what it points "
            "to into the file"
        )
    _check_holds_its_values(key, group[key])
    return group[key]


def _check_holds_its_values(key: str, dataset: Any) -> None:
    if dataset.external or dataset.is_virtual:
        how = "is virtual" if dataset.is_virtual else "has external storage"
        raise UnreadableError(
            f"the dataset {shown(key)} {how}: its values lie in other files, and through such a dataset an "
            "HDF5 file could read any file of yours. If you trust it, copy the values into a file of their own: "
            "h5repack does that for external storage, for virtual ones h5py (new['images'] = old['images'][()])"
        )
