"""Is anything lost when a command is killed, or when the disk is full? Every command that writes, again and again.

    python benchmarks/faults.py [--kills 100] [--full 30] [--seed 0] [--write]

A kill: the command runs in a process of its own that is killed (SIGKILL) just before its k-th change to the disk (open
for writing, rename, unlink, mkdir, fsync), k drawn at random; then it runs again undisturbed. A full disk: from the
k-th change on every write fails with ENOSPC, in the same process. Afterwards this must hold: what was there before is
there whole (the source dataset byte for byte, the verdicts, the earlier RUN, the earlier cleaned dataset with its
quarantine) or the new one in its place is; nothing is half-written under its own name; and the next run ends well.
`--write` puts the counts into RESULTS.md. `tests/test_faults.py` runs five of each.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import random
import shutil
import signal
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fault_commands import COMMANDS, CommandFailedError, make_world, read_run, write_run
from results_section import make_parser, write_section

# how it is disturbed


@contextlib.contextmanager
def disturbed(at: int, blow: Callable[[], None]) -> Iterator[Counter[str]]:
    """Call ``blow`` before the ``at``-th change to the disk, and before each one after it; counts them."""
    counts: Counter[str] = Counter()
    originals: dict[tuple[Any, str], Any] = {}

    def hook(owner: Any, name: str, writes: Callable[..., bool] = lambda *_, **__: True) -> None:
        original = getattr(owner, name)
        originals[owner, name] = original

        def changed(*arguments: Any, **options: Any) -> Any:
            if writes(*arguments, **options):
                counts["changes"] += 1
                if counts["changes"] > at:
                    blow()
            return original(*arguments, **options)

        setattr(owner, name, changed)

    def opens_to_write(file: Any, mode: str = "r", *_: Any, **__: Any) -> bool:
        return any(letter in mode for letter in "wax+") and "/dev/" not in str(file)

    def opens_flags(file: Any, flags: int = 0, *_: Any, **__: Any) -> bool:
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) and "/dev/" not in str(file)

    taking = ("mkdir", "fsync", "link", "symlink")  # what a full disk refuses
    for name in taking if blow is fill else (*taking, "rename", "replace", "unlink", "rmdir"):
        hook(os, name)
    hook(io, "open", opens_to_write)
    hook(builtins, "open", opens_to_write)
    hook(os, "open", opens_flags)
    try:
        yield counts
    finally:
        for (owner, name), original in originals.items():
            setattr(owner, name, original)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


# what must hold afterwards


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


def losses(folder: Path, before: Mapping[str, dict[str, bytes]], name: str) -> list[str]:
    """What is lost or half there, in words."""
    from labelaudit.clean.output import find_quarantine, read_report
    from labelaudit.data.ingest import digest
    from labelaudit.files import recover
    from labelaudit.verdicts import read, verdicts_file

    found = []
    if contents(folder / "images") != before["images"]:
        found.append("the source was changed")
    recover(folder / "RUN")
    recover(folder / "OUT-quarantine", folder / "OUT")
    try:
        audit = read_run(folder)
    except Exception as error:
        return [*found, f"the RUN is gone: {error}"]
    verdicts = read(verdicts_file(folder / "RUN"))
    if [verdict.path for verdict in verdicts[:4]] != list(audit.samples.ids[:4]):
        found.append(f"{len(verdicts)} verdicts are left of 4")
    cleaned = read_report(folder / "OUT")
    if cleaned is None:
        found.append("the cleaned dataset is gone")
    else:
        aside = find_quarantine(folder / "OUT", cleaned)
        files = [file for place in (folder / "OUT", aside) if place is not None for file in contents(place).items()]
        held = {digest(data) for path, data in files if path.endswith(".ppm")}
        if missing := {*audit.samples.digests} - held:
            found.append(f"{len(missing)} images are in neither the cleaned dataset nor its quarantine")
    found += unsound_outputs(folder)
    for path, data in contents(folder).items():
        if path.endswith((".json", ".html", ".xml", ".csv", ".md")) and not data.strip():
            found.append(f"{path} is empty")
        if path.endswith(".json") and not path.startswith("images") and not data.rstrip().endswith((b"}", b"]")):
            found.append(f"{path} is cut off ({name})")
    return [line for line in found if not line.startswith(".") and "/." not in line]


def unsound_outputs(folder: Path) -> list[str]:
    """Which of the outputs that `make_world` did not make are there and not whole."""
    from labelaudit.bench import runs
    from labelaudit.models import load

    found = []
    if (folder / "MODEL" / "model.json").exists():
        weights = {name: value.numpy().tobytes() for name, value in load(folder / "MODEL").network.state_dict().items()}
        if _TRAINED.setdefault("weights", weights) != weights:
            found.append("the model is not the one that an undisturbed run makes")
    if (folder / "NOISY").exists():
        images = list((folder / "NOISY").rglob("*.ppm"))
        lines = (folder / "NOISY" / "truth.csv").read_text(encoding="utf-8").splitlines()
        if len(images) != 24 or len(lines) != 25:
            found.append(f"the noisy copy has {len(images)} images of 24 and {len(lines) - 1} lines of truth")
    if (folder / "bench.jsonl").exists() and len(runs.read(folder / "bench.jsonl")) > 3:
        found.append("a run of the benchmark is there twice")
    return found


_TRAINED: dict[str, dict[str, bytes]] = {}
"""The weights of the first model that was finished: `count_changes` makes it, undisturbed."""


def strike(name: str, world: Path, at: int, kind: str) -> tuple[bool, list[str]]:
    """Disturb command ``name`` in a copy of ``world`` at the ``at``-th change: (whether it was reached, losses)."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "world"
        shutil.copytree(world, folder)
        write_run(folder)  # which says where its images are now
        before = {"images": contents(folder / "images")}
        if kind == "kill":
            reached, found = run_until_killed(name, folder, at)
        else:
            reached, found = fail(name, folder, at)
        found += losses(folder, before, name)
        try:
            COMMANDS[name](folder)
        except Exception as error:  # whatever it is: the next run must end well
            found.append(f"the next run fails: {type(error).__name__}: {error}")
        found += losses(folder, before, name)
        return reached, found


