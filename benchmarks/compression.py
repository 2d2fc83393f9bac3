"""How fast shared parts encode and decode images of 64 x 64, beside Pillow's JPEG in the same process.

``python -m benchmarks.compression [--quick]``
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits

import imgnmf
from benchmarks.data import ORL
from benchmarks.report import write
from imgnmf.compression import decode_images, encode_images, train_parts

SIDE, STEP, REPEATS = 64, 64, 3


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    """Median of the repeats, after one run that warms up, and the last result."""
    result, taken = run(), []
    for _ in range(REPEATS):
        started = time.perf_counter()
        result = run()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken)), result


def faces() -> imgnmf.ImageSet:
    """ORL where it is, else the faces of scikit-image."""
    if ORL.is_dir():
        return imgnmf.load_images(ORL, size=(SIDE, SIDE))
    pixels = imgnmf.load_dataset("lfw-faces").pixels.repeat(3, axis=1).repeat(3, axis=2)[:, :SIDE, :SIDE]
    return imgnmf.ImageSet(np.rint(255 * pixels).astype(np.uint8))


def jpeg(pixels: NDArray[np.uint8]) -> list[bytes]:
    files = []
    for picture in pixels:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=20)
        files.append(file.getvalue())
    return files


def row(rank: int, pixels: NDArray[np.uint8], train: imgnmf.ImageSet) -> dict[str, Any]:
    parts = train_parts(train, rank)
    encoding, data = seconds(lambda: encode_images(pixels, parts=parts, step=STEP))
    decoding, read = seconds(lambda: decode_images(data, parts))
    files = jpeg(pixels)
    peer_encoding, _ = seconds(lambda: jpeg(pixels))
    peer_decoding, _ = seconds(lambda: [np.asarray(Image.open(io.BytesIO(file))) for file in files])
    count = len(read)
    return {
        "images": count, "k": parts.rank, "bytes an image": len(data) / count,
        "encoded a second": count / encoding, "decode, s": decoding, "decode of 10,000, s": 1e4 * decoding / count,
        "JPEG encoded a second": count / peer_encoding, "JPEG decode of 10,000, s": 1e4 * peer_decoding / count,
    }  # fmt: skip


@click.command()
@click.option("--quick", is_flag=True, help="2,000 images in place of 10,000.")
def main(quick: bool) -> None:
    train, rng = faces(), np.random.default_rng(0)
    count = 2000 if quick else 10_000
    # More images than there are faces: each one is a mixture of two, which were trained on; only time is measured.
    one, other = (train.pixels[rng.integers(0, len(train), count)].astype(np.uint16) for _ in range(2))
    pixels = ((one + other) // 2).astype(np.uint8)
    with threadpool_limits(1):
        rows = [row(rank, pixels, train) for rank in (16, 49)]
    remarks = [
        f"{SIDE} x {SIDE} grey, one core, step {STEP}; wanted: at least 1,000 encoded a second, and 10,000 decoded in "
        "under 2 s",
        "the images are mixtures of two faces that were trained on: for time only, quality is in docs/compression.md",
    ]
    write("compression", "python -m benchmarks.compression" + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    main()
