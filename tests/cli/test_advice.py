"""Whatever a command prints gives advice in the options of that command: every message of the package is read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import imgnmf
from imgnmf.cli import main
from imgnmf.cli.advice import OF_ANOTHER, OPTION, in_options, options_of
from tests.cli.runs import DONE, refusal, run

PACKAGE = Path(imgnmf.__file__).parent
EVERY_OPTION = {name: flag for command in main.commands.values() for name, flag in options_of(command).items()}
PYTHON = re.compile(r"\b(?!SHA)[A-Za-z_]\w*=(?!=)(?=[\w'\"({\[,;: ]|$)|\bimgnmf\.[a-z]\w*|\bTrue\b|\b\w+\.\w+\(|\w\[:")

# What no command comes to: parameters and classes that the shell has no word for.
PYTHON_ALONE = (
    "cluster/",
    "core/graphs.py",
    "core/robust.py",
    "core/seen.py",
    "core/sparse.py",
    "estimator",
    "family/",
    "images/imageset.py",
    "images/options.py",
    "images/patches.py",
    "images/prepare.py",
    "images/steps.py",
    "studies/stream.py",
    "viz/",
    "core/factorize.py: online",
    "core/progress.py: the core opens no files",
    "core/progress.py: a study keeps many fits",
    "archive_kinds.py: save takes",
    "core/check.py: V must be a matrix",
    "core/check.py: V is a dask array",
    "validation.py",
    "images/collect.py: invert=True",
    'images/arrays.py: order="F"',
    "images/stores.py: stored images are read",
    "inpainting/pictures.py: images with a mask",
    "studies/ranks.py: ranks is empty",
    "core/penalties.py: the graph",
    "core/steering.py: constraint_W=",
)


def text_of(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(value) or "5" for value in node.values)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return ""


def messages():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if node.__class__ is ast.Call and node.args and (name.endswith("Error") or name == "tell"):
                yield f"{path.relative_to(PACKAGE).as_posix()}: {text_of(node.args[0])}"


@pytest.mark.parametrize("message", sorted(set(messages())))
def test_no_message_speaks_python_to_a_shell(message):
    if not message.startswith(PYTHON_ALONE):
        where, _, words = message.partition(": ")
        assert not PYTHON.search(in_options(words, EVERY_OPTION)), where


def test_the_list_of_exceptions_has_none_too_many():
    spoken = [m for m in messages() if PYTHON.search(in_options(m.partition(": ")[2], EVERY_OPTION))]
    assert [prefix for prefix in PYTHON_ALONE if not any(message.startswith(prefix) for message in spoken)] == []


def advised(message):
    return set(re.findall(OPTION, re.sub(OF_ANOTHER, "", message)))


@pytest.mark.parametrize("command", main.commands)
def test_no_command_is_told_of_an_option_that_it_has_not(command):
    options = options_of(main.commands[command])
    for message in set(messages()):
        foreign = advised(in_options(message, options)) - advised(message) - set(options.values())
        assert not foreign, message


def test_a_phrase_is_for_commands_that_have_its_option():
    message = "pass size=(h, w) to resize all"
    assert in_options(message, options_of(main.commands["inpaint"])) == "pass --size HxW to resize all"
    assert in_options(message, options_of(main.commands["datasets"])) == message
    other = "use imgnmf.open_images with image_shape=(height, width, channels)"
    assert in_options(other, {}) == "use imgnmf fit --image-shape HxWxCHANNELS"


@pytest.mark.parametrize("name", ["rank=4", "init='random'", "a/rank=4", "rank=4.png", "max_iter.png", "my_max_iter"])
def test_names_of_files_stay_as_they_are(name):
    path = f"photos/{name}"
    assert in_options(f"{path}: no image; {path!r}", EVERY_OPTION) == f"{path}: no image; {path!r}"


def test_what_a_command_has_no_option_for_stays():
    assert in_options("raise max_iter", {}) == "raise max_iter"


def test_what_is_advised_can_be_done(folder, tmp_path):
    fit = ("fit", folder, "-k", 2, "-o", tmp_path / "m.imgnmf")
    words = refusal(*fit, "--loss", "kullback-leibler", "--parts", "local")
    assert "--parts local needs a quadratic loss" in words
    assert "--loss frobenius" in words
    assert run(*fit, "--parts", "local", "--loss", "frobenius").exit_code == DONE
    words = refusal(*fit, "--force", "--loss", "kullback-leibler", "--solver", "hals")
    assert "use --solver mu" in words
    assert "--init random" in refusal("fit", folder, "-k", 13, "-o", tmp_path / "n.imgnmf")
    assert run("fit", folder, "-k", 13, "-o", tmp_path / "n.imgnmf", "--init", "random").exit_code == DONE
    assert "Raise --max-iter" in run(*fit, "--force", "--max-iter", 1).stderr
