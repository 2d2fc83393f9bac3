"""Signed data: semi-NMF against the SVD and k-means, convex NMF's parts against the cone of the images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2
from scipy.optimize import nnls

from imgnmf import errors, factorize, family
from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.measures import relative_error
from imgnmf.family.clusters import clustered
from imgnmf.family.kernels import _share_loops, share_sweep
from tests.core.cases import low_rank
from tests.family.cases import signed


def svd_error(V, rank):
    values = np.linalg.svd(V, compute_uv=False)
    return np.sqrt(np.square(values[rank:]).sum() / np.square(values).sum())


@pytest.mark.parametrize("rank", [2, 3, 5])
def test_semi_nmf_lies_between_the_svd_and_the_svd_of_one_part_less(rank):
    for V in (signed(3), np.random.default_rng(0).standard_normal((12, 30))):
        fit = family.semi(V, rank, init="svd", ridge=1e-6)
        assert svd_error(V, rank) <= fit.relative_error * (1 + 1e-9)
        assert fit.relative_error <= svd_error(V, rank - 1) * (1 + 1e-3)


@pytest.mark.parametrize("init", ["kmeans", "svd"])
def test_semi_nmf_of_positive_images_is_as_good_as_the_svd(init):
    # The leading singular vector is positive, so that any other can be lifted by it (Gillis & Kumar 2015).
    V = low_rank(30, 40, 8, noise=0.3) + 0.1
    fit = family.semi(V, 5, init=init, ridge=1e-6)
    assert fit.relative_error == pytest.approx(svd_error(V, 5), rel=2e-3)
    assert fit.relative_error < factorize(V, 5, max_iter=3000).relative_error


def test_semi_nmf_finds_planted_factors_exactly_enough():
    rng = np.random.default_rng(1)
    W, H = rng.standard_normal((20, 4)), rng.gamma(1.0, size=(4, 60)) * (rng.random((4, 60)) < 0.5)
    assert family.semi(W @ H, 4, ridge=0).relative_error < 1e-3


@pytest.mark.parametrize("member", [family.semi, family.convex])
def test_from_cluster_centres_the_fit_is_no_worse_than_k_means(member):
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((6, 4))
    truth = rng.integers(0, 4, 80)
    V = centres[:, truth] + 0.3 * rng.standard_normal((6, 80))
    found, labels = kmeans2(V.T, centres.T, minit="matrix")
    fit = member(V, 4, ridge=0, max_iter=4000)
    assert fit.relative_error < relative_error(V, found[labels].T)
    assert fit.encode(V[:, :3]).min() >= 0


def split(M):
    return np.maximum(M, 0), np.maximum(-M, 0)


def ding_semi(V, H, rounds):
    """The rules of Ding, Li and Jordan (2010) for semi-NMF."""
    for _ in range(rounds):
        W = V @ H.T @ np.linalg.pinv(H @ H.T)
        (plus, minus), (gram_plus, gram_minus) = split(W.T @ V), split(W.T @ W)
        H = H * np.sqrt((plus + gram_minus @ H) / (minus + gram_plus @ H + 1e-12))
    return V @ H.T @ np.linalg.pinv(H @ H.T), H


def ding_convex(V, G, H, rounds):
    """And for convex NMF."""
    plus, minus = split(V.T @ V)
    for _ in range(rounds):
        H = H * np.sqrt((G.T @ (plus + minus @ G @ H)) / (G.T @ (minus + plus @ G @ H) + 1e-12))
        gram = H @ H.T
        G = G * np.sqrt((plus @ H.T + minus @ G @ gram) / (minus @ H.T + plus @ G @ gram + 1e-12))
    return G, H


def test_the_published_rules_end_no_lower_and_find_nothing_to_gain():
    rng = np.random.default_rng(0)
    V = signed(5, share=0.3)
    semi, convex = family.semi(V, 3, ridge=0), family.convex(V, 3, ridge=0)
    G, H = rng.random((V.shape[1], 3)), rng.random((3, V.shape[1]))
    theirs = relative_error(V, np.matmul(*ding_semi(V, H, 3000)))
    assert semi.relative_error <= theirs * (1 + 1e-3)
    onward = relative_error(V, np.matmul(*ding_semi(V, semi.H + 1e-9, 50)))
    assert onward == pytest.approx(semi.relative_error, rel=1e-3)
    G, H = ding_convex(V, G, H, 3000)
    assert convex.relative_error <= relative_error(V, V @ G @ H) * (1 + 1e-3)
    G, H = ding_convex(V, convex.shares + 1e-9, convex.H + 1e-9, 50)
    assert relative_error(V, V @ G @ H) == pytest.approx(convex.relative_error, rel=1e-3)


def test_convex_nmf_separates_clusters_that_face_different_ways():
    rng = np.random.default_rng(0)
    truth = np.arange(80) % 4
    V = 5 * np.eye(6)[:, truth] + 0.3 * rng.standard_normal((6, 80))
    fit = family.convex(V, 4)
    assert len(set(zip(fit.labels, truth, strict=True))) == 4


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_parts_of_convex_nmf_lie_in_the_cone_of_the_images(share):
    V = signed(4, share=share)
    fit = family.convex(V, 3)
    np.testing.assert_allclose(fit.W, V @ fit.shares, atol=1e-12 * np.abs(V).max())
    np.testing.assert_allclose(fit.shares.sum(axis=0), 1)
    assert fit.shares.min() >= 0
    for part in fit.W.T:
        assert nnls(V, part)[1] <= 1e-9 * np.linalg.norm(part)


def test_parts_in_the_cone_cost_error():
    V = low_rank(30, 60, 6, noise=0.3)
    plain, convex, semi = (f(V, 4, max_iter=4000) for f in (factorize, family.convex, family.semi))
    assert semi.relative_error < plain.relative_error < convex.relative_error


def test_without_a_ridge_parts_of_centred_images_take_each_other_away():
    V = signed(0)
    energies = {}
    for ridge in (0.0, 1e-3):
        fit = family.semi(V, 3, ridge=ridge)
        energies[ridge] = np.square(fit.W).sum(axis=0) @ np.square(fit.H).sum(axis=1) / np.square(V).sum()
    assert energies[0.0] > 1e4
    assert energies[1e-3] < 1e2


@pytest.mark.parametrize("member", [family.semi, family.convex])
@pytest.mark.parametrize("ridge", [-1, np.nan, np.inf, "0", True, None])
def test_a_ridge_that_is_none_is_refused(member, ridge):
    with pytest.raises(errors.ParameterError, match="ridge must be"):
        member(signed(), 3, ridge=ridge)


def test_every_cluster_has_an_image_even_where_all_are_the_same():
    for V in (np.ones((3, 7)), np.eye(3), np.random.default_rng(0).random((2, 3000))):
        blocks = ColumnBlocks(V, np.dtype(np.float64))
        drawn, labels, centres = clustered(blocks, 3, np.random.default_rng(0))
        np.testing.assert_allclose(centres[1], V[:, drawn[labels == 1]].mean(axis=1))
        assert len(drawn) == len(labels) == min(V.shape[1], 2000)
        assert set(labels) == {0, 1, 2}


def test_the_compiled_round_over_shares_is_the_plain_one():
    rng = np.random.default_rng(0)
    images, G, H = rng.standard_normal((9, 5)), rng.random((9, 3)), rng.random((3, 9))
    images[4] = 0
    W, gram = G.T @ images, H @ H.T
    slopes = gram @ W - H @ images
    one, other = [G.copy(), W.copy(), slopes.copy()], [G.copy(), W.copy(), slopes.copy()]
    share_sweep(images, gram, *one)
    _share_loops(images, gram, *other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    np.testing.assert_allclose(one[1], one[0].T @ images, atol=1e-12)
    np.testing.assert_allclose(one[2], gram @ one[1] - H @ images, atol=1e-12)
