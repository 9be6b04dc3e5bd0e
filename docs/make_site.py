"""Make the site: the first page from README.md, the commands from --help, Python from docstrings, then MkDocs.

make site
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from typer.main import get_command
from typer.testing import CliRunner

import labelaudit
from labelaudit.cli import app

DOCS = Path(__file__).parent
ROOT = DOCS.parent


SHIM = "iframe_worker.js"
BESIDE = {  # pages that live outside docs/
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/RESULTS.md": "results.md",
    "benchmarks/PAPERS.md": "papers-tables.md",
}


def render_page(text: str) -> str:
    """A page with links that hold in the site; where one leads to code, its words stay and the link goes. Python's
    Markdown takes for a part of a list what is four columns in, GitHub's what is two."""
    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)  # every other one is code
    parts[::2] = [re.sub(r"^ {2,3}(?=\S)", " " * 4, part, flags=re.M) for part in parts[::2]]
    text = "".join(parts)
    text = text.replace("](../docs/", "](").replace("](docs/", "](")
    for place, page in BESIDE.items():
        text = re.sub(rf"\]\((\.\./)?{re.escape(place)}", f"]({page}", text)
    return re.sub(r"(?<!!)\[([^\]\[]+)\]\((\.\./|benchmarks/|labelaudit/|templates/|tests/)[^)]*\)", r"\1", text)


def render_commands() -> dict[str, str]:
    """A page per command, ``commands/NAME.md``, with its help and that of the commands below it as a terminal of 80
    columns shows them; and ``commands/index.md``, all of them in the order of the work."""
    group = get_command(app)
    pages: dict[str, str] = {}
    index = ["# Every command\n\n```text\n", show_help([]), "\n```\n"]
    panel = ""
    commands = group.commands  # type: ignore[attr-defined]
    panels = list(dict.fromkeys(command.rich_help_panel for command in commands.values()))
    for name, command in sorted(commands.items(), key=lambda entry: panels.index(entry[1].rich_help_panel)):
        if command.rich_help_panel != panel:
            panel = command.rich_help_panel
            index.append(f"\n## {panel}\n\n")
        index.append(f"- [`labelaudit {name}`]({name}.md): {command.get_short_help_str(200)}\n")
        parts = [f"# labelaudit {name}\n\n```text\n{show_help([name])}\n```\n"]
        for inner in getattr(command, "commands", {}):
            parts.append(f"\n## labelaudit {name} {inner}\n\n```text\n{show_help([name, inner])}\n```\n")
        pages[f"commands/{name}.md"] = "".join(parts)
    return {"commands/index.md": "".join(index), **pages}


def list_pages(commands: Iterable[str]) -> str:
    """The pages of ``commands`` as lines of the site's menu."""
    names = {name: "all of them" if name.endswith("index.md") else Path(name).stem for name in commands}
    return "\n  - Commands:" + "".join(f"\n      - {said}: {name}" for name, said in names.items())


def show_help(arguments: list[str]) -> str:
    """The help of a command in 80 columns."""
    environment = {"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1", "TERMINAL_WIDTH": "80"}
    shown = CliRunner(env=environment).invoke(app, [*arguments, "--help"], prog_name="labelaudit").output
    return "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())


def render_python() -> str:
    """The public names with their signatures and docstrings."""
    parts = ["# From Python\n\n`import labelaudit` gives these names; everything else may change.\n"]
    for name in labelaudit.__all__:
        value = getattr(labelaudit, name)
        parts.append(f"## {name}\n")
        if inspect.isfunction(value):
            parts.append(f"```python\n{name}{_signature(value)}\n```\n")
        parts.append(_prose(inspect.getdoc(value) or ""))
        if inspect.isclass(value):
            for member, function in vars(value).items():
                if inspect.isfunction(function) and not member.startswith("_"):
                    parts.append(f"### {name}.{member}\n\n```python\n{member}{_signature(function)}\n```\n")
                    parts.append(_prose(inspect.getdoc(function) or ""))
    return "\n".join(parts)


def _signature(function: object) -> str:
    text = str(inspect.signature(function))  # type: ignore[arg-type]
    return text if len(text) < 90 else "(\n    " + re.sub(r", (?=[a-z_*]+[:=,)])", ",\n    ", text[1:])


def _prose(doc: str) -> str:
    """A docstring as Markdown: examples as code, sections as bold lines."""
    text = re.sub(r"^(Args|Raises|Returns):$", r"**\1**\n", doc, flags=re.M)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    return re.sub(r"(^>>> (?:.|\n)*?)(?=\n\n|\Z)", r"```python\n\1\n```", text, flags=re.M) + "\n"


def main() -> None:
    work = ROOT / "build" / "docs"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(DOCS, work, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for page in work.glob("*.md"):
        page.write_text(render_page(page.read_text(encoding="utf-8")), encoding="utf-8")
    for place, page_name in {"README.md": "index.md", **BESIDE}.items():
        (work / page_name).write_text(render_page((ROOT / place).read_text(encoding="utf-8")), encoding="utf-8")
    commands = render_commands()
    (work / "commands").mkdir()
    for name, text in commands.items():
        (work / name).write_text(text, encoding="utf-8")
    (work / "python.md").write_text(render_python(), encoding="utf-8")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    made = ROOT / "build" / "mkdocs.yml"
    settings = settings.replace("site_dir: build/site", "site_dir: site").replace(
        "\n  - Commands: []", list_pages(commands)
    )
    made.write_text(settings, encoding="utf-8")
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-f", str(made)], check=True, env=quiet)
    keep_local(ROOT / "build" / "site")


def keep_local(site: Path) -> None:
    """Have every page of ``site`` load the search's helper from the site itself: nothing is asked of the network."""
    for page in site.rglob("*.html"):
        own = "../" * (len(page.relative_to(site).parts) - 1) + SHIM
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(r"https://unpkg\.com/iframe-worker/shim[^\"' >]*", own, text), encoding="utf-8")


if __name__ == "__main__":
    main()
