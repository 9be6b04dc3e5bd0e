"""The review over HTTP and from the command line: who gets in, how it ends, what a crash leaves."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from review_runs import Server, serving, write_run

from labelaudit import verdicts
from labelaudit.review import app as app_module
from labelaudit.review import connection
from labelaudit.verdicts import verdicts_file


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
        assert _answered(started) == 200
        for number, half in enumerate(held):  # each of them is ended by the server
            said = b"".join(iter(lambda half=half: _received(half), b""))
            assert said == b"" or (number % len(halves) == 3 and said.startswith(b"HTTP/1.1 408"))
            half.close()
        assert _answered(started) == 200


def _answered(started: Server) -> int:
    """The status of a whole request, asked again where a busy machine took more than that half second to send it."""
    while True:
        try:
            return started.request("GET", "/api/about")[0]
        except (ConnectionError, http.client.HTTPException):
            continue


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
    others = f'a={{"theme": "dark, wide"}}; b="x y; =; {server.cookie}'  # of other pages on this machine
    assert server.request("GET", "/", Cookie=others)[0] == 200


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


def test_nothing_to_undo_is_no_failure_of_the_server(server: Server, run: Path) -> None:
    for body, said in (({"place": None}, b"you have judged no image yet"), ({"place": 2}, b"no verdict on this image")):
        status, _, answer = server.request("POST", "/api/undo", body)
        assert status == 409
        assert said in answer
    assert not verdicts_file(run).exists()
