"""`encode_images` and `decode_images`: images as bytes, and the same pixels on every machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from imgnmf.compression.closed import Coded, finest_step, quantised, step_of_bits
from imgnmf.compression.layout import Layout, eight_bit
from imgnmf.compression.parts_file import (
    LARGEST_RANK,
    STEP_UNIT,
    SharedParts,
    check_size,
    factor_as_bytes,
    layout_as_bytes,
    read_factor,
    read_layout,
)
from imgnmf.compression.pixels import rebuilt
from imgnmf.compression.ranks import RANKS, fitted
from imgnmf.compression.rows import Coder, chosen_coder, read_rows, rows_as_bytes
from imgnmf.compression.targets import Attempt, Target, chosen, pooled_psnr
from imgnmf.compression.training import described_by
from imgnmf.compression.wire import CLOSED, COEFFICIENTS, Reader, kind_of, seal, unseal, varint, varints
from imgnmf.core.interrupts import interruptible
from imgnmf.core.parts import Array
from imgnmf.errors import CodecError, IncompatibleError, ParameterError
from imgnmf.images import ImageSet
from imgnmf.validation import check_flag, checked_count

__all__ = ["decode_images", "encode_images"]

LARGEST_COUNT, DEFAULT_BITS = 1 << 24, 6
# Twelfths of an octave for the closed set, where any step will do.
FINE_STEPS = tuple(2 ** (j / 12) for j in range(12, 217))


@interruptible()
def encode_images(
    images: Any,
    *,
    parts: SharedParts | bytes | None = None,
    rank: int | None = None,
    patch_size: tuple[int, int] | None = None,
    bits: int | None = None,
    step: float | None = None,
    target_bytes: int | None = None,
    target_psnr: float | None = None,
    names: bool = False,
    coder: Coder = "auto",
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
) -> bytes:
    """Compress images: everything that is needed to see them again is in the bytes, except parts that are shared.

    The factors are rounded to integers by one step for all of them, each refitted to the rounded other, chosen so
    that a bit is spent where it helps most, and entropy-coded. What `decode_images` gives is the same to the last
    bit on every machine.

    Parameters
    ----------
    images : ImageSet or array, shape (n_images, height, width[, channels])
        8-bit; floats if they are whole numbers of 0..255.
    parts : SharedParts or bytes, optional
        From `train_parts`. Without, the images' own parts are learned and are in the bytes: a closed set.
    rank : int, optional
        How many parts to learn; by default the best of 1, 2, 4, 9, ... for a target, else 16.
    patch_size : (height, width), optional
        Learn parts of patches, for large pictures.
    bits : int, optional
        1 to 16: the largest coefficient has ``2^bits - 1`` levels. 6 if nothing else is asked for.
    step : float, optional
        In grey levels: what a column may be off in the direction of a part.
    target_bytes : int, optional
        The best picture in so many bytes.
    target_psnr : float, optional
        The smallest file with at least so many dB over all pixels.
    names : bool
        Whether the images' names are to be in the bytes.
    coder : {"auto", "range", "lzma"}
        "range" needs constriction (extra `codec`), to write and to read; "lzma" is in the standard library.
    rng, threads
        As for `factorize`.

    Returns
    -------
    bytes

    Raises
    ------
    DataError
        If the images are not 8-bit.
    ParameterError
        If a target cannot be reached; the message says what can.
    IncompatibleError
        If options exclude each other.
    Interrupted
        At Ctrl-C; its `best` is None.

    Examples
    --------
    >>> import imgnmf
    >>> images = imgnmf.ImageSet(np.rint(imgnmf.load_dataset("digits").pixels * 15).astype(np.uint8))
    >>> data = encode_images(images, rank=16, bits=5)
    >>> decode_images(data)
    ImageSet(1797 images of 8 x 8, uint8)
    >>> len(data) < images.pixels.nbytes / 6
    True
    """
    target = Target(bits, step, target_bytes, target_psnr)
    target = Target(bits=DEFAULT_BITS) if target == Target() else target
    coder = chosen_coder(coder)
    check_flag("names", names)
    found = eight_bit(images)
    if parts is not None:
        if rank is not None or patch_size is not None:
            raise IncompatibleError("shared parts have their rank and patch size: leave rank and patch_size out")
        return _with_parts(found, as_parts(parts), target, names, coder)
    layout = Layout(found.image_shape, patch_size)
    V = layout.columns(found)
    best: Attempt | None = None
    for k in _ranks(rank, target, V.shape):
        W, H = fitted(V, k, rng, threads)
        made = _own_parts(found, layout, V, W, H, target=target, names=names, coder=coder)
        if best is not None and target.better(best, made) is best:
            break
        best = made
    if best is None:
        raise ParameterError("there is no rank to choose from")
    return (target.refuse_unless_met(best) if target.searched else best).data


@interruptible()
def decode_images(data: bytes, parts: SharedParts | bytes | None = None, *, max_pixels: int = 1 << 28) -> ImageSet:
    """Return the images that `encode_images` was given, as nearly as it promised.

    Parameters
    ----------
    data : bytes
    parts : SharedParts or bytes, optional
        Those that the images were encoded with.
    max_pixels : int
        A file that declares more is refused before anything is made of it.

    Returns
    -------
    ImageSet, uint8

    Raises
    ------
    CodecError
        If the bytes are damaged, foreign, of a newer format or too large, or other parts are needed.
    ParameterError
        If the entropy coder that was used is not installed.
    Interrupted
        At Ctrl-C; its `best` is None.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ParameterError(f"data must be the bytes that encode_images gave, got {type(data).__name__}")
    checked_count("max_pixels", max_pixels, 1)
    data = bytes(data)
    if kind_of(data) == COEFFICIENTS:
        if parts is None:
            raise CodecError("the parts are not in this file: pass those that it was encoded with as parts")
        return _decode_with_parts(data, as_parts(parts), max_pixels)
    if parts is not None:
        raise CodecError("the parts are in this file: leave parts out")
    reader = Reader(unseal(data, CLOSED))
    layout, count, names = _read_head(reader, read_layout(reader), max_pixels)
    rank, columns = reader.varint(LARGEST_RANK, "the rank", 1), count * len(layout.places)
    check_size(rank, columns)
    scale = np.array([reader.varint(1 << 48, "a scale") for _ in range(rank)], np.int64)
    W = read_factor(reader, rank, layout.column_shape)
    offset = read_factor(reader, 1, layout.column_shape)[0] if reader.varint(1, "an offset") else None
    H = np.array(read_rows(reader, rank, columns))
    reader.end()
    return ImageSet(layout.assembled(rebuilt(W, H, scale, offset)), names)


