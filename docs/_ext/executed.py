"""Directives that run the project's own code while the pages are built: what they show cannot drift from it.

================  ==================================================================================
``{run}``         Python on the page, and what it prints. The blocks of a page share their names and a folder.
``{command}``     An ``imgnmf ...`` command, and what it prints.
``{drawn}``       A script of docs/, and the picture of its name that it writes. The content is the caption.
``{example}``     The same with the script's text and what it prints.
``{printed}``     A script of docs/ that prints Markdown: it becomes part of the page.
``{measured}``    A table or a plot of benchmarks/results, or the command that makes it where there is none.
================  ==================================================================================

Whatever fails is a warning of Sphinx, and warnings are errors. A script whose line begins with ``skipped:``
has said why it drew nothing, and the page says it too.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import traceback
import types
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from imgnmf.errors import ImgnmfWarning

logger = logging.getLogger(__name__)

DOCS = Path(__file__).resolve().parent.parent
PACKAGE = DOCS.parent / "imgnmf"
MADE = DOCS / "_build" / "made"
RESULTS = DOCS.parent / "benchmarks" / "results"
SECONDS = 300
# A fit that warns has no place on a page that shows how it is done.
STRICT = """
import runpy, sys, warnings
from imgnmf.errors import ImgnmfWarning
warnings.simplefilter("error", ImgnmfWarning)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
COMMAND = "import sys; sys.argv[0] = 'imgnmf'; from imgnmf.cli import main; main()"


@dataclass(frozen=True)
class Made:
    """What a script left: the folder that it wrote into, what it printed, why it failed."""

    folder: Path
    printed: str
    failure: str

    @property
    def skipped(self) -> str:
        """The script's own reason to draw nothing."""
        lines = (line for line in self.printed.splitlines() if line.startswith("skipped:"))
        return next(lines, "").removeprefix("skipped:").strip()


def package_key() -> str:
    """A number that changes with any line of the package."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.*")):
        if path.suffix in (".py", ".js", ".css", ".j2"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def environment() -> dict[str, str]:
    """Of a script: it imports the package beside the docs, and draws without a display."""
    return os.environ | {
        "PYTHONPATH": str(DOCS.parent),
        "MPLBACKEND": "Agg",
        "PYTHONIOENCODING": "utf-8",
    }


def make(script: Path) -> Made:
    """Run a script in a folder of its own, unless it and the package are as they were."""
    folder = MADE / script.relative_to(DOCS).with_suffix("")
    record = folder / ".record.json"
    key = hashlib.sha256(package_key().encode() + script.read_bytes()).hexdigest()
    if record.exists():
        known = json.loads(record.read_text("utf-8"))
        if known["key"] == key:
            return Made(folder, known["printed"], "")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    logger.info("running %s", script.relative_to(DOCS.parent))
    done = subprocess.run(
        [sys.executable, "-c", STRICT, str(script)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    if done.returncode == 0:
        record.write_text(json.dumps({"key": key, "printed": done.stdout}), "utf-8")
    return Made(folder, done.stdout, done.stderr if done.returncode else "")


class Executed(SphinxDirective):
    """What the directives have in common."""

    def remember(self) -> None:
        """This page must be made anew when the package changes."""
        executed_pages(self.env).add(self.env.docname)

    def complain(self, what: str) -> None:
        logger.warning("%s", what, location=self.get_location())

    def made(self) -> Made:
        self.remember()
        script = DOCS / self.arguments[0]
        self.env.note_dependency(str(script))
        made = make(script)
        if made.failure:
            self.complain(f"{self.arguments[0]} failed:\n{made.failure}")
        return made

    def parsed(self, text: str, source: str) -> list[nodes.Node]:
        parent = nodes.Element()
        self.state.nested_parse(StringList(text.splitlines(), source), self.content_offset, parent)
        return parent.children

    def code(self, text: str, language: str) -> nodes.Node:
        block = nodes.literal_block(text, text, language=language)
        self.set_source_info(block)
        return block

    def output(self, text: str) -> list[nodes.Node]:
        if not text.strip():
            return []
        return [nodes.container("", self.code(text.rstrip(), "text"), classes=["printed"])]

    def picture(self, made: Made) -> list[nodes.Node]:
        path = made.folder / f"{made.folder.name}.png"
        if made.skipped:
            return [nodes.note("", nodes.paragraph("", f"No picture in this build: {made.skipped}"))]
        if not path.exists():
            self.complain(f"{self.arguments[0]} wrote no {path.name}")
            return []
        return [self.figure(path, self.options.get("alt", ""), "\n".join(self.content), self.arguments[0])]

    def figure(self, path: Path, alt: str, caption: str, script: str) -> nodes.Node:
        from PIL import Image

        with Image.open(path) as picture:
            width = picture.width // 2  # drawn at 200 dots an inch
        if not alt:
            self.complain("a picture needs :alt:")
        uri = "/" + path.relative_to(DOCS).as_posix()
        figure = nodes.figure(
            "",
            nodes.image(uri=uri, alt=alt, width=f"{width}px", classes=["drawn", "dark-light"]),
        )
        words = self.parsed(caption, script)[0].children if caption else []
        drawn_by = [
            nodes.inline("", "Drawn by "),
            nodes.literal("", script if "/" not in script else f"docs/{script}"),
        ]
        if script:
            words = [
                *words,
                nodes.Text(" " if words else ""),
                nodes.inline("", "", *drawn_by, classes=["script"]),
            ]
        figure += nodes.caption("", "", *words)
        self.set_source_info(figure)
        return figure


class Run(Executed):
    """``{run}``: Python on the page, and what it prints."""

    has_content = True
    option_spec: ClassVar = {"hidden": directives.flag}

    def run(self) -> list[nodes.Node]:
        self.remember()
        code = "\n".join(self.content)
        folder = MADE / "run" / self.env.docname
        if "executed-page" not in self.env.temp_data:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        # A module, as classes on a page look up theirs.
        page = self.env.temp_data.setdefault("executed-page", types.ModuleType("page"))
        printed = io.StringIO()
        try:
            sys.modules["page"] = page
            with warnings.catch_warnings(), contextlib.redirect_stdout(printed), contextlib.chdir(folder):
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", ImgnmfWarning)
                exec(compile(code, self.env.docname, "exec"), vars(page))
        except Exception:
            self.complain(f"the code on the page failed:\n{traceback.format_exc()}")
        finally:
            sys.modules.pop("page", None)
        shown = [] if "hidden" in self.options else [self.code(code, "python")]
        return shown + self.output(printed.getvalue())


class Command(Executed):
    """``{command}``: imgnmf on the command line, and what it prints."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        self.remember()
        folder = MADE / "command" / self.env.docname
        folder.mkdir(parents=True, exist_ok=True)
        lines, printed = [line for line in self.content if line.strip()], ""
        for line in lines:
            name, *words = shlex.split(line, comments=True)
            done = subprocess.run(
                [sys.executable, "-c", COMMAND, *words],
                cwd=folder,
                env=environment(),
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=SECONDS,
                check=False,
            )
            if name != "imgnmf" or done.returncode:
                self.complain(f"{line!r} ended with {done.returncode}:\n{done.stderr}")
            printed += done.stdout + done.stderr
        return [self.code("\n".join(lines), "sh"), *self.output(printed)]


