"""Docstrings say in their first sentence what a thing is or does: no question, no "What", no half of a sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path.relative_to(ROOT).as_posix() for folder in ("labelaudit", "cli") for path in (ROOT / folder).rglob("*.py")
)
OPENINGS = re.compile(r"(What|Who|Whose|Whom|How|Which|Where|When|Why|Of|By)\b")


def first_paragraphs(file: str) -> Iterator[tuple[int, bool, str]]:
    """(line, whether it stands under a field or a constant, first paragraph) of each docstring of ``file``."""
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            for place, part in enumerate(node.body):
                text = part.value.value if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) else None
                if isinstance(text, str):
                    yield part.lineno, place > 0, " ".join(text.split("\n\n")[0].split())


def test_docstrings_are_sentences_about_the_thing() -> None:
    faults = []
    for file in FILES:
        for line, below, text in first_paragraphs(file):
            if OPENINGS.match(text):
                faults.append(f"{file}:{line}: say what it is or does: {text}")
            elif text.endswith("?"):
                faults.append(f"{file}:{line}: a question: {text}")
            elif not (below or text.endswith((".", ":", "::"))):
                faults.append(f"{file}:{line}: no full stop: {text}")
    assert not faults, "\n".join(faults)
