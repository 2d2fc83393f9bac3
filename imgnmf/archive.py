"""Save a fit to one file and load it again, checked to the last byte; nothing in the file is ever run.

A file is a safetensors file (W, H and the trace) whose metadata holds one JSON document: what the model is,
and the SHA-256 of every tensor. The SHA-256 of the document stands before it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgnmf.atomic import write_bytes
from imgnmf.core.losses import BetaDivergence, Frobenius
from imgnmf.core.result import Factorization, Trace
from imgnmf.errors import ArchiveError, ShapeMismatchError
from imgnmf.images import ImageSet

__all__ = ["FORMAT", "ModelMeta", "load", "save", "versions", "white_of"]

FORMAT = 1
DIGITS = 64  # of a SHA-256 in hexadecimal

Tensors: TypeAlias = dict[str, NDArray[Any]]

FACTORS = ("W", "H")
TRACE = ("iteration", "seconds", "objective", "relative_error", "kkt")
LOSSES: Mapping[str, Any] = MappingProxyType({"Frobenius": Frobenius, "BetaDivergence": BetaDivergence})
FIT_FIELDS = ("n_iter", "converged", "reason", "objective", "relative_error", "solver", "init", "floor")


@dataclass(frozen=True)
class ModelMeta:
    """What a model file says about the images it was fitted to.

    Attributes
    ----------
    image_shape : tuple of int, or None
        (height, width) or (height, width, channels); None if the model was saved without its images.
    names : tuple of str
        One an image, or none.
    labels : tuple, or None
        One an image, or None.
    white : float, or None
        The value of white: 255 for uint8, 1 for floats in 0..1.
    versions : mapping of str to str
        What the model was made with.

    Examples
    --------
    >>> ModelMeta(image_shape=(2, 3)).stack(np.arange(6.0)[:, None]).shape
    (1, 2, 3)
    """

    image_shape: tuple[int, ...] | None = None
    names: tuple[str, ...] = ()
    labels: tuple[str | float, ...] | None = None
    white: float | None = None
    versions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def stack(self, W: NDArray[Any]) -> NDArray[Any]:
        """Turn columns (n_pixels, j) into images (j, h, w[, c]); see `ImageSet.stack`."""
        if self.image_shape is None:
            raise ShapeMismatchError(
                "the model does not say how large its images are; save it with them: save(path, fit, images)"
            )
        return W.T.reshape(W.shape[1], *self.image_shape)


def save(path: str | os.PathLike[str], fit: Factorization, images: ImageSet | None = None) -> None:
    """Write a fit to one file, all of it or nothing.

    Parameters
    ----------
    path : str or path-like
        The file to write, by custom ``*.imgnmf``; its folder must exist. A file already there is replaced.
    fit : Factorization
        What `imgnmf.factorize` returned.
    images : ImageSet, optional
        The images that were fitted: their size, names and labels are kept, their pixels are not.

    Raises
    ------
    ArchiveError
        The loss is an object of your own, which a file cannot hold.
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

    meta = ModelMeta() if images is None else _meta_of(images, fit)
    tensors = _tensors_of(fit)
    document = json.dumps(_document(fit, meta, tensors), sort_keys=True)
    # One entry: safetensors writes several in an order of its own, and equal fits should give equal files.
    write_bytes(path, to_bytes(tensors, {"imgnmf": _digest(document.encode()) + document}))