def as_parts(parts: SharedParts | bytes) -> SharedParts:
    """Return parts, read from a ``.parts`` file's bytes if they are bytes."""
    if isinstance(parts, SharedParts):
        return parts
    if not isinstance(parts, (bytes, bytearray, memoryview)):
        raise ParameterError(f"parts must be SharedParts, or the bytes of a .parts file, got {parts!r}")
    return SharedParts.from_bytes(bytes(parts))


def closed_bytes(coded: Coded, layout: Layout, count: int, names: Sequence[str] = (), coder: Coder = "auto") -> bytes:
    """Integer factors as a whole file."""
    body = layout_as_bytes(layout) + _head(count, names) + varint(len(coded.W)) + varints(coded.scale)
    body += factor_as_bytes(coded.W, layout.column_shape, coder) + varint(coded.offset is not None)
    if coded.offset is not None:
        body += factor_as_bytes(coded.offset[None], layout.column_shape, coder)
    return seal(CLOSED, body + rows_as_bytes(list(coded.H), coder))


def fine_steps(W: Array, H: Array) -> list[float]:
    """Return the steps that are searched for these factors, the finest first."""
    return [step for step in FINE_STEPS if step >= finest_step(W, H)]


def _own_parts(
    images: ImageSet, layout: Layout, V: Array, W: Array, H: Array, *, target: Target, names: bool, coder: Coder
) -> Attempt:
    def attempt(size: float) -> Attempt:
        coded = quantised(V, W, H, size)
        data = closed_bytes(coded, layout, len(images), images.names if names else (), coder)
        return Attempt(data, pooled_psnr(images.pixels, layout.assembled(coded.pixels())))

    if target.searched:
        return chosen(target, fine_steps(W, H), attempt)
    return attempt(target.step or step_of_bits(W, H, target.bits or DEFAULT_BITS))


