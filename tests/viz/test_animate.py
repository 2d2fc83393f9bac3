from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image, ImageSequence

from imgnmf.errors import DataError, NoImagesError, OutputError, ParameterError, ShapeMismatchError
from imgnmf.viz import animate_basis, animate_build_up, animate_reconstructions, save_animation
from imgnmf.viz.film import MARGIN
from tests.viz.figure_samples import blobs, mixed


def learning(n=5, channels=0):
    """Parts that grow brighter from frame to frame."""
    return [blobs(4, channels=channels) * (i + 1) / n for i in range(n)]


def gif_frames(path, mode="L"):
    with Image.open(path) as film:
        assert film.info["loop"] == 0
        return [(np.asarray(f.convert(mode)), f.info["duration"]) for f in ImageSequence.Iterator(film)]


def tile(frame, side, magnify):
    """The first tile of a frame without a title: what lies inside the paper's margin and the montage's gap."""
    start = MARGIN + 1
    return frame[start : start + side * magnify : magnify, start : start + side * magnify : magnify]


def test_a_grey_gif_holds_the_very_levels_and_times(tmp_path):
    film = animate_basis(learning(), frame_ms=120, hold_ms=1500, title="Parts")
    save_animation(tmp_path / "film.gif", film)
    back = gif_frames(tmp_path / "film.gif")
    assert [time for _, time in back] == [120, 120, 120, 120, 1500]
    for (levels, _), frame in zip(back, film.frames, strict=True):
        np.testing.assert_array_equal(levels, frame)


def test_a_grey_means_the_same_in_every_frame():
    stacks = learning(n=5)
    film = animate_basis(stacks, columns=2, magnify=30)
    peak = stacks[-1][0].max()
    for stack, frame in zip(stacks, film.frames, strict=True):
        np.testing.assert_allclose(tile(frame, 9, 30), 255 * (1 - stack[0] / peak), atol=0.51)


def test_a_shared_scale_is_shared_by_all_parts_and_frames():
    stacks = [stack * np.array([1, 0.5, 0.2, 0.1])[:, None, None] for stack in learning()]
    film = animate_basis(stacks[::-1], scale="shared", columns=4, magnify=20)
    largest = max(stack.max() for stack in stacks)
    np.testing.assert_allclose(tile(film.frames[-1], 9, 20), 255 * (1 - stacks[0][0] / largest), atol=0.51)


def test_the_sums_of_a_build_up_end_at_the_product():
    images, H = mixed(6, 3)
    film = animate_build_up(blobs(6), H, magnify=12, data_range=1.0)
    assert len(film.frames) == 6
    np.testing.assert_allclose(tile(film.frames[-1], 9, 12), 255 * images[0], atol=0.51)
    assert len(animate_build_up(blobs(6), H, n_parts=4).frames) == 4
    light = [tile(frame, 9, 12).sum() for frame in film.frames]
    gains = np.diff([0, *light])
    assert (np.diff(gains) <= 81).all()  # strongest first, up to the rounding of each of 81 pixels


def test_reconstructions_lie_under_their_originals():
    images, _ = mixed(6, 3)
    film = animate_reconstructions(images, {9: images, 4: images * 0.5}, magnify=20, data_range=1.0)
    side = 9 * 20
    for frame, share in zip(film.frames, (0.5, 1), strict=True):
        np.testing.assert_allclose(tile(frame, 9, 20), 255 * images[0], atol=0.51)
        np.testing.assert_allclose(tile(frame[side + 1 :], 9, 20), 255 * share * images[0], atol=0.51)


def test_frames_that_are_alike_are_shown_for_their_times(tmp_path):
    save_animation(tmp_path / "film.gif", animate_build_up(np.ones((3, 4, 4)), np.zeros((3, 1))))
    back = gif_frames(tmp_path / "film.gif")
    assert sum(time for _, time in back) == 250 * 2 + 2400


@pytest.mark.parametrize("channels", [0, 3])
def test_an_mp4_has_the_frames_for_their_times(channels, tmp_path):
    av = pytest.importorskip("av")
    film = animate_basis(learning(3, channels), frame_ms=100, hold_ms=500)
    save_animation(tmp_path / "film.mp4", film)
    with av.open(str(tmp_path / "film.mp4")) as video:
        shown = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
        assert video.streams.video[0].average_rate == 10
    assert len(shown) == 2 + 5
    wanted = film.frames[-1] if channels else np.repeat(film.frames[-1][..., None], 3, axis=2)
    assert np.abs(shown[-1].astype(int) - wanted).mean() < 6


