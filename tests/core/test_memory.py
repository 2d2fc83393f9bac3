"""T12: what a fit takes beside V is bounded by its factors and a few blocks, however large V is."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

import imgnmf
from imgnmf.core.blocks import block_spans, useful_threads
from imgnmf.core.budget import estimate
from imgnmf.core.check import as_data
from imgnmf.core.choices import as_init, as_loss, as_solver
from imgnmf.core.encode import encode

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

LOSSES = ("frobenius", "kullback-leibler", "itakura-saito")
# Many images of few pixels, few of many, and V large against its factors.
SHAPES = ((64, 20_000, 8), (2576, 400, 10), (625, 5000, 10))


def made(shape, dtype):
    """Return a V of one image after the other, in the given dtype."""
    n_pixels, n_images = shape
    rng = np.random.default_rng(0)
    V = rng.random((n_images, 5), np.float32) @ rng.random((5, n_pixels), np.float32)
    return (1 + 200 / V.max() * V).astype(dtype).T


def peak_of(function, *args, **options):
    """Return the largest number of bytes that Python and NumPy held during a call."""
    tracemalloc.start()
    try:
        function(*args, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bound(V, rank, loss, threads):
    """Return 5 (W + H) + 8 blocks for each thread; Newton's steps (Kullback-Leibler) need Hessians too."""
    n_pixels, n_images = V.shape
    item = 8 if V.dtype == np.float64 else 4
    width = max(span.stop - span.start for span in block_spans(n_pixels, n_images))
    numbers = 5 * rank * (n_pixels + n_images) + 8 * threads * n_pixels * width
    if loss == "kullback-leibler":
        numbers += 2 * threads * rank * (rank + 1) // 2 * (width + n_pixels)
    return numbers * item


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compile the kernels first: the compiler takes more than a fit."""
    for loss in LOSSES:
        for dtype in (np.float32, np.float64):
            fit = imgnmf.factorize(made((20, 30), dtype), 3, loss=loss, max_iter=12)
            fit.encode(made((20, 5), dtype))


def measured(V, rank, loss, threads):
    """Return the peak of a fit, whatever is done but once (compiling, importing) having been done before."""
    imgnmf.factorize(V, rank, loss=loss, max_iter=2, threads=threads)
    return peak_of(imgnmf.factorize, V, rank, loss=loss, max_iter=2, threads=threads)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", ["uint8", "float32", "sparse"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(2576, 200, 10), (64, 8000, 8), (64, 8000, 16), (400, 3000, 25)])
def test_the_estimate_is_above_the_peak_and_at_most_twice_it(shape, loss, kind, threads):
    if kind == "sparse" and loss == "itakura-saito":
        pytest.skip("Itakura-Saito looks at every entry")
    V, rank = made(shape[:2], np.float32 if kind == "sparse" else kind), shape[2]
    if kind == "sparse":
        V = sparse.csc_array(np.where(np.random.default_rng(1).random(V.shape) < 0.05, V, 0))
    solver = as_solver(None, as_loss(loss), rank)
    at_once = useful_threads(threads, V.shape, rank)
    stages = estimate(as_data(V), rank, as_init("nndsvd"), as_loss(loss), solver, threads=at_once)
    expected, found = sum(stages.values()), measured(V, rank, loss, threads)
    assert found <= expected
    # The Hessians of a thin sparse V are a small part of what is set aside for them.
    assert expected <= (2.5 if kind == "sparse" else 2) * found


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(2576, 200, 10), (64, 8000, 16), (400, 3000, 10), (400, 3000, 16)])
def test_the_estimate_is_above_the_peak_of_a_fit_from_a_file_too(shape, loss, dtype, tmp_path):
    np.save(tmp_path / "V.npy", made(shape[:2], dtype).T)
    V, rank = np.load(tmp_path / "V.npy", mmap_mode="r").T, shape[2]
    solver = as_solver(None, as_loss(loss), rank)
    stages = estimate(as_data(V), rank, as_init("nndsvd"), as_loss(loss), solver, threads=1)
    expected, found = sum(stages.values()), measured(V, rank, loss, 1)
    assert found <= expected <= 2 * found


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_fit_takes_five_times_its_factors_and_eight_blocks_beside_V(shape, loss, dtype):
    V = made(shape[:2], dtype)
    assert measured(V, shape[2], loss, 1) <= bound(V, shape[2], loss, 1)


def test_squared_frobenius_takes_four_blocks():
    """Tighter than the bound for all: the reading of V holds one copy in float64 and its square, for each thread."""
    V, rank = made((625, 5000), np.float32), 10
    width = max(span.stop - span.start for span in block_spans(625, 5000))
    assert measured(V, rank, "frobenius", 1) <= (5 * rank * (625 + 5000) + 4 * 625 * width) * 4


@pytest.mark.parametrize("loss", LOSSES)
def test_each_thread_takes_its_own_blocks(loss):
    V = made((625, 5000), np.float32)
    assert peak_of(imgnmf.factorize, V, 10, loss=loss, max_iter=2, threads=2) <= bound(V, 10, loss, 2)


def test_beside_a_V_that_is_large_against_its_factors_and_blocks_a_fit_takes_a_third_of_it_at_most():
    V = made((2000, 6000), np.float32)
    assert peak_of(imgnmf.factorize, V, 5, max_iter=2, threads=1) <= 0.3 * V.nbytes


@pytest.mark.parametrize("loss", LOSSES)
def test_encode_takes_a_few_blocks_beside_ten_times_the_images(loss):
    few, many = (made((256, n), np.float32) for n in (6000, 60_000))
    fit = imgnmf.factorize(few[:, :200], 4, loss=loss, max_iter=5)
    options = {"loss": fit.loss, "floor": fit.floor, "threads": 1}
    small, large = (peak_of(encode, V, fit.W, **options) for V in (few, many))
    grown = 4 * (60_000 - 6000)  # numbers of H
    assert large - small <= (8 + 4) * grown + 0.1 * small  # in float64, and in the precision of W
