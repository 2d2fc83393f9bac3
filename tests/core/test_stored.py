"""``weights="stored"``: of a sparse V only what is stored was seen, as in a table of ratings."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import imgnmf
from imgnmf.core.inits import GivenFactors
from imgnmf.errors import DataWarning, IncompatibleError, ParameterError

LOSSES = ("frobenius", "kullback-leibler")
PAIRS = [
    *(("frobenius", solver) for solver in ("hals", "anls", "pg", "mu", "newton")),
    *(("kullback-leibler", solver) for solver in ("mu", "newton")),
]
pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")


def ratings(m=50, n=70, rank=3, share=0.4, noise=0.0, seed=0):
    """A table of low rank of which a share was seen, some of it zeros: the table, what was seen, and both as sparse."""
    rng = np.random.default_rng(seed)
    table = rng.random((m, rank)) @ (rng.random((rank, n)) * (rng.random((rank, n)) < 0.6))
    table = np.maximum(table + noise * rng.standard_normal((m, n)), 0)
    seen = rng.random((m, n)) < share
    seen[:rank], seen[:, :rank] = True, True
    places = np.nonzero(seen)
    return table, seen, sp.coo_array((table[places], places), shape=(m, n))


def start(m=50, n=70, rank=3):
    rng = np.random.default_rng(1)
    return GivenFactors(rng.random((m, rank)) + 0.1, rng.random((rank, n)) + 0.1)


def test_the_samples_store_zeros():
    table, seen, stored = ratings()
    assert (table[seen] == 0).any()
    assert stored.nnz == seen.sum()


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_fit_is_that_of_the_array_with_weights(pair):
    loss, solver = pair
    table, seen, stored = ratings(noise=0.1)
    plain = {"loss": loss, "init": start(), "stop": imgnmf.RelativeDecrease(1e-12)}
    if pair == ("frobenius", "newton"):  # an array has no such solver: both go on to the minimum
        dense = imgnmf.factorize(table, 3, weights=seen, max_iter=5000, solver="hals", **plain)
        sparse = imgnmf.factorize(stored, 3, weights="stored", max_iter=500, solver="newton", **plain)
        rtol = 1e-5
    else:
        dense = imgnmf.factorize(table, 3, weights=seen, solver=solver, max_iter=15, **plain)
        sparse = imgnmf.factorize(stored, 3, weights="stored", solver=solver, max_iter=15, **plain)
        rtol = 1e-8
        np.testing.assert_allclose(sparse.reconstruct(), dense.reconstruct(), rtol=1e-5, atol=1e-6)
    assert sparse.objective == pytest.approx(dense.objective, rel=rtol)
    assert sparse.relative_error == pytest.approx(dense.relative_error, rel=1e-3 if rtol == 1e-5 else rtol)
    assert (np.diff(sparse.trace.objective) <= 1e-9 * sparse.objective).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_objective_is_the_loss_of_what_was_seen(loss):
    table, seen, stored = ratings(noise=0.1)
    fit = imgnmf.factorize(stored, 3, loss=loss, weights="stored", max_iter=20)
    assert fit.objective == pytest.approx(fit.loss.value(table, fit.reconstruct(), seen.astype(float)), rel=1e-9)
    residual = (table - fit.reconstruct())[seen]
    assert fit.relative_error == pytest.approx(np.linalg.norm(residual) / np.linalg.norm(table[seen]), rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_what_was_not_seen_is_found(loss):
    table, seen, stored = ratings()
    fit = imgnmf.factorize(stored, 3, loss=loss, weights="stored", max_iter=300, stop=imgnmf.RelativeDecrease(1e-6))
    unseen = np.linalg.norm((table - fit.reconstruct())[~seen]) / np.linalg.norm(table[~seen])
    blind = imgnmf.factorize(stored, 3, loss=loss, max_iter=200).reconstruct()
    assert unseen < 0.05
    assert np.linalg.norm((table - blind)[~seen]) / np.linalg.norm(table[~seen]) > 0.3


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("made", [sp.csr_matrix, sp.csc_array, sp.coo_array], ids=lambda made: made.__name__)
def test_encode_is_that_of_the_array_with_weights(made, loss):
    stored = ratings(noise=0.1)[2]
    fit = imgnmf.factorize(stored, 3, loss=loss, weights="stored", max_iter=50)
    new, shown, given = ratings(n=20, seed=5, noise=0.1)
    given = made(given)
    assert given.nnz == shown.sum()
    H = fit.encode(given, "stored")
    np.testing.assert_allclose(H, fit.encode(new, shown.astype(float)), rtol=1e-5, atol=1e-6 * H.max())
    alone = fit.encode(sp.csc_array(given)[:, 3:4], "stored")
    np.testing.assert_allclose(alone[:, 0], H[:, 3], rtol=1e-6, atol=1e-8 * H.max())


@pytest.mark.parametrize("loss", LOSSES)
def test_encoding_the_fitted_gives_the_coefficients_of_the_fit(loss):
    _, _, stored = ratings(noise=0.1)
    fit = imgnmf.factorize(stored, 3, loss=loss, weights="stored", max_iter=30)
    np.testing.assert_allclose(fit.encode(stored, "stored"), fit.H, rtol=1e-5, atol=1e-7 * fit.H.max())


@pytest.mark.parametrize("loss", LOSSES)
def test_where_everything_is_stored_it_is_the_plain_fit(loss):
    table, _, stored = ratings(share=2.0, noise=0.1)
    stop = imgnmf.RelativeDecrease(1e-9)
    plain = imgnmf.factorize(table, 3, loss=loss, init=start(), max_iter=2000, stop=stop)
    fit = imgnmf.factorize(stored, 3, loss=loss, weights="stored", init=start(), max_iter=2000, stop=stop)
    assert fit.objective == pytest.approx(plain.objective, rel=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_images_and_pixels_without_an_entry_are_zero_and_told(loss):
    stored = ratings()[2]
    kept = stored.tolil()
    kept[5], kept[:, 7] = 0, 0
    with pytest.warns(DataWarning) as told:
        fit = imgnmf.factorize(kept, 3, loss=loss, weights="stored", max_iter=20)
    words = " ".join(str(each.message) for each in told)
    assert "1 image(s) without a seen entry (7)" in words
    assert "1 pixel(s) without a seen entry (5)" in words
    assert not fit.W[5].any()
    assert not fit.H[:, 7].any()


@pytest.mark.parametrize("exponent", [-200, 200])
def test_the_unit_does_not_matter(exponent):
    stored = ratings(noise=0.1)[2]
    plain, scaled = (imgnmf.factorize(V, 3, weights="stored", max_iter=15) for V in (stored, stored * 2.0**exponent))
    assert scaled.relative_error == pytest.approx(plain.relative_error, rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_threads_do_not_matter(loss):
    stored = ratings(400, 6000, share=0.1)[2]
    one, two = (imgnmf.factorize(stored, 3, loss=loss, weights="stored", max_iter=3, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.W, two.W)
    np.testing.assert_array_equal(one.H, two.H)


@pytest.mark.filterwarnings("ignore::imgnmf.errors.DataWarning")
def test_counts_and_the_callers_matrix_stay_as_they_are():
    stored = sp.csr_array(np.random.default_rng(0).poisson(1.0, (30, 40)).astype(np.int64))
    before = stored.copy()
    fit = imgnmf.factorize(stored, 2, weights="stored", max_iter=10)
    assert fit.W.dtype == np.float32
    assert (abs(stored - before)).nnz == 0


def test_what_cannot_be_is_refused():
    table, _, stored = ratings()
    with pytest.raises(IncompatibleError, match="weights='stored' asks for a sparse V"):
        imgnmf.factorize(table, 3, weights="stored")
    with pytest.raises(IncompatibleError, match="weights='stored' if only"):
        imgnmf.factorize(stored, 3, weights=np.ones(table.shape))
    with pytest.raises(IncompatibleError, match="sparse"):
        imgnmf.factorize(stored, 3, weights="stored", loss="itakura-saito")
    with pytest.raises(IncompatibleError, match="newton"):
        imgnmf.factorize(table, 3, solver="newton")
    with pytest.raises(ParameterError):
        imgnmf.factorize(stored, 3, weights="all")


@pytest.mark.parametrize("loss", LOSSES)
def test_memory_is_that_of_entries_and_factors(loss):
    rng, m, n, stored = np.random.default_rng(0), 20_000, 5_000, 100_000
    V = sp.coo_array(
        (rng.random(stored, np.float32), (rng.integers(m, size=stored), rng.integers(n, size=stored))), (m, n)
    )
    imgnmf.factorize(ratings()[2].astype(np.float32), 3, loss=loss, weights="stored", max_iter=1)
    tracemalloc.start()
    with pytest.warns(DataWarning, match="without a seen entry"):
        imgnmf.factorize(V, 5, loss=loss, weights="stored", max_iter=5, threads=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * m * n / 10  # as float32 the array alone would be ten times that
