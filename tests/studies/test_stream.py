"""Streams: parts that follow, memory that does not grow, and nothing lost to a bad image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import imgnmf
from imgnmf.core.measures import matched
from tests.core.cases import low_rank

BEGUN = imgnmf.Stream(rank=4, images=300)


def fed(stream: imgnmf.Stream, V: np.ndarray, size: int) -> imgnmf.Stream:
    for first in range(0, V.shape[1], size):
        stream = stream.partial_fit(V[:, first : first + size])
    return stream


@pytest.mark.parametrize("size", [40, 300, 2000])
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_a_stream_is_near_a_fit_of_all_of_it(size: int, loss: str) -> None:
    V = low_rank(20, 2000, 4, noise=0.2)
    stream = fed(imgnmf.Stream(rank=4, images=300, loss=loss), V, size)
    whole = imgnmf.factorize(V, 4, loss=loss)
    ours = np.linalg.norm(V - stream.fit.W @ stream.fit.encode(V)) / np.linalg.norm(V)
    assert ours < 1.05 * whole.relative_error


def test_parts_follow_a_stream_that_changes() -> None:
    before, after = (low_rank(20, 1500, 4, noise=0.05, seed=seed) for seed in (0, 7))
    stream = fed(fed(BEGUN, before, 100), after, 100)
    fresh = imgnmf.factorize(after, 4)
    assert stream.fit.relative_error < 1.3 * fresh.relative_error


def test_only_the_window_is_kept() -> None:
    V = (255 * low_rank(20, 3000, 4) / 40).clip(0, 255).astype(np.uint8)
    stream = fed(BEGUN, V, 170)
    assert stream.recent.shape == (20, 300)
    assert stream.recent.dtype == np.uint8
    assert np.array_equal(stream.recent, V[:, -300:])
    assert stream.n_images == 3000


def test_few_images_wait_until_there_are_as_many_as_parts() -> None:
    V = low_rank(20, 10, 4)
    stream = BEGUN.partial_fit(V[:, :3])
    assert stream.fit is None
    assert stream.partial_fit(V[:, 3:]).fit.rank == 4


def test_black_images_wait_too() -> None:
    stream = BEGUN.partial_fit(np.zeros((20, 50)))
    assert stream.fit is None
    assert fed(stream, low_rank(20, 600, 4), 100).fit.relative_error < 0.05


def test_a_stream_is_never_changed_and_the_same_images_give_the_same_parts() -> None:
    V = low_rank(20, 700, 4, noise=0.1)
    first = BEGUN.partial_fit(V[:, :350])
    one, other = (first.partial_fit(V[:, 350:]) for _ in range(2))
    assert BEGUN.fit is None
    assert first.n_images == 350
    assert np.array_equal(one.fit.W, other.fit.W)


def test_a_bad_image_is_refused_and_the_stream_goes_on_without_it() -> None:
    V = low_rank(20, 700, 4, noise=0.1)
    stream = BEGUN.partial_fit(V[:, :350])
    bad = V[:, 350:].copy()
    bad[3, 7] = np.nan
    with pytest.raises(imgnmf.errors.DataError, match=r"pixel 3, image 7"):
        stream.partial_fit(bad)
    assert stream.partial_fit(V[:, 350:]).n_images == 700


@pytest.mark.parametrize("other", [np.ones((21, 5)), np.ones((20, 5), np.float32)])
def test_images_of_another_kind_are_refused(other: np.ndarray) -> None:
    with pytest.raises(imgnmf.errors.ShapeMismatchError, match="20 pixels in float64"):
        BEGUN.partial_fit(low_rank(20, 350, 4)).partial_fit(other)


def test_planted_parts_are_found() -> None:
    rng = np.random.default_rng(3)
    W = np.kron(np.eye(4), np.ones((5, 1)))
    V = W @ (rng.gamma(1.0, size=(4, 1500)) * (rng.random((4, 1500)) < 0.5))
    stream = fed(BEGUN, V, 75)
    assert matched(stream.fit.W, W).cosine.min() > 0.99


def test_few_images_are_learned_from_as_they_come() -> None:
    V = low_rank(20, 100, 4, noise=0.1)
    stream = fed(imgnmf.Stream(rank=4), V, 1)
    ours = np.linalg.norm(V - stream.fit.W @ stream.fit.encode(V)) / np.linalg.norm(V)
    assert ours < 1.1 * imgnmf.factorize(V, 4).relative_error


def test_a_window_smaller_than_the_rank_and_sparse_images_are_refused() -> None:
    with pytest.raises(imgnmf.errors.ParameterError, match="too small for rank=4"):
        imgnmf.Stream(rank=4, images=3)
    with pytest.raises(imgnmf.errors.IncompatibleError, match="dense"):
        BEGUN.partial_fit(sparse.csc_array(low_rank(20, 50, 4)))


def test_a_stream_is_shown_without_its_images():
    stream = imgnmf.Stream(rank=2, images=60).partial_fit(np.ones((9, 50)) + np.eye(9, 50))
    assert "array" not in repr(replace(stream, fit=None))
