"""The code that is shown is code that runs."""

from __future__ import annotations

import importlib
import inspect
import re
import runpy
from pathlib import Path

import pytest

import imgnmf.errors

ROOT = Path(__file__).resolve().parent.parent


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_python_blocks_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, block in enumerate(blocks(name, "python")):
        script = tmp_path / f"block{number}.py"
        script.write_text(block, encoding="utf-8")
        runpy.run_path(str(script))


def test_links_and_pictures_are_there():
    for name in ("README.md", "gallery/README.md", "CONTRIBUTING.md", "datasets/README.md"):
        page = ROOT / name
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{name}: {target}"


def test_the_pictures_together_are_small():
    assert sum(path.stat().st_size for path in (ROOT / "gallery").rglob("*.png")) < 5_000_000


def test_the_commands_shown_exist():
    from imgnmf.cli import main

    shown = re.findall(r"^(?:\.venv/bin/)?imgnmf ([a-z]+)", "\n".join(blocks("README.md", "sh")), re.M)
    assert shown
    assert set(shown) <= set(main.commands)


NAMESPACES = ("viz", "images", "compression", "topics", "family", "cluster", "estimator")


@pytest.mark.parametrize("name", ["imgnmf", *(f"imgnmf.{name}" for name in NAMESPACES)])
def test_every_public_name_is_on_a_page_of_the_api(name):
    if name.endswith(("cluster", "estimator")):
        pytest.importorskip({"imgnmf.cluster": "distributed", "imgnmf.estimator": "sklearn"}[name])
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/api").glob("*.md"))
    shown = {entry.split(".")[-1] for entry in re.findall(r"^\.\. auto(?:class|function):: ([\w.]+)", pages, re.M)}
    module = importlib.import_module(name)
    objects = {each: getattr(module, each) for each in module.__all__}
    automatic = imgnmf.errors.__name__  # api/errors.md shows this module as a whole
    public = {
        each
        for each, value in objects.items()
        if not inspect.ismodule(value) and getattr(value, "__module__", "") != automatic
    }
    assert public - shown == set()


def test_nobody_is_told_to_install_a_package_that_is_not_published():
    sources = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "imgnmf").rglob("*.py")]
    for source in sources:
        assert not re.search(r"pip install ['\"]?imgnmf", source.read_text(encoding="utf-8")), source
