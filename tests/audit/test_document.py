"""The audit as a document: order, identity, tables, class pairs, summary."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from audits import IDS, LABELS, SUSPICION, make_audit, make_decision, make_samples
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.audit.chance import MEASURED
from labelaudit.audit.document import SCHEMA_VERSION
from labelaudit.errors import DataError, OptionError
from labelaudit.types import Evidence

FIXED = [
    "rank",
    "path",
    "given_label",
    "predicted_label",
    "is_label_issue",
    "tier",
    "label_score",
    "given_prob",
    "predicted_prob",
    "sln",
    "logistic",
    "reason",
]


def test_order_is_worst_first_and_ties_go_by_id() -> None:
    audit = make_audit()
    assert audit.order.tolist() == [1, 3, 5, 4, 2, 0]
    assert audit.suspects.tolist() == [1, 3]
    assert audit.rank.tolist() == [6, 1, 5, 2, 4, 3]


def test_order_of_ties_does_not_depend_on_the_order_of_the_rows() -> None:
    audit = make_audit(samples=make_samples(ids=tuple(reversed(IDS))))
    assert audit.samples.ids[audit.order[0]] == "cat/c.png"  # row 3, tied with row 1 = "dog/e.png"


@given(st.permutations(range(6)))
def test_fingerprint_ignores_order_and_names(rows: list[int]) -> None:
    samples = make_samples()
    moved = make_samples(
        labels=LABELS[rows], digests=tuple(samples.digests[i] for i in rows), ids=tuple(f"{i}" for i in range(6))
    )
    assert make_audit(samples=moved).fingerprint == make_audit().fingerprint


def test_fingerprint_sees_content_and_label_names() -> None:
    kept = make_audit().fingerprint
    assert len(kept) == 32
    assert make_audit(samples=make_samples(labels=np.array([1, 0, 0, 1, 1, 2]))).fingerprint != kept
    assert make_audit(samples=make_samples(classes=("cat", "dog", "kite"))).fingerprint != kept
    assert make_audit(samples=make_samples(digests=tuple("abcdef"))).fingerprint != kept


def test_identity_is_content_and_given_label() -> None:
    assert make_audit().identity(3) == (f"{3:032x}", "dog")


def test_table_has_the_columns_and_values_of_the_files() -> None:
    rows = make_audit().table()
    assert list(rows[0]) == FIXED
    assert rows[0] == {
        "rank": 1,
        "path": "cat/b.png",
        "given_label": "cat",
        "predicted_label": "dog",
        "is_label_issue": True,
        "tier": "sure",
        "label_score": pytest.approx(0.03),
        "given_prob": pytest.approx(0.05),
        "predicted_prob": pytest.approx(0.9),
        "sln": 0.97,
        "logistic": 0.485,
        "reason": "looks like dog",
    }
    assert all(type(value) in {int, str, bool, float} for row in rows for value in row.values())


def test_table_of_samples_has_every_row_worst_first() -> None:
    rows = make_audit().table("samples")
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["label_score"] for row in rows] == sorted(1 - SUSPICION)
    assert [row["is_label_issue"] for row in rows] == [True, True, False, False, False, False]


def test_split_and_extra_columns_are_carried_and_never_hide_ours() -> None:
    extra = {"path": tuple("uvwxyz"), "sln": tuple("abcdef"), "who": tuple("ABCDEF")}
    audit = make_audit(samples=make_samples(splits=("train",) * 6, extra=extra))
    row = audit.table()[0]
    assert list(row) == ["rank", "path", "split", *FIXED[2:], "extra_path", "extra_sln", "who"]
    assert (row["path"], row["extra_path"], row["extra_sln"], row["who"]) == ("cat/b.png", "v", "b", "B")


def test_a_method_cannot_hide_a_fixed_column() -> None:
    audit = make_audit(evidence={"reason": Evidence(method="reason", suspicion=SUSPICION)})
    assert list(audit.table()[0])[-2:] == ["method_reason", "reason"]


def test_frames_equal_records() -> None:
    audit = make_audit()
    records = audit.table("samples")
    frame = audit.table("samples", as_="pandas")
    assert isinstance(frame, pd.DataFrame)
    assert frame.to_dict("records") == records
    polars = audit.table("samples", as_="polars")
    assert isinstance(polars, pl.DataFrame)
    assert polars.to_dicts() == records


def test_table_without_suspects_is_empty_but_has_columns() -> None:
    audit = make_audit(decision=make_decision(is_issue=np.zeros(6, dtype=bool)))
    assert audit.table() == []
    assert list(audit.table(as_="pandas").columns) == FIXED


@pytest.mark.parametrize(
    ("which", "form", "hint"), [("suspect", "records", "suspects"), ("samples", "panda", "pandas")]
)
def test_unknown_table_names_the_nearest(which: str, form: str, hint: str) -> None:
    with pytest.raises(OptionError, match=f"did you mean '{hint}'"):
        make_audit().table(which, form)


def test_confused_pairs_come_from_the_noise_matrix_and_the_flags() -> None:
    assert make_audit().confused_pairs() == [
        {"given_label": "cat", "true_label": "dog", "expected": 1.0, "flagged": 1},
        {"given_label": "dog", "true_label": "cat", "expected": 0.75, "flagged": 1},
    ]
    assert len(make_audit().confused_pairs(1)) == 1


def test_class_table_says_what_cannot_be_judged() -> None:
    cat, dog, owl = make_audit().class_table()
    assert cat == {
        "label": "cat",
        "samples": 3,
        "judged": True,
        "flagged": 1,
        "noise_rate": pytest.approx(1 / 3),
        "expected_missing": 0.75,
    }
    assert dog["noise_rate"] == pytest.approx(0.375)
    assert (owl["judged"], owl["noise_rate"], owl["expected_missing"]) == (False, None, None)


def test_summary_is_json_and_complete() -> None:
    summary = json.loads(json.dumps(make_audit().summary()))
    assert summary["schema_version"] == SCHEMA_VERSION
    assert summary["dataset"]["classes"] == {"cat": 3, "dog": 2, "owl": 1}
    assert summary["dataset"]["judged"] == 5
    assert summary["noise"] == {"rate": 0.4, "interval": [0.2, 0.6], "confidence": 0.9}
    assert summary["suspects"] == {"count": 2, "sure": 2, "doubtful": 0, "label_score_at_most": 0.5}
    assert summary["findings"]["counts"] == {"conflict": 1, "truncated": 1}
    assert summary["findings"]["list"][1]["partner"] == "dog/d.png"
    assert summary["stages"][0] == {"name": "ingest", "seconds": 0.5, "peak_bytes": 100 * 2**20}
    assert summary["methods"] == ["sln", "logistic"]
    assert {"recipe", "notes", "settings", "seed", "device", "versions", "confused_pairs"} <= set(summary)


def test_parts_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(DataError, match="evidence 'sln' has 2 rows for 6 samples"):
        make_audit(evidence={"sln": Evidence(method="sln", suspicion=np.zeros(2))})
    with pytest.raises(DataError, match="noise matrix"):
        make_audit(decision=make_decision(noise_matrix=np.eye(2)))


def test_repr_is_one_short_line() -> None:
    assert repr(make_audit()) == "<Audit of 6 samples in 3 classes: 2 suspects, 20.0% to 60.0% of the labels wrong>"
    by_verdicts = make_decision(recipe={"scale": MEASURED})
    assert repr(make_audit(decision=by_verdicts)).endswith(": 2 suspects, 40.0% (20.0% to 60.0%) of the labels wrong>")
