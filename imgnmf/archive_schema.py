"""What a model file may say: the types and ranges of its words and numbers, and that they fit the arrays.

A SHA-256 shows that a file is as it was written, not that imgnmf wrote it: anybody can seal wrong values. Whatever is
loaded (fits, layers, topics, the family, checkpoints) passes through here before anything is computed or allocated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import ArchiveError

__all__ = [
    "COUNT",
    "FINITE",
    "FLAG",
    "NON_NEGATIVE",
    "NULL",
    "NUMBER",
    "POSITIVE",
    "TEXT",
    "Rule",
    "check_choice_record",
    "check_factors",
    "check_images",
    "check_record",
    "check_trace",
    "list_of",
]

LARGEST = 2**63  # what a count may not reach


@dataclass(frozen=True)
class Rule:
    """What a value must be, in words and as a test."""

    expected: str
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    # A whole number too large for a float would overflow wherever it is used.
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < LARGEST
    return isinstance(value, float)


def _is_finite(value: Any) -> bool:
    return _is_number(value) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST


TEXT = Rule("text", lambda value: isinstance(value, str))
FLAG = Rule("true or false", lambda value: isinstance(value, bool))
NULL = Rule("null", lambda value: value is None)
COUNT = Rule("a whole number, at least 0", _is_count)
SIZE = Rule("a whole number, at least 1", lambda value: _is_count(value) and value > 0)
NUMBER = Rule("a number or infinity", lambda value: _is_number(value) and not math.isnan(value))
FINITE = Rule("a finite number", _is_finite)
NON_NEGATIVE = Rule("a finite number, at least 0", lambda value: _is_finite(value) and value >= 0)
POSITIVE = Rule("a finite number above 0", lambda value: _is_finite(value) and value > 0)
LABEL = Rule("text or a number", lambda value: isinstance(value, (str, bool, float)) or _is_number(value))
DIGEST = Rule("64 hexadecimal digits", lambda value: isinstance(value, str) and _is_digest(value))
SEED = Rule("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool))
WORDS = Rule(
    "text for each name",
    lambda value: isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values()),
)
SHAPE = Rule(
    "two or three whole numbers, at least 1",
    lambda value: isinstance(value, list) and len(value) in (2, 3) and all(map(SIZE.holds, value)),
)


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def list_of(rule: Rule) -> Rule:
    """Return the rule of a list whose entries all follow `rule`."""
    return Rule(f"a list of {rule.expected}", lambda value: isinstance(value, list) and all(map(rule.holds, value)))


def optional(rule: Rule) -> Rule:
    """Return the rule of a value that may be null."""
    return Rule(f"{rule.expected}, or null", lambda value: value is None or rule.holds(value))


def check_record(what: str, record: Any, rules: Mapping[str, Rule]) -> None:
    """Raise unless a record has every field that the rules name, and each follows its rule.

    >>> check_record("fit", {"n_iter": -1}, {"n_iter": COUNT})
    Traceback (most recent call last):
    imgnmf.errors.ArchiveError: n_iter of the fit must be a whole number, at least 0; found -1
    """
    if not isinstance(record, dict):
        raise ArchiveError(f"the {what} must be a record of fields; found {record!r:.60}")
    for name, rule in rules.items():
        if name not in record:
            raise ArchiveError(f"the {what} must say its {name}, and does not")
        if not rule.holds(record[name]):
            raise ArchiveError(f"{name} of the {what} must be {rule.expected}; found {record[name]!r:.60}")


def check_choice_record(what: str, record: Any) -> None:
    """Raise unless a loss, penalty or constraint holds words and finite numbers; its class checks their bounds.

    >>> check_choice_record("constraint", {"kind": "Simplex", "total": float("nan")})
    Traceback (most recent call last):
    imgnmf.errors.ArchiveError: total of the constraint must be text or finite numbers; found nan
    """
    values = Rule(
        "text or finite numbers",
        lambda value: isinstance(value, str) or all(map(_is_finite, value if isinstance(value, list) else [value])),
    )
    check_record(what, record, dict.fromkeys(record, values) if isinstance(record, dict) else {})


def check_factors(W: NDArray[Any], H: NDArray[Any], signed: Iterable[str] = ()) -> None:
    """Raise unless two arrays can be factors: those that are not `signed` are at least 0."""
    for name, array in (("W", W), ("H", H)):
        if array.dtype not in (np.float32, np.float64) or array.ndim != 2 or 0 in array.shape:
            raise ArchiveError(
                f"the factor {name} must be a matrix of float32 or float64; found {array.dtype} of shape {array.shape}"
            )
        if not np.isfinite(array).all() or (name not in signed and array.min() < 0):
            sign = "" if name in signed else " and non-negative"
            raise ArchiveError(f"the factor {name} must be finite{sign}, and is not")
    if W.shape[1] != H.shape[0]:
        raise ArchiveError(f"the factors do not fit together: W is {W.shape}, H is {H.shape}")


def check_trace(columns: Mapping[str, NDArray[Any]]) -> None:
    """Raise unless the columns of a trace are numbers, of one length."""
    for name, column in columns.items():
        kind = "i" if name == "iteration" else "f"
        if column.ndim != 1 or column.dtype.kind != kind:
            raise ArchiveError(f"{name} of the trace must be numbers in a row; found {column.dtype} {column.shape}")
    if len({column.shape for column in columns.values()}) != 1:
        raise ArchiveError("the arrays of the trace differ in length")


# What files of format 1 do not say.
NOT_TOLD: Mapping[str, Any] = MappingProxyType({"mask": False, "steps": [], "rng": None, "data_sha256": None})
IMAGES: Mapping[str, Rule] = MappingProxyType(
    {
        "image_shape": optional(SHAPE),
        "names": list_of(TEXT),
        "labels": optional(list_of(LABEL)),
        "white": optional(POSITIVE),
        "versions": WORDS,
        "mask": FLAG,
        "steps": Rule("a list of steps", lambda value: isinstance(value, list)),
        "rng": optional(SEED),
        "data_sha256": optional(DIGEST),
    }
)


def check_images(record: Any, mask: NDArray[Any] | None, n_pixels: int, n_images: int) -> None:
    """Raise unless what a file says of its images fits factors of so many pixels and images."""
    complete = {**NOT_TOLD, **record} if isinstance(record, dict) else record
    check_record("images", complete, IMAGES)
    for name in ("names", "labels"):
        count = len(complete[name] or ())
        if count not in (0, n_images):
            raise ArchiveError(f"{name} of the images must be one for each of {n_images}; found {count}")
    shape = complete["image_shape"]
    if shape is None:
        if mask is not None:
            raise ArchiveError("the images have a mask, and must say their shape too")
        return
    if mask is not None and (mask.dtype != np.bool_ or mask.shape != tuple(shape[:2])):
        raise ArchiveError(
            f"the mask must be true or false for each of {shape[:2]} pixels; found {mask.dtype} of {mask.shape}"
        )
    channels = shape[2] if len(shape) == 3 else 1
    expected = (math.prod(shape[:2]) if mask is None else int(np.count_nonzero(mask))) * channels
    if expected != n_pixels:
        raise ArchiveError(f"images of shape {shape} have {expected} pixels to fit, and W has {n_pixels} rows")
