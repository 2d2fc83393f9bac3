from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from imgnmf.core.blocks import ColumnBlocks, block_spans, running, thread_count
from imgnmf.errors import ParameterError


@pytest.mark.parametrize(("m", "n"), [(1, 1), (64, 7), (361, 2429), (10304, 400), (64, 100_000)])
def test_spans_cut_all_columns_once_and_in_order(m, n):
    spans = block_spans(m, n)
    assert np.concatenate([np.arange(n)[s] for s in spans]).tolist() == list(range(n))
    assert max(s.stop - s.start for s in spans) - min(s.stop - s.start for s in spans) <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("exponent", [0, 8, -70])
def test_a_block_is_its_columns_scaled_exactly(dtype, exponent):
    V = np.arange(12, dtype=dtype).reshape(3, 4)
    block = ColumnBlocks(V, np.dtype(np.float64), exponent).load(slice(1, 3))
    np.testing.assert_array_equal(block, V[:, 1:3] * 2.0**-exponent)


def test_data_that_is_right_already_is_not_copied():
    V = np.ones((5, 6), np.float32).T
    assert np.shares_memory(ColumnBlocks(V, np.dtype(np.float32)).load(slice(2, 4)), V)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_spans(threads):
    with running(threads) as run:
        spans = [slice(i, i + 1) for i in range(20)]
        assert [s.start for s in run(lambda span: span, spans)] == list(range(20))


def blas_threads():
    return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]


def test_the_blas_is_held_at_one_thread_and_given_back():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with running(2), running(1):
            assert set(blas_threads()) == {1}
        assert blas_threads() == before


def test_fits_side_by_side_give_the_blas_back_too():
    def hold(_):
        with running(1):
            return blas_threads()

    before = blas_threads()
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(hold, range(40)))) == 40
    assert blas_threads() == before


def test_an_error_in_a_block_comes_out():
    def fail(span):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), running(2) as run:
        list(run(fail, [slice(0, 1), slice(1, 2)]))


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
def test_impossible_thread_counts_are_refused(threads):
    with pytest.raises(ParameterError, match="threads must be"):
        thread_count(threads)