class Drawn(Executed):
    """``{drawn}``: the picture of a script."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = {"alt": directives.unchanged_required, "prints": directives.flag}

    def run(self) -> list[nodes.Node]:
        made = self.made()
        if made.failure:
            return []
        return [*self.picture(made), *(self.output(made.printed) if "prints" in self.options else [])]


class Example(Executed):
    """``{example}``: a script, what it prints, and its picture."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = {
        "alt": directives.unchanged_required,
        "more": directives.unchanged_required,
        "more-alt": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        made = self.made()
        text = (DOCS / self.arguments[0]).read_text("utf-8").rstrip()
        shown = [self.code(text, "python"), *self.output("" if made.skipped else made.printed)]
        if made.failure:
            return shown
        shown += self.picture(made)
        if "more" in self.options:
            path = made.folder / f"{self.options['more']}.png"
            shown.append(self.figure(path, self.options.get("more-alt", ""), "", ""))
        return shown


class Printed(Executed):
    """``{printed}``: Markdown from a script; with :section:, what stands after ``<!-- section -->`` in it."""

    required_arguments = 1
    option_spec: ClassVar = {"section": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        made = self.made()
        _, *pieces = re.split(r"^<!-- (\w+) -->$", made.printed, flags=re.MULTILINE)
        sections = dict(zip(pieces[::2], pieces[1::2], strict=True))
        wanted = self.options.get("section")
        if wanted and wanted not in sections and not made.failure:
            self.complain(f"{self.arguments[0]} printed no section {wanted!r}")
        return self.parsed(sections.get(wanted, "") if wanted else made.printed, self.arguments[0])


class Measured(Executed):
    """``{measured}``: a file of benchmarks/results, or how to get it."""

    has_content = True
    required_arguments = 1
    option_spec: ClassVar = {
        "alt": directives.unchanged_required,
        "command": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        path = RESULTS / self.arguments[0]
        self.env.note_dependency(str(path))
        if not path.exists():
            words = f"Not measured in this checkout: run `{self.options['command']}`, then build the pages again."
            return [nodes.note("", *self.parsed(words, self.arguments[0]))]
        if path.suffix == ".md":
            return self.parsed(path.read_text("utf-8"), str(path))
        copy = MADE / "results" / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        return [
            self.figure(
                copy,
                self.options.get("alt", ""),
                "\n".join(self.content),
                self.options["command"],
            )
        ]


def executed_pages(env: Any) -> set[str]:
    if not hasattr(env, "executed_pages"):
        env.executed_pages = set()
    return env.executed_pages


def outdated(app: Sphinx, env: Any, _added: Any, _changed: Any, _removed: Any) -> list[str]:
    """All pages that ran something, once the package is another."""
    key, before = package_key(), getattr(env, "executed_with", None)
    env.executed_with = key
    return [] if key == before else sorted(executed_pages(env) & set(env.found_docs))


def setup(app: Sphinx) -> dict[str, Any]:
    for name, directive in {
        "run": Run,
        "command": Command,
        "drawn": Drawn,
        "example": Example,
        "printed": Printed,
        "measured": Measured,
    }.items():
        app.add_directive(name, directive)
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
