"""Ctrl-C in any function that takes long: `Interrupted`, with what the function returns as its best, or None."""

from __future__ import annotations

import contextlib
import pickle

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import imgnmf
from imgnmf import compression, family
from imgnmf.compression.experiment import rate_distortion, storage
from imgnmf.compression.peers import PillowFormat
from tests.signals import Calls, best_of

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ImgnmfWarning")

RNG = np.random.default_rng(0)
V = RNG.random((30, 4)) @ RNG.random((4, 60)) + 0.05 * RNG.random((30, 60))
PICTURES = (V.T.reshape(60, 5, 6) / V.max()).repeat(2, axis=1).repeat(2, axis=2)
BYTES = np.rint(255 * PICTURES).astype(np.uint8)
SEEN = RNG.random(PICTURES.shape) > 0.1
TEXTS = ["the cat and the dog", "a dog, a cat, a dog", "car and bus", "a bus, a car, a bus"] * 3
FEW = {"stop": (), "max_iter": 12, "threads": 1}

FUNCTIONS = {
    "factorize": lambda: imgnmf.factorize(V, 3, **FEW),
    "factorize, several starts": lambda: imgnmf.factorize(V, 3, n_init=3, init="random", **FEW),
    "factorize, online": lambda: imgnmf.factorize(V, 3, online=imgnmf.Online(images=20), **FEW),
    "factorize_ranks": lambda: imgnmf.factorize_ranks(V, [2, 3, 4], warm_start=True, **FEW),
    "factorize_layers": lambda: imgnmf.factorize_layers(V, (4, 2), max_iter=12, tune=5),
    "factorize_layers, W": lambda: imgnmf.factorize_layers(V, (4, 2), split="W", max_iter=12, tune=5),
    "factorize_projective": lambda: imgnmf.factorize_projective(V, 3, **FEW),
    "held-out": lambda: imgnmf.choose_rank(V, [1, 2, 3], repeats=4, max_iter=5, threads=1),
    "bi-cross-validation": lambda: imgnmf.choose_rank(
        V, [1, 2], method="bi-cross-validation", repeats=3, max_iter=5, threads=1
    ),
    "stability": lambda: imgnmf.choose_rank(V, [1, 2, 3], method="stability", repeats=2, max_iter=5, threads=1),
    "elbow": lambda: imgnmf.choose_rank(V, [1, 2, 3], method="elbow", max_iter=5, threads=1),
    "generalisation": lambda: imgnmf.generalisation(V, [1, 3], repeats=3, max_iter=5, threads=1),
    "semi": lambda: family.semi(V - V.mean(), 3, **FEW),
    "convex": lambda: family.convex(V, 3, **FEW),
    "separable": lambda: family.separable(V, 3),
    "minimum_volume": lambda: family.minimum_volume(V, 3, **FEW),
    "symmetric": lambda: family.symmetric(V.T @ V, 3, n_init=3, stop=(), max_iter=12),
    "inpaint": lambda: imgnmf.inpaint(PICTURES, SEEN, 3, max_iter=5, threads=1),
    "find_occlusions": lambda: imgnmf.find_occlusions(PICTURES, 3, max_iter=5, threads=1),
    "train_parts": lambda: compression.train_parts(BYTES, 4, max_iter=5, threads=1),
    "encode_images": lambda: compression.encode_images(BYTES, rank=4, target_bytes=10**6),
    "rate_distortion": lambda: rate_distortion(BYTES, [PillowFormat("JPEG"), PillowFormat("JPEG")], ssim=False),
    "storage": lambda: storage(BYTES, [1, 2]),
    "Stream.partial_fit": lambda: imgnmf.Stream(3, images=20, threads=1).partial_fit(V),
    "encode": lambda: FIT.encode(V),
}
FIT = imgnmf.factorize(V, 3, loss="kullback-leibler", max_iter=0)


def find_topics():
    pytest.importorskip("sklearn")
    return imgnmf.topics.find_topics(TEXTS, 2, min_df=1, max_iter=20, threads=1)


def estimator():
    pytest.importorskip("sklearn")
    from imgnmf.estimator import NMF

    return NMF(2, max_iter=5, tol=0).fit(V.T)


FUNCTIONS |= {"find_topics": find_topics, "estimator": estimator}


def blas_threads():
    return {library["filepath"]: library["num_threads"] for library in threadpool_info()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_ctrl_c_at_any_call_raises_with_a_result_of_its_own_type_or_none(name):
    FUNCTIONS[name]()  # whatever is imported at first
    with Calls() as calls:
        whole = FUNCTIONS[name]()
    before = blas_threads()
    for strike in {1 + int(share * calls.done) for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)}:
        with Calls(strike):
            best = best_of(FUNCTIONS[name])
        assert best is None or type(best) is type(whole), strike
        assert blas_threads() == before


def ended_at(count):
    """A callback that Ctrl-C meets after so many iterations of all fits."""
    seen = []

    def callback(*_state):
        seen.append(count)
        if len(seen) == count:
            raise KeyboardInterrupt

    return callback


