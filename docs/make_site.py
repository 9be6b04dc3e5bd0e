"""Make the site: the first page from README.md, the commands from --help, Python from docstrings, then MkDocs.

make site
"""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

from typer.main import get_command
from typer.testing import CliRunner

import labelaudit
from labelaudit.cli import app

DOCS = Path(__file__).parent
ROOT = DOCS.parent


BESIDE = {"CONTRIBUTING.md": "contributing.md", "benchmarks/RESULTS.md": "results.md"}  # pages that live outside docs/


def render_page(text: str) -> str:
    """A page with links that hold in the site; where one leads to code, its words stay and the link goes."""
    text = text.replace("](docs/", "](")
    for place, page in BESIDE.items():
        text = re.sub(rf"\]\((\.\./)?{re.escape(place)}", f"]({page}", text)
    return re.sub(r"(?<!!)\[([^\]\[]+)\]\((\.\./|benchmarks/|labelaudit/|templates/|tests/)[^)]*\)", r"\1", text)


def render_commands() -> str:
    """Every command with its help, as a terminal of 80 columns shows it."""
    parts = ["# Every command\n\n"]
    group = get_command(app)
    commands = {"": [], **{name: [name] for name in group.commands}}  # type: ignore[attr-defined]
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        commands |= {f"{name} {inner}": [name, inner] for inner in getattr(command, "commands", {})}
    for name, arguments in commands.items():
        environment = {"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1", "TERMINAL_WIDTH": "80"}
        shown = CliRunner(env=environment).invoke(app, [*arguments, "--help"], prog_name="labelaudit").output
        lines = "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())
        parts.append(f"## labelaudit {name}\n".replace(" \n", "\n") + f"\n```text\n{lines}\n```\n")
    return "\n".join(parts)


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
    (work / "cli.md").write_text(render_commands(), encoding="utf-8")
    (work / "python.md").write_text(render_python(), encoding="utf-8")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    made = ROOT / "build" / "mkdocs.yml"
    made.write_text(settings.replace("site_dir: build/site", "site_dir: site"), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-f", str(made)], check=True)


if __name__ == "__main__":
    main()
