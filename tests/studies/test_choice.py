"""The planted k is found, and what cannot be asked is refused."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy.sparse import csr_array

import imgnmf
from benchmarks.rank import planted
from imgnmf.errors import DataError, MemoryBudgetError, ParameterError
from imgnmf.studies.choice import RankChoice, _all_come_back, _within_one_error
from tests.cli.runs import refusal, run


@pytest.mark.parametrize("rank", [3, 8, 15])
@pytest.mark.parametrize("seed", [100, 101])
def test_held_out_entries_find_the_planted_rank(rank, seed):
    V = planted(rank, seed)
    choice = imgnmf.choose_rank(V, range(rank - 2, rank + 4), threads=1)
    assert choice.rank == rank
    assert choice.advice.startswith(f"k = {rank}: ")


@pytest.mark.parametrize("method", ["bi-cross-validation", "stability"])
@pytest.mark.parametrize("rank", [3, 8])
def test_the_other_methods_find_few_parts_and_more(method, rank):
    assert imgnmf.choose_rank(planted(rank, 100), range(rank - 2, rank + 3), method=method, threads=1).rank == rank


def test_a_hidden_block_of_exact_rank_is_predicted_exactly():
    # A = B D^+ C (Owen & Perry 2009, lemma 1), which coefficients without a sign give and non-negative ones do not.
    rng = np.random.default_rng(0)
    V = rng.gamma(1, 1, (30, 3)) @ rng.gamma(1, 1, (3, 40))
    scores = imgnmf.choose_rank(V, [2, 3], method="bi-cross-validation", repeats=2, max_iter=2000, threads=1).scores
    assert scores[:, 0].min() > 0.1
    assert scores[:, 1].max() < 1e-5


def test_a_block_hidden_from_another_loss_is_predicted_by_what_that_loss_can_judge():
    V = np.random.default_rng(0).poisson(20 * planted(3, 100)[:20, :30])
    found = imgnmf.choose_rank(V, [2, 3], method="bi-cross-validation", loss="kullback-leibler", repeats=2, threads=1)
    assert ((found.scores > 0) & (found.scores < 1)).all()
    assert found.rank == 3


@pytest.mark.parametrize("method", ["held-out", "bi-cross-validation", "stability", "elbow"])
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", "itakura-saito", "huber", "l21"])
def test_every_method_goes_with_every_loss(loss, method):
    V = 0.1 + np.random.default_rng(0).random((20, 30))
    found = imgnmf.choose_rank(V, [1, 2], method=method, loss=loss, repeats=2, max_iter=20, threads=1)
    assert found.scores.shape == (1 if method == "elbow" else 2, 2)
    assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("method", ["held-out", "bi-cross-validation", "stability", "elbow"])
def test_a_sparse_v_is_asked_like_a_dense_one(method):
    V = np.maximum(planted(3, 0) - 0.5, 0)
    ask = functools.partial(imgnmf.choose_rank, ranks=[1, 3], method=method, repeats=2, max_iter=50, threads=1)
    np.testing.assert_allclose(ask(csr_array(V)).scores, ask(V).scores, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", ["held-out", "bi-cross-validation"])
def test_a_sparse_v_whose_zeros_do_not_fit_is_refused(method, monkeypatch):
    monkeypatch.setattr("imgnmf.studies.plain.machine_memory", lambda: 1000.0)
    with pytest.raises(MemoryBudgetError, match="zeros too"):
        imgnmf.choose_rank(csr_array(planted(3, 0)), [2], method=method)


@pytest.mark.parametrize("unit", [1e-200, 1e200])
@pytest.mark.parametrize("method", ["held-out", "bi-cross-validation", "stability", "elbow"])
def test_no_unit_is_too_small_or_too_large(method, unit):
    ask = functools.partial(imgnmf.choose_rank, ranks=[1, 3, 4], method=method, repeats=2, threads=1)
    plain, found = ask(planted(3, 0)), ask(planted(3, 0) * unit)
    assert found.rank == plain.rank
    assert plain.scores.max() > 0
    np.testing.assert_allclose(found.scores, plain.scores, rtol=1e-3, atol=1e-6)


def test_the_elbow_is_the_point_farthest_below_the_line():
    V = np.kron(np.eye(3), np.ones((4, 5))) + 0.001
    choice = imgnmf.choose_rank(V, range(1, 9), method="elbow")
    assert choice.rank == 3
    assert np.isnan(choice.standard_error).all()
    assert "by eye" in choice.advice


@pytest.mark.parametrize("loss", ["kullback-leibler", "itakura-saito"])
def test_other_losses_are_judged_by_themselves(loss):
    rng = np.random.default_rng(0)
    V = (0.1 + rng.gamma(1, 1, (40, 3))) @ rng.gamma(1, 1, (3, 60))
    noisy = rng.poisson(20 * V) if loss == "kullback-leibler" else V * rng.gamma(50, 1 / 50, V.shape)
    assert imgnmf.choose_rank(noisy, range(1, 6), loss=loss, threads=1).rank == 3


def test_the_unit_and_the_threads_do_not_matter():
    V = planted(3, 0)
    first = imgnmf.choose_rank(V, [2, 3], repeats=2, threads=1)
    again = imgnmf.choose_rank(1024.0 * V, [3, 2, 2], repeats=2, threads=2)
    assert first.ranks == again.ranks == (2, 3)
    assert np.allclose(first.scores, again.scores, rtol=1e-9)


def test_one_standard_error_takes_the_fewest_parts():
    scores = np.array([[9.0, 1.25, 1.0, 1.3], [9.0, 1.25, 1.4, 1.3]])
    place, near = _within_one_error(scores)
    assert (place, near.tolist()) == (1, [1, 2, 3])


def test_stability_takes_the_most_parts_that_all_come_back():
    scores = np.array([[0.0, 0.9, 0.02, 0.7, 1.4], [0.0, 0.8, 0.02, 0.9, 1.4]])
    place, near = _all_come_back(scores)
    assert (place, near.tolist()) == (2, [2, 3])
    none = np.array([[1.5, 0.9], [1.5, 0.9]])
    assert _all_come_back(none)[0] == 1
    assert "no rank tried" in RankChoice(2, "stability", (1, 2), none, (2,)).advice


def test_the_advice_names_its_doubt_and_a_range_that_was_too_narrow():
    scores = np.array([[3.0, 2.0, 1.0], [3.1, 2.2, 1.0]])
    assert "no other rank is within" in RankChoice(3, "held-out", (1, 2, 3), scores, (3,)).advice
    assert "try larger ones" in RankChoice(3, "held-out", (1, 2, 3), scores, (3,)).advice
    doubt = RankChoice(1, "held-out", (1, 2, 3, 4), np.ones((2, 4)), (1, 2, 3, 4)).advice
    assert "k = 2 to 4 cannot be told apart" in doubt
    assert "larger ones" not in doubt


def test_the_figure_shows_curve_choice_and_advice():
    choice = RankChoice(2, "held-out", (1, 2), np.array([[0.5, 0.2], [0.5, 0.3]]), (2,))
    figure = choice.figure()
    axes = figure.axes[0]
    assert np.allclose(axes.lines[0].get_xydata(), [[1, 0.5], [2, 0.25]])
    assert "k = 2" in [text.get_text() for text in axes.texts]
    assert choice.advice.split(";")[0] in figure.get_supxlabel().replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ranks": []}, "ranks is empty"),
        ({"ranks": range(3, 1)}, "ranks is empty"),
        ({"ranks": [81]}, "80"),
        ({"ranks": [41], "method": "bi-cross-validation"}, "40"),
        ({"ranks": [2], "method": "guess"}, "method must be"),
        ({"ranks": [2], "repeats": 1}, "repeats"),
        ({"ranks": [2], "repeats": 11}, "at most 10"),
        ({"ranks": [2], "max_iter": 0}, "max_iter"),
        ({"ranks": [2], "rng": -1}, "rng"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        imgnmf.choose_rank(planted(3, 0), **options)


def test_bad_numbers_are_refused_and_the_input_stays():
    V = planted(3, 0)
    before = V.copy()
    imgnmf.choose_rank(V, [2, 3], repeats=2, max_iter=5)
    assert np.array_equal(V, before)
    with pytest.raises(DataError, match="negative"):
        imgnmf.choose_rank(V - 1, [2])


def test_the_command_prints_the_curve_and_draws_it(tmp_path):
    np.save(tmp_path / "photos.npy", (20 * planted(3, 0)).astype(np.uint16).T.reshape(120, 8, 10))
    done = run("ranks", tmp_path / "photos.npy", "-k", "2:4", "--threads", 1, "-o", tmp_path / "k.png")
    assert done.exit_code == 0, done.output
    assert "k = 3: the fewest parts" in done.output
    assert done.output.count("+-") == 3
    assert (tmp_path / "k.png").read_bytes().startswith(b"\x89PNG")
    assert "exists" in refusal("ranks", tmp_path / "photos.npy", "-k", "2", "-o", tmp_path / "k.png")


@pytest.mark.parametrize("ranks", ["60:2", "a", "2:", "0:3", "2:500"])
def test_the_command_refuses_a_bad_range(tmp_path, ranks):
    np.save(tmp_path / "photos.npy", np.ones((6, 4, 4), np.uint8))
    assert "rank" in refusal("ranks", tmp_path / "photos.npy", "-k", ranks)
