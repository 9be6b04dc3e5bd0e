"""One verdict for a patient's frames: who is meant, what is written, what is taken back, what the page shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from review_runs import serving, write_run
from review_sessions import open_run

from labelaudit import verdicts
from labelaudit.verdicts import verdicts_file

if TYPE_CHECKING:
    from playwright.sync_api import Page

FRAMES = tuple(f"cat/p{i // 3}_{i % 3}.png" for i in range(9))
PATIENTS = tuple(f"p{i // 3}" for i in range(9))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three patients of three frames; the last frame of the first one carries another label."""
    return write_run(tmp_path, FRAMES, labels=[0, 0, 1, *[0] * 6], groups=PATIENTS)


def in_force(run: Path) -> dict[str, str]:
    """Image -> what stands of the verdicts."""
    standing: dict[str, list[str]] = {}
    for verdict in verdicts.read(verdicts_file(run)):
        trail = standing.setdefault(verdict.path, [])
        trail.pop() if verdict.verdict == "undo" else trail.append(verdict.new_label)
    return {path: trail[-1] for path, trail in standing.items() if trail}


def test_one_verdict_is_about_the_frames_with_that_label(run: Path) -> None:
    session = open_run(run)
    group = session.questions(0, 1)[0]["group"]
    assert group == {"name": "p0", "rows": [1], "all": 1, "open": 1}
    assert session.judge(3, "class", 1, 0, together=True)["together"] == 2
    assert in_force(run) == {"cat/p1_0.png": "dog", "cat/p1_1.png": "dog", "cat/p1_2.png": "dog"}
    assert session.judge(0, "class", 1, 0)["together"] == 0
    assert session.progress()["done"] == 4


def test_a_frame_that_was_judged_keeps_its_own_verdict(run: Path) -> None:
    session = open_run(run)
    session.judge(4, "class", 2, 0)
    assert session.judge(3, "class", 1, 0, together=True)["together"] == 1
    assert in_force(run) == {"cat/p1_0.png": "dog", "cat/p1_1.png": "owl", "cat/p1_2.png": "dog"}


@pytest.mark.parametrize("place", [3, None])
def test_undo_takes_all_of_it_back(run: Path, place: int | None) -> None:
    session = open_run(run)
    session.judge(6, "class", 1, 0)
    session.judge(3, "none", None, 0, together=True)
    assert len(in_force(run)) == 4
    assert session.undo(place)["place"] == 3
    assert in_force(run) == {"cat/p2_0.png": "dog"}


def test_a_frame_that_is_gone_takes_no_verdict(run: Path) -> None:
    session = open_run(run)
    (run.parent / "data" / FRAMES[4]).unlink()
    assert session.judge(3, "class", 1, 0, together=True)["together"] == 1
    assert set(in_force(run)) == {"cat/p1_0.png", "cat/p1_2.png"}


def test_in_the_blind_sample_each_image_is_judged_alone(run: Path) -> None:
    session = open_run(run, order="sample")
    assert "group" not in session.questions(0, 1)[0]
    assert session.judge(0, "class", 1, 0, together=True)["together"] == 0
    assert len(in_force(run)) == 1


def test_images_that_stand_alone_have_no_companions(tmp_path: Path) -> None:
    assert "group" not in open_run(write_run(tmp_path)).questions(0, 1)[0]


def test_the_page_has_a_switch_for_the_group(page: Page, run: Path) -> None:
    with serving(run) as server:
        page.goto(server.address)
        page.wait_for_selector("body[data-shown='0']")
        assert page.locator("#whole").inner_text().split() == ["All", "2", "of", "p0", "W"]
        assert page.locator("#group img").count() == 1
        page.keyboard.press("w")
        assert page.locator("#whole").get_attribute("aria-pressed") == "true"
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("body[data-shown='2']")
        assert "for 2 images" in page.locator("#last").inner_text()
        assert not page.locator("#whole").is_visible(), "the frame with another label has no companion"
        page.keyboard.press("u")
        page.wait_for_selector("body[data-shown='0']")
        assert in_force(run) == {}
