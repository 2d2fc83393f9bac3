"""imgnmf takes a set of images apart into their parts by non-negative matrix factorization."""

from __future__ import annotations

from imgnmf.core.factorize import factorize

__version__ = "0.1.0"
__all__ = ["factorize"]
