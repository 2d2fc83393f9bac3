"""`NMF` for scikit-learn: its names, one image a ROW. The only module that transposes.

scikit-learn's ``X`` is our ``V.T``, its ``W`` our ``H.T``, its ``components_`` our ``W.T``.
"""

from __future__ import annotations

import logging
import warnings
from functools import partial
from typing import Any

import numpy as np

from imgnmf.core.choices import InitLike
from imgnmf.core.factorize import State, factorize
from imgnmf.core.inits import NNDSVD, GivenFactors, RandomInit
from imgnmf.core.interrupts import interruptible
from imgnmf.core.losses import Frobenius, Loss
from imgnmf.core.penalties import NO_PENALTY, Weight
from imgnmf.core.result import Factorization, History
from imgnmf.core.stopping import RelativeDecrease
from imgnmf.errors import ConvergenceWarning, DataWarning, IncompatibleError, ParameterError, tell
from imgnmf.estimator_options import check_options, loss_meant, solver_meant
from imgnmf.images.extras import needed
from imgnmf.validation import as_array, plain_numbers, unmasked

__all__ = ["NMF"]

base: Any = needed("sklearn.base", "sklearn", "imgnmf.estimator")
callbacks: Any = needed("sklearn.callback", "sklearn", "imgnmf.estimator, with scikit-learn 1.9 or later,")
validation: Any = needed("sklearn.utils.validation", "sklearn", "imgnmf.estimator")

MOST_RANKS = 20  # that n_components="auto" tries
FLOATS = (np.float64, np.float32)
UNMASKED = "Pass missing='mask' to the estimator to leave them out, or X.filled(0) if they are zeros"


