"""Studies of several fits: those that ended are kept, one that was interrupted is gone on with, to the last bit."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import imgnmf
from imgnmf.errors import IncompatibleError, OutputError, ParameterError
from tests.checkpoint.test_resuming import V, assert_same
from tests.signals import best_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

CHOICES = {
    "held-out": {"repeats": 2},
    "bi-cross-validation": {"repeats": 2},
    "stability": {"repeats": 3},
    "elbow": {},
}


@pytest.fixture
def kept(tmp_path):
    return imgnmf.CheckpointFolder(tmp_path / "run.ckpt", every_iterations=3)


class Stopper:
    """Ctrl-C after so many iterations of all fits together."""

    def __init__(self, after):
        self.left = after

    def __call__(self, *_):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture
def counted(monkeypatch):
    """How many iterations all fits take; Ctrl-C once `stop` of them are done."""
    from imgnmf.core import iterate

    class Count:
        done, stop = 0, None

    real = iterate.iterate

    @functools.wraps(real)
    def counting(*args, **options):
        for found in real(*args, **options):
            Count.done += 1
            if Count.done == Count.stop:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr("imgnmf.core.fitting.iterate", counting)
    return Count


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("after", [1, 9, 40])
def test_ranks_go_on_where_they_were(kept, after, warm_start):
    options = {"V": V, "ranks": [2, 4, 3], "warm_start": warm_start}
    stopped = best_of(imgnmf.factorize_ranks, **options, checkpoint=kept, callback=Stopper(after))
    assert stopped.interrupted
    again = imgnmf.factorize_ranks(**options, checkpoint=kept, resume=True)
    whole = imgnmf.factorize_ranks(**options)
    assert again.ranks == whole.ranks == (2, 3, 4)
    for rank in whole.ranks:
        assert_same(again[rank], whole[rank])


def test_fits_that_ended_are_not_fitted_again(kept, counted):
    first = imgnmf.factorize_ranks(V, [2, 3], checkpoint=kept)
    counted.done = 0
    more = imgnmf.factorize_ranks(V, [2, 3, 4], checkpoint=kept, resume=True)
    assert counted.done == more[4].n_iter
    assert_same(more[3], first[3])


@pytest.mark.parametrize("method", CHOICES)
def test_a_choice_goes_on_where_it_was(kept, method, counted):
    options = {"V": V, "ranks": [1, 2, 3], "method": method, "max_iter": 20, **CHOICES[method]}
    whole = imgnmf.choose_rank(**options)
    in_all, counted.done = counted.done, 0
    counted.stop = in_all // 2
    best_of(imgnmf.choose_rank, **options, checkpoint=kept)
    counted.done, counted.stop = 0, None
    again = imgnmf.choose_rank(**options, checkpoint=kept, resume=True)
    np.testing.assert_array_equal(again.scores, whole.scores)
    assert (again.rank, again.plausible) == (whole.rank, whole.plausible)
    # What the interrupted iteration had done is done again, and no more.
    assert counted.done == in_all - in_all // 2 + 1
    counted.done = 0
    imgnmf.choose_rank(**options, checkpoint=kept, resume=True)
    assert counted.done == 0


def test_unseen_images_and_layers_go_on_too(kept, counted):
    for study, options in (
        (imgnmf.generalisation, {"ranks": [1, 3], "repeats": 2, "max_iter": 30}),
        (imgnmf.factorize_layers, {"ranks": (6, 3), "max_iter": 30, "tune": 3}),
    ):
        place = kept.part(study.__name__)
        counted.done, counted.stop = 0, None
        whole = study(V, **options)
        counted.done, counted.stop = 0, counted.done * 3 // 4
        assert isinstance(best_of(study, V, **options, checkpoint=place), type(whole))
        counted.stop = None
        again = study(V, **options, checkpoint=place, resume=True)
        for name in ("train", "test", "objective", "greedy_error"):
            np.testing.assert_array_equal(getattr(again, name, None), getattr(whole, name, None))


def test_what_is_there_is_not_replaced_unasked(kept):
    imgnmf.factorize_ranks(V, [2], checkpoint=kept)
    with pytest.raises(ParameterError, match="holds 1 checkpoints, which may be hours of work: pass resume=True"):
        imgnmf.factorize_ranks(V, [2], checkpoint=kept)


def test_fits_of_something_else_are_refused(kept):
    imgnmf.factorize_ranks(V, [2], checkpoint=kept)
    with pytest.raises(IncompatibleError, match=r"k2\.ckpt: it is of another fit: the values of V differ"):
        imgnmf.factorize_ranks(V[:, ::-1], [2], checkpoint=kept, resume=True)
    with pytest.raises(IncompatibleError, match=r"k2\.ckpt: it is of another fit: loss was"):
        imgnmf.factorize_ranks(V, [2], loss="huber", checkpoint=kept, resume=True)


def test_what_makes_no_sense_is_refused_before_the_work(kept, tmp_path):
    calls = []
    fit = functools.partial(imgnmf.factorize_ranks, V, [2], callback=lambda *_: calls.append(1))
    with pytest.raises(ParameterError, match="resume=True needs what to go on from"):
        fit(resume=True)
    with pytest.raises(ParameterError, match=r"imgnmf\.CheckpointFolder"):
        fit(checkpoint=str(tmp_path / "run.ckpt"))
    with pytest.raises(IncompatibleError, match="rng must be an int or None"):
        fit(checkpoint=kept, rng=np.random.default_rng(0))
    with pytest.raises(IncompatibleError, match="leave one of them out"):
        fit(checkpoint=kept, earlier={})
    with pytest.raises(OutputError, match=r"cannot make the folder .*No such file"):
        fit(checkpoint=imgnmf.CheckpointFolder(tmp_path / "none" / "run.ckpt"))
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot make the folder"):
        fit(checkpoint=imgnmf.CheckpointFolder(tmp_path / "file"))
    with pytest.raises(ParameterError, match="every_iterations"):
        imgnmf.CheckpointFolder(tmp_path, every_iterations=0)
    assert not calls
