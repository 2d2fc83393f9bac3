"""Do the words of a topic occur together? Measured on documents, best on ones that were not fitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import numpy as np

from imgnmf.core.check import checked_choice
from imgnmf.core.parts import Array
from imgnmf.errors import DataError
from imgnmf.topics.words import presence

__all__ = ["Measure", "coherence"]

Measure: TypeAlias = Literal["npmi", "umass"]


def coherence(topics: Sequence[Sequence[str]], texts: Iterable[str], *, measure: Measure = "npmi") -> Array:
    """The mean over all pairs of a topic's words of how much more often they share a document than by chance.

    ``npmi`` is ``log(p(a, b) / p(a) p(b)) / -log p(a, b)`` (Bouma 2009), -1 for words that never meet; ``umass`` is
    ``log((D(a, b) + 1) / D(b))``, `b` the word that stands before `a` (Mimno et al. 2011, eq. 1, there as a sum), where
    pairs whose `b` is in no document have no value and are left out.

    Parameters
    ----------
    topics : sequence of sequences of str
        The top words of each topic, the strongest first, in lower case.
    texts : iterable of str
        Documents, best ones that were not fitted.
    measure : {"npmi", "umass"}

    Returns
    -------
    array, shape (n_topics,)
        Larger is better: -1 to 1 for npmi. NaN for a topic without a pair that has a value.

    Raises
    ------
    DataError
        There is no document.

    Examples
    --------
    >>> coherence([["cat", "dog"], ["cat", "car"]], ["cat dog", "dog cat", "car", "bus"]).tolist()
    [1.0, -1.0]
    """
    checked_choice("measure", measure, ("npmi", "umass"))
    documents, words = list(texts), sorted({word for topic in topics for word in topic})
    if not documents:
        raise DataError("coherence needs at least one document to look for the words in")
    if not words:
        return np.full(len(topics), np.nan)
    seen = presence(words, documents)
    together = np.asarray((seen.T @ seen).toarray(), np.float64)
    place = {word: i for i, word in enumerate(words)}
    scores = [_mean_over_pairs(together, [place[word] for word in topic], len(documents), measure) for topic in topics]
    return np.array(scores, np.float64)


def _mean_over_pairs(together: Array, topic: list[int], n: int, measure: Measure) -> float:
    later, earlier = np.tril_indices(len(topic), -1)
    a, b = np.array(topic, int)[later], np.array(topic, int)[earlier]
    both, single = together[a, b], np.diag(together)
    values = _npmi(both / n, single[a] / n, single[b] / n) if measure == "npmi" else _umass(both, single[b])
    return float(values.mean()) if len(values) else float("nan")


def _npmi(both: Array, a: Array, b: Array) -> Array:
    values = np.full(len(both), -1.0)
    values[both == 1] = 1.0
    some = (both > 0) & (both < 1)
    values[some] = np.log(both[some] / (a[some] * b[some])) / -np.log(both[some])
    return values


def _umass(both: Array, before: Array) -> Array:
    known = before > 0
    return np.asarray(np.log((both[known] + 1) / before[known]))
