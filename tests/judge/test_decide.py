"""From a noise model to a decision: flags, suggestions, copies, rates, reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_noise_model import planted

from labelaudit.judge import noise_model
from labelaudit.judge.belief import Belief, believe
from labelaudit.judge.decide import HIGHEST, SURE, decide, flag, noise_rate
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.reading import Reading
from labelaudit.types import TIERS

CLASSES = ("ant", "bee", "cat", "dog")


def test_flags_find_planted_flips_and_leave_clean_data_alone() -> None:
    probs, given, truth = planted(0, 0.1, skill=4.0)
    decision = decide(believe(fit_noise_model({"m": probs}, given), given), CLASSES)
    wrong = given != truth
    hit = (decision.is_issue & wrong).sum()
    assert 2 * hit / (decision.is_issue.sum() + wrong.sum()) > 0.9
    assert (decision.predicted[decision.is_issue & wrong] == truth[decision.is_issue & wrong]).mean() > 0.95
    low, high = decision.noise_interval
    assert low <= wrong.mean() <= high
    clean = decide(believe(fit_noise_model({"m": probs}, truth), truth), CLASSES)
    assert clean.is_issue.mean() < 0.01


def test_a_suggestion_is_never_the_given_label() -> None:
    probs, given, _ = planted(1, 0.3, skill=1.5)
    decision = decide(believe(fit_noise_model({"m": probs}, given), given), CLASSES)
    assert decision.is_issue.any()
    assert (decision.predicted != given)[decision.is_issue].all()
    assert [bool(reason) for reason in decision.reasons] == decision.is_issue.tolist()


def test_copies_under_two_labels_are_judged_together() -> None:
    probs, given, _ = planted(2, 0.05, skill=4.0)
    probs[0] = probs[1] = (0.85, 0.05, 0.05, 0.05)
    given[:2] = (0, 1)
    digests = ["same", "same", *(str(i) for i in range(len(given) - 2))]
    decision = decide(believe(fit_noise_model({"m": probs}, given), given, digests=digests), CLASSES)
    assert np.allclose(decision.probs[0], decision.probs[1])
    assert decision.suspicion[1] > decision.threshold > decision.suspicion[0]
    assert "the same image also carries another label" in decision.reasons[1]
    assert decision.predicted[1] == 0


def test_those_are_flagged_whose_f1_is_expected_to_be_greatest() -> None:
    probs, given, truth = planted(0, 0.2)
    noisy = decide(believe(fit_noise_model({"m": probs}, given), given), CLASSES)
    right = believe(fit_noise_model({"m": probs}, truth), truth)
    clean = decide(right, CLASSES)
    worst, whole = sorted(noisy.suspicion.tolist(), reverse=True), noisy.suspicion.sum()
    expected = [2 * sum(worst[:count]) / (count + whole) for count in range(1, len(worst) + 1)]
    count = int(np.argmax(expected)) + 1
    assert noisy.is_issue.sum() == count
    assert noisy.threshold == worst[count - 1]
    assert 0.5 * max(expected) == pytest.approx(noisy.threshold, abs=0.01), "which is half of that F1"
    assert max(noisy.threshold, clean.threshold) <= HIGHEST
    asked = decide(right, CLASSES, threshold=0.1)
    assert asked.threshold == 0.1
    assert asked.is_issue.sum() > clean.is_issue.sum()


def test_too_few_images_are_not_judged() -> None:
    probs, given, _ = planted(3, 0.1)
    given[given == 3] = 0
    given[:4] = 3
    decision = decide(believe(fit_noise_model({"m": probs}, given), given), CLASSES)
    assert not decision.judged[:4].any()
    assert not decision.is_issue[:4].any()
    assert decision.judged[4:].all()
    assert set(decision.reasons[:4]) == {"not judged: 4 of 5 images that this class needs"}
    groups = np.maximum(np.arange(len(given)) - 1, 0)
    decision = decide(believe(fit_noise_model({"m": probs}, given), given, groups=groups), CLASSES)
    assert set(decision.reasons[:4]) == {"not judged: 3 of 5 groups of images that this class needs"}


def test_images_with_nothing_to_see_are_not_judged_unless_a_person_was() -> None:
    probs, given, _ = planted(3, 0.1)
    blank, known = np.arange(len(given)) < 4, np.full(len(given), -1)
    probs[:4], given[:4], known[3] = np.eye(4)[0], 3, 0
    fitted = fit_noise_model({"m": probs}, given, known=known)
    decision = decide(believe(fitted, given, known=known), CLASSES, blank=blank)
    assert decision.judged.tolist() == [False] * 3 + [True] * (len(given) - 3)
    assert decision.is_issue[:4].tolist() == [False] * 3 + [True]
    assert decision.suspicion[:3] == pytest.approx(decision.noise_rate)
    assert set(decision.reasons[:3]) == {"not judged: all of its pixels are alike"}


def test_noise_matrix_counts_the_judged_samples() -> None:
    probs, given, truth = planted(4, 0.2)
    decision = decide(believe(fit_noise_model({"m": probs}, given), given), CLASSES)
    assert decision.noise_matrix.sum() == pytest.approx(len(given), rel=1e-4)
    actual = np.zeros((4, 4))
    np.add.at(actual, (given, truth), 1)
    off = ~np.eye(4, dtype=bool)
    top = np.argsort(-np.where(off, decision.noise_matrix, 0), axis=None)[:4]
    assert set(top.tolist()) == set(np.argsort(-np.where(off, actual, 0), axis=None)[:4].tolist())


def test_noise_rate_of_nothing_is_unknown() -> None:
    assert noise_rate(np.zeros(0)) == (0.0, (0.0, 1.0))


def test_noise_rate_is_the_mean_and_its_interval_holds_every_doubt() -> None:
    human = np.concatenate([np.full(100, 0.95), np.full(200, 0.3), np.full(700, 0.01)])
    rate, (low, high) = noise_rate(human)
    assert rate == pytest.approx(human.mean())
    assert low < rate < 0.3 < high
    for value in (0.001, 0.05, 0.12, 0.5, 1.0):
        rate, (low, high) = noise_rate(np.full(1000, value))
        assert low <= value <= high
    assert noise_rate(np.full(1000, 0.01))[1][0] == 0, "a small reading may be doubt altogether"


def read_planted() -> tuple[Belief, Reading]:
    """The belief in labels of which 20 % are wrong, and a reading of the rate."""
    probs, given, _ = planted(0, 0.2)
    reading = Reading(rate=0.2, low=0.1, high=0.3, by_model=0.2, by_curve=0.2)
    return believe(fit_noise_model({"m": probs}, given), given), reading


def test_tiers_part_the_suspects() -> None:
    belief, reading = read_planted()
    decision = decide(belief, CLASSES, reading=reading)
    assert (decision.is_sure == (decision.suspicion >= SURE)).all()
    assert decision.sure_threshold == SURE < decision.suspicion[decision.is_sure].max()
    assert decision.is_sure.any()
    assert (decision.is_issue | ~decision.is_sure).all()
    assert decision.suspicion[decision.is_sure].min() >= decision.suspicion[~decision.is_sure].max()
    tiers = np.array(TIERS)[decision.tiers]
    assert ((tiers == "sure") == decision.is_sure).all()
    assert ((tiers == "doubtful") == (decision.is_issue & ~decision.is_sure)).all()
    assert ((tiers == "") == ~decision.is_issue).all()
    strict = decide(belief, CLASSES, reading=reading, sure=1.1)
    assert not strict.is_sure.any()
    assert strict.is_issue.any()


def test_no_more_are_sure_than_the_reading_bears_out() -> None:
    belief, reading = read_planted()
    free = decide(belief, CLASSES, reading=reading)
    for share, count in ((5 / len(belief.labels), 5), (0.0, 0)):
        bound = decide(belief, CLASSES, reading=replace(reading, sure=share))
        assert bound.is_sure.sum() == count
        assert set(np.flatnonzero(bound.is_sure)) == set(np.argsort(-free.suspicion)[:count])
        assert (bound.is_issue == free.is_issue).all(), "the others are doubtful"
    known = belief.known.copy()
    first = np.argsort(-free.suspicion)[:3]
    known[first] = noise_model.NO_CLASS
    told = believe(belief.noise, belief.labels, known=known)
    judged = decide(told, CLASSES, reading=replace(reading, sure=0.0))
    assert judged.is_sure.sum() == 3, "what people found wrong takes no one's place"
    none = replace(reading, sure=0.0)
    settled = decide(belief, CLASSES, reading=none, threshold=free.threshold)
    assert (settled.is_sure == free.is_sure).all(), "verdicts have set the scale"
    assert settled.noise_interval == (reading.low, reading.high)


def test_what_people_verified_is_final() -> None:
    probs, given, truth = planted(4, 0.1)
    known = np.full(len(given), noise_model.UNKNOWN)
    right, wrong = np.flatnonzero(given == truth), np.flatnonzero(given != truth)
    known[right[:20]], known[wrong[:20]], known[right[20]] = truth[right[:20]], truth[wrong[:20]], noise_model.NO_CLASS
    fitted = fit_noise_model({"m": np.roll(probs, 1, axis=1)}, given, known=known)  # a model that is always wrong
    decision = decide(believe(fitted, given, known=known), CLASSES)
    assert not decision.is_issue[right[:20]].any()
    assert decision.is_issue[wrong[:20]].all()
    assert (decision.predicted[wrong[:20]] == truth[wrong[:20]]).all()
    assert decision.reasons[wrong[0]] == f"reviewed: {CLASSES[truth[wrong[0]]]} is right"
    assert decision.suspicion[right[20]] == 1.0
    assert decision.reasons[right[20]] == "reviewed: no class is right"
    assert np.allclose(decision.probs.sum(axis=1), 1.0, atol=1e-5)


def test_a_verdict_counts_in_a_class_too_small_to_judge() -> None:
    probs, given, _ = planted(3, 0.1)
    given[given == 3] = 0
    given[:4] = 3
    known = np.full(len(given), noise_model.UNKNOWN)
    known[0] = 1
    fitted = fit_noise_model({"m": probs}, given, known=known)
    decision = decide(believe(fitted, given, known=known), CLASSES)
    assert decision.is_issue[:4].tolist() == [True, False, False, False]
    assert decision.judged[:4].tolist() == [True, False, False, False]


def test_what_is_nearly_certain_keeps_its_order() -> None:
    probs, given, _ = planted(0, 0.1, skill=4.0)
    noise = fit_noise_model({"m": probs}, given)
    doubt = np.geomspace(1e-12, 1e-9, len(given))
    posterior = np.repeat(doubt[:, None] / 3, 4, axis=1)
    posterior[np.arange(len(given)), given] = 1 - doubt
    sure = replace(noise, posterior=posterior.astype(np.float32))
    decision = decide(believe(sure, given), CLASSES)
    assert np.array_equal(decision.suspicion.argsort(kind="stable"), np.arange(len(given)))


def test_a_label_found_wrong_is_wrong_though_no_other_class_is_left() -> None:
    probs, given, _ = planted(5, 0.1, classes=2)
    noise = fit_noise_model({"m": probs}, given)
    noise.posterior[0] = np.eye(2)[given[0]]
    known = np.full(len(given), noise_model.UNKNOWN)
    known[0] = noise_model.NO_CLASS
    decision = decide(believe(noise, given, known=known), CLASSES[:2])
    assert decision.suspicion[0] == 1
    assert decision.is_issue[0]


def test_flags_are_those_of_all_thresholds_however_few_are_looked_at() -> None:
    rng = np.random.default_rng(0)
    for shape in (0.05, 0.3, 1.0):
        probability = rng.beta(shape, 1.0, 400) * rng.uniform(0.1, 1)
        ordered = np.sort(probability)[::-1]
        best = ordered[(np.cumsum(ordered) / (np.arange(1, 401) + ordered.sum())).argmax()]
        assert flag(probability)[1] == best
