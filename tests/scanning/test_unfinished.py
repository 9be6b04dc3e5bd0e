"""A scan that is cut off goes on where it was, and ends with the same bytes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from labelaudit import leading, scan
from labelaudit.judge import learning_curve, probes
from labelaudit.judge.judge import CLOSED_FORMS, Judge
from labelaudit.leading import MOST_CELLS
from labelaudit.scanning import components, unfinished
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.types import Evidence

SAME = ("suspects.csv", "samples.csv", "evidence.npz", "judge.npz")
KILLS = int(os.environ.get("LABELAUDIT_TEST_KILLS", "5"))
"""Random points that a scan is killed at; more can be asked for outside CI."""


def scan_blobs(
    place: Path, name: str, stop_at: int = -1, methods: Sequence[str] = ("limit", "sln")
) -> tuple[int, list[str]]:
    """A scan into ``place/name``, killed at progress report ``stop_at``: how many there are, and notices."""
    heard, said = 0, []

    def progress(*_: object) -> None:
        nonlocal heard
        if heard == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)
        heard += 1

    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 30)
    features = (np.eye(3, 8)[labels] + rng.normal(0, 0.2, (90, 8))).astype(np.float32)
    labels[[0, 40, 80]] = [1, 2, 0]
    place.mkdir(exist_ok=True)
    np.save(place / "labels.npy", np.array(list("abc"))[labels])
    scan(
        labels=place / "labels.npy",
        features=features,
        methods=methods,
        output=place / name,
        cache=place / f"{name}-cache",
        html=False,
        progress=progress,
        notice=said.append,
    )
    return heard, said


@pytest.mark.slow
def test_a_scan_killed_again_and_again_ends_with_the_same_bytes(tmp_path):
    reports, _ = scan_blobs(tmp_path, "whole")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["labelaudit.training.crossfit", "sklearn.linear_model"])
    for stop_at in np.sort(np.random.default_rng(0).choice(reports, KILLS, replace=False)).tolist():
        child = context.Process(target=scan_blobs, args=(tmp_path, "killed", stop_at))
        child.start()
        child.join()
        # One that found most of the work done may end before it gets that far.
        assert child.exitcode in (0, -signal.SIGKILL)
    scan_blobs(tmp_path, "killed")
    for name in SAME:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not list((tmp_path / "killed-cache" / "unfinished").glob("*"))


def test_only_what_was_not_finished_is_trained(tmp_path, monkeypatch):
    from labelaudit.training import crossfit

    real, trained, failing = crossfit.crossfit, [], [True]

    def train(settings, *args, **how):
        trained.append(settings.method)
        if settings.method == "sln" and failing:
            failing.clear()
            raise MemoryError
        return real(settings, *args, **how)

    monkeypatch.setattr(crossfit, "crossfit", train)
    with pytest.raises(MemoryError):
        scan_blobs(tmp_path, "run")
    _, said = scan_blobs(tmp_path, "run")
    assert trained == ["limit", "sln", "sln", "ce"]
    done = "neighbours, ridge, prototypes, curve, discriminant, limit"
    assert any(f"cut off: {done} had been done" in sentence for sentence in said)
    trained.clear()
    scan_blobs(tmp_path, "run")
    assert trained == ["limit", "sln", "ce"]  # nothing is left of a scan that ended


@pytest.mark.parametrize("most", [MOST_CELLS, 0])
def test_a_scan_that_is_cut_off_in_any_step_goes_on_with_it(tmp_path, monkeypatch, most):
    """Whether tables are kept whole or as the leading classes of each row: of these all come back after the last."""
    monkeypatch.setattr(leading, "MOST_CELLS", most)
    monkeypatch.setattr(leading, "FEWEST_CLASSES", 0)
    monkeypatch.setattr(leading, "KEPT", 2)
    fitted: list[str] = []
    stop_at = [""]

    def watch(name, fit):
        def watched(*args, **how):
            if name == stop_at[0]:
                raise KeyboardInterrupt
            fitted.append(name)
            return fit(*args, **how)

        return watched

    for name, fit in CLOSED_FORMS.items():
        monkeypatch.setitem(CLOSED_FORMS, name, watch(name, fit))
    monkeypatch.setattr(learning_curve, "measure", watch("curve", learning_curve.measure))
    monkeypatch.setattr(probes, "discriminant", watch("discriminant", probes.discriminant))
    monkeypatch.setattr(components, "nearest", watch("neighbours", components.nearest))
    monkeypatch.setattr(Judge, "save", watch("judge", Judge.save))
    scan_blobs(tmp_path, "whole", methods=[])
    in_turn, fitted[:] = tuple(fitted), []
    first = ("neighbours", "ridge", "prototypes", "curve", "discriminant")
    assert in_turn == (*first, "judge")
    for stop_at[0] in in_turn if most else in_turn[-1:]:
        with pytest.raises(KeyboardInterrupt):
            scan_blobs(tmp_path, "cut", methods=[])
    stop_at[0] = ""
    scan_blobs(tmp_path, "cut", methods=[])
    assert tuple(fitted) == in_turn  # each of them once
    for name in SAME:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def evidence() -> Evidence:
    return Evidence(
        method="m",
        suspicion=np.array([0.1, 0.9]),
        probs=np.array([[0.2, 0.8], [0.5, 0.5]], dtype=np.float32),
        columns={"omega": np.array([1, 2])},
        tables={"settings": {"epochs": 3}},
    )


def test_evidence_comes_back_bit_for_bit(tmp_path):
    made = Unfinished(tmp_path).evidence("m", {"x": np.arange(3)}, evidence)
    again = Unfinished(tmp_path)
    found = again.evidence("m", {"x": np.arange(3)}, lambda: pytest.fail("made again"))
    assert again.found == ["m"]
    assert (found.method, found.tables) == (made.method, made.tables)
    for name in ("suspicion", "probs"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    np.testing.assert_array_equal(found.columns["omega"], made.columns["omega"])
    assert found.losses is None


@pytest.mark.parametrize("other", [{"x": np.arange(4)}, {"x": np.arange(3.0)}, {"x": np.arange(3), "seed": 1}])
def test_other_circumstances_find_nothing(tmp_path, other):
    Unfinished(tmp_path).arrays("m", {"x": np.arange(3)}, lambda: {"a": np.zeros(1)})
    later = Unfinished(tmp_path)
    assert later.arrays("m", other, dict) == {}
    assert later.found == []


def test_a_damaged_result_is_made_again(tmp_path):
    Unfinished(tmp_path).arrays("m", {}, lambda: {"a": np.arange(100)})
    (file,) = (tmp_path / "unfinished").glob("*.npz")
    file.write_bytes(file.read_bytes()[:200])
    assert Unfinished(tmp_path).arrays("m", {}, lambda: {"a": np.zeros(1)})["a"].tolist() == [0.0]


def test_a_full_disk_costs_only_what_would_have_been_kept(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unfinished, "write_arrays", full)
    assert Unfinished(tmp_path).arrays("m", {}, lambda: {"a": np.arange(2)})["a"].tolist() == [0, 1]


def test_the_results_of_other_scans_stay_a_month(tmp_path):
    for name in ("mine", "recent", "old"):
        Unfinished(tmp_path).arrays(name, {}, lambda: {"a": np.arange(2)})
    (old,) = (tmp_path / "unfinished").glob("old-*")
    os.utime(old, (0, 0))
    scan_under_way = Unfinished(tmp_path)
    scan_under_way.arrays("mine", {}, dict)
    scan_under_way.end()
    assert [file.name.partition("-")[0] for file in (tmp_path / "unfinished").iterdir()] == ["recent"]


def test_a_scan_ends_where_others_keep_results_that_it_may_not_delete(tmp_path):
    for name in ("a", "z"):
        Unfinished(tmp_path).arrays(name, {}, lambda: {"a": np.arange(2)})
    (locked,) = (tmp_path / "unfinished").glob("a-*")
    locked.unlink()
    locked.mkdir()  # what no user may unlink, root neither
    for file in (tmp_path / "unfinished").iterdir():
        os.utime(file, (0, 0))
    Unfinished(tmp_path).end()
    assert list((tmp_path / "unfinished").iterdir()) == [locked]
