"""The import directions of docs and CONTRIBUTING: a module imports only from layers below its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from labelaudit import _HOMES as HOMES  # public name -> where it lives

ROOT = Path(__file__).parents[1]
LAYERS = """errors
    types
    images folders
    sources noise neighbors backbones coresets folds channel linear vectors
    networks ridge
    injection spectra prototypes
    ingest methods scorers probes quality
    batches memory regularizers record
    training decide duplicates judge catalog diagnostics strangers
    representation document
    verdicts originals machine material
    intake cost effort estimate policy
    context
    gate
    reports
    review clean
    assessment corrupt fitting
    audit
    increment impact bench
    cli"""
LEVEL = {room: level for level, line in enumerate(LAYERS.splitlines()) for room in line.split()}
WITHOUT_TORCH = {
    *("errors", "types", "images", "sources", "scorers", "decide", "document", "verdicts", "originals", "estimate"),
    *("policy", "gate", "clean", "judge", "memory", "reports", "review", "context"),
}
NO_ROOM = {"labelaudit/__init__.py", "labelaudit/__main__.py"}
FILES = sorted(
    path.relative_to(ROOT).as_posix() for folder in ("labelaudit", "cli") for path in (ROOT / folder).rglob("*.py")
)


def room_of(file: str) -> str:
    """`labelaudit/reports/csv.py` and `labelaudit.reports.csv` are in `reports`, `cli/scan.py` in `cli`."""
    parts = file.removesuffix(".py").replace(".", "/").split("/")
    return parts[1] if parts[0] == "labelaudit" else parts[0]


def imports_of(file: str) -> set[str]:
    """Modules imported anywhere in ``file``, lazily too; relative ones stay within their own room."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "labelaudit":
            found |= {f"labelaudit.{HOMES.get(alias.name, alias.name)}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module))
        elif isinstance(node, ast.ImportFrom):
            inside = "/".join(file.split("/")[: -node.level])
            assert inside == "cli" or inside.count("/") >= 1, f"{file}: a relative import leaves its room"
    return found


@pytest.mark.parametrize("file", [file for file in FILES if file not in NO_ROOM])
def test_a_module_imports_only_from_layers_below(file: str) -> None:
    own = room_of(file)
    assert own in LEVEL, f"{file}: give the room '{own}' a layer in this test"
    for module in sorted(imports_of(file)):
        top = module.split(".")[0]
        if top == "labelaudit" and module != "labelaudit.__version__":
            other = room_of(module)
            assert other in LEVEL, f"{file} imports {module}, which has no layer"
            assert other == own or LEVEL[other] < LEVEL[own], f"{file} ({own}) imports {module} ({other})"
        assert top != "click", f"{file}: Typer vendors Click, never import click"
        assert top != "cli", f"{file}: the command line is labelaudit.cli"
        assert not (top == "torch" and own in WITHOUT_TORCH), f"{file}: torch stops at evidence"
        assert top != "faiss" or own == "neighbors", f"{file}: only neighbors knows faiss"
        assert top != "PIL" or own == "images", f"{file}: only images knows PIL"
        assert top not in {"pickle", "dill", "joblib"}, f"{file}: no pickle"


def test_every_room_of_the_list_is_spelled_as_a_room() -> None:
    rooms = {room_of(file) for file in FILES if file not in NO_ROOM}
    assert rooms <= set(LEVEL)
    assert {"errors", "types", "document", "reports", "cli"} <= rooms
