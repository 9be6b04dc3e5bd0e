"""Images of no class: found where labels say nothing about a group of its own, and only there."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from labelaudit.features.neighbors import nearest
from labelaudit.judge import noise_model, probes
from labelaudit.judge.belief import believe
from labelaudit.judge.consensus import agree
from labelaudit.judge.decide import decide
from labelaudit.judge.noise_fit import fit_noise_model
from labelaudit.judge.open_set import OpenSet, beats_even_errors, find_open_set, weigh
from labelaudit.training.folds import stratified_folds

CLASSES = ("ant", "bee", "cat", "dog")


def scene(guests: int, *, spread: float = 1.0, noise: float = 0.05, seed: int = 0) -> dict[str, Any]:
    """1,200 samples of four Gaussian classes in 12 dimensions, and guests around a fifth centre under random labels."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.integers(0, 4, 1200), np.full(guests, 4)])
    x = 4 * np.eye(5, 12)[truth] + spread * rng.normal(size=(len(truth), 12))
    x = x.astype(np.float32)
    given = np.where(truth == 4, rng.integers(0, 4, len(truth)), truth)
    flip = rng.random(len(truth)) < noise
    given = np.where(flip & (truth < 4), (truth + 1) % 4, given)
    digests = [str(i) for i in range(len(truth))]
    fold_of = stratified_folds(given, 5, seed=0, digests=digests)
    near = nearest(x, k=20)
    models = {
        "discriminant": probes.discriminant(x, given, 4, fold_of),
        "neighbors": probes.neighbor_votes(*near, given, 4, digests=digests),
    }
    fitted = fit_noise_model(models, given)
    found = find_open_set(fitted, given, x=x, near=near, fold_of=fold_of, digests=digests)
    return {"x": x, "truth": truth, "given": given, "fitted": fitted, "found": found, "digests": digests}


def unknown(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.full(len(labels), noise_model.UNKNOWN)


def test_guests_are_told_from_wrong_labels() -> None:
    seen = scene(150)
    assert seen["found"] is not None
    none = seen["found"].posterior(seen["fitted"], seen["given"])
    guest = seen["truth"] == 4
    assert (none[guest] >= 0.5).mean() > 0.9
    assert (none[~guest] >= 0.5).mean() < 0.01
    decision = decide(believe(seen["fitted"], seen["given"], digests=seen["digests"], strangers=none), CLASSES)
    assert decision.is_issue[guest].mean() > 0.95
    said = [reason for reason, is_guest in zip(decision.reasons, guest, strict=True) if is_guest and reason]
    assert np.mean([reason.startswith("belongs to no class") for reason in said]) > 0.9
    flips = ~guest & (seen["given"] != seen["truth"])
    assert np.mean([decision.reasons[row].startswith("looks like") for row in np.flatnonzero(flips)]) > 0.9
    assert decision.noise_rate == pytest.approx((seen["given"] != seen["truth"]).mean(), abs=0.02)


def test_guests_are_found_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"] + ["sklearn"]:
        monkeypatch.setitem(sys.modules, name, None)
    assert scene(150)["found"] is not None


def test_guests_say_more_than_even_errors_and_a_share_of_every_image_does_not() -> None:
    seen = scene(150)
    found, fitted, given = seen["found"], seen["fitted"], seen["given"]
    assert beats_even_errors(found, fitted, given)
    even = replace(found, prior=np.full(len(given), found.prior.mean()))
    assert not beats_even_errors(even, fitted, given)


@pytest.mark.parametrize(("spread", "noise"), [(1.0, 0.0), (1.0, 0.3), (2.5, 0.05), (6.0, 0.0)])
def test_hard_images_and_wrong_labels_are_no_strangers(spread: float, noise: float) -> None:
    assert scene(0, spread=spread, noise=noise)["found"] is None


def test_few_strangers_of_many_kinds_are_found_too() -> None:
    rng = np.random.default_rng(0)
    seen = scene(0, noise=0.0)
    x, given = seen["x"].copy(), seen["given"].copy()
    x[:16] = 4 * rng.normal(size=(16, x.shape[1]))
    near, fold_of = nearest(x, k=20), stratified_folds(given, 5, seed=0, digests=seen["digests"])
    models = {"discriminant": probes.discriminant(x, given, 4, fold_of)}
    fitted = fit_noise_model(models, given)
    found = find_open_set(fitted, given, x=x, near=near, fold_of=fold_of, digests=seen["digests"])
    assert found is not None
    none = found.posterior(fitted, given)
    assert np.isin(np.argsort(-none)[:12], np.arange(16)).mean() > 0.9
    assert none[16:].mean() < 0.005


def test_what_people_said_is_final() -> None:
    seen = scene(150)
    known = unknown(seen["given"])
    known[:5] = seen["truth"][:5]
    known[-5:] = noise_model.NO_CLASS
    fitted, given = seen["fitted"], seen["given"]
    none = agree({"a": fitted.probs}, fitted, given, known=known, strangers=seen["found"]).outside(known)
    assert none is not None
    assert none[:5].tolist() == [0.0] * 5
    assert none[-5:].tolist() == [1.0] * 5


def look_again(seen: dict[str, Any], copied: npt.NDArray[Any]) -> OpenSet | None:
    """What is found where the samples ``copied`` are there four times."""
    fitted, given = seen["fitted"], seen["given"]
    rows = np.concatenate([np.arange(len(given)), np.repeat(copied, 3)])
    digests = [seen["digests"][row] for row in rows.tolist()]
    more = replace(fitted, probs=fitted.probs[rows], posterior=fitted.posterior[rows])
    x, fold_of = seen["x"][rows], stratified_folds(given, 5, seed=0, digests=seen["digests"])[rows]
    return find_open_set(more, given[rows], x=x, near=nearest(x, k=80), fold_of=fold_of, digests=digests)


def test_copies_are_one_opinion() -> None:
    seen = scene(60)
    copied = look_again(seen, np.arange(0, len(seen["given"]), 3))
    assert seen["found"] is not None
    assert copied is not None
    assert copied.gain == pytest.approx(seen["found"].gain, rel=0.2), "not three times as much"
    assert copied.prior.sum() < 3 * seen["found"].prior.sum()
    one_class = look_again(seen, np.flatnonzero(seen["given"] == 0))
    assert one_class is not None
    assert one_class.gain == pytest.approx(seen["found"].gain, rel=0.05), "a class that lies there four times"
    assert weigh(10.0, 2.0, 10.0) > 0.9 > 0.5 > weigh(10.0, 8.0, 10.0), "the same gain, by a few images alone"


def test_doubt_of_models_that_are_wrong_in_the_middle_is_no_stranger() -> None:
    rng = np.random.default_rng(0)
    given = rng.integers(0, 2, 2000)
    shown = rng.normal(size=2000) + np.where(given, 0.5, -0.5)
    x = np.concatenate([shown[:, None], rng.normal(size=(2000, 3))], axis=1).astype(np.float32)
    odds = shown + 4 * np.sin(2 * shown)  # steeper in the middle than the truth
    right = 1 / (1 + np.exp(-odds))
    fitted = fit_noise_model({"m": np.stack([1 - right, right], axis=1)}, given)
    digests = [str(i) for i in range(2000)]
    near, fold_of = nearest(x, k=20), stratified_folds(given, 5, seed=0, digests=digests)

    assert find_open_set(fitted, given, x=x, near=near, fold_of=fold_of, digests=digests) is None
