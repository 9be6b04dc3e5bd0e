"""Agreement of reviewers against the formulas written out, and what counts as independent."""

from __future__ import annotations

import pytest
from sklearn.metrics import cohen_kappa_score

from labelaudit.verdicts import Verdict
from labelaudit.verdicts.agreement import cohen_kappa, first_answers, fleiss_kappa


def said(image: int, kind: str, label: str, reviewer: str) -> Verdict:
    about = {"path": f"{image}.png", "digest": f"{image:032x}", "given_label": "cat"}
    return Verdict(**about, verdict=kind, new_label=label, reviewer=reviewer)


def test_cohen_is_what_scikit_learn_computes() -> None:
    ann = ["cat", "cat", "dog", "owl", "dog", "cat", "", "owl"]
    bob = ["cat", "dog", "dog", "owl", "dog", "owl", "", "cat"]
    found = cohen_kappa(list(zip(ann, bob, strict=True)))
    assert found == pytest.approx(cohen_kappa_score(ann, bob))
    assert cohen_kappa([]) is None
    assert cohen_kappa([("cat", "cat")]) is None, "no chance to disagree, no agreement beyond it"


def test_fleiss_is_the_example_of_the_paper() -> None:
    # Fleiss 1971 as tabulated everywhere: 10 subjects, 14 raters, 5 categories, kappa .210
    table = [
        *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
        *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
    ]
    answers = {}
    for subject, counts in enumerate(table):
        told = [str(category) for category, count in enumerate(counts) for _ in range(count)]
        answers[str(subject), "x"] = {str(rater): answer for rater, answer in enumerate(told)}
    found = fleiss_kappa(answers)
    assert found == pytest.approx(0.210, abs=5e-4)
    assert fleiss_kappa({}) is None


def test_what_was_said_in_a_dispute_is_no_second_opinion() -> None:
    log = [
        *(said(0, "given", "cat", "ann"), said(0, "other", "dog", "bob")),
        said(0, "given", "cat", "bob"),  # persuaded later
        *(said(1, "none", "", "ann"), said(1, "undo", "", "ann"), said(1, "given", "cat", "ann")),
        said(2, "skip", "", "ann"),
    ]
    assert list(first_answers(log).values()) == [{"ann": "cat", "bob": "dog"}, {"ann": "cat"}]
