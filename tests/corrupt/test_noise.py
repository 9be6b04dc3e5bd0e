"""Planted noise: rates, who is touched, and what the truth is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelaudit.corrupt import noise
from labelaudit.corrupt.noise import NoisyLabels
from labelaudit.errors import DataError, OptionError

LABELS = np.repeat(np.arange(10), 1000)
FEATURES = np.random.default_rng(7).normal(size=(10_000, 12))
EXACT: dict[str, Callable[..., NoisyLabels]] = {
    "symmetric": partial(noise.symmetric, LABELS, 10),
    "cifar10": partial(noise.asymmetric, LABELS, 10, mapping=noise.CIFAR10_PAIRS),
    "mnist": partial(noise.asymmetric, LABELS, 10, mapping=noise.MNIST_PAIRS),
}
LOOSE = {f"{kind}, not exact": partial(make, exact=False) for kind, make in EXACT.items()}
KINDS = {
    **EXACT,
    **LOOSE,
    "uniform": partial(noise.uniform, LABELS, 10),
    "pair": partial(noise.pair, LABELS, 10),
    "instance": partial(noise.instance_dependent, LABELS, 10, features=FEATURES),
}
REALISED = {"symmetric": 1.0, "uniform": 0.9, "pair": 1.0, "cifar10": 0.5, "mnist": 0.8, "instance": 1.0}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [0.2, 0.4])
def test_realised_rate(kind: str, rate: float) -> None:
    planted = KINDS[kind](rate=rate, generator=np.random.default_rng(0))
    within = 1e-12 if kind in (*EXACT, "pair") else 0.02
    assert planted.rate == pytest.approx(rate * REALISED[kind.partition(",")[0]], abs=within)
    assert (planted.wrong == (planted.labels != LABELS)).all()
    assert planted.labels.dtype == np.int64


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_noise_and_true_labels_untouched(kind: str) -> None:
    before = LABELS.copy()
    first, second, third = (KINDS[kind](rate=0.3, generator=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first.labels == second.labels).all()
    assert (first.labels != third.labels).any()
    assert (before == LABELS).all()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "instance"])
def test_no_noise(kind: str) -> None:
    assert KINDS[kind](rate=0.0, generator=np.random.default_rng(0)).rate == 0


def test_symmetric_reaches_every_other_class_alike() -> None:
    planted = noise.symmetric(LABELS, 10, 1.0, generator=np.random.default_rng(0))
    assert planted.wrong.all()
    table = np.zeros((10, 10), int)
    np.add.at(table, (LABELS, planted.labels), 1)
    off = table[~np.eye(10, dtype=bool)]
    assert 70 < off.min() <= off.max() < 155


def test_asymmetric_moves_only_along_its_arrows() -> None:
    planted = noise.asymmetric(LABELS, 10, 0.4, noise.CIFAR10_PAIRS, generator=np.random.default_rng(0))
    moved = set(zip(LABELS[planted.wrong].tolist(), planted.labels[planted.wrong].tolist(), strict=True))
    assert moved == set(noise.CIFAR10_PAIRS.items())
    for source in noise.CIFAR10_PAIRS:
        assert planted.wrong[source == LABELS].sum() == 400


def test_exact_counts_are_not_lost_to_rounding() -> None:
    labels = np.zeros(100, int)
    assert noise.symmetric(labels, 2, 0.29, generator=np.random.default_rng(0)).wrong.sum() == 29


@given(st.integers(2, 12), st.integers(0, 2**31))
def test_derangement_moves_every_class(classes: int, seed: int) -> None:
    mapping = noise.derangement(classes, generator=np.random.default_rng(seed))
    assert sorted(mapping) == sorted(mapping.values()) == list(range(classes))
    assert all(source != target for source, target in mapping.items())


def test_instance_dependent_follows_the_features() -> None:
    features = np.repeat(np.random.default_rng(3).normal(size=(2, 30)), 500, axis=0)
    labels = np.zeros(1000, int)
    planted = noise.instance_dependent(labels, 8, 0.4, features, generator=np.random.default_rng(0))
    halves = [np.bincount(planted.labels[half], minlength=8)[1:] for half in (slice(0, 500), slice(500, 1000))]
    shares = [counts / counts.sum() for counts in halves]
    assert np.abs(shares[0] - shares[1]).sum() / 2 > 0.8


def test_instance_dependent_against_the_obvious_loop() -> None:
    """The same construction, sample by sample, from the same generator."""
    features, labels, rng = FEATURES[:600], np.arange(600) % 3, np.random.default_rng(5)
    planted = noise.instance_dependent(labels, 3, 0.5, features, generator=np.random.default_rng(5))
    rates = rng.normal(0.5, 0.1, 600)
    assert 0 <= rates.min() <= rates.max() <= 1  # nothing to draw again: both use the generator alike
    scaled = (features - features.mean(0)) / features.std(0)
    for own in range(3):
        weights = rng.standard_normal((12, 3))
        thresholds = rng.random(200)
        for place, row in enumerate(np.flatnonzero(labels == own)):
            logits = {c: float(scaled[row] @ weights[:, c]) for c in range(3) if c != own}
            total = sum(np.exp(value) for value in logits.values())
            probs = [1 - rates[row] if c == own else rates[row] * np.exp(logits[c]) / total for c in range(3)]
            drawn = next(c for c in range(3) if sum(probs[: c + 1]) >= thresholds[place])
            assert planted.labels[row] == drawn


def test_prediction_dependent_flips_the_most_confused() -> None:
    probs = np.array([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.0, 0.45, 0.55], [0.3, 0.6, 0.1]])
    planted = noise.prediction_dependent(np.array([0, 1, 2, 0]), probs, 0.5)
    assert planted.labels.tolist() == [0, 1, 1, 1]
    assert planted.wrong.tolist() == [False, False, True, True]


def test_a_label_drawn_from_doubts_follows_them() -> None:
    labels = np.zeros(6000, dtype=np.int64)
    probs = np.tile([[0.9, 0.09, 0.01], [0.4, 0.1, 0.5]], (3000, 1))
    made = noise.drawn_from(labels, probs, 0.25, generator=np.random.default_rng(0))
    assert made.wrong.sum() == 1500
    sure, unsure = made.labels[::2], made.labels[1::2]
    assert (unsure > 0).sum() > 4 * (sure > 0).sum()  # odds of being wrong: 1.5 against .11, tilted alike
    assert (sure == 1).sum() > 4 * (sure == 2).sum()
    assert (unsure == 2).sum() > 3 * (unsure == 1).sum()


def test_open_set_rows() -> None:
    rows = noise.open_set_rows(1000, 0.1, generator=np.random.default_rng(0))
    assert len(set(rows.tolist())) == 100
    assert (np.diff(rows) > 0).all()


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_impossible_rates(rate: float) -> None:
    with pytest.raises(OptionError, match="noise rate must be from 0 to 1"):
        noise.symmetric(LABELS, 10, rate, generator=np.random.default_rng(0))


def test_what_does_not_fit_together() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="integers from 0 to 8"):
        noise.symmetric(LABELS, 9, 0.1, generator=rng)
    with pytest.raises(OptionError, match="at least 2 classes, not 1"):
        noise.symmetric(np.zeros(3, int), 1, 0.1, generator=rng)
    with pytest.raises(OptionError, match="mapping 3 -> 10"):
        noise.asymmetric(LABELS, 10, 0.1, {3: 10}, generator=rng)
    with pytest.raises(OptionError, match="1 classes cannot"):
        noise.derangement(1, generator=rng)
    with pytest.raises(DataError, match=r"features must be \(10000, d\)"):
        noise.instance_dependent(LABELS, 10, 0.1, FEATURES[:5], generator=rng)
    with pytest.raises(DataError, match=r"probs must be \(10000, C\)"):
        noise.prediction_dependent(LABELS, np.ones((4, 10)), 0.1)
