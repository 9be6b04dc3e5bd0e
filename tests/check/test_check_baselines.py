"""`labelaudit check` with a baseline, and `labelaudit baseline`."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import IDS, make_audit
from gates import call, git

from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.check import baseline_file
from labelaudit.verdicts import Verdict, append, verdicts_file

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_a_baseline_from_the_first_day_to_the_next_refresh(run: Path, tmp_path: Path) -> None:
    written = call("check", run, "--write-baseline", "known.json")
    assert written.code == 0
    assert "known.json written: 4 known (4 added, 0 removed), 0 with a person's verdict" in written.err
    first = (tmp_path / "known.json").read_bytes()
    passed = call("check", run, "--baseline", "known.json", "--format", "json")
    assert passed.code == 0
    assert json.loads(passed.out)["baseline"]["path"] == "known.json"
    assert call("check", run, "--write-baseline", "known.json").code == 0
    assert (tmp_path / "known.json").read_bytes() == first

    audit = make_audit()
    content, label = audit.identity(1)
    append(
        verdicts_file(run),
        Verdict(
            path=IDS[1], digest=content, given_label=label, verdict="given", reviewer="ana", time="2026-01-01T00:00:00Z"
        ),
    )
    assert "1 with a person's verdict" in call("check", run, "--write-baseline", "known.json").err
    verdicts_file(run).unlink()
    assert call("check", run, "--write-baseline", "known.json").code == 0  # the verdict is in the baseline now
    said = json.loads(call("check", run, "--baseline", "known.json", "--format", "json").out)
    assert said["counts"]["suspects"] == {
        "new": 0,
        "known": 1,
        "accepted": 1,
        "ignored": 0,
        "uncertain": 0,
        "doubtful": 0,
    }


def test_a_new_wrong_label_fails(run: Path, tmp_path: Path) -> None:
    call("check", run, "--write-baseline", "known.json")
    audit = make_audit()
    relabelled = replace(audit.samples, labels=np.array([0, 0, 0, 2, 1, 2]))
    runs.write(replace(audit, samples=relabelled), tmp_path / "NEXT")
    ended = call("check", "NEXT", "--baseline", "known.json")
    assert ended.code == 1
    assert "max-new" in ended.out.splitlines()[-1]
    assert "relabelled as owl" in ended.out


def test_verdicts_of_the_old_file_survive_another_baseline(run: Path) -> None:
    call("check", run, "--write-baseline", "known.json")
    known = baseline_file.read("known.json")
    spoken = replace(known.suspects[0], verdict="given", reviewer="bo")
    baseline_file.write(replace(known, suspects=(spoken, *known.suspects[1:])), "old.json")
    call("check", run, "--baseline", "known.json", "--write-baseline", "old.json")
    assert baseline_file.read("old.json").suspects[0] == spoken


@pytest.mark.parametrize("text", [None, "{", '{"kind": "labelaudit baseline", "schema_version": 9}'])
def test_a_baseline_that_cannot_be_read_is_2_and_stays(run: Path, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "known.json").write_text(text)
    for options in ((), ("--exit-zero",), *([("--write-baseline", "known.json")] if text else [])):
        ended = call("check", run, "--baseline", "known.json", *options)
        assert ended.code == 2
        assert ended.err.startswith("labelaudit: ")
        assert "known.json" in ended.err
    if text is not None:
        assert (tmp_path / "known.json").read_text() == text


def test_a_first_baseline_that_the_policy_names_already(run: Path, tmp_path: Path) -> None:
    (tmp_path / "labelaudit.toml").write_text("baseline = 'known.json'\nmax-new = 0\n")
    assert call("check", run).code == 2
    assert call("check", run, "--write-baseline", "known.json").code == 0
    assert call("check", run).code == 0


def test_the_baseline_commands(run: Path, tmp_path: Path) -> None:
    call("check", run, "--write-baseline", "known.json")
    known = baseline_file.read("known.json")
    gone = replace(
        known.suspects[0], path="gone.png", digest="f" * 32, verdict="none", reviewer="čeněk", note="blurred"
    )
    baseline_file.write(replace(known, suspects=(*known.suspects, gone)), "other.json")

    shown = call("baseline", "show", "other.json")
    assert shown.out.startswith(
        "3 suspects and 2 findings: 1 verdict none, 2 without verdict, 1 conflict, 1 truncated\n"
    )
    assert re.search(r"^wrong labels in dataset: \S+ to \S+ \(90% interval\)$", shown.out, flags=re.M)
    assert "gone.png: cat -> dog, suspicion 0.97, verdict none, by čeněk, blurred\n" in shown.out
    assert call("baseline", "show", "other.json", "--format", "json").out == (tmp_path / "other.json").read_text()

    assert call("baseline", "diff", "known.json", "other.json").out == (
        "added     gone.png: cat -> dog, suspicion 0.97, verdict none, by čeněk, blurred\n"
        "1 added, 0 removed, 0 with another verdict\n"
    )
    told = call("baseline", "diff", "other.json", "known.json", "--format", "json").out
    assert '"reviewer": "čeněk"' in told
    record = json.loads(told)
    assert [(change["change"], change["path"]) for change in record["changes"]] == [("removed", "gone.png")]

    assert call("baseline", "merge", "known.json", "other.json", "-o", "joined.json").code == 0
    assert (tmp_path / "joined.json").read_bytes() == (tmp_path / "other.json").read_bytes()
    (tmp_path / "labels.csv").write_text("a person's labels")
    assert call("baseline", "merge", "known.json", "other.json", "-o", "labels.csv").code == 2
    Path("conflict.json").write_text(f"<<<<<<< HEAD\n{Path('known.json').read_text()}", encoding="utf-8")
    assert call("baseline", "show", "conflict.json").code == 2
    assert call("baseline", "merge", "known.json", "other.json", "-o", "conflict.json").code == 0, "this solves it"
    assert Path("conflict.json").read_bytes() == Path("joined.json").read_bytes()
    assert (tmp_path / "labels.csv").read_text() == "a person's labels"

    dry = call("baseline", "prune", "other.json", run, "--dry-run")
    assert dry.out == "would remove  gone.png, labelled cat: gone\n1 of 5 entries stale, 4 kept\n"
    assert baseline_file.read("other.json").suspects[-1] == gone
    call("baseline", "prune", "other.json", run)
    assert (tmp_path / "other.json").read_bytes() == (tmp_path / "known.json").read_bytes()
    assert call("baseline", "show", "nothing.json").code == 2


def test_git_merges_baselines_and_what_one_side_pruned_stays_away(repository: Audit, tmp_path: Path) -> None:
    call("check", "RUN", "--write-baseline", "known.json")
    base = baseline_file.read("known.json")
    driver = f"{sys.executable} -m labelaudit baseline merge %A %B --base %O -o %A"
    git("config", "merge.labelaudit.driver", driver)
    (tmp_path / ".gitattributes").write_text("known.json merge=labelaudit\n")
    git("add", ".gitattributes", "known.json")
    git("commit", "-q", "-m", "base")
    git("checkout", "-q", "-b", "pruned")
    baseline_file.write(replace(base, suspects=base.suspects[1:]), "known.json")
    git("commit", "-q", "-a", "-m", "pruned")
    git("checkout", "-q", "main")
    added = replace(base.suspects[0], path="new.png", digest="e" * 32)
    baseline_file.write(replace(base, suspects=(*base.suspects, added)), "known.json")
    git("commit", "-q", "-a", "-m", "added")
    git("merge", "-q", "-m", "both", "pruned")
    assert [known.path for known in baseline_file.read("known.json").suspects] == [base.suspects[1].path, "new.png"]

    (tmp_path / "none.json").write_bytes(b"")  # as Git gives it where both sides added the file
    call("baseline", "merge", "known.json", "known.json", "--base", "none.json", "-o", "joined.json")
    assert (tmp_path / "joined.json").read_bytes() == (tmp_path / "known.json").read_bytes()


def test_what_a_person_wrote_survives_a_prune_on_the_other_side(run: Path) -> None:
    call("check", run, "--write-baseline", "base.json")
    base = baseline_file.read("base.json")
    spoken = replace(base, suspects=(replace(base.suspects[0], note="asked bo"), *base.suspects[1:]))
    baseline_file.write(spoken, "one.json")
    baseline_file.write(replace(base, suspects=(), findings=base.findings[1:]), "other.json")
    for pair in (("one.json", "other.json"), ("other.json", "one.json")):
        assert call("baseline", "merge", *pair, "--base", "base.json", "-o", "joined.json").code == 0
        joined = baseline_file.read("joined.json")
        assert (joined.suspects, joined.findings) == (spoken.suspects[:1], base.findings[1:])
        assert call("baseline", "merge", *pair, "-o", "joined.json").code == 0
        assert len(baseline_file.read("joined.json")) == len(base)
