"""Whether two versions of labelaudit give the same bytes: every command on a part of the sample, file by file.

    python benchmarks/same_results.py OLD [NEW] [--images 30]

OLD and NEW are commits; without NEW the working tree is meant. Each command runs in a folder of the same name for both,
without a cache, and what it prints and writes is compared. What differs from run to run by its nature is taken out
first: seconds, bytes of memory, versions, dates. For a change that moves code and must change nothing. The exit code
is 1 where anything differs.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
FORMATS = ("table", "json", "jsonl", "csv", "markdown", "junit", "sarif", "github")
COMMANDS = (
    "inspect data",
    "scan data -o RUN --effort quick --no-cache",
    "report RUN --format markdown -o report.md",
    *(f"check RUN --max-suspects 3 --exit-zero --format {name} -o check.{name}" for name in FORMATS),
    "check RUN --write-baseline known.json",
    "check RUN --baseline known.json --max-new 0",
    "baseline show known.json",
    "score RUN new -o new.csv",
    "score RUN new --format json",
    "estimate RUN --json",
    "tune RUN --json",
    "verdicts show RUN",
    "clean RUN -o cleaned --action suspect=quarantine --tier doubtful --apply",
    "clean RUN -o table --format csv --action suspect=drop --apply",
    "corrupt data -o noisy --noise symmetric --rate 20%",
    "train data -o MODEL --method gce --epochs 2",
    "methods --json",
    "config --format json",
    "bench --list --json",
    # what cannot be done, and how that is said
    "scan nowhere -o RUN2",
    "scan data --labels data -o RUN2",
    "scan data --train pixels --network linear -o RUN2",
    "score RUN nowhere",
    "check data --data data",
    "clean RUN -o data/inside",
)
VOLATILE = (
    (rb'"(id|checksum)": "[0-9a-f]{32}"', rb'"\1": _'),
    (rb'\["[a-z -]+", [0-9.e-]+, \d+\]', b"[stage]"),
    (
        rb'("(?:seconds|peak_bytes|peak_memory|memory|created|started|generated|version|time)": *)("[^"]*"|[-0-9.e+]+)',
        rb"\1_",
    ),
    (rb"\d+(?:[.,]\d+)* ?(?:ms|s|min|MiB|MB|GB)\b", b"_"),
    (rb"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?)?(?:Z|\+00:00)?", b"DATE"),
)


def main() -> int:
    """Compare and print one line for each command, and the first lines that differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old")
    parser.add_argument("new", nargs="?")
    parser.add_argument("--images", type=int, default=30, help="images of each class")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        made = [run_all(revision, place, asked.images) for revision in (asked.old, asked.new)]
    differing = 0
    for command in COMMANDS:
        old, new = made[0][command], made[1][command]
        changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        differing += bool(changed)
        print(f"{'DIFFERS' if changed else 'same   '} {len(new):3} outputs  labelaudit {command}")
        for name in changed[:5]:
            print(f"    {name}: {describe(old.get(name), new.get(name))}")
    print(f"{len(COMMANDS) - differing} of {len(COMMANDS)} commands give the same bytes")
    return 1 if differing else 0


def run_all(revision: str | None, place: Path, images: int) -> dict[str, dict[str, bytes]]:
    """Command -> name of an output -> its bytes, by the code of ``revision``; ``exit``, ``stdout``, ``stderr`` too."""
    work = place / "work"
    work.mkdir()
    take_sample(work, images)
    outputs = {}
    with checked_out(revision, place) as code:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LABELAUDIT_")}
        environment |= {"PYTHONPATH": str(code), "COLUMNS": "100", "XDG_CACHE_HOME": str(work / "cache")}
        before = read_files(work)
        for command in COMMANDS:
            line = [sys.executable, "-m", "labelaudit", *command.split()]
            ended = subprocess.run(line, cwd=work, env=environment, capture_output=True, check=False)
            after = read_files(work)
            made = {name: data for name, data in after.items() if before.get(name) != data}
            made |= {"exit": b"%d" % ended.returncode, "stdout": ended.stdout, "stderr": ended.stderr}
            outputs[command] = {name: settle(data) for name, data in made.items()}
            before = after
    shutil.rmtree(work)
    return outputs


@contextmanager
def checked_out(revision: str | None, place: Path) -> Iterator[Path]:
    """A folder that holds the package of ``revision``, or of the working tree."""
    folder = place / "code"
    if revision is None:
        folder.mkdir()
        for name in ("labelaudit", "cli"):
            shutil.copytree(ROOT / name, folder / name)
    else:
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", str(folder), revision], check=True)
    (folder / "labelaudit" / "cli").symlink_to(folder / "cli")
    yield folder
    if revision is None:
        shutil.rmtree(folder)
    else:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def take_sample(work: Path, images: int) -> None:
    """The first ``images`` of each class of the sample as ``data``, and five further ones as ``new``."""
    for folder in sorted(path for path in (ROOT / "sample_data" / "digits").iterdir() if path.is_dir()):
        for number, file in enumerate(sorted(folder.iterdir())[: images + 5]):
            place = work / ("data" if number < images else "new") / folder.name / file.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)


def read_files(work: Path) -> dict[str, bytes]:
    """Relative path -> bytes of every file below ``work``, of an archive its members."""
    found = {}
    for path in sorted(path for path in work.rglob("*") if path.is_file() and "cache" not in path.parts):
        name = path.relative_to(work).as_posix()
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                found |= {f"{name}/{member}": archive.read(member) for member in archive.namelist()}
        else:
            found[name] = path.read_bytes()
    return found


def settle(data: bytes) -> bytes:
    """``data`` without what differs from run to run."""
    if b"\0" in data:
        return data
    if data.startswith(b"epoch,"):  # the curves of a training
        rows = [line.split(b",") for line in data.splitlines()]
        clock = rows[0].index(b"seconds")
        data = b"\n".join(b",".join(cell for at, cell in enumerate(row) if at != clock) for row in rows)
    for pattern, instead in VOLATILE:
        data = re.sub(pattern, instead, data)
    return data


def describe(old: bytes | None, new: bytes | None) -> str:
    """The first lines that differ."""
    if old is None or new is None:
        return "only before" if new is None else "only now"
    if b"\0" in old + new:
        return f"{len(old):,} bytes before, {len(new):,} now"
    lines = difflib.unified_diff(
        old.decode("utf-8", "replace").splitlines(), new.decode("utf-8", "replace").splitlines(), n=0
    )
    return " | ".join(line[:200] for line in list(lines)[3:7])


if __name__ == "__main__":
    raise SystemExit(main())
