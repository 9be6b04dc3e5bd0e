"""Did cleaning help: the interval is honest, the arms are paired, and a test image is never trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from audits import make_audit
from cleaning import png
from pictures import Listed
from typer.testing import CliRunner

from labelaudit import verdicts
from labelaudit.audit import run as runs
from labelaudit.audit.document import Audit
from labelaudit.clean import Change, CorrectionPlan, Destination, apply_plan, write_plan
from labelaudit.cli import app
from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.estimate import plan_reviews
from labelaudit.estimate.estimate_file import estimate_record, save
from labelaudit.impact import measure
from labelaudit.impact.training import Training, judge_trainings
from labelaudit.impact.truth import Truth, reviewed_truth
from labelaudit.judge import probes
from labelaudit.judge.judge import CLOSED_FORMS, Judge
from labelaudit.judge.vectors import reduce_blocks
from labelaudit.types import Decision, Features, Samples
from labelaudit.verdicts import Reviewed, Verdict

CLASSES = ("ant", "bee", "cat")


N, WIDTH = 240, 12


RNG = np.random.default_rng(0)


TRUE = RNG.integers(0, 3, N)


GIVEN = np.where(RNG.random(N) < 0.35, (TRUE + 1) % 3, TRUE)
"""More than a third of the labels are wrong, always the same way: no model outvotes that."""


CENTERS = RNG.normal(0, 1, (3, WIDTH))


def describe(truth: npt.NDArray[Any], seed: int) -> npt.NDArray[np.float32]:
    return (CENTERS[truth] + np.random.default_rng(seed).normal(0, 1.2, (len(truth), WIDTH))).astype(np.float32)


X = describe(TRUE, 1)


FEATURES = Features(values=X, name="toy@8", version="00c0ffee")


def make_run(folder: Path, *, name: str = "toy@8") -> Audit:
    """A RUN of `N` samples with a judge, whose images are numbers."""
    samples = Samples(
        ids=tuple(f"{row}.png" for row in range(N)),
        labels=GIVEN,
        classes=CLASSES,
        digests=tuple(f"{row:032x}" for row in range(N)),
        images=Listed([str(row).encode() for row in range(N)]),
    )
    probs = probes.onehot(TRUE, 3) * 0.94 + 0.02
    decision = Decision(
        suspicion=1 - probs[np.arange(N), GIVEN].astype(np.float64),
        is_issue=GIVEN != TRUE,
        judged=np.ones(N, dtype=np.bool_),
        probs=probs,
        predicted=TRUE,
        threshold=0.5,
        noise_rate=0.35,
        noise_interval=(0.3, 0.4),
        noise_matrix=np.eye(3) * 80,
        reasons=("",) * N,
    )
    described = replace(FEATURES, name=name)
    rotations, blocks = probes.find_rotations(described), probes.principal_blocks(described)
    closed = {name: fit(reduce_blocks(described, rotations, blocks), GIVEN, 3) for name, fit in CLOSED_FORMS.items()}
    judge = Judge.fit(samples, decision, described, rotations=rotations, blocks=blocks, closed=closed)
    audit = make_audit(samples=samples, decision=decision, evidence={}, findings=(), judge=judge)
    runs.write(audit, folder)
    return audit


def say(audit: Audit, rows: Sequence[int]) -> list[Verdict]:
    """What a person who knows the truth says."""
    found = []
    for row in rows:
        digest, label = audit.identity(row)
        word = "given" if TRUE[row] == GIVEN[row] else "other"
        new = CLASSES[TRUE[row]]
        found.append(
            Verdict(path=audit.samples.ids[row], digest=digest, given_label=label, verdict=word, new_label=new)
        )
    return found


def relabel(audit: Audit, rows: Sequence[int], labels: npt.NDArray[Any]) -> CorrectionPlan:
    changes = tuple(
        Change(
            path=audit.samples.ids[row],
            digest=audit.samples.digests[row],
            given_label=CLASSES[GIVEN[row]],
            action="relabel",
            new_label=CLASSES[labels[row]],
        )
        for row in rows
        if labels[row] != GIVEN[row]
    )
    return CorrectionPlan(changes=changes, fingerprint=audit.fingerprint)


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """A RUN in ``tmp_path/run``; images are not embedded but looked up."""

    def embed(images: Any, digests: Sequence[str], **_: Any) -> tuple[Features, tuple[Any, ...]]:
        failures = []
        values = np.zeros((len(digests), WIDTH), dtype=np.float32)
        for row, digest in enumerate(digests):
            if int(digest, 16) < N:
                values[row] = X[int(digest, 16)]
            else:
                values[row] = describe(np.array([int(digest, 16) % 3]), int(digest, 16) % 2**32)[0]
            if images.encoded(row) == b"gone":
                failures.append((row, "missing", "gone"))
        return replace(FEATURES, values=values), tuple(failures)

    monkeypatch.setattr("labelaudit.features.embedding.embed", embed)
    audit = make_run(tmp_path / "run")
    monkeypatch.setattr("labelaudit.impact.measuring.open_originals", lambda *_: audit.samples.images)
    return audit


REVIEWED = range(0, N, 2)


def review(audit: Audit, run: Path, rows: Sequence[int] = REVIEWED) -> None:
    verdicts.append(verdicts.verdicts_file(run), *say(audit, rows))


def test_right_labels_help(audit: Audit, tmp_path: Path) -> None:
    run = tmp_path / "run"
    review(audit, run)
    write_plan(relabel(audit, range(N), TRUE), run / "plan.json")
    found = measure(run, seeds=4)
    assert found.answer == "helped"
    assert found.cleaned > found.given + 0.05
    assert 0 < found.interval[0] < found.difference < found.interval[1]
    assert (found.images, found.test, found.seeds, found.trained_on) == (120, "reviewed", 4, (N, N))
    assert found.changed == int((GIVEN != TRUE).sum())
    assert found.sentence.startswith("Cleaning helped: accuracy changes by +")
    assert found == measure(run, seeds=4)  # same seed, same bits
    assert json.loads(json.dumps(found.record()))["answer"] == "helped"


def test_wrong_labels_harm(audit: Audit, tmp_path: Path) -> None:
    run = tmp_path / "run"
    review(audit, run)
    write_plan(relabel(audit, range(0, N, 2), (GIVEN + 1) % 3), run / "plan.json")
    assert measure(run, seeds=3).answer == "harmed"


def test_a_change_that_changes_nothing_is_called_so(audit: Audit, tmp_path: Path) -> None:
    run = tmp_path / "run"
    review(audit, run)
    write_plan(relabel(audit, [1, 2, 3, 4, 5, 7], TRUE), run / "plan.json")
    found = measure(run, seeds=3)
    assert found.answer in ("cannot tell", "no difference")
    assert found.interval[0] <= 0 <= found.interval[1]


def test_dropping_and_weighting_count(audit: Audit, tmp_path: Path) -> None:
    run = tmp_path / "run"
    review(audit, run)
    plan = relabel(audit, range(N), TRUE)
    dropped = replace(plan, changes=tuple(replace(c, action="drop", new_label="") for c in plan.changes))
    write_plan(dropped, run / "plan.json")
    found = measure(run, seeds=3)
    assert found.trained_on == (N, N - len(plan.changes))
    assert found.answer == "helped"
    ignored = replace(plan, changes=tuple(replace(c, action="weight", new_label="", weight=0.0) for c in plan.changes))
    write_plan(ignored, tmp_path / "weights.json")
    assert measure(run, plan=tmp_path / "weights.json", seeds=3).cleaned == found.cleaned


def test_without_a_plan_the_verdicts_are_the_cleaning(audit: Audit, tmp_path: Path) -> None:
    review(audit, tmp_path / "run")
    found = measure(tmp_path / "run", seeds=2)
    assert found.changed == int((GIVEN != TRUE)[REVIEWED].sum())


def test_a_cleaned_dataset_stands_for_its_plan(audit: Audit, tmp_path: Path) -> None:
    run = tmp_path / "run"
    review(audit, run)
    plan = relabel(audit, range(N), TRUE)
    apply_plan(plan, audit, Destination(tmp_path / "out", form="csv"))
    write_plan(plan, run / "plan.json")
    assert measure(run, plan=tmp_path / "out", seeds=2) == measure(run, seeds=2)
    with pytest.raises(RunError, match="was not made by `labelaudit clean`"):
        measure(run, plan=tmp_path, seeds=2)


def test_a_planned_review_stands_for_the_dataset(audit: Audit, tmp_path: Path) -> None:
    plan = plan_reviews(audit, reviews=60)
    save(tmp_path, estimate_record(audit, plan))
    settled = dict(zip(plan.rows, say(audit, plan.rows), strict=True))
    truth = reviewed_truth(audit, Reviewed(settled=settled), tmp_path)
    assert truth.kind == "reviewed sample"
    assert truth.rows is not None
    assert truth.rows.tolist() == list(plan.rows)
    assert truth.weights.sum() == pytest.approx(N)
    np.testing.assert_array_equal(truth.labels, TRUE[truth.rows])
    assert truth.notes == ()


def test_supplied_labels(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, test = tmp_path / "run", tmp_path / "test"
    write_plan(relabel(audit, range(N), TRUE), run / "plan.json")
    for number in range(60):
        folder = test / (*CLASSES, "yak")[number % 4 if number < 8 else number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(png(number % 6) + bytes([number]))
    from labelaudit.data import ingest

    def number_of(data: bytes) -> str:
        place = data[-1]
        return f"{place if place == 4 else N * 3 + place + (place % 4 - place % 3 if place < 8 else 0):032x}"

    monkeypatch.setattr(ingest, "digest", number_of)
    found = measure(run, test=test, seeds=3)
    assert (found.test, found.answer) == ("supplied", "helped")
    assert found.images == 60 - 2 - 1
    assert found.notes == (
        "2 test images are of classes that the RUN does not have: left out.",
        "1 test image is in the training data too: left out.",
    )


def test_a_test_set_that_is_the_training_set_is_named(audit: Audit, tmp_path: Path) -> None:
    run, test = tmp_path / "run", tmp_path / "test"
    write_plan(relabel(audit, range(N), TRUE), run / "plan.json")
    (test / "yak").mkdir(parents=True)
    (test / "yak" / "1.png").write_bytes(png(1))
    with pytest.raises(DataError) as caught:
        measure(run, test=test, seeds=2)
    assert str(caught.value) == (
        "too few test images: 0 supplied, 20 is the least (1 test image is of classes that the RUN does not have: left "
        "out): give `test` images that the scan has not seen"
    )


def test_a_reviewed_image_is_judged_by_models_that_never_saw_it() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 40)).astype(np.float32)  # nothing to learn, so only memory could be right
    labels = rng.integers(0, 2, 60)
    digests = tuple(f"{row // 2}" for row in range(60))  # every image has a copy
    x, labels = x[np.arange(60) // 2 * 2], labels[np.arange(60) // 2 * 2]
    way = Training(shares=probes.onehot(labels, 2))
    truth = Truth(labels=labels, weights=np.ones(60), kind="reviewed", rows=np.arange(60))
    features = Features(values=x, name="x")
    first, second = judge_trainings(features, (way, way), truth, None, digests=digests, seeds=5)
    np.testing.assert_array_equal(first, second)  # the same labels, seeds and folds: the same models
    assert first.mean() < 0.7
    seen = Truth(labels=labels, weights=np.ones(60), kind="supplied")
    known, _ = judge_trainings(features, (way, way), seen, features, digests=digests, seeds=2)
    assert known.mean() > 0.9


def test_what_cannot_be_read_is_in_neither_training(audit: Audit, tmp_path: Path) -> None:
    run = tmp_path / "run"
    review(audit, run)
    write_plan(relabel(audit, range(N), TRUE), run / "plan.json")
    assert isinstance(audit.samples.images, Listed)
    audit.samples.images.files[7] = b"gone"
    found = measure(run, seeds=2)
    assert found.trained_on == (N - 1, N - 1)
    assert "Not readable now, so in neither training: 1 image of the scan." in found.notes


def test_features_that_were_brought_are_remembered(tmp_path: Path) -> None:
    audit = make_run(tmp_path / "run", name="given")
    review(audit, tmp_path / "run")
    write_plan(relabel(audit, range(N), TRUE), tmp_path / "run" / "plan.json")
    assert measure(tmp_path / "run", seeds=2).answer == "helped"
    with pytest.raises(OptionError, match="nothing to describe `test` by"):
        measure(tmp_path / "run", test=tmp_path / "never looked at")


def test_what_cannot_be_compared(audit: Audit, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(DataError, match="there is nothing to compare"):
        measure(run)
    review(audit, run, range(10))
    with pytest.raises(DataError, match="too few test images: 10 reviewed, 20 is the least"):
        measure(run)
    with pytest.raises(OptionError, match="give at least 2"):
        measure(run, seeds=1)


def test_the_command(audit: Audit, tmp_path: Path) -> None:
    run = tmp_path / "run"
    review(audit, run)
    write_plan(relabel(audit, range(N), TRUE), run / "plan.json")

    def invoke(*arguments: object) -> Any:
        return CliRunner().invoke(app, ["impact", *map(str, arguments)], catch_exceptions=False)

    shown = invoke(run, "--seeds", 2, "--device", "cpu", "--no-cache")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("Cleaning helped: accuracy changes by +")
    assert "120 reviewed test images; 2 trainings each." in shown.stdout
    assert "not a random sample" in shown.stdout
    parts = json.loads(invoke(run, "--seeds", 2, "--device", "cpu", "--no-cache", "--json").stdout)
    assert parts["answer"] == "helped"
    failed = invoke(tmp_path / "nothing")
    assert failed.exit_code == 2
    assert failed.stderr.count("\n") == 1
