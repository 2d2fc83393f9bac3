"""Sphinx settings. Nothing is fetched: no intersphinx, no fonts, scripts or styles from elsewhere, no MathJax."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The pages describe the code that they lie beside, not another copy that happens to be installed.
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]
os.environ["MPLBACKEND"] = "Agg"

import sphinx.ext.autosummary  # noqa: E402

import imgnmf  # noqa: E402

# Summaries end with a sentence, not with the abbreviation in a citation.
sphinx.ext.autosummary.WELL_KNOWN_ABBREVIATIONS += (" alg.", " eq.", " fig.")

project = "imgnmf"
author = "The imgnmf founders"
copyright = "2026, the imgnmf founders. BSD-3-Clause"
version = release = imgnmf.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "executed",
]
root_doc = "index"
exclude_patterns = ["_build", "decisions"]
# Names in the docstrings' single backticks are code, and links where they are known.
default_role = "py:obj"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autosummary_generate = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
add_module_names = False

html_theme = "pydata_sphinx_theme"
html_title = "imgnmf"
html_static_path = ["_static"]
html_css_files = ["imgnmf.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
# Pages without subpages have no section to navigate.
html_sidebars = {
    page: []
    for page in (
        "index",
        "parts",
        "choosing_a_solver",
        "formats",
        "for_scikit_learn_users",
        "adding",
        "command_line",
    )
}


def every_name_is_documented(app: object) -> None:
    """A public name that is on no page of the API is a warning, hence an error."""
    from sphinx.util import logging

    pages = "".join(page.read_text("utf-8") for page in (HERE / "api").glob("*.md"))
    elsewhere = {"compression", "errors", "family", "images", "topics", "viz", *imgnmf.errors.__all__}
    for name in sorted(set(imgnmf.__all__) - elsewhere):  # errors are on their page by automodule
        if f":: {name}\n" not in pages:
            logging.getLogger(__name__).warning("imgnmf.%s is on no page of docs/api", name)
    for room in (imgnmf.viz, imgnmf.family):
        for name in room.__all__:
            if f":: {room.__name__}.{name}\n" not in pages:
                logging.getLogger(__name__).warning("%s.%s is on no page of docs/api", room.__name__, name)


def setup(app: object) -> None:
    """Check the API pages first."""
    app.connect("builder-inited", every_name_is_documented)  # type: ignore[attr-defined]
