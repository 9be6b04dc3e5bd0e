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
from small_scans import blobs

from labelaudit import scan
from labelaudit.audit.run import read
from labelaudit.data.images import encode
from labelaudit.data.ingest import ingest
from labelaudit.data.sources import open_source
from labelaudit.errors import OptionError
from labelaudit.features.cells import Cells
from labelaudit.machine import Machine
from labelaudit.scanning import plan as planning
from labelaudit.scanning.choice import TrainingInput
from labelaudit.scanning.components import draw_dense
from labelaudit.scanning.forecast import (
    MEMORY_SPREAD,
    SPREAD,
    WORTH_SAYING,
    Prospect,
    count_work,
    forecast_memory,
    forecast_search,
)
from labelaudit.scanning.plan import Plan, parse_budget, parse_memory
from labelaudit.scanning.settings import METHODS, ScanSettings
from labelaudit.scanning.trainings import list_trainings
from labelaudit.scanning.unit_costs import UnitCosts, measure_unit_costs
from labelaudit.scanning.workload import (
    MANY_SUSPECTS,
    SUSPECTS,
    Workload,
    count_disk,
    count_memory,
    count_seconds,
)
from labelaudit.training.settings import CrossfitSettings
from labelaudit.types import Features, Samples

COSTS = UnitCosts(product=2e-11, eigen=3e-10, pair=4e-9, cell=3e-9, fit=4e-8, row=4e-6)
"""Those of one core of 2024, so that no test depends on the machine."""
WORK = Workload(samples=10_000, classes=10, widths=(1280,), heard=9, folds=4, trains=512, pictures=True)
TODAY = UnitCosts(product=2.4e-11, eigen=2.1e-10, pair=8.8e-9, cell=1.15e-9, fit=2.9e-8, row=3.4e-6)
"""Medians of what the probe found before twenty scans on two busy cores of an AMD EPYC, with few classes."""
MANY = replace(TODAY, cell=1.9e-9, fit=1.7e-8)
"""With a hundred classes."""
EARLIER = UnitCosts(product=1.6e-11, eigen=2e-10, pair=3.2e-9, cell=1.6e-9, fit=2.2e-8, row=2.72e-6)
"""Those of a faster machine; eigenvectors, cells and fits were not probed there, and are guessed."""
ON_FEATURES = TrainingInput(pixels=False, side=8, longest=64, reason="")
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
    about = Prospect(samples=samples, machine=Machine(device="cpu"), choice=ON_FEATURES)
    for settle_by in (settle, lambda some, _, **how: narrow(some, about, **how)):
        with pytest.raises(OptionError, match=said):
            settle_by(samples, [], **limits)
    assert tried == []


def narrow(_: Samples, about: Prospect, **limits: Any) -> ScanSettings:
    ticks = clock(0.0, 10.0)
    return Plan(timer=lambda: next(ticks), **limits).narrow(about, ScanSettings(precision="float32"))


def test_training_is_not_tried_of_an_effort_that_takes_too_long_without(samples: Samples, tried: list[Any]) -> None:
    assert settle(samples, [], budget=200.0)[1].effort == "quick"
    assert tried == [], "embedding at standard effort takes 390 s of 200"
    about = Prospect(samples=samples, machine=Machine(device="cpu"), choice=ON_FEATURES)
    assert narrow(samples, about, budget=200.0).effort == "quick"
    assert narrow(samples, about, budget=1e6).effort == "standard"
    assert tried == []


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


def test_work_grows_with_samples_classes_and_widths() -> None:
    seconds = sum(count_seconds(WORK, COSTS).values())
    assert 5 < seconds < 60
    for larger in ({"samples": 20_000}, {"classes": 100}, {"widths": (1280, 1280)}, {"heard": 20}):
        more = replace(WORK, **larger)
        assert sum(count_seconds(more, COSTS).values()) > seconds
        assert count_memory(more) > count_memory(WORK)
    assert count_disk(WORK, to_embed=1e6) == count_disk(WORK, to_embed=0) + 4e6
    million = count_seconds(replace(WORK, samples=1_000_000), COSTS)
    assert million["duplicates"] < 1500 * count_seconds(WORK, COSTS)["duplicates"]  # in cells, not each with each


