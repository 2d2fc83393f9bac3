"""The peers' own default runs: their seconds, and their final factors as ours, on the same pixels in 0..1."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

__all__ = ["PeerRun", "scikit_learn", "scikit_learn_minibatch"]


@dataclass(frozen=True)
class PeerRun:
    """How long a peer took, and the model ``W H`` that it ended with."""

    seconds: float
    model: NDArray[Any]


def scikit_learn(V: NDArray[Any], rank: int, beta: float) -> PeerRun:
    """``NMF`` at its defaults, 200 iterations at most: "cd" for Frobenius, "mu" for the others."""
    from sklearn.decomposition import NMF

    solver = "cd" if beta == 2 else "mu"
    return _timed(NMF(rank, init="nndsvda", solver=solver, beta_loss=beta, max_iter=200, random_state=0), V)


def scikit_learn_minibatch(V: NDArray[Any], rank: int) -> PeerRun:
    """``MiniBatchNMF`` at its defaults, with the fresh restarts without which its error is meaningless."""
    from sklearn.decomposition import MiniBatchNMF

    return _timed(MiniBatchNMF(rank, random_state=0, fresh_restarts=True), V)


def _timed(estimator: Any, V: NDArray[Any]) -> PeerRun:
    X = np.ascontiguousarray(V.T)
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        H = estimator.fit_transform(X)
        seconds = time.perf_counter() - started
    return PeerRun(seconds, (H @ estimator.components_).T)
