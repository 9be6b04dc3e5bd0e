"""Counts of work times unit costs: the seconds, the memory and the disk of each stage, beside what scans took."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from machines import COSTS, ON_FEATURES, TODAY

from labelaudit.data.images import encode
from labelaudit.features.cells import Cells
from labelaudit.machine import Machine
from labelaudit.scanning.components import draw_dense
from labelaudit.scanning.forecast import (
    Prospect,
    count_work,
    forecast_search,
)
from labelaudit.scanning.settings import ScanSettings
from labelaudit.scanning.unit_costs import UnitCosts, measure_unit_costs
from labelaudit.scanning.workload import (
    Workload,
    count_disk,
    count_memory,
    count_seconds,
)
from labelaudit.types import Features, Samples

WORK = Workload(samples=10_000, classes=10, widths=(1280,), heard=9, folds=4, trains=512, pictures=True)


MANY = replace(TODAY, cell=1.9e-9, fit=1.7e-8)
"""With a hundred classes."""


EARLIER = UnitCosts(product=1.6e-11, eigen=2e-10, pair=3.2e-9, cell=1.6e-9, fit=2.2e-8, row=2.72e-6)
"""Those of a faster machine; eigenvectors, cells and fits were not probed there, and are guessed."""


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
