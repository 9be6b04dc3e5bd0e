"""A real browser for the tests of pages: fixtures that `conftest` offers to every test file.

Chromium comes from the system (`apt install chromium`), the driver from the dev extra. Without either the tests are
skipped with the reason. A browser lives as long as a test module: the driver keeps an event loop running in the thread
that started it, and other modules may want their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
]


@dataclass
class Watch:
    """What a page did while somebody looked: all of it, from the first request on."""

    errors: list[str] = field(default_factory=list)
    """Uncaught exceptions and everything that the console calls an error, such as a breach of the page's policy."""
    requests: list[str] = field(default_factory=list)
    """Addresses asked for, but for ``data:`` and ``blob:``, which are the page itself."""
    dialogs: list[str] = field(default_factory=list)
    """Messages of ``alert`` and its kin: what a script that got in would do."""


def watch(page: Page) -> Watch:
    """Begin to take down what ``page`` does."""
    seen = Watch()

    def dismiss(dialog: object) -> None:
        seen.dialogs.append(dialog.message)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    def ask(request: object) -> None:
        url = request.url  # type: ignore[attr-defined]
        if not url.startswith(("data:", "blob:")):
            seen.requests.append(url)

    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    page.on("request", ask)
    page.on("dialog", dismiss)
    return seen


def complaints(page: Page) -> list[str]:
    """What axe finds wrong with ``page`` for people who cannot see, hear or use a mouse: all of its rules, the
    experimental ones too, but for AAA's contrast of 7:1. As "rule: element"."""
    script = files("axe_playwright_python") / "axe.min.js"
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(script.read_text(encoding="utf-8"))  # not as a script element, which the page's policy forbids
    wanted = "{enabled: rule.ruleId !== 'color-contrast-enhanced'}"
    rules = f"Object.fromEntries(axe.getRules().map(rule => [rule.ruleId, {wanted}]))"
    found = page.evaluate(f"axe.run({{rules: {rules}, resultTypes: ['violations']}})")
    return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium, started once a module."""
    driver = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install 'labelaudit[dev]'")
    binary = next((found for name in NAMES if (found := shutil.which(name))), None)
    if binary is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A fresh page of its own profile, 1200 × 800, that waits for as long as a busy machine may need."""
    context = chromium.new_context(viewport={"width": 1200, "height": 800})
    context.set_default_timeout(120_000)
    yield context.new_page()
    context.close()
