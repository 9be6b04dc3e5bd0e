"""A build machine and a repository whose dataset is already audited."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from audits import make_audit, make_samples

from labelaudit.audit import run


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`labelaudit` and `python` as the systems find them; pip is not run but written down."""
    folder = tmp_path_factory.mktemp("bin")
    python = shlex.quote(sys.executable)
    scripts = {
        "labelaudit": f'exec {python} -m labelaudit "$@"',
        "python": f'if [ "$1 $2" = "-m pip" ]; then echo "$*" >> "$PIP_LOG"; else exec {python} "$@"; fi',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def environment(bin_folder: Path, tmp_path: Path) -> dict[str, str]:
    """What a build machine sets, and nothing of ours."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LABELAUDIT_", "GITHUB_", "GIT_"))
    }
    temporary = tmp_path / "runner"
    temporary.mkdir()
    return {
        **kept,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PIP_LOG": str(temporary / "pip.log"),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(temporary / "output"),
        "GITHUB_STEP_SUMMARY": str(temporary / "summary.md"),
        "HOME": str(temporary),
        "PRE_COMMIT_HOME": str(temporary / "pre-commit"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str]) -> Path:
    """A repository with a dataset that is already audited: the folder `images` is a RUN, so that no test scans."""
    place = tmp_path / "repository"
    place.mkdir()
    audit = make_audit(samples=make_samples(root="pets"), findings=())
    run.write(audit, place / "images")
    (place / "labelaudit.toml").write_text("max-suspects = 0\n", encoding="utf-8")
    (place / "picture.png").write_bytes(b"no picture")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"],
    ):
        subprocess.run(["git", *command], cwd=place, env=environment, check=True)
    return place
