"""`labelaudit review` from start to end: what cannot be reviewed, several reviewers, an end by Ctrl-C or a kill."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest
from commands import call
from review_runs import Server, running, serving, write_run
from review_verdicts import verdict
from typer.testing import CliRunner

from labelaudit import verdicts
from labelaudit.cli import app
from labelaudit.review.server import listen
from labelaudit.verdicts import verdicts_file


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("review"))


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Server]:
    with serving(run) as started:
        yield started


# how it ends


def test_ctrl_c_ends_cleanly_and_says_where_the_verdicts_are(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with running(run) as server:
        server.ask("/api/judge", {"place": 0, "answer": "none", "label": None, "version": 0})
        code, said = server.stop()
    assert code == 0
    assert said.splitlines()[0] == "12 images to judge, 0 done. Ctrl-C ends the page."
    assert said.splitlines()[-1] == f"1 of 12 judged; verdicts are in {verdicts_file(run)}"
    assert "Traceback" not in said


def test_a_log_that_is_not_there_yet_is_not_named(tmp_path: Path) -> None:
    with running(write_run(tmp_path)) as server:
        server.ask("/api/questions?start=0&count=1")
        _, said = server.stop()
    assert said.splitlines()[-1] == "0 of 12 judged; no verdict was given"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["review", "--help"], "with exit code 0"),
        (["--help"], "130 interrupted (0 where Ctrl-C ends the page of `review`)"),
    ],
)
def test_the_help_says_what_ctrl_c_ends_with(command: list[str], told: str) -> None:
    plain = CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}).invoke(app, command).output
    assert told in " ".join(plain.replace("│", " ").split())


def test_a_killed_server_loses_nothing_and_goes_on_at_the_right_place(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with running(run) as server:
        for place in range(5):
            kept = server.ask("/api/judge", {"place": place, "answer": "class", "label": 0, "version": 0})
            assert kept["done"]
            assert len(verdicts.read(verdicts_file(run))) == place + 1
        server.ask("/api/undo", {"place": 4})
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(20)
    with verdicts_file(run).open("ab") as file:
        file.write(b"cat/9.png,abc")  # what a crash in the middle of a line would leave
    with running(run) as again:
        about = again.ask("/api/about")
        assert (about["next"], about["progress"]["done"]) == (4, 4)
        assert again.ask("/api/undo", {"place": None})["place"] == 3
        assert again.ask("/api/judge", {"place": 3, "answer": "none", "label": None, "version": 2})["done"]
    assert [v.verdict for v in verdicts.read(verdicts_file(run))][-3:] == ["undo", "undo", "none"]


# the command line


def test_what_cannot_be_reviewed_is_one_line(run: Path, tmp_path: Path) -> None:
    assert call("review", str(tmp_path)) == (
        2,
        "",
        f"labelaudit: {tmp_path} is not a RUN folder (no audit.json): make one with `labelaudit scan`\n",
    )
    code, _, said = call("review", str(run), "--data", str(tmp_path / "nowhere"))
    assert (code, "--data" in said, said.count("\n")) == (2, True, 1)
    code, _, said = call("review", str(run), "--format", "csv")
    assert (code, "--export" in said) == (2, True)
    with listen() as taken:
        code, _, said = call("review", str(run), "--port", str(taken.getsockname()[1]))
    assert (code, "choose another with --port" in said) == (2, True)


def test_reviewers_merge_and_their_disputes_are_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "main")
    assert call("verdicts", "show", str(run))[1].startswith("no verdicts in")
    copies = [write_run(tmp_path / name) for name in ("ann", "bob")]
    said = {
        "ann": [(0, "given", "cat"), (1, "suggested", "owl"), (2, "none", "")],
        "bob": [(0, "given", "cat"), (1, "other", "cat")],
    }
    for name, copy in zip(said, copies, strict=True):
        verdicts.append(verdicts_file(copy), *(verdict(row, kind, label, name, run) for row, kind, label in said[name]))
    code, out, err = call("verdicts", "merge", *map(str, copies), "-o", str(run))
    assert (code, out) == (0, "")
    assert err.splitlines()[0] == f"5 new verdicts in {verdicts_file(run)}, 0 were there."
    assert "Reviewers disagree on 1 image, first dog/1.png" in err
    assert (
        "0 new verdicts" in call("verdicts", "merge", str(copies[0]), str(verdicts_file(copies[1])), "-o", str(run))[2]
    )
    code, out, _ = call("verdicts", "show", str(run))
    assert code == 0
    assert out.splitlines()[:2] == [
        "2 of 12 images have a verdict, 3 of 12 suspects were looked at",
        "  1 given label correct, 0 suggested label correct, 0 another class, 1 no class, 0 skipped, 1 disputed",
    ]
    assert "  ann and bob agree on 1 of 2 (50%, Cohen's kappa 0.00)" in out.splitlines()
    assert "  dog/1.png (given dog)  ann: owl, bob: cat" in out.splitlines()
    assert "  disputes end by majority" in out.splitlines()
    assert call("verdicts", "merge", str(tmp_path / "none.csv"), "-o", str(run))[0] == 2


def test_verdicts_on_other_images_are_not_merged(tmp_path: Path) -> None:
    run, other = write_run(tmp_path / "main"), write_run(tmp_path / "other")
    there = replace(verdict(0, "given", "cat", "ann", run), path="elsewhere/0.png", digest="f" * 32)
    verdicts.append(verdicts_file(other), there)
    code, out, err = call("verdicts", "merge", str(other), "-o", str(run))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"'{run}' has none of the images of these verdicts" in err
    assert not verdicts_file(run).exists()


def test_a_review_of_a_run_that_may_only_be_read_ends_in_peace(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr("labelaudit.review.server.make_server", lambda _: SimpleNamespace(run=lambda **_: None))
    code, _, err = call("review", str(run), "--no-open")
    assert code == 0
    assert " judged; " in err


def test_a_rule_settles_disputes_and_namesakes_are_told_apart(tmp_path: Path) -> None:
    run = write_run(tmp_path / "main")
    copies = [write_run(tmp_path / name) for name in ("one", "two")]
    for copy, label in zip(copies, ("cat", "owl"), strict=True):
        said = (0, "given", "cat") if label == "cat" else (2, "none", "")
        verdicts.append(verdicts_file(copy), verdict(1, "other", label, "user", run), verdict(*said, "user", run))
    code, _, err = call("verdicts", "merge", *map(str, copies), "-o", str(run))
    assert (code, "both have verdicts by 'user'" in err, "on 1 image where they differ" in err) == (0, True, True)
    fresh = write_run(tmp_path / "fresh")
    named = [f"{name}={copy}" for name, copy in zip(("ann", "bob"), copies, strict=True)]
    code, _, err = call("verdicts", "merge", *named, "-o", str(fresh), "--settle", "adjudicator:bob")
    assert (code, "both have verdicts" in err, "bob's word settles it" in err) == (0, False, True)
    code, _, err = call("verdicts", "settle", str(fresh), "agreement")
    assert (code, err) == (0, "agreement: 0 disputes settled, 1 dispute open.\n")
    code, _, err = call("verdicts", "settle", str(fresh), "adjudicator:bobb")
    assert (code, "bobb has judged nothing here yet; those who have: ann, bob." in err) == (0, True)
    code, _, err = call("verdicts", "merge", *named, "-o", str(fresh), "--settle", "adjudicator")
    assert (code, "settles nothing: give majority" in err) == (2, True)


@pytest.mark.parametrize(
    ("environment", "terminal", "opens"),
    [
        ({"DISPLAY": ":0"}, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True, True),
        ({}, True, False),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}, True, False),
        ({"DISPLAY": ":0"}, False, False),
    ],
)
def test_a_browser_opens_on_a_desktop_only(
    run: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], terminal: bool, opens: bool
) -> None:
    import sys
    import webbrowser

    from uvicorn import Server as Uvicorn

    from labelaudit.cli.review import review

    opened: list[tuple[str, int]] = []

    def look(address: str) -> None:
        file = Path(unquote(urlsplit(address).path))
        assert file.parent == run.resolve()
        opened.append((file.read_text(encoding="utf-8"), file.stat().st_mode & 0o777))

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(webbrowser, "open", look)
    monkeypatch.setattr(Uvicorn, "run", interrupted)
    for wanted in (True, False):
        review(run, no_open=not wanted, export=None, format_=None, embed=False, prefix=None)
        assert len(opened) == opens, "asked for, then not"
        assert not list(run.glob(".open*")), "the way in is gone with the page"
    for page, rights in opened:
        assert re.search(r'content="0;url=http://127\.0\.0\.1:\d+/\?token=[\w-]{32}"', page)
        assert rights == 0o600, "the key is on no command line and for nobody else"
