"""`imgnmf topics`: find the topics of texts, or those of a saved model in other texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgnmf.archive import versions
from imgnmf.archive_topics import load_topics, save_topics
from imgnmf.commands.interrupted import or_best
from imgnmf.commands.output import MARKER, checked_folder, staged, write_json
from imgnmf.commands.progress import following
from imgnmf.commands.summary import finite
from imgnmf.commands.topic_files import Described, counted_in, label_of, write_documents, write_page, write_words
from imgnmf.errors import ParameterError, escaped
from imgnmf.topics import Texts, TopicModel, coherence, find_topics, python_reference, read_texts
from imgnmf.topics.texts import By

__all__ = ["REFERENCE", "TopicOptions", "Topics", "apply_topics", "describe_topics", "make_topics", "parsed_limit"]

REFERENCE = "python-reference"


@dataclass(frozen=True)
class TopicOptions:
    """How to find topics, as the user chose it on the command line.

    Examples
    --------
    >>> TopicOptions(rank=2, min_df="1").find(Texts(("a", "b"), ("cat", "bus"))).rank
    2
    """

    rank: int = 20
    loss: Any = "kullback-leibler"
    weighting: Any = None
    stop_words: str = "english"
    min_df: str = "2"
    max_df: str = "0.95"
    max_iter: int = 500
    time_limit: float | None = None
    rng: int = 0
    threads: int | None = None

    def find(self, texts: Texts) -> TopicModel:
        """Find the topics, after Ctrl-C the best so far; how far it is shows on a terminal."""
        given = {
            **vars(self),
            "stop_words": _stop_words(self.stop_words),
            "min_df": parsed_limit(self.min_df),
            "max_df": parsed_limit(self.max_df),
        }
        with following([self.rank]) as show:
            return or_best(find_topics, texts, callback=lambda state: show(self.rank, state), **given)[0]


@dataclass(frozen=True)
class Topics:
    """The model, what it says of which texts, and where it was written."""

    model: TopicModel
    documents: Described
    unseen: Described | None
    folder: Path


def make_topics(
    sources: Sequence[str], folder: str, *, by: By, unseen: Sequence[str], force: bool, options: TopicOptions
) -> Topics:
    """Find the topics of texts and those of unseen ones; write tables, figures, a page and the model."""
    target = checked_folder(folder, force=force)
    texts = _gathered(sources, by)
    others = _gathered(unseen, by) if unseen else None
    model = options.find(texts)
    documents = Described(model.names, model.fit.H)
    described = None if others is None else Described(others.names, model.of_unseen(others))
    with staged(target) as staging:
        write_words(staging, model)
        write_documents(staging, "documents", model, documents)
        if described is not None:
            write_documents(staging, "unseen", model, described)
        write_page(staging, model, documents, described)
        save_topics(staging / "topics.imgnmf", model)
        write_json(staging / MARKER, _account(sources, unseen, model, texts, others))
    return Topics(model, documents, described, target)


def apply_topics(path: str, sources: Sequence[str], folder: str, *, by: By, force: bool) -> Topics:
    """Write how much texts hold of the topics of a saved model."""
    target = checked_folder(folder, force=force)
    model = load_topics(path)
    texts = _gathered(sources, by)
    documents = Described(texts.names, model.of_unseen(texts))
    with staged(target) as staging:
        write_documents(staging, "documents", model, documents)
        account = {"made_by": "imgnmf", "model": path, "sources": list(sources), "n_documents": len(texts)}
        write_json(staging / MARKER, {**account, "rank": model.rank, "versions": versions()})
    return Topics(model, documents, None, target)


def describe_topics(path: str) -> str:
    """Return what is in a file of topics, a line a fact, and the top words of each."""
    model = load_topics(path)
    facts = {
        "topics": model.rank,
        "words": f"{len(model.vocabulary.words)}, {model.vocabulary.weighting}",
        "documents": len(model.names),
        "loss": model.fit.loss.name,
        "solver": model.fit.solver,
        "relative error": f"{model.fit.relative_error:.6g}",
        "iterations": model.fit.n_iter,
        "ended because": model.fit.reason,
    }
    facts |= {f"topic {number + 1}": label_of(words, 8) for number, words in enumerate(model.top_words(8))}
    return "\n".join(f"{name + ':':<16}{escaped(str(value))}" for name, value in facts.items())


def parsed_limit(text: str) -> int | float:
    """Return a number of documents, or a share of them.

    >>> parsed_limit("2"), parsed_limit("0.5"), parsed_limit("1.0")
    (2, 0.5, 1.0)
    """
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise ParameterError(f"expected a number of documents, or a share of them as 0.5, got {text!r}") from None


def _gathered(sources: Sequence[str], by: By) -> Texts:
    """The texts of all files, and of the language reference where it is named."""
    files = [source for source in sources if source != REFERENCE]
    found = [python_reference(by=by)] if REFERENCE in sources else []
    found += [read_texts(files, by=by)] if files else []
    names, texts = ([each for some in found for each in getattr(some, field)] for field in ("names", "texts"))
    return Texts(tuple(names), tuple(texts))


def _stop_words(text: str) -> Any:
    if text in ("english", "none"):
        return text if text == "english" else None
    return read_texts([text]).texts[0].split()


def _account(
    sources: Sequence[str], unseen: Sequence[str], model: TopicModel, texts: Texts, others: Texts | None
) -> dict[str, Any]:
    return {
        "made_by": "imgnmf",
        "sources": list(sources),
        "unseen": list(unseen),
        "rank": model.rank,
        "n_words": len(model.vocabulary.words),
        "n_documents": len(texts),
        "loss": model.fit.loss.name,
        "weighting": model.vocabulary.weighting,
        "relative_error": finite(model.fit.relative_error),
        "iterations": model.fit.n_iter,
        "reason": model.fit.reason,
        "topics": _topic_accounts(model, texts, others),
        "versions": versions(),
    }


def _topic_accounts(model: TopicModel, texts: Texts, others: Texts | None) -> list[dict[str, Any]]:
    words = model.top_words()
    plain = [[word for word, _ in topic] for topic in words]
    scores = {"npmi": coherence(plain, texts.texts)}
    if others is not None:
        scores["npmi_unseen"] = coherence(plain, others.texts)
    documents = Described(model.names, model.fit.H)
    share = f"share_of_{counted_in(model.vocabulary.weighting).replace(' ', '_')}"
    totals, mains, means = documents.totals(), documents.mains(), documents.means()
    return [
        {
            share: finite(totals[number]),
            "main_topic_of_documents": mains[number],
            "mean_share_of_a_document": finite(means[number]),
            **{name: finite(values[number]) for name, values in scores.items()},
            "words": {word: finite(weight) for word, weight in topic},
        }
        for number, topic in enumerate(words)
    ]
