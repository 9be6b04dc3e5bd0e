"""The recipes that CI systems are given, and what they write down."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

import yaml
from commands import Ended, call

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
BASELINE = ".labelaudit-baseline.json"


def call_in(repository: Path, environment: Mapping[str, str], *command: str) -> Ended:
    """Run a command of labelaudit in the repository, without a process of its own."""
    with chdir(repository):
        return call(*command, env=environment)


def write_baseline(repository: Path, environment: Mapping[str, str]) -> None:
    assert call_in(repository, environment, "check", "images", "--write-baseline", BASELINE).code == 0
