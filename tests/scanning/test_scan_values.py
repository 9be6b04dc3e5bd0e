"""Values that Python code may pass to a scan, and those that are refused by what is meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_scans import NAMES, blobs

from labelaudit import DataError, OptionError, scan
from labelaudit.data.source import Source
from labelaudit.machine import Machine
from labelaudit.scanning import scan as scanning
from labelaudit.training.settings import ModelSettings


def test_workers_may_be_a_number_of_numpy_and_a_device_one_of_torch() -> None:
    assert Machine(workers=np.int64(2)).workers == 2
    assert Machine(device=torch.device("cpu")).settled().device == "cpu"  # type: ignore[arg-type]


def test_names_may_come_as_they_are_made(labels_file: Path) -> None:
    given: dict[str, Any] = {"features": blobs()[0], "effort": "quick"}
    numbered = scan(labels=labels_file, classes={"cat": 0, "ant": 2, "bee": 1}, **given)
    assert numbered.samples.classes == ("cat", "bee", "ant")
    made = scan(labels=labels_file, classes=iter(NAMES.tolist()), methods=iter(()), **given)
    assert made.samples.classes == tuple(NAMES)


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            {"workers": 0},
            {"workers": "2"},
            {"engine": "spark"},
            {"effort": 3},
            {"seed": "a"},
            {"seed": -1},
            {"budget": -5},
        ),
        {"address": "10.0.0.5:6379"},
    ],
)
def test_a_value_that_python_lets_through_is_refused_before_the_long_work(folder: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(wrong))):
        scan(folder, **wrong)


_SPAN = np.timedelta64(2, "m")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"group": [1]}, "`group` [1]: give a text or a list of texts"),
        ({"bands": "4,3,2"}, "`bands` '4,3,2': give a list of whole numbers"),
        ({"options": ["sln"]}, "`options` ['sln']: give a dictionary of dictionaries"),
        ({"options": {"sln": 1}}, "`options` {'sln': 1}: give a dictionary of dictionaries"),
        ({"methods": 3}, "`methods` 3: give a text or a list of texts"),
        ({"max_memory": timedelta(1)}, "`max_memory` datetime.timedelta(days=1): give a number or a text"),
        ({"ordinal": "no"}, "`ordinal` 'no': give True or False"),
        ({"output": 3}, "`output` 3: give a path or a text"),
        ({"notice": 3}, "`notice` 3: give a function"),
        ({"html": 2}, "`html` 2: give True or False"),
        ({"budget": [5]}, "`budget` [5]: give a number or a text or a timedelta"),
        ({"budget": _SPAN}, f"`budget` {_SPAN!r}: give a number or a text or a timedelta"),
        ({"label_column": np.zeros((2, 2))}, "`label_column` of type ndarray: give a text"),
    ],
)
def test_a_value_of_another_type_is_refused_by_what_is_meant(folder: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError) as refused:
        scanning.scan(folder, **wrong)
    assert str(refused.value) == said


def test_types_are_looked_at_wherever_settings_are_made() -> None:
    with pytest.raises(OptionError, match="`bands` '4,3,2': give a list of whole numbers"):
        Source(data="images", bands="4,3,2")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="`regularizers` 'mixup': give a list of texts or a dictionary"):
        ModelSettings(regularizers="mixup")
    with pytest.raises(OptionError, match=r"`epochs` 1\.5: give a whole number"):
        ModelSettings(epochs=1.5)  # type: ignore[arg-type]


def test_what_numpy_and_datetime_say_plainly_is_taken(folder: Path) -> None:
    plain: dict[str, Any] = {"seed": np.int64(3), "ordinal": np.bool_(False), "methods": np.array([], dtype=str)}
    plain |= {"bands": np.array([3, 2, 1]), "html": 0}
    audit = scan(folder, effort="quick", backbone="lite0@32", budget=timedelta(minutes=5), **plain)
    assert audit.seed == 3


def test_a_single_name_needs_no_list(folder: Path) -> None:
    audit = scan(folder, methods="ce", options={"ce": {"epochs": 1}}, backbone="lite0@32", effort="quick")
    assert audit.settings["backbone"] == ["lite0@32"]
    with pytest.raises(OptionError, match="unknown regularizer 'mixpu': did you mean 'mixup'"):
        scan(folder, regularizers="mixpu")


def test_features_and_labels_in_memory_are_enough() -> None:
    torch, frames = pytest.importorskip("torch"), pytest.importorskip("pandas")
    x = np.repeat(np.eye(2, 8, dtype=np.float32), 20, axis=0) + np.random.default_rng(0).normal(0, 0.1, (40, 8))
    labels = ["cat"] * 19 + ["dog"] * 21
    for features in (x, x.tolist(), torch.tensor(x), frames.DataFrame(x)):
        audit = scan(labels=labels, features=features, effort="quick")
        assert [row["path"] for row in audit.table("suspects")] == ["row#19"]
    named = frames.DataFrame(np.eye(2)[[0] * 19 + [1] * 21], columns=["cat", "bird"])
    with pytest.raises(DataError, match="no class is called as column 'bird': the classes are cat, dog"):
        scan(labels=labels, probs=named)
    with pytest.raises(DataError, match="`features` is of type list, no matrix"):
        scan(labels=labels, features=[[1, 2], [3]])
    with pytest.raises(DataError, match=r"of type Tensor, no matrix .*: give a NumPy array, such as x.detach"):
        scan(labels=labels, features=torch.tensor(x).bfloat16())
