"""Save a model of several layers to one file and load it again, checked to the last byte.

The file is built as that of `imgnmf.save`: safetensors, and one JSON document with the SHA-256 of every tensor.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from imgnmf.archive import Tensors, check_tensor, digest_of, naming, read_checked, tensor_record
from imgnmf.archive_meta import MASK, ModelMeta, images_record, meta_from, meta_of
from imgnmf.archive_schema import NON_NEGATIVE, TEXT, check_factors, check_record, check_trace, list_of
from imgnmf.atomic import write_bytes
from imgnmf.errors import ArchiveError
from imgnmf.images import ImageSet
from imgnmf.studies.layers import Layer, LayeredFactorization

__all__ = ["FORMAT", "load_layers", "save_layers"]

FORMAT = 2  # files of format 1 say nothing of the images
ENTRY = "imgnmf-layers"
OBJECTIVE = "objective"
DEEP_RULES = {"split": TEXT, "greedy_error": NON_NEGATIVE, "reason": TEXT, "errors": list_of(NON_NEGATIVE)}


def save_layers(path: str | os.PathLike[str], deep: LayeredFactorization, images: ImageSet | None = None) -> None:
    """Write a model of several layers to one file, all of it or nothing.

    Parameters
    ----------
    path : str or path-like
        The file to write, by custom ``*.imgnmf``; its folder must exist. A file already there is replaced.
    deep : LayeredFactorization
        What `imgnmf.factorize_layers` returned.
    images : ImageSet, optional
        The images that were fitted; what is kept of them is as in `imgnmf.save`.

    Raises
    ------
    ShapeMismatchError
        The model is not of these images.
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import imgnmf
    >>> deep = imgnmf.factorize_layers(np.eye(6) + 1, ranks=(4, 2), max_iter=2000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_layers(pathlib.Path(folder) / "eye.imgnmf", deep)
    ...     again, meta = load_layers(pathlib.Path(folder) / "eye.imgnmf")
    >>> again.ranks, np.array_equal(again.basis(), deep.basis())
    ((4, 2), True)
    """
    from safetensors.numpy import save as to_bytes

    first = deep.layers[0]
    meta = ModelMeta() if images is None else meta_of(images, first.W, first.H, None)
    tensors = {name: np.ascontiguousarray(array) for name, array in _tensors_of(deep)}
    tensors |= {} if meta.mask is None else {MASK: meta.mask}
    document = {
        "format": FORMAT,
        "split": deep.split,
        "greedy_error": deep.greedy_error,
        "reason": deep.reason,
        "errors": [layer.relative_error for layer in deep.layers],
        # Memory order: products round the same way then.
        "fortran": [name for name, array in _tensors_of(deep) if not array.flags.c_contiguous],
        "images": images_record(meta),
        "tensors": {name: tensor_record(array) for name, array in tensors.items()},
    }
    text = json.dumps(document, sort_keys=True)
    write_bytes(path, to_bytes(tensors, {ENTRY: digest_of(text.encode()) + text}))


def load_layers(path: str | os.PathLike[str]) -> tuple[LayeredFactorization, ModelMeta]:
    """Read a model that `save_layers` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    deep : LayeredFactorization
    meta : ModelMeta
        What the file says about the images.

    Raises
    ------
    ArchiveError
        The file is damaged, no model of layers, or of a newer format. Nothing is ever loaded in part.

    Examples
    --------
    >>> load_layers("README.imgnmf")
    Traceback (most recent call last):
    imgnmf.errors.ArchiveError: README.imgnmf: cannot be read: No such file or directory
    """
    with naming(os.fspath(path)) as name:
        document, tensors = read_checked(name, ENTRY, range(1, FORMAT + 1))
        about = document.get("images")
        mask = tensors.pop(MASK) if about is not None and about["mask"] else None
        if mask is not None:
            check_tensor(MASK, mask, document["tensors"].pop(MASK))
        deep = _deep_from(document, tensors)
        if about is None:
            return deep, ModelMeta()
        return deep, meta_from(about, mask, deep.layers[0].W.shape[0], deep.layers[0].H.shape[1])


def _tensors_of(deep: LayeredFactorization) -> Iterator[tuple[str, Any]]:
    yield OBJECTIVE, deep.objective
    for place, layer in enumerate(deep.layers):
        yield f"W{place}", layer.W
        yield f"H{place}", layer.H


def _deep_from(document: dict[str, Any], tensors: Tensors) -> LayeredFactorization:
    check_record("model", document, DEEP_RULES)
    wanted = {OBJECTIVE, *(f"{kind}{place}" for place in range(len(document["errors"])) for kind in "WH")}
    if len(wanted) < 3 or set(tensors) != wanted or set(document["tensors"]) != wanted:
        raise ArchiveError(f"expected the tensors {sorted(wanted)}, found {sorted(tensors)}")
    for name, array in tensors.items():
        check_tensor(name, array, document["tensors"][name])
    for place in range(len(document["errors"])):
        check_factors(tensors[f"W{place}"], tensors[f"H{place}"])
    check_trace({OBJECTIVE: tensors[OBJECTIVE]})
    laid = {name: np.asfortranarray(x) if name in document["fortran"] else x for name, x in tensors.items()}
    layers = tuple(Layer(laid[f"W{i}"], laid[f"H{i}"], error) for i, error in enumerate(document["errors"]))
    _check_chain(layers, document["split"])
    return LayeredFactorization(
        layers, document["split"], document["greedy_error"], laid[OBJECTIVE], document["reason"]
    )


def _check_chain(layers: tuple[Layer, ...], split: str) -> None:
    if split not in ("H", "W"):
        raise ArchiveError(f"split must be H or W, found {split!r}")
    if not all(_joined(above, below, split) for above, below in pairwise(layers)):
        raise ArchiveError(f"the layers do not fit together: {[(x.W.shape, x.H.shape) for x in layers]}")


def _joined(above: Layer, below: Layer, split: str) -> bool:
    if split == "H":
        return bool(below.W.shape[0] == above.rank and below.H.shape[1] == above.H.shape[1])
    return bool(below.W.shape[0] == above.W.shape[0] and below.H.shape[1] == above.rank)
