"""The rooms of the package meet only as arrays, and importing it costs next to nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import imgnmf

PACKAGE = Path(imgnmf.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ("core", "images", "viz")
FORBIDDEN_MODULES = ("pickle", "cPickle", "dill", "marshal", "shelve", "urllib", "requests", "socket", "http")
FORBIDDEN_CALLS = ("eval", "exec", "__import__", "compile")


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(path):
    return {name.split(".")[1] for name in imports_of(path) if name.startswith("imgnmf.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_no_other_room_and_nothing_above(room):
    allowed = {room, "errors", "atomic", "validation", "intensity"}
    for path in (PACKAGE / room).rglob("*.py"):
        assert rooms_imported(path) <= allowed, path


def test_core_reads_no_file_and_draws_nothing():
    outside = {"PIL", "imageio", "tifffile", "skimage", "matplotlib", "pathlib", "click", "tqdm", "sklearn"}
    for path in (PACKAGE / "core").rglob("*.py"):
        assert not outside & {name.split(".")[0] for name in imports_of(path)}, path


def test_studies_use_core_alone():
    for path in (PACKAGE / "studies").rglob("*.py"):
        figures = {"viz"} if path.name == "drawn.py" else set()
        assert rooms_imported(path) <= {"core", "errors", "studies", "validation"} | figures, path


def test_the_family_uses_core_alone():
    outside = {"PIL", "imageio", "tifffile", "skimage", "matplotlib", "pathlib", "click", "tqdm", "sklearn", "numba"}
    for path in (PACKAGE / "family").rglob("*.py"):
        assert rooms_imported(path) <= {"core", "errors", "family", "validation"}, path
        assert not outside & {name.split(".")[0] for name in imports_of(path)}, path


def test_occlusions_are_found_by_the_core_and_what_inpainting_predicts():
    for path in (PACKAGE / "occlusion").rglob("*.py"):
        assert rooms_imported(path) <= {"core", "errors", "inpainting", "occlusion", "validation"}, path


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_can_run_what_it_reads_or_reach_a_network(path):
    assert not set(FORBIDDEN_MODULES) & {name.split(".")[0] for name in imports_of(path)}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS
            if node.func.id == "print":
                pytest.fail("print: only the command line speaks, through click")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


def test_only_the_command_line_exits():
    for path in SOURCES:
        calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)]
        exits = any(node.attr == "exit" and getattr(node.value, "id", "") == "sys" for node in calls)
        assert not exits or path.parent.name == "cli", path


@pytest.mark.parametrize(
    "statement",
    [
        "import imgnmf",
        "import imgnmf.cli",
        "from imgnmf import factorize, factorize_ranks, save, errors",
        "import imgnmf.family",
    ],
)
def test_importing_leaves_the_heavy_packages_out(statement):
    heavy = "matplotlib", "skimage", "sklearn", "numba", "PIL", "tifffile", "imageio"
    code = f"{statement}; import sys; print([name for name in {heavy!r} if name in sys.modules])"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"


def test_every_public_name_is_there():
    for name in imgnmf.__all__:
        assert getattr(imgnmf, name) is not None
    assert set(imgnmf.__all__) <= set(dir(imgnmf))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'factorise'"):
        _ = imgnmf.factorise
