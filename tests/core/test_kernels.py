from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from imgnmf.core.hoyer import cut_rows, cut_rows_numpy, nearest_of_sparseness
from imgnmf.core.kernels import hals_sweeps, hals_sweeps_numpy, newton_sweeps, newton_sweeps_numpy
from imgnmf.core.measures import sparseness

SHAPES = [(1, 1), (3, 5), (4, 128), (9, 129), (17, 300)]


def problem(rank, n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    W = rng.random((20, rank))
    return tuple(x.astype(dtype) for x in (W.T @ W, W.T @ rng.random((20, n)), rng.random((rank, n))))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rank", "n"), SHAPES)
def test_compiled_sweeps_equal_their_numpy_twin(rank, n, dtype):
    gram, product, H = problem(rank, n, dtype)
    kept = H.copy()
    fast = hals_sweeps(gram, product, H, 3, 0.0)
    plain = hals_sweeps_numpy(gram, product, H, 3, 0.0)
    np.testing.assert_allclose(fast, plain, rtol=0, atol=200 * np.finfo(dtype).eps * plain.max())
    assert (kept == H).all()


@pytest.mark.parametrize("sweeps", [hals_sweeps, hals_sweeps_numpy])
def test_a_part_without_energy_is_left_alone(sweeps):
    gram, product = np.diag([2.0, 0.0]), np.array([[4.0], [1.0]])
    np.testing.assert_array_equal(sweeps(gram, product, np.array([[0.0], [7.0]]), 2, 0.0), [[2.0], [7.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rank", "n"), SHAPES)
def test_newton_sweeps_equal_their_numpy_twin_and_hals_where_hessians_agree(rank, n, dtype):
    gram, product, H = problem(rank, n, dtype)
    hessians = np.repeat(gram[np.triu_indices(rank)][:, None], n, axis=1)
    fast = newton_sweeps(hessians, product - gram @ H, H, 3)
    tolerance = 500 * np.finfo(dtype).eps * fast.max(initial=1)
    np.testing.assert_allclose(fast, newton_sweeps_numpy(hessians, product - gram @ H, H, 3), rtol=0, atol=tolerance)
    np.testing.assert_allclose(fast, hals_sweeps(gram, product, H, 3, 0.0), rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("n", [3, 100, 3001])
def test_cut_rows_equal_their_numpy_twin(n, value, dtype):
    rows = (np.random.default_rng(n).normal(size=(7, n)) ** 3).astype(dtype)
    ratio = np.sqrt(n) - (np.sqrt(n) - 1) * value
    (fast, found), (plain, also) = cut_rows(rows, ratio), cut_rows_numpy(rows, ratio)
    np.testing.assert_array_equal(found, also)
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-9)
    np.testing.assert_allclose(fast.sum(axis=1)[found], ratio, rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("rows", [np.ones((2, 50)), np.repeat([[0.0, 3.0]], 25, axis=1), np.zeros((2, 50))])
def test_equal_entries_are_parted_by_their_place(rows, value):
    nearest = nearest_of_sparseness(rows, value)
    length = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(np.linalg.norm(nearest, axis=1), length, rtol=1e-9)
    np.testing.assert_allclose(sparseness(nearest.T), value if length.any() else 1.0, atol=1e-6)
    assert nearest.min() >= 0


FIT = """
import numpy as np, imgnmf
print(imgnmf.factorize(np.random.default_rng(0).random((20, 30)), 3).relative_error)
"""


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_without_numba_the_numpy_twins_give_the_same_fit():
    pytest.importorskip("numba", reason="without numba both runs are the fallback")
    without = run("import sys; sys.modules['numba'] = None" + FIT)
    assert float(without) == pytest.approx(float(run(FIT)), rel=1e-6)


@pytest.mark.parametrize("error", ["ImportError", "AttributeError", "SystemError", "RuntimeError"])
def test_a_numba_that_fails_on_import_is_as_good_as_none(tmp_path, error):
    (tmp_path / "numba.py").write_text(f"raise {error}('no such thing in this NumPy')")
    broken = run(FIT, PYTHONPATH=str(tmp_path))
    assert float(broken) == pytest.approx(float(run("import sys; sys.modules['numba'] = None" + FIT)), rel=1e-12)


def test_an_unusable_cache_folder_breaks_nothing(tmp_path):
    in_the_way = tmp_path / "cache"
    in_the_way.write_text("a file where the folder should be")
    assert float(run(FIT, NUMBA_CACHE_DIR=str(in_the_way))) > 0


def test_importing_the_package_compiles_nothing():
    assert run("import imgnmf, sys; imgnmf.factorize; print('numba' in sys.modules)") == "False"
