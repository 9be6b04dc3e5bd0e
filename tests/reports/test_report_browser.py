"""report.html in Chromium: opened from disk, used by mouse and keyboard, at 5,000 suspects, under hostile names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from audits import make_audit, make_decision, make_samples
from browser import complaints, watch
from pictures import Listed, jpeg, photo
from test_report_html import HOSTILE, hostile_audit

from labelaudit.audit.document import Audit
from labelaudit.judge.memory import Memory
from labelaudit.reports import html
from labelaudit.reports.review_state import ReviewState
from labelaudit.types import Decision, Samples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CLASSES = ("ant", "bee", "cow", "dog")


def large_audit(n: int) -> Audit:
    """n suspects of 4 classes, the worst first, over a dozen pictures."""
    files = [jpeg(photo(seed)) for seed in range(12)]
    labels = np.arange(n) % 4
    predicted = (labels + 1 + np.arange(n) % 3) % 4
    suspicion = np.linspace(0.999, 0.3, n)
    probs = np.full((n, 4), 0.01, np.float32)
    probs[np.arange(n), labels], probs[np.arange(n), predicted] = 0.04, 0.94
    matrix = np.zeros((4, 4))
    np.add.at(matrix, labels, probs)
    samples = Samples(
        ids=tuple(f"{CLASSES[label]}/{i:05d}.jpg" for i, label in enumerate(labels)),
        labels=labels,
        classes=CLASSES,
        digests=tuple(f"{i % 12:032x}" for i in range(n)),
        images=Listed([files[i % 12] for i in range(n)]),
        root="zoo",
    )
    decision = Decision(
        suspicion=suspicion, is_issue=np.ones(n, bool), judged=np.ones(n, bool), probs=probs, predicted=predicted,
        threshold=0.2, noise_rate=0.5, noise_interval=(0.4, 0.6), noise_matrix=matrix,
        reasons=tuple(f"looks like {CLASSES[c]}" if i % 5 else "fits no class well" for i, c in enumerate(predicted)),
    )  # fmt: skip
    return Audit(samples=samples, decision=decision, evidence={})


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("zoo") / "report.html"
    html.write(large_audit(5000), file)
    return file.as_uri()


def count(page: Page) -> str:
    return page.locator("#count").inner_text()


def first_path(page: Page) -> str | None:
    return page.locator("#grid .path").first.get_attribute("title")


def test_it_opens_from_disk_without_any_request(page: Page, zoo: str) -> None:
    seen = watch(page)
    page.goto(zoo)
    assert page.title() == "zoo · labelaudit"
    assert page.locator("#worst .card").count() == 6
    page.wait_for_function("[...document.querySelectorAll('#worst .picture img')].every(i => i.naturalWidth > 0)")
    assert page.get_by_role("img", name="How likely each label is wrong").first.is_visible()
    for name in ("Suspects", "Files", "About"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        page.locator(f"#{name.lower()}").wait_for(state="visible")
        assert page.locator("main > section:visible").count() == 1
    assert seen.requests == [zoo]
    assert seen.errors == []


def test_names_from_the_data_run_no_code(page: Page, tmp_path: Path) -> None:
    html.write(hostile_audit(), tmp_path / "report.html")
    seen = watch(page)
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator("h1").first.inner_text() == HOSTILE[0]
    for part in ("files", "about", "suspects"):
        page.goto((tmp_path / "report.html").as_uri() + f"#{part}")
        page.locator(f"#{part}").wait_for(state="visible")
    page.locator("select[name=given]").select_option(label=f"{HOSTILE[0]} (1)")
    assert count(page) == "1 of 2 suspects"
    page.locator("#grid .card").first.click()
    detail = page.get_by_role("dialog").inner_text()
    assert HOSTILE[0] in detail
    assert HOSTILE[1] in detail
    assert page.locator("svg[onload], img[onerror], a[href^=javascript]").count() == 0
    assert seen.dialogs == []
    assert seen.errors == []
    assert len(set(seen.requests)) == 1


def test_the_policy_stops_what_would_get_in(page: Page, zoo: str) -> None:
    page.goto(zoo)
    seen = watch(page)
    page.evaluate(
        """() => {
            const box = document.createElement("div");
            box.innerHTML = '<img src=x onerror="window.hacked = 1"><b style="color: red">b</b>';
            document.body.append(box);
            const script = document.createElement("script");
            script.textContent = "window.hacked = 2";
            document.body.append(script);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    assert any("script-src" in error for error in seen.errors)
    assert any("img-src" in error for error in seen.errors)


def test_filters_sort_and_the_way_back(page: Page, zoo: str) -> None:
    page.goto(zoo)
    page.locator(".heat a").first.click()  # given ant, suggested bee
    page.locator("#suspects").wait_for(state="visible")
    found = {(i % 4, (i % 4 + 1 + i % 3) % 4, i % 5 > 0) for i in range(5000)}
    assert {(0, 1, True), (0, 1, False)} <= found
    pair = sum(i % 4 == 0 and i % 3 == 0 for i in range(5000))
    assert count(page) == f"{pair:,} of 5,000 suspects"
    both = sum(i % 60 == 0 for i in range(5000))
    page.locator("select[name=kind]").select_option(label=f"fits no class well ({both})")
    assert count(page) == f"{both} of 5,000 suspects"
    assert page.url.endswith("#suspects?given=0&suggested=1&kind=0")
    page.reload()
    assert count(page) == f"{both} of 5,000 suspects"
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("document.getElementById('count').textContent === '5,000 suspects'")
    page.get_by_label("Path contains").fill("DOG/0000")
    assert count(page) == "2 of 5,000 suspects"
    page.get_by_label("Path contains").fill("")
    for sort, path in (("least", "dog/04999.jpg"), ("given", "ant/00000.jpg"), ("path", "ant/00000.jpg"), ("", None)):
        page.get_by_label("Sort by").select_option(sort)
        assert first_path(page) == (path or "ant/00000.jpg")
    page.go_back()
    page.locator("#overview").wait_for(state="visible")


def test_five_thousand_suspects_are_a_few_cards(page: Page, zoo: str) -> None:
    page.goto(zoo + "#suspects")
    assert count(page) == "5,000 suspects"
    assert 6 <= page.locator("#grid > li").count() <= 60
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    last = page.locator('#grid > li[aria-posinset="5000"] .path')
    last.wait_for(state="visible")
    assert last.get_attribute("title") == "dog/04999.jpg"
    assert page.locator("#grid > li").count() <= 60


def test_by_keyboard_alone(page: Page, zoo: str) -> None:
    page.goto(zoo + "#suspects")
    page.locator("#save-markdown").focus()
    page.keyboard.press("Tab")
    title = "document.activeElement.querySelector('.path').title"
    assert page.evaluate(title) == "ant/00000.jpg"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(title) == "bee/00001.jpg"
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("heading", name="bee/00001.jpg").is_visible()
    page.keyboard.press("ArrowRight")
    assert dialog.get_by_role("heading", name="cow/00002.jpg").is_visible()
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert page.evaluate(title) == "cow/00002.jpg"
    page.keyboard.press("End")
    assert page.evaluate(title) == "dog/04999.jpg"
    assert page.locator(":focus").is_visible()
    page.keyboard.press("Home")
    assert page.evaluate(title) == "ant/00000.jpg"
    page.goto(zoo + "#overview")
    page.locator(".heat a").first.focus()
    page.keyboard.press("ArrowDown")
    assert "given cow, probably bee" in page.locator(":focus").inner_text()
    assert page.locator('.heat a[tabindex="0"]').count() == 1


def test_light_dark_and_the_choice_of_it(chromium: Browser, zoo: str) -> None:
    def lightness() -> int:
        return sum(page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")[:3])

    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(zoo)
    assert lightness() < 200
    toggle = page.get_by_role("button", name="Dark colours")
    assert toggle.get_attribute("aria-pressed") == "true"
    toggle.click()
    assert lightness() > 600
    assert toggle.get_attribute("aria-pressed") == "false"
    page.reload()
    assert lightness() > 600
    context.close()


@pytest.mark.parametrize("width", [320, 390, 800])
def test_narrow_screens_do_not_scroll_sideways(chromium: Browser, zoo: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    for part in ("overview", "suspects", "files", "about"):
        page.goto(f"{zoo}#{part}")
        page.locator(f"#{part}").wait_for(state="visible")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, part
    page.goto(f"{zoo}#suspects")
    page.locator("#grid .card").first.click()
    assert page.evaluate("document.getElementById('detail').getBoundingClientRect().right") <= width
    context.close()


def test_without_scripts_the_figures_stay(chromium: Browser, zoo: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(zoo)
    assert "Without JavaScript" in str(page.locator("noscript").text_content())  # shown where no driver switched it off
    for part in ("overview", "suspects", "files", "about"):
        assert page.locator(f"#{part}").is_visible()
    assert page.locator("#filters").is_hidden()
    assert page.locator("table.heat").is_visible()
    context.close()


def test_a_missing_picture_says_why(page: Page, tmp_path: Path) -> None:
    html.write(make_audit(), tmp_path / "report.html", images=Listed([OSError(5, "Input/output error")] * 6))
    page.goto((tmp_path / "report.html").as_uri() + "#suspects")
    assert page.locator("#grid .absent").first.inner_text() == "the image cannot be read: Input/output error"


def test_features_alone_make_a_page_without_frames(page: Page, tmp_path: Path) -> None:
    seen = watch(page)
    html.write(make_audit(decision=make_decision(), samples=make_samples()), tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri() + "#suspects")
    assert page.locator("#grid .card").count() == 2
    assert page.locator(".picture").count() == 0
    assert seen.errors == []


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
    right = np.ones(n, bool)
    memory = Memory.of(vectors, audit.decision.probs, audit.samples.digests, audit.samples.labels, right, scanned=True)
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
        assert "99.9% likely wrong" in text
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
    assert count(page).endswith("of 5,000 suspects")


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
    assert lines == ["path,given_label,suggested_label,likely_wrong,review", "ant/00000.jpg,ant,bee,0.9990,"]
    with page.expect_download() as told:
        page.get_by_role("button", name="Markdown").click()
    assert "| ant/00000.jpg | ant | bee | 0.9990 |  |" in Path(told.value.path()).read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
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
