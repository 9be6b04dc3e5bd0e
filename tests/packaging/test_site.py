"""The site's pages that are made: one a command, from its help, and links that hold outside the repository."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

from labelaudit.cli import app

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    return load("make_site")


def load(name: str) -> ModuleType:
    """A script of ``docs/`` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_has_a_page_with_all_of_its_options(maker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)  # read once by whichever test comes first
    pages = maker.render_commands()
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert set(pages) == {f"commands/{name}.md" for name in (*commands, "index")}
    for name, command in commands.items():
        page = pages[f"commands/{name}.md"]
        options = [option for one in command.params if not one.hidden for option in one.opts if option.startswith("--")]
        assert all(option in page for option in options), name
        assert max(map(len, page.splitlines())) <= 80, name
    index = pages["commands/index.md"]
    panels = re.findall(r"^## (\w+)$", index, flags=re.M)
    assert panels == ["Find", "Judge", "Fix", "Guard", "Research"], "the order of the work, each once"
    assert all(name in maker.list_pages(pages) for name in pages)


def test_links_to_code_lose_the_link_and_keep_their_words(maker: ModuleType) -> None:
    text = "[a](docs/scan.md#x) [b](benchmarks/RESULTS.md) [c](labelaudit/types.py) ![d](docs/pictures/d.webp)"
    assert maker.render_page(text) == "[a](scan.md#x) [b](results.md) c ![d](pictures/d.webp)"
    beside = "[a](../docs/log.md) [b](../benchmarks/PAPERS.md) ![d](../docs/pictures/d.svg)"
    assert maker.render_page(beside) == "[a](log.md) [b](papers-tables.md) ![d](pictures/d.svg)"


def test_lists_in_lists_and_tables_in_lists_are_seen_as_such_and_code_stays(maker: ModuleType) -> None:
    text = "1. a\n   - b\n     c\n* d\n\n  | e |\n\n```yaml\nf:\n  - g\n```\n"
    assert maker.render_page(text) == text.replace("   - b", "    - b").replace("  | e", "    | e")


def test_pages_of_the_site_load_their_search_from_the_site(maker: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "commands").mkdir()
    for place in ("index.html", "commands/scan.html"):
        (tmp_path / place).write_text('<script src="https://unpkg.com/iframe-worker/shim"></script>')
    maker.keep_local(tmp_path)
    assert (tmp_path / "index.html").read_text() == '<script src="iframe_worker.js"></script>'
    assert (tmp_path / "commands" / "scan.html").read_text() == '<script src="../iframe_worker.js"></script>'
    assert (ROOT / "docs" / maker.SHIM).is_file()


def test_every_state_of_the_pages_has_a_name_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api", reason="no playwright: pip install 'labelaudit[dev]'")
    states = load("page_states")
    names = [state.name for _, of_run in states.list_states(tmp_path) for state in of_run]
    assert len(names) == len(set(names)) >= 40
    assert states.State("x", "report#files").address("http://h/?token=t") == "http://h/report?token=t#files"
    assert states.State("x", "report#files").address("file:///r.html") == "file:///r.html#files"
