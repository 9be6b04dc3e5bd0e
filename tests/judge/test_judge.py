"""The judge: it agrees with the models it was fitted from, ranks new labels well, and survives its file bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import make_audit
from judges import CLASSES, DECISION, DESCRIBED, JUDGE, SAMPLES, draw, features

from labelaudit.audit import run
from labelaudit.errors import DataError, RunError
from labelaudit.judge import probes
from labelaudit.judge.decide import SURE
from labelaudit.judge.judge import CLOSED_FORMS, Judge
from labelaudit.judge.memory import BELIEFS
from labelaudit.judge.scores import self_confidence
from labelaudit.judge.vectors import find_directions, reduce_blocks


def test_models_on_whole_features_are_those_on_principal_components() -> None:
    fresh = features(draw(50, 1)[0])
    rotations = probes.find_rotations(DESCRIBED)
    blocks = tuple(part.apply(block) for part, block in zip(rotations, probes.split_blocks(fresh), strict=True))
    x = reduce_blocks(DESCRIBED, rotations, probes.principal_blocks(DESCRIBED))
    unit = find_directions(DESCRIBED).apply(fresh.values)
    for name, fit in CLOSED_FORMS.items():
        expected = fit(x, SAMPLES.labels, 4).model.apply(reduce_blocks(fresh, rotations, blocks))
        assert JUDGE.models[name].apply(unit) == pytest.approx(expected, abs=2e-4)


def test_neighbours_are_the_nearest_in_memory_whatever_the_block() -> None:
    vectors = JUDGE.project(features(draw(20, 1)[0]))
    cosines, rows = JUDGE.memory.nearest(vectors, 7)
    expected = vectors @ JUDGE.memory.vectors.astype(np.float32).T
    assert np.array_equal(rows, np.argsort(-expected, axis=1, kind="stable")[:, :7])
    assert cosines == pytest.approx(-np.sort(-expected, axis=1)[:, :7], abs=1e-6)


def test_neighbours_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = JUDGE.project(features(draw(20, 1)[0]))
    whole = JUDGE.memory.nearest(vectors, 7)
    monkeypatch.setattr("labelaudit.judge.memory._BLOCK", 11)
    monkeypatch.setattr("labelaudit.judge.memory._QUERIES", 3)
    pieces = JUDGE.memory.nearest(vectors, 7)
    assert np.array_equal(whole[1], pieces[1])


def test_votes_are_those_of_the_probe() -> None:
    x, _, _ = draw(30, 1)
    vectors = JUDGE.project(features(x))
    similarities, rows = JUDGE.memory.nearest(vectors, probes.NEIGHBORS)
    assert len(CLASSES) <= BELIEFS, "all beliefs are kept"
    weights = probes.vote_weights(similarities, rows)
    votes = np.einsum("mk,mkc->mc", weights, DECISION.probs[rows]) + 0.5 / 4
    expected = votes / votes.sum(axis=1, keepdims=True)
    assert JUDGE.memory.vote(vectors, 4) == pytest.approx(expected, abs=1e-3)


def test_new_wrong_labels_rank_first_and_get_the_true_class() -> None:
    x, truth, given = draw(2000, 2)
    probs = JUDGE.read(features(x), given).posterior
    suspicion, wrong = self_confidence(given, probs), truth != given
    above = suspicion[wrong][:, None] > suspicion[~wrong][None, :]
    assert above.mean() > 0.93
    sure = suspicion[wrong] > 0.5
    assert sure.mean() > 0.7
    assert (probs.argmax(axis=1)[wrong][sure] == truth[wrong][sure]).mean() > 0.9


def test_the_suspicion_is_calibrated() -> None:
    x, truth, given = draw(4000, 3)
    probs = np.asarray(JUDGE.read(features(x), given).posterior)
    assert self_confidence(given, probs).mean() == pytest.approx((truth != given).mean(), abs=0.04)
    assert probs.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_about_as_many_new_labels_are_sure_as_in_the_audit() -> None:
    x, truth, given = draw(4000, 3)
    sure = self_confidence(given, np.asarray(JUDGE.read(features(x), given).posterior)) >= SURE
    assert sure.mean() == pytest.approx((DECISION.suspicion >= SURE).mean(), abs=0.03)
    assert (truth != given)[sure].mean() > 0.95


def test_images_that_the_models_were_fitted_to_are_judged_by_held_out_opinions() -> None:
    rows = slice(0, 50)
    some, labels = features(DESCRIBED.values[rows]), SAMPLES.labels[rows]
    held_out = {name: np.full((50, 4), np.nan, np.float32) for name in JUDGE.models}
    plain = np.asarray(JUDGE.read(some, labels).posterior)
    assert np.array_equal(JUDGE.read(some, labels, held_out=held_out).posterior, plain)
    for probs in held_out.values():
        probs[7] = np.eye(4)[(labels[7] + 1) % 4]
    told = np.asarray(JUDGE.read(some, labels, held_out=held_out).posterior)
    assert np.array_equal(np.flatnonzero((told != plain).any(axis=1)), [7])


def test_without_labels_it_says_what_the_image_shows() -> None:
    x, truth, given = draw(300, 4)
    shown = np.asarray(JUDGE.read(features(x), None).posterior)
    assert (shown.argmax(axis=1) == truth).mean() > 0.85
    assert np.array_equal(shown, JUDGE.read(features(x), given).probs)


def test_a_copy_has_no_vote() -> None:
    row = int(np.argmax(DECISION.suspicion))
    one = features(DESCRIBED.values[row : row + 1])
    _, seen = JUDGE.memory.nearest(JUDGE.project(one), 3)
    _, left = JUDGE.memory.nearest(JUDGE.project(one), 3, digests=JUDGE.memory.digests[row : row + 1])
    assert seen[0, 0] == row
    assert row not in left[0]
    assert left[0, :2].tolist() == seen[0, 1:].tolist()


def test_look_alikes_are_right_of_that_class_and_no_copies() -> None:
    for label in range(4):
        rows = JUDGE.memory.alike(0, label, k=4)
        assert len(set(rows)) == 4
        assert not {0, len(SAMPLES) - 1} & set(rows), "row 0 and its copy, the last row"
        assert (SAMPLES.labels[list(rows)] == label).all()
        assert (DECISION.suspicion[list(rows)] < DECISION.threshold).all()
        cosines = JUDGE.memory.vectors.astype(np.float32) @ JUDGE.memory.vectors[0].astype(np.float32)
        rest = np.flatnonzero((SAMPLES.labels == label) & JUDGE.memory.right & (np.arange(600) % 599 != 0))
        assert sorted(rows) == sorted(rest[np.argsort(-cosines[rest])][:4].tolist())


def test_many_copies_of_one_image_leave_room_for_others() -> None:
    memory = JUDGE.memory
    label = int(memory.labels[5])
    rows = np.flatnonzero((memory.labels == label) & memory.right)
    copies = rows[: len(rows) // 2]
    vectors, digests = memory.vectors.copy(), memory.digests.copy()
    vectors[copies], digests[copies] = vectors[0], digests[copies[0]]
    found = replace(memory, vectors=vectors, digests=digests).alike(0, label, k=3)
    assert len(set(digests[list(found)])) == 3


def test_a_class_with_fewer_look_alikes_gives_fewer() -> None:
    lonely = replace(JUDGE.memory, right=np.arange(600) == 5)
    assert lonely.alike(0, int(SAMPLES.labels[5]), k=3) == (5,)
    assert lonely.alike(0, (int(SAMPLES.labels[5]) + 1) % 4, k=3) == ()


def test_written_and_read_it_is_the_same_judge(tmp_path: Path) -> None:
    JUDGE.save(tmp_path / "judge.npz")
    JUDGE.save(tmp_path / "again.npz")
    assert (tmp_path / "judge.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()
    x, _, given = draw(50, 5)
    loaded = Judge.load(tmp_path)
    assert np.array_equal(loaded.read(features(x), given).posterior, JUDGE.read(features(x), given).posterior)
    assert loaded.memory.alike(3, 1, k=3) == JUDGE.memory.alike(3, 1, k=3)
    assert (loaded.classes, loaded.features, loaded.version) == (CLASSES, "toy@8", "00c0ffee")


def test_class_names_that_are_no_utf8_survive(tmp_path: Path) -> None:
    names = ("a\udcff", *CLASSES[1:])
    replace(JUDGE, classes=names).save(tmp_path / "judge.npz")
    assert Judge.load(tmp_path).classes == names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "lite0@128"}, "of lite0@128, the audit's of toy@8"),
        ({"version": "00000000"}, "another version of toy@8 made these features"),
        ({"values": np.zeros((2, 12), np.float32), "blocks": (12,)}, "have 12 columns, the audit's 40"),
    ],
)
def test_other_features_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        JUDGE.read(features(**{"values": np.zeros((2, 40), np.float32), **changes}), None)  # type: ignore[arg-type]


def test_bad_files_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="does not exist"):
        Judge.load(tmp_path)
    file = tmp_path / "judge.npz"
    JUDGE.save(file)
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(RunError, match="damaged"):
        Judge.load(file)
    monkeypatch.setattr("labelaudit.judge.judge.VERSION", 2)
    JUDGE.save(file)
    monkeypatch.setattr("labelaudit.judge.judge.VERSION", 1)
    with pytest.raises(RunError, match="newer labelaudit"):
        Judge.load(file)
    monkeypatch.setattr("labelaudit.judge.judge.VERSION", 3)
    with pytest.raises(RunError, match="older labelaudit"):
        Judge.load(file)


def test_an_audit_and_its_judge_are_of_the_same_samples() -> None:
    with pytest.raises(DataError, match="a judge of 600 samples, but 6 samples"):
        make_audit(judge=JUDGE)


def test_the_judge_goes_with_its_run_and_never_stays_behind(tmp_path: Path) -> None:
    small = replace(JUDGE, memory=JUDGE.memory.take(np.arange(6)))
    files = run.write(make_audit(judge=small), tmp_path / "run")
    assert "judge.npz" in files
    again = run.read(tmp_path / "run")
    assert again.judge is None
    assert Judge.load(again.files["judge.npz"]).memory.digests.tolist() == small.memory.digests.tolist()
    assert "judge.npz" in run.write(again, tmp_path / "copy")
    assert "judge.npz" not in run.write(make_audit(), tmp_path / "run")
    assert not (tmp_path / "run" / "judge.npz").exists()


def test_an_audit_of_clean_labels_leaves_room_for_wrong_ones() -> None:
    """Its noise model knows no error; a label that comes later can be wrong all the same."""
    x, truth, given = draw(2000, 5)
    clean = replace(DECISION, noise_rate=0.0)
    rotations, blocks = probes.find_rotations(DESCRIBED), probes.principal_blocks(DESCRIBED)
    unit = reduce_blocks(DESCRIBED, rotations, blocks)
    closed = {name: fit(unit, SAMPLES.labels, 4) for name, fit in CLOSED_FORMS.items()}
    judge = Judge.fit(SAMPLES, clean, DESCRIBED, rotations=rotations, blocks=blocks, closed=closed)
    suspicion = self_confidence(given, judge.read(features(x), given).posterior)
    wrong = given != truth
    assert suspicion[wrong].mean() > 5 * suspicion[~wrong].mean()
    assert 0.001 < suspicion.mean() < 0.05
