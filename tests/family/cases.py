"""The members of the family, and the data that each is tried on. A new member is one more line here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from imgnmf import family
from tests.core.cases import low_rank


def scattered(m=20, n=200, rank=3, *, purest=0.8, noise=0.0, seed=0):
    """W, and mixtures of its parts with sums of 1, none of which holds more than `purest` of any part."""
    rng = np.random.default_rng(seed)
    W = 0.3 + rng.random((m, rank)) ** 2
    H = rng.dirichlet(np.full(rank, 0.4), 20 * n).T
    H = H[:, H.max(axis=0) <= purest][:, :n]
    assert H.shape[1] == n
    return W, W @ H + noise * rng.standard_normal((m, n)) * (W @ H).mean()


def blocks(sizes=(12, 9, 14), *, noise=0.05, seed=0):
    """An affinity with groups of these sizes, shuffled, and the group of each image."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    A = 0.8 * (labels[:, None] == labels) + noise * rng.random((len(labels), len(labels)))
    return (A + A.T) / 2, labels


def signed(seed=0, share=1.0):
    V = low_rank(30, 40, 5, noise=0.2, seed=seed)
    return V - share * V.mean(axis=1, keepdims=True)


@dataclass(frozen=True)
class Case:
    name: str
    fit: Any
    V: np.ndarray
    takes_signs: bool = False

    def __call__(self, V=None, rank=3, **options):
        return self.fit(self.V if V is None else V, rank, **options)


ITERATIVE = [
    Case("semi", family.semi, signed(), takes_signs=True),
    Case("semi svd", partial(family.semi, init="svd"), signed(1), takes_signs=True),
    Case("convex", family.convex, signed(2, share=0.3), takes_signs=True),
    Case("convex centred", partial(family.convex, ridge=0.01), signed(2), takes_signs=True),
    Case("convex positive", family.convex, low_rank(50, 30, noise=0.2), takes_signs=True),
    Case("minimum volume", family.minimum_volume, scattered(noise=0.01)[1].clip(0)),
    Case("minimum volume strong", partial(family.minimum_volume, strength=3.0), low_rank(25, 60, 6, noise=0.3)),
    Case("symmetric", family.symmetric, blocks()[0]),
    Case("symmetric graph", family.symmetric, family.affinity(low_rank(noise=0.1))),
]
DIRECT = [
    Case("spa", partial(family.separable, method="spa"), low_rank(noise=0.1)),
    Case("snpa", family.separable, low_rank(noise=0.1)),
    Case("snpa unit sum", partial(family.separable, unit_sum=True), low_rank(noise=0.1)),
]
MEMBERS = ITERATIVE + DIRECT
RANDOM = [case for case in ITERATIVE if not case.name.startswith("minimum")]


def name_of(case: object) -> str:
    return case.name if isinstance(case, Case) else repr(case)
