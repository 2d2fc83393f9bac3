"""V that lies elsewhere gives what V in memory gives, to the last bit, and is never held as a whole."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest

import imgnmf
from imgnmf.core import columns
from imgnmf.core.budget import estimate
from imgnmf.core.check import look_over
from imgnmf.core.choices import as_init
from imgnmf.core.columns import Columns, is_source
from imgnmf.errors import ConvergenceWarning, DataError, IncompatibleError, ShapeMismatchError
from tests.core.cases import INITS, PAIRS, low_rank, name_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


class Sliceable:
    """The least that will do, with an eye on what is asked of it."""

    def __init__(self, V, order="C"):
        self.shape, self.dtype, self.order, self.V, self.widest = V.shape, V.dtype, order, V, 0

    def __getitem__(self, index):
        rows, span = index
        assert rows == slice(None)
        assert isinstance(span, slice)
        self.widest = max(self.widest, span.stop - span.start)
        return np.array(self.V[:, span], order=self.order)


def as_memmap(V, folder):
    np.save(folder / "V.npy", V)
    return np.load(folder / "V.npy", mmap_mode="r")


def as_zarr(V, folder):
    zarr = pytest.importorskip("zarr")
    return zarr.create_array(folder / "V.zarr", data=np.ascontiguousarray(V), chunks=(7, 90))


def as_h5py(V, folder):
    h5py = pytest.importorskip("h5py")
    return h5py.File(folder / "V.h5", "w").create_dataset("V", data=V, chunks=(7, 90))


def as_dask(V, folder):
    return pytest.importorskip("dask.array").from_array(V, chunks=(20, 170))


WAYS = [as_memmap, as_zarr, as_h5py, lambda V, folder: Sliceable(V)]
WAY_NAMES = ["memmap", "zarr", "h5py", "sliceable"]


@pytest.fixture
def short_runs(monkeypatch):
    """Runs of 64 images of 30 pixels, so that blocks are cut across them and runs are forgotten."""
    monkeypatch.setattr(columns, "RUN_BYTES", 64 * 30)


def images_of(dtype, n=900):
    V = low_rank(30, n, 4, noise=0.1) * 20
    return np.ascontiguousarray(V.astype(dtype))


def assert_same(one, other):
    np.testing.assert_array_equal(one.W, other.W)
    np.testing.assert_array_equal(one.H, other.H)
    assert (one.objective, one.relative_error, one.reason) == (other.objective, other.relative_error, other.reason)


@pytest.mark.parametrize("way", WAYS, ids=WAY_NAMES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_wherever_v_lies_the_fit_is_the_same_to_the_last_bit(tmp_path, short_runs, way, dtype):
    V = images_of(dtype)
    source = way(V, tmp_path)
    assert is_source(source)
    assert_same(imgnmf.factorize(V, 4, max_iter=5), imgnmf.factorize(source, 4, max_iter=5))


def test_an_array_of_dask_is_such_a_source(tmp_path):
    V = images_of(np.uint8)
    assert_same(imgnmf.factorize(V, 4, max_iter=3), imgnmf.factorize(as_dask(V, tmp_path), 4, max_iter=3))


def test_two_threads_read_what_one_does(monkeypatch, short_runs):
    monkeypatch.setattr("imgnmf.core.blocks.SMALL_PASS", 0)
    V = images_of(np.uint8, 3000)
    one, two = (imgnmf.factorize(Sliceable(V), 4, max_iter=5, threads=threads) for threads in (1, 2))
    assert_same(one, two)


@pytest.mark.parametrize("pair", PAIRS, ids=name_of)
def test_every_loss_and_solver_reads_blocks(short_runs, pair):
    V = images_of(np.float32, 300)
    options = {"loss": pair[0], "solver": pair[1], "max_iter": 4}
    assert_same(imgnmf.factorize(V, 3, **options), imgnmf.factorize(Sliceable(V), 3, **options))


@pytest.mark.parametrize("init", INITS, ids=name_of)
@pytest.mark.parametrize(("m", "n"), [(30, 2500), (2500, 30)])
def test_every_start_reads_blocks(short_runs, init, m, n):
    V = np.asfortranarray(low_rank(m, n, 3, noise=0.1).astype(np.float32))
    source = Sliceable(V, "F")
    assert_same(imgnmf.factorize(V, 3, init=init, max_iter=3), imgnmf.factorize(source, 3, init=init, max_iter=3))


@pytest.mark.parametrize("shape", [(30, 1), (1, 900), (30, 900)])
def test_weights_and_clipping_need_no_copy_of_v(short_runs, shape):
    V = images_of(np.float32) - 0.5
    weights = np.random.default_rng(0).random(shape) * (np.arange(np.prod(shape)).reshape(shape) % 5 > 0)
    options = {"weights": weights, "negative": "clip", "max_iter": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", imgnmf.errors.DataWarning)
        assert_same(imgnmf.factorize(V, 3, **options), imgnmf.factorize(Sliceable(V), 3, **options))


def test_encoding_and_several_ranks_read_blocks(short_runs):
    V = images_of(np.uint8)
    fit = imgnmf.factorize(V, 4, max_iter=10)
    np.testing.assert_array_equal(fit.encode(V), fit.encode(Sliceable(V)))
    one, other = (imgnmf.factorize_ranks(v, [2, 4], max_iter=10) for v in (V, Sliceable(V)))
    assert_same(one[4], other[4])
    again = imgnmf.factorize_ranks(Sliceable(V), [2, 4, 5], max_iter=10, earlier=one)
    assert again[4] is one[4]


@pytest.mark.parametrize(("value", "words"), [(np.nan, "non-finite"), (np.inf, "non-finite"), (-2.0, "negative")])
def test_the_first_bad_value_is_named_as_in_memory(value, words):
    V = images_of(np.float32, 1500)
    V[3, 1400] = V[7, 2] = value
    for source in (V, np.asfortranarray(V), Sliceable(V)):
        with pytest.raises(DataError, match=rf"2 of 45000 values are {words}.*\(pixel 3, image 1400\): {value}"):
            imgnmf.factorize(source, 3)


def test_a_dark_set_is_all_zero():
    with pytest.warns(imgnmf.errors.DataWarning, match="zero everywhere"):
        assert not imgnmf.factorize(Sliceable(np.zeros((5, 9), np.uint8)), 2).W.any()


def test_missing_values_would_need_weights_of_the_size_of_v():
    with pytest.raises(IncompatibleError, match="give weights"):
        imgnmf.factorize(Sliceable(images_of(np.float32)), 3, missing="mask")
    imgnmf.factorize(Sliceable(images_of(np.uint8)), 3, missing="mask", max_iter=2)  # integers miss nothing


def test_one_pass_tells_what_many_did():
    for scale in (1e-200, 1.0, 1e200):
        V = images_of(np.float64) * scale
        seen = look_over(V, map, every=7)
        assert seen.largest == V.max()
        unit = 2.0**-seen.exponent
        assert seen.total == pytest.approx((V * unit).sum(), rel=1e-12)
        assert seen.energy == pytest.approx(((V * unit) ** 2).sum(), rel=1e-12)
        expected = V[:, ::7][V[:, ::7] > 0]
        np.testing.assert_array_equal(np.sort(seen.sample), np.sort(expected))


def test_v_is_read_once_before_the_start_and_once_an_iteration(monkeypatch):
    V, reads = images_of(np.uint8), []
    monkeypatch.setattr(columns, "RUN_BYTES", 64 * 30)
    source = Columns(Sliceable(V))
    monkeypatch.setattr(source, "_read", lambda first, stop: reads.append(stop - first) or V[:, first:stop])
    monkeypatch.setattr(columns, "Columns", lambda _: source)
    monkeypatch.setattr("imgnmf.core.check.Columns", lambda _: source)
    plain = imgnmf.RandomInit(lead_in=False)
    counts = []
    for max_iter in (2, 6):
        reads.clear()
        imgnmf.factorize(Sliceable(V), 3, init=plain, max_iter=max_iter)
        counts.append(sum(reads) / V.shape[1])
    # A run may be read ahead in vain now and then, as threads have it.
    assert counts[1] - counts[0] == pytest.approx(4, abs=0.5)
    # The check, the scale of the start, two iterations, the exact coefficients, the exact error; and a run ahead.
    assert counts[0] <= 6.3


@pytest.mark.parametrize("index", [np.array([5, 1, 800, 5]), slice(3, 900, 7), slice(60, 70), slice(0, 900)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_columns_are_those_of_the_source(short_runs, index, order):
    V = images_of(np.uint16)
    block = Columns(Sliceable(V, order))[:, index]
    np.testing.assert_array_equal(block, V[:, index])
    assert block.flags[f"{order}_CONTIGUOUS"] or isinstance(index, slice)


def test_no_more_than_a_run_is_asked_for(short_runs):
    source = Sliceable(images_of(np.uint8))
    imgnmf.factorize(source, 3, max_iter=3)
    assert source.widest <= 64


def test_runs_are_made_of_whole_chunks():
    source = Sliceable(np.zeros((100, 100_000), np.uint8))
    source.chunks = (100, 3000)
    assert Columns(source).run_width == 13 * 3000
    source.chunks = (100, 60_000)
    assert Columns(source).run_width == 60_000


class Broken(Sliceable):
    def __getitem__(self, index):
        if index[1].stop > 500:
            raise RuntimeError("checksum")
        return super().__getitem__(index)


class Short(Sliceable):
    def __getitem__(self, index):
        return super().__getitem__(index)[:, :-1]


def test_what_cannot_be_read_is_named(short_runs):
    with pytest.raises(DataError, match=r"images \d+ to \d+ of V could not be read \(RuntimeError: checksum\)"):
        imgnmf.factorize(Broken(images_of(np.uint8)), 3)
    with pytest.raises(DataError, match="it ends early, or has changed"):
        imgnmf.factorize(Short(images_of(np.uint8)), 3)


def test_a_path_and_a_stack_of_pictures_are_told_from_a_matrix(tmp_path):
    with pytest.raises(DataError, match="open_images"):
        imgnmf.factorize("V.npy", 3)
    with pytest.raises(ShapeMismatchError, match="open_images"):
        imgnmf.factorize(as_memmap(np.ones((3, 4, 5)), tmp_path), 2)


class Endless:
    """Any number of images, made of a few thousand that are held."""

    def __init__(self, n, dtype=np.uint8):
        rng = np.random.default_rng(0)
        self.shape, self.dtype, self.order = (256, n), np.dtype(dtype), "F"
        self.images = np.asarray(rng.random((4000, 256)) * 200, dtype)

    def __getitem__(self, index):
        return self.images[np.arange(index[1].start, index[1].stop) % 4000].T


def peak_of(n, rank, **options):
    source = Endless(n)
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        imgnmf.factorize(source, rank, max_iter=2, threads=1, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_images_beyond_h(monkeypatch):
    """T12: ten times the images, the same memory beside the three buffers of H, and far less than the images take."""
    monkeypatch.setattr(columns, "RUN_BYTES", 1 << 18)  # so that the small set has many runs too
    plain = imgnmf.RandomInit(lead_in=False)
    small, large = (peak_of(n, 4, init=plain) - 3 * 4 * 4 * n for n in (15_000, 150_000))
    assert large <= 1.1 * small
    assert large <= 0.5 * 256 * 150_000


@pytest.mark.parametrize("init", ["nndsvd", imgnmf.NNDSVD(lead_in=False), imgnmf.RandomInit(lead_in=False), "spa"])
def test_the_estimate_is_above_the_peak_and_not_far(init):
    n, rank = 40_000, 20
    expected = sum(estimate(Columns(Endless(n)), rank, as_init(init), imgnmf.Frobenius(), imgnmf.HALS()).values())
    found = peak_of(n, rank, init=init)
    assert 0.5 * expected <= found <= expected
