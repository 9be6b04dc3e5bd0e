"""The review page in a real browser: by keyboard, with hostile names, with ten thousand suspects, through a crash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import Watch
from review_runs import Server, running, serving, write_large_run, write_run

from labelaudit.review.guard import Base

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
from review_pages import said, show, wait_for


def test_a_review_by_keyboard_alone(page: Page, server: Server, run: Path) -> None:
    seen = show(page, server)
    assert page.url == f"http://127.0.0.1:{server.port}/", "the key is out of the address"
    assert page.locator("#choose-left .name").inner_text() == "cat"
    assert page.locator("#choose-right .name").inner_text() == "dog"
    for place, key in enumerate(("ArrowLeft", "ArrowRight", "2", "0", "s")):
        wait_for(page, place)
        page.keyboard.press(key)
    wait_for(page, 5)
    page.keyboard.press("/")
    page.keyboard.type("OW")
    assert page.locator("#found li").all_inner_texts() == ["owl"]
    page.keyboard.press("Enter")
    wait_for(page, 6)
    page.keyboard.press("u")
    wait_for(page, 5)
    page.keyboard.press("n")
    wait_for(page, 6)
    assert said(run) == [
        ("cat/0.png", "given", "cat"),
        ("dog/1.png", "suggested", "owl"),
        ("owl/2.png", "other", "dog"),
        ("cat/3.png", "none", ""),
        ("dog/4.png", "skip", ""),
        ("owl/5.png", "given", "owl"),
        ("owl/5.png", "undo", ""),
        ("owl/5.png", "none", ""),
    ]
    page.keyboard.press("[")
    wait_for(page, 5)
    assert page.locator("#standing").inner_text() == "You said no class fits"
    assert page.locator("#none").get_attribute("aria-pressed") == "true"
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    assert len(said(run)) == 8, "nothing is judged behind a dialog"
    page.wait_for_selector("#counts:has-text('6 of 12')")
    assert seen == Watch(requests=seen.requests)
    assert all(url.startswith(f"http://127.0.0.1:{server.port}/") for url in seen.requests)


def test_a_key_held_down_is_one_answer(page: Page, server: Server, run: Path) -> None:
    show(page, server)
    page.keyboard.down("ArrowLeft")
    for _ in range(10):
        page.keyboard.down("ArrowLeft")
    page.keyboard.up("ArrowLeft")
    wait_for(page, 1)
    assert len(said(run)) == 1


def test_mouse_zoom_and_pixels(page: Page, server: Server) -> None:
    show(page, server)
    image = page.locator("#view img")
    assert image.evaluate("image => image.getBoundingClientRect().width / image.naturalWidth") > 4
    page.keyboard.press("Space")
    assert page.locator("#view .scale").inner_text() == "2.5×"
    page.keyboard.press("+")
    page.mouse.move(600, 300)
    page.mouse.down()
    page.mouse.move(500, 250, steps=3)
    page.mouse.up()
    assert "translate(-" in str(image.evaluate("image => image.style.transform"))
    page.keyboard.press("p")
    assert image.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    page.keyboard.press("Space")
    assert page.locator("#view .scale").is_hidden()
    page.locator("#choose-right").click()
    wait_for(page, 1)
    page.locator(".candidate.left .strip button, #undo").last.click()


def test_undo_with_nothing_to_undo_says_so(page: Page, server: Server) -> None:
    show(page, server)
    wait_for(page, 0)
    page.keyboard.press("u")
    page.get_by_text("There is nothing to undo").wait_for()
    page.keyboard.press("ArrowLeft")
    wait_for(page, 1)


def test_the_end_and_the_way_back(page: Page, server: Server, run: Path) -> None:
    show(page, server)
    for place in range(12):
        wait_for(page, place)
        page.keyboard.press("s" if place == 7 else "ArrowLeft")
    wait_for(page, "end")
    assert "0 wrong, 11 correct, 0 left, 1 skipped." in page.locator("#end-text").inner_text()
    page.locator("#end-again").click()
    wait_for(page, 7)
    page.keyboard.press("ArrowRight")
    wait_for(page, "end")
    page.keyboard.press("u")
    wait_for(page, 7)
    assert [verdict for _, verdict, _ in said(run)][-3:] == ["given", "suggested", "undo"]


def test_names_from_the_data_run_no_code(page: Page, tmp_path: Path) -> None:
    attack = "<img src=x onerror=alert(1)>"
    classes = (f"a{attack}", "b\"'><script>alert(2)</script>", "c\u202etac", "d${alert(3)}", "e" * 300)
    names = [f"{i}/{attack.replace('/', '')}{i}.png" for i in range(5)] + [
        "javascript:alert(4)/4.png",
        '9/\u202egnp."&amp;.png',
    ]
    run = write_run(tmp_path, names, classes=classes)
    with serving(run) as server:
        seen = show(page, server)
        for place in range(7):
            wait_for(page, place)
            page.keyboard.press("/")
            page.keyboard.type("<")
            page.keyboard.press("Escape")
            page.keyboard.press("ArrowRight")
        wait_for(page, "end")
    assert seen.dialogs == []
    assert seen.errors == []
    assert [path for path, _, _ in said(run)] == names
    assert page.locator("img[src='x']").count() == 0


def test_a_changed_image_is_not_judged_but_passed(page: Page, server: Server, run: Path) -> None:
    (run.parent / "data/cat/0.png").write_bytes(b"something else")
    (run.parent / "data/dog/1.png").unlink()
    page.goto(server.address)
    wait_for(page, 0)
    told = page.locator("#view").inner_text()
    assert "The image was changed since the scan: scan again. “Can’t tell” goes on." in told
    page.keyboard.press("ArrowLeft")
    assert "cannot be judged" in page.locator("#last").inner_text()
    page.keyboard.press("s")
    wait_for(page, 1)
    assert (
        "gone since the scan" in page.locator("#view").inner_text()
        or "cannot be read" in page.locator("#view").inner_text()
    )
    page.keyboard.press("s")
    wait_for(page, 2)
    (run.parent / "data/owl/2.png").write_bytes(b"while it is shown")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#view .absent")
    assert said(run) == []


def test_two_tabs(chromium: Browser, server: Server, run: Path) -> None:
    context = chromium.new_context()
    first, second = context.new_page(), context.new_page()
    show(first, server)
    show(second, server)
    first.keyboard.press("ArrowLeft")
    wait_for(first, 1)
    second.keyboard.press("ArrowRight")
    second.locator("#notice", has_text="another tab").wait_for()
    assert second.locator("#standing").inner_text() == "You said cat"
    assert said(run) == [("cat/0.png", "given", "cat")]
    second.keyboard.press("ArrowRight")
    second.wait_for_selector("body:not([data-shown='0'])")
    assert said(run)[1:] == [("cat/0.png", "suggested", "dog")]
    context.close()


def test_a_server_that_dies_is_named_and_the_next_one_goes_on(page: Page, run: Path) -> None:
    with running(run) as server:
        show(page, server)
        page.keyboard.press("ArrowLeft")
        wait_for(page, 1)
        server.process.kill()
        server.process.wait()
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector("#notice[data-kind=alarm]")
        assert "every verdict is on disk" in page.locator("#notice").inner_text()
    assert len(said(run)) == 1
    with running(run) as again:
        page.goto(again.address)
        wait_for(page, 1)


def test_the_estimation_sample_hides_what_sways(page: Page, tmp_path: Path) -> None:
    run = write_run(tmp_path, [f"{('cat', 'dog', 'owl')[i % 3]}/{i}.png" for i in range(30)], clean=15)
    with serving(run, order="sample") as server:
        show(page, server)
        text = page.locator("body").inner_text()
        assert "scores, suggestions and file names are hidden" in text
        assert not any(
            word in text for word in (".png", "suspicion", "looks like", "given label", "suggested label", "likely")
        )
        page.keyboard.press("ArrowLeft")
        wait_for(page, 1)
        page.wait_for_selector("#counts:has-text('1 of 30')")


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (1280, 600)])
def test_the_choices_are_in_sight(chromium: Browser, server: Server, size: tuple[int, int]) -> None:
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    show(page, server)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in ("#view img", "#choose-left", "#choose-right", "#another", "#none", "#skip", "#undo"):
        box = page.locator(name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= size[1], name
    context.close()


def test_ten_thousand_suspects_of_a_thousand_classes(page: Page, tmp_path: Path) -> None:
    run = write_large_run(tmp_path, 10_000, 1_000)
    with serving(run) as server:
        seen = show(page, server)
        for place in range(12):
            wait_for(page, place)
            page.keyboard.press("ArrowRight")
        wait_for(page, 12)
        sizes = page.evaluate(
            "performance.getEntriesByType('resource').map(entry => [entry.name, entry.decodedBodySize])"
        )
        assert max(size for name, size in sizes if "questions" in name) < 40_000, "the queue comes in slices"
        page.keyboard.press("/")
        page.keyboard.type("0777")
        page.keyboard.press("Enter")
        wait_for(page, 13)
    assert said(run)[-1][1:] == ("other", "class 0777")
    assert seen.errors == []


def test_the_way_back_from_the_end_and_what_it_says(page: Page, server: Server) -> None:
    show(page, server)
    for place in range(12):
        wait_for(page, place)
        page.keyboard.press("ArrowRight" if place % 2 else "ArrowLeft")
    wait_for(page, "end")
    assert page.locator("#end-text").inner_text() == "6 wrong, 6 correct, 0 left. 5 in 10 suspects were wrong."
    assert page.locator("#end-pairs li").first.inner_text() == "cat → dog 2 of 4"
    assert "Next: labelaudit clean" in page.locator("#end-next").inner_text()
    page.keyboard.press("[")
    wait_for(page, 11)
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("?")
    assert page.locator("#help").is_hidden()


def test_what_another_reviewer_judged_a_moment_ago_is_not_asked(page: Page, server: Server, run: Path) -> None:
    show(page, server)
    page.wait_for_load_state("networkidle")  # the page has asked ahead
    with serving(run, reviewer="bob") as other:
        for place in (1, 2):
            other.ask("/api/judge", {"place": place, "answer": "none", "label": None, "version": 0})
    page.keyboard.press("ArrowLeft")
    wait_for(page, 4)  # the third is what the other one looks at now


def test_a_message_takes_no_room_and_can_be_closed(page: Page, tmp_path: Path) -> None:
    run = write_run(tmp_path, [f"{('cat', 'dog', 'owl')[i % 3]}/{i}.png" for i in range(30)], clean=15)
    with serving(run, order="sample") as server:
        show(page, server)
        before = page.locator("#view").bounding_box()
        message = page.locator("#notice").bounding_box()
        lowest = page.locator(".bar button:visible").last.bounding_box()
        assert message is not None
        assert lowest is not None
        assert message["y"] >= lowest["y"] + lowest["height"], "the message hides no button"
        page.locator("#notice button").click()
        assert page.locator("#notice").is_hidden()
        assert page.locator("#view").bounding_box() == before


def test_a_message_goes_where_it_would_cover_what_an_answer_came_to(page: Page, tmp_path: Path) -> None:
    run = write_run(tmp_path, [f"{('cat', 'dog', 'owl')[i % 3]}/{i}.png" for i in range(30)], clean=15)
    with serving(run, order="sample") as server:
        show(page, server)
        page.locator("#notice").wait_for()
        page.keyboard.press("u")
        page.get_by_text("There is nothing to undo").wait_for()
        assert page.locator("#notice").is_hidden()


def test_behind_a_prefix_every_address_is_relative(page: Page, run: Path) -> None:
    base = Base.of("/user/ann/proxy/9000/")
    with serving(run, base=base) as server:
        assert "/user/ann/proxy/9000/?token=" in server.address
        seen = show(page, server)
        page.keyboard.press("ArrowLeft")
        wait_for(page, 1)
    assert seen.errors == []
    assert all("/user/ann/proxy/9000/" in url for url in seen.requests)
    assert len(said(run)) == 1


def test_twenty_images_first_say_how_far_down_to_look(page: Page, tmp_path: Path) -> None:
    run = write_run(tmp_path, [f"{('cat', 'dog', 'owl')[i % 3]}/{i}.png" for i in range(30)], clean=15)
    with serving(run) as server:
        show(page, server)
        assert "labelaudit tune" in page.locator("#notice").inner_text()
    with serving(run, order="tune") as server:
        about = server.ask("/api/about")
        assert about["blind"]
        for place in range(about["total"]):
            one = server.ask(f"/api/questions?start={place}&count=1")[0]
            assert "chance" not in one
            server.ask("/api/judge", {"place": place, "answer": "class", "label": one["left"], "version": 0})
        assert f"By {about['total']} verdicts" in server.ask("/api/ending")["scale"]
        show(page, server)
        wait_for(page, "end")
        assert "worth a look" in page.locator("#end-scale").inner_text()
