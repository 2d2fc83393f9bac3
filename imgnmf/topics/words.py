"""The words that count, and the term-document matrix: scikit-learn's vectorizers do the work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from imgnmf.core.check import checked_choice
from imgnmf.core.parts import Array
from imgnmf.core.sparse import as_stored
from imgnmf.errors import DataError, DataWarning, ParameterError, tell
from imgnmf.images.extras import needed

__all__ = ["Vocabulary", "Weighting", "presence", "vocabulary_of"]

Weighting: TypeAlias = Literal["counts", "tf-idf"]

# At least two letters, digits or underscores, the first no digit: a vocabulary of page numbers helps nobody.
WORD = r"(?u)\b[^\W\d]\w+\b"

# English stop words are 45 % of the words of Python's reference, 29 % of those of this package's code, 23 % of those of
# Debian's copyright files, 9 % of a German and 7 % of a French tale. Lists of keywords have none either, so it takes
# some of the commonest words of other languages too: the German tale has 23 % of them, the French one 18 %, the
# English texts 0.1 to 0.2 %.
FEW_STOP_WORDS, MANY_FOREIGN = 0.15, 0.05
FOREIGN = frozenset(
    {
        "der", "die", "das", "und", "den", "von", "mit", "ist", "nicht", "ein", "eine", "auf", "le", "la",
        "les", "de", "des", "et", "est", "un", "une", "que", "dans", "el", "los", "las", "una", "por", "con",
        "il", "di", "che", "per", "non", "della", "het", "een", "van", "dat", "niet", "och", "att", "det",
        "som", "en", "og", "til", "på", "não", "uma", "para", "nie", "się", "jest", "na", "не", "на", "что",
        "как", "это",
    }
)  # fmt: skip
# Thai, Lao, Burmese, Khmer, Japanese and Chinese have no spaces between words; Korean has.
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
MOST_UNSPACED = 0.5


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

    def known(self, texts: Iterable[str]) -> float:
        """Which share of all the words of some texts are in the vocabulary; 1 where there is no word at all.

        >>> Vocabulary(("cat", "dog")).known(["a cat or a dog"])
        0.6666666666666666
        """
        counted = Counter(word for text in texts for word in re.findall(WORD, text.lower()))
        total = counted.total()
        return sum(counted[word] for word in self.words) / total if total else 1.0


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

    Warns
    -----
    DataWarning
        The stop words are English and the texts seem not to be; or the texts have no spaces between words.

    Examples
    --------
    >>> vocabulary_of(["a cat and a dog", "the dog", "cat, cow"]).words
    ('cat', 'dog')
    """
    checked_choice("weighting", weighting, ("counts", "tf-idf"))
    _check_limits(min_df, max_df, len(texts))
    given = () if stop_words is None or stop_words == "english" else stop_words
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ParameterError(f"stop_words must be 'english', a list of words or None, got {stop_words!r}")
    words = list(given)
    if not all(isinstance(word, str) for word in words):
        raise ParameterError(f"stop_words must be words, got {words!r}")
    chosen = stop_words if stop_words is None or isinstance(stop_words, str) else [w.lower() for w in words]
    kind = _vectorizers().CountVectorizer if weighting == "counts" else _vectorizers().TfidfVectorizer
    _tell_language(texts, english=isinstance(chosen, str))
    made = kind(token_pattern=WORD, stop_words=chosen, min_df=min_df, max_df=max_df)
    try:
        made.fit(list(texts))
    except ValueError as reason:
        raise DataError(
            f"no words to count: none of {len(texts)} document(s) holds a word of two letters or more that is in at "
            f"least min_df={min_df} and at most max_df={max_df} of them and no stop word; take a lower min_df, a "
            "higher max_df, other stop_words, or more text"
        ) from reason
    return Vocabulary(
        tuple(map(str, made.get_feature_names_out())), None if weighting == "counts" else np.asarray(made.idf_)
    )


def _tell_language(texts: Sequence[str], *, english: bool) -> None:
    """Warn where words are not what stands between spaces, or where the English stop words are of no use."""
    words = Counter(word for text in texts for word in re.findall(WORD, text.lower()))
    characters = sum(count * len(word) for word, count in words.items())
    unspaced = sum(count * len(UNSPACED.findall(word)) for word, count in words.items())
    if unspaced > MOST_UNSPACED * characters:
        tell(
            "most of these texts are written without spaces between words, so a whole sentence counts as one word: put "
            "spaces between the words first, by a program that segments words of this language",
            DataWarning,
        )
        return
    if not english:
        return
    total = max(words.total(), 1)
    stopped = sum(words[word] for word in _vectorizers().ENGLISH_STOP_WORDS) / total
    foreign = sum(words[word] for word in FOREIGN) / total
    if stopped < FEW_STOP_WORDS and foreign > MANY_FOREIGN:
        tell(
            f"these texts seem not to be English: English stop words are {100 * stopped:.1f} % of their words, and 40 "
            "to 50 % of English prose; give the stop words of their language, stop_words=[...], or topics will be "
            "made of them",
            DataWarning,
        )


def _check_limits(min_df: Any, max_df: Any, n_texts: int) -> None:
    """Refuse limits that are none, and those that no word can keep: a single document has no word in two."""
    least, most = (_documents(*limit, n_texts) for limit in (("min_df", min_df), ("max_df", max_df)))
    if least > most:
        raise DataError(
            f"min_df={min_df} asks for words in at least {least:g} of {n_texts} document(s), and max_df={max_df} for "
            f"words in at most {most:g}: none can be. Take min_df=1 and max_df=1.0, give more documents, or cut these "
            "into paragraphs: by='paragraph'"
        )


def _documents(name: str, limit: Any, n_texts: int) -> float:
    """How many documents a limit stands for."""
    whole = isinstance(limit, (int, np.integer)) and not isinstance(limit, bool)
    if not (whole and limit >= 1) and not (isinstance(limit, (float, np.floating)) and 0 <= limit <= 1):
        raise ParameterError(
            f"{name} must be a whole number of documents >= 1, or a share of them within 0.0 .. 1.0; got {limit!r}"
        )
    return float(limit) if whole else float(limit) * n_texts


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
