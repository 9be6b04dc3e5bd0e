"""`labelaudit score`: what goes to stdout, what to stderr and files, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import make_audit, make_samples
from commands import Ended, call

from labelaudit.audit import run
from labelaudit.audit.document import Audit
from labelaudit.judge import probes
from labelaudit.judge.belief import believe
from labelaudit.judge.decide import decide
from labelaudit.judge.judge import CLOSED_FORMS, Judge
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.vectors import reduce_blocks
from labelaudit.types import Features, Finding, Samples


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*(name for name in os.environ if name.startswith("LABELAUDIT_")), "NO_COLOR", "FORCE_COLOR"]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of 80 vectors in ``run``; ``new.csv`` and ``new.npy``: four labels, one wrong, one of no known class."""
    folder = tmp_path_factory.mktemp("score")
    rng = np.random.default_rng(0)
    truth = np.arange(80) % 2
    x = (4 * np.eye(2, 6)[truth] + rng.normal(size=(80, 6))).astype(np.float32)
    digests = tuple(f"{i:032x}" for i in range(80))
    samples = Samples(ids=tuple(f"s{i}" for i in range(80)), labels=truth, classes=("cat", "dog"), digests=digests)
    features = Features(values=x, name="given")
    rotations, blocks = probes.find_rotations(features), probes.principal_blocks(features)
    closed = {name: fit(reduce_blocks(features, rotations, blocks), truth, 2) for name, fit in CLOSED_FORMS.items()}
    models = {name: held.probs for name, held in closed.items()}
    decision = decide(believe(fit_noise_model(models, truth), truth, digests=digests), samples.classes)
    judge = Judge.fit(samples, decision, features, rotations=rotations, blocks=blocks, closed=closed)
    run.write(Audit(samples=samples, decision=decision, evidence={}, judge=judge), folder / "run")
    (folder / "new.csv").write_text("path,label\na.png,cat\nb.png,cat\nc.png,dog\nd.png,owl\n", encoding="utf-8")
    np.save(folder / "new.npy", 4 * np.eye(2, 6, dtype=np.float32)[[0, 1, 1, 0]])
    return folder


def score(place: Path, *more: str | Path) -> Ended:
    return call(
        "score", place / "run", "--labels", place / "new.csv", "--features", place / "new.npy", "--device", "cpu", *more
    )


def test_suspects_go_to_stdout_and_the_rest_to_stderr(place: Path) -> None:
    done = score(place)
    assert done.code == 0, "suspects are not a failure: the gate is `labelaudit check`"
    (row,) = csv.DictReader(io.StringIO(done.out))
    assert (row["path"], row["given_label"], row["predicted_label"]) == ("b.png", "cat", "dog")
    assert list(row)[:3] == ["rank", "path", "given_label"]
    assert "3 new labels: 1 suspect; too few to tell how many are wrong" in done.err
    assert "without training" in done.err
    assert "d.png: labelled 'owl', a class that the audit does not know" in done.err


def test_where_nothing_can_be_judged_the_exit_code_says_so(place: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("path,label\na.png,owl\nb.png,yak\nc.png,owl\nd.png,owl\n", encoding="utf-8")
    done = score(place, "--labels", tmp_path / "other.csv", "--format", "json")
    assert (done.code, done.out) == (2, "")
    assert "none of the classes (owl, yak) is one of" in done.err


def test_json_has_suspects_and_findings(place: Path) -> None:
    done = score(place, "--format", "json", "-q")
    assert done.err == ""
    found = json.loads(done.out)
    assert [row["path"] for row in found["suspects"]["list"]] == ["b.png"]
    assert found["suspects"]["count"] == 1
    assert found["findings"]["list"][0]["kind"] == "unknown_class"


@pytest.mark.parametrize(("name", "opens"), [("out.csv", "rank,"), ("out.json", "{")])
def test_a_file_gets_the_format_of_its_ending(place: Path, tmp_path: Path, name: str, opens: str) -> None:
    done = score(place, "-o", tmp_path / name)
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(opens)


def test_a_folder_gets_the_whole_result(place: Path, tmp_path: Path) -> None:
    done = score(place, "-o", tmp_path / "scored")
    assert (done.code, done.out) == (0, "")
    assert str(tmp_path / "scored") in done.err
    audit = run.read(tmp_path / "scored")
    assert [row["path"] for row in audit.table("suspects")] == ["b.png"]
    assert "judge.npz" not in audit.files, "the new data is judged, not a judge"


def missing_run(place: Path) -> Ended:
    return call("score", place / "nowhere", place)


def nothing_new(place: Path) -> Ended:
    return call("score", place / "run")


def no_features(place: Path) -> Ended:
    return call("score", place / "run", "--labels", place / "new.csv", "--device", "cpu")


def unknown_ending(place: Path) -> Ended:
    return score(place, "-o", place / "out.xyz")


def no_folder(place: Path) -> Ended:
    return score(place, "-o", place / "no" / "out.csv")


def over_the_run(place: Path) -> Ended:
    return score(place, "-o", place / "run" / "suspects.csv")


def over_the_audit(place: Path) -> Ended:
    return score(place, "-o", place / "run")


def wrong_width(place: Path) -> Ended:
    np.save(place / "narrow.npy", np.zeros((4, 5), np.float32))
    return call(
        "score", place / "run", "--labels", place / "new.csv", "--features", place / "narrow.npy", "--device", "cpu"
    )


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (missing_run, "is not a RUN folder"),
        (nothing_new, "nothing to score"),
        (no_features, "--features"),
        (unknown_ending, "out.xyz: the ending says no format (known: .csv, .json)"),
        (no_folder, "does not exist"),
        (over_the_run, "lies inside the RUN"),
        (over_the_audit, "is the RUN"),
        (wrong_width, "have 5 columns, the audit's 6"),
    ],
)
def test_what_cannot_run_is_one_line_and_2(place: Path, attempt: Callable[[Path], Ended], message: str) -> None:
    done = attempt(place)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_many_findings_are_counted_and_names_cannot_steer(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = tuple(Finding(kind="unlabelled", path=f"{i}\x1b[31m.png", detail="it has no label") for i in range(25))
    audit = make_audit(findings=findings, samples=make_samples(classes=("cat", "dog", "owl\x1b")))
    audit = replace(audit, notes=())
    monkeypatch.setattr("labelaudit.scoring.score.score", lambda *_, **__: audit)
    done = call("score", "RUN", "new")
    assert "and 5 more findings; --format json lists all" in done.err
    assert "\x1b" not in done.err
    assert "1 not judged" in done.err
    assert len(json.loads(call("score", "RUN", "new", "--format", "json").out)["findings"]["list"]) == 25
    assert "more findings" not in call("score", "RUN", "new", "-v").err
