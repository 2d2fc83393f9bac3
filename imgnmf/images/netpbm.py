"""PGM and PPM, raw and plain, 8 and 16 bit.

Pillow reads 16-bit PPM as 8 bit, takes a file with CRLF in its header one pixel out of step, and is silent
about a raster that is longer than the header says: the trace of a line-ending conversion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgnmf.images.raster import Header, Raster, Request, UnreadableError, kind_of

__all__ = ["measure_netpbm", "read_netpbm"]

GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
HEADER = re.compile(rb"P([2356])" + GAP + rb"(\d{1,9})" + GAP + rb"(\d{1,9})" + GAP + rb"(\d{1,5})\s")
MOST_OF_A_HEADER = 65536  # comments have no end in the standard
GREY_KINDS, PLAIN_KINDS = (2, 5), (2, 3)
COMMENT = re.compile(rb"#[^\r\n]*")


def read_netpbm(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Read the picture of a PGM or PPM file (P2, P3, P5, P6)."""
    header = _header(file)
    kind, width, height, top = (int(number) for number in header.groups())
    request.check_size(height, width)
    if width * height == 0 or not 0 < top < 65536:
        raise UnreadableError(f"its header says {height} x {width} pixels up to {top}: damaged")
    shape = (height, width) if kind in GREY_KINDS else (height, width, 3)
    read = _plain if kind in PLAIN_KINDS else _raw
    samples, surplus = read(request.read_all(file), header.end(), int(np.prod(shape)), top)
    notes = () if top in (255, 65535) else (f"stretched from 0..{top} to the full range of its dtype",)
    doubt = f"{surplus} bytes longer than its header says" if surplus else ""
    yield Raster(_full_range(samples, top).reshape(shape), notes, doubt)


def measure_netpbm(file: BinaryIO) -> Header:
    """Return what the header of a PGM or PPM file says."""
    kind, width, height, top = (int(number) for number in _header(file).groups())
    return Header(height, width, kind_of("uint8" if top < 256 else "uint16", kind not in GREY_KINDS))


def _header(file: BinaryIO) -> re.Match[bytes]:
    header = HEADER.match(file.read(MOST_OF_A_HEADER))
    if header is None:
        raise UnreadableError("its header is damaged: expected 'P5 WIDTH HEIGHT MAXVAL' in text", foreign=True)
    return header


def _raw(data: bytes, start: int, count: int, top: int) -> tuple[NDArray[Any], int]:
    stored = np.dtype(np.uint8) if top < 256 else np.dtype(">u2")
    surplus = len(data) - start - count * stored.itemsize
    if surplus > 0 and data[start - 1 : start + 1] == b"\r\n":
        start, surplus = start + 1, surplus - 1
    if surplus < 0:
        raise UnreadableError(f"it is truncated: {-surplus} bytes of its raster are missing")
    return np.frombuffer(data, stored, count, start).astype(stored.newbyteorder("=")), surplus


def _plain(data: bytes, start: int, count: int, top: int) -> tuple[NDArray[Any], int]:
    tokens = COMMENT.sub(b" ", data[start:]).split()
    if len(tokens) < count:
        raise UnreadableError(f"it is truncated: {count - len(tokens)} of its {count} samples are missing")
    samples = np.array([int(token) for token in tokens[:count]])
    if samples.min() < 0 or samples.max() > top:
        raise UnreadableError(f"it holds samples outside 0..{top}, which its header excludes")
    return samples.astype(np.uint8 if top < 256 else np.uint16), 0


def _full_range(samples: NDArray[Any], top: int) -> NDArray[Any]:
    full = np.iinfo(samples.dtype).max
    if top == full:
        return samples
    if samples.max() > top:
        raise UnreadableError(f"it holds samples up to {samples.max()}, above the {top} of its header")
    return ((samples.astype(np.uint32) * full + top // 2) // top).astype(samples.dtype)
