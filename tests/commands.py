"""Runs a command of labelaudit inside the test's own process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from typer.testing import CliRunner

from labelaudit.cli import app


class Ended(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


def call(*arguments: object, env: Mapping[str, str] | None = None, input: str | bytes | None = None) -> Ended:
    """Run ``labelaudit ARGUMENTS``; an error that is not one line for people is raised."""
    line = [str(argument) for argument in arguments]
    result = CliRunner().invoke(app, line, env=env, input=input, catch_exceptions=False, prog_name="labelaudit")
    return Ended(result.exit_code, result.stdout, result.stderr)
