"""What `imgnmf.load_images` makes of every format: small files are written, read and compared, nothing is assumed."""

import contextlib
import gzip
import io
import struct
import sys
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy.io import savemat

import imgnmf

rng = np.random.default_rng(0)
FOLDER = Path(tempfile.mkdtemp())
H, W = 16, 24


def noise(dtype, *channels):
    top = np.iinfo(dtype).max
    return rng.integers(0, top, (H, W, *channels), endpoint=True, dtype=dtype)


grey8, rgb8, rgba8 = noise(np.uint8), noise(np.uint8, 3), noise(np.uint8, 4)
grey16, rgb16, rgba16, la16 = (
    noise(np.uint16),
    noise(np.uint16, 3),
    noise(np.uint16, 4),
    noise(np.uint16, 2),
)
bits = rng.random((H, W)) < 0.5
palette = rng.permutation(256 * 3).reshape(256, 3).astype(np.uint8)
real = rng.random((H, W), dtype=np.float32)


# Files --------------------------------------------------------------------------------------------


def pillow(kind, pixels, mode=None, **options):
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(pixels, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        pixels,
        **({"photometric": "rgb" if pixels.ndim == 3 else "minisblack"} | options),
    )
    return buffer.getvalue()


def png16(pixels):
    """16-bit colour PNG, which Pillow does not write."""
    kind = {2: 4, 3: 2, 4: 6}[pixels.shape[2]]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", W, H, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def netpbm(magic, top, samples):
    return f"{magic} {W} {H} {top}\n".encode() + samples


def with_palette(transparent=None):
    picture = Image.frombytes("P", (W, H), grey8.tobytes())
    picture.putpalette(palette.tobytes())
    return pillow("PNG", picture, **({} if transparent is None else {"transparency": transparent}))


# What they must come out as -----------------------------------------------------------------------


def on_white(pixels):
    top = np.iinfo(pixels.dtype).max
    wide = pixels.astype(np.float64)
    alpha = wide[..., -1:] / top
    return np.floor(wide[..., :-1] * alpha + top * (1 - alpha) + 0.5).astype(pixels.dtype).squeeze()


transparent = palette[grey8].copy()
transparent[grey8 == 7] = 255
deep = noise(np.uint32)
# Of these the file does not hold the pixels that were written: what counts is how Pillow decodes it.
LOSSY = {"L": "as Pillow gives it in grey", "RGB": "as Pillow gives it in RGB"}