def test_a_film_of_colour_is_in_colour(tmp_path):
    film = animate_basis(learning(3, channels=3))
    assert film.frames.shape[3] == 3
    save_animation(tmp_path / "film.gif", film)
    last, _ = gif_frames(tmp_path / "film.gif", "RGB")[-1]
    assert np.abs(last.astype(int) - film.frames[-1]).mean() < 6


def test_a_cube_is_shown_as_the_mean_of_its_bands():
    cubes = [np.random.default_rng(0).random((2, 6, 6, 7))]
    np.testing.assert_array_equal(animate_basis(cubes).frames, animate_basis([cubes[0].mean(axis=3)]).frames)


def test_large_parts_are_averaged_down_and_small_ones_magnified():
    assert max(animate_basis([np.ones((49, 400, 300))]).frames.shape[1:]) <= 1100
    assert 400 <= animate_basis([np.ones((4, 3, 3))]).frames.shape[1] <= 600


def test_what_was_given_is_not_touched():
    stacks = learning()
    before = [stack.copy() for stack in stacks]
    animate_basis(stacks, scale="shared")
    for stack, copy in zip(stacks, before, strict=True):
        np.testing.assert_array_equal(stack, copy)


def test_parts_of_nothing_are_blank():
    film = animate_basis([np.zeros((2, 3, 3))], columns=2, magnify=40)
    assert (tile(film.frames[0], 3, 40) == 255).all()


def test_without_pyav_an_mp4_is_refused_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ParameterError, match=r"install imgnmf\[video\]"):
        save_animation(tmp_path / "film.mp4", animate_basis(learning(1)))
    assert not list(tmp_path.iterdir())


def test_a_film_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "film.gif").mkdir()
    with pytest.raises(OutputError, match="name of a file"):
        save_animation(tmp_path / "film.gif", animate_basis(learning(1)))
    with pytest.raises(ParameterError, match=r"\.gif or \.mp4"):
        save_animation(tmp_path / "film.avi", animate_basis(learning(1)))


ONE = np.ones((2, 3, 3))


@pytest.mark.parametrize(
    ("film", "error", "words"),
    [
        (lambda: animate_basis([]), NoImagesError, "at least one iteration"),
        (lambda: animate_basis([ONE, ONE[:1]]), ShapeMismatchError, r"stacks\[1\]"),
        (lambda: animate_basis([ONE, ONE * np.nan]), DataError, r"stacks\[1\]"),
        (lambda: animate_basis([-ONE]), DataError, "never negative"),
        (lambda: animate_basis([ONE], iterations=[1, 2]), ShapeMismatchError, "iterations"),
        (lambda: animate_basis([ONE], errors=[]), ShapeMismatchError, "errors"),
        (lambda: animate_basis([ONE], frame_ms=15), ParameterError, "frame_ms"),
        (lambda: animate_basis([ONE], hold_ms=0), ParameterError, "hold_ms"),
        (lambda: animate_basis([ONE], scale="log"), ParameterError, "'log'"),
        (lambda: animate_basis([ONE], columns=0), ParameterError, "columns"),
        (lambda: animate_basis([ONE], magnify=0), ParameterError, "magnify"),
        (lambda: animate_reconstructions(ONE, {}), NoImagesError, "at least one rank"),
        (lambda: animate_reconstructions(ONE, {4: ONE[:1]}), ShapeMismatchError, r"by_rank\[4\]"),
        (lambda: animate_reconstructions(ONE, {4: ONE}, errors={5: 0.1}), ShapeMismatchError, r"\[4\]"),
        (lambda: animate_build_up(ONE, np.ones((3, 1))), ShapeMismatchError, r"\(2, n\)"),
        (lambda: animate_build_up(ONE, np.ones((2, 1)), n_parts=0), ParameterError, "n_parts"),
        (lambda: animate_build_up(ONE, -np.ones((2, 1))), DataError, "coefficients must be >= 0"),
        (lambda: animate_build_up(-ONE, np.ones((2, 1))), DataError, "parts_stack must be >= 0"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(film, error, words):
    with pytest.raises(error, match=words):
        film()
