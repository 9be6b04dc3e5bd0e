"""One contract for every scorer that discovery finds, and each formula by hand."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import roc_auc_score

import labelaudit.scorers
from labelaudit.errors import OptionError
from labelaudit.scorers import get_scorer, score_all, scorer_help, scorer_names

Arrays = dict[str, npt.NDArray[Any]]
every_scorer = pytest.mark.parametrize("name", scorer_names())


def planted(n: int = 400, classes: int = 5) -> tuple[Arrays, npt.NDArray[np.bool_]]:
    """Evidence about n samples of which 15 % carry a wrong label, and which."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, classes, n)
    wrong = rng.random(n) < 0.15
    labels = np.where(wrong, (true + rng.integers(1, classes, n)) % classes, true)
    logits = 3.0 * np.eye(classes)[true] + rng.normal(size=(n, classes))
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    cosine = logits @ logits.T / np.outer(*[np.linalg.norm(logits, axis=1)] * 2)
    np.fill_diagonal(cosine, -np.inf)
    neighbors = np.argsort(-cosine, axis=1)[:, :10]
    similarities = np.take_along_axis(cosine, neighbors, axis=1)
    return {"labels": labels, "probs": probs, "neighbors": neighbors, "similarities": similarities}, wrong


def run(name: str, evidence: Arrays) -> npt.NDArray[np.float64]:
    needed = inspect.signature(get_scorer(name)).parameters
    return get_scorer(name)(**{key: evidence[key] for key in needed})


@every_scorer
def test_shape_range_help_and_determinism_with_inputs_untouched(name: str) -> None:
    evidence, _ = planted()
    before = {key: array.copy() for key, array in evidence.items()}
    for array in evidence.values():
        array.setflags(write=False)
    score = run(name, evidence)
    assert score.shape == (400,)
    assert score.dtype == np.float64
    assert np.isfinite(score).all()
    assert 0 <= score.min() <= score.max() <= 1
    assert np.array_equal(score, run(name, evidence))
    assert all(np.array_equal(array, before[key]) for key, array in evidence.items())
    assert scorer_help(name).endswith(".")


@every_scorer
def test_beats_chance_on_planted_flips(name: str) -> None:
    evidence, wrong = planted()
    assert roc_auc_score(wrong, run(name, evidence)) > 0.75


@every_scorer
def test_follows_a_permutation_of_the_samples(name: str) -> None:
    evidence, _ = planted()
    order = np.random.default_rng(1).permutation(400)
    where = np.argsort(order)
    moved = {key: array[order] for key, array in evidence.items()}
    moved["neighbors"] = where[moved["neighbors"]]
    np.testing.assert_allclose(run(name, moved), run(name, evidence)[order], rtol=1e-12)


@every_scorer
def test_renaming_the_classes_changes_nothing(name: str) -> None:
    evidence, _ = planted()
    names = np.random.default_rng(2).permutation(5)
    renamed = {**evidence, "labels": names[evidence["labels"]], "probs": evidence["probs"][:, np.argsort(names)]}
    np.testing.assert_allclose(run(name, renamed), run(name, evidence), rtol=1e-9)


@every_scorer
def test_certain_predictions_and_float32_stay_in_range(name: str) -> None:
    labels = np.array([0, 1, 1])
    evidence: Arrays = {
        "labels": labels,
        "probs": np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32),
        "neighbors": np.array([[1, 2], [2, 0], [1, 0]]),
        "similarities": np.zeros((3, 2), dtype=np.float32),
    }
    score = run(name, evidence)
    assert np.isfinite(score).all()
    assert 0 <= score.min() <= score.max() <= 1


def test_formulas_by_hand() -> None:
    labels, probs = np.array([0, 1]), np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1]])
    found = score_all(labels=labels, probs=probs)
    assert found["self_confidence"] == pytest.approx([0.3, 0.7])
    assert found["normalized_margin"] == pytest.approx([0.25, 0.65])
    entropy = [-sum(p * np.log(p) for p in row) / np.log(3) for row in probs]
    ratio = np.array([entropy[0] / 0.7, entropy[1] / 0.3])
    assert found["confidence_weighted_entropy"] == pytest.approx(1 - np.log(ratio + 1) / ratio)
    assert "neighbor_vote" not in found
    vote = get_scorer("neighbor_vote")
    neighbors, similarities = np.array([[1, 2], [0, 2], [0, 1]]), np.array([[0.6, 0.2], [0.6, -0.5], [-0.1, -0.1]])
    assert vote(np.array([0, 0, 1]), neighbors, similarities) == pytest.approx([0.25, 0.0, 1.0])


def test_unknown_scorer_is_named_with_its_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'self_confidence'"):
        get_scorer("selfconfidence")


def test_a_new_scorer_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "coin.py").write_text('"""Nothing."""\ndef score(labels):\n    return labels * 0.0\n')
    monkeypatch.setattr(labelaudit.scorers, "__path__", [*labelaudit.scorers.__path__, str(tmp_path)])
    assert score_all(labels=np.array([1, 2]))["coin"].tolist() == [0.0, 0.0]
