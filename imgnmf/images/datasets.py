"""Named sets of images: what they are, under what terms, and how to get them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from imgnmf.errors import DataWarning, ImageReadError, ImgnmfError, NoImagesError, ParameterError, tell
from imgnmf.images.builtin_sets import BUILT_IN
from imgnmf.images.collect import Color
from imgnmf.images.dataset_info import DatasetInfo
from imgnmf.images.dataset_readers import Wanted
from imgnmf.images.fetch import Fetching, RemoteFile, cache_folder, fetch, has_hash
from imgnmf.images.imageset import ImageSet
from imgnmf.images.options import check_choice, checked_pair
from imgnmf.images.remote_faces import FACES
from imgnmf.images.remote_pictures import PICTURES
from imgnmf.images.remote_set import RemoteSet
from imgnmf.images.report import shown
from imgnmf.images.synthetic import SwimmerVariant

__all__ = ["DatasetInfo", "dataset_status", "describe_datasets", "load_dataset", "load_remote"]

REMOTE = (*FACES, *PICTURES)


def load_dataset(
    name: str,
    *,
    subset: str | None = None,
    color: Color | None = None,
    size: tuple[int, int] | None = None,
    path: str | os.PathLike[str] | None = None,
    download: bool = False,
    offline: bool = False,
    cache: str | os.PathLike[str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    patch_size: tuple[int, int] | None = None,
    n_patches: int | None = None,
    rng: int | np.random.Generator | None = None,
    variant: SwimmerVariant | None = None,
) -> ImageSet:
    """Load a named set of images; nothing is downloaded unless `download` says so.

    Parameters
    ----------
    name : str
        ``"lfw-faces"``, ``"digits"``, ``"patches"`` and ``"swimmer"`` are here at once. Others lie on the net,
        among them ``"orl"``, ``"cbcl"``, ``"mnist"``, ``"kodak"``: see `describe_datasets`.
    subset : str, optional
        Of a set that has parts: which one, by default ``"train"``.
    color : {"grey", "rgb"}, optional
        Of a set on the net; by default grey.
    size : (height, width), optional
        Of a set on the net: resize every image.
    path : path, optional
        Read a copy that you have, a folder or the file as it is published: nothing is downloaded or cached.
    download : bool
        Get the files if they are not in the cache; needs pooch (``install imgnmf[data]``). They are checked
        by their hash, if one was ever published.
    offline : bool
        Never download, whatever `download` says.
    cache : path, optional
        Where files are kept; by default ``$IMGNMF_DATA``, else ``imgnmf`` in the cache folder of the user.
    progress : callable, optional
        Is told the name of a file, how many bytes of it are here, and how many there are (0 if unknown).
    patch_size : (height, width), optional
        Of ``"patches"`` only; by default (8, 8).
    n_patches : int, optional
        Of ``"patches"`` only; by default 10,000.
    rng : int or numpy.random.Generator, optional
        Of ``"patches"`` only: where they are cut out; by default 0.
    variant : {"32x32", "20x11"}, optional
        Of ``"swimmer"`` only; by default ``"32x32"``.

    Returns
    -------
    ImageSet
        Pixels in the dtype and range of their source: floats 0..1 (lfw-faces, usps), floats 0..16 (digits),
        uint8 (all others). Labels are what the set says: digits, people, classes.

    Raises
    ------
    ParameterError
        If there is no such set, an option does not apply to it, or it needs a package that is not installed.
    NoImagesError
        If the files are not here, and are not to be downloaded.
    ImageReadError
        If they cannot be downloaded, or are damaged.

    Warns
    -----
    DataWarning
        If a copy at `path` is not what is published: another hash, another number or size of images.

    Examples
    --------
    >>> load_dataset("patches", patch_size=(6, 6), n_patches=50)
    PatchSet(50 images of 6 x 6, uint8)
    """
    options: dict[str, Any] = {
        "subset": subset,
        "color": color,
        "size": size,
        "path": path,
        "download": download or None,
        "cache": cache,
        "progress": progress,
        "patch_size": patch_size,
        "n_patches": n_patches,
        "rng": rng,
        "variant": variant,
    }
    given = {option: value for option, value in options.items() if value is not None}
    built_in = next((known for known in BUILT_IN if known.info.name == name), None)
    if built_in is not None:
        _check_options(built_in.info, given)
        return built_in.load(**given)
    remote = next((known for known in REMOTE if known.info.name == name), None)
    if remote is None:
        raise ParameterError(f"there is no dataset {name!r}; there are {', '.join(_names())}")
    _check_options(remote.info, given)
    wanted = _wanted(remote.info, subset, color or "grey", size)
    folder = (cache_folder() if cache is None else Path(os.path.expanduser(cache))) / name
    how = Fetching(folder, download, offline, progress)
    images, warned = load_remote(remote, wanted, how, None if path is None else Path(os.path.expanduser(path)))
    for message in warned:
        tell(message, DataWarning)
    return images


def describe_datasets() -> tuple[DatasetInfo, ...]:
    """Return what is known about every named set: first those that are here without a download.

    Examples
    --------
    >>> [info.name for info in describe_datasets()][:6]
    ['lfw-faces', 'digits', 'patches', 'swimmer', 'olivetti', 'lfw']
    """
    return tuple(known.info for known in (*BUILT_IN, *REMOTE))


def dataset_status(
    info: DatasetInfo, cache: str | os.PathLike[str] | None = None
) -> Literal["offline", "cached", "downloadable"]:
    """Return whether a set is here without a download, was downloaded, or can be.

    Examples
    --------
    >>> dataset_status(describe_datasets()[0])
    'offline'
    """
    if not info.files:
        return "offline"
    folder = (cache_folder() if cache is None else Path(os.path.expanduser(cache))) / info.name
    default = info.subsets[0] if info.subsets else ""
    here = all((folder / file.name).is_file() for file in _files_of(info, default))
    return "cached" if here else "downloadable"


def load_remote(remote: RemoteSet, wanted: Wanted, how: Fetching, copy: Path | None) -> tuple[ImageSet, list[str]]:
    """Read a set on the net from the cache, the net or a copy; return also what the user should be warned of."""
    files = _files_of(remote.info, wanted.subset)
    if copy is not None:
        if not copy.exists():
            raise NoImagesError(f"no readable images in {shown(copy)}: there is no such file or folder")
        images = remote.read(_in_copy(copy, files), wanted)
        return images, _differences(remote, images, wanted, copy, files)
    paths = fetch(files, how)
    try:
        images = remote.read(paths, wanted)
    except ImgnmfError as error:
        # A file without a hash could not be told from a damaged one before: let it not stay.
        for path in (path for file, path in zip(files, paths, strict=True) if file.hash is None and how.download):
            path.unlink(missing_ok=True)
        raise ImageReadError(f"the files of {remote.info.name!r} in {how.folder} cannot be read: {error}") from error
    return images, _differences(remote, images, wanted, None, files)


def _names() -> tuple[str, ...]:
    return tuple(info.name for info in describe_datasets())


def _files_of(info: DatasetInfo, subset: str) -> list[RemoteFile]:
    return [file for file in info.files if subset in file.subsets or not file.subsets]


def _wanted(info: DatasetInfo, subset: str | None, color: Color, size: tuple[int, int] | None) -> Wanted:
    check_choice("color", color, ("grey", "rgb"))
    if subset is not None:
        check_choice("subset", subset, info.subsets)
    default = info.subsets[0] if info.subsets else ""
    return Wanted(subset or default, color, checked_pair("size", size))


def _in_copy(copy: Path, files: list[RemoteFile]) -> list[Path]:
    """Return the published files in a folder, packed or not; else the copy itself, a folder or a file."""
    packed = [copy / file.name for file in files]
    plain = [copy / file.name.removesuffix(".gz") for file in files]
    return next((paths for paths in (packed, plain) if all(path.is_file() for path in paths)), [copy])


def _differences(
    remote: RemoteSet, images: ImageSet, wanted: Wanted, copy: Path | None, files: list[RemoteFile]
) -> list[str]:
    """Tell what is not as it was published."""
    name, expected = remote.info.name, remote.info.shape
    whole = wanted.size is None and wanted.subset in ("", *remote.info.subsets[:1])
    warned = []
    if whole and images.pixels.shape[:3] != expected:
        warned.append(f"expected {name!r} to be {_extent(expected)}, found {_extent(images.pixels.shape[:3])}")
    elif whole and remote.pixels_sha256 and images.pixels.ndim == 3:
        found = hashlib.sha256(images.pixels.data).hexdigest()
        if found != remote.pixels_sha256:
            warned.append(f"the pixels of {name!r} are not the original ones: a damaged or a changed copy")
    published = files[0].hash if len(files) == 1 else None
    if copy is not None and copy.is_file() and published and not has_hash(copy, published):
        warned.append(f"{shown(copy)} is not the published file ({published}): no fault if it was packed again")
    return warned


def _extent(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} images of {' x '.join(map(str, shape[1:]))}"


def _check_options(info: DatasetInfo, given: dict[str, Any]) -> None:
    for option in given:
        if option not in info.options:
            takes = ", ".join(info.options) or "no options"
            raise ParameterError(f"{option} does not apply to the dataset {info.name!r}, which takes {takes}")
