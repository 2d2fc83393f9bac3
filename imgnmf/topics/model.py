"""Topics of texts: the term-document matrix taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from imgnmf.core.check import checked_choice
from imgnmf.core.choices import InitLike
from imgnmf.core.factorize import Callback, factorize
from imgnmf.core.interrupts import interruptible, own_best
from imgnmf.core.parts import Array
from imgnmf.core.result import Factorization
from imgnmf.errors import DataError, DataWarning, ParameterError, ShapeMismatchError, tell
from imgnmf.topics.texts import Texts, listed
from imgnmf.topics.words import Vocabulary, Weighting, vocabulary_of

__all__ = ["TopicModel", "find_topics", "shares_of"]

TopicLoss = Literal["kullback-leibler", "frobenius"]


# A word of less than this share of the strongest one's weight has none: multiplicative steps never reach 0.
LEAST = 1e-6
# Topics of the language reference know 51 % of its words, stop words and rare ones being out, 24 % of those of a
# docstring, 7 % of those of a novel, and none of German.
FEW_KNOWN = 0.1


@dataclass(frozen=True, eq=False)
class TopicModel:
    """What texts are about.

    Attributes
    ----------
    fit : Factorization
        Of the term-document matrix: `fit.W`, shape (n_words, k), its columns add up to 1, the share of each word in the
        topic; `fit.H`, shape (k, n_documents), how much of each topic a document holds: for Kullback-Leibler on
        counts, how many of its words.
    vocabulary : Vocabulary
    names : tuple of str
        One a document.
    """

    fit: Factorization
    vocabulary: Vocabulary
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.fit.W.shape[0] != len(self.vocabulary.words):
            raise ShapeMismatchError(
                f"W has {self.fit.W.shape[0]} rows, the vocabulary {len(self.vocabulary.words)} words"
            )

    @property
    def rank(self) -> int:
        """k, the number of topics."""
        return self.fit.rank

    def top_words(self, n: int = 10) -> tuple[tuple[tuple[str, float], ...], ...]:
        """The `n` strongest words of each topic with their shares, words of no weight left out."""
        words = self.vocabulary.words
        orders = np.argsort(-self.fit.W, axis=0, kind="stable")[:n].T
        return tuple(
            tuple((words[i], float(column[i])) for i in order if column[i] > LEAST * column.max())
            for column, order in zip(self.fit.W.T, orders, strict=True)
        )

    def shares(self) -> Array:
        """How much of each document belongs to each topic, shape (k, n_documents); see `shares_of`."""
        return shares_of(self.fit.H)

    def of_unseen(self, texts: Texts | Iterable[str]) -> Array:
        """How much of each topic texts hold that need not have been in the fit, shape (k, n_texts).

        Warns
        -----
        DataWarning
            A text has no word that the vocabulary knows: its topics are 0. Or of all their words few are known.
        """
        given = as_texts(texts)
        V = self.vocabulary.matrix(given.texts)
        tell_empty(V, given.names)
        self._tell_unknown(given)
        return self.fit.encode(V)

    def _tell_unknown(self, texts: Texts) -> None:
        share = self.vocabulary.known(texts.texts)
        if share < FEW_KNOWN:
            tell(
                f"of the words of these {len(texts)} text(s) the model knows {100 * share:.1f} %, so its topics say "
                "little of them; give texts of the language and the subjects of those that it was fitted to",
                DataWarning,
            )


@interruptible(own_best)
def find_topics(
    texts: Texts | Iterable[str],
    rank: int,
    *,
    loss: TopicLoss = "kullback-leibler",
    weighting: Weighting | None = None,
    stop_words: Literal["english"] | Iterable[str] | None = "english",
    min_df: int | float = 2,
    max_df: int | float = 0.95,
    init: InitLike = "nndsvd",
    max_iter: int = 500,
    time_limit: float | None = None,
    rng: int | np.random.Generator | None = 0,
    threads: int | None = None,
    callback: Callback | None = None,
) -> TopicModel:
    """Find what texts are about: words that occur together, and which text holds how much of them.

    Solves ``min loss(V, W H)`` for the sparse matrix V of words x documents (Xu, Liu & Gong 2003). With
    Kullback-Leibler on counts that is probabilistic latent semantic analysis (Ding, Li & Peng 2008).

    Parameters
    ----------
    texts : Texts or iterable of str
    rank : int
        k, the number of topics.
    loss : {"kullback-leibler", "frobenius"}
    weighting : {"counts", "tf-idf"}, optional
        None for counts with Kullback-Leibler, and tf-idf with Frobenius.
    stop_words, min_df, max_df
        Which words count: see `vocabulary_of`.
    init, max_iter, time_limit, rng, threads, callback
        As in `imgnmf.factorize`.

    Returns
    -------
    TopicModel
        The topics in falling order of the share of the documents that they explain.

    Raises
    ------
    DataError
        There is no text, or no word is left to count.
    ParameterError
        `rank` is above the number of words or documents, an option is out of bounds, or scikit-learn is missing.
    Interrupted
        At Ctrl-C, with the topics so far as its `best`, or None.

    Warns
    -----
    DataWarning
        A document holds no word that counts: it stays, and its topics are 0.

    Examples
    --------
    >>> pets, cars = ["the cat and the dog", "a dog, a cat, a dog"], ["car and bus", "a bus, a car, a bus"]
    >>> model = find_topics(pets + cars, 2)
    >>> sorted(words[0][0] for words in model.top_words())
    ['bus', 'dog']
    """
    given = as_texts(texts)
    checked_choice("loss", loss, ("kullback-leibler", "frobenius"))
    _check_number(rank, len(given))
    weighting = weighting if weighting is not None else ("counts" if loss == "kullback-leibler" else "tf-idf")
    vocabulary = vocabulary_of(given.texts, weighting=weighting, stop_words=stop_words, min_df=min_df, max_df=max_df)
    V = vocabulary.matrix(given.texts)
    _check_rank(rank, V.shape)
    tell_empty(V, given.names)

    def model_of(fit: Factorization) -> TopicModel:
        return TopicModel(_in_shares(fit), vocabulary, given.names)

    with interruptible(lambda fit: None if fit is None else model_of(fit)):
        fit = factorize(
            V, rank, loss=loss, init=init, max_iter=max_iter, time_limit=time_limit, rng=rng, threads=threads,
            callback=callback,
        )  # fmt: skip
    return model_of(fit)


def shares_of(H: Array) -> Array:
    """The columns scaled so that each adds up to 1; one of zeros stays.

    >>> shares_of(np.array([[3.0, 0.0], [1.0, 0.0]]))
    array([[0.75, 0.  ],
           [0.25, 0.  ]])
    """
    total = H.sum(axis=0)
    return np.asarray(H / np.where(total > 0, total, 1))


def as_texts(texts: Texts | Iterable[str]) -> Texts:
    """The texts with names; plain ones are called by their numbers.

    >>> as_texts(["a", "b"]).names
    ('0', '1')
    """
    if isinstance(texts, str):
        raise DataError("texts must be many, got one string; pass [text], or cut it: Texts((name,), (text,)).cut(...)")
    if isinstance(texts, Texts):
        given = texts
    else:
        plain = tuple(texts)
        given = Texts(tuple(map(str, range(len(plain)))), plain)
    wrong = next((i for i, text in enumerate(given.texts) if not isinstance(text, str)), None)
    if wrong is not None:
        raise DataError(f"texts must be strings, and number {wrong} is a {type(given.texts[wrong]).__name__}")
    if not len(given):
        raise DataError("no texts: at least one is needed")
    return given


def tell_empty(V: Any, names: Sequence[str]) -> None:
    """Warn of documents without a word that counts."""
    empty = np.flatnonzero(np.asarray(V.sum(axis=0)).ravel() == 0).tolist()
    if empty:
        tell(
            f"{len(empty)} document(s) without a word of the vocabulary ({listed(names[i] for i in empty)}): "
            "their topics are 0",
            DataWarning,
        )


def _check_number(rank: int, n_texts: int) -> None:
    """Refuse too few documents at once, before their words are counted."""
    if isinstance(rank, (int, np.integer)) and rank > n_texts:
        raise ParameterError(
            f"{n_texts} document(s) cannot have {rank} topics: give more documents, cut these by='paragraph', or pass "
            f"rank={n_texts} or less, with min_df=1 and max_df=1.0 where there are so few"
        )


def _check_rank(rank: int, shape: tuple[int, int]) -> None:
    if isinstance(rank, (int, np.integer)) and rank > min(shape):
        raise ParameterError(
            f"{rank} topics are more than there are words or documents: at most {min(shape)} for "
            f"{shape[0]} word(s) that count in {shape[1]} document(s); lower the rank, or min_df"
        )


def _in_shares(fit: Factorization) -> Factorization:
    """The same product, each column of W adding up to 1, the topic that explains most first."""
    total = fit.W.sum(axis=0, dtype=np.float64)
    scale = np.where(total > 0, total, 1)
    W, H = fit.W / scale, fit.H * scale[:, None]
    order = np.argsort(-H.sum(axis=1), kind="stable")
    return replace(
        fit,
        W=np.asfortranarray(W[:, order].astype(fit.W.dtype)),
        H=np.ascontiguousarray(H[order].astype(fit.H.dtype)),
    )
