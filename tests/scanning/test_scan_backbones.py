"""The backbones that a scan takes, by its effort, its images and what it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labelaudit import OptionError, scan
from labelaudit.data.ingest import ingest
from labelaudit.data.pixels import typical_side
from labelaudit.data.sources import open_source
from labelaudit.scanning.choice import TrainingInput, choose_training_input
from labelaudit.scanning.effort import backbones_of
from labelaudit.scanning.settings import ScanSettings


def test_the_networks_learn_from_pixels_where_that_is_asked_for(folder: Path) -> None:
    samples, _ = ingest(open_source(folder))
    assert samples.images is not None
    assert typical_side(samples.images) == 12
    plain = ScanSettings(precision="float32")
    chosen = choose_training_input(samples, plain)
    assert (chosen.pixels, chosen.side, chosen.tiny) == (False, 12, True)
    asked = choose_training_input(samples, ScanSettings(train="pixels", image_size=16))
    assert (asked.pixels, asked.side, asked.tiny) == (True, 16, True)
    assert backbones("standard", chosen, plain, images=90) == ("lite0@128",), "12 pixels show no more to three"


def backbones(effort: Any, choice: TrainingInput, settings: ScanSettings, *, images: int) -> tuple[str, ...]:
    return backbones_of(choice, replace(settings, effort=effort), images=images, device="cpu")


def test_the_image_size_holds_for_the_backbones_unless_the_network_from_pixels_takes_it() -> None:
    features, pixels = (TrainingInput(pixels=chosen, side=64, longest=64, reason="") for chosen in (False, True))
    at_96 = ScanSettings(image_size=96, precision="float32")
    named = replace(at_96, backbone=("lite2@64", "lite0"))
    assert backbones("standard", features, at_96, images=90) == ("lite0@96", "lite1@96", "lite2@96")
    assert backbones("thorough", features, at_96, images=90) == ("lite0@96", "lite1@96", "lite2@96")
    assert backbones("quick", features, named, images=90) == ("lite2@64", "lite0@96")
    assert backbones_of(pixels, replace(at_96, image_size=16), images=90, device="cpu") == ("lite0@128",)
    large, middling = (TrainingInput(pixels=False, side=64, longest=side, reason="") for side in (160, 100))
    plain = ScanSettings(precision="float32")
    quick = {images: backbones("quick", large, plain, images=images) for images in (900, 9000)}
    assert quick == {900: ("lite0@224", "lite1@160"), 9000: ("lite0@224",)}, "photographs lose too much at 128"
    assert backbones("quick", features, plain, images=9000) == ("lite0@128",)
    assert backbones("quick", middling, plain, images=9000) == ("lite0@224",)
    assert backbones("standard", middling, plain, images=9000)[0] == "lite0@128", "others see more"
    standard, few = (backbones(effort, large, plain, images=90) for effort in ("standard", "quick"))
    assert standard == few == ("lite0@224", "lite1@160", "lite2@260")
    assert backbones("standard", features, plain, images=90)[0] == "lite0@128"
    with pytest.raises(OptionError, match="`image_size` 16: backbones take 32 pixels or more"):
        scan("anywhere", image_size=16)


def test_of_few_images_quick_asks_more_backbones() -> None:
    features = TrainingInput(pixels=False, side=64, longest=64, reason="")
    plain = ScanSettings(precision="float32")
    standard = backbones("standard", features, plain, images=500)
    assert backbones("quick", features, plain, images=500) == standard
    assert backbones("quick", features, plain, images=501) == ("lite0@128", "lite1@160")
    assert backbones("quick", features, plain, images=2000) == ("lite0@128", "lite1@160")
    assert backbones("quick", features, plain, images=2001) == ("lite0@128",)
    tiny = replace(features, longest=23)
    assert backbones("quick", tiny, plain, images=90) == ("lite0@128",)
    assert backbones_of(features, replace(plain, backbone=("lite2",)), images=9, device="cpu") == ("lite2",)


@pytest.mark.parametrize("wrong", ["lite7", "lite0@9999", "no-such-model"])
def test_a_backbone_that_does_not_exist_is_refused_before_anything_is_read(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(OptionError, match=wrong.partition("@")[0]):
        scan(tmp_path / "is not there", backbone=[wrong])
