"""The SHA-256 of data, by blocks: to know it again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from imgnmf.core.blocks import ColumnBlocks, Runner
from imgnmf.core.sparse import is_sparse

__all__ = ["as_it_is", "block_digests", "digest_of"]


def digest_of(block: Any) -> str:
    """Of one array whatever its memory order, or of the stored entries and where they are.

    >>> digest_of(np.eye(2)) == digest_of(np.eye(2, order="F"))
    True
    """
    pieces = (block.data, block.indices, block.indptr) if is_sparse(block) else (block.T,)
    found = hashlib.sha256()
    for piece in pieces:
        found.update(np.ascontiguousarray(piece).view(np.uint8).data)
    return found.hexdigest()


def as_it_is(blocks: ColumnBlocks) -> ColumnBlocks:
    """The same without what the loss asks for, which is no property of the data."""
    return replace(blocks, exponent=0, floor=0.0)


def block_digests(blocks: ColumnBlocks, run: Runner[Any]) -> Iterable[str]:
    """Of every block of V, in the precision of the fit."""
    plain = as_it_is(blocks)
    return run(lambda span: digest_of(plain.load(span)), plain.spans)
