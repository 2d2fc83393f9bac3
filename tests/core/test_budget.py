"""What a fit may take: sizes are understood, and what cannot fit is refused before it begins."""

from __future__ import annotations

import numpy as np
import pytest

import imgnmf
from imgnmf.core.budget import bytes_of
from imgnmf.core.loading import in_words
from imgnmf.errors import MemoryBudgetError, ParameterError


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("500 mb", 5 * 10**8), ("1.5GiB", 3 * 2**29), ("12k", 12_000), ("7", 7), (2**40, 2**40)],
)
def test_sizes(text, size):
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "2 apples", "0", 0, -5, 1.5, True, [1]])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ParameterError, match="memory must be a size like '2GB'"):
        bytes_of(text)


def test_words():
    assert [in_words(n) for n in (12, 1500, 2.5e6, 120e9, 3e12)] == ["12 bytes", "1.5 kB", "2.5 MB", "120 GB", "3 TB"]


class Untouchable:
    """Nobody may read it."""

    shape, dtype = (256, 10**7), np.dtype(np.uint8)

    def __getitem__(self, index):
        raise AssertionError("it was read")


def test_what_cannot_fit_is_refused_before_anything_is_read_or_allocated():
    with pytest.raises(MemoryBudgetError) as refusal:
        imgnmf.factorize(Untouchable(), 64, memory="2GB")
    words = str(refusal.value)
    assert "needs about 7.7 GB beside V" in words
    assert "3 times H 7.7 GB" in words
    assert "take rank=16" in words
    assert "fit.encode" in words


def test_what_would_fit_by_the_advice_fits():
    with pytest.raises(MemoryBudgetError):
        imgnmf.factorize(Untouchable(), 17, memory="2GB")
    with pytest.raises(imgnmf.errors.DataError, match="it was read"):
        imgnmf.factorize(Untouchable(), 16, memory="2GB")


def test_a_fit_within_its_budget_is_the_same_fit():
    V = np.random.default_rng(0).random((30, 50))
    given, free = imgnmf.factorize(V, 3, memory="1GB"), imgnmf.factorize(V, 3)
    np.testing.assert_array_equal(given.W, free.W)
    with pytest.raises(MemoryBudgetError, match="or allow more memory"):
        imgnmf.factorize(V, 3, memory=1000)
