"""Small pictures in many formats, also packed, damaged in many ways: what the suite and the soak read (T25)."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import time
import warnings
import zipfile
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import tifffile
from PIL import Image

from imgnmf.errors import ImageReadError
from imgnmf.images import load_images

MOST_PIXELS = 4_000_000


def seeds():
    """Return a name and the bytes of a small picture of each kind."""
    rng = np.random.default_rng(0)
    grey, colour = rng.integers(0, 256, (9, 11), np.uint8), rng.integers(0, 256, (9, 11, 4), np.uint8)
    deep = rng.integers(0, 65536, (9, 11), np.uint16)
    made = {f"grey.{kind}": _pillow(grey, kind) for kind in ("png", "jpeg", "gif", "bmp", "webp", "ppm", "tiff")}
    made |= {f"colour.{kind}": _pillow(colour[..., :3], kind) for kind in ("png", "jpeg", "webp", "ppm")}
    made |= {"alpha.png": _pillow(colour, "png"), "deep.png": _pillow(deep, "png")}
    made |= {"cmyk.jpeg": _pillow(Image.fromarray(colour[..., :3]).convert("CMYK"), "jpeg")}
    made |= {"bits.png": _pillow(Image.fromarray(grey > 99), "png"), "bits.pbm": _pillow(grey > 99, "ppm")}
    made |= {"lzw.tif": _pillow(grey, "tiff", compression="tiff_lzw"), "real.tif": _tiff(grey / np.float32(255))}
    made |= {"zlib.tif": _tiff(deep, compression="zlib", predictor=True), "big.tif": _tiff(deep, bigtiff=True)}
    made |= {"pages.tif": _tiff(np.stack([deep] * 3)), "text.pgm": b"P2 3 2 15\n1 2 3 4 5 6\n"}
    return made | _packed(made)


def _packed(pictures):
    """Archives of two pictures, and arrays, plain and compressed."""
    members = {name: pictures[name] for name in ("grey.png", "colour.ppm")}
    plain = _tar(members)
    made = {"two.zip": _zip(members), "two.tar": plain, "two.tgz": gzip.compress(plain, mtime=0)}
    made |= {"two.txz": lzma.compress(plain), "two.tbz": bz2.compress(plain)}
    stack = np.random.default_rng(1).integers(0, 256, (3, 9, 11), np.uint8)
    array = _written(np.save, stack)
    made |= {"stack.npy": array, "stack.npy.gz": gzip.compress(array, mtime=0), "stack.npy.xz": lzma.compress(array)}
    made |= {"stack.npz": _written(np.savez_compressed, stack), "stack.idx": b"\0\0\x08\3\0\0\0\3\0\0\0\x09\0\0\0\x0b"}
    made["stack.idx"] += stack.tobytes()
    return made


def _zip(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def _tar(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    return buffer.getvalue()


def _written(write, array):
    buffer = io.BytesIO()
    write(buffer, array)
    return buffer.getvalue()


def mutated(data, rng):
    """Return the bytes with a few changed, cut, repeated or swapped: more often near the start, where headers are."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at = int(len(changed) * rng.random() ** int(rng.integers(1, 4)))
        match int(rng.integers(6)):
            case 0:
                changed[at : at + 1] = bytes([int(rng.integers(256))])
            case 1:
                changed[at : at + 4] = rng.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\0\0\xff\xff"])
            case 2:
                del changed[at:]
            case 3:
                del changed[at : at + int(rng.integers(1, 9))]
            case 4:
                changed[at:at] = changed[at : at + int(rng.integers(1, 40))]
            case _:
                changed[at : at + 8] = rng.bytes(8)
    return bytes(changed)


@dataclass
class Account:
    """What became of the files: how many were read and refused, what leaked, and the slowest of them."""

    outcomes: Counter = field(default_factory=Counter)
    leaks: list = field(default_factory=list)
    slowest: float = 0.0


def read_mutated(folder, count, seed=0):
    """Read `count` damaged files in turn, each under a name of its own; go on after whatever happens."""
    rng, account, originals = np.random.default_rng(seed), Account(), list(seeds().items())
    for number in range(count):
        name, data = originals[number % len(originals)]
        path = folder / f"{number % 100}-{name}"
        path.write_bytes(mutated(data, rng))
        start = time.perf_counter()
        account.outcomes[_outcome(path, account, number)] += 1
        account.slowest = max(account.slowest, time.perf_counter() - start)
    return account


def _outcome(path, account, number):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            images = load_images(path, frames="all", max_pixels=MOST_PIXELS, max_frames=50, threads=1)
    except ImageReadError as refusal:
        if path.name not in str(refusal):
            account.leaks.append((number, path.name, f"the message does not name the file: {refusal}"))
        return "refused"
    except Exception as leak:
        account.leaks.append((number, path.name, f"{type(leak).__name__}: {leak}"))
        return "leaked"
    if images.pixels.size == 0:
        account.leaks.append((number, path.name, "an empty set"))
    return "read"


def _pillow(pixels, kind, **options):
    buffer = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def _tiff(pixels, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="minisblack", **options)
    return buffer.getvalue()