def run_until_killed(name: str, folder: Path, at: int) -> tuple[bool, list[str]]:
    """Run a command in a process of its own, which is killed before the ``at``-th change to the disk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads is forked: the child uses none of them
        child = os.fork()
    if not child:
        code = 1
        try:
            with disturbed(at, kill):
                COMMANDS[name](folder)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    return ended == -signal.SIGKILL, [] if ended in (0, -signal.SIGKILL) else [f"it failed by itself: {ended}"]


def fail(name: str, folder: Path, at: int) -> tuple[bool, list[str]]:
    """Run a command on a disk that is full from the ``at``-th change on."""
    from labelaudit.errors import LabelAuditError

    reached = False
    try:
        with disturbed(at, fill) as counts:
            COMMANDS[name](folder)
    except (LabelAuditError, CommandFailedError):
        reached = True
    except Exception as error:
        return True, [f"a full disk is a traceback: {type(error).__name__}: {error}"]
    return reached or counts["changes"] > at, []


def count_changes(name: str, world: Path, blow: Callable[[], None]) -> int:
    """How often a command changes the disk when nobody disturbs it."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "world"
        shutil.copytree(world, folder)
        write_run(folder)  # which says where its images are now
        with disturbed(10**9, blow) as counts:
            COMMANDS[name](folder)
        unsound_outputs(folder)  # which keeps what a whole model is
        return counts["changes"]


def campaign(kind: str, number: int, seed: int, world: Path) -> tuple[Counter[str], list[str]]:
    """``number`` strikes of a kind over all commands: how many took effect, and every loss with how to see it again."""
    draw, reached, found = random.Random(f"{kind} {seed}"), Counter[str](), list[str]()
    most: dict[str, int] = {}
    names = draw.sample(sorted(COMMANDS), len(COMMANDS))
    for turn in range(number):
        name = names[turn % len(names)]
        if name not in most:
            most[name] = count_changes(name, world, kill if kind == "kill" else fill)
        at = draw.randrange(most[name])
        hit, lost = strike(name, world, at, kind)
        reached[name] += hit
        found += [f"{name}, {kind} at change {at} of {most[name]}: {line}" for line in lost]
    return reached, found


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--full", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    chosen = parser.parse_args()
    lines = ["| disturbed | commands | times | took effect | losses |", "|---|---|---|---|---|"]
    lost: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        world = Path(place) / "world"
        make_world(world)
        for kind, number, words in (("kill", chosen.kills, "killed"), ("full", chosen.full, "full disk")):
            reached, found = campaign(kind, number, chosen.seed, world)
            lost += found
            lines.append(f"| {words} | {', '.join(COMMANDS)} | {number} | {reached.total()} | {len(found)} |")
            print(lines[-1], *found, sep="\n", flush=True)
    if chosen.write:
        write_section("faults", "\n".join(lines), title="Kills and full disks (`benchmarks/faults.py`)")
    raise SystemExit(1 if lost else 0)


if __name__ == "__main__":
    main()
