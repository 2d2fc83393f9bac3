"""Checks of what callers hand in, for every room of the package: containers of numbers, and types of options.

One kind of error each: numbers that cannot be used raise `DataError`, options of a wrong type or value raise
`ParameterError`. Both are ValueErrors. A check returns what it was given in the one form that the package works with.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import DataError, ImgnmfError, ParameterError

__all__ = [
    "LARGEST",
    "as_array",
    "check_flag",
    "check_number_field",
    "check_path",
    "checked_callback",
    "checked_choice",
    "checked_count",
    "checked_items",
    "checked_number",
    "checked_pair",
    "checked_rng",
    "is_instance",
    "plain_dtype",
    "plain_numbers",
    "unmasked",
    "unreadable",
]


LARGEST = float(np.finfo(float).max)  # for numbers that must be finite
# What helps where a mask is refused; a function that knows better says so.
FILL = "Give V to factorize or encode with missing='mask' to leave them out, or pass its .filled(0) if they are zeros"


def as_array(value: Any, name: str, *, missing: str = "error", remedy: str = FILL) -> NDArray[Any]:
    """Return `value` as a plain array: its mask refused or NaN, its bytes in native order, at most float64.

    Parameters
    ----------
    value : array_like
        Of any shape and dtype; an array that is plain already comes back as it is.
    name : str
        What the caller calls it.
    missing : {"error", "mask"}
        Refuse a mask, or put NaN where it hides a value.
    remedy : str
        What to do about a mask that is refused.

    Raises
    ------
    DataError
        If values are masked, or it is no array at all: a ragged list, a dataset that is closed.

    Examples
    --------
    >>> as_array(np.array([1, 2], ">f8"), "V").dtype
    dtype('float64')
    """
    value = unmasked(value, name, missing, remedy)
    try:
        array = np.asarray(value)
    except (ImgnmfError, MemoryError):
        raise
    except Exception as error:
        raise unreadable(name, value, error) from error
    return plain_numbers(array, name)


def unreadable(name: str, value: Any, error: Exception) -> DataError:
    """Return the error for what cannot be made an array, with the reason that was found."""
    return DataError(
        f"{name} must be an array of numbers, and this {type(value).__name__} cannot be read as one "
        f"({type(error).__name__}: {error}); give all rows one length, or open the file again"
    )


def unmasked(value: Any, name: str, missing: str = "error", remedy: str = FILL) -> Any:
    """Return `value` without a mask: NaN in place of what it hides with ``missing="mask"``, else refused.

    >>> unmasked(np.ma.masked_array([1, 2], [False, True]), "V", "mask")
    array([ 1., nan], dtype=float32)
    """
    if not isinstance(value, np.ma.MaskedArray):
        return value
    mask = np.ma.getmaskarray(value)
    if not mask.any():
        return value.data
    if missing != "mask":
        raise DataError(
            f"{name} is a masked array, and {int(mask.sum())} of its {mask.size} values are masked: they would be used "
            f"as if they were not. {remedy}"
        )
    # The working precision of what is no float64 is float32, so that nothing is lost.
    dtype = value.dtype if value.dtype.kind == "f" else np.dtype(np.float32)
    filled = np.array(value.data, dtype, order="K")
    filled[mask] = np.nan
    return filled


def plain_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype that numbers of `dtype` are worked with: native byte order, float64 for long double.

    >>> plain_dtype(np.dtype(">u2")), plain_dtype(np.dtype(np.longdouble))
    (dtype('uint16'), dtype('float64'))
    """
    if dtype.kind == "f" and dtype.itemsize > 8:
        return np.dtype(np.float64)
    native: np.dtype[Any] = dtype.newbyteorder("=")
    return native


