"""The file of a checkpoint: the arrays of a fit that is under way, and one JSON document with their SHA-256.

Built as that of `imgnmf.save`: a safetensors file, written whole or not at all, and nothing in it is ever run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.archive import (
    FACTORS,
    FIT_FIELDS,
    FIT_RULES,
    TRACE,
    Tensors,
    check_tensor,
    digest_of,
    from_record,
    naming,
    penalty_from,
    read_checked,
    recorded,
    tensor_record,
)
from imgnmf.archive_schema import COUNT, FLAG, NON_NEGATIVE, Rule, check_factors, check_record, check_trace
from imgnmf.atomic import write_bytes
from imgnmf.checkpoint_task import Identity, check_same, rng_of
from imgnmf.core.extrapolation import Pace, Way
from imgnmf.core.iterate import Iterate
from imgnmf.core.progress import Progress, Standing, Task
from imgnmf.core.result import Factorization, History, Trace
from imgnmf.core.robust import L21, Huber, Robust
from imgnmf.errors import ArchiveError, IncompatibleError

__all__ = ["FORMAT", "read_progress", "write_progress"]

FORMAT = 1
ENTRY, WHAT = "imgnmf-checkpoint", "checkpoint"

ARRAYS = ("W", "ahead", "last_W", "H", "last_H")
SCALARS = ("objective", "squared_residual", "predicted_decrease")
COLUMNS = ("seconds", "objective", "relative_error", "predicted_decrease")
ITERATE_RULES = {
    "objective": NON_NEGATIVE,
    "squared_residual": NON_NEGATIVE,
    "predicted_decrease": Rule("a number", lambda value: isinstance(value, float)),  # NaN where it was not computed
    "iteration": COUNT,
}
WAY_RULES = {
    "momentum": NON_NEGATIVE,
    "careful": COUNT,
    "caution": COUNT,
    "pace": Rule("null or a record", lambda pace: pace is None or isinstance(pace, dict)),
}
PACE_RULES = {field.name: FLAG if field.name == "positive_only" else NON_NEGATIVE for field in fields(Pace)}
ROBUST: Mapping[str, Any] = MappingProxyType({kind.__name__: kind for kind in (Huber, L21)})


def write_progress(path: str | os.PathLike[str], identity: Identity, progress: Progress) -> None:
    """Write the checkpoint, all of it or nothing."""
    from safetensors.numpy import save as to_bytes

    arrays = _arrays_of(progress)
    # safetensors writes the memory as it lies, and results round as their memory lies: keep which way that is.
    turned = sorted(name for name, array in arrays.items() if not array.flags.c_contiguous)
    tensors = {name: np.ascontiguousarray(array.T if name in turned else array) for name, array in arrays.items()}
    document = {
        "format": FORMAT,
        "task": dict(identity.task),
        "seed": dict(identity.seed),
        "start": progress.start,
        "best": None if progress.best is None else _best_document(progress.best),
        "standing": None if progress.standing is None else _standing_document(progress.standing),
        "turned": turned,
        "tensors": {name: tensor_record(array) for name, array in tensors.items()},
    }
    text = json.dumps(document, sort_keys=True)
    write_bytes(path, to_bytes(tensors, {ENTRY: digest_of(text.encode()) + text}))


def read_progress(path: str | os.PathLike[str], identity: Identity, task: Task) -> tuple[Identity, Progress]:
    """Read a checkpoint of this task, and what it says of it.

    Raises
    ------
    ArchiveError
        The file is damaged, no checkpoint, or of a newer format.
    IncompatibleError
        It is of another task.
    """
    with naming(os.fspath(path), WHAT) as name:
        document, tensors = read_checked(name, ENTRY, range(1, FORMAT + 1), WHAT)
        then = Identity(dict(document["task"]), dict(document["seed"]))
    try:
        check_same(identity.task, then.task)
    except IncompatibleError as reason:
        raise IncompatibleError(f"{os.fspath(path)}: {reason}") from None
    with naming(os.fspath(path), WHAT):
        _check_tensors(document, tensors)
        arrays = {name: _own(array, name in document["turned"]) for name, array in tensors.items()}
        return then, _progress_from(document, arrays, task)


def _arrays_of(progress: Progress) -> Tensors:
    arrays: Tensors = {}
    if progress.standing is not None:
        arrays |= {name: getattr(progress.standing.iterate, name) for name in ARRAYS}
        arrays |= {f"history.{name}": np.array(getattr(progress.standing.history, name)) for name in COLUMNS}
    if progress.best is not None:
        arrays |= {f"best.{name}": getattr(progress.best, name) for name in FACTORS}
        arrays |= {f"best.trace.{name}": getattr(progress.best.trace, name) for name in TRACE}
    return arrays


def _own(array: NDArray[Any], turned: bool) -> NDArray[Any]:
    """A copy that may be written to, as it lay in memory."""
    copy = np.array(array, order="C")
    return copy.T if turned else copy


def _standing_document(standing: Standing) -> dict[str, Any]:
    return {
        **{name: float(getattr(standing.iterate, name)) for name in SCALARS},
        "iteration": standing.iterate.iteration,
        "way": asdict(standing.iterate.way),
        "loss": _robust_document(standing.loss),
    }


def _best_document(best: Factorization) -> dict[str, Any]:
    plain = {name: getattr(best, name) for name in FIT_FIELDS}
    return {**plain, "loss": _robust_document(best.loss), "penalty_H": asdict(best.penalty_H)}


def _robust_document(loss: Any) -> dict[str, Any] | None:
    """What a robust loss has settled; any other is as it was asked for."""
    return recorded(loss, ROBUST, "losses") if isinstance(loss, Robust) else None


def _check_tensors(document: dict[str, Any], tensors: Tensors) -> None:
    wanted = [*ARRAYS, *(f"history.{name}" for name in COLUMNS)] if document["standing"] else []
    if document["best"]:
        wanted += [f"best.{name}" for name in FACTORS] + [f"best.trace.{name}" for name in TRACE]
    if set(tensors) != set(wanted) or set(document["tensors"]) != set(wanted):
        raise ArchiveError(f"expected the tensors {sorted(wanted)}, found {sorted(tensors)}")
    for name, array in tensors.items():
        check_tensor(name, array, document["tensors"][name])


def _progress_from(document: dict[str, Any], arrays: Tensors, task: Task) -> Progress:
    check_record("checkpoint", document, {"start": COUNT})
    return Progress(
        rng_of(document["seed"]) if task.any_rng else task.rng,
        document["start"],
        None if document["best"] is None else _best_from(document["best"], arrays, task),
        None if document["standing"] is None else _standing_from(document["standing"], arrays, task),
    )


def _standing_from(document: dict[str, Any], arrays: Tensors, task: Task) -> Standing:
    _check_iterate(document, arrays, task)
    way = dict(document["way"])
    way["pace"] = None if way["pace"] is None else Pace(**way["pace"])
    held: dict[str, Any] = {name: document[name] for name in (*SCALARS, "iteration")}
    held |= {name: arrays[name] for name in ARRAYS}
    iterate = Iterate(**held, way=Way(**way))
    # The loop brings the two numbers that depend on the problem.
    history = History(0.0, 0.0, *(arrays[f"history.{name}"].tolist() for name in COLUMNS))
    return Standing(iterate, history, _loss_from(document["loss"], task))


def _check_iterate(document: dict[str, Any], arrays: Tensors, task: Task) -> None:
    """Raise unless the pair is one that this task could have come to."""
    check_factors(arrays["W"].T, arrays["H"])
    pixels, images = arrays["W"].shape[1], arrays["H"].shape[1]
    rank = task.fitting.rank
    for name in ARRAYS:
        expected = (rank, images if name in ("H", "last_H") else pixels)
        alike = arrays[name].dtype == task.blocks.dtype and arrays[name].shape == expected
        if (pixels, images) != task.blocks.shape or not alike or not np.isfinite(arrays[name]).all():
            raise ArchiveError("the arrays do not fit the task")
    check_record("iterate", document, ITERATE_RULES)
    check_record("iterate's way", document["way"], WAY_RULES)
    if document["way"]["pace"] is not None:
        check_record("iterate's pace", document["way"]["pace"], PACE_RULES)
    check_trace({name: arrays[f"history.{name}"] for name in COLUMNS})
    if len(arrays[f"history.{COLUMNS[0]}"]) != document["iteration"]:
        raise ArchiveError(f"the history must have a row for each of {document['iteration']} iterations")


def _best_from(document: dict[str, Any], arrays: Tensors, task: Task) -> Factorization:
    check_record("best fit", document, FIT_RULES)
    check_factors(arrays["best.W"], arrays["best.H"])
    check_trace({name: arrays[f"best.trace.{name}"] for name in TRACE})
    values: dict[str, Any] = {name: document[name] for name in FIT_FIELDS}
    values["loss"] = _loss_from(document["loss"], task)
    values["penalty_H"] = penalty_from(document["penalty_H"])
    values["constraint_H"] = task.fitting.steering.constraint_of_an_image
    trace = Trace(*(arrays[f"best.trace.{name}"] for name in TRACE))
    return Factorization(arrays["best.W"], arrays["best.H"], trace=trace, **values)


def _loss_from(document: dict[str, Any] | None, task: Task) -> Any:
    return task.fitting.loss if document is None else from_record(document, ROBUST, "loss")
