"""Packages that only some readers need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from imgnmf.errors import ParameterError

__all__ = ["needed"]


def needed(package: str, extra: str, purpose: str) -> Any:
    """Return a package of an extra, or say how to get it.

    Raises
    ------
    ParameterError
        If it is not installed.

    Examples
    --------
    >>> needed("no_such_package", "store", "reading HDF5")
    Traceback (most recent call last):
    imgnmf.errors.ParameterError: reading HDF5 needs no_such_package, which is missing: install imgnmf[store]
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise ParameterError(f"{purpose} needs {package}, which is missing: install imgnmf[{extra}]") from error
