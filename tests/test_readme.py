"""What the README promises: commands are understood, the example finds the planted flips, links lead."""

from __future__ import annotations

import csv
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from typer.main import get_command

from labelaudit.cli import app, main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted({found.strip() for found in re.findall(r"(?<!from )labelaudit [a-z]+ [^`\n#:]*[^`\n#:\s]", README)})
MADE_UP = sorted({command for command in COMMANDS if command.startswith("labelaudit bench ")})  # of data of their own
WANTED = {"scan", "open", "review", "estimate", "clean", "impact", "check", "score"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in MADE_UP])
def test_commands_are_understood(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # nothing that the command names is here
    monkeypatch.setattr("sys.argv", shlex.split(command))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("labelaudit: "), error
    assert error.count("\n") == 1
    assert re.search("does not exist|is not a RUN folder|no baseline in", error), error


@pytest.mark.parametrize("command", MADE_UP)
def test_tables_of_the_papers_are_known(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [*shlex.split(command), "--list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, capsys.readouterr().err


def test_the_commands_were_found() -> None:
    assert len(COMMANDS) >= 10
    assert {command.split()[1] for command in COMMANDS} >= WANTED


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README, flags=re.M):
        assert re.search(rf"^{target}:", makefile, flags=re.M), target


PAGES = sorted(path for path in (*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")) if path.name != "CHANGELOG.md")
TABLES = sorted((ROOT / "benchmarks").glob("*.md"))


def anchors(page: Path) -> set[str]:
    """What a link into ``page`` may name: its headings as GitHub turns them into anchors."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *TABLES], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)):
        if not link.startswith(("https:", "http:")):
            place, _, anchor = link.partition("#")
            target = page.parent / place if place else page
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_functions_and_files_that_pages_name_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`(labelaudit(?:\.[A-Za-z_]\w*)+)", text):
        if name not in ("labelaudit.toml", "labelaudit.driver"):
            assert pkgutil.resolve_name(name) is not None
    for name in re.findall(r"`((?:labelaudit|cli|benchmarks|tests|templates|docs)/[\w/.]+)`", text):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prose_keeps_to_120_columns(page: Path) -> None:
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        assert len(line) <= 120 or line.lstrip().startswith(("|", "![")), f"{page.name}:{number}: {line[:60]} …"


def test_entries_of_the_log_are_short() -> None:
    text = (ROOT / "docs" / "log.md").read_text(encoding="utf-8")
    entries = re.split(r"^- ", text, flags=re.M)[1:]
    assert len(entries) > 100
    for entry in entries:
        lines = entry.partition("\n\n")[0].strip().splitlines()
        assert entry.startswith("**"), f"say first what was tried: {lines[0]}"
        assert len(lines) <= 5, f"say it in five lines: {lines[0]}"


def leaves(command: Any, path: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every command by the words that call it, with its options."""
    if inner := getattr(command, "commands", None):
        for name, one in inner.items():
            yield from leaves(one, f"{path} {name}".strip())
    yield path, {option for one in command.params for option in (*one.opts, *one.secondary_opts)} | {"-h", "--help"}


OPTIONS = dict(leaves(get_command(app)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_that_pages_show_with_a_command_are_its_options(page: Path) -> None:
    for typed in re.findall(r"(?<=labelaudit )[a-z][^`\n#|]*", page.read_text(encoding="utf-8")):
        words = typed.split()
        path = next((path for path in (" ".join(words[:2]), words[0]) if path in OPTIONS), None)
        options = re.findall(r"(?<!\S)--?[a-z][\w-]*", typed)
        assert path is None or {*options} <= OPTIONS[path], typed


def test_the_python_example_finds_the_planted_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    names: dict[str, object] = {}
    exec(example, names)  # our own README
    audit = names["audit"]
    with (ROOT / "sample_data" / "truth.csv").open(encoding="utf-8") as file:
        wrong = {row["path"]: row["given_label"] != row["true_label"] for row in csv.DictReader(file)}
    flips = np.array([wrong[name] for name in audit.samples.ids])  # type: ignore[attr-defined]
    decision = audit.decision  # type: ignore[attr-defined]
    assert roc_auc_score(flips, decision.suspicion) >= 0.99
    low, high = decision.noise_interval
    assert low <= flips.mean() <= high
    assert (flips & decision.is_issue).sum() >= 0.9 * flips.sum()
    assert (flips & decision.is_issue).sum() >= 0.8 * decision.is_issue.sum()
