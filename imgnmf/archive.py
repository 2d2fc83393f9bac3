"""Save a fit to one file and load it again, checked to the last byte; nothing in the file is ever run.

A file is a safetensors file (W, H and the trace) whose metadata holds one JSON document: what the model is,
and the SHA-256 of every tensor. The SHA-256 of the document stands before it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgnmf.archive_kinds import (
    ENDING,
    FORMAT,
    Fit,
    check_kind,
    relative_from,
    relative_needs,
    relative_record,
    relative_tensors,
    shows_groups,
)
from imgnmf.archive_meta import MASK, ModelMeta, fingerprint_of, images_record, meta_from, meta_of, versions
from imgnmf.archive_schema import (
    COUNT,
    NON_NEGATIVE,
    NULL,
    POSITIVE,
    TEXT,
    check_choice_record,
    check_factors,
    check_record,
    check_trace,
    list_of,
)
from imgnmf.atomic import write_bytes
from imgnmf.core.constraints import NonSmooth, Simplex, UpperBound
from imgnmf.core.losses import BetaDivergence, Frobenius
from imgnmf.core.penalties import Weight
from imgnmf.core.result import Factorization, Trace
from imgnmf.core.robust import L21, Huber
from imgnmf.errors import ArchiveError
from imgnmf.images import ImageSet, StoredImages

__all__ = ["FORMAT", "Fit", "ModelMeta", "fingerprint_of", "load", "save", "versions"]

PLAIN_FORMAT = 2  # of a Factorization; files of format 1 lack penalty_H, mask, steps, rng and the hash of the data
DIGITS = 64  # of a SHA-256 in hexadecimal

Tensors: TypeAlias = dict[str, NDArray[Any]]

FACTORS = ("W", "H")
TRACE = ("iteration", "seconds", "objective", "relative_error", "kkt")
LOSSES: Mapping[str, Any] = MappingProxyType({kind.__name__: kind for kind in (Frobenius, BetaDivergence, Huber, L21)})
CONSTRAINTS: Mapping[str, Any] = MappingProxyType({kind.__name__: kind for kind in (NonSmooth, Simplex, UpperBound)})
FIT_RULES = {**ENDING, "solver": TEXT, "init": TEXT, "floor": NON_NEGATIVE}
FIT_FIELDS = tuple(FIT_RULES)
PENALTY_RULES = dict.fromkeys(("l1", "l2", "overlap", "smooth"), NON_NEGATIVE) | {"grid": list_of(COUNT), "ties": NULL}


def save(
    path: str | os.PathLike[str],
    fit: Fit,
    images: ImageSet | StoredImages | None = None,
    *,
    rng: int | None = None,
) -> None:
    """Write a fit to one file, all of it or nothing.

    Parameters
    ----------
    path : str or path-like
        The file to write, by custom ``*.imgnmf``; its folder must exist. A file already there is replaced.
    fit : Factorization, FamilyFit or ProjectiveFactorization
        What `imgnmf.factorize`, a member of `imgnmf.family` or `imgnmf.factorize_projective` returned.
    images : ImageSet or StoredImages, optional
        The images that were fitted: size, names, labels, mask and preparation are kept, and the SHA-256 of the
        pixels; the pixels are not. Of stored images size and names alone are kept, of a "symmetric" fit all but the
        size.
    rng : int, optional
        What the fit was started with, for the record.

    Raises
    ------
    ArchiveError
        The loss is an object of your own, which a file cannot hold.
    ParameterError
        It is no fit.
    ShapeMismatchError
        The fit is not of these images.
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import imgnmf
    >>> fit = imgnmf.factorize(np.eye(4) + 1, rank=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "eye.imgnmf"
    ...     imgnmf.save(target, fit)
    ...     again, meta = imgnmf.load(target)
    >>> np.array_equal(again.W, fit.W), again.reason == fit.reason
    (True, True)
    """
    from safetensors.numpy import save as to_bytes

    check_kind(fit)
    meta = ModelMeta(rng=rng) if images is None else _meta_of(fit, images, rng)
    tensors = tensors_of(fit, meta.mask)
    about = _plain_record(fit) if isinstance(fit, Factorization) else relative_record(fit)
    document = json.dumps(_described(about, meta, tensors), sort_keys=True)
    # One entry: safetensors writes several in an order of its own, and equal fits should give equal files.
    write_bytes(path, to_bytes(tensors, {"imgnmf": digest_of(document.encode()) + document}))


def load(path: str | os.PathLike[str]) -> tuple[Fit, ModelMeta]:
    """Read a fit that `save` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    fit : Factorization, FamilyFit or ProjectiveFactorization
        What was saved, to the last bit; it encodes as it did.
    meta : ModelMeta
        What the file says about the images.

    Raises
    ------
    ArchiveError
        The file is damaged, no model, or of a newer format: the message says what was found and what is
        supported. Nothing is ever loaded in part.

    Examples
    --------
    >>> load("README.imgnmf")
    Traceback (most recent call last):
    imgnmf.errors.ArchiveError: README.imgnmf: cannot be read: No such file or directory
    """
    with naming(os.fspath(path)) as name:
        document, tensors = read_checked(name, "imgnmf", range(1, FORMAT + 1))
        related = document["format"] > PLAIN_FORMAT
        check_tensors(document, tensors, *(relative_needs(document) if related else ()))
        fit = relative_from(document, tensors, trace_from(tensors)) if related else fit_from(document, tensors)
        return fit, meta_from(document["images"], tensors.get(MASK), fit.W.shape[0], fit.H.shape[1])


def _meta_of(fit: Fit, images: ImageSet | StoredImages, rng: int | None) -> ModelMeta:
    if not shows_groups(fit):
        return meta_of(images, fit.W, fit.H, rng)
    # Its W has a row an image, which must not be taken for pixels.
    known = meta_of(images, images.V[:, :1], fit.H, rng)
    return replace(known, image_shape=None, mask=None, white=None)


def tensors_of(fit: Fit, mask: NDArray[np.bool_] | None = None) -> Tensors:
    """Return the arrays that a file holds of a fit, each by its name."""
    named = {name: getattr(fit, name) for name in FACTORS}
    named |= {f"trace.{name}": getattr(fit.trace, name) for name in TRACE}
    named |= relative_tensors(fit) | ({} if mask is None else {MASK: mask})
    # safetensors writes the memory as it lies, whatever the strides say.
    return {name: np.ascontiguousarray(array) for name, array in named.items()}


def document_of(fit: Factorization, meta: ModelMeta, tensors: Tensors) -> dict[str, Any]:
    """Return what a file says of a fit in words and numbers."""
    return _described(_plain_record(fit), meta, tensors)


def _described(about: dict[str, Any], meta: ModelMeta, tensors: Tensors) -> dict[str, Any]:
    records = {name: tensor_record(array) for name, array in tensors.items()}
    return {**about, "images": images_record(meta), "tensors": records}


def _plain_record(fit: Factorization) -> dict[str, Any]:
    return {
        "format": PLAIN_FORMAT,
        "fit": {name: getattr(fit, name) for name in (*FIT_FIELDS, "weight_scale")},
        # Ties hold in the fit alone: a result has none.
        "penalty_H": {name: value for name, value in asdict(fit.penalty_H).items() if name != "ties"},
        "constraint_H": None if fit.constraint_H is None else recorded(fit.constraint_H, CONSTRAINTS, "constraints"),
        "loss": recorded(fit.loss, LOSSES, "losses"),
    }


def recorded(made: Any, kinds: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Return an object of one of the kinds as plain values."""
    kind = type(made).__name__
    if kinds.get(kind) is not type(made):
        raise ArchiveError(f"a file holds the {what} {' and '.join(kinds)} only, and this fit's is {made!r}")
    return {"kind": kind, **asdict(made)}


def from_record(document: Mapping[str, Any], kinds: Mapping[str, Any], what: str) -> Any:
    """Return the object again."""
    check_choice_record(what, document)
    values: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in document.items()}
    return kinds[values.pop("kind")](**values)


