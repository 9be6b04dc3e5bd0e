"""Make the pictures of README.md again, and one of every state of the pages to look at, from a RUN.

    python docs/make_pictures.py labelaudit-fruit            # docs/pictures/*.webp
    python docs/make_pictures.py labelaudit-fruit --states FOLDER [NAME]

Needs Chromium and the dev extra. The RUN should be one that `make demo` makes, with its images where they were. With a
NAME only the states whose name begins so are drawn.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from page_states import Served, State, list_states, serving
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from labelaudit import read_audit
from labelaudit.audit.originals import open_originals
from labelaudit.reports import html

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


@contextmanager
def shown(browser: Browser, address: str, size: tuple[int, int], scheme: Any = "light") -> Iterator[Page]:
    """``address`` in a window of ``size``."""
    touch = min(size) < 500
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, has_touch=touch, reduced_motion="reduce"
    )
    context.set_default_timeout(120_000)  # a busy machine takes its time
    page = context.new_page()
    page.goto(address)
    page.wait_for_timeout(400)
    yield page
    context.close()


def keep(page: Page, name: str) -> None:
    """A picture of ``page`` for README, small."""
    image = Image.open(io.BytesIO(page.screenshot()))
    image.thumbnail((WIDTH, WIDTH))
    PICTURES.mkdir(exist_ok=True)
    image.save(PICTURES / f"{name}.webp", quality=82, method=6)


def draw_readme(browser: Browser, run: Path) -> None:
    """The pictures of README.md."""
    with tempfile.TemporaryDirectory() as folder:
        audit = read_audit(run)
        html.write(audit, Path(folder) / "report.html", images=open_originals(audit))
        report = (Path(folder) / "report.html").as_uri()
        with shown(browser, f"{report}#suspects", (1240, 900)) as page:
            page.locator("#more-filters summary").click()
            page.evaluate("scrollTo(0, 150)")
            page.wait_for_timeout(300)
            keep(page, "suspects")
        with shown(browser, f"{report}#overview", (1000, 700)) as page:
            keep(page, "overview")
    with serving(Served(run)) as address, shown(browser, address, (1000, 700)) as page:
        page.locator("#notice button").click()
        page.wait_for_timeout(600)
        keep(page, "review")


def draw_state(browser: Browser, state: State, address: str, folder: Path) -> None:
    """A ``state`` in every size, light and dark, and on paper where it is one that is printed."""
    for size, pixels in SIZES.items():
        with shown(browser, state.address(address), pixels) as page:
            state.act(page)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.wait_for_timeout(400)
                page.screenshot(path=folder / f"{state.name}-{size}-{scheme}.png", full_page=state.whole)
    if state.printed:
        with shown(browser, state.address(address), SIZES["laptop"], "dark") as page:
            page.pdf(path=folder / f"{state.name}.pdf", format="A4", print_background=True)


def main() -> None:
    run = Path(sys.argv[1])
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=binary, args=FLAGS)
        if "--states" not in sys.argv:
            draw_readme(browser, run)
        else:
            folder, only = Path(sys.argv[3]), "".join(sys.argv[4:5])
            folder.mkdir(parents=True, exist_ok=True)
            for served, states in list_states(run):
                wanted = [state for state in states if state.name.startswith(only)]
                for state in wanted:
                    with serving(served) as address:  # a fresh copy each: a state may give verdicts
                        draw_state(browser, state, address, folder)
        browser.close()


if __name__ == "__main__":
    main()
