"""What the README claims beside scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import imgnmf

sklearn = pytest.importorskip("sklearn.decomposition")

RANK = 25


@pytest.fixture(scope="module")
def V():
    return imgnmf.load_dataset("lfw-faces").V


@pytest.fixture(scope="module")
def peer_error(V):
    peer = sklearn.NMF(RANK, init="nndsvda", max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on some builds it has not converged by then
        product = peer.fit_transform(V.T) @ peer.components_
    return np.linalg.norm(V.T - product) / np.linalg.norm(V)


def test_the_error_is_that_of_scikit_learn_in_every_unit(V, peer_error):
    levels = np.rint(V * 255).astype(np.uint8)
    for version in (V, V * 255, V.astype(np.float32), levels):
        assert imgnmf.factorize(version, RANK).relative_error <= 1.01 * peer_error
