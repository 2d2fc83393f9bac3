"""The record of a preparation as JSON, so that it can be saved with a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from imgnmf.errors import ArchiveError
from imgnmf.images.imageset import Step
from imgnmf.images.steps import STEPS, MaskPixels

__all__ = ["steps_from_json", "steps_to_json"]

# What a step of a file may ask for: a stranger's file must not fill the memory.
MOST_PIXELS, LONGEST = 200_000_000, 2**24


def steps_to_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return steps in what JSON can hold, to be saved with a model.

    Examples
    --------
    >>> from imgnmf.images.steps import Crop, ScaleRange
    >>> steps_to_json((Crop(0, 1, 2, 3), ScaleRange()))
    [{'step': 'Crop', 'top': 0, 'left': 1, 'height': 2, 'width': 3}, {'step': 'ScaleRange', 'low': 0.0, 'high': 1.0}]
    """
    return [{"step": type(step).__name__, **_plain_fields(step)} for step in steps]


def steps_from_json(documents: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the steps that `steps_to_json` wrote.

    Raises
    ------
    ArchiveError
        If there is no such step, or it has other fields, or values that they cannot have.

    Examples
    --------
    >>> steps_from_json([{"step": "Resize", "size": [3, 4]}])
    (Resize(size=(3, 4)),)
    """
    return tuple(_step_from(document) for document in documents)


def _step_from(document: Mapping[str, Any]) -> Step:
    kind: Any = next((kind for kind in STEPS if kind.__name__ == document.get("step")), None)
    values = {field: value for field, value in document.items() if field != "step"}
    if kind is None or set(values) != {field.name for field in fields(kind)}:
        raise ArchiveError(f"expected a step of preparation that is known here, found {dict(document)!r:.200}")
    wrong = [field.name for field in fields(kind) if not _can_be(field.name, field.type, values[field.name])]
    if wrong:
        raise ArchiveError(f"{wrong[0]} of the step {kind.__name__} cannot be {values[wrong[0]]!r:.60}")
    if kind is MaskPixels:
        return MaskPixels(np.array(values["mask"], dtype=bool))
    made: Step = kind(**{field: tuple(value) if isinstance(value, list) else value for field, value in values.items()})
    return made


def _can_be(name: str, annotation: Any, value: Any) -> bool:
    """Say whether a field of this annotation can have a value that came from a file."""
    if name == "mask":
        return _is_mask(value)
    if annotation == "int":
        return _is_length(value, 0 if name in ("top", "left") else 1)
    if annotation == "float":
        return _is_finite(value)
    if not isinstance(value, list) or len(value) != 2:
        return False
    if annotation == "Size":
        return all(_is_length(length, 1) for length in value) and math.prod(value) <= MOST_PIXELS
    return all(map(_is_finite, value))


def _is_length(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LONGEST


def _is_finite(value: Any) -> bool:
    return (isinstance(value, float) and math.isfinite(value)) or _is_length(value, -LONGEST)


def _is_mask(value: Any) -> bool:
    rows = value if isinstance(value, list) else []
    alike = all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows)
    return alike and bool(rows) and all(pixel in (0, 1) for row in rows for pixel in row)


def _plain_fields(step: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(step, field.name)) for field in fields(step)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.astype(int).tolist()
    return list(value) if isinstance(value, tuple) else value