def test_thumbnails_of_all_small_images_are_read() -> None:
    """Where copies may be moved by some pixels; of 10,000 larger ones 2,700 are."""
    costs = replace(COSTS, look=1e-3)
    some, every = (
        count_seconds(replace(WORK, small=small), costs)["duplicates"] - count_seconds(WORK, COSTS)["duplicates"]
        for small in (False, True)
    )
    assert [some, every] == pytest.approx([2.7, 10.0])
    sides = {side: count_work(about_images(side), ScanSettings(effort="quick")).small for side in (8, 28, 64, 150)}
    assert sides == {8: False, 28: True, 64: True, 150: False}


def about_images(side: int) -> Prospect:
    few = Samples(ids=("a", "b"), labels=np.array([0, 1]), classes=("x", "y"), digests=("a" * 32, "b" * 32))
    return Prospect(samples=few, machine=Machine(), choice=replace(ON_FEATURES, longest=side))


def test_a_search_is_tried_on_rows_as_dense_as_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """60,000 x 768 features without near rows took 41 CPU s where 15 were counted."""
    rng, n = np.random.default_rng(0), 32_000
    labels = np.repeat(np.arange(n // 40), 40)
    near = rng.standard_normal((n // 40, 16), dtype=np.float32)[labels] + 0.1 * rng.standard_normal((n, 16))
    probed: list[int] = []
    for x in (near, rng.standard_normal((n, 16))):
        given = Features(values=x.astype(np.float32), name="given", version="")
        sample = draw_dense(given, labels)
        assert sample.shape == (4000, 16)
        probed.append(Cells(sample, 37).probed)
    assert probed == [8, 253], "all forty rows of a hundred classes lie together, and nothing where none is near"
    names = tuple(map(str, range(n)))
    samples = Samples(ids=names, labels=labels, classes=names[: n // 40], digests=names)
    said: list[tuple[int, ...]] = []

    def search(_: Any, *about: int) -> float:
        said.append(about)
        return 9.0

    monkeypatch.setattr("labelaudit.features.forecast_search", search)
    prospect = Prospect(samples=samples, machine=Machine(), choice=None, features=given)
    assert forecast_search(prospect) == 9.0
    assert said == [(n, 37)], "the row itself is among its nearest"
    assert forecast_search(replace(prospect, features=None)) == 0.0
    work = Workload(samples=n, classes=800, widths=(16,), threads=2)
    searched = [count_seconds(work, replace(COSTS, search=seconds))["neighbours"] for seconds in (10.0, 20.0)]
    assert searched[1] - searched[0] == pytest.approx(5.0), "on two threads"


def test_probabilities_alone_cost_no_search() -> None:
    found = count_seconds(Workload(samples=1_000_000, classes=10), COSTS)
    assert set(found) == {"decide", "write"}


def test_images_beside_what_was_given_are_looked_at(samples: Samples) -> None:
    """Of 1,000 scenes with probabilities of their own 2 s were forecast and 4 taken."""
    about = Prospect(samples=samples, machine=Machine(), choice=None, given=True)
    work = count_work(about, ScanSettings())
    found, without = (count_seconds(replace(work, pictures=one), COSTS) for one in (work.pictures, False))
    assert set(found) == {"decide", "write"}
    assert found["decide"] > without["decide"] + 1


def test_a_second_thread_halves_what_is_done_some_rows_at_a_time() -> None:
    """Searches, products and passes over all cells, votes, and looking at images; not eigenvectors, fits and text."""
    costs = replace(COSTS, preview=5e-4, look=2e-4)
    one, two = count_seconds(WORK, costs), count_seconds(replace(WORK, threads=2), costs)
    for stage in ("neighbours", "duplicates", "train", "decide", "write"):
        assert one[stage] / 2 < two[stage] < one[stage], stage
    alone = UnitCosts(product=0, pair=0, cell=0, eigen=3e-10, fit=4e-8, row=4e-6)
    one, two = count_seconds(WORK, alone), count_seconds(replace(WORK, threads=2), alone)
    assert one == two


def test_the_page_is_counted_with_its_pictures() -> None:
    pictures = 2750  # of 500 suspects and the images beside them
    drawn = count_seconds(WORK, replace(COSTS, preview=1e-3))["write"] - count_seconds(WORK, COSTS)["write"]
    assert drawn == pytest.approx(1e-3 * pictures)
    bytes_drawn = count_disk(WORK, to_embed=0) - count_disk(replace(WORK, pictures=False), to_embed=0)
    assert bytes_drawn == pytest.approx(2000 * pictures)
    many = replace(WORK, samples=1_000_000)
    more = count_seconds(many, replace(COSTS, preview=1e-3))["write"] - count_seconds(many, COSTS)["write"]
    assert more == pytest.approx(1e-3 * (5000 + 2250)), "a page shows 5,000 suspects at most"


def test_components_are_found_by_the_smaller_matrix() -> None:
    """3,000 samples in 4,096 columns took 3 s for them, and 12 when the large matrix was counted."""
    wide = Workload(samples=3_000, classes=5, widths=(4096,), heard=5, folds=4)
    assert 1.5 < count_seconds(wide, TODAY)["neighbours"] < 5
    assert count_seconds(replace(wide, samples=300), TODAY)["neighbours"] < 0.1


def test_looks_at_large_images_are_counted() -> None:
    """120 PNG files of 1600 x 1200 pixels, of which each look takes 40 ms: looking for shortcuts takes 5 s."""
    large = Workload(samples=120, classes=20, widths=(1280,), heard=5, folds=4, pictures=True)
    looked = count_seconds(large, replace(TODAY, look=0.04))["decide"] - count_seconds(large, TODAY)["decide"]
    assert 4.5 < looked < 11
    cold, warm = (count_seconds(replace(large, unseen=one), replace(TODAY, look=0.04)) for one in (True, False))
    assert cold["duplicates"] - warm["duplicates"] == pytest.approx(120 * 0.04), "thumbnails are kept"


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


def test_the_usual_sharpness_is_not_measured_without_a_suspect() -> None:
    few = Workload(samples=120, classes=20, widths=(1280,), heard=5, folds=4, pictures=True, suspects=0.0)
    looked = count_seconds(few, replace(TODAY, look=0.04))["decide"] - count_seconds(few, TODAY)["decide"]
    assert looked == pytest.approx(120 * 0.04), "looks for shortcuts alone"


def test_few_samples_make_few_products() -> None:
    """360 images in three blocks took .8 s for their components and .7 s for all models (benchmarks/RESULTS.md)."""
    few = Workload(samples=360, classes=10, widths=(1280, 1280, 1280), heard=5, folds=4, pictures=True)
    found = count_seconds(few, TODAY)
    assert found["neighbours"] < 1.2
    assert found["train"] < 1.0


def test_the_learning_curve_of_many_classes_is_in_the_memory() -> None:
    many = Workload(samples=60_000, classes=1_000, widths=(32,), heard=4)
    assert 0.9e9 < count_memory(many) < 1.2e9, "837 MB were taken beside what the process had before"
    assert count_memory(replace(many, widths=())) < 0.3e9


class Drawn:
    """Images that can be decoded."""

    def __len__(self) -> int:
        return 3

    def encoded(self, index: int) -> bytes:
        return encode(np.full((40, 40, 3), 80 * index, np.uint8)) if index else b"not an image"


def test_unit_costs_are_cpu_seconds_times_what_other_programs_take(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(100_000))
    monkeypatch.setattr("time.thread_time", lambda: float(next(ticks)))
    alone = measure_unit_costs(Drawn(), lambda: 0.0)
    assert alone.product == 1 / (128 * 4096 * 512)
    assert alone.eigen == 1 / 512**3
    assert alone.preview == 1.0
    assert alone.cell == alone.fit > alone.product
    assert alone.row > alone.cell
    begun, used = itertools.count(), itertools.count()
    monkeypatch.setattr("time.thread_time", lambda: float(next(used)))
    waiting = measure_unit_costs(None, lambda: 1000.0 * next(begun))
    assert waiting.product / alone.product == pytest.approx(waiting.row / alone.row)
    assert waiting.row / alone.row > 5, "half of the cores' time or less is ours"
    assert waiting.preview == 0.0


@pytest.mark.parametrize("text", ["", "10", "ten minutes", "-5m", "0s", "10x", "5m5"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="is not a time: write one such as 90s, 10m or 1h30m"):
        parse_budget(text)


@pytest.mark.parametrize("text", ["", "4", "4 apples", "0GB", "-1GB", "4KB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="is not a size: write one such as 500MB or 4GB"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("samples", "classes", "width", "costs", "taken"),
    [
        (1_000_000, 10, 0, TODAY, 3.4),
        (700_000, 3, 0, TODAY, 3.2),
        (100_000, 100, 0, MANY, 1.4),
        (60_000, 45, 0, TODAY, 1.1),
        (10_000, 1_000, 512, MANY, 14.0),
        (100_000, 1_000, 512, EARLIER, 50.2),
        (1_000_000, 1_000, 512, EARLIER, 299.0),
    ],
)
def test_counts_times_costs_are_what_scans_took(
    samples: int, classes: int, width: int, costs: UnitCosts, taken: float
) -> None:
    """CPU seconds of quick scans (benchmarks/RESULTS.md); a search among cells took 10 s of 100,000 rows."""
    heard = 4 if width else 1
    work = Workload(samples=samples, classes=classes, widths=(width,) if width else (), heard=heard, folds=4)
    found = count_seconds(work, replace(costs, search=1e-4 * samples if width else 0.0))
    assert sum(found.values()) == pytest.approx(taken, rel=0.3)


IMAGES: dict[str, Any] = {"classes": 10, "folds": 4, "heard": 4, "pictures": True, "widths": (1984,)}
SMALL: dict[str, Any] = IMAGES | {"small": True}


@pytest.mark.parametrize(
    ("work", "costs", "images", "taken"),
    [
        (Workload(samples=1797, unseen=False, **IMAGES), TODAY, (1e-4, 2e-4), (0.8, 0.2, 0.3, 1.9, 0.3)),
        (Workload(samples=2500, suspects=0.01, **SMALL), TODAY, (2.2e-4, 5.5e-4), (0.9, 0.6, 0.4, 1.7, 0.3)),
        (
            Workload(samples=10_000, suspects=0.01, unseen=False, **SMALL),
            TODAY,
            (2.3e-4, 5.7e-4),
            (3.9, 1.4, 0.8, 2.9, 0.5),
        ),
        (Workload(samples=5000, suspects=0.43, **SMALL), TODAY, (1.9e-4, 3.8e-4), (1.7, 1.3, 0.5, 2.9, 2.1)),
        (Workload(samples=10_000, classes=100, widths=(512,), heard=4), MANY, (0, 0), (2.4, 0.2, 2.5, 1.4, 0.3)),
        (Workload(samples=12_000, classes=1500, widths=(300,), heard=4), MANY, (0, 0), (2.5, 0.1, 10.7, 6.0, 1.6)),
    ],
)
def test_each_stage_is_counted_about_as_it_took(
    work: Workload, costs: UnitCosts, images: tuple[float, float], taken: tuple[float, ...]
) -> None:
    """CPU seconds of neighbours, duplicates, closed forms, decide and write (benchmarks/forecast.py), with looks at and
    previews of such images: within 30 % and .9 s each, the whole within 30 %."""
    found = count_seconds(work, replace(costs, look=images[0], preview=images[1]))
    for stage, seconds in zip(("neighbours", "duplicates", "train", "decide", "write"), taken, strict=True):
        assert found[stage] == pytest.approx(seconds, rel=0.3, abs=0.9), stage
    assert sum(found.values()) == pytest.approx(sum(taken), rel=0.3)


@pytest.mark.parametrize(
    ("work", "taken"),
    [
        (Workload(samples=10_000, **IMAGES), 15.4e6),
        (Workload(samples=3_632, **IMAGES | {"classes": 118}), 13.9e6),
        (Workload(samples=100_000, classes=10), 30.4e6),
        (Workload(samples=100_000, classes=100), 103e6),
        (Workload(samples=700_000, classes=3), 102e6),
        (Workload(samples=100_000, classes=10, widths=(512,), heard=5), 81.2e6),
        (Workload(samples=1_000, trained=4, **IMAGES | {"heard": 9, "widths": (1984,) * 3}), 4.7e6),
    ],
)
def test_a_run_is_counted_as_large_as_it_was(work: Workload, taken: float) -> None:
    assert count_disk(work, to_embed=0) == pytest.approx(taken, rel=0.3)