CASES = [
    ("PNG", "8-bit grey", pillow("PNG", grey8), grey8),
    ("PNG", "16-bit grey", pillow("PNG", grey16), grey16),
    ("PNG", "1-bit", pillow("PNG", Image.fromarray(bits)), bits * np.uint8(255)),
    ("PNG", "8-bit RGB", pillow("PNG", rgb8), rgb8),
    ("PNG", "16-bit RGB", png16(rgb16), rgb16),
    ("PNG", "8-bit RGB and alpha", pillow("PNG", rgba8), on_white(rgba8)),
    ("PNG", "16-bit RGB and alpha", png16(rgba16), on_white(rgba16)),
    ("PNG", "16-bit grey and alpha", png16(la16), on_white(la16)),
    ("PNG", "palette", with_palette(), palette[grey8]),
    ("PNG", "palette, one entry transparent", with_palette(7), transparent),
    ("JPEG", "8-bit grey", pillow("JPEG", grey8, quality=95), "L"),
    (
        "JPEG",
        "8-bit YCbCr (the usual colour)",
        pillow("JPEG", rgb8, quality=95, subsampling=0),
        "RGB",
    ),
    ("JPEG", "CMYK", pillow("JPEG", rgb8, mode="CMYK", quality=95), "RGB"),
    ("PGM", "raw (P5), 8-bit", netpbm("P5", 255, grey8.tobytes()), grey8),
    ("PGM", "raw (P5), 16-bit", netpbm("P5", 65535, grey16.astype(">u2").tobytes()), grey16),
    (
        "PGM",
        "raw (P5), maxval 100",
        netpbm("P5", 100, (grey8 % 101).tobytes()),
        np.uint8((grey8 % 101) / 100 * 255 + 0.5),
    ),
    (
        "PGM",
        "raw (P5), CRLF after the header",
        netpbm("P5", 255, b"")[:-1] + b"\r\n" + grey8.tobytes(),
        grey8,
    ),
    ("PGM", "text (P2)", netpbm("P2", 255, " ".join(map(str, grey8.ravel())).encode()), grey8),
    ("PPM", "raw (P6), 8-bit", netpbm("P6", 255, rgb8.tobytes()), rgb8),
    ("PPM", "raw (P6), 16-bit", netpbm("P6", 65535, rgb16.astype(">u2").tobytes()), rgb16),
    ("PPM", "text (P3)", netpbm("P3", 255, " ".join(map(str, rgb8.ravel())).encode()), rgb8),
    ("PBM", "1-bit (P4)", pillow("PPM", Image.fromarray(bits)), bits * np.uint8(255)),
    ("TIFF", "8-bit grey", tiff(grey8), grey8),
    ("TIFF", "16-bit grey, little-endian", tiff(grey16), grey16),
    ("TIFF", "16-bit grey, big-endian", tiff(grey16, byteorder=">"), grey16),
    ("TIFF", "16-bit grey, deflate", tiff(grey16, compression="zlib"), grey16),
    ("TIFF", "32-bit unsigned grey", tiff(deep), deep),
    ("TIFF", "16-bit signed grey", tiff(grey16.astype(np.int16)), grey16.astype(np.int16)),
    ("TIFF", "32-bit float grey", tiff(real), real),
    ("TIFF", "64-bit float grey", tiff(real.astype(np.float64)), real.astype(np.float64)),
    ("TIFF", "white is zero", tiff(grey8, photometric="miniswhite"), 255 - grey8),
    ("TIFF", "8-bit RGB", tiff(rgb8), rgb8),
    (
        "TIFF",
        "16-bit RGB, in planes",
        tiff(np.moveaxis(rgb16, 2, 0), photometric="rgb", planarconfig="separate"),
        rgb16,
    ),
    (
        "TIFF",
        "8-bit RGB and straight alpha",
        tiff(rgba8, extrasamples=["unassalpha"]),
        on_white(rgba8),
    ),
    ("TIFF", "8-bit grey, LZW", pillow("TIFF", grey8, compression="tiff_lzw"), grey8),
    ("TIFF", "16-bit grey, LZW", pillow("TIFF", grey16, compression="tiff_lzw"), grey16),
    (
        "TIFF",
        "1-bit, fax (group 4)",
        pillow("TIFF", Image.fromarray(bits), compression="group4"),
        bits * np.uint8(255),
    ),
    ("TIFF", "CMYK", pillow("TIFF", rgb8, mode="CMYK"), "RGB"),
    ("TIFF", "BigTIFF, 16-bit grey", tiff(grey16, bigtiff=True), grey16),
    ("GIF", "palette of 256", pillow("GIF", grey8), grey8),
    ("BMP", "8-bit grey", pillow("BMP", grey8), grey8),
    ("BMP", "24-bit RGB", pillow("BMP", rgb8), rgb8),
    ("WebP", "lossless RGB", pillow("WEBP", rgb8, lossless=True), rgb8),
    (
        "WebP",
        "lossless RGB and alpha",
        pillow("WEBP", rgba8, lossless=True, exact=True),
        on_white(rgba8),
    ),
    ("WebP", "lossy RGB", pillow("WEBP", rgb8, quality=95), "RGB"),
]


def read(data, name="picture", **options):
    path = FOLDER / name
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", imgnmf.errors.DataWarning)
        return imgnmf.load_images(path, **options)


def verdict(images, expected):
    found = images.pixels[0]
    if expected.ndim == 2 and found.ndim == 3:
        found = found[..., 0]
    if found.dtype == expected.dtype and np.array_equal(found, expected):
        return "every pixel equal"
    if found.dtype == expected.dtype and np.abs(found.astype(float) - expected.astype(float)).max() <= 1:
        return "equal to one level (rounding)"
    sys.exit(f"{found.dtype} {found.shape} came where {expected.dtype} {expected.shape} was written")


def reason(error):
    return str(error).split(": ", 1)[-1].split("; pass on_error")[0]


print("<!-- depth -->")
print("| format | in the file | `pixels.dtype` | pixels | the report says |")
print("|---|---|---|---|---|")
for kind, content, data, wanted in CASES:
    if lossy := isinstance(wanted, str):
        expected = np.asarray(Image.open(io.BytesIO(data)).convert(wanted))
    else:
        expected = wanted
    images = read(data, color="rgb" if expected.ndim == 3 else "grey")
    words = verdict(images, expected) + (f", {LOSSY[wanted]}" if lossy else "")
    notes = "; ".join(note.split(": ", 1)[-1] for note in images.report.converted) or " "
    print(f"| {kind} | {content} | `{images.pixels.dtype}` | {words} | {notes} |")

