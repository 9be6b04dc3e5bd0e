"""A small dataset with what was made of it, and every command that writes, as functions of its folder.

`faults.py` disturbs these commands, and `wrong_inputs.py` gives them wrong values.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def make_world(folder: Path) -> None:
    """A dataset of 24 pictures, its RUN with a few verdicts, and a cleaned dataset with a quarantine."""
    import numpy as np

    from labelaudit.clean import Destination, apply_plan, make_plan
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
    apply_plan(
        make_plan(audit, match(audit, [said(audit, row) for row in range(2)])), audit, Destination(folder / "OUT")
    )


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
    from labelaudit.clean import Destination, apply_plan, make_plan, write_plan
    from labelaudit.verdicts import match

    audit = read_run(folder)
    plan = make_plan(audit, match(audit, [said(audit, row) for row in range(3)]))
    write_plan(plan, folder / "RUN" / "plan.json")
    apply_plan(plan, audit, Destination(folder / "OUT", replace=True))


def undo(folder: Path) -> None:
    from labelaudit.clean import Destination, restore

    restore(read_run(folder), folder / "OUT", Destination(folder / "back", replace=True))


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
