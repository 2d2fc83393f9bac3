"""How the tests call the command line."""

from __future__ import annotations

import sys

from click.testing import CliRunner

from imgnmf.cli import main

DONE, BAD_INPUT, CANNOT_WRITE, INTERRUPTED = 0, 2, 74, 130
COMMAND = [sys.executable, "-c", "from imgnmf.cli import main; main()"]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refusal(*arguments, code=BAD_INPUT):
    """Run a command that must fail, and return its one line of complaint."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result.stderr.strip().splitlines()[-1]


def everything_below(path):
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*"))
