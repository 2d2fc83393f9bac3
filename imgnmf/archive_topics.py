"""Save topics to one file and load them again, with all that unseen texts need; checked to the last byte.

The file is built as that of `imgnmf.save`; beside the fit it holds the words, how they were weighted, and the
documents' names. The texts themselves are not in it.
"""

from __future__ import annotations

import json
import os
from typing import Any, get_args

import numpy as np

from imgnmf.archive import (
    ModelMeta,
    Tensors,
    check_tensors,
    digest_of,
    document_of,
    fit_from,
    naming,
    read_checked,
    tensors_of,
)
from imgnmf.archive_meta import meta_from
from imgnmf.archive_schema import TEXT, check_record, list_of
from imgnmf.atomic import write_bytes
from imgnmf.errors import ArchiveError
from imgnmf.topics import TopicModel, Vocabulary
from imgnmf.topics.words import Weighting

__all__ = ["FORMAT", "is_topics", "load_topics", "save_topics"]

FORMAT = 1
ENTRY = "imgnmf-topics"
IDF = "idf"


def save_topics(path: str | os.PathLike[str], model: TopicModel) -> None:
    """Write topics to one file, all of it or nothing.

    Parameters
    ----------
    path : str or path-like
        The file to write, by custom ``*.imgnmf``; its folder must exist. A file already there is replaced.
    model : TopicModel
        What `imgnmf.topics.find_topics` returned.

    Raises
    ------
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from imgnmf.topics import find_topics
    >>> model = find_topics(["cat, dog", "dog, cat", "bus, car", "car, bus"], 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_topics(pathlib.Path(folder) / "pets.imgnmf", model)
    ...     again = load_topics(pathlib.Path(folder) / "pets.imgnmf")
    >>> np.array_equal(again.of_unseen(["one cat"]), model.of_unseen(["one cat"]))
    True
    """
    from safetensors.numpy import save as to_bytes

    tensors = tensors_of(model.fit)
    if model.vocabulary.idf is not None:
        tensors[IDF] = np.ascontiguousarray(model.vocabulary.idf)
    document = {
        **document_of(model.fit, ModelMeta(names=model.names), tensors),
        "format": FORMAT,
        "words": model.vocabulary.words,
        "weighting": model.vocabulary.weighting,
    }
    text = json.dumps(document, sort_keys=True)
    write_bytes(path, to_bytes(tensors, {ENTRY: digest_of(text.encode()) + text}))


def load_topics(path: str | os.PathLike[str]) -> TopicModel:
    """Read topics that `save_topics` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    TopicModel

    Raises
    ------
    ArchiveError
        The file is damaged, no model of topics, or of a newer format. Nothing is ever loaded in part.

    Examples
    --------
    >>> load_topics("README.imgnmf")
    Traceback (most recent call last):
    imgnmf.errors.ArchiveError: README.imgnmf: cannot be read: No such file or directory
    """
    with naming(os.fspath(path)) as name:
        document, tensors = read_checked(name, ENTRY, range(1, FORMAT + 1))
        weighted = document["weighting"] != "counts"
        check_tensors(document, tensors, (IDF,) if weighted else ())
        check_record("model", document, {"words": list_of(TEXT), "weighting": TEXT})
        vocabulary = Vocabulary(tuple(document["words"]), _idf_of(tensors, len(document["words"])))
        weightings = get_args(Weighting)
        if document["weighting"] not in weightings or len(set(vocabulary.words)) < len(vocabulary.words):
            raise ArchiveError(f"expected words that differ, weighted by {' or '.join(weightings)}; found others")
        fit = fit_from(document, tensors)
        meta = meta_from(document["images"], None, fit.W.shape[0], fit.H.shape[1])
        return TopicModel(fit, vocabulary, meta.names)


def is_topics(path: str | os.PathLike[str]) -> bool:
    """Return whether a file says that it holds topics; whether it is whole, `load_topics` sees.

    >>> is_topics("README.imgnmf")
    False
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), framework="np") as file:
            return ENTRY in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def _idf_of(tensors: Tensors, n_words: int) -> Any:
    idf = tensors.get(IDF)
    if idf is None:
        return None
    if idf.dtype.kind != "f" or idf.shape != (n_words,) or not np.isfinite(idf).all() or idf.min() < 0:
        raise ArchiveError(f"the weights of the words must be {n_words} finite, non-negative numbers, and are not")
    return idf
