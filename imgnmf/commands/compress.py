"""`imgnmf compress`, `decompress` and `compare-codecs`: images as few bytes, and beside other codecs."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imgnmf.atomic import write_bytes
from imgnmf.commands.model import image_file_names
from imgnmf.commands.output import MARKER, checked_file, checked_folder, staged, write_json
from imgnmf.commands.source import Reading, read_source
from imgnmf.compression import SharedParts, decode_images, encode_images, train_parts
from imgnmf.compression.targets import pooled_psnr
from imgnmf.compression.wire import CLOSED, MAGIC, PARTS, kind_of
from imgnmf.errors import ImageReadError, IncompatibleError, ParameterError
from imgnmf.images import ImageSet

__all__ = [
    "Compressed",
    "compress_source",
    "decompress_file",
    "describe_compressed",
    "eight_bit_source",
    "is_compressed",
    "train_source",
]

SUFFIX, PARTS_SUFFIX = ".nmf", ".parts"


@dataclass(frozen=True)
class Compressed:
    """What was written, and how near it is."""

    images: ImageSet
    n_bytes: int
    psnr: float

    @property
    def bits_per_pixel(self) -> float:
        """Bits for each pixel, its channels together."""
        return 8 * self.n_bytes / (len(self.images) * int(np.prod(self.images.image_shape[:2])))


def compress_source(
    source: str,
    output: str,
    *,
    parts: str | None = None,
    bits_per_pixel: float | None = None,
    psnr: float | None = None,
    rank: int | None = None,
    patch: tuple[int, int] | None = None,
    reading: Reading = Reading(),  # noqa: B008 - frozen
    names: bool = False,
    coder: Any = "auto",
    rng: int = 0,
    force: bool = False,
) -> Compressed:
    """Write SOURCE as one compressed file, and measure it by reading it back.

    Raises
    ------
    ImgnmfError
        What the library raises; before anything is written.
    """
    if bits_per_pixel is not None and psnr is not None:
        raise IncompatibleError("--bits-per-pixel and --psnr are two targets: pass one of them")
    target = checked_file(output, force=force, suffix=SUFFIX)
    shared = None if parts is None else read_parts(parts)
    images = eight_bit_source(source, reading)
    pixels = len(images) * int(np.prod(images.image_shape[:2]))
    data = encode_images(
        images, parts=shared, rank=rank, patch_size=patch, names=names, coder=coder, rng=rng, target_psnr=psnr,
        target_bytes=None if bits_per_pixel is None else max(1, int(bits_per_pixel * pixels / 8)),
    )  # fmt: skip
    seen = decode_images(data, shared, max_pixels=images.pixels.size)
    write_bytes(target, data)
    return Compressed(images, len(data), pooled_psnr(images.pixels, seen.pixels))


def decompress_file(path: str, folder: str, *, parts: str | None = None, force: bool = False) -> tuple[Path, int]:
    """Write the images of a compressed file as PNGs; return the folder and how many."""
    from imgnmf.viz import save_image

    target = checked_folder(folder, force=force)
    images = decode_images(read_file(path), None if parts is None else read_parts(parts))
    if images.pixels.ndim == 4 and images.pixels.shape[3] not in (3, 4):
        raise ParameterError(
            f"images of {images.pixels.shape[3]} channels cannot be PNGs; decode_images of the library gives them back"
        )
    with staged(target) as staging:
        names = image_file_names(images.names, len(images), numbered=False)
        for pixels, name in zip(images.pixels, names, strict=True):
            save_image(staging / name, pixels / 255)
        write_json(staging / MARKER, {"made_by": "imgnmf", "file": path, "images": len(images)})
    return target, len(images)


def is_compressed(path: str) -> bool:
    """Return whether the file begins as those of `imgnmf compress` and `imgnmf train-parts` do."""
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def describe_compressed(path: str) -> str:
    """Return what a compressed file or a file of shared parts holds, and how to open it.

    Raises
    ------
    CodecError
        If it is damaged.
    """
    data, name = read_file(path), shlex.quote(path)
    kind = kind_of(data)
    if kind == PARTS:
        shared = read_parts(path)
        return (
            f"{name}: {shared.rank} shared parts, {len(data)} bytes, of imgnmf train-parts\n"
            f"use:  imgnmf compress SOURCE --parts {name} -o FILE.nmf"
        )
    if kind == CLOSED:
        images = decode_images(data)
        size = " x ".join(map(str, images.image_shape))
        return (
            f"{name}: {len(images)} images of {size} with their parts, {len(data)} bytes, of imgnmf compress\n"
            f"open: imgnmf decompress {name} -o DIR"
        )
    return (
        f"{name}: images without their parts, {len(data)} bytes, of imgnmf compress --parts\n"
        f"open: imgnmf decompress {name} --parts FILE.parts -o DIR, with the parts they were compressed with"
    )


def train_source(
    source: str,
    output: str,
    rank: int,
    *,
    patch: tuple[int, int] | None = None,
    reading: Reading = Reading(),  # noqa: B008 - frozen
    rng: int = 0,
    force: bool = False,
) -> tuple[SharedParts, int]:
    """Learn parts to share from SOURCE and write them; return them and the size of their file."""
    target = checked_file(output, force=force, suffix=PARTS_SUFFIX)
    parts = train_parts(eight_bit_source(source, reading), rank, patch_size=patch, rng=rng)
    data = parts.to_bytes()
    write_bytes(target, data)
    return parts, len(data)


def eight_bit_source(source: str, reading: Reading = Reading()) -> ImageSet:  # noqa: B008 - frozen
    """Read SOURCE, in colour if it has any; bundled sets of floats (0..16, 0..1) on the scale of 0..255.

    >>> int(eight_bit_source("digits").pixels.max())
    255
    """
    images = read_source(source, replace(reading, color="any"))
    white = {"digits": 16.0, "lfw-faces": 1.0}.get(source)
    if white is None or images.pixels.dtype.kind != "f":
        return images
    pixels = np.rint(images.pixels * (255 / white)).astype(np.uint8)
    return ImageSet(pixels, images.names, images.labels)


def read_parts(path: str) -> SharedParts:
    """Read a `.parts` file."""
    return SharedParts.from_bytes(read_file(path))


def read_file(path: str) -> bytes:
    """Return the bytes of a file, or say that it cannot be read."""
    place = Path(os.path.expanduser(path))
    if not place.is_file():
        raise ImageReadError(f"expected a file of imgnmf compress, found no file at {path!r}")
    try:
        return place.read_bytes()
    except OSError as reason:
        raise ImageReadError(f"cannot read {path!r}: {reason.strerror or reason}") from reason
