"""The floors of docs/architecture.md: a file imports from its own room and from lower floors only."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from labelaudit import _HOMES as HOMES  # public name -> where it lives

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FLOORS = [line.split() for line in PAGE.partition("## Floors")[2].split("```")[1].strip().splitlines()]
"""From the ground up; a star marks a room that may import torch."""
LEVEL = {room.rstrip("*"): level for level, floor in enumerate(FLOORS) for room in floor}
WITHOUT_TORCH = {room for floor in FLOORS for room in floor if not room.endswith("*")}
WITH_PILLOW = {f"labelaudit/data/{name}.py" for name in ("images", "rgb", "formats", "exif")}
LONGEST = 350
"""Lines of a file."""
NO_ROOM = {"labelaudit/__init__.py", "labelaudit/__main__.py"}
KNOW_FAISS = {"labelaudit/features/neighbors.py", "labelaudit/features/cells.py"}
FILES = sorted(
    path.relative_to(ROOT).as_posix() for folder in ("labelaudit", "cli") for path in (ROOT / folder).rglob("*.py")
)


def room_of(file: str) -> str:
    """`labelaudit/reports/html.py` and `labelaudit.reports.html` are in `reports`, `cli/scan.py` in `cli`."""
    path = file.removesuffix(".py").replace(".", "/").removesuffix("/__init__")
    path = path.removeprefix("labelaudit/")
    parts = path.split("/")
    return next((room for k in (2, 1) if (room := "/".join(parts[:k])) in LEVEL), parts[0])


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
            assert inside.startswith("cli"), f"{file}: only the command line, which has two names, imports relatively"
            found.add(f"{inside}/{str(node.module).replace('.', '/')}")
    return found


def check_imports(file: str) -> None:
    own = room_of(file)
    assert own in LEVEL, f"{file}: give the room '{own}' a floor in docs/architecture.md"
    for module in sorted(imports_of(file)):
        top = module.split(".")[0]
        if top.partition("/")[0] in ("labelaudit", "cli"):
            other = room_of(module)
            assert other in LEVEL, f"{file} imports {module}, which has no floor"
            assert other == own or LEVEL[other] < LEVEL[own], f"{file} ({own}) imports {module} ({other})"
        assert top != "click", f"{file}: Typer vendors Click, never import click"
        assert top != "cli", f"{file}: the command line is labelaudit.cli"
        assert not (top == "torch" and own in WITHOUT_TORCH), f"{file}: torch stops at evidence"
        assert top != "faiss" or file in KNOW_FAISS, f"{file}: only neighbors and cells know faiss"
        assert top != "PIL" or file in WITH_PILLOW, f"{file}: only images and their formats know PIL"
        assert top not in {"pickle", "dill", "joblib"}, f"{file}: no pickle"


def test_a_file_imports_only_from_floors_below() -> None:
    for file in FILES:
        if file not in NO_ROOM:
            check_imports(file)


def test_the_page_about_the_architecture_knows_every_room() -> None:
    rooms = {room_of(file) for file in FILES if file not in NO_ROOM}
    assert rooms == set(LEVEL), "docs/architecture.md: the table of floors"
    described = re.findall(r"^- \*\*(\S+)\*\*", PAGE, re.MULTILINE)
    assert sorted(described) == sorted(rooms), "docs/architecture.md: one paragraph for each room"


def test_the_files_that_pages_name_exist() -> None:
    rooms = ("labelaudit", "cli", "tests", "benchmarks", "docs", "sample_data")
    here = {path.relative_to(ROOT).as_posix() for room in rooms for path in (ROOT / room).rglob("*.py")}
    for page in [*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for name in re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8")):
            assert any(f"/{file}".endswith(f"/{name}") for file in here), f"{page.name} names {name}"


def test_the_picture_of_the_architecture_shows_every_room() -> None:
    picture = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    drawn = re.findall(r'<g class="room[^"]*" id="([^"]+)"', picture)
    assert sorted(drawn) == sorted(LEVEL), "draw it again: python docs/make_architecture.py"


def test_no_file_is_long() -> None:
    others = [path for room in ("benchmarks", "tests") for path in (ROOT / room).rglob("*.py")]
    files = [*FILES, *(path.relative_to(ROOT).as_posix() for path in others)]
    long = [file for file in files if len((ROOT / file).read_text(encoding="utf-8").splitlines()) > LONGEST]
    assert not long, f"over {LONGEST} lines: {long}"
