"""Holes in faces: biharmonic inpainting of scikit-image beside parts, PSNR on the missing pixels alone.

``python -m benchmarks.inpaint [--quick]``
"""

from __future__ import annotations

import time
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from skimage.restoration import inpaint_biharmonic

import imgnmf
from benchmarks.data import ORL
from benchmarks.report import write

ORL_SIZE = (56, 46)
CLOSE = imgnmf.RelativeDecrease(1e-2)


def random_holes(shape: tuple[int, int, int], share: float) -> NDArray[np.bool_]:
    return np.random.default_rng(0).random(shape) < share


def blocks(shape: tuple[int, int, int], share: float) -> NDArray[np.bool_]:
    """A block of this share of height and width in every image, each at a place of its own."""
    rng = np.random.default_rng(0)
    unknown = np.zeros(shape, bool)
    size = [round(share * side) for side in shape[1:]]
    for one in unknown:
        top, left = (int(rng.integers(0, side - length + 1)) for side, length in zip(shape[1:], size, strict=True))
        one[top : top + size[0], left : left + size[1]] = True
    return unknown


def psnr(filled: NDArray[Any], images: NDArray[Any], unknown: NDArray[np.bool_]) -> float:
    white = 255.0 if images.dtype == np.uint8 else 1.0
    error = (filled.astype(np.float64) - images)[unknown] / white
    return float(-10 * np.log10(np.mean(error**2)))


def biharmonic(images: NDArray[Any], unknown: NDArray[np.bool_]) -> NDArray[Any]:
    """On floats of the same scale: its rounding would be held against it otherwise."""
    return np.stack([inpaint_biharmonic(a.astype(np.float64), hole) for a, hole in zip(images, unknown, strict=True)])


def held_out_parts(images: NDArray[Any], unknown: NDArray[np.bool_]) -> tuple[float, float]:
    """Parts of the first half of the images, whole; the holes of the others filled by them, and biharmonically."""
    half = len(images) // 2
    model = imgnmf.factorize(images[:half].reshape(half, -1).T, min(64, half // 2), stop=CLOSE, max_iter=2000)
    new, holes = images[half:], unknown[half:]
    done = imgnmf.inpaint(new, ~holes, model=model)
    return psnr(done.images, new, holes), psnr(biharmonic(new, holes), new, holes)


def row_of(name: str, images: NDArray[Any], damage: str, unknown: NDArray[np.bool_]) -> dict[str, Any]:
    started = time.perf_counter()
    smooth = biharmonic(images, unknown)
    smooth_seconds, started = time.perf_counter() - started, time.perf_counter()
    done = imgnmf.inpaint(images, ~unknown)
    seconds = time.perf_counter() - started
    parts_alone = done.fit.reconstruct().T.reshape(images.shape)
    model, smooth_of_model = held_out_parts(images, unknown)
    return {
        "images": f"{name}, {len(images)} of {images.shape[1]} x {images.shape[2]}",
        "missing": damage,
        "biharmonic, dB": round(psnr(smooth, images, unknown), 2),
        "imgnmf.inpaint, dB": round(psnr(done.images, images, unknown), 2),
        "its parts alone, dB": round(psnr(parts_alone, images, unknown), 2),
        "gain, dB": round(psnr(done.images, images, unknown) - psnr(smooth, images, unknown), 2),
        "gain with parts of other, whole images, dB": round(model - smooth_of_model, 2),
        "ridge": done.strength,
        "biharmonic, s": round(smooth_seconds, 1),
        "imgnmf, s": round(seconds, 1),
    }


def patches_row(images: NDArray[Any], share: float) -> dict[str, Any]:
    """The same images as textures: patches, not aligned."""
    unknown = random_holes(images.shape, share)
    smooth = psnr(biharmonic(images, unknown), images, unknown)
    done = imgnmf.inpaint(images, ~unknown, patch_size=(8, 8))
    return {"smooth": smooth, "patches": psnr(done.images, images, unknown)}


def patch_remarks(sets: dict[str, NDArray[Any]]) -> list[str]:
    pictures = {f"60 of {name}": images[:60] for name, images in sets.items()}
    pictures |= {f"one picture, {name} of scikit-image": picture(name) for name in ("camera", "brick")}
    rows = {name: patches_row(images, 0.3) for name, images in pictures.items()}
    return [
        f"{name}, 30 % at random, patches of 8 x 8: {row['patches']:.2f} dB, biharmonic {row['smooth']:.2f} dB"
        for name, row in rows.items()
    ]


@click.command()
@click.option("--quick", is_flag=True, help="A quarter of the ORL faces, and no patches.")
def main(quick: bool) -> None:
    sets = {"lfw-faces": imgnmf.load_dataset("lfw-faces").pixels}
    if ORL.is_dir():
        sets["ORL"] = imgnmf.load_images(ORL, size=ORL_SIZE).pixels[:: 4 if quick else 1]
    rows = []
    for name, images in sets.items():
        rows += [
            row_of(name, images, "block, 35 % of each side", blocks(images.shape, 0.35)),
            row_of(name, images, "30 % at random", random_holes(images.shape, 0.3)),
        ]
    remarks = [
        "PSNR on the missing pixels alone. Every image is damaged, each at another place; imgnmf.inpaint sees nothing "
        "else, and its options are the defaults (whole images, k = 64).",
    ]
    remarks += [] if quick else patch_remarks(sets)
    write("inpaint", "python -m benchmarks.inpaint" + (" --quick" if quick else ""), rows, remarks)


def picture(name: str) -> NDArray[Any]:
    """One grey picture of 192 x 192."""
    from skimage import data

    return imgnmf.images.resize(imgnmf.ImageSet(getattr(data, name)()[None]), (192, 192)).pixels


if __name__ == "__main__":
    main()
