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

import argparse
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

# what is run: each command with the smallest dataset that it takes


def make_world(folder: Path) -> None:
    """A dataset of 24 pictures, its RUN with a few verdicts, and a cleaned dataset with a quarantine."""
    import numpy as np

    from labelaudit.clean import apply_plan, make_plan
    from labelaudit.data.images import encode
    from labelaudit.verdicts import append, match, verdicts_file

    draw = np.random.default_rng(0)
    for row in range(24):
        pixels = draw.integers(0, 60, (8, 8, 3), dtype=np.uint8)
        pixels[..., row % 3] += 150
        file = folder / "images" / "abc"[row % 3] / f"{row}.ppm"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(pixels))
    write_run(folder)
    audit = read_run(folder)
    append(verdicts_file(folder / "RUN"), *(said(audit, row) for row in range(4)))
    answers = "path,new_label\n" + "".join(f"{name},b\n" for name in audit.samples.ids[8:12])
    (folder / "answers.csv").write_text(answers, encoding="utf-8")
    apply_plan(make_plan(audit, match(audit, [said(audit, row) for row in range(2)])), audit, folder / "OUT")


def write_run(folder: Path, seed: int = 0) -> None:
    """What a scan writes at its end, without the minutes before it."""
    import numpy as np

    from labelaudit.audit import run as runs
    from labelaudit.audit.document import Audit
    from labelaudit.data.ingest import ingest
    from labelaudit.data.sources import open_source
    from labelaudit.types import Decision

    data = folder / "images"
    samples, findings = ingest(open_source(data))
    n, c = len(samples), len(samples.classes)
    suspicion = np.linspace(0.9, 0.1, n)
    decision = Decision(
        suspicion=suspicion,
        is_issue=suspicion > 0.5,
        judged=np.ones(n, dtype=np.bool_),
        probs=np.full((n, c), 1 / c, dtype=np.float32),
        predicted=(samples.labels + 1) % c,
        threshold=0.5,
        noise_rate=0.1,
        noise_interval=(0.0, 0.2),
        noise_matrix=np.eye(c),
        reasons=("",) * n,
    )
    source = {"data": str(data), "labels": None, "path_column": None, "label_column": None}
    audit = Audit(
        samples=samples, decision=decision, evidence={}, findings=findings, settings={"source": source}, seed=seed
    )
    runs.write(audit, folder / "RUN")


def read_run(folder: Path) -> Any:
    from labelaudit.audit import run as runs

    return runs.read(folder / "RUN")


def said(audit: Any, row: int, verdict: str = "none") -> Any:
    from labelaudit.verdicts import Verdict

    content, label = audit.identity(row)
    return Verdict(
        path=audit.samples.ids[row],
        digest=content,
        given_label=label,
        verdict=verdict,
        reviewer="ann",
        time=f"2026-11-21T06:30:{row:02}Z",
    )


def scan(folder: Path) -> None:
    write_run(folder, seed=1)


def judge(folder: Path) -> None:
    from labelaudit.verdicts import append, verdicts_file

    audit = read_run(folder)
    for row in range(4, 8):
        append(verdicts_file(folder / "RUN"), said(audit, row))


def clean(folder: Path) -> None:
    from labelaudit.clean import apply_plan, make_plan, write_plan
    from labelaudit.verdicts import match

    audit = read_run(folder)
    plan = make_plan(audit, match(audit, [said(audit, row) for row in range(3)]))
    write_plan(plan, folder / "RUN" / "plan.json")
    apply_plan(plan, audit, folder / "OUT", replace=True)


def undo(folder: Path) -> None:
    from labelaudit.clean import restore

    restore(read_run(folder), folder / "OUT", folder / "back", replace=True)


def report(folder: Path) -> None:
    command(folder, "report", "RUN", "-q")


def check(folder: Path) -> None:
    command(folder, "check", "RUN", "-q", "-o", "checked.json", "--report", "checked.xml")
    command(folder, "check", "RUN", "-q", "--write-baseline", "known.json", "-o", "checked.txt")


def estimate(folder: Path) -> None:
    command(folder, "estimate", "RUN")


