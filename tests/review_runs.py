"""RUN folders with images to review, made without a scan, and a server to review them with."""

from __future__ import annotations

import http.client
import io
import json
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from labelaudit import read_audit
from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.audit.originals import open_originals
from labelaudit.data.images import encode
from labelaudit.data.ingest import digest
from labelaudit.review.app import build_app
from labelaudit.review.guard import Base
from labelaudit.review.server import address_of, listen, make_server
from labelaudit.review.session import Session, open_session, renew_session
from labelaudit.scoring.rerank import rerank_run
from labelaudit.types import Decision, Samples


def build_audit(
    names: Sequence[str],
    digests: Sequence[str],
    labels: Sequence[int],
    classes: Sequence[str],
    source: str,
    **rest: Any,
) -> Audit:
    """All samples are suspects of falling suspicion, and look like the class after their own."""
    n, c = len(names), len(classes)
    given = np.array(labels)
    predicted = (given + 1) % c
    probs = np.full((n, c), 0.1 / max(c - 2, 1), dtype=np.float32)
    probs[np.arange(n), predicted] = 0.7
    probs[np.arange(n), given] = 0.2
    suspicion = np.linspace(0.99, 0.6, n)
    flagged = np.ones(n, dtype=np.bool_)
    clean = rest.get("clean", 0)
    if clean:
        suspicion[-clean:], flagged[-clean:], predicted[-clean:] = 0.05, False, given[-clean:]
    decision = Decision(
        suspicion=suspicion,
        is_issue=flagged,
        judged=np.ones(n, dtype=np.bool_),
        probs=probs,
        predicted=predicted,
        threshold=0.5,
        noise_rate=0.1,
        noise_interval=(0.05, 0.2),
        noise_matrix=np.eye(c),
        reasons=tuple(f"looks like {classes[k]}" if flag else "" for k, flag in zip(predicted, flagged, strict=True)),
    )
    groups = tuple(rest.get("groups", ()))
    samples = Samples(
        ids=tuple(names), labels=given, classes=tuple(classes), digests=tuple(digests), root=source, groups=groups
    )
    return Audit(samples=samples, decision=decision, evidence={}, settings={"source": {"data": source}})


def write_run(
    folder: Path, names: Sequence[str] = (), *, classes: Sequence[str] = ("cat", "dog", "owl"), **rest: Any
) -> Path:
    """A data folder of PNG files and a RUN about it; returns the RUN."""
    data, run = folder / "data", folder / "run"
    names = names or tuple(f"{classes[i % len(classes)]}/{i}.png" for i in range(12))
    labels = rest.pop("labels", None) or [i % len(classes) for i in range(len(names))]
    digests = []
    for i, name in enumerate(names):
        pixels = np.random.default_rng(i).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        file = data / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(pixels))
        digests.append(digest(file.read_bytes()))
    runs.write(build_audit(names, digests, labels, classes, str(data), **rest), run)
    return run


def png(pixels: Any) -> bytes:
    """A PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write_large_run(folder: Path, n: int, classes: int) -> Path:
    """A RUN of n suspects, tiny images in one ``.npz``."""
    pixels = np.random.default_rng(0).integers(0, 256, (n, 8, 8), dtype=np.uint8)
    labels = np.arange(n) % classes
    np.savez(folder / "data.npz", images=pixels, labels=labels)
    digests = [digest(encode(image)) for image in pixels]
    names = [f"data.npz#{row}" for row in range(n)]
    source = str(folder / "data.npz")
    audit = build_audit(names, digests, labels.tolist(), [f"class {c:04}" for c in range(classes)], source)
    runs.write(audit, folder / "run")
    return folder / "run"


@dataclass
class Server:
    """A review page, wherever it runs."""

    address: str

    @property
    def port(self) -> int:
        port = urlsplit(self.address).port
        assert port is not None
        return port

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.address).query)["token"][0]

    @property
    def cookie(self) -> str:
        return f"labelaudit-{self.token[:8]}={self.token}"

    def request(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body, with the page's own headers unless said otherwise; "" leaves one out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        sent = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie, "Origin": f"http://127.0.0.1:{self.port}"}
        sent |= headers
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.putrequest(method, path, skip_host=True)
        for name, value in sent.items():
            if value:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(data or b"")))
        connection.endheaders(data)
        answer = connection.getresponse()
        got = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        connection.close()
        return got

    def ask(self, path: str, body: object = None) -> Any:
        return json.loads(self.request("GET" if body is None else "POST", path, body)[2])


@dataclass
class Process(Server):
    """`labelaudit review` in a process of its own."""

    process: subprocess.Popen[str]

    def stop(self) -> tuple[int, str]:
        """Press Ctrl-C; its exit code and what it said on stderr."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=300)
        return self.process.returncode, said


def rank_anew(now: Session) -> tuple[Session, str]:
    """What `labelaudit review` does when the list is to be ranked anew."""
    made = rerank_run(now.audit, now.ledger.log, now.run, images=now.pictures.images)
    return renew_session(now, made.audit), made.sentence


@contextmanager
def serving(run: Path, **options: Any) -> Iterator[Server]:
    """The page of ``run``, served from a thread of this process."""
    audit = read_audit(run)
    outside = {name: options.pop(name) for name in ("report", "rerank", "base") if name in options}
    session = open_session(audit, open_originals(audit), run, **{"reviewer": "ann", **options})
    token = secrets.token_urlsafe(24)
    with listen() as place:
        server = make_server(build_app(session, token, **outside))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place]})
        thread.start()
        try:
            yield Server(address_of(place, token, outside.get("base", Base())))
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def running(run: Path, *options: str, command: str = "review") -> Iterator[Process]:
    """`labelaudit review`, gone at the end whatever happened."""
    process = subprocess.Popen(
        [sys.executable, "-m", "labelaudit", command, str(run), "--reviewer", "ann", "--no-open", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, "it ended before it said its address"
        yield Process(address, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=300)
