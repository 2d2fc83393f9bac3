"""``--checkpoint``: where the progress of a fit, or of the fits of a study, is kept, and whether to go on with it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgnmf.checkpoint import Checkpoint, CheckpointFolder
from imgnmf.commands.beginning import IMAGES, Beginning, StudyFolder, digest_of_images
from imgnmf.commands.output import checked_file
from imgnmf.errors import ParameterError

__all__ = ["KeptProgress"]

# Endings of outputs that are files; what follows the last dot of a folder's name is part of it.
FILES = (".imgnmf", ".png")


@dataclass(frozen=True)
class KeptProgress:
    """What the command line was told of checkpoints.

    Attributes
    ----------
    path : str, optional
        A file, for a study a folder. To resume without one means the output's name with the ending .ckpt.
    every : str, optional
        ``"100"`` for iterations, ``"60s"`` for seconds.
    resume : bool
    """

    path: str | None = None
    every: str | None = None
    resume: bool = False

    def checkpoint(self, output: Path, *, force: bool) -> Checkpoint | None:
        """Return where to keep the progress, seen to be possible before the work, or None.

        >>> KeptProgress(every="60s", resume=True).checkpoint(Path("faces.imgnmf"), force=False)
        Checkpoint(path=PosixPath('faces.ckpt'), every_iterations=None, every_seconds=60.0)
        """
        if not self._wanted():
            return None
        return Checkpoint(
            checked_file(self._place(output), force=force or self.resume, suffix=".ckpt"), *self._how_often()
        )

    def folder(self, output: Path, V: Any, *, force: bool, names: str) -> CheckpointFolder | None:
        """Return where to keep the progress of many fits of V, or None; `names` is a pattern of what those are called.

        Nothing in it is touched before the first fit begins, when all that was asked for is seen to be possible.

        >>> import numpy as np
        >>> KeptProgress(path="no/a.ckpt").folder(Path("gallery"), np.eye(2), force=False, names="k.*")
        Traceback (most recent call last):
        imgnmf.errors.OutputError: cannot make the folder 'no/a.ckpt': No such file or directory; keep ...
        """
        if not self._wanted():
            return None
        path = Path(os.path.expanduser(self._place(output)))
        plain = CheckpointFolder(path, *self._how_often())
        old = [file for file in plain.files() if force and not self.resume and re.fullmatch(names, file.stem)]
        if not force:
            plain.opened(self.resume)
        begin = Beginning(path, tuple(old), digest_of_images(V))
        begin.check(others=len(old) < len(plain.files()))
        plain.opened(True)
        return StudyFolder(path, *self._how_often(), begin=begin)

    def goes_on(self, output: str) -> bool:
        """Return whether there is a run to go on with, whose output may be replaced.

        Of a study that says of which images it is; `folder` refuses others before the output is touched.
        """
        place = Path(os.path.expanduser(self._place(Path(output))))
        return self.resume and (
            place.is_file() or ((place / IMAGES).is_file() and bool(CheckpointFolder(place).files()))
        )

    def begin_anew(self, checkpoint: Checkpoint | None) -> None:
        """Delete what an earlier run left, unless it is gone on with."""
        if checkpoint is not None and not self.resume:
            Path(checkpoint.path).unlink(missing_ok=True)

    def _wanted(self) -> bool:
        if self.path is None and not self.resume and self.every is not None:
            raise ParameterError("--checkpoint-every says how often to write what --checkpoint names; give that too")
        return self.path is not None or self.resume

    def _place(self, output: Path) -> str:
        if self.path is not None:
            return self.path
        if output.suffix in FILES:
            return str(output.with_suffix(".ckpt"))
        output = output if output.name else output.absolute()
        return str(output.with_name(f"{output.name}.ckpt"))

    def _how_often(self) -> tuple[int | None, float | None]:
        if self.every is None:
            return None, None
        match = re.fullmatch(r"([1-9][0-9]{0,8})(s?)", self.every)
        if match is None:
            raise ParameterError(f"--checkpoint-every must be iterations, say 100, or seconds, 60s; got {self.every!r}")
        return (None, float(match[1])) if match[2] else (int(match[1]), None)
