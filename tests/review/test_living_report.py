"""The report as a page in which people judge: `labelaudit open`, in a real browser and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from browser import complaints, watch
from review_runs import Server, rank_anew, running, serving, write_run

from labelaudit import verdicts
from labelaudit.audit.originals import open_originals
from labelaudit.reports.html import render
from labelaudit.reports.review_state import read_review_state
from labelaudit.review.session import Session
from labelaudit.verdicts import verdicts_file

if TYPE_CHECKING:
    from playwright.sync_api import Page


@contextmanager
def open_report(run: Path) -> Iterator[Server]:
    def report(now: Session) -> tuple[str, str]:
        seen = read_review_state(now.audit, run)
        made = render(now.audit, images=open_originals(now.audit), checked=seen, live=True)
        return made.text, made.policy

    with serving(run, report=report, rerank=rank_anew) as server:
        yield Server(server.address.replace("/?", "/report?"))


def test_cards_take_verdicts_and_the_numbers_follow(page: Page, tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with open_report(run) as server:
        seen = watch(page)
        page.goto(server.address)
        page.goto(f"http://127.0.0.1:{server.port}/report#suspects")
        assert "token" not in page.url
        page.locator("#grid .verdicts button").nth(1).click()
        page.locator("#live-said:has-text('confirmed wrong')").wait_for()
        page.locator("#grid .card").nth(1).focus()
        page.keyboard.press("1")
        page.locator("#live-said:has-text('cleared')").wait_for()
        page.keyboard.press("0")
        page.locator("#live-said:has-text('no class fits')").wait_for()
        page.keyboard.press("u")
        page.locator("#live-said:has-text('cleared')").wait_for()
        assert page.locator("#badge").inner_text() == "11"
        assert page.locator("#told-wrong").text_content() == "1"
        assert str(page.locator("#headline").text_content()).startswith("People judged 2 of 12 suspects")
        page.locator("#grid .card").first.click()
        page.locator("dialog img[src^='image/']").first.wait_for()
        assert page.locator("dialog img[src^='image/']").count() == 1, "the original, at full size"
        assert complaints(page) == []
        assert seen.errors == []
    log = verdicts.read(verdicts_file(run))
    assert [(v.path, v.verdict, v.new_label) for v in log] == [
        ("cat/0.png", "suggested", "dog"),
        ("dog/1.png", "given", "dog"),
        ("dog/1.png", "none", ""),
        ("dog/1.png", "undo", ""),
    ]


def test_what_others_say_is_there_after_a_look_away(page: Page, tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with open_report(run) as server, serving(run, reviewer="bob") as other:
        page.goto(server.address)
        other.ask("/api/judge", {"place": 0, "answer": "none", "label": None, "version": 0})
        page.evaluate("dispatchEvent(new Event('focus'))")
        page.locator("#told-wrong:has-text('1')").wait_for()


def test_the_page_asks_for_pictures_as_they_come_into_view(page: Page, tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with open_report(run) as server:
        seen = watch(page)
        text = server.request("GET", "/report")[2].decode()
        assert "data:image/webp;base64,UklGR" not in text, "nothing is decoded before it is shown"
        assert '"pictures":["thumbnail/' in text
        page.goto(server.address)
        page.locator("#worst .card img").first.wait_for()
        page.wait_for_function(
            "() => [...document.querySelectorAll('#worst .card img')].every(one => one.naturalWidth)"
        )
        (run.parent / "data" / "dog" / "10.png").unlink()
        page.goto(server.address + "#suspects")
        page.reload()
        page.locator("#grid .absent:has-text('cannot be shown')").first.wait_for()
        assert [error for error in seen.errors if "404" not in error] == []


def test_the_list_is_ranked_anew_by_what_people_said(page: Page, tmp_path: Path) -> None:
    with open_report(write_run(tmp_path)) as server:
        seen = watch(page)
        page.goto(server.address)
        page.locator("#told-open:has-text('12')").wait_for()
        assert not page.locator(".rerank").first.is_visible(), "nothing to go by yet"
        page.locator("#worst .verdicts button").first.click()
        page.locator("#overview .rerank button").click()
        said = page.locator("#live-said:has-text('By 1 verdict: 0 new suspects, 1 cleared by what people said')")
        said.wait_for()
        assert "11 suspects now" in str(said.text_content())
        assert page.locator("#badge").inner_text() == "11"
        assert seen.errors == []
        assert complaints(page) == []


def test_a_stale_page_overwrites_nothing(tmp_path: Path) -> None:
    with open_report(write_run(tmp_path)) as server:
        first = server.ask("/api/rows/judge", {"row": 0, "answer": "none", "label": None, "version": 0})
        assert first["counts"] == {"open": 11, "wrong": 1, "cleared": 0, "unclear": 0, "elsewhere": 0}
        status, _, _ = server.request("POST", "/api/rows/judge", {"row": 0, "answer": "skip", "version": 0})
        assert status == 409
        for body in (
            {"row": 99, "answer": "none"},
            {"answer": "none"},
            {"row": 1, "answer": "none", "note": "x" * 501},
        ):
            assert server.request("POST", "/api/rows/judge", body)[0] == 400
        assert server.request("POST", "/api/rows/undo", {"row": 5})[0] == 409


def test_the_report_is_guarded_and_keeps_its_own_policy(tmp_path: Path) -> None:
    with open_report(write_run(tmp_path)) as server:
        assert server.request("GET", "/report", Cookie="")[0] == 403
        status, headers, body = server.request("GET", "/report")
        assert status == 200
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert b"labelaudit" in body


def test_the_command_opens_the_report(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with running(run, command="open") as server:
        assert "/report?token=" in server.address
        assert server.request("GET", "/report")[0] == 200
        code, said = server.stop()
    assert code == 0
    assert "Traceback" not in said


def test_no_verdict_is_cut_on_a_phone(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    with open_report(write_run(tmp_path, classes=("photographs of cats", "photographs of dogs"))) as server:
        page.goto(server.address + "#suspects")
        page.locator("#grid .card").first.click()
        page.locator("dialog .verdicts").wait_for()
        for place in ("#grid", "dialog"):
            for button in page.locator(f"{place} .verdicts button").all():
                assert button.evaluate("one => one.scrollWidth <= one.clientWidth"), button.text_content()
