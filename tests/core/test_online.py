"""W improved many times within a pass, for every loss, and streams that never end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import imgnmf
from imgnmf.core.limits import State
from imgnmf.core.online import Online, windows
from tests.core.cases import LOSSES, ROBUST, factors, low_rank, name_of
from tests.signals import best_of

SMALL = Online(passes=2, images=100, iterations=8)


@pytest.mark.parametrize(("n_images", "size"), [(1, 1), (7, 100), (100, 7), (1000, 300), (40_001, 2500)])
def test_windows_cover_every_image_once(n_images: int, size: int) -> None:
    seen = np.concatenate([np.arange(n_images)[run] for window in windows(n_images, size) for run in window])
    assert sorted(seen.tolist()) == list(range(n_images))


def test_windows_are_spread_over_all_images() -> None:
    for window in windows(40_000, 2500):
        assert window[0].start < 2500
        assert window[-1].stop > 37_500


@pytest.mark.parametrize("loss", LOSSES + ROBUST, ids=name_of)
def test_a_few_iterations_after_the_windows_are_worth_many_without(loss: object) -> None:
    V = low_rank(20, 800, 4, noise=0.2) + 0.01
    alone = imgnmf.factorize(V, 4, loss=loss, init="random", callback=after(25))
    windowed = imgnmf.factorize(V, 4, loss=loss, init="random", online=SMALL, callback=after(5))
    assert windowed.objective < 1.05 * alone.objective


def after(iterations: int) -> Callable[[State], bool]:
    return lambda state: state.iteration >= iterations


@pytest.mark.parametrize("unit", [1e-8, 255.0])
def test_the_unit_of_the_images_does_not_matter(unit: float) -> None:
    V = low_rank(15, 600, 3, noise=0.1)
    one = imgnmf.factorize(V, 3, online=SMALL)
    other = imgnmf.factorize(V * unit, 3, online=SMALL)
    assert other.relative_error == pytest.approx(one.relative_error, rel=1e-6)


def test_the_number_of_threads_does_not_matter() -> None:
    V = low_rank(200, 900, 3, noise=0.1)
    one, two = (imgnmf.factorize(V, 3, online=SMALL, threads=threads, max_iter=20) for threads in (1, 2))
    assert np.array_equal(one.W, two.W)
    assert np.array_equal(one.H, two.H)


def test_penalties_count_for_a_window_as_for_the_whole() -> None:
    V = low_rank(15, 900, 3, noise=0.1)
    penalty = imgnmf.L1(0.05)
    online = replace(SMALL, images=300, iterations=60)
    options = {"penalty_W": penalty, "penalty_H": penalty}
    windowed = imgnmf.factorize(V, 3, online=online, max_iter=1, callback=after(1), **options)
    settled = imgnmf.factorize(V, 3, online=online, max_iter=500, **options)
    assert windowed.objective == pytest.approx(settled.objective, rel=0.02)
    assert (windowed.W > 0).sum() == pytest.approx((settled.W > 0).sum(), abs=3)


def test_given_parts_stay_and_unseen_entries_do_not_count() -> None:
    V, W, _ = factors(12, 700, 3)
    weights = (np.random.default_rng(1).random(V.shape) < 0.9).astype(float)
    spoiled = np.where(weights > 0, V, 1e6)
    fits = [
        imgnmf.factorize(data, 4, fixed_W=W[:2].T, weights=weights, online=SMALL, max_iter=40, callback=after(20))
        for data in (V, spoiled)
    ]
    assert np.allclose(fits[0].W[:, :2], W[:2].T, rtol=1e-6)
    assert fits[1].objective == pytest.approx(fits[0].objective, rel=1e-6)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_sparse_is_as_dense(loss: str) -> None:
    V = low_rank(20, 600, 3)
    start = imgnmf.RandomInit(lead_in=False)
    dense, stored = (
        imgnmf.factorize(data, 3, loss=loss, init=start, online=SMALL, max_iter=30, callback=after(20))
        for data in (V, sparse.csc_array(V))
    )
    assert stored.objective == pytest.approx(dense.objective, rel=1e-4, abs=1e-8)


def test_ctrl_c_within_the_windows_keeps_the_parts_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    V = low_rank(15, 900, 3, noise=0.1)
    whole = Online.improved

    def interrupted(self: Online, *given: object) -> object:
        learned = whole(self, *given)
        yield next(learned)
        raise KeyboardInterrupt

    monkeypatch.setattr(Online, "improved", interrupted)
    fit = best_of(imgnmf.factorize, V, 3, online=SMALL)
    assert fit.reason == "interrupted"
    assert not fit.converged
    assert fit.relative_error < 0.5


def test_a_time_limit_ends_the_windows() -> None:
    V = low_rank(15, 900, 3, noise=0.1)
    fit = imgnmf.factorize(V, 3, online=Online(passes=10_000, images=100), time_limit=0.2)
    assert "time limit" in fit.reason


@pytest.mark.parametrize("wrong", [{"passes": 0}, {"images": 0}, {"iterations": 1.5}])
def test_bad_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(imgnmf.errors.ParameterError, match=next(iter(wrong))):
        Online(**wrong)


def test_what_ties_images_together_is_refused() -> None:
    with pytest.raises(imgnmf.errors.IncompatibleError, match="window of images at a time"):
        imgnmf.factorize(low_rank(15, 600, 3), 3, online=SMALL, constraint_H=imgnmf.Sparseness(0.5))


def test_windows_of_a_source_are_read_once() -> None:
    V = low_rank(2000, 4000, 3).astype(np.float32)
    read = []

    class Source:
        shape, dtype, order = V.shape, V.dtype, "C"

        def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
            read.append(index[1].stop - index[1].start)
            return V[index]

    counts = []
    for online in (None, Online(passes=3, images=500, iterations=1)):
        read.clear()
        imgnmf.factorize(Source(), 3, init=imgnmf.RandomInit(lead_in=False), online=online, callback=after(1))
        counts.append(sum(read) / V.shape[1])
    # The windows, and the coefficients for the parts that they leave.
    assert counts[1] - counts[0] == pytest.approx(4, abs=0.5)


@pytest.mark.parametrize("wrong", [True, 2])
def test_online_is_an_object(wrong: object) -> None:
    with pytest.raises(imgnmf.errors.ParameterError, match=r"imgnmf\.Online"):
        imgnmf.factorize(low_rank(15, 60, 3), 3, online=wrong)
