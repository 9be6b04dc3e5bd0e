"""report.html in Chromium: opened from disk, used by mouse and keyboard, at 5,000 suspects, under hostile names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from audits import make_audit, make_decision, make_samples
from browser import watch
from pictures import Listed
from report_pages import judged_audit, with_pictures
from test_report_html import HOSTILE, hostile_audit

from labelaudit.reports import html

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
from large_reports import count, first_path, large_audit


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
    while not all(any(kind in error for error in seen.errors) for kind in ("script-src", "img-src")):
        page.wait_for_timeout(20)  # until the browser has said so
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
    title = "document.activeElement.querySelector('.path')?.title"
    assert page.evaluate(title) == "ant/00000.jpg"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(title) == "bee/00001.jpg"
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("heading", name="bee/00001.jpg").is_visible()
    page.keyboard.press("ArrowRight")
    assert dialog.get_by_role("heading", name="cow/00002.jpg").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_function(f"{title} === 'cow/00002.jpg'")  # once the dialog has said that it is closed
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
    assert page.locator("#grid .absent").first.inner_text() == "cannot be read: Input/output error"


def test_features_alone_make_a_page_without_frames(page: Page, tmp_path: Path) -> None:
    seen = watch(page)
    html.write(make_audit(decision=make_decision(), samples=make_samples()), tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri() + "#suspects")
    assert page.locator("#grid .card").count() == 2
    assert page.locator(".picture").count() == 0
    assert seen.errors == []


def test_on_a_phone_tiles_fill_their_rows_and_the_bars_of_a_suspect_are_equally_long(
    chromium: Browser, tmp_path: Path
) -> None:
    html.write(with_pictures(), tmp_path / "report.html")
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    right = "nodes => Math.max(...nodes.map(node => node.getBoundingClientRect().right))"
    frame, last = page.locator(".tiles"), page.locator(".tiles > div").last
    assert frame.evaluate("node => node.getBoundingClientRect().right") - last.evaluate_all(right) < 4
    wide = page.locator("#overview .classes").evaluate("node => node.scrollWidth - node.parentElement.clientWidth")
    assert wide <= 0, "no column of the classes is cut off"
    page.goto((tmp_path / "report.html").as_uri() + "#suspects")
    page.locator("#grid .card").first.click()
    lengths = page.locator("#detail .shares .track").evaluate_all("all => all.map(one => Math.round(one.clientWidth))")
    assert len(lengths) > 2
    assert max(lengths) - min(lengths) <= 1
    context.close()


LONG = tuple(f"a class of which the name takes two lines {end}" for end in ("here", "there", "everywhere"))


@pytest.mark.parametrize("width", [390, 1200])
def test_names_of_two_lines_push_no_look_alike_onto_the_path(chromium: Browser, tmp_path: Path, width: int) -> None:
    html.write(judged_audit(classes=LONG), tmp_path / "report.html")
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    card = page.locator("#overview .card").first
    lowest = "nodes => Math.max(...nodes.map(node => node.getBoundingClientRect().bottom))"
    assert card.locator(".near").count() == 2
    assert card.locator(".near > span").evaluate_all(lowest) <= card.locator(".foot").evaluate(
        "node => node.getBoundingClientRect().top"
    )
    assert card.locator(".folder").get_attribute("dir") == "ltr", "a path in Arabic begins at its left, too"
    context.close()


def test_the_table_of_many_classes_does_not_widen_a_narrow_page(chromium: Browser, tmp_path: Path) -> None:
    html.write(large_audit(600, tuple(f"class {number:02}" for number in range(30))), tmp_path / "report.html", most=1)
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator("table.heat").evaluate("node => node.scrollWidth") > 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_the_map_of_long_class_names_does_not_widen_a_narrow_page(chromium: Browser, tmp_path: Path) -> None:
    html.write(judged_audit(classes=tuple(40 * letter for letter in "abc")), tmp_path / "report.html")
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{(tmp_path / 'report.html').as_uri()}#map")
    page.locator("#map-class").wait_for(state="visible")
    assert page.locator("#map-class option").count() == 4
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