def test_the_best_of_a_fit_is_the_run_up_to_there():
    best = best_of(imgnmf.factorize, V, 3, callback=ended_at(7), **FEW)
    whole = imgnmf.factorize(V, 3, **FEW)
    assert (best.reason, best.converged, best.n_iter) == ("interrupted", False, 7)
    np.testing.assert_array_equal(best.trace.objective, whole.trace.objective[:7])


def test_the_best_of_several_starts_may_be_one_that_ended():
    best = best_of(imgnmf.factorize, V, 3, n_init=3, init="random", callback=ended_at(13), **FEW)
    first = imgnmf.factorize(V, 3, n_init=1, init="random", **FEW)
    assert (best.reason, best.converged) == ("interrupted", False)
    np.testing.assert_array_equal(best.W, first.W)


def test_the_best_of_a_choice_is_that_of_fewer_repeats(monkeypatch):
    from imgnmf.studies import prediction
    from tests.signals import Struck

    given = {"max_iter": 5, "threads": 1}
    for method, n_fits in (("held-out", 3), ("bi-cross-validation", 12)):
        given["method"] = method
        monkeypatch.setattr(prediction, "factorize", Struck(imgnmf.factorize, 2 * n_fits + 2))
        best = best_of(imgnmf.choose_rank, V, [1, 2, 3], repeats=5, **given)
        monkeypatch.undo()
        fewer = imgnmf.choose_rank(V, [1, 2, 3], repeats=2, **given)
        assert (best.rank, best.plausible, best.ranks) == (fewer.rank, fewer.plausible, fewer.ranks)
        np.testing.assert_array_equal(best.scores, fewer.scores)
        monkeypatch.setattr(prediction, "factorize", Struck(imgnmf.factorize, 2 * n_fits))
        assert best_of(imgnmf.choose_rank, V, [1, 2, 3], repeats=5, **given) is None
        monkeypatch.undo()


def test_the_best_of_a_choice_by_stability_or_the_elbow_is_that_of_fewer_ranks(monkeypatch):
    from imgnmf.studies import prediction
    from tests.signals import Struck

    given = {"max_iter": 5, "threads": 1, "repeats": 2}
    for method, n_fits in (("stability", 2), ("elbow", 1)):
        monkeypatch.setattr(prediction, "factorize", Struck(imgnmf.factorize, 2 * n_fits + 1))
        best = best_of(imgnmf.choose_rank, V, [1, 2, 3], method=method, **given)
        monkeypatch.undo()
        fewer = imgnmf.choose_rank(V, [1, 2], method=method, **given)
        assert (best.rank, best.ranks) == (fewer.rank, (1, 2))
        np.testing.assert_array_equal(best.scores, fewer.scores)


def test_a_loop_over_fits_ends():
    begun = []

    def loop():
        for rank in (2, 3, 4):
            begun.append(rank)
            with contextlib.suppress(Exception):  # what a careful script does
                imgnmf.factorize(V, rank, callback=ended_at(3), **FEW)

    assert best_of(loop).rank == 2
    assert begun == [2]


def test_a_grid_search_ends():
    pytest.importorskip("sklearn")
    from sklearn.model_selection import GridSearchCV

    from imgnmf.estimator import NMF

    fits = []

    class Hit(NMF):
        def fit(self, X, y=None, **given):
            fits.append(self.n_components)
            with Calls(200):
                return super().fit(X, y, **given)

    search = GridSearchCV(Hit(max_iter=5, tol=0), {"n_components": [1, 2, 3]}, scoring=lambda *_: 0.0, cv=2)
    with pytest.raises(imgnmf.Interrupted):
        search.fit(V.T)
    assert fits == [1]


def test_an_interrupted_estimator_keeps_what_was_fitted_before():
    pytest.importorskip("sklearn")
    from imgnmf.estimator import NMF

    model = NMF(2, max_iter=5, tol=0).fit(V.T)
    parts = model.components_
    with Calls(200):
        assert best_of(model.fit, V.T + 1) is None
    assert model.components_ is parts


def test_it_goes_from_one_process_to_another():
    """As joblib's loky sends what a worker raises."""
    fit = best_of(imgnmf.factorize, V, 3, callback=ended_at(2), **FEW)
    again = pickle.loads(pickle.dumps(imgnmf.Interrupted(best=fit)))
    assert type(again) is imgnmf.Interrupted
    np.testing.assert_array_equal(again.best.W, fit.W)
    assert str(again) == "interrupted; the best so far is in .best"


def interrupted_fit(rank):
    return imgnmf.factorize(V, rank, callback=ended_at(2), **FEW)


def test_an_interrupted_worker_of_joblib_ends_the_caller():
    joblib = pytest.importorskip("joblib")
    calls = (joblib.delayed(interrupted_fit)(rank) for rank in (2, 3))
    best = best_of(joblib.Parallel(n_jobs=2, backend="loky"), calls)
    assert best.n_iter == 2
