"""The files of `imgnmf topics`: tables, figures, and a page in Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.atomic import write_text
from imgnmf.topics import TopicModel, shares_of

__all__ = ["Described", "counted_in", "label_of", "write_documents", "write_page", "write_words"]

SHOWN_WORDS, LISTED_WORDS, LISTED_DOCUMENTS = 8, 20, 5


@dataclass(frozen=True, eq=False)
class Described:
    """Documents and how much of each topic they hold, shape (k, n_documents)."""

    names: tuple[str, ...]
    H: NDArray[Any]

    def totals(self) -> list[float]:
        """Return the share of each topic in all counted words (or weights) together: long documents count more."""
        return [float(x) for x in shares_of(self.H.sum(axis=1, dtype=np.float64)[:, None])[:, 0]]

    def means(self) -> list[float]:
        """Return the share of each topic in a document, the mean over documents."""
        return [float(x) for x in shares_of(self.H.astype(np.float64)).mean(axis=1)]

    def mains(self) -> list[int]:
        """Return of how many documents each topic is the main one."""
        held = self.H[:, self.H.any(axis=0)]
        return [int(count) for count in np.bincount(held.argmax(axis=0), minlength=len(self.H))]

    def statements(self, weighting: str) -> list[str]:
        """Say of each topic how much of the documents it is, by words, by main topics and by document."""
        rows = zip(self.totals(), self.mains(), self.means(), strict=True)
        return [
            f"{100 * total:.1f} % of all {counted_in(weighting)}; main topic of {main} of {len(self.names)} documents; "
            f"{100 * mean:.1f} % of a document, the mean over documents"
            for total, main, mean in rows
        ]

    def strongest(self, topic: int, n: int) -> list[tuple[str, float]]:
        """Return the documents that hold most of a topic, and which share of each it is."""
        order = np.argsort(-self.H[topic], kind="stable")[:n]
        shares = shares_of(self.H)[topic]
        return [(self.names[i], float(shares[i])) for i in order if self.H[topic, i] > 0]


def counted_in(weighting: str) -> str:
    """Return what the shares of topics are shares of.

    >>> counted_in("counts"), counted_in("tf-idf")
    ('counted words', 'weights')
    """
    return "counted words" if weighting == "counts" else "weights"


def label_of(words: Sequence[tuple[str, float]], n: int = 3) -> str:
    """Return what to call a topic.

    >>> label_of([("cat", 0.5), ("dog", 0.3)])
    'cat, dog'
    """
    return ", ".join(word for word, _ in words[:n]) or "no word"


def write_words(folder: Path, model: TopicModel) -> None:
    """Write the top words of each topic as a table and a figure."""
    from imgnmf.viz import save_figure, topic_words

    rows = [
        (topic + 1, place + 1, word, f"{weight:.6g}")
        for topic, words in enumerate(model.top_words(LISTED_WORDS))
        for place, (word, weight) in enumerate(words)
    ]
    _write_csv(folder / "words.csv", [("topic", "place", "word", "weight"), *rows])
    save_figure(folder / "words.png", topic_words(model.top_words(SHOWN_WORDS), title="The words of each topic"))


def write_documents(folder: Path, name: str, model: TopicModel, documents: Described) -> None:
    """Write the topics of each document as a table and a figure."""
    from imgnmf.viz import save_figure, topic_documents

    labels = [f"{number + 1}: {label_of(words)}" for number, words in enumerate(model.top_words(3))]
    shares = shares_of(documents.H)
    rows = [
        (document, *(f"{share:.6g}" for share in column))
        for document, column in zip(documents.names, shares.T, strict=True)
    ]
    _write_csv(folder / f"{name}.csv", [("document", *labels), *rows])
    figure = topic_documents(shares, labels=labels, names=documents.names, title="The topics of each document")
    save_figure(folder / f"{name}.png", figure)


def write_page(folder: Path, model: TopicModel, documents: Described, unseen: Described | None) -> None:
    """Write the topics with their words and documents as topics.md."""
    fit = model.fit
    lines = [
        f"# {model.rank} topics of {len(documents.names)} document(s)",
        "",
        f"{len(model.vocabulary.words)} words, {model.vocabulary.weighting}, loss {fit.loss.name}, relative error "
        f"{100 * fit.relative_error:.1f} %, {fit.n_iter} iterations: {fit.reason}.",
        "",
        "![The words of each topic](words.png)",
        "",
        "![The topics of each document](documents.png)",
    ]
    if unseen is not None:
        lines += ["", f"The topics of {len(unseen.names)} document(s) not fitted:", "", "![Unseen](unseen.png)"]
    statements = documents.statements(model.vocabulary.weighting)
    for number, words in enumerate(model.top_words(LISTED_WORDS)):
        strongest = documents.strongest(number, LISTED_DOCUMENTS)
        lines += ["", *_section(number, words, statements[number], strongest)]
    write_text(folder / "topics.md", "\n".join(lines) + "\n")


def _section(
    number: int, words: Sequence[tuple[str, float]], statement: str, strongest: Sequence[tuple[str, float]]
) -> list[str]:
    return [
        f"## {number + 1}: {_literal(label_of(words))}",
        "",
        statement + ".",
        "",
        "- words: " + _with_shares(words),
        "- most of it is in, with its share of each: " + _with_shares(strongest),
    ]


def _with_shares(rows: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{_literal(name)} {100 * share:.1f} %" for name, share in rows) or "none"


def _literal(text: str) -> str:
    """Return text that Markdown shows as it is, on one line: file names hold anything."""
    escaped = "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-!|&~" else c for c in text)
    return " ".join(escaped.split())


def _write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    write_text(path, buffer.getvalue())