# Frames -------------------------------------------------------------------------------------------

pages = [np.full((H, W), level, np.uint8) for level in (10, 20, 30)]
pictures = [Image.fromarray(page) for page in pages]
ANIMATED = [
    ("GIF", pillow("GIF", pictures[0], save_all=True, append_images=pictures[1:])),
    ("PNG (APNG)", pillow("PNG", pictures[0], save_all=True, append_images=pictures[1:])),
    (
        "WebP",
        pillow("WEBP", pictures[0], save_all=True, append_images=pictures[1:], lossless=True),
    ),
    ("TIFF", tiff(np.stack(pages), photometric="minisblack")),
]


def video():
    """A video without loss: three grey frames."""
    import av

    with av.open(str(FOLDER / "made.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = H, W, "gray"
        for page in pages:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(page, format="gray")))
        container.mux(stream.encode())
    return (FOLDER / "made.mkv").read_bytes()


# Without the extra "video" the table has a line less.
with contextlib.suppress(ImportError):
    ANIMATED.append(("video (Matroska, FFV1)", video()))

print("<!-- frames -->")
print('| format | `"error"` | `"first"` | `"all"` | their names |')
print("|---|---|---|---|---|")
for kind, data in ANIMATED:
    try:
        read(data)
        refused = "read"
    except imgnmf.errors.ImageReadError as error:
        refused = reason(error).split(";")[0].split(",")[0]
    first, every = read(data, frames="first"), read(data, frames="all")
    levels = [", ".join(str(level) for level in set_.pixels[:, 0, 0]) for set_ in (first, every)]
    print(f"| {kind} | refused: {refused} | {levels[0]} | {levels[1]} | `{'`, `'.join(every.names)}` |")

# Orientation --------------------------------------------------------------------------------------

TURNS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: np.rot90(p, 1),
}


def tagged(kind, orientation):
    if kind == "TIFF":
        return tiff(grey8, extratags=[(274, 3, 1, orientation, True)])
    exif = Image.Exif()
    exif[274] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    return pillow(kind, grey8, exif=exif, **options)


print("<!-- orientation -->")
print("| format | values that come out upright, every pixel equal |")
print("|---|---|")
for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
    plain = read(tagged(kind, 1)).pixels[0]
    good = [o for o, turn in TURNS.items() if np.array_equal(read(tagged(kind, o)).pixels[0], turn(plain))]
    print(f"| {kind.replace('WEBP', 'WebP')} | {len(good)} of 8 |")

# Grey and mixtures --------------------------------------------------------------------------------

print("<!-- grey -->")
print("| the pixel | comes out as |")
print("|---|---|")
for name, pixel in {
    "red (255, 0, 0)": (255, 0, 0),
    "green (0, 255, 0)": (0, 255, 0),
    "blue (0, 0, 255)": (0, 0, 255),
    "white (255, 255, 255)": (255, 255, 255),
    "black, half transparent (0, 0, 0, 128)": (0, 0, 0, 128),
    "anything, fully transparent (9, 9, 9, 0)": (9, 9, 9, 0),
}.items():
    value = read(pillow("PNG", np.full((H, W, len(pixel)), pixel, np.uint8))).pixels[0, 0, 0]
    print(f'| {name} | grey {value} with `color="grey"` |')
mixed = FOLDER / "mixed"
mixed.mkdir()
for first, second, words in [
    (grey8, grey16, "8-bit and 16-bit"),
    (grey8, real, "8-bit and float32"),
    (grey16, real, "16-bit and float32"),
]:
    for number, pixels in enumerate((first, second)):
        (mixed / f"{number}.tif").write_bytes(tiff(pixels))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", imgnmf.errors.DataWarning)
        images = imgnmf.load_images(mixed)
    kept = "as they were" if np.array_equal(images.pixels[1], second) else "rescaled"
    print(f"| a folder of {words} files | `{images.pixels.dtype}`, the deeper ones {kept}, with a warning |")

# Arrays -------------------------------------------------------------------------------------------

stack = noise(np.uint8, 3).transpose(2, 0, 1).copy()  # three images
in_rows = stack.reshape(3, -1)
by_column = stack.swapaxes(1, 2).reshape(3, -1)


