"""The price of relabelling without looking: the exact distribution, what verdicts make of it, and what it is about."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from audits import CLASSES, IDS, SUSPICION, make_audit
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.audit.document import BEFORE_REVIEW
from labelaudit.estimate import price as pricing
from labelaudit.estimate.price import SURE, list_prices, price, rank_surest, weigh
from labelaudit.types import Evidence
from labelaudit.verdicts import Verdict


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_it_is_the_distribution_of_a_sum_of_unequal_coins(chances: list[float]) -> None:
    (found,) = price(np.array(chances), [len(chances)])
    share = np.zeros(len(chances) + 1)
    for wrong in product((0, 1), repeat=len(chances)):
        share[sum(wrong)] += np.prod([c if w else 1 - c for c, w in zip(chances, wrong, strict=True)])
    assert found.wrong == pytest.approx(sum(chances))
    assert share[: found.most + 1].sum() >= SURE - 1e-9
    assert found.most == 0 or share[: found.most].sum() < SURE + 1e-9


def test_a_long_list_costs_no_more_than_its_tail() -> None:
    found = price(np.full(5000, 0.02), [10, 5000])
    assert [entry.count for entry in found] == [10, 5000]
    assert found[1].wrong == pytest.approx(100)
    assert 110 <= found[1].most <= 115  # mean 100, standard deviation 9.9


def test_thousands_are_counted_by_moments_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    chances = np.random.default_rng(0).beta(0.3, 2.0, 7000)
    (by_moments,) = price(chances, [7000])
    monkeypatch.setattr(pricing, "_WIDE", np.inf)
    (one_by_one,) = price(chances, [7000])
    assert abs(by_moments.most - one_by_one.most) <= 1
    assert by_moments.wrong == one_by_one.wrong


def test_surest_first_and_without_what_is_judged() -> None:
    audit = make_audit()
    assert rank_surest(audit).tolist() == [1, 3]
    assert rank_surest(audit, [1]).tolist() == [3]
    assert [entry.count for entry in list_prices(audit)] == [2]
    assert list_prices(audit, [1, 3]) == []


@pytest.mark.parametrize("verdicts", [0, 15, 60])
def test_it_holds_as_often_as_it_says_where_models_are_too_sure(verdicts: int) -> None:
    generator = np.random.default_rng(verdicts)
    held, blind, distance = [], [], []
    for _ in range(60):
        believed = np.sort(generator.beta(0.5, 2.0, 40 + verdicts))
        odds = believed / (1 - believed) * np.exp(generator.normal(1.0, 1.5))
        wrong = generator.random(len(odds)) < odds / (1 + odds)
        judged = np.isin(np.arange(len(odds)), generator.choice(len(odds), verdicts, replace=False))
        (found,) = price(believed[~judged], [40], weigh(believed[judged], wrong[judged].tolist()))
        held.append(wrong[~judged].sum() <= found.most)
        blind.append(wrong[~judged].sum() <= price(believed[~judged], [40])[0].most)
        distance.append(wrong[~judged].sum() - found.wrong)
    assert 0.84 <= np.mean(held) <= 0.99
    assert np.mean(blind) < 0.6
    assert abs(np.mean(distance)) < 3 * np.std(distance) / np.sqrt(60)


def test_verdicts_on_suspects_move_the_price_by_what_they_say_about_the_suggestion() -> None:
    audit = make_audit()
    before = Evidence(method=BEFORE_REVIEW, suspicion=SUSPICION, probs=audit.decision.probs)
    audit = make_audit(evidence={**audit.evidence, BEFORE_REVIEW: before})

    def expect(row: int, verdict: str, new_label: str = "") -> float:
        told = Verdict(
            path=IDS[row],
            digest=audit.samples.digests[row],
            given_label=CLASSES[audit.samples.labels[row]],
            verdict=verdict,
            new_label=new_label,
        )
        (found,) = list_prices(audit, [row], {row: told})
        assert found.count == (1 if row == 1 else 2)
        return found.wrong

    (unknown,) = list_prices(audit, [1])
    right = expect(1, "suggested", "dog")
    assert right < unknown.wrong < expect(1, "given") == expect(1, "other", "owl") == expect(1, "none")
    assert expect(4, "given") == pytest.approx(2 * unknown.wrong)  # what nobody suspects has no suggestion


def test_a_run_without_probabilities_from_before_the_verdicts_has_the_price_of_no_verdicts() -> None:
    audit = make_audit()
    path, digest, given = audit.samples.claim(1)
    told = Verdict(path=path, digest=digest, given_label=given, verdict="given")
    for evidence in ({}, {BEFORE_REVIEW: Evidence(method=BEFORE_REVIEW, suspicion=SUSPICION)}):
        older = make_audit(evidence=evidence)
        assert list_prices(older, [1], {1: told}) == list_prices(older, [1])
