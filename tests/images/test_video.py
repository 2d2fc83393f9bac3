"""Videos: streamed, with a stride, upright; passed over among pictures."""

import contextlib
import sys
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from imgnmf.errors import ImageReadError
from imgnmf.images import load_images

av = pytest.importorskip("av", reason="video needs the extra 'video'")

HEIGHT, WIDTH = 48, 64


def save(path, n_frames=12, *, codec="ffv1", pixels="gray", size=(HEIGHT, WIDTH), rotation=0):
    """Write frames whose brightness counts them: 0, 10, 20, ..., with a bright spot at the upper left."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = size
        stream.pix_fmt = pixels
        if rotation:
            stream.set_display_rotation(rotation)
        for i in range(n_frames):
            picture = np.full(size, 10 * i % 250, np.uint8)
            picture[:8, :8] = 250
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format=pixels)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_every_frame_or_every_fifth_or_the_first(tmp_path):
    path = save(tmp_path / "a.mkv")
    images = load_images(path, frames="all")
    assert images.pixels.shape == (12, HEIGHT, WIDTH)
    assert images.V[-1].tolist() == list(range(0, 120, 10))
    assert (images.pixels[:, :8, :8] == 250).all()
    assert images.names[:2] == ("a.mkv[0]", "a.mkv[1]")
    assert load_images(path, frames="all", stride=5).V[-1].tolist() == [0, 50, 100]
    assert load_images(path, frames="first").names == ("a.mkv",)
    assert load_images(path, frames="all", color="rgb", size=(6, 8)).pixels.shape == (12, 6, 8, 3)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mov", "a.mpg"])
def test_other_containers(tmp_path, name):
    codec = "mpeg2video" if name == "a.mpg" else "mpeg4"
    path = save(tmp_path / name, codec=codec, pixels="yuv420p").rename(tmp_path / "no-suffix")
    images = load_images(path, frames="all")
    assert len(images) == 12
    np.testing.assert_allclose(images.V[-1], range(0, 120, 10), atol=9)


def test_a_video_is_refused_with_its_length_and_passed_over_among_pictures(tmp_path):
    save(tmp_path / "a.mp4", codec="mpeg4", pixels="yuv420p")
    with pytest.raises(ImageReadError, match=r"a\.mp4: a video of about 12 frames, expected one picture; pass"):
        load_images(tmp_path / "a.mp4")
    with pytest.raises(ImageReadError, match="it holds 12 frames or more, and max_frames = 11"):
        load_images(tmp_path / "a.mp4", frames="all", max_frames=11)
    with pytest.raises(ImageReadError, match="48 x 64 = 3072 pixels, more than max_pixels"):
        load_images(tmp_path / "a.mp4", frames="all", max_pixels=3071)
    Image.new("L", (WIDTH, HEIGHT)).save(tmp_path / "b.png")
    images = load_images(tmp_path)
    assert images.names == ("b.png",)
    assert "a.mp4 (a video of about 12 frames" in str(images.report)


def test_an_unknown_number_of_frames_is_counted_against_the_limit(tmp_path):
    save(tmp_path / "a.mkv")
    with pytest.raises(ImageReadError, match="it holds 6 frames or more, and max_frames = 5"):
        load_images(tmp_path / "a.mkv", frames="all", max_frames=5)


def test_one_frame_is_in_memory_at_a_time(tmp_path):
    path = save(tmp_path / "a.mkv", 60, size=(240, 320))
    load_images(path, frames="first")
    tracemalloc.start()
    images = load_images(path, frames="all", size=(24, 32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(images) == 60
    assert peak < images.pixels.nbytes + 12 * 240 * 320 * 3


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_damaged_video_names_itself(tmp_path, name):
    path = save(tmp_path / name, codec="mpeg4", pixels="yuv420p")
    good = path.read_bytes()
    for length in (60, len(good) // 3):
        path.write_bytes(good[:length])
        with contextlib.suppress(ImageReadError):
            assert len(load_images(path, frames="all")) < 12


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_what_a_telephone_recorded_on_its_side_comes_upright(tmp_path, rotation):
    if not hasattr(av.video.stream.VideoStream, "set_display_rotation") or not hasattr(av.VideoFrame, "rotation"):
        pytest.skip("this PyAV cannot write or read the rotation of a video")
    path = save(tmp_path / "a.mp4", 2, codec="mpeg4", pixels="yuv420p", rotation=rotation)
    with av.open(str(path)) as container:
        counterclockwise = next(container.decode(video=0)).rotation
    assert abs(counterclockwise) == abs(rotation)
    images = load_images(path, frames="all")
    expected = np.zeros((HEIGHT, WIDTH))
    expected[:8, :8] = 250
    np.testing.assert_allclose(images.pixels[0], np.rot90(expected, round(counterclockwise / 90)), atol=30)
    assert "turned upright by the rotation of the video" in str(images.report)


def test_without_av_it_is_said_what_to_install(tmp_path, monkeypatch):
    path = save(tmp_path / "a.mkv")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImageReadError, match=r"needs av, which is missing: install imgnmf\[video\]"):
        load_images(path, frames="all")