def load(path: str | os.PathLike[str]) -> tuple[Factorization, ModelMeta]:
    """Read a fit that `save` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    fit : Factorization
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
    name = os.fspath(path)
    try:
        document, tensors = _read(name)
        _check_tensors(document["tensors"], tensors)
        return _fit_from(document, tensors), _meta_from(document["images"])
    except ArchiveError as reason:
        raise ArchiveError(f"{name}: {reason}") from reason
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as reason:
        raise ArchiveError(f"{name}: the model's description is incomplete or foreign ({reason})") from reason


def white_of(pixels: NDArray[Any]) -> float:
    """Return the value of white: an integer dtype's range, 1 for floats within 0..1, else the largest.

    >>> white_of(np.zeros(3, np.uint8)), white_of(np.array([0.5])), white_of(np.array([16.0]))
    (255.0, 1.0, 16.0)
    """
    if pixels.dtype.kind in "ui":
        return float(np.iinfo(pixels.dtype).max)
    return max(1.0, float(pixels.max()))


def versions() -> dict[str, str]:
    """Return what a result is made with."""
    from imgnmf import __version__

    return {"imgnmf": __version__, "numpy": np.__version__, "python": platform.python_version()}


def _meta_of(images: ImageSet, fit: Factorization) -> ModelMeta:
    shape = images.pixels.shape
    expected = int(np.prod(shape[1:])), shape[0]
    found = fit.W.shape[0], fit.H.shape[1]
    if found != expected:
        raise ShapeMismatchError(
            f"the fit is of {found[1]} images with {found[0]} pixels, the images are {expected[0]} pixels "
            f"x {expected[1]}; give the images that were fitted"
        )
    return ModelMeta(shape[1:], tuple(images.names), _plain(images.labels), white_of(images.pixels))


def _plain(labels: NDArray[Any] | None) -> tuple[str | float, ...] | None:
    if labels is None:
        return None
    return tuple(labels.tolist() if labels.dtype.kind in "biufU" else map(str, labels))


def _tensors_of(fit: Factorization) -> Tensors:
    named = {name: getattr(fit, name) for name in FACTORS}
    named |= {f"trace.{name}": getattr(fit.trace, name) for name in TRACE}
    # safetensors writes the memory as it lies, whatever the strides say.
    return {name: np.ascontiguousarray(array) for name, array in named.items()}


def _document(fit: Factorization, meta: ModelMeta, tensors: Tensors) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "fit": {name: getattr(fit, name) for name in FIT_FIELDS},
        "loss": _loss_record(fit.loss),
        "images": {**vars(meta), "versions": versions()},
        "tensors": {name: _fingerprint(array) for name, array in tensors.items()},
    }


def _loss_record(loss: Any) -> dict[str, Any]:
    kind = type(loss).__name__
    if LOSSES.get(kind) is not type(loss):
        raise ArchiveError(f"a file holds the losses {' and '.join(LOSSES)} only, and this fit's is {loss!r}")
    return {"kind": kind, **asdict(loss)}


def _fingerprint(array: NDArray[Any]) -> dict[str, Any]:
    return {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": _digest(array.tobytes())}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(name: str) -> tuple[dict[str, Any], Tensors]:
    from safetensors import SafetensorError, safe_open

    try:
        os.stat(name)
        with safe_open(name, framework="np") as file:
            document = _checked_document(file.metadata() or {})
            return document, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except OSError as reason:
        raise ArchiveError(f"cannot be read: {reason.strerror or reason}") from reason
    except SafetensorError as reason:
        raise ArchiveError(f"damaged, or not a model that imgnmf saved ({reason})") from reason


def _checked_document(metadata: Mapping[str, str]) -> dict[str, Any]:
    if set(metadata) != {"imgnmf"}:
        raise ArchiveError("a safetensors file, but not a model that imgnmf saved")
    digest, text = metadata["imgnmf"][:DIGITS], metadata["imgnmf"][DIGITS:]
    if _digest(text.encode()) != digest:
        raise ArchiveError("damaged: the model's description does not have the SHA-256 it was saved with")
    document: dict[str, Any] = json.loads(text)
    if document["format"] != FORMAT:
        raise ArchiveError(f"found format {document['format']}, supported is {FORMAT}; install a newer imgnmf")
    return document


def _check_tensors(expected: dict[str, Any], tensors: Tensors) -> None:
    wanted = {*FACTORS, *(f"trace.{name}" for name in TRACE)}
    if set(tensors) != wanted or set(expected) != wanted:
        raise ArchiveError(f"expected the tensors {sorted(wanted)}, found {sorted(tensors)}")
    for name, array in tensors.items():
        if _fingerprint(array) != expected[name]:
            raise ArchiveError(f"damaged: the tensor {name} does not have the SHA-256 it was saved with")
    for name in FACTORS:
        if not np.isfinite(tensors[name]).all() or tensors[name].min(initial=0) < 0:
            raise ArchiveError(f"the factor {name} must be finite and non-negative, and is not")


def _fit_from(document: dict[str, Any], tensors: Tensors) -> Factorization:
    W, H = (tensors[name] for name in FACTORS)
    trace = Trace(*(tensors[f"trace.{name}"] for name in TRACE))
    if W.ndim != 2 or H.ndim != 2 or W.shape[1] != H.shape[0]:
        raise ArchiveError(f"the factors do not fit together: W is {W.shape}, H is {H.shape}")
    if len({array.shape for array in vars(trace).values()}) != 1:
        raise ArchiveError("the arrays of the trace differ in length")
    loss = dict(document["loss"])
    values = {name: document["fit"][name] for name in FIT_FIELDS}
    # W as `factorize` lays it out: products round the same way then.
    return Factorization(np.asfortranarray(W), H, trace=trace, loss=LOSSES[loss.pop("kind")](**loss), **values)


def _meta_from(images: dict[str, Any]) -> ModelMeta:
    shape, labels = images["image_shape"], images["labels"]
    return ModelMeta(
        image_shape=None if shape is None else tuple(shape),
        names=tuple(images["names"]),
        labels=None if labels is None else tuple(labels),
        white=images["white"],
        versions=MappingProxyType(dict(images["versions"])),
    )
