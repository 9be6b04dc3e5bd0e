"""The site's pages that are made: one a command, from its help, and links that hold outside the repository."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from typer.main import get_command

from labelaudit.cli import app

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_site", ROOT / "docs" / "make_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_has_a_page_with_all_of_its_options(maker: ModuleType) -> None:
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
