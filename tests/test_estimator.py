"""The estimator is scikit-learn's in every way that scikit-learn can check, and its objective is the same."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.errors import IncompatibleError, ParameterError

sklearn = pytest.importorskip("sklearn", reason="needs imgnmf[sklearn]")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.decomposition import NMF as THEIR_NMF  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from imgnmf.estimator import NMF  # noqa: E402

SEED_X = np.array([[1, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])


def digits(n=120):
    return load_digits().data[:n]


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([NMF(), NMF(n_components=2), NMF(n_components=2, missing="mask")])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_the_seed_runs_unchanged_but_for_the_import():
    model = NMF(n_components=2, init="random", random_state=0)
    W = model.fit_transform(SEED_X)
    assert model.reconstruction_err_ <= 0.00116
    assert np.linalg.norm(SEED_X - W @ model.components_) == pytest.approx(model.reconstruction_err_, abs=1e-12)


def test_auto_is_what_choose_rank_advises():
    rng = np.random.default_rng(0)
    X = rng.random((40, 3)) @ rng.random((3, 30)) + 0.01 * rng.random((40, 30))
    assert NMF(random_state=0, tol=0).fit(X).n_components_ == 3


def their_objective(X, W, H, model):
    (n, m), alpha = X.shape, (model.alpha_W, model.alpha_W if model.alpha_H == "same" else model.alpha_H)
    total = np.square(X - W @ H).sum() / 2
    for a, entries, F in zip(alpha, (m, n), (W, H), strict=True):
        total += a * entries * (model.l1_ratio * F.sum() + (1 - model.l1_ratio) / 2 * np.square(F).sum())
    return total


@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
@pytest.mark.parametrize(("alpha_H", "l1_ratio"), [("same", 0.0), (0.002, 0.5), ("same", 1.0)])
def test_penalties_are_scikit_learns_to_the_last_factor(alpha_H, l1_ratio):
    X = digits()
    options = {"alpha_W": 0.004, "alpha_H": alpha_H, "l1_ratio": l1_ratio, "max_iter": 2000, "random_state": 0}
    ours = NMF(6, tol=1e-7, **options)
    theirs = THEIR_NMF(6, tol=1e-6, **options)
    pairs = [(model.fit_transform(X), model.components_, model) for model in (ours, theirs)]
    mine, reference = (their_objective(X, *pair) for pair in pairs)
    assert ours.factorization_.objective == pytest.approx(mine, rel=1e-9)
    assert mine <= reference * 1.002
    np.testing.assert_allclose(ours.transform(X), pairs[0][0], atol=1e-6 * pairs[0][0].max())


def test_components_have_length_one_unless_penalties_decide_the_scale():
    model = NMF(3, random_state=0).fit(digits())
    np.testing.assert_allclose(np.linalg.norm(model.components_, axis=1), 1)
    penalized = NMF(3, alpha_W=0.004, max_iter=1000, random_state=0).fit(digits())
    assert not np.allclose(np.linalg.norm(penalized.components_, axis=1), 1, rtol=1e-3)


def test_a_penalty_on_one_factor_is_refused():
    with pytest.raises(IncompatibleError, match="alpha_H"):
        NMF(2, alpha_W=0.1, alpha_H=0.0).fit(SEED_X)


@pytest.mark.parametrize(
    "bad", [{"shuffle": True}, {"max_iter": 0}, {"tol": -1}, {"l1_ratio": 2}, {"init": "custom"}, {"n_components": 0}]
)
def test_bad_options_are_refused(bad):
    with pytest.raises(ParameterError):
        NMF(**{"n_components": 2} | bad).fit(SEED_X)


@pytest.mark.parametrize("beta_loss", ["kullback-leibler", 1.5])
def test_other_losses_transform_as_they_fit(beta_loss):
    X = digits(60) + 0.1
    model = NMF(3, solver="mu", beta_loss=beta_loss, max_iter=400, random_state=0)
    W = model.fit_transform(X)
    np.testing.assert_allclose(model.transform(X), W, atol=1e-5 * W.max())


def test_weights_of_rows_are_repetitions():
    X, rows = digits(30), np.arange(30) % 3
    options = {"max_iter": 4000, "tol": 1e-9, "random_state": 0}
    weighted = NMF(2, **options).fit(X, sample_weight=rows)
    repeated = NMF(2, **options).fit(np.repeat(X, rows, axis=0))
    models = [model.inverse_transform(model.transform(X)) for model in (weighted, repeated)]
    np.testing.assert_allclose(*models, atol=1e-3)


def test_missing_values_are_left_out():
    X = np.outer(np.arange(1.0, 9), [1.0, 2, 3, 4])
    holed = X.copy()
    holed[2, 1] = np.nan
    model = NMF(1, missing="mask", tol=1e-9, max_iter=2000)
    W = model.fit_transform(holed)
    np.testing.assert_allclose(model.inverse_transform(W), X, rtol=1e-3)
    with pytest.raises(ValueError, match="NaN"):
        NMF(1).fit(holed)


def test_it_lives_in_pipelines_and_searches():
    digit = load_digits()
    pipe = make_pipeline(NMF(4, random_state=0, tol=1e-3), KNeighborsClassifier(3))
    search = GridSearchCV(pipe, {"nmf__n_components": [2, 8]}, cv=2).fit(digit.data[:200], digit.target[:200])
    assert search.best_params_["nmf__n_components"] == 8
    assert list(search.best_estimator_[:1].get_feature_names_out())[:2] == ["nmf0", "nmf1"]
    assert clone(pipe[0]).get_params() == pipe[0].get_params()


class Watcher:
    """A callback of scikit-learn's that stops after five iterations."""

    def __init__(self):
        self.seen = []

    def setup(self, estimator, context):
        self.seen.append("setup")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.seen.append("begin")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        if context.task_name == "iteration":
            self.rows = fitted_estimator.transform(X)
            np.testing.assert_allclose(np.linalg.norm(fitted_estimator.components_, axis=1), 1)
        self.seen.append("end")
        return self.seen.count("end") == 5

    def teardown(self, estimator, context):
        self.seen.append("teardown")


def test_callbacks_see_each_iteration_and_can_stop():
    watcher = Watcher()
    model = NMF(3, random_state=0).set_callbacks(watcher).fit(digits())
    assert model.n_iter_ == 5
    assert watcher.seen == ["setup", "begin", *["begin", "end"] * 5, "end", "teardown"]
    assert watcher.rows.shape == (120, 3)


def test_it_agrees_with_the_function():
    X = digits()
    model = NMF(4, init="nndsvda", random_state=0, max_iter=500).fit(X)
    fit = imgnmf.factorize(X.T, 4, stop=imgnmf.RelativeDecrease(1e-4), max_iter=500)
    assert model.reconstruction_err_ == pytest.approx(fit.relative_error * np.linalg.norm(X), rel=1e-3)


def test_weights_and_penalties_together_are_refused():
    X = np.abs(np.random.default_rng(0).normal(size=(12, 6)))
    with pytest.raises(IncompatibleError, match="sample_weight with alpha_W"):
        NMF(2, alpha_W=0.1).fit(X, sample_weight=np.arange(1.0, 13.0))
    NMF(2, alpha_W=0.01).fit(X, sample_weight=np.ones(12))
