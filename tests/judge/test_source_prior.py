"""A source whose labels are wrong more often is a prior, where the labels themselves ask for it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from labelaudit.judge.source_prior import weigh_sources
from labelaudit.types import Floats

N = 500
PEOPLE = tuple("abcde"[row % 5] for row in range(N))
GROUPS = tuple(f"{row:03}" for row in range(N))
LABELS = np.zeros(N, dtype=np.int64)


def doubtful(*, eve: float, others: float, seed: int = 0) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Posteriors of noisy models, and which labels are wrong."""
    draw = np.random.default_rng(seed)
    wrong = draw.random(N) < np.where(np.arange(N) % 5 == 4, eve, others)
    odds = np.where(wrong, -1.0, -3.0) + draw.normal(size=N)
    suspicion = 1 / (1 + np.exp(-odds))
    return np.stack([1 - suspicion, suspicion * 0.75, suspicion * 0.25], axis=1), wrong


def test_a_bad_source_raises_the_suspicion_of_its_labels_and_lowers_that_of_others() -> None:
    posterior, wrong = doubtful(eve=0.4, others=0.01)
    weighed, prior = weigh_sources(
        posterior, LABELS, {"half": tuple("xy"[row // 7 % 2] for row in range(N)), "annotator": PEOPLE}, groups=GROUPS
    )
    assert prior is not None
    assert prior.attribute == "annotator"
    assert max(prior.factors, key=lambda one: prior.factors[one]) == "e"
    assert "depends on annotator: where it is 'e' the odds are" in prior.note()
    np.testing.assert_allclose(weighed.sum(axis=1), 1)
    np.testing.assert_allclose(weighed[:, 1] / weighed[:, 2], 3)
    before, after = 1 - posterior[:, 0], 1 - weighed[:, 0]
    assert average_precision_score(wrong, after) > average_precision_score(wrong, before) + 0.1


@pytest.mark.parametrize("seed", range(5))
def test_sources_that_are_alike_change_nothing(seed: int) -> None:
    posterior, _ = doubtful(eve=0.1, others=0.1, seed=seed)
    weighed, prior = weigh_sources(posterior, LABELS, {"annotator": PEOPLE}, groups=GROUPS)
    assert prior is None
    assert weighed is posterior
    assert weigh_sources(posterior, LABELS, {}, groups=GROUPS) == (posterior, None)


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_a_hard_class_are_not_those_of_a_bad_source(seed: int) -> None:
    draw = np.random.default_rng(seed)
    hard, wrong = np.arange(N) % 5 == 4, draw.random(N) < 0.05
    suspicion = 1 / (1 + np.exp(-np.where(wrong, 1.0, np.where(hard, -0.5, -3.0)) - draw.normal(size=N)))
    labels, posterior = np.where(hard ^ wrong, 1, 0), np.empty((N, 2))
    posterior[np.arange(N), labels], posterior[np.arange(N), 1 - labels] = 1 - suspicion, suspicion
    names = tuple("hard" if one else "easy" for one in hard.tolist())
    weighed, _ = weigh_sources(posterior, labels, {"beginning of the file name": names}, groups=GROUPS)
    before, after = (average_precision_score(wrong, 1 - one[np.arange(N), labels]) for one in (posterior, weighed))
    assert after > before - 0.02


def test_copies_of_one_sample_are_one_opinion_of_its_source() -> None:
    posterior, _ = doubtful(eve=0.1, others=0.1)
    worst = int(np.flatnonzero(np.array(PEOPLE) == "e")[posterior[4::5, 0].argmin()])
    rows = np.concatenate([np.arange(N), np.full(100, worst)])
    people, groups = ([column[row] for row in rows.tolist()] for column in (PEOPLE, GROUPS))
    each_for_itself = [str(number) for number in range(len(rows))]
    assert weigh_sources(posterior[rows], 0 * rows, {"annotator": people}, groups=each_for_itself)[1] is not None
    assert weigh_sources(posterior[rows], 0 * rows, {"annotator": people}, groups=groups)[1] is None
