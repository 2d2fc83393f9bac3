"""Thirty small files that claim to be, or would become, far more than fits: made here, read by test_limits."""

import bz2
import gzip
import io
import lzma
import struct
import sys
import tarfile
import threading
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager

import tifffile
from PIL import Image

SIDE = 60_000
SOLID = b"P5 100 100 255\n" + bytes(60_000_000)


def png(width, height, depth=8, color=0, extra=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def tiff(**options):
    buffer = io.BytesIO()
    # Zeros that shrink to a thousandth: 400 kB that decode to 400 MB.
    strips = iter([zlib.compress(bytes(10_000_000))] * 40)
    tifffile.imwrite(
        buffer, strips, shape=(20_000, 20_000), dtype="u1", compression="zlib", rowsperstrip=500, **options
    )
    return buffer.getvalue()


def enlarged(file_format, offset, fields, **options):
    """Write a small picture, then a large size over it."""
    buffer = io.BytesIO()
    Image.new("L", (16, 16)).save(buffer, format=file_format, **options)
    data = bytearray(buffer.getvalue())
    data[offset : offset + len(fields)] = fields
    return bytes(data)


def jpeg():
    data = enlarged("JPEG", 0, b"\xff\xd8")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 65_000, 65_000) + data[at + 4 :]


def frames(file_format, count):
    buffer = io.BytesIO()
    pictures = [Image.new("L", (8, 8), i % 251) for i in range(count)]
    pictures[0].save(buffer, format=file_format, save_all=True, append_images=pictures[1:])
    return buffer.getvalue()


def npy(shape, body=b""):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + body


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(name, content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def matlab(n_rows, n_columns):
    flags = struct.pack("<IIII", 6, 8, 6, 0)
    size = struct.pack("<IIii", 5, 8, n_rows, n_columns)
    name = struct.pack("<HH4s", 1, 1, b"X")
    data = struct.pack("<II", 9, 8) + bytes(8)
    body = flags + size + name + data
    start = b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + b"\0\1IM"
    return start + struct.pack("<II", 14, len(body)) + body


def hdf5():
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("X", (10**6, 1000, 1000), "u1", chunks=(1, 1000, 1000))
    return buffer.getvalue()


def idx(*shape):
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)


def bombs():
    tar, zlib_tiff = tarred("a.pgm", SOLID), tiff()
    return {
        "grey.png": png(SIDE, SIDE),
        "bits.png": png(2**31 - 1, 2**31 - 1, depth=1),
        "rgb16.png": png(SIDE, SIDE, depth=16, color=2),
        "rgba16.png": png(SIDE, SIDE, depth=16, color=6),
        "thin.png": png(2**31 - 1, 1),
        "raw.pgm": f"P5 {SIDE} {SIDE} 255\n".encode(),
        "raw.ppm": f"P6 {SIDE} {SIDE} 255\n".encode(),
        "plain.pgm": f"P2 {SIDE} {SIDE} 255\n".encode(),
        "huge.pgm": b"P5 999999999 999999999 255\n",
        "bits.pbm": f"P4 {SIDE} {SIDE}\n".encode(),
        "a.gif": enlarged("GIF", 6, struct.pack("<HH", 65_535, 65_535)),
        "a.bmp": enlarged("BMP", 18, struct.pack("<ii", SIDE, SIDE)),
        "a.jpg": jpeg(),
        "zlib.tif": zlib_tiff,
        "big.tif": tiff(bigtiff=True),
        "frames.gif": frames("GIF", 400),
        "frames.tif": frames("TIFF", 400),
        "frames.png": frames("PNG", 400),
        "a.npy": npy((10**6, 1000, 1000)),
        "a.npz": zipped({"a.npy": npy((10**6, 1000, 1000))}),
        "zeros.npz": zipped({"a.npy": npy((60, 1000, 1000), bytes(60_000_000))}),
        "a.idx": idx(2**31, 2**15, 2**15),
        "a.idx.gz": gzip.compress(idx(60, 1000, 1000) + bytes(60_000_000)),
        "a.mat": matlab(10**6, 2**31 - 1),
        "a.h5": hdf5(),
        "solid.zip": zipped({"a.pgm": SOLID}),
        "solid.tar.gz": gzip.compress(tar),
        "solid.tar.bz2": bz2.compress(tar, 1),
        "solid.tar.xz": lzma.compress(tar, preset=0),
        "many.zip": zipped({f"{i}.png": png(SIDE, SIDE) for i in range(300)}),
        "png.zip": zipped({"a.png": png(SIDE, SIDE)}),
        "tif.zip": zipped({"a.tif": zlib_tiff}),
    }


def _peak():
    """Return the largest memory this process ever had, in megabytes (its ru_maxrss is that of its parent)."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


@contextmanager
def _counting():
    """Count calls of functions, Python's and C's: work that is the same on every machine, as a time is not."""
    calls = Counter()

    def note(frame, event, what):
        del frame, what
        calls[event] += event in ("call", "c_call")

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def read_them_all(folder):
    """Read every bomb in this process, which has done nothing else; print what came of it."""
    import json
    from pathlib import Path

    from imgnmf.errors import ImgnmfError
    from imgnmf.images import load_images

    good = Path(folder, "good.png")
    Image.new("L", (4, 4)).save(good)
    load_images(good)
    results = []
    for path in sorted(Path(folder).glob("*.*")):
        before = _peak()
        options = {"image_shape": (1000, 1000)} if path.suffix in (".h5", ".mat") else {}
        with _counting() as calls:
            try:
                outcome = f"read as {load_images(path, frames='all', max_frames=300, threads=1, **options)}"
            except ImgnmfError as error:
                outcome = f"{type(error).__name__}: {error}"
        results.append((path.name, outcome, sum(calls.values()), _peak() - before))
    print(json.dumps(results))


if __name__ == "__main__":
    read_them_all(sys.argv[1])