def saved(write, *arguments, **named):
    buffer = io.BytesIO()
    write(buffer, *arguments, **named)
    return buffer.getvalue()


def hdf5(name, array):
    import h5py

    with h5py.File(FOLDER / "made.h5", "w") as file:
        file[name] = array
    return (FOLDER / "made.h5").read_bytes()


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, image in enumerate(stack):
            archive.writestr(f"{number}.png", pillow("PNG", image))
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number, image in enumerate(stack):
            content = pillow("PNG", image)
            member = tarfile.TarInfo(f"{number}.png")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def envi(interleave):
    """The samples of a cube, its header put beside them."""
    header = f"ENVI\nsamples = {W}\nlines = {H}\nbands = 3\ndata type = 1\ninterleave = {interleave}\n"
    (FOLDER / "picture.hdr").write_text(header + "byte order = 0\n")
    order = {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (1, 2, 0)}[interleave]
    return stack.transpose(order).tobytes()


idx = struct.pack(">IIII", 2051, *stack.shape) + stack.tobytes()
flat = {"image_shape": (H, W)}
matlab = flat | {"order": "F", "images_in": "rows"}
ARRAYS = [
    ("NumPy .npy", "(3, h, w)", lambda: saved(np.save, stack), {}),
    ("NumPy .npy", "flattened, an image a row", lambda: saved(np.save, in_rows), flat),
    ("NumPy .npy", "flattened, an image a column", lambda: saved(np.save, in_rows.T), flat | {"images_in": "columns"}),
    ("NumPy .npz", "images and labels", lambda: saved(np.savez, x=stack, y=[0, 1, 2]), {"key": "x", "labels": "y"}),
    ("IDX (MNIST)", "(3, h, w)", lambda: idx, {}),
    ("IDX (MNIST)", "the same, gzip", lambda: gzip.compress(idx), {}),
    ("MATLAB .mat v5", "an image a row, pixels column by column", lambda: saved(savemat, {"fea": by_column}), matlab),
    ("MATLAB .mat v5", "its negative", lambda: saved(savemat, {"fea": 255 - by_column}), matlab | {"invert": True}),
    ("HDF5, MATLAB .mat v7.3", "flattened, an image a row", lambda: hdf5("x", in_rows), flat | {"images_in": "rows"}),
    ("zip", "three PNGs", zipped, {}),
    ("tar.gz", "three PNGs", tarred, {}),
    ("ENVI", "a cube band by band (BSQ)", lambda: envi("bsq"), {}),
    ("ENVI", "a cube line by line (BIL)", lambda: envi("bil"), {}),
    ("ENVI", "a cube pixel by pixel (BIP)", lambda: envi("bip"), {}),
]

print("<!-- arrays -->")
print("| file | holds | options of `load_images` | pixels |")
print("|---|---|---|---|")
for kind, content, make, options in ARRAYS:
    call = ", ".join(f"{name}={value!r}" for name, value in options.items()).replace("'", '"')
    try:
        images = read(make(), **options)
    except ImportError:
        result = "not tried in this build: h5py is missing"
    else:
        if not np.array_equal(images.pixels, stack):
            sys.exit(f"{kind}, {content}: {images.pixels.shape} came out wrong")
        result = "every pixel equal" + ("" if images.labels is None else ", labels too")
    print(f"| {kind} | {content} | {f'`{call}`' if call else 'none'} | {result} |")

# With its header beside it, any file of this name would be taken for a cube.
(FOLDER / "picture.hdr").unlink()

# Refused ------------------------------------------------------------------------------------------

bomb = pillow("PNG", Image.new("1", (30_000, 30_000)))
REFUSED = [
    ("empty", b""),
    ("the first half of a PNG", CASES[0][2][:200]),
    ("the first half of a PGM", CASES[13][2][:200]),
    ("a PNG whose header claims 30,000 × 30,000", bomb),
    ("a .npy of Python objects", saved(np.save, np.array([None, 1], dtype=object))),
    ("PDF", b"%PDF-1.7 ..."),
    ("HEIC or AVIF", b"\0\0\0\x1cftypavif" + bytes(40)),
]


print("<!-- refused -->")
print("| a file that is | the reason given |")
print("|---|---|")
for words, data in REFUSED:
    try:
        read(data)
    except imgnmf.errors.ImageReadError as error:
        print(f"| {words} | {reason(error).replace('|', chr(92) + '|')} |")
    else:
        sys.exit(f"{words} was read")
