"""Debian's Chromium, driven by Playwright; every page it visits is watched."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def missing(reason):
    """A skip where people work, a failure where changes are judged."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{reason}; with CI=true the browser tests may not be left out", pytrace=False)
    pytest.skip(f"{reason}; scripts/install_chromium.sh installs the browser")


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright for Python is not installed")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing("there is no Chromium on the path")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """Open a file; when the block ends, nothing may have gone wrong and nothing may have been asked of anyone."""

    @contextmanager
    def visited(path, width=1400, height=900, theme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        address, requests, complaints = Path(path).as_uri(), [], []
        context.on("request", lambda request: requests.append(request.url))
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(address)
        page.locator("html[data-ready=yes]").wait_for(state="attached")
        yield page
        context.close()
        assert complaints == []
        assert requests.count(address) == 1
        assert [url for url in requests if url != address and not url.startswith("data:")] == []

    return visited
