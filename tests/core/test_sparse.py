"""A sparse V gives what the same V gives as an array, and never becomes one."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import imgnmf
from imgnmf.core.inits import RandomInit
from imgnmf.core.kernels import stored_products, stored_products_numpy
from imgnmf.core.sparse import as_stored, model_at, some_columns, spans_of
from imgnmf.core.stored_kernels import stored_pair_products, stored_pair_products_numpy
from imgnmf.errors import DataError, IncompatibleError, ShapeMismatchError
from tests.core.cases import LOSSES, SOLVERS, low_rank, name_of

# NNDSVD lifts a pixel of zeros or leaves it, as its rounding has it; this start is the same to the last bit.
PLAIN = RandomInit(lead_in=False)
PAIRS = [(loss, s) for loss in LOSSES[:2] for s in SOLVERS if s.needs in loss.offers]
OTHERS = [*LOSSES[2:], imgnmf.Huber(0.3), imgnmf.L21()]
pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


def counts(m: int = 60, n: int = 90, seed: int = 0) -> np.ndarray:
    """Whole numbers, three quarters of them 0; one pixel and one image are 0 throughout."""
    rng = np.random.default_rng(seed)
    V = rng.poisson(8 * low_rank(m, n, 3, seed=seed)) * (rng.random((m, n)) < 0.5)
    V[5], V[:, 7] = 0, 0
    return V.astype(np.int64)


def with_duplicates(V: np.ndarray) -> sp.coo_array:
    """Every entry stored twice, as halves, and a few zeros besides."""
    rows, columns = np.nonzero(V)
    values = np.tile(V[rows, columns] / 2, 2)
    rows, columns = np.tile(rows, 2), np.tile(columns, 2)
    return sp.coo_array(
        (np.append(values, np.zeros(3)), (np.append(rows, [5, 5, 0]), np.append(columns, [7, 1, 7]))), shape=V.shape
    )


FORMATS = [
    sp.csr_matrix,
    sp.csc_array,
    sp.csc_matrix,
    sp.lil_array,
    lambda V: sp.csr_array(V.astype(np.int64)),
    with_duplicates,
]


@pytest.mark.parametrize("case", PAIRS, ids=name_of)
def test_fit_of_a_sparse_matrix_is_that_of_the_array(case: tuple) -> None:
    loss, solver = case
    V = counts().astype(np.float64)
    options = {"loss": loss, "solver": solver, "max_iter": 15, "init": PLAIN, "stop": imgnmf.RelativeDecrease(1e-15)}
    dense, sparse = (imgnmf.factorize(given, 3, **options) for given in (V, sp.csr_matrix(V)))
    assert sparse.objective == pytest.approx(dense.objective, rel=1e-5)
    assert sparse.relative_error == pytest.approx(dense.relative_error, rel=1e-5)
    np.testing.assert_allclose(sparse.reconstruct(), dense.reconstruct(), atol=1e-5 * V.max())
    np.testing.assert_array_less(np.diff(sparse.trace.objective), 1e-9 * dense.objective)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_defaults_end_at_the_objective_of_the_array(loss: str) -> None:
    V = counts().astype(np.float64)
    options = {"loss": loss, "max_iter": 1000, "stop": imgnmf.RelativeDecrease(1e-9)}
    dense, sparse = (imgnmf.factorize(given, 3, **options) for given in (V, sp.csr_matrix(V)))
    assert sparse.objective == pytest.approx(dense.objective, rel=1e-5)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
@pytest.mark.parametrize("made", FORMATS)
def test_every_format_gives_the_same(made, loss: str) -> None:
    V = counts().astype(np.float64)
    given = made(V)
    before = given.copy()
    fit = imgnmf.factorize(given, 3, loss=loss, init=PLAIN, max_iter=10)
    assert (abs(given - before)).sum() == 0
    assert given.nnz == before.nnz
    dense = imgnmf.factorize(V if given.dtype.kind == "f" else counts(), 3, loss=loss, init=PLAIN, max_iter=10)
    assert fit.W.dtype == dense.W.dtype
    assert fit.objective == pytest.approx(dense.objective, rel=1e-5)
    assert not fit.H[:, 7].any()


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
@pytest.mark.parametrize("made", FORMATS)
def test_encode_is_that_of_the_array(made, loss: str) -> None:
    fit = imgnmf.factorize(counts().astype(np.float64), 3, loss=loss, max_iter=50)
    V_new = counts(n=20, seed=1).astype(np.float64)
    np.testing.assert_allclose(fit.encode(made(V_new)), fit.encode(V_new), rtol=1e-5, atol=1e-6 * fit.H.max())


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
@pytest.mark.parametrize("init", ["random", "columns", "spa"])
def test_every_start_takes_a_sparse_matrix(init: str, loss: str) -> None:
    V = counts(40, 2500).astype(np.float64)  # wide enough for a lead-in on a sample of the images
    dense, sparse = (imgnmf.factorize(x, 3, loss=loss, init=init, max_iter=5) for x in (V, sp.csc_array(V)))
    assert sparse.objective == pytest.approx(dense.objective, rel=1e-4)
    dense, sparse = (imgnmf.factorize(x.T, 3, loss=loss, init=init, max_iter=5) for x in (V, sp.csc_array(V)))
    assert sparse.objective == pytest.approx(dense.objective, rel=1e-4)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_objective_is_the_loss_of_the_factors(loss: str) -> None:
    V = counts().astype(np.float64)
    fit = imgnmf.factorize(sp.csc_array(V), 3, loss=loss, max_iter=20)
    assert fit.objective == pytest.approx(fit.loss.value(V, fit.reconstruct()), rel=1e-9)
    assert fit.relative_error == pytest.approx(np.linalg.norm(V - fit.reconstruct()) / np.linalg.norm(V), rel=1e-9)


@pytest.mark.parametrize("exponent", [-200, 200])
def test_unit_of_a_sparse_matrix_does_not_matter(exponent: int) -> None:
    V = sp.csc_array(counts().astype(np.float64))
    plain, scaled = (imgnmf.factorize(given, 3, max_iter=10) for given in (V, V * 2.0**exponent))
    assert scaled.relative_error == pytest.approx(plain.relative_error, rel=1e-6)


def test_model_at_the_stored_entries() -> None:
    V = as_stored(sp.csr_array(counts()))
    rng = np.random.default_rng(0)
    W, H = rng.random((3, V.shape[0])), rng.random((3, V.shape[1]))
    rows, columns = V.nonzero()
    expected = sp.csc_array(((W.T @ H)[rows, columns], (rows, columns)), shape=V.shape)
    np.testing.assert_allclose(model_at(V, W, H), expected.data)
    np.testing.assert_allclose(model_at(V.T, H, W), expected.data)
    given = (V.indptr, V.indices, H.T.copy(), W.T.copy())
    np.testing.assert_allclose(stored_products_numpy(*given), stored_products(*given))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rank", [1, 3, 8])
def test_pair_products_of_the_stored_entries(rank, dtype) -> None:
    V = as_stored(sp.csr_array(counts().astype(dtype)))
    a, b = np.triu_indices(rank)
    for given in (V, V.T):
        fixed = np.random.default_rng(0).random((rank, given.shape[0])).astype(dtype)
        expected = (fixed[a] * fixed[b]).astype(np.float64) @ given.toarray()
        for made in (stored_pair_products, stored_pair_products_numpy):
            found = made(given, fixed)
            np.testing.assert_allclose(found, expected, rtol=100 * np.finfo(dtype).eps)
            assert found.dtype == dtype
            assert found.flags.c_contiguous


def test_spans_cover_the_columns() -> None:
    V = as_stored(sp.csc_array(np.tile(counts(), 200)))
    spans = spans_of(V)
    assert len(spans) > 1
    np.testing.assert_array_equal(np.hstack([some_columns(V, s).toarray() for s in spans]), V.toarray())
    np.testing.assert_array_equal(some_columns(V, slice(1, 90, 7)).toarray(), V.toarray()[:, 1:90:7])


def test_bad_values_are_refused_by_place() -> None:
    for value, word in ((np.nan, "non-finite"), (np.inf, "non-finite"), (-1.0, "negative")):
        V = counts().astype(np.float64)
        V[4, 9] = value
        with pytest.raises(DataError, match=rf"{word}.*\(pixel 4, image 9\)"):
            imgnmf.factorize(sp.csr_array(V), 3)
        with pytest.raises(DataError, match=word):
            imgnmf.factorize(counts(), 3, max_iter=1).encode(sp.csr_array(V))
    with pytest.raises(DataError, match="complex"):
        imgnmf.factorize(sp.csr_array(counts() * 1j), 3)
    with pytest.raises(DataError, match="at least one"):
        imgnmf.factorize(sp.csr_array((0, 3)), 1)
    with pytest.raises(ShapeMismatchError, match="matrix"):
        imgnmf.factorize(sp.coo_array(np.ones(4)), 1)


def test_negative_values_can_be_clipped() -> None:
    V = counts().astype(np.float64)
    V[4, 9] = -3
    clipped = imgnmf.factorize(sp.csr_array(V), 3, negative="clip", max_iter=5)
    assert clipped.objective == pytest.approx(imgnmf.factorize(np.maximum(V, 0), 3, max_iter=5).objective, rel=1e-5)


@pytest.mark.parametrize("loss", OTHERS, ids=name_of)
def test_losses_that_need_every_entry_are_refused(loss) -> None:
    with pytest.raises(IncompatibleError, match=r"sparse.*frobenius.*kullback-leibler"):
        imgnmf.factorize(sp.csr_array(counts()), 3, loss=loss)


def test_weights_and_masks_are_refused() -> None:
    V = sp.csr_array(counts())
    with pytest.raises(IncompatibleError, match="weights and a sparse V"):
        imgnmf.factorize(V, 3, weights=np.ones(V.shape))
    with pytest.raises(IncompatibleError, match="weights and a sparse V"):
        imgnmf.factorize(V, 3, max_iter=1).encode(V, np.ones(V.shape))
    holed = V.astype(np.float64)
    holed.data[0] = np.nan
    with pytest.raises(IncompatibleError, match="missing"):
        imgnmf.factorize(holed, 3, missing="mask")


def test_nothing_stored_is_a_matrix_of_zeros() -> None:
    with pytest.warns(imgnmf.errors.DataWarning, match="zero everywhere"):
        fit = imgnmf.factorize(sp.csr_array((6, 8)), 2)
    assert not fit.W.any()
    assert not fit.H.any()


@pytest.mark.parametrize(("loss", "solver"), [("frobenius", "hals"), ("kullback-leibler", "mu")])
def test_memory_is_that_of_entries_and_factors(loss: str, solver: str) -> None:
    rng, m, n, stored = np.random.default_rng(0), 20_000, 5_000, 100_000
    V = sp.coo_array(
        (rng.random(stored, np.float32), (rng.integers(m, size=stored), rng.integers(n, size=stored))), (m, n)
    )
    imgnmf.factorize(sp.csr_array(counts().astype(np.float32)), 3, loss=loss, solver=solver, max_iter=1)
    tracemalloc.start()
    fit = imgnmf.factorize(V, 5, loss=loss, solver=solver, max_iter=5, threads=1)
    fit.encode(V.tocsc()[:, :500])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * m * n / 10  # as float32 the array alone would be ten times that
