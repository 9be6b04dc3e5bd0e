"""The report in a browser once people judged, on paper, as a map, and for those who cannot see it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audits import make_audit
from browser import complaints, watch
from pictures import Listed, jpeg, photo

from labelaudit.audit.document import Audit
from labelaudit.judge.memory import Memory
from labelaudit.reports import html
from labelaudit.reports.review_state import ReviewState

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
from large_reports import CLASSES, count, first_path, large_audit


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report after a review: the worst of six is cleared, the next confirmed wrong, four are open."""
    file = tmp_path_factory.mktemp("judged") / "report.html"
    told = {
        "outcomes": {0: "cleared", 1: "wrong"},
        "words": {0: "cleared: “ant” is correct", 1: "confirmed wrong: “cow” is correct"},
    }
    checked = ReviewState(wrong=1, cleared=1, unclear=0, open=4, elsewhere=0, shares=(), sentences=("Said.",), **told)
    html.write(with_memory(large_audit(6)), file, checked=checked)
    return file.as_uri()


def with_memory(audit: Audit) -> Audit:
    """``audit`` with what its judge would remember, so that the page has a map and look-alikes."""
    n, rng = len(audit.samples), np.random.default_rng(0)
    vectors = rng.normal(size=(n, 8)) + 3 * np.eye(4, 8)[audit.samples.labels]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    memory = replace(Memory.of(vectors, audit.samples, audit.decision, scanned=True), right=np.ones(n, bool))
    return replace(audit, judge=SimpleNamespace(memory=memory))  # type: ignore[arg-type]  # all that a report asks of it


def test_people_lead_once_they_have_judged(page: Page, judged: str) -> None:
    page.goto(judged)
    assert (
        page.locator("#headline")
        .inner_text()
        .startswith("People judged 2 of 6 suspects: 1 confirmed wrong, 1 cleared, 4 open")
    )
    assert page.locator("#badge").inner_text() == "5"
    assert "ant/00000.jpg" not in [card.get_attribute("title") for card in page.locator("#worst .path").all()], (
        "a cleared image does not lead"
    )
    page.goto(judged + "#suspects")
    assert count(page) == "5 suspects; 1 cleared by people is left out"
    assert first_path(page) == "bee/00001.jpg"
    assert "confirmed wrong" in page.locator("#grid .card").first.inner_text()
    page.get_by_label("Review").select_option(label="cleared (1)")
    assert first_path(page) == "ant/00000.jpg"


def test_one_number_with_one_direction(page: Page, zoo: str) -> None:
    for part in ("#overview", "#suspects"):
        page.goto(zoo + part)
        text = page.locator("main").inner_text()
        assert ">99% likely wrong" in text
        assert not any(word in text for word in ("score 0", "suspicion", "label score", "surely wrong\n1"))
    page.locator("#grid .card").first.click()
    assert page.locator("dialog .position").inner_text() == "1 of 5,000"
    assert page.locator("dialog .classes-of dt").all_inner_texts()[:2] == ["bee", "ant"]


def test_what_a_method_says_is_a_rank(page: Page, tmp_path: Path) -> None:
    html.write(make_audit(), tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri() + "#suspects")
    page.locator("#grid .card").first.click()
    folded = page.locator("dialog details")
    assert folded.get_attribute("open") is None
    folded.locator("summary").click()
    assert "More suspicious than this share of all samples" in folded.inner_text()
    assert folded.locator("dd").first.inner_text() == "80.0%", "4 of the other 5 are less suspicious, one is as much"