def plain_numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return `array` in its `plain_dtype`, without a copy where it has that; refuse what would become infinite or 0."""
    dtype = plain_dtype(array.dtype)
    if array.dtype == dtype and array.dtype.isnative:
        return array
    with np.errstate(over="ignore", under="ignore"):
        plain = array.astype(dtype, order="K")
    if dtype.itemsize < array.dtype.itemsize:
        lost = np.isinf(plain) & np.isfinite(array)
        if lost.any() or (array.any() and not plain.any()):
            example = array[lost][0] if lost.any() else array[array != 0][0]
            raise DataError(
                f"{name} holds {array.dtype} numbers that float64 cannot, {example} for one; scale them first, "
                f"dividing {name} by a power of ten"
            )
    return plain


def is_instance(value: Any, kind: Any) -> bool:
    """Return whether `value` is an object of a class or protocol `kind`, and not itself a class.

    >>> is_instance(3, int), is_instance(int, object)
    (True, False)
    """
    return not isinstance(value, type) and isinstance(value, kind)


def checked_count(name: str, number: Any, least: int) -> int:
    """Return `number` as an int of at least `least`.

    >>> checked_count("n_init", np.int64(3), 1)
    3
    """
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < least:
        raise ParameterError(f"{name} must be a whole number >= {least}, got {number!r}")
    return int(number)


def checked_pair(name: str, pair: Any) -> tuple[int, int] | None:
    """Return (height, width), both whole numbers of at least 1, or None.

    >>> checked_pair("size", [8, 6])
    (8, 6)
    """
    if pair is None:
        return None
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ParameterError(f"expected {name}=(height, width), got {pair!r}")
    height, width = (checked_count(f"both numbers of {name}", length, 1) for length in pair)
    return height, width


def checked_number(
    name: str, number: Any, words: str, *, above: float | None = None, least: float = -np.inf, most: float = np.inf
) -> float:
    """Return `number` as a float within bounds; any real number will do, NumPy's too, but no bool and no array.

    Parameters
    ----------
    name : str
        What the caller calls it.
    number : real number
    words : str
        The bounds in words: "a number > 0".
    above : float, optional
        It must be above this.
    least, most : float
        It must be within these.

    Examples
    --------
    >>> checked_number("tol", np.float32(0.5), "a number > 0", above=0)
    0.5
    """
    if not isinstance(number, bool) and isinstance(number, Real):
        plain = float(number)
        if least <= plain <= most and (above is None or plain > above):
            return plain
    raise ParameterError(f"{name} must be {words}, got {number!r}")


def check_number_field(
    record: Any,
    field: str,
    words: str,
    *,
    name: str = "",
    above: float | None = None,
    least: float = -np.inf,
    most: float = np.inf,
) -> None:
    """Check a number that a frozen dataclass holds, as `checked_number`; one of NumPy's is kept as Python's.

    A plain int or float stays as it is, since the record's repr is what checkpoints and messages call it.
    """
    given = getattr(record, field)
    plain = checked_number(name or field, given, words, above=above, least=least, most=most)
    if type(given) not in (int, float):
        object.__setattr__(record, field, plain)


def checked_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return `value`, once it is seen to be one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(f"{name} must be {' or '.join(map(repr, choices))}, got {value!r}")
    return value


def check_flag(name: str, value: Any) -> None:
    """Refuse what is neither True nor False.

    >>> check_flag("resume", "no")
    Traceback (most recent call last):
    imgnmf.errors.ParameterError: resume must be True or False, got 'no'
    """
    if not isinstance(value, (bool, np.bool_)):
        raise ParameterError(f"{name} must be True or False, got {value!r}")


def check_path(name: str, path: Any) -> None:
    """Refuse what is no name of a file."""
    if not isinstance(path, (str, os.PathLike)):
        raise ParameterError(f"{name} must be the name of a file or folder, got {path!r}")


def checked_rng(rng: Any) -> np.random.Generator:
    """Return the generator that `rng` stands for: an int is a seed, None is a different one each time."""
    if isinstance(rng, np.random.Generator):
        if hasattr(getattr(rng.bit_generator, "seed_seq", None), "spawn"):
            return rng
    elif rng is None or (isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0):
        return np.random.default_rng(rng)
    raise ParameterError(
        f"rng must be a whole number >= 0, a numpy.random.Generator as numpy.random.default_rng makes it, or None, "
        f"got {rng!r}"
    )


def checked_callback(callback: Any) -> Any:
    """Return a function to call, or None; a class would be made anew each time, and count as True."""
    if callback is None or (callable(callback) and not isinstance(callback, type)):
        return callback
    raise ParameterError(f"callback must be a function or None, got {callback!r}")


def checked_items(name: str, values: Any, example: str) -> list[Any]:
    """Return the items of an iterable that is no string.

    >>> checked_items("ranks", range(2), "ranks=[4, 9]")
    [0, 1]
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ParameterError(f"{name} must be a sequence, as in {example}, got {values!r}")
    return list(values)
