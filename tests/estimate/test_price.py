"""The price of relabelling without looking: the exact distribution, and what it is about."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from audits import make_audit
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.estimate import price as pricing
from labelaudit.estimate.price import SURE, list_prices, price, rank_surest


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