def test_no_filter_is_a_dead_end(page: Page, zoo: str) -> None:
    page.goto(zoo + "#suspects")
    page.locator("select[name=given]").select_option(label="ant (1,250)")
    options = page.locator("select[name=suggested] option").evaluate_all("all => all.map(o => [o.text, o.disabled])")
    pairs = {c: sum(i % 4 == 0 and (1 + i % 3) % 4 == c for i in range(5000)) for c in range(4)}
    assert options[1:] == [[f"{CLASSES[c]} ({pairs[c]})", not pairs[c]] for c in range(4)]
    page.locator("input[name=least]").fill("99")
    assert page.url.endswith("given=0&least=99")
    page.get_by_label("Path contains").fill("nowhere")
    assert page.locator("#none").is_visible()
    page.locator("#clear").click()
    assert count(page) == "5,000 suspects"
    assert page.url.endswith("#suspects")
    page.goto(zoo + "#overview")
    page.locator(".pairs a").first.click()
    page.locator("#count", has_text="of 5,000 suspects").wait_for()


def test_a_portrait_is_not_cut(page: Page, tmp_path: Path) -> None:
    tall = large_audit(4)
    images = Listed([jpeg(photo(seed, 60, 240)) for seed in range(4)])
    html.write(replace(tall, samples=replace(tall.samples, images=images)), tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri() + "#suspects")
    frame = page.locator("#grid .picture").first.bounding_box()
    image = page.locator("#grid .picture img").first.bounding_box()
    assert frame == image
    assert page.locator("#grid .picture img").first.evaluate("image => getComputedStyle(image).objectFit") == "contain"


def test_on_paper_the_list_is_whole_and_the_heat_map_has_its_ink(page: Page, zoo: str) -> None:
    page.goto(zoo + "#suspects?given=0&suggested=1")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    pair = sum(i % 4 == 0 and i % 3 == 0 for i in range(5000))
    assert page.locator("#printed li").count() == pair
    assert page.locator("#grid").is_hidden()
    hot = page.locator(".heat .h9").first
    assert hot.evaluate("cell => getComputedStyle(cell).printColorAdjust") == "exact"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(250, 249, 247)"


def test_the_map_shows_and_selects_suspects(page: Page, tmp_path: Path) -> None:
    seen = watch(page)
    html.write(with_memory(large_audit(60)), tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri() + "#map")
    assert page.locator("#map-said").inner_text() == "60 dots, 60 of them suspects."
    page.locator("#map-canvas").scroll_into_view_if_needed()
    box = page.locator("#map-canvas").bounding_box()
    assert box is not None
    x, y = box["x"], box["y"]
    half = x + box["width"] / 2
    page.mouse.move(x + 15, y + 15)
    page.mouse.down()
    for to in ((half, y + 15), (half, y + box["height"] - 15), (x + 15, y + box["height"] - 15)):
        page.mouse.move(*to, steps=4)
    page.mouse.up()
    selected = int(page.locator("#map-open").inner_text().split()[2])
    assert 0 < selected < 60
    page.locator("#map-open").click()
    assert count(page) == f"{selected} of 60 suspects"
    page.get_by_role("button", name="Clear").first.click()
    assert count(page) == "60 suspects"
    assert seen.errors == []


def test_the_list_can_be_taken_along(page: Page, zoo: str) -> None:
    page.goto(zoo + "#suspects?path=00000")
    with page.expect_download() as told:
        page.get_by_role("button", name="CSV").click()
    lines = Path(told.value.path()).read_text("utf-8").splitlines()
    assert lines == ["path,given_label,suggested_label,likely_wrong,review", "ant/00000.jpg,ant,bee,>99%,"]
    with page.expect_download() as told:
        page.get_by_role("button", name="Markdown").click()
    assert "| ant/00000.jpg | ant | bee | &#62;99% |  |" in Path(told.value.path()).read_text("utf-8")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing(chromium: Browser, judged: str, scheme: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    for part in ("overview", "suspects", "map", "files", "about"):
        page.goto(f"{judged}#{part}")
        page.locator(f"#{part}").wait_for(state="visible")
        assert complaints(page) == [], part
    page.goto(f"{judged}#suspects")
    page.locator("#grid .card").first.click()
    assert complaints(page) == [], "detail"
    context.close()
