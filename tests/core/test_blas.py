"""One BLAS thread as long as any fit runs, and the caller's setting after the last."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import imgnmf
from imgnmf.core.blas import one_blas_thread
from tests.signals import Calls


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    """As on a machine of two processors whose user set nothing."""
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("this BLAS has no second thread")
        yield


def test_the_last_fit_that_ends_gives_the_setting_back():
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blas_threads() == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == {2}


def test_a_fit_that_begins_limits_what_was_loaded_or_set_since():
    with one_blas_thread(), threadpool_limits(2, user_api="blas"), one_blas_thread():
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_a_fit_that_outlives_another_has_the_bits_of_one_alone():
    """Another begins before it, and ends in the middle."""
    V = np.random.default_rng(0).random((300, 4000), dtype=np.float32)
    given = {"rank": 10, "max_iter": 15, "stop": (), "rng": 1, "threads": 1}
    begun, overlapping = threading.Event(), threading.Event()
    seen, fits = set(), {}

    def short(state):
        begun.set()
        return state.iteration == 3 and overlapping.wait(60)

    def watch(state):
        overlapping.set()
        if state.iteration > 3:
            other.join()
        seen.add((state.iteration, *blas_threads()))

    with pytest.warns(imgnmf.errors.ConvergenceWarning):
        solo = imgnmf.factorize(V, **given)
    other = threading.Thread(target=lambda: fits.update(other=imgnmf.factorize(V, **given, callback=short)))
    other.start()
    assert begun.wait(60)
    with pytest.warns(imgnmf.errors.ConvergenceWarning):
        fit = imgnmf.factorize(V, **given, callback=watch)
    assert fits["other"].n_iter == 3
    assert seen == {(iteration, 1) for iteration in range(1, 16)}
    np.testing.assert_array_equal(fit.W, solo.W)
    np.testing.assert_array_equal(fit.H, solo.H)
    assert blas_threads() == {2}


def test_joblibs_threads_give_the_bits_of_one_alone():
    joblib = pytest.importorskip("joblib")
    V = np.random.default_rng(0).random((100, 800), dtype=np.float32)
    lengths = (30, 5, 17, 11)

    def fit(n):
        return imgnmf.factorize(V, 6, max_iter=40, callback=lambda state: state.iteration == n, threads=1)

    alone = [fit(n) for n in lengths]
    calls = (joblib.delayed(fit)(n) for n in lengths)
    for one, other in zip(alone, joblib.Parallel(n_jobs=3, backend="threading")(calls), strict=True):
        np.testing.assert_array_equal(one.W, other.W)
        np.testing.assert_array_equal(one.H, other.H)
    assert blas_threads() == {2}


def test_a_blas_that_is_loaded_by_the_first_fit_of_a_process_is_limited_too():
    program = (
        "import numpy as np, imgnmf, sys\n"
        "from threadpoolctl import threadpool_info\n"
        "look = lambda state: print([lib['num_threads'] for lib in threadpool_info() if lib['user_api'] == 'blas'])\n"
        "V = np.random.default_rng(0).random((40, 300))\n"
        "imgnmf.factorize(V, 3, callback=lambda state: look(state) or state.iteration == 3)\n"
        "look(None)\n"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(done) == 4
    assert {number for line in done[:3] for number in eval(line)} == {1}
    assert set(eval(done[3])) == {2}


def test_ctrl_c_at_any_call_of_a_fit_gives_the_setting_back():
    V = np.random.default_rng(0).random((10, 20))

    def fit():
        return imgnmf.factorize(V, 2, callback=lambda state: state.iteration == 2)

    fit()
    with Calls() as calls:
        fit()
    for strike in range(1, calls.done, 7):
        with pytest.raises(KeyboardInterrupt), Calls(strike):
            fit()
        assert blas_threads() == {2}, strike


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_is_forked_amid_a_fit_has_its_own_count():
    with one_blas_thread():
        child = os.fork()
        if child == 0:
            with one_blas_thread():
                held = blas_threads()
            os._exit(0 if (held, blas_threads()) == ({1}, {2}) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert blas_threads() == {1}