def penalty_from(document: Mapping[str, Any]) -> Weight:
    """Return a penalty again; files of format 1 have none."""
    check_record("penalty", document, {name: PENALTY_RULES[name] for name in document})
    values: dict[str, Any] = {**document, "grid": tuple(document.get("grid", ()))}
    return Weight(**values)


def tensor_record(array: NDArray[Any]) -> dict[str, Any]:
    """Return what a file says of a tensor, to know it again."""
    return {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": digest_of(array.tobytes())}


def digest_of(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@contextmanager
def naming(name: str, what: str = "model") -> Iterator[str]:
    """Turn whatever goes wrong while a file is read into an `ArchiveError` that begins with the file's name."""
    try:
        yield name
    except ArchiveError as reason:
        raise ArchiveError(f"{name}: {reason}") from reason
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as reason:
        raise ArchiveError(f"{name}: the {what}'s description is incomplete or foreign ({reason})") from reason


def check_tensor(name: str, array: NDArray[Any], expected: Any) -> None:
    """Raise unless a tensor is the one that was saved."""
    if tensor_record(array) != expected:
        raise ArchiveError(f"damaged: the tensor {name} does not have the SHA-256 it was saved with")


def read_checked(name: str, entry: str, formats: range, what: str = "model") -> tuple[dict[str, Any], Tensors]:
    """Return the document that stands in the metadata as `entry`, its digest checked, and all tensors, unchecked."""
    from safetensors import SafetensorError, safe_open

    try:
        if os.path.isdir(name):
            raise ArchiveError(f"a {what} is a file, and this is a folder; give the name of the file")
        os.stat(name)
        with safe_open(name, framework="np") as file:
            document = _checked_document(file.metadata() or {}, entry, formats, what)
            return document, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except OSError as reason:
        raise ArchiveError(f"cannot be read: {reason.strerror or reason}") from reason
    except SafetensorError as reason:
        raise ArchiveError(f"damaged, or not a {what} that imgnmf saved ({reason})") from reason


def _checked_document(metadata: Mapping[str, str], entry: str, formats: range, what: str) -> dict[str, Any]:
    if set(metadata) != {entry}:
        raise ArchiveError(f"a safetensors file, but not a {what} that imgnmf saved, or one of another kind")
    digest, text = metadata[entry][:DIGITS], metadata[entry][DIGITS:]
    if digest_of(text.encode()) != digest:
        raise ArchiveError(f"damaged: the {what}'s description does not have the SHA-256 it was saved with")
    document: dict[str, Any] = json.loads(text)
    if document["format"] not in formats:
        raise ArchiveError(
            f"found format {document['format']}, supported is 1 to {formats[-1]}; install a newer imgnmf"
        )
    return document


def check_tensors(
    document: dict[str, Any], tensors: Tensors, more: tuple[str, ...] = (), signed: tuple[str, ...] = ()
) -> None:
    """Raise unless the tensors are those that were saved: of a fit, and `more`; factors that are not `signed` >= 0."""
    expected, masked = document["tensors"], document["images"].get("mask", False)
    wanted = {*FACTORS, *(f"trace.{name}" for name in TRACE), *([MASK] if masked else []), *more}
    if set(tensors) != wanted or set(expected) != wanted:
        raise ArchiveError(f"expected the tensors {sorted(wanted)}, found {sorted(tensors)}")
    for name, array in tensors.items():
        check_tensor(name, array, expected[name])
    check_factors(tensors["W"], tensors["H"], signed)


def trace_from(tensors: Tensors) -> Trace:
    """Return the trace that a file holds."""
    columns = {name: tensors[f"trace.{name}"] for name in TRACE}
    check_trace(columns)
    return Trace(**columns)


def fit_from(document: dict[str, Any], tensors: Tensors) -> Factorization:
    """Return the fit that a file holds, its tensors checked."""
    W, H = (tensors[name] for name in FACTORS)
    check_record("fit", document["fit"], FIT_RULES)
    values: dict[str, Any] = {name: document["fit"][name] for name in FIT_FIELDS}
    # Files that were written before weights had a scale have none.
    values["weight_scale"] = document["fit"].get("weight_scale", 1.0)
    check_record("fit", {"weight_scale": values["weight_scale"]}, {"weight_scale": POSITIVE})
    values["loss"] = from_record(document["loss"], LOSSES, "loss")
    values["penalty_H"] = penalty_from(document.get("penalty_H", {}))
    if document.get("constraint_H") is not None:
        values["constraint_H"] = from_record(document["constraint_H"], CONSTRAINTS, "constraint")
    # W as `factorize` lays it out: products round the same way then.
    return Factorization(np.asfortranarray(W), H, trace=trace_from(tensors), **values)
