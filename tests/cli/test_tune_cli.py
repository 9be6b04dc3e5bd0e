"""`labelaudit tune`: which images it asks about, and what follows from the answers."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import make_audit
from commands import call

from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.judge.verdict_fit import VIEWS
from labelaudit.types import Decision, Evidence, Samples
from labelaudit.verdicts import Verdict, append, read, verdicts_file

N = 200


@pytest.fixture
def run(tmp_path: Path) -> Path:
    audit = ranked()
    runs.write(audit, tmp_path / "run")
    return tmp_path / "run"


def ranked() -> Audit:
    """200 samples, the first 20 wrong and ranked first, though at a scale that says little."""
    suspicion = 1 / (1 + np.exp(np.linspace(-2, 20, N)))
    samples = Samples(
        ids=tuple(f"{i}.png" for i in range(N)),
        labels=np.arange(N) % 2,
        classes=("cat", "dog"),
        digests=tuple(f"{i:032x}" for i in range(N)),
        root="pets",
    )
    probs = np.full((N, 2), 0.5, dtype=np.float32)
    decision = Decision(
        suspicion=suspicion,
        is_issue=suspicion > 0.5,
        judged=np.ones(N, dtype=np.bool_),
        probs=probs,
        predicted=1 - samples.labels,
        threshold=0.5,
        noise_rate=0.1,
        noise_interval=(0.0, 0.5),
        noise_matrix=np.eye(2) * N / 2,
        reasons=("",) * N,
    )
    evidence = {name: Evidence(method=name, suspicion=suspicion) for name in VIEWS}
    return make_audit(samples=samples, decision=decision, evidence=evidence, findings=())


def answer(run: Path, count: int) -> None:
    """What a person who knows that the first 20 are wrong says of the images that are asked about."""
    asked = json.loads(call("tune", run, "--json", "--verdicts", count).out)["ask"]
    audit = runs.read(run)
    for entry in asked:
        row = audit.samples.ids.index(entry["path"])
        digest, given = audit.identity(row)
        wrong = row < 20
        said = Verdict(path=entry["path"], digest=digest, given_label=given, verdict="none" if wrong else "given")
        append(verdicts_file(run), said)


def test_without_verdicts_it_says_what_to_judge(run: Path) -> None:
    done = call("tune", run)
    assert done.code == 0
    assert done.out.startswith("0 verdicts so far: too few to tell. Judge these images next:\n")
    assert len(done.out.splitlines()) == 21
    assert done.out == call("tune", run).out, "the same images until somebody answers"


def test_where_no_label_can_be_judged_there_is_nothing_to_ask(tmp_path: Path) -> None:
    audit = ranked()
    nothing = np.zeros(N, dtype=np.bool_)
    runs.write(replace(audit, decision=replace(audit.decision, is_issue=nothing, judged=nothing)), tmp_path / "run")
    done = call("tune", tmp_path / "run")
    assert done.out == "0 verdicts so far: too few to tell, and no image is left to ask about.\n"
    done = call("tune", tmp_path / "run", "-o", tmp_path / "flags.csv")
    assert f"too few to tell, and {tmp_path / 'flags.csv'} is not written, and no image" in done.out
    assert not done.err


def test_twenty_answers_set_the_scale(run: Path, tmp_path: Path) -> None:
    answer(run, 20)
    done = json.loads(call("tune", run, "--json", "-o", tmp_path / "flags.csv").out)
    tuned = done["tuned"]
    assert done["ask"] == []
    assert tuned["verdicts"] == 20
    assert tuned["rate"]["low"] <= 0.1 <= tuned["rate"]["high"]
    assert tuned["precision"]["low"] <= tuned["precision"]["value"] <= tuned["precision"]["high"]
    with (tmp_path / "flags.csv").open(encoding="utf-8") as file:
        flags = list(csv.DictReader(file))
    assert len(flags) == tuned["flagged"]
    found = {int(flag["path"].removesuffix(".png")) for flag in flags}
    assert 2 * len(found & set(range(20))) / (len(found) + 20) > 0.7
    said = call("tune", run).out
    assert "of the 200 labels are wrong." in said
    listed = len(runs.read(run).suspects)
    assert listed != tuned["flagged"]
    assert f"{tuned['flagged']} suspects (the RUN lists {listed}, by its own threshold): " in said
    assert f"The list in {run} does not know these verdicts yet: scan again." in said


def test_more_verdicts_are_asked_for_elsewhere(run: Path) -> None:
    answer(run, 20)
    more = json.loads(call("tune", run, "--json", "--verdicts", 40).out)["ask"]
    assert len(more) == 20
    assert not {entry["path"] for entry in more} & {verdict.path for verdict in read(verdicts_file(run))}


def test_answers_on_a_terminal_are_kept_one_by_one(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["labelaudit.cli.tune"], "_interactive", lambda: True)
    monkeypatch.setattr("labelaudit.audit.document.has_images", lambda _: True)
    done = call("tune", run, "--reviewer", "ann", input="\n2\nowl\n-\ns\nq\n")
    assert "'owl' is no class of this dataset" in done.err
    assert "In a page that shows the images: labelaudit review " in done.err
    kept = read(verdicts_file(run))
    assert [verdict.reviewer for verdict in kept] == ["ann"] * 4
    assert [verdict.verdict for verdict in kept][::2] == ["given", "none"]
    assert kept[1].right == "dog"
    assert kept[3].verdict == "skip"


def test_answers_carry_the_name_that_a_review_gives_them(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["labelaudit.cli.tune"], "_interactive", lambda: True)
    monkeypatch.setattr("getpass.getuser", lambda: "dora")
    call("tune", run, input="\nq\n")
    assert [verdict.reviewer for verdict in read(verdicts_file(run))] == ["dora"]


def test_verdicts_on_the_worst_alone_are_not_enough(run: Path) -> None:
    audit = runs.read(run)
    for row in range(20):
        path, digest, label = audit.samples.claim(row)
        append(
            verdicts_file(run),
            Verdict(path=path, digest=digest, given_label=label, verdict="suggested", new_label="dog"),
        )
    done = call("tune", run)
    said = done.out
    assert "To be surer, judge" in said
    assert f"labelaudit review {run} --order tune" in done.err, "and how"
    assert said.count(".png") >= 5


def test_a_file_that_cannot_be_written_is_one_line(run: Path, tmp_path: Path) -> None:
    answer(run, 20)
    done = call("tune", run, "-o", tmp_path / "nowhere" / "flags.csv")
    assert done.code == 2
    assert "cannot write" in done.err
    before = verdicts_file(run).read_bytes()
    for name in ("verdicts.csv", "suspects.csv"):
        done = call("tune", run, "-o", run / name)
        assert (done.code, done.out) == (2, "")
        assert f"{name} lies inside the RUN" in done.err
    assert verdicts_file(run).read_bytes() == before


def test_without_images_a_table_is_offered_in_place_of_a_page(run: Path, tmp_path: Path) -> None:
    _, _, err = call("tune", run)
    assert f"In a table: labelaudit review {run} --order tune --export queue.csv" in err
    for command in ("review", "open"):
        code, _, err = call(command, run, "--no-open")
        assert code == 2
        assert "was made without images: `labelaudit review" in err
        assert "--export queue.csv` asks in a table" in err
    held = {"features": False, "probs": False}  # so there were images, in the memory of a program
    runs.write(replace(ranked(), settings=held), tmp_path / "held")
    assert "was made of images that a program held: name with --data" in call("review", tmp_path / "held").err
    assert call("review", run, "--order", "tune", "--export", tmp_path / "queue.csv").code == 0
