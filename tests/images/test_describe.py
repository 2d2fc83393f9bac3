"""A look at a source before it is read: from headers alone, one fact a line."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgnmf.errors import ImageReadError, NoImagesError
from imgnmf.images import describe_source, load_images

SHARED = Path(__file__).parents[2] / "../shared/data"


def save(path, shape=(3, 4), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, shape[::-1]).save(path, format="png")


def test_mixed_pictures_are_counted(tmp_path):
    for i in range(3):
        save(tmp_path / f"s1/{i}.png")
    save(tmp_path / "s2/wide.png", (3, 8), "RGB")
    tifffile.imwrite(tmp_path / "s2/pages.tif", np.zeros((5, 3, 4), np.uint16), photometric="minisblack")
    (tmp_path / "s2/text.png").write_text("words")
    (tmp_path / ".hidden").write_text("")
    found = describe_source(tmp_path)
    assert str(found).splitlines() == [
        f"source:  {tmp_path}",
        "images:  9 in 5 files",
        "size:    3 x 4 (8), 3 x 8 (1)",
        "kind:    16-bit grey (5), 8-bit grey (3), 8-bit colour (1)",
        "labels:  2: s1, s2",
        "skipped: 2: .hidden (hidden), s2/text.png (not an image: it begins with b'words')",
        'note:    1 file of several frames, first s2/pages.tif of 5: pass frames="all" or frames="first"',
        "note:    several sizes: pass size=(h, w) to resize all",
        "note:    several depths or colours: all come to one of them, with a warning; strict=True refuses that",
    ]
    assert (found.n_files, found.n_images, found.labels) == (5, 9, ("s1", "s2"))


def test_nothing_is_decoded(tmp_path):
    save(tmp_path / "1.png")
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: whole.index(b"IDAT") + 4])
    assert "V:       12 pixels x 1 images in grey" in str(describe_source(tmp_path))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp", "gif", "bmp", "pgm", "pbm"])
@pytest.mark.parametrize("mode", ["L", "RGB", "1", "I;16", "F"])
def test_the_header_says_what_decoding_gives(tmp_path, suffix, mode, orientation):
    path, exif = tmp_path / f"a.{suffix}", Image.Exif()
    exif[274] = orientation
    if mode == "F" and suffix in ("pgm", "pbm"):
        pytest.skip("that would be a PFM")
    try:
        Image.new(mode, (9, 5)).save(path, exif=exif)
    except (OSError, KeyError, ValueError):
        pytest.skip("there is no such picture")
    images, found = load_images(path, color="rgb"), describe_source(path)
    assert found.sizes == ((images.image_shape[:2], 1),)
    if mode != "1" and suffix not in ("gif", "webp", "pbm"):
        assert found.kinds[0][0].split()[0].startswith({"L": "8", "RGB": "8", "I;16": "16", "F": "float32"}[mode])


def test_an_archive(tmp_path):
    save(tmp_path / "1.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "1.png", "faces/s1/1.png")
        archive.writestr("faces/README", b"words")
    found = describe_source(tmp_path / "a.zip")
    assert found.n_images == 1
    assert [entry.name for entry in found.skipped] == ["README"]


def test_arrays_and_files_of_arrays(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((6, 4, 5), np.uint8))
    assert str(describe_source(tmp_path / "a.npy")).splitlines()[1:] == [
        "arrays:  6 x 4 x 5 of uint8",
        "note:    6 images of 4 x 5",
    ]
    np.savez(tmp_path / "a.npz", fea=np.zeros((30, 361)), gnd=np.arange(30))
    text = str(describe_source(tmp_path / "a.npz"))
    assert "arrays:  fea: 30 x 361 of float64, gnd: 30 of int64" in text
    assert "19 x 19 would fit fea: 30 x 361" in text
    assert str(describe_source(np.zeros((6, 4, 5)))).startswith("source:  an array\n")


def test_what_is_not_there_or_damaged_is_an_error(tmp_path):
    with pytest.raises(NoImagesError, match="there is no such file or folder"):
        describe_source(tmp_path / "nowhere")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(ImageReadError, match=r"a\.zip: cannot be read as an archive"):
        describe_source(tmp_path / "a.zip")
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY" + bytes(10))
    with pytest.raises(ImageReadError, match=r"a\.npy: cannot be read as a NumPy array"):
        describe_source(tmp_path / "a.npy")
    (tmp_path / "bomb.pgm").write_bytes(b"P5 60000 60000 255\n")
    assert "more than max_pixels" in str(describe_source(tmp_path / "bomb.pgm"))
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, format="gif")
    (tmp_path / "cut.gif").write_bytes(buffer.getvalue()[:20])
    assert "cannot be decoded as GIF" in str(describe_source(tmp_path / "cut.gif"))


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared files are not at {SHARED}")
def test_the_real_files():
    assert str(describe_source(SHARED / "orl_faces")).splitlines()[1:5] == [
        "images:  400 in 400 files",
        "size:    112 x 92 (400)",
        "kind:    8-bit grey (400)",
        "V:       10304 pixels x 400 images in grey",
    ]
    assert "32 x 32 would fit X: 400 x 1024" in str(describe_source(SHARED / "mat/ORL_32x32_v5.mat"))
