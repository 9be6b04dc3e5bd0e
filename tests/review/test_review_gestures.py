"""The review page by other ways than the usual keys: own keys, a grid, a phone, swipes, a reader of the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import complaints
from review_runs import Server, serving, write_run

from labelaudit import verdicts
from labelaudit.errors import OptionError
from labelaudit.review.keys import read_keys
from labelaudit.verdicts import verdicts_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
from review_pages import said, show, wait_for


def press(page: Page, key: str, code: str, **held: bool) -> None:
    """A key as another keyboard layout sends it."""
    page.evaluate(
        "told => document.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...told }))",
        {"key": key, "code": code, **held},
    )


def test_each_class_has_one_key_whatever_the_keyboard_writes(page: Page, server: Server, run: Path) -> None:
    show(page, server)
    assert page.locator("#further button").all_inner_texts() == ["cat\n1", "dog\n2", "owl\n3"]
    wait_for(page, 0)
    press(page, "é", "Digit2")  # AZERTY without Shift
    wait_for(page, 1)
    press(page, "ы", "KeyS")  # Cyrillic
    wait_for(page, 2)
    press(page, "[", "Digit8", ctrlKey=True, altKey=True, modifierAltGraph=True)  # AltGr on a German keyboard
    wait_for(page, 1)
    press(page, "]", "Digit9", ctrlKey=True, altKey=True, modifierAltGraph=True)
    wait_for(page, 2)
    page.keyboard.press("2")
    wait_for(page, 3)
    assert [label for _, _, label in said(run)] == ["dog", "", "dog"], "2 is the dog, here and there"


def test_a_search_gives_no_verdict_before_a_letter(page: Page, server: Server, run: Path) -> None:
    show(page, server)
    page.keyboard.press("/")
    assert page.locator("#found [aria-selected=true]").count() == 0
    page.keyboard.press("Enter")
    assert page.locator("#search").is_visible()
    page.keyboard.press("ArrowDown")
    assert page.locator("#found [aria-selected=true]").count() == 1
    page.keyboard.press("Escape")
    assert said(run) == []


@pytest.mark.parametrize(("first", "key"), [("2", "/"), ("2", "m"), ("g", "/")])
def test_what_opens_over_an_image_waits_for_one_that_is_coming(
    page: Page, server: Server, run: Path, first: str, key: str
) -> None:
    show(page, server)
    if first == "g":  # in the grid, and out of it again
        page.keyboard.press("g")
        page.wait_for_selector("#grid:not([hidden])")
    at_once = "keys => keys.forEach(key => document.dispatchEvent(new KeyboardEvent('keydown', { key, code: '' })))"
    page.evaluate(at_once, [first, key])
    page.wait_for_selector("#search[open]" if key == "/" else "#noting[open]")
    assert len(said(run)) == (first == "2")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.wait_for_selector(f"body[data-shown='{1 + (first == '2')}']")
    assert page.locator("dialog[open]").count() == 0, "once is enough"


def test_a_note_goes_with_the_next_verdict(page: Page, server: Server, run: Path) -> None:
    show(page, server)
    page.keyboard.press("m")
    page.keyboard.type("only the tail")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowLeft")
    wait_for(page, 1)
    page.keyboard.press("ArrowLeft")
    wait_for(page, 2)
    assert [verdict.note for verdict in verdicts.read(verdicts_file(run))] == ["only the tail", ""]


def test_thirty_images_in_grid_mode_take_under_twenty_presses(page: Page, tmp_path: Path) -> None:
    names = [f"cat/{i}.png" for i in range(30)]
    run = write_run(tmp_path, names, classes=("cat", "dog"), labels=[0] * 30)
    with serving(run) as server:
        show(page, server)
        presses = 0

        def press_one(key: str) -> None:
            nonlocal presses
            presses += 1
            page.keyboard.press(key)

        press_one("g")
        page.wait_for_selector("#grid-cells li:nth-child(24)")
        first = page.locator("#grid-cells li img").first.bounding_box()
        cells = page.locator("#grid-cells").bounding_box()
        assert first is not None
        assert cells is not None
        assert cells["height"] > first["height"], "the pictures show"
        for key in ("Space", "ArrowRight", "ArrowRight", "Space", "Enter"):
            press_one(key)
        page.wait_for_selector("#grid-cells:not(:has(li:nth-child(7)))")
        press_one("a")
        press_one("Enter")
        wait_for(page, "end")
    assert presses < 20
    kinds = [kind for _, kind, _ in said(run)]
    assert len(kinds) == 30
    assert [i for i, kind in enumerate(kinds) if kind == "suggested"] == [0, 2, *range(24, 30)]


def test_a_page_of_the_grid_is_taken_back_whole_and_once(page: Page, tmp_path: Path) -> None:
    names = [f"cat/{i}.png" for i in range(60)]
    run = write_run(tmp_path, names, classes=("cat", "dog"), labels=[0] * 60)
    with serving(run) as server:
        show(page, server)
        page.keyboard.press("ArrowLeft")
        wait_for(page, 1)
        page.keyboard.press("g")
        wait_for(page, "grid 1")
        for key in ("Enter", "u", "Space", "Escape"):  # all but the first while the page is being saved
            page.keyboard.press(key)
        wait_for(page, "grid 25")
        page.wait_for_selector("#counts:has-text('25 of 60')")
        assert "∞" not in page.locator("#counts").inner_text()
        page.keyboard.press("u")
        page.keyboard.press("Escape")
        wait_for(page, "grid 1")
        page.wait_for_selector("#counts:has-text('1 of 60')")
        page.keyboard.press("Escape")
        wait_for(page, 1)
        page.keyboard.press("u")
        wait_for(page, 0)
        page.wait_for_selector("#counts:has-text('0 of 60')")
    kinds = [kind for _, kind, _ in said(run)]
    assert kinds == ["given"] * 25 + ["undo"] * 25


def test_a_phone_has_both_answers_and_undo_in_sight(chromium: Browser, server: Server) -> None:
    for width, height in ((390, 844), (844, 390)):
        context = chromium.new_context(viewport={"width": width, "height": height}, has_touch=True)
        page = context.new_page()
        show(page, server)
        for name in ("#choose-left", "#choose-right", "#undo", "#view img"):
            box = page.locator(name).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= height, name
        view = page.locator("#view").bounding_box()
        assert view is not None
        assert view["height"] > 250
        context.close()


def test_all_classes_stay_in_reach_of_a_browser_zoomed_to_200_percent(chromium: Browser, server: Server) -> None:
    """1440 by 900 pixels are then 720 by 450; a phone on its side has fewer."""
    for width, height in ((720, 450), (844, 390)):
        context = chromium.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        page.goto(server.address)
        page.wait_for_selector("#choose-left .name:not(:empty)")
        assert page.locator("#further button").all_inner_texts() == ["cat", "dog", "owl"]
        for button in (*page.locator("#further button").all(), *map(page.locator, ("#another", "#note", "#undo"))):
            box = button.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= height
        context.close()


def test_a_swipe_is_an_answer(chromium: Browser, server: Server, run: Path) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    show(page, server)
    page.evaluate(
        """() => {
            const view = document.getElementById("view");
            view.setPointerCapture = () => {};
            const send = (kind, x) => view.dispatchEvent(new PointerEvent(kind,
                { bubbles: true, pointerId: 1, pointerType: "touch", clientX: x, clientY: 300, isPrimary: true }));
            send("pointerdown", 250); send("pointermove", 120); send("pointerup", 100);
        }"""
    )
    wait_for(page, 1)
    assert said(run) == [("cat/0.png", "given", "cat")]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(chromium: Browser, server: Server, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": 1100, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    show(page, server)
    page.wait_for_selector("#view img")
    assert complaints(page) == [], "desk"
    for key, close in (("?", "Escape"), ("/", "Escape"), ("m", "Escape"), ("g", "g")):
        page.keyboard.press(key)
        page.wait_for_selector("dialog[open], #grid:not([hidden])")
        assert complaints(page) == [], key
        page.keyboard.press(close)
    for _ in range(12):
        page.wait_for_selector("body[data-shown]:not([data-shown^=grid])")
        shown = page.evaluate("document.body.dataset.shown")
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector(f"body:not([data-shown='{shown}'])")
    wait_for(page, "end")
    assert complaints(page) == [], "end"
    context.close()


def test_keys_of_a_file_take_the_place_of_the_usual_ones(page: Page, run: Path, tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text('[keys]\nleft = ["h"]\nright = "l"\n')
    with serving(run, keys=read_keys(tmp_path / "keys.toml")) as server:
        show(page, server)
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("l")
        wait_for(page, 1)
        assert page.locator("#choose-right kbd").inner_text() == "L"
    assert said(run) == [("cat/0.png", "suggested", "dog")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("left = 3", "no table [keys]"),
        ("[keys]\nup = 'x'", "unknown action of a key 'up'"),
        ("[keys]\nleft = 3", "left must be a key or a list"),
        ("[keys]\nleft = '3'", "the digits 1 to 9 are for classes"),
        ("[keys]\nleft = 'u'", "'u' would do two things"),
        ("[keys", "cannot be read"),
    ],
)
def test_a_bad_file_of_keys_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "keys.toml").write_text(text)
    with pytest.raises(OptionError) as error:
        read_keys(tmp_path / "keys.toml")
    assert told in str(error.value)
    assert "\n" not in str(error.value)
