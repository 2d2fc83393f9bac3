"""The other use of the same matrix: what texts are about.

A column of V is a document and a row a word, V counts them, and ``V ~ W H`` finds topics: each column of W says how
often a topic uses each word, each column of H how much of each topic a document holds (Xu, Liu & Gong 2003). The
vectorizers are scikit-learn's (``install imgnmf[sklearn]``).
"""

from __future__ import annotations

from imgnmf.topics.coherence import coherence
from imgnmf.topics.model import TopicModel, find_topics, shares_of
from imgnmf.topics.texts import Texts, python_reference, read_texts
from imgnmf.topics.words import Vocabulary, vocabulary_of

__all__ = [
    "Texts",
    "TopicModel",
    "Vocabulary",
    "coherence",
    "find_topics",
    "python_reference",
    "read_texts",
    "shares_of",
    "vocabulary_of",
]
