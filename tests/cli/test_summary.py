"""The summary that a scan prints: what it answers, how it is cut, names that cannot steer a terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import make_audit, make_decision, make_samples

from labelaudit.audit import run as reports
from labelaudit.audit.document import Audit
from labelaudit.cli.console.streams import open_console
from labelaudit.cli.console.summary import render
from labelaudit.types import Finding


def rendered(audit: Audit, *, width: int = 100, verbose: bool = False) -> str:
    console = open_console(io.StringIO(), "never")
    console.width = width
    render(audit, console, verbose=verbose)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


# what a result looks like


def test_result_answers_the_questions_of_a_reader(tmp_path: Path) -> None:
    audit = make_audit()
    text = rendered(replace(audit, files=reports.write(audit, tmp_path / "run")), width=200)
    assert "6 samples in 3 classes: 2 suspects. 20.0% to 60.0% of all labels are wrong (90% interval)." in text
    assert re.search(r"1  cat/b.png  cat +dog +97%\n", text), "one number, and no reason that only repeats the label"
    assert re.search(r"cat +dog +1 +1\n", text)
    assert "1 truncated\n    cat/z.png: The file ends in the middle of the image.\n" in text
    assert "- Features were chosen: they fit better than pixels.\n" in text
    assert "Took 62 s on cpu, at most 315 MB of memory\n" in text
    assert "suspects.csv, samples.csv" not in text
    files = {**reports.write(audit, tmp_path / "run"), "report.html": tmp_path / "run" / "report.html"}
    text = rendered(replace(audit, files=files, settings={"source": {"data": "pets"}}), width=200, verbose=True)
    assert f"{tmp_path}/run/  suspects.csv, samples.csv, summary.json, audit.json, evidence.npz" in text
    assert text.endswith(f"\nLook   file://{tmp_path}/run/report.html\nJudge  labelaudit review {tmp_path}/run\n")


def test_result_without_suspects_says_how_many_were_judged() -> None:
    decision = make_decision(is_issue=np.zeros(6, dtype=bool), noise_rate=float("nan"))
    text = rendered(make_audit(decision=decision))
    assert "None among 5: no label looks wrong enough.\n" in text
    assert "The share of wrong labels cannot be estimated." in text
    kept = replace(make_audit(decision=decision), files={"samples.csv": Path("run/samples.csv")})
    assert "no label looks wrong enough. run/samples.csv ranks all of them, the worst first.\n" in rendered(kept)


def test_labels_that_nobody_judged_do_not_look_right() -> None:
    nothing = np.zeros(6, dtype=bool)
    text = rendered(make_audit(decision=make_decision(is_issue=nothing, judged=nothing)))
    assert "None: no label could be judged." in text
    assert "The share of wrong labels cannot be estimated." in text
    assert "looks wrong" not in text


def many(count: int) -> Audit:
    classes = tuple(f"class {i}" for i in range(30))
    return make_audit(
        samples=make_samples(
            ids=tuple(f"folder with a long name/{i:06d}.png" for i in range(count)),
            labels=np.arange(count) % 30,
            classes=classes,
            digests=tuple(f"{i:032x}" for i in range(count)),
        ),
        decision=make_decision(
            suspicion=np.full(count, 0.9),
            is_issue=np.ones(count, dtype=bool),
            judged=np.zeros(count, dtype=bool),
            probs=np.full((count, 30), 1 / 30),
            predicted=(np.arange(count) + 1) % 30,
            reasons=("a reason that takes some room",) * count,
            noise_matrix=np.ones((30, 30)),
        ),
        evidence={},
        findings=tuple(Finding(kind="empty", path=f"{i}.png", detail="No bytes.") for i in range(50)),
    )


def test_long_results_are_cut_and_say_so() -> None:
    text = rendered(many(100), width=200)
    assert "and 90 more" in text
    assert "and 47 more" in text
    assert "class 0, class 1, class 10" not in text
    assert len(text.splitlines()) < 50
    assert "and 60 more" in rendered(many(100), width=200, verbose=True)


@pytest.mark.parametrize("width", [30, 40, 60, 79, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    text = rendered(many(12), width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert "…" not in text
    if width >= 40:
        assert "folder with a long name/000011.png" not in text
        assert "folder with a long name/000009.png" in text
        assert "a reason that takes some room" in text


def test_names_from_data_cannot_steer_the_terminal_or_the_markup() -> None:
    evil = "[bold red]x[/]\x1b[2J\x07\u202egnp.exe\r\n"
    audit = make_audit(
        samples=make_samples(ids=(evil + "0", evil + "1", *"cdef"), classes=(evil, evil + "b", evil + "c"), root=evil),
        decision=make_decision(reasons=(evil,) * 6, judged=np.zeros(6, dtype=bool)),
        findings=(Finding(kind=evil, path=evil, detail=evil, partner=evil + "?"),),
        notes=(evil,),
        device=evil,
        versions={evil: evil},
        files={"suspects.csv": Path(evil) / "suspects.csv"},
    )
    text = rendered(audit, width=400, verbose=True)
    assert not any(character in text for character in "\x1b\x07\u202e\r")
    assert r"[bold red]x[/]\x1b[2J\x07\u202egnp.exe\r\n" in text
