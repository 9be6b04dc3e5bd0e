"""What the methods say of each sample, wherever it is shown, and a ranking by any one column of it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from labelaudit import Audit, OptionError, read_audit, scan
from labelaudit.machine import Machine
from labelaudit.methods import get_method, method_names
from labelaudit.scanning.ranking import weigh
from labelaudit.scoring.update import NeedsScan, try_update
from labelaudit.verdicts import Verdict, append, verdicts_file

SHOWN = (
    *("crust_medoid", "crust_cluster_size", "crust_selected"),
    *("limit_distance", "sln_loss", "sln_bin", "sln_agrees"),
)
QUICK = {method: {"epochs": 6} for method in ("crust", "limit", "sln")}


def write_blobs(folder: Path, n: int = 160) -> tuple[Path, Any, Any]:
    """A table of labels, features, and which labels are wrong."""
    rng = np.random.default_rng(0)
    truth = np.arange(n) % 4
    x = (rng.normal(0, 3, (4, 12))[truth] + rng.normal(size=(n, 12))).astype(np.float32)
    given = truth.copy()
    rows = rng.choice(n, n // 8, replace=False)
    given[rows] = (given[rows] + rng.integers(1, 4, len(rows))) % 4
    lines = "".join(f"s{row},{'abcd'[label]}\n" for row, label in enumerate(given))
    (folder / "labels.csv").write_text("path,label\n" + lines, encoding="utf-8")
    return folder / "labels.csv", x, given != truth


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any, Audit]:
    """Labels, features, which are wrong, and the audit of them in a RUN."""
    folder = tmp_path_factory.mktemp("ranking")
    labels, x, wrong = write_blobs(folder)
    audit = scan(labels=labels, features=x, options=QUICK, output=folder / "RUN", html=False)
    return labels, x, wrong, audit


def test_every_row_carries_what_the_three_papers_say_of_it(made: tuple[Path, Any, Any, Audit]) -> None:
    _, _, wrong, audit = made
    folder = audit.files["samples.csv"].parent
    with (folder / "samples.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["path"][1:].rpartition("#")[2] or 0))
    assert {*SHOWN} <= {*rows[0]}
    assert {row["crust_medoid"] for row in rows} == {"True", "False"}
    assert {row["sln_agrees"] for row in rows} == {"True", "False"}
    assert {int(row["sln_bin"]) for row in rows} == {*range(1, 21)}
    again = read_audit(folder)
    for name in SHOWN:
        values = np.asarray(audit.shown_values(name), dtype=float)
        assert np.array_equal(np.asarray(again.shown_values(name), dtype=float), values)
        worse = values if audit.shown[name]["worse"] == "high" else -values
        assert roc_auc_score(wrong, worse) > (0.5 if name.startswith("crust_") else 0.8), name
        assert audit.shown[name]["says"][0].isupper()
    assert 0 <= audit.shown_values("limit_distance").min() <= audit.shown_values("limit_distance").max() <= 2**0.5
    assert 0 <= audit.shown_values("crust_selected").min() <= audit.shown_values("crust_selected").max() <= 1
    parts = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    assert [*parts["shown"]] == list(SHOWN)
    assert parts["shown"]["sln_agrees"] == audit.shown_values("sln_agrees").tolist()
    says = {name for entry in parts["evidence"] for name in entry["tables"].get("shown", {})}
    assert says == {*SHOWN}


def test_medoids_stand_for_their_class_and_the_dissection_has_the_bins(made: tuple[Path, Any, Any, Audit]) -> None:
    _, _, _, audit = made
    medoid, size = audit.shown_values("crust_medoid"), audit.shown_values("crust_cluster_size")
    for label in range(4):
        own = audit.samples.labels == label
        assert size[own & medoid].sum() == own.sum()
    dissection = audit.evidence["sln"].tables["dissection"]
    bins, agrees = audit.shown_values("sln_bin"), audit.shown_values("sln_agrees")
    assert [row["samples"] for row in dissection] == np.bincount(bins)[1:].tolist()
    assert [row["agreement"] for row in dissection] == [float(agrees[bins == b].mean()) for b in range(1, 21)]
    assert dissection[0]["agreement"] > dissection[-1]["agreement"]


def test_methods_declare_what_they_show() -> None:
    """A ranking is checked before anything is trained."""
    assert {name: get_method(name).shows for name in method_names() if get_method(name).shows} == {
        "crust": SHOWN[:3],
        "limit": SHOWN[3:4],
        "sln": SHOWN[4:],
    }


@pytest.mark.parametrize("column", ["limit_distance", "crust_selected", "sln"])
def test_a_column_can_rank_and_flag(column: str, made: tuple[Path, Any, Any, Audit], tmp_path: Path) -> None:
    labels, x, wrong, plain = made
    audit = scan(labels=labels, features=x, options=QUICK, rank_by=column, output=tmp_path / "RUN", html=False)
    evidence = audit.evidence
    values = np.asarray(evidence[column].suspicion if column in evidence else audit.shown_values(column), dtype=float)
    values = -values if audit.shown.get(column, {}).get("worse") == "low" else values
    assert (np.diff(values[audit.order]) <= 0).all()
    count = round(plain.decision.noise_rate * len(x))
    assert audit.decision.is_issue.sum() == count
    assert audit.suspects.tolist() == audit.order[:count].tolist()
    assert (audit.decision.predicted[audit.suspects] != audit.samples.labels[audit.suspects]).all()
    assert all(audit.decision.reasons[row] for row in audit.suspects)
    assert audit.decision.noise_rate == plain.decision.noise_rate
    assert np.array_equal(audit.decision.probs, plain.decision.probs)
    assert wrong[audit.suspects].mean() > 0.4
    assert any(f"Ranked by {column} instead" in note for note in audit.notes)
    assert read_audit(tmp_path / "RUN").suspects.tolist() == audit.suspects.tolist()
    looked_at = replace(audit, settings={**audit.settings, "features": False})
    with pytest.raises(NeedsScan, match=f"ranked by {column}"):
        try_update(looked_at, audit.samples, Machine(device="cpu"))


def test_what_people_said_outlives_a_ranking(made: tuple[Path, Any, Any, Audit], tmp_path: Path) -> None:
    labels, x, _, plain = made
    row = int(plain.order[-1])
    name, label = plain.samples.ids[row], plain.samples.classes[int(plain.samples.labels[row])]
    run = tmp_path / "RUN"
    run.mkdir()
    verdict = Verdict(path=name, digest=plain.samples.digests[row], given_label=label, verdict="none", new_label="")
    append(verdicts_file(run), verdict)
    audit = scan(labels=labels, features=x, options=QUICK, rank_by="sln_loss", verdicts=verdicts_file(run), html=False)
    assert audit.decision.is_issue[row]
    assert audit.decision.suspicion[row] == 1


@pytest.mark.parametrize(("column", "said"), [("limit_distanc", "did you mean 'limit_distance'"), ("gce", "column")])
def test_an_unknown_column_is_refused_before_anything_is_read(column: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        scan("nowhere", rank_by=column)


def test_which_models_moved_the_ranking_is_said(made: tuple[Path, Any, Any, Audit]) -> None:
    audit = made[3]
    (sentence,) = [note for note in audit.notes if note.startswith("The ranking rests on")]
    assert sentence == weigh(audit.decision.recipe["pool_weights"])
    assert weigh({}) == "The ranking rests on no model: none predicts the given labels."
