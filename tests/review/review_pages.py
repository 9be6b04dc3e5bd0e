"""The review page, opened in a browser and waited for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from browser import Watch, watch
from review_runs import Server

from labelaudit import verdicts
from labelaudit.verdicts import verdicts_file

if TYPE_CHECKING:
    from playwright.sync_api import Page


def show(page: Page, server: Server) -> Watch:
    """Open the page and wait for its first image."""
    seen = watch(page)
    page.goto(server.address)
    page.wait_for_selector("body[data-shown]")
    return seen


def wait_for(page: Page, place: int | str) -> None:
    page.wait_for_selector(f"body[data-shown='{place}']")


def said(run: Path) -> list[tuple[str, str, str]]:
    return [(v.path, v.verdict, v.new_label) for v in verdicts.read(verdicts_file(run))]
