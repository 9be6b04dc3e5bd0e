"""Make the pictures of README.md again, and one of every state of both pages to look at, from a RUN.

    python docs/make_pictures.py labelaudit-fruit            # docs/pictures/*.webp
    python docs/make_pictures.py labelaudit-fruit --states FOLDER

Needs Chromium and the dev extra. The RUN should be one that `make demo` makes, with its images where they were.
"""

from __future__ import annotations

import io
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from labelaudit import read_audit
from labelaudit.audit.originals import open_originals
from labelaudit.reports import html
from labelaudit.review.server import address_of, listen, make_server
from labelaudit.review.session import open_session

PICTURES = Path(__file__).with_name("pictures")
WIDTH = 1200  # pixels of a picture in README
FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1"]
SIZES = {
    "narrow": (320, 640),
    "phone": (390, 844),
    "landscape": (844, 390),
    "laptop": (1280, 800),
    "wall": (2560, 1440),
}
REPORT = ("overview", "suspects", "map", "files", "about")
KEYS = {"keys": "?", "search": "/", "note": "m", "grid": "g"}


@contextmanager
def serving(run: Path, order: str = "worst") -> Iterator[str]:
    """The address of the review page of a copy of ``run``, so that no verdict of a picture is kept."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(run, Path(folder) / run.name))
        audit = read_audit(copy)
        session = open_session(audit, open_originals(audit), copy, order=order, reviewer="ann")
        token = secrets.token_urlsafe(24)
        with listen() as place:
            server = make_server(session, token)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
            thread.start()
            try:
                yield address_of(place, token)
            finally:
                server.should_exit = True
                thread.join(20)


@contextmanager
def shown(browser: Browser, address: str, size: tuple[int, int], scheme: Any = "light") -> Iterator[Page]:
    """``address`` in a window of ``size``."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    page.wait_for_timeout(600)
    yield page
    context.close()


def keep(page: Page, name: str) -> None:
    """A picture of ``page`` for README, small."""
    image = Image.open(io.BytesIO(page.screenshot()))
    image.thumbnail((WIDTH, WIDTH))
    PICTURES.mkdir(exist_ok=True)
    image.save(PICTURES / f"{name}.webp", quality=82, method=6)


def draw_readme(browser: Browser, run: Path, report: str) -> None:
    """The pictures of README.md."""
    with shown(browser, f"{report}#suspects", (1240, 900)) as page:
        page.locator("#more-filters summary").click()
        page.evaluate("scrollTo(0, 150)")
        page.wait_for_timeout(300)
        keep(page, "suspects")
    with shown(browser, f"{report}#overview", (1000, 700)) as page:
        keep(page, "overview")
    with serving(run) as address, shown(browser, address, (1000, 700)) as page:
        page.locator("#notice button").click()
        page.wait_for_timeout(600)
        keep(page, "review")


def draw_states(browser: Browser, run: Path, report: str, folder: Path) -> None:
    """Every state of both pages, in every size, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)

    def shoot(name: str, address: str, act: Callable[[Page], object] | None = None) -> None:
        for size, pixels in SIZES.items():
            for scheme in ("light", "dark"):
                with shown(browser, address, pixels, scheme) as page:
                    if act is not None:
                        act(page)
                        page.wait_for_timeout(500)
                    page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")

    for part in REPORT:
        shoot(f"report-{part}", f"{report}#{part}")
    shoot("report-detail", f"{report}#suspects", lambda page: page.locator("#grid .card").first.click())
    shoot("report-none", f"{report}#suspects?path=nowhere-at-all")
    with serving(run) as address:
        shoot("review-desk", address)
        for name, key in KEYS.items():
            shoot(f"review-{name}", address, lambda page, key=key: page.keyboard.press(key))
    with serving(run, "sample") as address:
        shoot("review-blind", address)


def main() -> None:
    run, states = Path(sys.argv[1]), Path(sys.argv[3]) if "--states" in sys.argv else None
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        audit = read_audit(run)
        html.write(audit, Path(folder) / "report.html", images=open_originals(audit))
        report = (Path(folder) / "report.html").as_uri()
        browser = driver.chromium.launch(executable_path=binary, args=FLAGS)
        if states is None:
            draw_readme(browser, run, report)
        else:
            draw_states(browser, run, report, states)
        browser.close()


if __name__ == "__main__":
    main()
