"""Small files made in the format of each named set, as the net would give them."""

import bz2
import gzip
import io
import struct
import tarfile
import zipfile

import numpy as np
from PIL import Image
from scipy.io import savemat

RNG = np.random.default_rng(0)


def pgm(pixels):
    height, width = pixels.shape
    return f"P5\n{width} {height}\n255\n".encode() + pixels.tobytes()


def picture(pixels, file_format):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=file_format)
    return buffer.getvalue()


def tar_of(members, mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def mat_of(**arrays):
    buffer = io.BytesIO()
    savemat(buffer, arrays)
    return buffer.getvalue()


def idx_of(array):
    return gzip.compress(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


def noise(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


FACES = noise(4, 9, 7)
SMALL = noise(3, 19, 19)
PHOTOS = noise(2, 8, 12, 3)
RECORDS = noise(10, 3073)
STL = noise(2, 3 * 96 * 96)
DIGITS = noise(5, 28, 28)

MADE = {
    "olivetti": {"olivettifaces.mat": mat_of(faces=noise(4096, 20), p=noise(64, 64))},
    "frey": {"frey_rawface.mat": mat_of(ff=noise(560, 6))},
    "orl": {"att_faces.zip": zip_of({f"att_faces/s{i}/{j}.pgm": pgm(FACES[j]) for i in (10, 2) for j in (1, 2)})},
    "lfw": {"lfw.tgz": tar_of({f"lfw/{n}/{n}_0001.jpg": picture(PHOTOS[0], "JPEG") for n in ("B_b", "A_a")})},
    "cbcl": {
        "faces.tar.gz": tar_of(
            {
                f"faces/face.{subset}.tar.gz": tar_of(
                    {
                        f"{subset}/face/face00001.pgm": pgm(SMALL[0]),
                        f"{subset}/non-face/B1_00001.pgm": pgm(SMALL[1]),
                        f"{subset}/face/face00002.pgm": pgm(SMALL[2]),
                    }
                )
                for subset in ("train", "test")
            }
        )
    },
    "yale-b": {
        "CroppedYale.zip": zip_of(
            {
                "CroppedYale/yaleB01/yaleB01_P00A+000E+00.pgm": pgm(FACES[0]),
                "CroppedYale/yaleB01/yaleB01_P00_Ambient.pgm": pgm(FACES[1]),
                "CroppedYale/yaleB02/yaleB02_P00A+000E+00.pgm": pgm(FACES[2]),
                "CroppedYale/yaleB02/yaleB02_P00A+005E-10.pgm.bad": b"damaged",
                "CroppedYale/yaleB02/DEADJOE": b"words",
            }
        )
    },
    "mnist": {
        "train-images-idx3-ubyte.gz": idx_of(DIGITS),
        "train-labels-idx1-ubyte.gz": idx_of(np.arange(5, dtype=np.uint8)),
        "t10k-images-idx3-ubyte.gz": idx_of(DIGITS[:2]),
        "t10k-labels-idx1-ubyte.gz": idx_of(np.arange(2, dtype=np.uint8)),
    },
    "usps": {
        "usps.bz2": bz2.compress(b"1 1:-1 2:0.5 256:1\n10 16:1\n"),
        "usps.t.bz2": bz2.compress(b"3 1:1\n"),
    },
    "cifar-10": {
        "cifar-10-binary.tar.gz": tar_of(
            {f"cifar-10-batches-bin/data_batch_{i}.bin": RECORDS[2 * i - 2 : 2 * i].tobytes() for i in (2, 1, 3, 4, 5)}
            | {"cifar-10-batches-bin/test_batch.bin": RECORDS[:3].tobytes()}
        )
    },
    "stl-10": {
        "stl10_binary.tar.gz": tar_of(
            {
                "stl10_binary/train_X.bin": STL.tobytes(),
                "stl10_binary/train_y.bin": bytes([1, 10]),
                "stl10_binary/unlabeled_X.bin": STL[:1].tobytes(),
            }
        )
    },
    "coil-20": {
        "coil-20-proc.zip": zip_of(
            {f"coil-20-proc/obj{i}__{j}.png": picture(FACES[j], "PNG") for i in (10, 2) for j in (0, 1)}
        )
    },
    "bsds500": {
        "BSR_bsds500.tgz": tar_of(
            {
                "BSR/BSDS500/data/images/train/1.jpg": picture(PHOTOS[0], "JPEG"),
                "BSR/BSDS500/data/images/train/2.jpg": picture(PHOTOS[1].swapaxes(0, 1).copy(), "JPEG"),
                "BSR/BSDS500/data/images/test/3.jpg": picture(PHOTOS[0], "JPEG"),
                "BSR/BSDS500/data/groundTruth/train/1.mat": b"MATLAB",
            }
        )
    },
    "kodak": {f"kodim{i:02}.png": picture(PHOTOS[i % 2], "PNG") for i in range(1, 25)},
}
MADE["fashion-mnist"] = MADE["mnist"]
MADE["lfw-funneled"] = {"lfw-funneled.tgz": MADE["lfw"]["lfw.tgz"]}
MADE["bsds300"] = {"BSDS300-images.tgz": MADE["bsds500"]["BSR_bsds500.tgz"]}