class NMF(
    callbacks.CallbackSupportMixin,  # type: ignore[misc]
    base.ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    base.TransformerMixin,  # type: ignore[misc]
    base.BaseEstimator,  # type: ignore[misc]
):
    """Non-negative matrix factorization with scikit-learn's names: ``X ~ W components_``.

    Minimises scikit-learn's objective: the loss, plus ``alpha_W n_features`` and ``alpha_H n_samples`` times
    ``l1_ratio |F|_1 + (1 - l1_ratio) / 2 |F|^2`` of W and of `components_`.

    Parameters
    ----------
    n_components : int, "auto" or None
        "auto" for what `imgnmf.choose_rank` advises, None for n_features.
    init : {None, "random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or Init
        None for NNDSVD parts and the coefficients that fit them; a random start if there are too few rows or columns.
    solver : {"cd", "mu", "hals", "anls", "pg", "newton"} or Solver
        "cd", coordinate descent, is our "hals".
    beta_loss : float, {"frobenius", "kullback-leibler", "itakura-saito"} or Loss
    tol : float
        Of `RelativeDecrease`; 0 to go on to `max_iter`.
    max_iter : int
    random_state : int, RandomState or None
    alpha_W, alpha_H, l1_ratio : float
        Penalties, exactly scikit-learn's; a penalty on one factor alone is refused.
    verbose : int
        Above 0, each iteration is a record of level INFO in the log ``imgnmf.estimator``.
    shuffle : bool
        False: the order of a sweep is fixed here.
    missing : {"error", "mask"}
        Refuse NaN, or leave it out, in `fit` and in `transform`.

    Attributes
    ----------
    components_ : array, shape (n_components, n_features)
        Without penalties each row has Euclidean length 1, and the scale is in the coefficients: columns of `transform`
        can be compared. scikit-learn's own NMF leaves the scale open.
    n_components_, n_iter_, n_features_in_ : int
    reconstruction_err_ : float
        ``sqrt(2 loss)``, as there: for Frobenius the norm of ``X - W components_``.
    factorization_ : Factorization

    Raises
    ------
    ValueError
        Of the kinds in `imgnmf.errors`.
    Interrupted
        At Ctrl-C, so that searches and loops end too; its `best` is None.

    Examples
    --------
    >>> X = np.array([[1, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> model = NMF(n_components=2, init="random", random_state=0)
    >>> model.fit_transform(X).shape, bool(model.reconstruction_err_ < 0.00116)
    ((6, 2), True)
    """

    def __init__(
        self,
        n_components: int | str | None = "auto",
        *,
        init: Any = None,
        solver: Any = "cd",
        beta_loss: Any = "frobenius",
        tol: float = 1e-4,
        max_iter: int = 200,
        random_state: Any = None,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        verbose: int = 0,
        shuffle: bool = False,
        missing: str = "error",
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.shuffle = shuffle
        self.missing = missing

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> NMF:
        """Learn the parts of `X`, shape (n_samples, n_features); rows count by `sample_weight`, (n_samples,)."""
        self.fit_transform(X, y, sample_weight=sample_weight)
        return self

    @callbacks.with_callbacks  # type: ignore[untyped-decorator]
    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None, *, sample_weight: Any = None) -> Any:
        """Learn the parts and return the coefficients, (n_samples, n_components); `W`, `H` for ``init="custom"``."""
        del y
        check_options(self)
        X = self._checked(X, reset=True)
        rows = validation._check_sample_weight(sample_weight, X, ensure_non_negative=True)
        kept = rows > 0
        if not kept.any():
            raise ParameterError("sample_weight is zero everywhere; give some rows a weight above 0")
        start = (H, W if W is None else as_array(W, "W")[kept])
        with interruptible():  # what was fitted before stays, or nothing: no half of a fit is left on the estimator
            fit = self._followed(X[kept], rows[kept], start)
        for name, value in _done(fit).items():
            setattr(self, name, value)
        coefficients = self.transform(X) if sample_weight is not None else np.ascontiguousarray(fit.H.T)
        self.reconstruction_err_ = _error(X, coefficients @ self.components_, fit.loss, rows)
        return coefficients

    def transform(self, X: Any) -> Any:
        """Coefficients of rows that need not have been in the fit, each exact on its own; see `encode`."""
        validation.check_is_fitted(self)
        return np.ascontiguousarray(self.factorization_.encode(self._checked(X, reset=False).T, missing=self.missing).T)

    def inverse_transform(self, X: Any) -> Any:
        """What the coefficients `X`, (n_samples, n_components), make: (n_samples, n_features)."""
        validation.check_is_fitted(self)
        return validation.check_array(X, dtype=FLOATS) @ self.components_

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.allow_nan = self.missing == "mask"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _checked(self, X: Any, *, reset: bool) -> Any:
        finite = "allow-nan" if self.missing == "mask" else True
        X = plain_numbers(unmasked(X, "X", self.missing, UNMASKED), "X") if isinstance(X, np.ndarray) else X
        options = {"dtype": FLOATS, "ensure_all_finite": finite, "ensure_non_negative": True}
        return validation.validate_data(self, X, reset=reset, **options)

    def _followed(self, X: Any, rows: Any, start: tuple[Any, Any]) -> Factorization:
        """The fit, each iteration told to the callbacks."""
        context = self._init_callback_context(max_subtasks=self.max_iter)
        context.call_on_fit_task_begin(estimator=self, X=X)

        def told(state: State) -> bool:
            if self.verbose:
                logging.getLogger(__name__).info("%d: %g", state.iteration, state.objective)
            task = context.subcontext(task_name="iteration").call_on_fit_task_begin(estimator=self, X=X)
            made = partial(_running, state, loss_meant(self.beta_loss), self._penalties(X.shape)[0])
            return bool(task.call_on_fit_task_end(estimator=self, X=X, reconstruction_attributes=made))

        fit = self._fitted(X, rows, start, told)
        context.call_on_fit_task_end(estimator=self, X=X, reconstruction_attributes=lambda: _done(fit))
        return fit

    def _fitted(self, X: Any, rows: Any, start: tuple[Any, Any], told: Any) -> Factorization:
        loss, penalties = loss_meant(self.beta_loss), self._penalties(X.shape)
        seed = int(validation.check_random_state(self.random_state).randint(2**31 - 1))
        rank = self._rank(X, loss, seed)
        V, weights = X.T, rows[None, :]
        if isinstance(loss, Frobenius) and penalties == (None, None):
            # Rows that weigh more are longer rows: no weights are needed, and W is the same.
            V, weights = V * np.sqrt(rows).astype(V.dtype), None
        elif np.ptp(rows) == 0 and rows[0] == 1:
            weights = None
        elif penalties != (None, None):
            raise IncompatibleError("sample_weight with alpha_W or alpha_H is not defined here; give one of them")
        options = {"loss": loss, "weights": weights, "missing": self.missing, "rng": seed}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.simplefilter("ignore", DataWarning)
            fit = factorize(
                V,
                rank,
                init=_init(self.init, V, rank, start, options),
                solver=solver_meant(self.solver),
                penalty_W=penalties[1],
                penalty_H=penalties[0],
                stop=RelativeDecrease(self.tol) if self.tol else (),
                max_iter=self.max_iter,
                callback=told,
                **options,
            )
        if not fit.converged and fit.reason.startswith("max_iter") and self.tol:
            kind = needed("sklearn.exceptions", "sklearn", "imgnmf.estimator").ConvergenceWarning
            tell(f"{fit.reason} before the fit had converged; raise max_iter or tol", kind)
        return fit

    def _rank(self, X: Any, loss: Loss, seed: int) -> Any:
        if self.n_components is None:
            return X.shape[1]
        if not isinstance(self.n_components, str):
            return self.n_components
        if np.isnan(X).any():
            raise IncompatibleError("n_components='auto' cannot choose among rows with NaN; give a number")
        # Each row once: an entry hidden in one copy of a row would be seen in the other.
        distinct = np.unique(X, axis=0)
        if min(distinct.shape) < 4 or not X.any():
            return 1
        from imgnmf.studies.choice import choose_rank

        ranks = range(1, min(MOST_RANKS, min(distinct.shape) // 2) + 1)
        return choose_rank(distinct.T, ranks, loss=loss, rng=seed).rank

    def _penalties(self, shape: tuple[int, int]) -> tuple[Weight | None, Weight | None]:
        """Of W and of `components_`, in scikit-learn's unit."""
        alphas = self.alpha_W, self.alpha_W if self.alpha_H == "same" else self.alpha_H
        if not any(alphas):
            return None, None
        if not all(alphas):
            raise IncompatibleError(
                f"alpha_W = {alphas[0]} with alpha_H = {alphas[1]}: a penalty on one factor is defeated by scale; "
                "give both, or alpha_H='same'"
            )
        strengths = [float(alpha) * n for alpha, n in zip(alphas, shape[::-1], strict=True)]
        made = [Weight(s * self.l1_ratio, s * (1 - self.l1_ratio)) for s in strengths]
        return made[0], made[1]


def _init(init: Any, V: Any, rank: Any, start: tuple[Any, Any], options: dict[str, Any]) -> InitLike:
    """The start; `start` is what the caller gave, their H and W."""
    fills: dict[Any, Any] = {"nndsvd": NNDSVD("zero"), "nndsvda": NNDSVD(), "nndsvdar": NNDSVD("random")}
    if isinstance(init, str) and init == "custom":
        if any(factor is None for factor in start):
            raise ParameterError("init='custom' needs both W and H, handed to fit_transform")
        return GivenFactors(as_array(start[0], "H").T, as_array(start[1], "W").T)
    if init is not None and not (isinstance(init, str) and init == "random"):
        chosen: InitLike = fills.get(init, init) if isinstance(init, str) else init
        return chosen
    # Only W: a start that does not depend on how often a row is there makes weights the same as repetitions.
    if not isinstance(rank, (int, np.integer)) or rank < 1:
        return RandomInit()
    if init is not None or rank > min(V.shape):
        drawn = np.random.default_rng(options["rng"]).random((V.shape[0], int(rank)))
        peak = float(np.nanmax(V)) or 1.0
        size = peak * float(np.sqrt(np.nansum(np.square(V / peak, dtype=np.float64)))) or 1.0
        return GivenFactors(drawn * np.sqrt(size / V.shape[0]))
    kind = NNDSVD("zero", lead_in=False)
    return GivenFactors(factorize(V, int(rank), init=kind, max_iter=0, **options | {"loss": Frobenius()}).W)


def _running(state: State, loss: Loss, penalty: Weight | None) -> dict[str, Any]:
    """What a callback may rebuild a fitted estimator from."""
    trace = History(rounding=0.0, reference=1.0).frozen(1.0)
    fit = Factorization(
        W=state.W,
        H=state.H,
        n_iter=state.iteration,
        converged=False,
        reason="running",
        objective=state.objective,
        relative_error=state.relative_error,
        trace=trace,
        loss=loss,
        penalty_H=penalty or NO_PENALTY,
    )
    return _done(fit.normalized("unit"))


def _done(fit: Factorization) -> dict[str, Any]:
    """What a fit leaves on the estimator."""
    parts = np.ascontiguousarray(fit.W.T)
    return {"factorization_": fit, "components_": parts, "n_iter_": fit.n_iter, "n_components_": fit.rank}


def _error(X: Any, model: Any, loss: Loss, rows: Any) -> float:
    seen = ~np.isnan(X)
    weights = seen * rows[:, None]
    return float(np.sqrt(2 * max(loss.value(np.where(seen, X, 0), model, weights), 0)))
