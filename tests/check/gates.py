"""What the tests of `labelaudit check` share: a working folder, RUNs, a Git repository, and the command itself.

`conftest` makes the fixtures known to all tests.
"""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from audits import IDS, make_audit, make_samples
from commands import call
from pictures import photo
from PIL import Image

from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.data.ingest import digest

__all__ = ["call"]


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working folder, and nothing of ours in the environment."""
    for name in list(os.environ):
        if name.startswith(("LABELAUDIT_", "GITHUB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(elsewhere: None, tmp_path: Path) -> Path:
    """A finished RUN of six images, which do not exist."""
    runs.write(make_audit(), tmp_path / "RUN")
    return Path("RUN")


@pytest.fixture
def tidy(elsewhere: None, tmp_path: Path) -> Path:
    """The same without findings, so that only suspects can break a rule."""
    runs.write(make_audit(findings=()), tmp_path / "RUN")
    return Path("RUN")


def save_png(path: Path, seed: int) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.fromarray(photo(seed)).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
    return buffer.getvalue()


@pytest.fixture
def pets(elsewhere: None, tmp_path: Path) -> Audit:
    """The audit of the six images in the folder ``pets``, in the folder RUN."""
    digests = tuple(digest(save_png(tmp_path / "pets" / name, seed)) for seed, name in enumerate(IDS))
    source = {"data": str(tmp_path / "pets"), "labels": None, "path_column": None, "label_column": None}
    audit = make_audit(
        samples=make_samples(digests=digests), settings={"methods": ["sln"], "source": source}, findings=()
    )
    runs.write(audit, tmp_path / "RUN")
    return audit


@pytest.fixture
def repository(pets: Audit) -> Audit:
    """The same, with the images on the branch main of a Git repository."""
    git("init", "-q")
    commit()
    return pets


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


def commit() -> None:
    git("add", "pets")
    git("commit", "-q", "-m", "images")


def install_current(monkeypatch: pytest.MonkeyPatch, audit: Audit | BaseException) -> list[dict[str, Any]]:
    """Let ``current`` and ``update`` answer with ``audit``; returns what they are called with."""
    calls: list[dict[str, Any]] = []

    def answer(*rest: object, **options: Any) -> Audit:
        calls.append({"rest": rest, **options})
        if isinstance(audit, BaseException):
            raise audit
        return audit

    monkeypatch.setattr("labelaudit.scoring.kept.scan_or_update", answer)
    monkeypatch.setattr("labelaudit.scoring.update.update", answer)
    return calls
