"""Folders, globs, lists: what is found, in which order, under which names, with which labels."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgnmf.errors import (
    ImageReadError,
    NoImagesError,
    ParameterError,
)
from imgnmf.images import load_images

ORL = Path(__file__).parents[2] / "../shared/data/orl_faces"


def save(path, value=0, shape=(3, 4), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, shape[::-1], value).save(path, format="png")
    return path


def skipped(images):
    return {entry.name: entry.reason for entry in images.report.skipped}


def test_order_is_natural_folder_by_folder(tmp_path):
    for name in ("s10/1.png", "s2/10.png", "s2/9.png", "S1/a.png", "s2/09.png"):
        save(tmp_path / name)
    images = load_images(tmp_path)
    assert images.names == ("S1/a.png", "s2/09.png", "s2/9.png", "s2/10.png", "s10/1.png")
    assert images.labels.tolist() == ["S1", "s2", "s2", "s2", "s10"]


def test_the_order_of_the_directory_does_not_matter(tmp_path):
    names = [f"{i}.png" for i in range(12)]
    for folder, order in (("a", names), ("b", names[::-1])):
        for name in order:
            save(tmp_path / folder / name, int(name[:-4]))
    one, other = load_images(tmp_path / "a"), load_images(tmp_path / "b")
    assert one.names == other.names
    np.testing.assert_array_equal(one.V, other.V)
    assert one.V[0].tolist() == list(range(12))


def test_labels_are_the_folders_below_the_source_and_none_without(tmp_path):
    save(tmp_path / "flat/1.png")
    assert load_images(tmp_path / "flat").labels is None
    save(tmp_path / "deep/cat/tabby/1.png")
    save(tmp_path / "deep/2.png")
    images = load_images(tmp_path / "deep")
    assert dict(zip(images.names, images.labels.tolist(), strict=True)) == {
        "2.png": "",
        "cat/tabby/1.png": "cat",
    }


def test_a_glob_names_from_its_first_wildcard(tmp_path):
    for name in ("s1/1.png", "s1/2.png", "s10/1.png", "s2/1.png"):
        save(tmp_path / name)
    (tmp_path / "s1/notes.txt").write_text("words")
    images = load_images(tmp_path / "s*" / "*")
    assert images.names == ("s1/1.png", "s1/2.png", "s2/1.png", "s10/1.png")
    assert images.labels.tolist() == ["s1", "s1", "s2", "s10"]
    assert list(skipped(images)) == ["s1/notes.txt"]
    assert load_images(str(tmp_path / "**/1.png")).names == ("s1/1.png", "s2/1.png", "s10/1.png")


def test_a_relative_glob_and_folder(tmp_path, monkeypatch):
    save(tmp_path / "in/1.png")
    monkeypatch.chdir(tmp_path / "in")
    assert load_images("*.png").names == ("1.png",)
    assert load_images(".").names == ("1.png",)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_images("~/in").names == ("1.png",)


def test_a_list_keeps_its_order_and_its_names(tmp_path):
    paths = [save(tmp_path / name, i) for i, name in enumerate(("b.png", "a.png"))]
    images = load_images(paths)
    assert images.names == tuple(map(str, paths))
    assert images.V[0].tolist() == [0, 1]
    assert load_images(str(paths[1])).names == ("a.png",)
    assert load_images(iter(paths)).labels is None


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path):
    assert load_images(save(tmp_path / "a[1].png")).names == ("a[1].png",)


def test_strange_names_are_read_and_printed_on_one_line(tmp_path):
    names = ["späße 写真.png", "two\nlines.png", "x" * 251 + ".png"]
    for name in names:
        save(tmp_path / name)
    assert set(load_images(tmp_path).names) == set(names)
    (tmp_path / names[1]).write_text("words")
    with pytest.raises(ImageReadError, match=r"two\\nlines\.png': not an image"):
        load_images(tmp_path)


def test_what_is_no_image_is_skipped_and_reported(tmp_path):
    save(tmp_path / "1.png")
    save(tmp_path / ".hidden.png")
    save(tmp_path / ".git/2.png")
    save(tmp_path / "2.pgm.bad")
    (tmp_path / "README").write_text("P2 is what this folder is called")
    (tmp_path / "Thumbs.db").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "selfish.png").symlink_to(tmp_path / "selfish.png")
    images = load_images(tmp_path)
    assert images.names == ("1.png",)
    assert images.labels is None
    reasons = skipped(images)
    assert set(reasons) == {
        ".git",
        ".hidden.png",
        "2.pgm.bad",
        "README",
        "Thumbs.db",
        "dangling.png",
        "pipe.png",
        "selfish.png",
    }
    assert reasons[".git"] == reasons[".hidden.png"] == "hidden"
    assert reasons["2.pgm.bad"] == "set aside by its name"
    assert reasons["README"].startswith("its header is damaged")
    assert reasons["Thumbs.db"] == "not an image: it is empty (0 bytes)"
    assert reasons["pipe.png"] == "a FIFO, socket or device"
    assert reasons["dangling.png"] == reasons["selfish.png"] == "a dangling link, or a loop of links"


def test_links_to_folders_are_followed_once(tmp_path):
    save(tmp_path / "set/real/1.png")
    save(tmp_path / "elsewhere/2.png")
    (tmp_path / "set/again").symlink_to(tmp_path / "set/real")
    (tmp_path / "set/loop").symlink_to(tmp_path / "set")
    (tmp_path / "set/up").symlink_to(tmp_path)
    (tmp_path / "set/other").symlink_to(tmp_path / "elsewhere")
    images = load_images(tmp_path / "set")
    assert images.names == ("other/2.png", "real/1.png")
    assert set(skipped(images)) == {"again", "loop", "up"}
    assert load_images(str(tmp_path / "set/**/1.png")).names[0].endswith("1.png")
    assert len(load_images(str(tmp_path / "set/**/1.png"))) == 1
    (tmp_path / "alias").symlink_to(tmp_path / "set")
    assert load_images(tmp_path / "alias").names == images.names


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(NoImagesError, match=r"no readable images in .*nowhere: there is no such file or folder"):
        load_images(tmp_path / "nowhere")
    with pytest.raises(
        NoImagesError, match=r"no readable images in .* \(looked for png, .*jpg, .*\); nothing is there"
    ):
        load_images(tmp_path)
    with pytest.raises(NoImagesError, match=r"\*\.png \(looked for"):
        load_images(tmp_path / "*.png")
    with pytest.raises(NoImagesError, match="the list of paths is empty"):
        load_images([])


def test_a_folder_without_images_says_what_it_holds(tmp_path):
    for name in ("a.txt", "b.txt", ".c"):
        (tmp_path / name).write_text("words")
    with pytest.raises(NoImagesError, match=r"3 files skipped: \.c \(hidden\), a\.txt \(not an image: it begins"):
        load_images(tmp_path)


def test_on_error_skip_reads_the_others(tmp_path):
    save(tmp_path / "1.png")
    (tmp_path / "2.png").write_text("words")
    with pytest.raises(ImageReadError, match=r"2\.png: not an image"):
        load_images(tmp_path)
    images = load_images(tmp_path, on_error="skip")
    assert images.names == ("1.png",)
    assert skipped(images) == {"2.png": "not an image: it begins with b'words'"}
    assert "skipped 1: 2.png (not an image" in str(images.report)


def test_a_file_that_was_named_always_gives_its_error(tmp_path):
    (tmp_path / "notes.txt").write_text("words")
    for source in (tmp_path / "notes.txt", [tmp_path / "notes.txt"]):
        for on_error in ("raise", "skip"):
            with pytest.raises(ImageReadError, match=r"notes\.txt.*not an image"):
                load_images(source, on_error=on_error)
    with pytest.raises(ImageReadError, match=r"gone\.png: cannot be read: No such file"):
        load_images([tmp_path / "gone.png"])
    with pytest.raises(ImageReadError, match="cannot be read: a folder"):
        load_images([tmp_path])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageReadError, match="cannot be read: a FIFO"):
        load_images(tmp_path / "pipe")


def test_frames_of_a_skipped_file_leave_no_trace(tmp_path):
    save(tmp_path / "1.png")
    tifffile.imwrite(tmp_path / "2.tif", np.zeros((3, 3, 4), np.uint8), photometric="minisblack")
    images = load_images(tmp_path, on_error="skip")
    assert images.names == ("1.png",)
    images = load_images(tmp_path, frames="all")
    assert images.names == ("1.png", "2.tif[0]", "2.tif[1]", "2.tif[2]")
    assert len(images.pixels) == 4


@pytest.mark.parametrize("source", [3, None, [3]])
def test_a_source_that_is_none_is_refused(source):
    with pytest.raises(ParameterError, match="expected a folder, a glob, a file, a list of paths or an array, got"):
        load_images(source)


@pytest.mark.parametrize("options", [{"color": "gray"}, {"frames": "last"}, {"on_error": "ignore"}, {"max_pixels": 0}])
def test_an_option_without_such_a_value_is_refused(tmp_path, options):
    with pytest.raises(ParameterError, match=f"expected {next(iter(options))} to be"):
        load_images(tmp_path, **options)


def test_orl_faces_are_read_as_they_are():
    if not ORL.is_dir():
        pytest.skip(f"the ORL faces are not at {ORL}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = load_images(ORL)
    assert images.pixels.shape == (400, 112, 92)
    assert (images.pixels.dtype, images.pixels.min(), images.pixels.max()) == (np.uint8, 0, 251)
    assert images.names[:2] == ("s1/1.pgm", "s1/2.pgm")
    assert images.names[9::10][:3] == ("s1/10.pgm", "s2/10.pgm", "s3/10.pgm")
    assert images.labels.tolist() == [f"s{i // 10 + 1}" for i in range(400)]
    assert list(skipped(images)) == ["README"]
    np.testing.assert_array_equal(images.pixels[357], np.asarray(Image.open(ORL / images.names[357])))


def test_the_inputs_are_left_alone(tmp_path):
    save(tmp_path / "1.png")
    before = (tmp_path / "1.png").read_bytes()
    paths = [str(tmp_path / "1.png")]
    load_images(paths, size=(2, 2))
    assert paths == [str(tmp_path / "1.png")]
    assert (tmp_path / "1.png").read_bytes() == before