def _with_parts(images: ImageSet, parts: SharedParts, target: Target, names: bool, coder: Coder) -> bytes:
    layout = parts.layout_for(images.image_shape)
    V = layout.columns(images)
    problem = described_by(parts, V)

    def attempt(number: float) -> Attempt:
        place = int(number)
        size = parts.steps[place] / STEP_UNIT
        tables = parts.tables[place]
        Q = problem.in_steps(size).rounded(tables)
        body = varints((*images.image_shape[:2],)) + _head(len(images), images.names if names else ())
        data = seal(COEFFICIENTS, body + varint(place) + rows_as_bytes(list(Q), coder, tables), parts.digest)
        if not target.searched:
            return Attempt(data, float("nan"))
        pixels = rebuilt(parts.integers, Q, parts.units * parts.steps[place], parts.offset)
        return Attempt(data, pooled_psnr(images.pixels, layout.assembled(pixels)))

    if target.searched:
        return target.refuse_unless_met(chosen(target, range(len(parts.steps)), attempt)).data
    size = target.step or np.abs(problem.guess()).max() / (2 ** (target.bits or DEFAULT_BITS) - 1)
    ratios = np.abs(np.log(np.array(parts.steps) / (STEP_UNIT * max(size, 1e-3))))
    return attempt(int(np.argmin(ratios))).data


def _decode_with_parts(data: bytes, parts: SharedParts, max_pixels: int) -> ImageSet:
    reader = Reader(unseal(data, COEFFICIENTS, parts.digest))
    height, width = (reader.varint(1 << 16, "a side", 1) for _ in range(2))
    try:
        layout = parts.layout_for((height, width, *parts.layout.image_shape[2:]))
    except ParameterError as error:
        raise CodecError(f"{error}; the file is damaged") from error
    layout, count, names = _read_head(reader, layout, max_pixels)
    place, columns = reader.varint(len(parts.steps) - 1, "the step"), count * len(layout.places)
    check_size(parts.rank, columns)
    H = np.array(read_rows(reader, parts.rank, columns, parts.tables[place]))
    reader.end()
    pixels = rebuilt(parts.integers, H, parts.units * parts.steps[place], parts.offset)
    return ImageSet(layout.assembled(pixels), names)


def _head(count: int, names: Sequence[str]) -> bytes:
    listed = json.dumps(list(names), ensure_ascii=False).encode("utf-8", "surrogateescape") if names else b""
    return varint(count) + varint(len(listed)) + listed


def _read_head(reader: Reader, layout: Layout, max_pixels: int) -> tuple[Layout, int, tuple[str, ...]]:
    count = reader.varint(LARGEST_COUNT, "images", 1)
    size = float(np.prod((count, *layout.image_shape), dtype=np.float64))
    if size > max_pixels:
        raise CodecError(f"expected at most {max_pixels} pixels, found {size:.0f}; pass max_pixels if that is right")
    text = reader.take(reader.varint(reader.left, "bytes of names"))
    try:
        names = json.loads(text.decode("utf-8", "surrogateescape")) if text else []
    except ValueError as error:
        raise CodecError("the names cannot be read: the file is damaged") from error
    if not isinstance(names, list) or len(names) not in (0, count) or not all(isinstance(n, str) for n in names):
        raise CodecError(f"expected a name for each of {count} images: the file is damaged")
    return layout, count, tuple(names)


def _ranks(rank: int | None, target: Target, shape: tuple[int, ...]) -> tuple[int, ...]:
    if rank is not None:
        return (rank,)
    largest = min(shape)
    return tuple(k for k in RANKS if k <= largest) if target.searched else (min(16, largest),)
