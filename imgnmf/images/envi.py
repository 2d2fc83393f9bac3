"""ENVI cubes: a text header beside raw samples, interleaved by band, line or pixel. Each band is an image.

Read here and not by a package: the format is a dozen lines of text and one reshape, and what reads it elsewhere
(GDAL, Spectral Python) is far larger than that.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgnmf.images.raster import UnreadableError
from imgnmf.images.report import shown
from imgnmf.images.stored import StoredArray

__all__ = ["ENVI_SIGNATURE", "envi_header_of", "list_envi"]

ENVI_SIGNATURE = rb"ENVI\s"
ENTRY = re.compile(r"^\s*([^=\n;]+?)\s*=\s*(\{[^}]*\}|[^\n]*)", re.MULTILINE)
MOST_OF_A_HEADER = 2**22

# The numbers of the complex types, 6 and 9, are left out.
TYPES = {1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 12: "u2", 13: "u4", 14: "i8", 15: "u8"}
# How the axes of a file become (band, line, sample).
AXES = {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (2, 0, 1)}
DATA_SUFFIXES = ("", ".img", ".dat", ".raw", ".bsq", ".bil", ".bip")


def list_envi(file: BinaryIO, resources: ExitStack) -> list[StoredArray]:
    """List the one cube that a header describes: its bands, each an image."""
    header = _entries(file.read(MOST_OF_A_HEADER).decode("utf-8", "replace"))
    data = _data_of(Path(file.name))
    interleave = header.get("interleave", "").lower()
    code = _number(header, "data type")
    if interleave not in AXES or code not in TYPES:
        raise UnreadableError(f"its header says interleave {interleave!r} and data type {code}, which is not read here")
    shape = tuple(_number(header, axis) for axis in ("bands", "lines", "samples"))
    dtype = np.dtype(TYPES[code]).newbyteorder(">" if _number(header, "byte order", 0) else "<")
    read = partial(_read, data, shape, dtype, interleave, _number(header, "header offset", 0))
    names = _names(header, shape[0])
    return [StoredArray("", shape, dtype, read, images_first=True, names=names, stored_bytes=data.stat().st_size)]


def envi_header_of(path: Path) -> Path | None:
    """Return the header beside a file of raw samples, if there is one."""
    for header in (path.with_suffix(".hdr"), path.with_name(f"{path.name}.hdr")):
        if header != path and header.is_file():
            with header.open("rb") as file:
                if re.match(ENVI_SIGNATURE, file.read(5)):
                    return header
    return None


def _entries(text: str) -> dict[str, str]:
    return {key.lower(): value.strip() for key, value in ENTRY.findall(text)}


def _number(header: dict[str, str], key: str, default: int | None = None) -> int:
    value = header.get(key, "" if default is None else str(default))
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise UnreadableError(f"its header has no whole number for {key!r}: {value!r}")
    return int(value)


def _names(header: dict[str, str], n_bands: int) -> tuple[str, ...]:
    """Return the names of the bands, or their wavelengths, if there is one for each."""
    for key in ("band names", "wavelength"):
        listed = [name.strip() for name in header.get(key, "").strip("{}").split(",")]
        if len(listed) == n_bands and all(listed):
            return tuple(listed)
    return ()


def _data_of(header: Path) -> Path:
    stem = header.with_suffix("")
    candidates = [stem.with_name(stem.name + suffix) for suffix in DATA_SUFFIXES]
    # "cube.hdr" is beside "cube", "cube.img"...; "cube.img.hdr" beside "cube.img", which is its stem.
    found = next((path for path in candidates if path != header and path.is_file()), None)
    if found is None:
        where = f"{shown(stem)} or {shown(stem)}.img"
        raise UnreadableError(f"it is a header, and its samples are not beside it, in {where}")
    return found


def _read(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], interleave: str, offset: int) -> NDArray[Any]:
    axes = AXES[interleave]
    stored = tuple(shape[axes.index(axis)] for axis in range(3))
    expected = offset + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    found = path.stat().st_size
    if found < expected:
        raise UnreadableError(f"{shown(path)} is truncated: {found} bytes, and its header says {expected}")
    cube = np.memmap(path, dtype, "r", offset, stored).transpose(axes)
    return np.array(cube, dtype.newbyteorder("="), order="C")
