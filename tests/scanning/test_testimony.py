"""Votes, sources and twins complete what models say of a label."""

from __future__ import annotations

import json

import numpy as np

from labelaudit.audit.concentration import list_attributes
from labelaudit.data.votes import OF_VOTES, VOTES
from labelaudit.judge.noise_model import NoiseModel
from labelaudit.scanning.testimony import hear
from labelaudit.types import Floats, Samples

N = 240
CLASSES = ("a", "b", "c", "d")


def noise_model(probs: Floats, labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> NoiseModel:
    posterior = probs * np.where(np.eye(4)[labels] > 0, 0.9, 0.033)
    posterior /= posterior.sum(axis=1, keepdims=True)
    return NoiseModel(
        weights={}, transition=np.eye(4), probs=np.float32(probs), posterior=np.float32(posterior), loss=0.0
    )


def made(seed: int, **extra: tuple[str, ...]) -> tuple[Samples, Floats, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    draw = np.random.default_rng(seed)
    truth = np.arange(N) % 4
    logits = 3 * np.eye(4)[truth] + draw.normal(size=(N, 4))
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    samples = Samples(
        ids=tuple(f"{row}.png" for row in range(N)),
        labels=truth,
        classes=CLASSES,
        digests=tuple(f"{row:03}" for row in range(N)),
        extra=extra,
    )
    return samples, probs, truth


def test_without_anything_beside_the_labels_nothing_changes() -> None:
    samples, probs, truth = made(0)
    given = noise_model(probs, truth)
    heard = hear(given, samples)
    assert heard.posterior is given.posterior
    assert heard.samples is samples
    assert heard.notes == ()


def test_votes_find_the_consensus_and_who_errs() -> None:
    draw = np.random.default_rng(1)
    truth = np.arange(N) % 4
    erring = {"ann": 0.05, "bob": 0.1, "eve": 0.4}
    said = {
        name: np.where(draw.random(N) < error, (truth + draw.integers(1, 4, N)) % 4, truth)
        for name, error in erring.items()
    }
    cells = tuple(json.dumps({name: CLASSES[label[row]] for name, label in said.items()}) for row in range(N))
    samples, probs, _ = made(2, **{VOTES: cells})
    heard = hear(noise_model(probs, truth), samples)
    assert {*OF_VOTES} <= {*heard.samples.extra}
    assert list_attributes(heard.samples) == {}, "what the votes say is no source of labels"
    assert "source_prior" not in (heard.recipe or {})
    assert [row["annotator"] for row in (heard.recipe or {})["annotators"]] == ["eve", "bob", "ann"]
    consensus = np.array([CLASSES.index(name) for name in heard.samples.extra["consensus_label"]])
    assert (consensus != truth).mean() < 0.02
    assert set(heard.samples.extra["num_annotations"]) == {"3"}
    assert "eve" in heard.notes[0]
    sure = np.array([float(score) for score in heard.samples.extra["consensus_quality_score"]])
    assert sure[consensus == truth].mean() > 0.95


def test_twins_are_not_wrong_for_each_other() -> None:
    samples, probs, truth = made(3)
    draw = np.random.default_rng(4)
    blurred = probs.copy()
    pair = truth >= 2
    share = draw.random(N)[pair]
    both = probs[pair][:, 2:].sum(axis=1)
    blurred[pair, 2], blurred[pair, 3] = both * share, both * (1 - share)
    heard = hear(noise_model(blurred, truth), samples)
    assert (heard.recipe or {})["twins"] == [["c", "d"]]
    suspicion = 1 - heard.posterior[np.arange(N), truth]
    assert suspicion[pair].mean() < 0.1
