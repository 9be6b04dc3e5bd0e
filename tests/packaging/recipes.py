"""The recipes that CI systems are given, and what they write down."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
BASELINE = ".labelaudit-baseline.json"


def write_baseline(repository: Path, environment: Mapping[str, str]) -> None:
    command = ["labelaudit", "check", "images", "--write-baseline", BASELINE]
    subprocess.run(command, cwd=repository, env=environment, check=True, capture_output=True)
