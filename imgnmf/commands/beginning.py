"""What happens to the folder of a study when its first fit begins, and how the folder knows its images again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imgnmf.checkpoint import Checkpoint, CheckpointFolder
from imgnmf.core.blocks import ColumnBlocks
from imgnmf.core.check import as_data
from imgnmf.core.digest import block_digests
from imgnmf.core.progress import Session, Task
from imgnmf.errors import IncompatibleError, OutputError

__all__ = ["IMAGES", "Beginning", "StudyFolder", "digest_of_images"]

# The file that says of which images the fits of a folder are.
IMAGES = "images.sha256"


def digest_of_images(V: Any) -> str:
    """Return the SHA-256 of the shape and every value of V.

    >>> digest_of_images(np.eye(2)) == digest_of_images(np.eye(2)), digest_of_images(np.eye(2))[:6]
    (True, '2 x 2 ')
    """
    data = as_data(V)
    blocks = ColumnBlocks(data, np.dtype(np.float64 if data.dtype == np.float64 else np.float32))
    joined = "".join(block_digests(blocks, map))
    return f"{blocks.shape[0]} x {blocks.shape[1]} {hashlib.sha256(joined.encode()).hexdigest()}"


@dataclass
class Beginning:
    """What is to be done before the first fit, and not earlier: by then ranks and options were checked.

    Attributes
    ----------
    folder : Path
    old : tuple of Path
        What an earlier run of the same study left, to be deleted.
    images : str
        What to know the images by.
    done : bool
        Whether the first fit has begun.
    """

    folder: Path
    old: tuple[Path, ...]
    images: str
    done: bool = False

    def check(self, *, others: bool) -> None:
        """Refuse a folder where fits of other images stay."""
        note = self.folder / IMAGES
        if others and note.is_file() and note.read_bytes() != self.images.encode():
            raise IncompatibleError(
                f"{str(self.folder)!r} holds fits of other images than these: give another --checkpoint or output, "
                "the images that it was begun with, or delete the folder"
            )

    def __call__(self) -> None:
        """Delete what is old; note the images where no fits of unknown ones are."""
        if self.done:
            return
        self.done = True
        try:
            for path in self.old:
                path.unlink(missing_ok=True)
            if not CheckpointFolder(self.folder).files():
                (self.folder / IMAGES).write_bytes(self.images.encode())
        except OSError as reason:
            raise OutputError(
                f"cannot write to {str(self.folder)!r}: {reason.strerror}; keep checkpoints elsewhere"
            ) from reason


@dataclass(frozen=True)
class _BegunCheckpoint(Checkpoint):
    begin: Beginning | None = None

    def opened(self, task: Task, resume: bool) -> Session:
        if self.begin is not None:
            self.begin()
        return super().opened(task, resume)


@dataclass(frozen=True)
class StudyFolder(CheckpointFolder):
    """A folder whose old files stay until the first fit begins."""

    begin: Beginning | None = None

    def of(self, name: str) -> Checkpoint:
        """The checkpoint of one fit."""
        plain = super().of(name)
        return _BegunCheckpoint(plain.path, plain.every_iterations, plain.every_seconds, self.begin)
