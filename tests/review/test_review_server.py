"""The review over HTTP and from the command line: who gets in, how it ends, what a crash leaves."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from review_runs import Server, running, serving, write_run
from typer.testing import CliRunner

from labelaudit import verdicts
from labelaudit.cli import app
from labelaudit.review import app as app_module
from labelaudit.review import connection
from labelaudit.review.server import listen
from labelaudit.verdicts import Verdict, verdicts_file


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("review"))


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Server]:
    with serving(run) as started:
        yield started


# what hangs and floods


@pytest.mark.parametrize(
    "path", ["/image/", "/thumbnail/", "/api/neighbours/", "/api/questions?start=", "/api/next?start="]
)
@pytest.mark.parametrize("number", ["9" * 5000, "-1", "1e3", "%C2%B2", "%D9%A3", "x"])
def test_a_number_that_is_none_is_a_bad_request(server: Server, path: str, number: str) -> None:
    status, _, body = server.request("GET", path + number)
    assert status == 400
    assert b"must be a number" in body
    assert len(body) < 200


def test_a_body_with_thousands_of_digits_is_a_bad_request(server: Server) -> None:
    for body in (b'{"place": ' + b"9" * 4000 + b"}", b"[" * 4000, b'{"place": 1e999}'):
        assert server.request("POST", "/api/judge", body)[0] == 400
    assert server.request("POST", "/api/judge", {"place": 10**30, "answer": "none"})[0] == 400


def test_half_requests_lock_nobody_out(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.5)
    monkeypatch.setattr(app_module, "PATIENCE", 0.5)
    post = "POST /api/judge HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {}\r\nOrigin: http://127.0.0.1\r\n"
    with serving(run) as started:
        without_body = f"{post.format(started.cookie)}Content-Length: 90\r\n\r\n".encode()
        halves = [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", without_body]
        held = [socket.create_connection(("127.0.0.1", started.port), timeout=10) for _ in range(80)]
        for number, half in enumerate(held):
            half.sendall(halves[number % len(halves)])
        assert started.request("GET", "/api/about")[0] == 200
        for number, half in enumerate(held):  # each of them is ended by the server
            said = b"".join(iter(lambda half=half: _received(half), b""))
            assert said == b"" or (number % len(halves) == 3 and said.startswith(b"HTTP/1.1 408"))
            half.close()
        assert started.request("GET", "/api/about")[0] == 200


def _received(place: socket.socket) -> bytes:
    try:
        return place.recv(4096)
    except ConnectionResetError:
        return b""


def test_many_answers_at_once_are_kept_or_refused_and_none_is_lost(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with serving(run) as one, serving(run) as other, ThreadPoolExecutor(8) as pool:
        asked = [(server_, place) for place in range(12) for server_ in (one, other)]

        def judge(task: tuple[Server, int]) -> int:
            server_, place = task
            return server_.request("POST", "/api/judge", {"place": place, "answer": "none", "version": 0})[0]

        answers = list(pool.map(judge, asked))
    taken = verdicts.read(verdicts_file(run))
    assert set(answers) <= {200, 409}
    assert len(taken) == answers.count(200) == 12
    assert len({verdict.path for verdict in taken}) == 12


# who gets in


def test_the_address_gives_a_cookie_that_scripts_and_other_sites_cannot_use(server: Server) -> None:
    status, headers, body = server.request("GET", f"/?token={server.token}", Cookie="")
    assert status == 200
    assert headers["set-cookie"] == f"{server.cookie}; Path=/; HttpOnly; SameSite=Strict"
    assert server.token.encode() not in body
    assert server.address.startswith("http://127.0.0.1:")
    assert len(server.token) >= 32
    status, headers, _ = server.request("GET", "/")
    assert (status, "set-cookie" in headers) == (200, False)


@pytest.mark.parametrize("cookie", ["", "other=1", "labelaudit-x=y", "\xff;;=", "labelaudit-{token}={token}x"])
@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=guess", "/api/about", "/image/0", "/page/review.js"])
def test_nobody_else_gets_anything(server: Server, path: str, cookie: str) -> None:
    status, headers, body = server.request("GET", path, Cookie=cookie.format(token=server.token))
    assert status == 403
    assert b"Open the address" in body
    assert "set-cookie" not in headers


def test_the_token_opens_the_page_and_nothing_else(server: Server) -> None:
    assert server.request("GET", f"/api/about?token={server.token}", Cookie="")[0] == 403
    assert server.request("POST", f"/?token={server.token}", {}, Cookie="")[0] == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost@evil", ""]
)
def test_other_hosts_are_refused_whatever_they_know(server: Server, host: str) -> None:
    status, _, body = server.request("GET", f"/?token={server.token}", Host=host.format(port=server.port))
    assert status in (400, 421)
    assert b"labelaudit review" not in body


@pytest.mark.parametrize("host", ["localhost:9000", "[::1]:80", "LOCALHOST"])
def test_a_tunnel_may_end_at_another_port(server: Server, host: str) -> None:
    assert server.request("GET", "/api/about", Host=host)[0] == 200
    assert server.request("POST", "/api/undo", {"place": 3}, Host=host, Origin=f"http://{host}")[0] == 409


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1:{port}"]
)
def test_only_the_page_may_write(server: Server, run: Path, origin: str) -> None:
    body = {"place": 0, "answer": "none", "label": None, "version": 0}
    status, _, _ = server.request("POST", "/api/judge", body, Origin=origin.format(port=server.port))
    assert status == 403
    assert not verdicts_file(run).exists()


def test_every_answer_forbids_foreign_code_and_frames(server: Server) -> None:
    for path in ("/", "/api/about", "/image/0", "/page/review.js", "/nowhere"):
        _, headers, _ = server.request("GET", path)
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/page/..%2fapp.py", "/page/../app.py", "/page/nothing.js", "/image/99999", "/image/x"]
)
def test_nothing_but_the_page_and_the_images(server: Server, path: str) -> None:
    assert server.request("GET", path)[0] in (400, 404)


def test_the_page_itself_names_no_other_place(server: Server) -> None:
    about = (
        "/",
        *(f"/page/{name}" for name in ("review.css", "review.js", "deck.js", "stage.js", "search.js", "icon.svg")),
    )
    for path in about:
        status, _, body = server.request("GET", path)
        assert status == 200
        assert b"http://www.w3.org/2000/svg" in body or b"://" not in body


# what is asked and answered


def test_the_queue_comes_in_slices(server: Server) -> None:
    assert [one["place"] for one in server.ask("/api/questions?start=2&count=3")] == [2, 3, 4]
    assert len(server.ask("/api/questions?start=0&count=99999")) == 12
    assert server.ask("/api/questions?start=12&count=5") == []
    assert server.request("GET", "/api/questions?start=-1")[0] == 400
    assert server.ask("/api/about")["classes"] == ["cat", "dog", "owl"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 4000,
        b'{"place": "0"}',
        b'{"place": true, "answer": "none"}',
        b'{"place": 0, "answer": "class", "label": 7, "version": 0}',
        b'{"place": 99, "answer": "none", "version": 0}',
        b'{"answer": "delete"}',
    ],
)
def test_what_is_no_answer_is_a_bad_request(server: Server, run: Path, body: bytes) -> None:
    status, _, said = server.request("POST", "/api/judge", body)
    assert status == 400
    assert json.loads(said)["error"]
    assert not verdicts_file(run).exists()


def test_a_long_body_is_not_read(server: Server) -> None:
    assert server.request("POST", "/api/judge", b"{" + b" " * 5000)[0] == 413


# how it ends


def test_ctrl_c_ends_cleanly_and_says_where_the_verdicts_are(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with running(run) as server:
        server.ask("/api/judge", {"place": 0, "answer": "none", "label": None, "version": 0})
        code, said = server.stop()
    assert code == 0
    assert said.splitlines()[0] == "12 images to judge, 0 of them done. Ctrl-C ends the page."
    assert said.splitlines()[-1] == f"1 of 12 judged; verdicts are in {verdicts_file(run)}"
    assert "Traceback" not in said


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


def test_a_changed_image_is_a_conflict_and_a_missing_one_is_not_found(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with serving(run) as server:
        (tmp_path / "data/cat/0.png").write_bytes(b"other")
        (tmp_path / "data/dog/1.png").unlink()
        for place, status, kind in ((0, 409, "changed"), (1, 404, "missing")):
            body = {"place": place, "answer": "none", "label": None, "version": 0}
            for got in (server.request("POST", "/api/judge", body), server.request("GET", f"/image/{place}")):
                assert (got[0], json.loads(got[2])["kind"]) == (status, kind)
        body = {"place": 2, "answer": "none", "label": None, "version": 0}
        assert server.request("POST", "/api/judge", body)[0] == 200
        status, _, said = server.request("POST", "/api/judge", body)
        assert (status, json.loads(said)["kind"], json.loads(said)["question"]["version"]) == (409, "stale", 1)
    assert len(verdicts.read(verdicts_file(run))) == 1


# the command line


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False, prog_name="labelaudit")
    return result.exit_code, result.stdout, result.stderr


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


def verdict(row: int, kind: str, label: str, reviewer: str, run: Path) -> Verdict:
    from labelaudit import read_audit

    audit = read_audit(run)
    digest, given = audit.identity(row)
    time = f"2026-11-21T06:30:{row:02}Z"
    return Verdict(
        path=audit.samples.ids[row],
        digest=digest,
        given_label=given,
        verdict=kind,
        new_label=label,
        reviewer=reviewer,
        time=time,
    )


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
        "  1 given label right, 0 suggested label right, 0 another class, 1 no class, 0 skipped, 1 disputed",
    ]
    assert "  ann and bob agree on 1 of 2 (50%, Cohen's kappa 0.00)" in out.splitlines()
    assert "  dog/1.png (given dog)  ann: owl, bob: cat" in out.splitlines()
    assert call("verdicts", "merge", str(tmp_path / "none.csv"), "-o", str(run))[0] == 2


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

    from labelaudit.cli.review import review
    from labelaudit.review import server

    opened: list[tuple[str, int]] = []

    def look(address: str) -> None:
        file = Path(unquote(urlsplit(address).path))
        assert file.parent == run.resolve()
        opened.append((file.read_text(encoding="utf-8"), file.stat().st_mode & 0o777))

    def interrupted(*_: object, ready: Callable[[str], None], **__: object) -> None:
        ready("http://127.0.0.1:1/?token=x")
        raise KeyboardInterrupt

    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(webbrowser, "open", look)
    monkeypatch.setattr(server, "serve", interrupted)
    for wanted in (True, False):
        review(run, no_open=not wanted, export=None, format_=None, embed=False, prefix=None)
        assert len(opened) == opens, "asked for, then not"
        assert not list(run.glob(".open*")), "the way in is gone with the page"
    for page, rights in opened:
        assert 'content="0;url=http://127.0.0.1:1/?token=x"' in page
        assert rights == 0o600, "the key is on no command line and for nobody else"


def test_nothing_to_undo_is_no_failure_of_the_server(server: Server, run: Path) -> None:
    for body, said in (({"place": None}, b"you have judged no image yet"), ({"place": 2}, b"no verdict on this image")):
        status, _, answer = server.request("POST", "/api/undo", body)
        assert status == 409
        assert said in answer
    assert not verdicts_file(run).exists()
