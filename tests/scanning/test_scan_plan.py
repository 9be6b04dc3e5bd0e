"""Forecasts, the effort that keeps to a limit, and what is said afterwards; no clock is asked."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from machines import COSTS, ON_FEATURES, TODAY
from small_scans import blobs

from labelaudit import scan
from labelaudit.audit.run import read
from labelaudit.data.ingest import ingest
from labelaudit.data.sources import open_source
from labelaudit.errors import OptionError
from labelaudit.machine import Machine
from labelaudit.scanning import plan as planning
from labelaudit.scanning.forecast import (
    MEMORY_SPREAD,
    SPREAD,
    WORTH_SAYING,
    Prospect,
    count_work,
    forecast_memory,
)
from labelaudit.scanning.plan import Plan, parse_budget, parse_memory
from labelaudit.scanning.settings import METHODS, ScanSettings
from labelaudit.scanning.trainings import list_trainings
from labelaudit.scanning.workload import (
    MANY_SUSPECTS,
    SUSPECTS,
    count_seconds,
)
from labelaudit.training.settings import CrossfitSettings
from labelaudit.types import Samples

EMBEDDING = {"lite0@128": 30.0, "lite1@160": 70.0, "lite2@260": 200.0, "lite0@224": 90.0, "lite1@240": 150.0}


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The cross-fits that a forecast asks for; each takes 20 s, a backbone what `EMBEDDING` says."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def train(fit: CrossfitSettings, *_: Any, **__: Any) -> float:
        asked.append((fit.method, dict(fit.regularizers)))
        return 20.0

    def embed(*_: Any, backbones: tuple[str, ...], **__: Any) -> float:
        return sum(EMBEDDING[name] for name in backbones)

    def embed_others(*_: Any, others: tuple[str, ...], **__: Any) -> float:
        return sum(EMBEDDING[one] for one in others)

    monkeypatch.setattr("labelaudit.training.forecast.forecast_crossfit", train)
    monkeypatch.setattr("labelaudit.features.forecast_embedding", embed)
    monkeypatch.setattr("labelaudit.features.count_missing", lambda *_, **__: 5000)
    monkeypatch.setattr("labelaudit.features.forecast_others", embed_others)
    monkeypatch.setattr(planning, "measure_unit_costs", lambda *_, **__: COSTS)
    return asked


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    np.save(tmp_path / "labels.npy", np.array(["a", "b"])[np.arange(5000) % 2])
    return replace(ingest(open_source(None, labels=tmp_path / "labels.npy"))[0], images=NoImages())


class NoImages:
    """Images that nobody looks at."""

    def __len__(self) -> int:
        return 5000

    def encoded(self, index: int) -> bytes:
        raise AssertionError(index)


def clock(*times: float) -> Iterator[float]:
    yield from times
    while True:
        yield times[-1]


def settle(samples: Samples, said: list[str], effort: Any = "thorough", **limits: Any) -> tuple[Plan, ScanSettings]:
    ticks = clock(0.0, 10.0)
    plan = Plan(timer=lambda: next(ticks), **limits)
    settings = ScanSettings(effort=effort, precision="float32")
    machine = Machine(device="cpu", notice=said.append)
    return plan, plan.settle(Prospect(samples=samples, machine=machine, choice=ON_FEATURES), settings)


def test_the_whole_scan_is_forecast_before_the_work(samples: Samples, tried: list[Any]) -> None:
    said: list[str] = []
    plan, settings = settle(samples, said, "standard")
    assert settings.effort == "standard"
    assert plan.forecast is not None
    assert plan.forecast.spent == 10.0
    assert plan.forecast.low < plan.forecast.seconds < plan.forecast.high
    assert [name for name, _ in tried] == [*METHODS, "ce"]  # the models of the scan, not a constant of the effort
    (sentence,) = said
    assert sentence.startswith(
        "This takes about 7 min here (5 min to 9 min): 5 min to embed 5,000 images with lite0@128"
    )
    assert "80 s to train crust, limit, sln on features" in sentence
    assert "of memory" in sentence
    assert "of disk" in sentence


@pytest.mark.parametrize(("budget", "effort"), [(1200, "thorough"), (700, "standard"), (250, "quick")])
def test_the_largest_effort_that_fits_the_budget_is_chosen(
    samples: Samples, tried: list[Any], budget: float, effort: str
) -> None:
    said: list[str] = []
    plan, settings = settle(samples, said, budget=budget)
    assert settings.effort == effort
    assert said[0] == f"Effort: {effort}, the largest that fits."
    assert plan.forecast is not None
    assert plan.forecast.high <= budget
    assert settle(samples, [], "quick", budget=budget)[1].effort == "quick"  # never more than was asked for
    tried.clear()
    assert not list_trainings(settle(samples, [], "quick")[1])
    assert not tried  # nothing is trained there


def test_a_limit_that_no_effort_keeps_is_refused_in_one_line(samples: Samples, tried: list[Any]) -> None:
    with pytest.raises(OptionError, match=r"^`budget` 50 s: even `effort` quick may take [0-9]+ s here: give it more"):
        settle(samples, [], budget=50.0)
    with pytest.raises(OptionError, match=r"^`max_memory` 100 MB: even `effort` quick may take [0-9.]+ [MG]B: give"):
        settle(samples, [], max_memory=100e6)
    on_a_cluster = Prospect(samples=samples, machine=Machine(engine="ray"), choice=None)
    with pytest.raises(OptionError, match="are of this machine: leave out `engine` ray"):
        Plan(budget=5.0).settle(on_a_cluster, ScanSettings())


def test_the_cross_fits_are_those_that_are_trained_regularised_or_not(samples: Samples, tried: list[Any]) -> None:
    mixup = {"mixup": {"alpha": "0.5"}}
    for around in ({}, mixup):
        settings = ScanSettings(methods=("ce", "limit"), regularizers=around, precision="float32")
        Plan().settle(Prospect(samples=samples, machine=Machine(device="cpu"), choice=ON_FEATURES), settings)
    assert tried == [("ce", {}), ("limit", {}), ("ce", mixup), ("limit", mixup), ("ce", {})]


def test_what_it_took_is_compared_with_the_forecast(samples: Samples, tried: list[Any]) -> None:
    ticks = clock(0.0, 10.0, 500.0)
    plan = Plan(timer=lambda: next(ticks))
    about = Prospect(samples=samples, machine=Machine(device="cpu"), choice=ON_FEATURES)
    plan.settle(about, ScanSettings(precision="float32"))
    assert plan.review().startswith("Took 8 min, ")
    assert "% more than forecast (7 min)" in plan.review()
    assert Plan().review() == ""  # nothing was forecast


def test_what_was_not_told_is_not_compared(samples: Samples, tried: list[Any]) -> None:
    said: list[str] = []
    ticks = clock(0.0, 0.0, 500.0)
    plan = Plan(timer=lambda: next(ticks))
    machine = Machine(device="cpu", notice=said.append)
    plan.settle(Prospect(samples=samples, machine=machine, choice=None, given=True), ScanSettings())
    assert plan.forecast is not None
    assert plan.forecast.seconds < WORTH_SAYING
    assert said == []
    assert plan.review() == "", "500 s are many, but nobody has heard of a forecast"


def test_a_forecast_of_some_seconds_is_announced_and_one_of_a_moment_is_not(samples: Samples, tried: list[Any]) -> None:
    heard: list[str] = []
    machine = Machine(device="cpu", progress=lambda stage, *_: heard.append(stage))
    few = samples.take(np.arange(100))
    asked: list[tuple[Samples, dict[str, Any]]] = [(few, {}), (samples, {}), (few, {"budget": 1e6})]
    for some, limits in asked:
        about = Prospect(samples=some, machine=machine, choice=ON_FEATURES)
        Plan(**limits).settle(about, ScanSettings(effort="quick", precision="float32"))
        heard.append("settled")
    assert heard == ["settled", "forecast", "settled", "forecast", "settled"]


def test_the_trials_of_a_forecast_are_behind_the_scan(samples: Samples, tried: list[Any]) -> None:
    ticks = itertools.count()
    plan = Plan(timer=lambda: next(ticks) * 10.0)
    about = Prospect(samples=samples, machine=Machine(device="cpu"), choice=ON_FEATURES)
    plan.settle(about, ScanSettings(precision="float32"))
    assert plan.forecast is not None
    assert plan.forecast.spent == 10.0 * (next(ticks) - 1), "the clock was asked after the last trial"


def test_what_does_not_fit_into_memory_is_not_even_tried(
    samples: Samples, tried: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trying a method loads PyTorch, and then there is no room for an effort that does without."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    about = Prospect(samples=samples, machine=Machine(device="cpu"), choice=ON_FEATURES)
    quick, standard = (
        forecast_memory(about, ScanSettings(effort=effort, precision="float32")) for effort in ("quick", "standard")
    )
    assert standard > quick + 700e6
    plan, settings = settle(samples, [], max_memory=quick * MEMORY_SPREAD + 100e6)
    assert settings.effort == "quick"
    assert tried == []
    assert plan.forecast is not None


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_memory": 100e6}, r"`max_memory` 100 MB: even `effort` quick may take [0-9.]+ [MG]B: give"),
        ({"budget": 11.0}, r"`budget` 11 s: even `effort` quick may take more than [0-9]+ s here: give"),
    ],
)
def test_what_is_too_much_by_what_can_be_counted_is_refused_before_anything_is_tried(
    samples: Samples, tried: list[Any], monkeypatch: pytest.MonkeyPatch, limits: dict[str, Any], said: str
) -> None:
    """Trying five backbones on 48 scenes took 12 CPU seconds and 1.1 GB, to refuse 5 s or 200 MB."""
    monkeypatch.setattr("labelaudit.features.forecast_embedding", lambda *_, **__: pytest.fail("embedded"))
    if "max_memory" in limits:
        monkeypatch.setattr(planning, "measure_unit_costs", lambda *_, **__: pytest.fail("measured"))
    with pytest.raises(OptionError, match=said):
        settle(samples, [], **limits)
    assert tried == []


def test_training_is_not_tried_of_an_effort_that_takes_too_long_without(samples: Samples, tried: list[Any]) -> None:
    assert settle(samples, [], budget=200.0)[1].effort == "quick"
    assert tried == [], "embedding at standard effort takes 390 s of 200"


def test_max_memory_leaves_room_for_a_forecast_that_is_too_low(samples: Samples, tried: list[Any]) -> None:
    plan, _ = settle(samples, [], effort="quick", max_memory=500e9)
    assert plan.forecast is not None
    with pytest.raises(OptionError, match="may take"):
        settle(samples, [], effort="quick", max_memory=plan.forecast.memory * 1.1)


def test_a_scan_keeps_its_budget_and_records_the_effort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "measure_unit_costs", lambda *_, **__: COSTS)
    x, _, given = blobs()
    np.save(tmp_path / "labels.npy", np.array(["ant", "bee", "cat"])[given])
    said: list[str] = []
    limits: dict[str, Any] = {"budget": "10h", "max_memory": "500GB", "effort": "thorough"}
    audit = scan(
        labels=tmp_path / "labels.npy", features=x, methods=[], output=tmp_path / "run", notice=said.append, **limits
    )
    assert audit.settings["effort"] == "thorough"
    assert "Effort: thorough, the largest that fits." in said
    assert said[-1].startswith("Took ")
    assert audit.stages[-1].name == "write", "the sum of the stages is what the whole scan took"
    assert [stage.name for stage in read(tmp_path / "run").stages] == [stage.name for stage in audit.stages[:-1]]
    with pytest.raises(OptionError, match="even `effort` quick may take"):
        scan(labels=tmp_path / "labels.npy", features=x, methods=[], max_memory="1MB")


def test_no_effort_is_said_to_fit_where_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "measure_unit_costs", lambda *_, **__: COSTS)
    _, _, given = blobs()
    said: list[str] = []
    scan(labels=given.tolist(), probs=np.eye(3)[given] * 0.7 + 0.1, budget="10h", notice=said.append)
    (line,) = [line for line in said if line.startswith("This takes about")]
    assert ": ;" not in line, "where no stage takes a second none is named"
    assert not any("largest that fits" in line for line in said)
    with pytest.raises(OptionError, match=r"^`max_memory` 1\.0 MB: this may take"):
        scan(labels=given.tolist(), probs=np.eye(3)[given] * 0.7 + 0.1, max_memory="1MB")


@pytest.mark.parametrize("named", [{"methods": ["ce"]}, {"regularizers": ["mixup"]}, {"train": "pixels"}])
def test_training_that_cannot_fit_is_refused_before_pytorch_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, Any]
) -> None:
    """It takes a gigabyte, which a limit of 300 MB was refused with."""
    np.save(tmp_path / "labels.npy", np.array(["ant", "bee"] * 10))
    monkeypatch.setattr("labelaudit.scanning.plan.sys", SimpleNamespace(modules={}))
    monkeypatch.setattr("labelaudit.scanning.scan.check_settings", lambda _: pytest.fail("loads PyTorch"))
    with pytest.raises(OptionError, match=r"^`max_memory` 300 MB: training takes [0-9.]+ [GM]B or more with PyTorch"):
        scan(labels=tmp_path / "labels.npy", max_memory="300MB", effort="quick", **named)


def test_networks_of_other_libraries_take_pytorch(samples: Samples, tried: list[Any]) -> None:
    about = Prospect(samples=samples, machine=Machine(device="cpu"), choice=ON_FEATURES)
    own, other = (ScanSettings(effort="quick", backbone=(name,)) for name in ("lite0@128", "resnet18"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("labelaudit.scanning.forecast.sys", SimpleNamespace(modules={}))
        patch.setattr("labelaudit.scanning.forecast.peak_memory", lambda: 100e6)
        less, more = (forecast_memory(about, one) for one in (own, other))
        assert more - less == pytest.approx(700e6 - 130e6, rel=0.01)
        patch.setattr("labelaudit.features.count_missing", lambda *_, **__: 0)
        assert less - forecast_memory(about, own) == pytest.approx(130e6), "all features are kept"


def test_images_beside_what_was_given_are_looked_at(samples: Samples) -> None:
    """Of 1,000 scenes with probabilities of their own 2 s were forecast and 4 taken."""
    about = Prospect(samples=samples, machine=Machine(), choice=None, given=True)
    work = count_work(about, ScanSettings())
    found, without = (count_seconds(replace(work, pictures=one), COSTS) for one in (work.pictures, False))
    assert set(found) == {"decide", "write"}
    assert found["decide"] > without["decide"] + 1


def test_the_range_reaches_from_no_suspect_to_many(
    samples: Samples, tried: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """120 PNG files without a suspect took 8 s where 19 s were forecast, and 40 % of suspects half as long again."""
    large = replace(TODAY, look=0.04, preview=0.08)
    monkeypatch.setattr(planning, "measure_unit_costs", lambda *_, **__: large)
    found = settle(samples, [], "quick")[0].forecast
    assert found is not None
    work = count_work(Prospect(samples=samples, machine=Machine(), choice=ON_FEATURES), ScanSettings(effort="quick"))
    none, some, many = (
        sum(count_seconds(replace(work, suspects=share), large).values()) for share in (0.0, SUSPECTS, MANY_SUSPECTS)
    )
    assert none + 50 < some < many - 50
    rest = sum(found.stages.values()) - some
    assert found.low == pytest.approx(10 + (rest + none) / SPREAD)
    assert found.high == pytest.approx(10 + (rest + many) * SPREAD)


@pytest.mark.parametrize("text", ["", "10", "ten minutes", "-5m", "0s", "10x", "5m5"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="is not a time: write one such as 90s, 10m or 1h30m"):
        parse_budget(text)


@pytest.mark.parametrize("text", ["", "4", "4 apples", "0GB", "-1GB", "4KB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="is not a size: write one such as 500MB or 4GB"):
        parse_memory(text)