def bring(folder: Path) -> None:
    command(folder, "verdicts", "import", "RUN", "answers.csv")
    command(folder, "review", "RUN", "--export", "queue.csv")


def save_audit(folder: Path) -> None:
    """What `check DATA` keeps in its cache to update from; of nine the oldest goes."""
    for seed in range(3):
        kept_audits(folder, seed).write(read_run(folder))


def kept_audits(folder: Path, seed: int) -> Any:
    from labelaudit.data.source import Source
    from labelaudit.machine import Machine
    from labelaudit.scanning.settings import ScanSettings
    from labelaudit.scoring.kept import AuditCache

    settings = ScanSettings(seed=seed, precision="float32")
    return AuditCache(Source(data=folder / "images"), settings, Machine(cache=folder / "cache", device="cpu"))


def train(folder: Path) -> None:
    """A model; where a run was cut off, the same command with ``--resume``."""
    import torch

    from labelaudit.models.folder import ABOUT, is_under_way

    if (folder / "MODEL" / ABOUT).exists():
        return
    torch.set_num_threads(1)  # a pool of threads does not come along where a process is forked
    how = ("--method", "sln", "--network", "mlp_2x512", "--epochs", "3", "--set", "sln.batch=8", "-q")
    command(folder, "train", "images", "-o", "MODEL", *how, *(["--resume"] if is_under_way(folder / "MODEL") else []))


def corrupt(folder: Path) -> None:
    """A copy with planted noise, which is never written over."""
    if not (folder / "NOISY").exists():
        command(folder, "corrupt", "images", "-o", "NOISY", "--noise", "symmetric", "--rate", ".3", "-q")


def tune(folder: Path) -> None:
    from labelaudit.verdicts import append, verdicts_file

    audit = read_run(folder)
    append(verdicts_file(folder / "RUN"), *(said(audit, row, "none" if row % 2 else "given") for row in range(4, 16)))
    command(folder, "tune", "RUN", "-o", "flags.csv")


def bench(folder: Path) -> None:
    """What `bench` writes after each run and at its end."""
    from labelaudit.bench import runs, tables

    for seed in range(3):
        facts = {"preset": "digits", "arm": "CE", "seed": seed, "device": "cpu", "epochs": 1, "samples": 24, "cut": 24}
        facts |= {"whole": False, "definition": "0", "data": "0", "values": {"test accuracy": 50.0}, "noise": 0.5}
        facts |= {"seconds": 1.0, "core_seconds": 1.0, "busy": 0.0, "machine": "", "versions": {}, "date": "2026-11-28"}
        known = runs.read(folder / "bench.jsonl")
        if (run := runs.Run(**facts)).key not in {one.key for one in known}:
            runs.append(folder / "bench.jsonl", run)
    tables.write_section(folder / "RESULTS.md", "| a | b |")


def command(folder: Path, *line: str) -> None:
    """A command of `labelaudit`; a broken rule (exit code 1) is a result like any other."""
    from labelaudit.cli import app

    here = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
            app(list(line), prog_name="labelaudit")
    except SystemExit as ended:
        if ended.code not in (0, 1, None):
            raise CommandFailedError(told.getvalue()) from None
    finally:
        os.chdir(here)


class CommandFailedError(Exception):
    """A command ended with exit code 2, and said why in one line."""


COMMANDS: Mapping[str, Callable[[Path], None]] = {
    "scan": scan,
    "review": judge,
    "clean": clean,
    "clean --undo": undo,
    "report": report,
    "check": check,
    "estimate": estimate,
    "import and export": bring,
    "save an audit": save_audit,
    "train": train,
    "corrupt": corrupt,
    "tune": tune,
    "bench": bench,
}


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
        results = Path(__file__).with_name("RESULTS.md")
        before, _, rest = results.read_text(encoding="utf-8").partition("<!-- faults -->")
        after = rest.partition("<!-- /faults -->")[2]
        text = "\n".join(lines)
        results.write_text(f"{before}<!-- faults -->\n{text}\n<!-- /faults -->{after}", encoding="utf-8")
    raise SystemExit(1 if lost else 0)


if __name__ == "__main__":
    main()
