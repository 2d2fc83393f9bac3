"""Limits: what is too much is refused from the header; what is damaged in the middle leaves no trace."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from bombs import bombs
from PIL import Image

from imgnmf.errors import DataError, ImageReadError, ParameterError
from imgnmf.images import load_images


def test_thirty_bombs_are_refused_with_little_work_and_in_fifty_megabytes(tmp_path):
    if not Path("/proc/self/status").exists():
        pytest.skip("the memory of a process is read from /proc")
    pytest.importorskip("h5py", reason="one of them is HDF5, which needs the extra 'store'")
    for name, content in bombs().items():
        (tmp_path / name).write_bytes(content)
        assert len(content) < 1_500_000, name
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("bombs.py")), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    results = {name: rest for name, *rest in json.loads(done.stdout)}
    assert results.pop("good.png")[0].startswith("read as")
    assert len(results) >= 30
    for name, (outcome, calls, megabytes) in results.items():
        assert outcome.startswith(("ImageReadError", "DataError")), (name, outcome)
        assert name in outcome, outcome
        # The most is the import of scipy.io, of half as many.
        assert calls < 500_000, (name, calls)
        assert megabytes < 50, (name, megabytes)


def save_frames(path, n_frames, shape=(4, 6)):
    stack = np.arange(n_frames, dtype=np.uint8)[:, None, None] * np.ones(shape, np.uint8)
    tifffile.imwrite(path, stack, photometric="minisblack")


def test_more_frames_than_the_limit_are_refused(tmp_path):
    save_frames(tmp_path / "a.tif", 9)
    assert len(load_images(tmp_path / "a.tif", frames="all", max_frames=9)) == 9
    with pytest.raises(ImageReadError, match=r"a\.tif: it holds 9 frames or more, and max_frames = 8; raise"):
        load_images(tmp_path / "a.tif", frames="all", max_frames=8)
    assert load_images(tmp_path / "a.tif", frames="all", stride=4, max_frames=3).V[0].tolist() == [0, 4, 8]


def test_pixels_of_all_images_have_a_limit(tmp_path):
    for i in range(5):
        Image.new("L", (10, 10)).save(tmp_path / f"{i}.png")
    assert len(load_images(tmp_path, max_bytes=500)) == 5
    with pytest.raises(DataError, match=r"take 500 bytes, more than max_bytes = 499; pass size="):
        load_images(tmp_path, max_bytes=499)
    save_frames(tmp_path / "many.tif", 200, (10, 10))
    with pytest.raises((DataError, ImageReadError), match="more than max_bytes = 10000"):
        load_images(tmp_path, frames="all", max_bytes=10_000)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_frames_before_the_damage_leave_no_trace(tmp_path, threads, dtype):
    Image.fromarray(np.full((4, 6), 200, np.uint8)).save(tmp_path / "1.png")
    Image.fromarray(np.full((4, 6), 201, np.uint8)).save(tmp_path / "3.png")
    tifffile.imwrite(tmp_path / "2.tif", np.zeros((4, 4, 6), dtype), photometric="minisblack", compression="zlib")
    whole = (tmp_path / "2.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "2.tif") as tiff:
        strip = tiff.pages[2].dataoffsets[0]
    (tmp_path / "2.tif").write_bytes(whole[:strip] + b"damage" + whole[strip + 6 :])
    with pytest.raises(ImageReadError, match=r"2\.tif: cannot be decoded as TIFF"):
        load_images(tmp_path, frames="all", threads=threads)
    images = load_images(tmp_path, frames="all", on_error="skip", threads=threads)
    assert images.names == ("1.png", "3.png")
    assert images.pixels.dtype == np.uint8
    assert images.V[0].tolist() == [200, 201]
    assert [entry.name for entry in images.report.skipped] == ["2.tif"]
    assert not images.report.converted


def test_mixed_sizes_are_told_from_the_headers(tmp_path):
    Image.new("L", (4, 3)).save(tmp_path / "1.png")
    Image.new("L", (5, 3)).save(tmp_path / "2.png")
    for i in range(3, 30):
        Image.new("RGB", (4, 3)).save(tmp_path / f"{i}.png")
        data = (tmp_path / f"{i}.png").read_bytes()
        # No pixels in it: only its header can be read.
        (tmp_path / f"{i}.png").write_bytes(data[: data.index(b"IDAT") + 4])
    with pytest.raises(DataError, match=r"3 x 4: 28 images, first 1\.png\n  3 x 5: 1 image, first 2\.png"):
        load_images(tmp_path, threads=1)


@pytest.mark.parametrize("option", ["max_frames", "max_bytes", "threads", "stride"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "4", True])
def test_a_limit_that_is_none_is_refused(tmp_path, option, value):
    with pytest.raises(ParameterError, match=f"expected {option} to be a whole number of at least 1"):
        load_images(tmp_path, **{option: value})
