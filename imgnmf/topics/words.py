"""The words that count, and the term-document matrix: scikit-learn's vectorizers do the work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from imgnmf.core.check import checked_choice
from imgnmf.core.parts import Array
from imgnmf.core.sparse import as_stored
from imgnmf.errors import DataError, ParameterError
from imgnmf.images.extras import needed

__all__ = ["Vocabulary", "Weighting", "presence", "vocabulary_of"]

Weighting: TypeAlias = Literal["counts", "tf-idf"]

# At least two letters, digits or underscores, the first no digit: a vocabulary of page numbers helps nobody.
WORD = r"(?u)\b[^\W\d]\w+\b"


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words, and how each counts.

    Attributes
    ----------
    words : tuple of str
        One a row of the matrix, in the order of the alphabet.
    idf : array, shape (n_words,), optional
        Inverse document frequencies, for tf-idf; None for plain counts.

    Examples
    --------
    >>> Vocabulary(("cat", "dog")).matrix(["Dog, cat, dog!", "no animal"]).toarray()
    array([[1, 0],
           [2, 0]])
    """

    words: tuple[str, ...]
    idf: Array | None = None

    @property
    def weighting(self) -> Weighting:
        """``"counts"`` or ``"tf-idf"``."""
        return "counts" if self.idf is None else "tf-idf"

    def matrix(self, texts: Iterable[str]) -> Any:
        """The sparse term-document matrix (n_words, n_texts), a text a column; other words are passed over.

        Counts are whole numbers; with tf-idf a column has length 1, or 0 where no word is known.
        """
        tools = _vectorizers()
        if self.idf is None:
            made = tools.CountVectorizer(vocabulary=list(self.words), token_pattern=WORD)
        else:
            made = tools.TfidfVectorizer(vocabulary=list(self.words), token_pattern=WORD)
            made.idf_ = self.idf
        return as_stored(made.transform(list(texts)).T)


def vocabulary_of(
    texts: Sequence[str],
    *,
    weighting: Weighting = "counts",
    stop_words: Literal["english"] | Iterable[str] | None = "english",
    min_df: int | float = 2,
    max_df: int | float = 0.95,
) -> Vocabulary:
    """Gather the words that are worth counting.

    Parameters
    ----------
    texts : sequence of str
    weighting : {"counts", "tf-idf"}
    stop_words : "english", iterable of str or None
        Words that say nothing; None for none. The list of English ones is scikit-learn's.
    min_df, max_df : int or float
        Leave out words in fewer or more documents: whole numbers are documents, fractions shares of them.

    Returns
    -------
    Vocabulary

    Raises
    ------
    DataError
        No word is left.
    ParameterError
        An option is out of bounds, or scikit-learn is missing.

    Examples
    --------
    >>> vocabulary_of(["a cat and a dog", "the dog", "cat, cow"]).words
    ('cat', 'dog')
    """
    checked_choice("weighting", weighting, ("counts", "tf-idf"))
    chosen = stop_words if stop_words is None or isinstance(stop_words, str) else [w.lower() for w in stop_words]
    kind = _vectorizers().CountVectorizer if weighting == "counts" else _vectorizers().TfidfVectorizer
    made = kind(token_pattern=WORD, stop_words=chosen, min_df=min_df, max_df=max_df)
    try:
        made.fit(list(texts))
    except ValueError as reason:
        if isinstance(reason, TypeError):  # scikit-learn's kind for options out of bounds is both
            raise ParameterError(f"min_df, max_df or stop_words cannot be used: {reason}") from reason
        raise DataError(
            f"no words to count in {len(texts)} document(s) with min_df={min_df} and max_df={max_df}: {reason}"
        ) from reason
    return Vocabulary(
        tuple(map(str, made.get_feature_names_out())), None if weighting == "counts" else np.asarray(made.idf_)
    )


def presence(words: Sequence[str], texts: Iterable[str]) -> Any:
    """Which text holds which word, sparse (n_texts, n_words) of 0 and 1.

    >>> presence(("cat", "dog"), ["dog dog", "cat dog"]).toarray()
    array([[0, 1],
           [1, 1]])
    """
    made = _vectorizers().CountVectorizer(vocabulary=list(words), token_pattern=WORD, binary=True)
    return made.transform(list(texts))


def _vectorizers() -> Any:
    return needed("sklearn.feature_extraction.text", "sklearn", "counting words")
