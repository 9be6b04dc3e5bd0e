"""The button that ranks the list anew, on the review page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from review_pages import said, show, wait_for
from review_runs import rank_anew, serving, write_run

from labelaudit import read_audit
from labelaudit.audit import run as runs

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_ranking_anew_begins_with_the_new_list(page: Page, run: Path) -> None:
    with serving(run, rerank=rank_anew) as server:
        show(page, server)
        assert not page.locator("#rerank").is_visible(), "nothing to go by yet"
        page.keyboard.press("ArrowLeft")
        page.locator("#rerank").click()
        page.locator("#notice:has-text('1 cleared by what people said')").wait_for()
        assert page.locator("#counts").inner_text().startswith("0 of 11"), "what was cleared is no suspect any more"
        assert len(said(run)) == 1


def test_a_page_of_the_old_list_judges_no_other_image(page: Page, run: Path) -> None:
    with serving(run, rerank=rank_anew) as server:
        show(page, server)
        server.ask("/api/judge", {"place": 0, "row": 0, "answer": "class", "label": 0, "version": 0})
        server.ask("/api/rerank", {})
        old = {"place": 3, "row": 3, "answer": "class", "label": 0, "version": 0}
        status, _, body = server.request("POST", "/api/judge", old)
        assert (status, b'"moved"' in body) == (409, True)
        assert server.request("POST", "/api/undo", {"place": 3, "row": 3})[0] == 409
        page.keyboard.press("ArrowRight")
        page.locator("#counts:has-text('0 of 11')").wait_for()
        assert len(said(run)) == 1, "the old page loaded itself again and wrote nothing"


def test_a_list_that_verdicts_cannot_rank_anew_is_left_as_it_is(run: Path) -> None:
    with serving(run, rerank=rank_anew) as server:
        assert server.ask("/api/about")["rerank"]
        status, _, body = server.request("POST", "/api/rerank", {})
        assert (status, b"nothing to go by yet" in body) == (409, True)
    audit = replace(read_audit(run), settings={**read_audit(run).settings, "rank_by": "sln"})
    runs.write(audit, run)
    with serving(run, rerank=rank_anew) as server:
        assert not server.ask("/api/about")["rerank"], "one column alone ranks this RUN"


def test_verdicts_on_the_worst_alone_set_no_scale_at_the_end(tmp_path: Path) -> None:
    with serving(write_run(tmp_path, clean=2)) as server:
        for place in range(10):
            server.ask("/api/judge", {"place": place, "answer": "none", "label": None, "version": 0})
        told = server.ask("/api/ending")
        assert (told["wrong"], told["scale"]) == (10, "")


def test_twenty_images_lead_to_the_suspects(page: Page, tmp_path: Path) -> None:
    with serving(write_run(tmp_path, clean=3), order="tune", rerank=rank_anew) as server:
        show(page, server)
        for place in range(12):
            wait_for(page, place)
            page.keyboard.press("1")
        wait_for(page, "end")
        page.locator("#end-rerank").click()
        page.wait_for_selector("html:not([data-blind])")
        page.locator("#notice:has-text('By 12 verdicts')").wait_for()
        wait_for(page, "end")
        assert page.locator("#notice").is_visible(), "nothing is left to judge, and what changed is said all the same"
