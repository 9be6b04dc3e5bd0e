"""What the commands say of themselves: in workflow order, in panels, and on a page that is made from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labelaudit.cli import app

DOCS = Path(__file__).parents[2] / "docs"


def call(*arguments: str, columns: int = 80) -> tuple[int, str]:
    environment = {"COLUMNS": str(columns), "TERM": "dumb", "NO_COLOR": "1"}
    result = CliRunner(env=environment).invoke(app, list(arguments), prog_name="labelaudit")
    return result.exit_code, result.output


def test_commands_stand_in_the_order_of_the_work() -> None:
    _, shown = call("--help")
    panels = re.findall(r"─ (Find|Judge|Fix|Guard|Research) ─", shown)
    assert panels == ["Find", "Judge", "Fix", "Guard", "Research"]
    assert shown.index("scan") < shown.index("review") < shown.index("clean") < shown.index("check")
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_help_is_a_command_too() -> None:
    assert call("help")[1].strip() == call("--help")[1].strip()
    for name in (["scan"], ["verdicts", "show"]):
        assert "Usage: labelaudit " + " ".join(name) in call("help", *name)[1]
    code, said = call("help", "scna")
    assert (code, said) == (2, "labelaudit: there is no command 'scna': `labelaudit help` lists them\n")


def test_the_site_has_every_command_and_every_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    import make_site

    import labelaudit

    commands = make_site.render_commands()
    for name in ("scan", "verdicts show", "help"):
        assert f"## labelaudit {name}\n" in commands
        assert f"Usage: labelaudit {name}" in commands
    python = make_site.render_python()
    assert [line[3:] for line in python.splitlines() if line.startswith("## ")] == labelaudit.__all__
    assert python.count("```") % 2 == 0
    assert "](docs/" not in make_site.render_index()
    pages = set(re.findall(r": ([a-z]+\.md)", (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")))
    assert pages - {"index.md", "cli.md", "python.md"} <= {page.name for page in DOCS.glob("*.md")}


def test_links_between_pages_lead_somewhere() -> None:
    for page in DOCS.glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
