"""Zip and tar archives: read as the folder in them would be, and refused before they fill the memory."""

import io
import tarfile
import time
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgnmf.errors import ImageReadError, NoImagesError
from imgnmf.images import load_images

TAR_MODES = {"a.tar": "w", "a.tar.gz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}
ARCHIVES = ("a.zip", *TAR_MODES)


def png(value, shape=(3, 4)):
    buffer = io.BytesIO()
    Image.new("L", shape[::-1], value).save(buffer, format="png")
    return buffer.getvalue()


def pack(path, members):
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, TAR_MODES[path.name]) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def skipped(images):
    return {entry.name: entry.reason for entry in images.report.skipped}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_read_as_its_folder_would_be(tmp_path, name):
    names = ("s10/1.png", "s2/10.png", "s2/9.png", "s1/1.png")
    members = {f"./faces/{name}": png(10 * i) for i, name in enumerate(names)}
    members |= {"faces/README": b"some words", "faces/.hidden.png": b"", "__MACOSX/faces/1.png": b"x"}
    members |= {"faces/s1/2.png.bad": b"x"}
    images = load_images(pack(tmp_path / name, members))
    assert images.names == ("s1/1.png", "s2/9.png", "s2/10.png", "s10/1.png")
    assert images.V[0].tolist() == [30, 20, 10, 0]
    assert images.labels.tolist() == ["s1", "s2", "s2", "s10"]
    assert skipped(images) == {
        "README": "not an image: it begins with b'some words'",
        "faces/.hidden.png": "hidden",
        "__MACOSX/faces/1.png": "hidden",
        "s1/2.png.bad": "set aside by its name",
    }
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
@pytest.mark.parametrize("threads", [1, 3])
def test_frames_and_sizes_in_an_archive(tmp_path, name, threads):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.arange(3 * 12, dtype=np.uint8).reshape(3, 3, 4), photometric="minisblack")
    path = pack(tmp_path / name, {"2.tif": buffer.getvalue(), "1.png": png(7)})
    images = load_images(path, frames="all", threads=threads)
    assert images.names == ("1.png", "2.tif[0]", "2.tif[1]", "2.tif[2]")
    assert images.V[0].tolist() == [7, 0, 12, 24]
    assert images.labels is None


def test_a_compressed_tar_with_many_members_in_any_order_comes_sorted(tmp_path):
    order = np.random.default_rng(0).permutation(50)
    images = load_images(pack(tmp_path / "a.tar.gz", {f"{i}.png": png(int(i)) for i in order}))
    assert images.V[0].tolist() == list(range(50))
    assert images.names == tuple(f"{i}.png" for i in range(50))


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_damaged_member_is_named_with_its_archive_or_skipped(tmp_path, name):
    path = pack(tmp_path / name, {"1.png": png(7), "2.png": png(7)[:-30]})
    with pytest.raises(ImageReadError, match=rf"{name}, 2\.png: cannot be decoded as PNG"):
        load_images(path)
    images = load_images(path, on_error="skip")
    assert images.names == ("1.png",)
    assert "cannot be decoded" in skipped(images)["2.png"]


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_damaged_archive_is_refused_with_its_path(tmp_path, name):
    good = pack(tmp_path / name, {f"{i}.png": png(i, (30, 40)) for i in range(9)}).read_bytes()
    for length in (40, len(good) // 5 + 9, len(good) // 4 + 20):
        (tmp_path / name).write_bytes(good[:length])
        with pytest.raises(ImageReadError, match=rf"{name}: "):
            load_images(tmp_path / name)


def test_the_name_does_not_matter_and_no_member_leaves_the_archive(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    path = pack(folder / "a.zip", {"../../outside.png": png(1), "/etc/inside.png": png(2)}).rename(folder / "photo.jpg")
    assert load_images(path).names == ("etc/inside.png", "outside.png")
    assert [found.name for found in tmp_path.rglob("*")] == ["in", "photo.jpg"]


def test_links_and_devices_in_a_tar_are_skipped(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        content = png(5)
        info = tarfile.TarInfo("1.png")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
        for name, kind in (("2.png", tarfile.SYMTYPE), ("3.png", tarfile.LNKTYPE), ("4.png", tarfile.FIFOTYPE)):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, "/etc/passwd"
            archive.addfile(link)
    images = load_images(tmp_path / "a.tar")
    assert images.names == ("1.png",)
    assert skipped(images) == {"2.png": "a link", "3.png": "a link", "4.png": "a FIFO, socket or device"}


def test_the_last_of_several_members_of_one_name_counts(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.png", png(1))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("1.png", png(2))
    assert load_images(tmp_path / "a.zip").V[0].tolist() == [2]


def test_an_archive_without_images_says_so(tmp_path):
    with pytest.raises(NoImagesError, match=r"images in .*a\.zip \(looked for png.*; 1 file skipped: a\.txt"):
        load_images(pack(tmp_path / "a.zip", {"a.txt": b"words"}))
    with pytest.raises(NoImagesError, match=r"nothing is there"):
        load_images(pack(tmp_path / "a.zip", {}))


def test_an_archive_in_a_folder_or_an_archive_is_not_opened(tmp_path):
    (tmp_path / "1.png").write_bytes(png(1))
    inner = pack(tmp_path / "a.zip", {"2.png": png(2)})
    assert load_images(tmp_path).names == ("1.png",)
    images = load_images(pack(tmp_path / "a.tar.gz", {"1.png": png(1), "inner.zip": inner.read_bytes()}))
    assert images.names == ("1.png",)
    assert "not an image" in skipped(images)["inner.zip"]


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, name):
    content = b"P5 10 10 255\n" + bytes(60_000_000)
    path = pack(tmp_path / name, {"1.pgm": content})
    start = time.perf_counter()
    options = {"max_bytes": 2**20} if name == "a.tar" else {}
    with pytest.raises(ImageReadError, match=r"as no pictures do; unpack it yourself|more than max_bytes = 1048576"):
        load_images(path, **options)
    assert time.perf_counter() - start < 1


def test_a_locked_zip_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", {"1.png": png(1)})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(ImageReadError, match=r"a\.zip, 1\.png: cannot be unpacked \(RuntimeError: .*password"):
        load_images(path)
