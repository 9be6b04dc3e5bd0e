"""The scale from a few verdicts: intervals that hold, flags that fit, answers that are final."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from labelaudit.judge.verdict_fit import choose, fit


def ranking(
    n: int, rate: float, seed: int, *, scale: float = 1.0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Log-odds that are ``scale`` times as sure as they should be, and (n,) 1 where the label is wrong."""
    rng = np.random.default_rng(seed)
    true = rng.normal(np.log(rate / (1 - rate)) - 1.5, 2.5, n)
    wrong = (rng.random(n) < 1 / (1 + np.exp(-true))).astype(np.int64)
    return scale * true, wrong


def answered(
    score: npt.NDArray[np.float64], wrong: npt.NDArray[np.int64], count: int, seed: int
) -> npt.NDArray[np.int64]:
    decided = np.full(len(wrong), -1)
    rows = choose([score], count, seed=seed)
    decided[rows] = wrong[rows]
    return decided


@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_intervals_hold_the_truth(rate: float) -> None:
    held = []
    for seed in range(20):
        score, wrong = ranking(1500, rate, seed, scale=0.8 if seed % 2 else 1.25)
        found = fit([score], answered(score, wrong, 20, seed))
        assert found is not None
        held.append(found.rate.low <= wrong.mean() <= found.rate.high)
    assert np.mean(held) >= 0.8


def test_flags_come_near_the_best_of_the_ranking() -> None:
    score, wrong = ranking(3000, 0.1, 0)
    found = fit([score, score], answered(score, wrong, 40, 0))
    assert found is not None
    order = np.argsort(-score)
    best = (2 * np.cumsum(wrong[order]) / (np.arange(1, 3001) + wrong.sum())).max()
    assert 2 * (found.flagged & (wrong == 1)).sum() / (found.flagged.sum() + wrong.sum()) > 0.85 * best


def test_decided_samples_are_certain_and_flagged_only_where_wrong() -> None:
    score, wrong = ranking(500, 0.2, 1)
    decided = answered(score, wrong, 20, 1)
    found = fit([score], decided)
    assert found is not None
    rows = decided >= 0
    assert np.array_equal(found.probability[rows], decided[rows])
    assert np.array_equal(found.flagged[rows], decided[rows] == 1)
    assert found.verdicts == 20


def test_where_people_found_every_label_right_none_is_flagged() -> None:
    score, _ = ranking(30, 0.2, 1)
    found = fit([score], np.zeros(30, dtype=np.int64))
    assert found is not None
    assert not found.flagged.any()
    assert found.threshold == 1


def test_few_verdicts_fit_nothing() -> None:
    score, wrong = ranking(100, 0.2, 1)
    assert fit([score], answered(score, wrong, 9, 0)) is None


def test_a_view_that_ranks_better_gets_more_say() -> None:
    score, wrong = ranking(2000, 0.15, 2)
    noise = np.random.default_rng(0).normal(0, 3, 2000)
    found = fit([score, noise], answered(score, wrong, 200, 2))
    assert found is not None
    assert found.slopes[0] > 2 * found.slopes[1]


@pytest.mark.parametrize(("n", "count"), [(1000, 20), (25, 20), (7, 20), (0, 20)])
def test_asked_rows_are_distinct_undecided_and_all_over_the_ranking(n: int, count: int) -> None:
    score = np.random.default_rng(0).normal(size=n)
    decided = np.zeros(n, dtype=bool)
    decided[: n // 5] = True
    rows = choose([score], count, seed=3, passed=decided)
    assert len(set(rows.tolist())) == len(rows) == min(count, n - n // 5)
    assert not decided[rows].any()
    assert np.array_equal(rows, choose([score], count, seed=3, passed=decided))
    if n == 1000:
        rank = np.argsort(np.argsort(-score[~decided]))
        places = np.sort(rank[np.searchsorted(np.flatnonzero(~decided), rows)])
        assert places[0] < 5
        assert places[-1] > 400


def test_verdicts_on_the_worst_leave_the_rest_to_be_asked_about() -> None:
    score = -np.arange(1000.0)
    worst = np.arange(1000) < 20
    rest = choose([score], 20, passed=worst, decided=worst)
    assert 5 < len(rest) < 20
    assert rest.min() > 20
    both = worst.copy()
    both[rest] = True
    assert len(choose([score], 20, passed=both, decided=both)) == 0


def test_verdicts_all_over_the_ranking_need_no_more_though_ranks_move() -> None:
    rng = np.random.default_rng(0)
    score = np.linspace(5, -5, 1000)
    done = np.zeros(1000, dtype=bool)
    done[choose([score], 20)] = True
    assert len(choose([score], 20, passed=done, decided=done)) == 0
    assert len(choose([score + rng.normal(0, 0.01, 1000)], 20, passed=done, decided=done)) <= 2
    more = choose([score], 40, passed=done, decided=done)
    assert len(more) == 20
    assert not done[more].any()
