"""The kinds of fit that a file can hold beside a `Factorization`. A new one is one more line here."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

import imgnmf
from imgnmf import family
from tests.core.cases import low_rank
from tests.family.cases import blocks, signed

AFFINITY = blocks()[0]
POSITIVE = low_rank(20, 30, 3, noise=0.1)
RELATIVES = {
    "semi": (family.semi, signed()),
    "semi, float32": (family.semi, signed().astype(np.float32)),
    "semi, a rank of one": (lambda V, rank: family.semi(V, 1), signed()),
    "semi, another ridge": (partial(family.semi, ridge=0.2, init="svd"), signed(1)),
    "convex": (family.convex, signed(2, share=0.3)),
    "separable": (family.separable, POSITIVE),
    "separable, spa": (partial(family.separable, method="spa"), POSITIVE.astype(np.float32)),
    "minimum-volume": (family.minimum_volume, POSITIVE),
    "symmetric": (family.symmetric, AFFINITY),
    "projective": (imgnmf.factorize_projective, POSITIVE),
    "projective, float32": (imgnmf.factorize_projective, POSITIVE.astype(np.float32)),
}


def made(name):
    """The fit and the data that it is of."""
    fit, V = RELATIVES[name]
    return fit(V, 3), V


def plain_values(made):
    """All that a frozen dataclass holds, those within it spread out."""
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        if dataclasses.is_dataclass(value):
            yield from ((f"{field.name}.{name}", inner) for name, inner in plain_values(value))
        else:
            yield field.name, value


def identical(first, second):
    """To the last bit, type and layout of arrays included."""
    pairs = list(zip(plain_values(first), plain_values(second), strict=True))
    return type(first) is type(second) and all(a == b and _alike(x, y) for (a, x), (b, y) in pairs)


def _alike(first, second):
    if not isinstance(first, np.ndarray):
        return type(first) is type(second) and first == second
    layout = [(x.dtype, x.shape, x.flags.c_contiguous, x.flags.f_contiguous) for x in (first, second)]
    return layout[0] == layout[1] and first.tobytes() == second.tobytes()
