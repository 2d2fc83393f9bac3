"""Several ranks of one matrix: each its own fit, and Ctrl-C loses none of them."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.errors import DataError, IncompatibleError, ParameterError
from imgnmf.studies import svd_errors
from tests.core.cases import INITS
from tests.signals import best_of


@pytest.fixture(scope="module")
def V():
    return imgnmf.load_dataset("lfw-faces").V[:, :40]


def test_a_rank_of_a_study_is_the_fit_alone(V):
    study = imgnmf.factorize_ranks(V, [9, 4])
    alone = imgnmf.factorize(V, 9)
    assert study.ranks == (4, 9)
    assert np.array_equal(study[9].W, alone.W)
    assert np.array_equal(study[9].H, alone.H)


def test_the_table_has_a_row_a_rank(V):
    study = imgnmf.factorize_ranks(V, [2, 4, 4])
    rows = study.table()
    assert [row.rank for row in rows] == [2, 4]
    assert [row.relative_error for row in rows] == [study[2].relative_error, study[4].relative_error]
    assert all(row.seconds > 0 and row.iterations > 0 and row.reason for row in rows)
    assert not study.interrupted


@pytest.mark.parametrize("ranks", [[0], [3, 41], [True], [2.5], []])
def test_every_rank_is_checked_before_the_first_fit(V, ranks):
    seen = []
    with pytest.raises(ParameterError, match="rank"):
        imgnmf.factorize_ranks(V, ranks, callback=lambda rank, _: seen.append(rank))
    assert not seen


def test_bad_numbers_are_refused(V):
    with pytest.raises(DataError, match="non-finite"):
        imgnmf.factorize_ranks(np.where(V > 0.5, np.nan, V), [2])


def test_ctrl_c_keeps_what_is_done_and_the_best_so_far(V):
    def interrupt(rank, state):
        if rank == 9 and state.iteration == 3:
            raise KeyboardInterrupt

    study = best_of(imgnmf.factorize_ranks, V, [4, 9, 16], callback=interrupt)
    assert study.interrupted
    assert study.ranks == (4, 9)
    assert study[4].converged
    assert study[9].reason == "interrupted"
    assert study[9].relative_error < 0.5


def test_ctrl_c_in_the_last_rank_counts_too(V):
    def interrupt(rank, state):
        raise KeyboardInterrupt

    assert best_of(imgnmf.factorize_ranks, V, [4], callback=interrupt).interrupted


def test_a_callback_ends_one_fit_not_the_study(V):
    study = imgnmf.factorize_ranks(V, [4, 9], callback=lambda rank, state: state.iteration >= 5)
    assert study.ranks == (4, 9)
    assert [fit.n_iter for fit in study.fits.values()] == [5, 5]


def test_an_unknown_rank_says_which_there_are(V):
    with pytest.raises(KeyError, match="there are 2"):
        imgnmf.factorize_ranks(V, [2])[3]


def test_the_input_is_not_touched(V):
    before = V.copy()
    imgnmf.factorize_ranks(V, [2])
    assert np.array_equal(V, before)


@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
def test_the_floor_is_that_of_the_singular_values(shape):
    V = np.random.default_rng(0).random(shape)
    s = np.linalg.svd(V, compute_uv=False)
    expected = [np.sqrt((s[k:] ** 2).sum() / (s**2).sum()) for k in (1, 5, 12)]
    assert np.allclose(svd_errors(V, [1, 5, 12]), expected, atol=1e-7)


def test_no_fit_is_below_the_floor(V):
    study = imgnmf.factorize_ranks(V, [4, 9, 16])
    errors = [study[k].relative_error for k in study.ranks]
    assert np.all(errors >= svd_errors(V, study.ranks))


def test_the_floor_of_zeros_is_zero():
    assert svd_errors(np.zeros((3, 4), np.uint8), [1]).tolist() == [0]


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_a_warm_start_is_never_worse_than_a_cold_one(V, loss):
    ranks, options = [2, 3, 5, 9, 16], {"loss": loss, "max_iter": 5000, "stop": imgnmf.RelativeDecrease(1e-3)}
    cold = imgnmf.factorize_ranks(V, ranks, **options)
    warm = imgnmf.factorize_ranks(V, ranks, warm_start=True, **options)
    assert all(warm[k].objective <= cold[k].objective for k in ranks)
    assert any(warm[k].objective < cold[k].objective for k in ranks)
    assert (np.diff([warm[k].objective for k in ranks]) <= 0).all()


def test_a_warm_start_may_reach_beyond_the_images():
    V = np.random.default_rng(0).random((6, 4))
    with pytest.warns(imgnmf.errors.ImgnmfWarning):
        study = imgnmf.factorize_ranks(V, [2, 9], warm_start=True, init="random", max_iter=20)
    assert study[9].W.shape == (6, 9)


@pytest.mark.parametrize("init", [*INITS, imgnmf.GivenFactors(np.ones((6, 5)))], ids=lambda init: repr(init)[:30])
@pytest.mark.parametrize("rank", [4, 5])
@pytest.mark.filterwarnings("ignore::imgnmf.errors.ImgnmfWarning")
def test_every_start_is_refused_the_same_ranks_whether_one_is_fitted_or_several(init, rank):
    V = np.random.default_rng(0).random((6, 4))
    init = imgnmf.GivenFactors(init.W[:, :rank]) if init.name == "given" else init

    def outcome(fitted):
        try:
            return fitted().W.shape
        except ParameterError as error:
            return str(error)

    alone = outcome(lambda: imgnmf.factorize(V, rank, init=init, max_iter=3))
    among = outcome(lambda: imgnmf.factorize_ranks(V, [rank], init=init, max_iter=3)[rank])
    assert alone == among
    allowed = rank == 4 or init.name in ("random", "columns", "given")
    assert (alone == (6, rank)) if allowed else ("lower it or use init='random'" in alone)


def test_a_study_is_resumed_where_it_was_interrupted(V, tmp_path):
    def interrupt(rank, state):
        if rank == 9 and state.iteration == 3:
            raise KeyboardInterrupt

    first = best_of(imgnmf.factorize_ranks, V, [4, 9, 16], callback=interrupt)
    fitted = []
    study = imgnmf.factorize_ranks(V, [4, 9, 16], earlier=first, callback=lambda k, _: fitted.append(k))
    assert study.ranks == (4, 9, 16)
    assert study[4] is first[4]
    assert set(fitted) == {9, 16}
    assert study[9].converged
    assert study[9].objective < first[9].objective
    imgnmf.save(tmp_path / "4", first[4])
    loaded, _ = imgnmf.load(tmp_path / "4")
    assert imgnmf.factorize_ranks(V, [4], earlier={4: loaded})[4] is loaded


def test_earlier_fits_of_something_else_are_refused(V):
    study = imgnmf.factorize_ranks(V, [4])
    for other, options in ((V[:, ::-1], {}), (V[:, :30], {}), (V, {"loss": "kullback-leibler"})):
        with pytest.raises(IncompatibleError, match="the earlier fit of rank 4"):
            imgnmf.factorize_ranks(other, [4], earlier=study, **options)
    with pytest.raises(IncompatibleError, match=r"expected .* rank 5"):
        imgnmf.factorize_ranks(V, [5], earlier={5: study[4]})
