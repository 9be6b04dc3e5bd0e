"""What a scan is told: the forecast, networks by name, image sizes, the verdicts of a RUN, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_scans import FEW, NAMES, blobs
from threadpoolctl import threadpool_info, threadpool_limits

from labelaudit import DataError, LabelAuditError, OptionError, read_audit, scan
from labelaudit.check.upkeep import shaping_settings
from labelaudit.data.ingest import ingest
from labelaudit.data.pixels import load_pixels, typical_side
from labelaudit.data.source import Source
from labelaudit.data.sources import open_source
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN
from labelaudit.machine import Machine, find_device
from labelaudit.networks import build
from labelaudit.scanning import scan as scanning
from labelaudit.scanning import trainings
from labelaudit.scanning.choice import TrainingInput, choose_training_input
from labelaudit.scanning.effort import backbones_of
from labelaudit.scanning.settings import ScanSettings
from labelaudit.training.crossfit import network_builder
from labelaudit.training.settings import ModelSettings
from labelaudit.verdicts import Verdict, append, verdicts_file
from labelaudit.verdicts.matching import known_labels


def test_auto_measures_small_images_and_says_why(folder: Path) -> None:
    samples, _ = ingest(open_source(folder))
    assert samples.images is not None
    assert typical_side(samples.images) == 12
    chosen = choose_training_input(samples, ScanSettings(), Machine(device="cpu"))
    assert chosen.tiny
    assert "90 images" in chosen.reason
    asked = choose_training_input(samples, ScanSettings(train="pixels", image_size=16), Machine(device="cpu"))
    assert (asked.pixels, asked.side, asked.tiny) == (True, 16, True)
    plain = ScanSettings(train="features", precision="float32")
    asked = choose_training_input(samples, plain, Machine(device="cpu"))
    assert backbones("standard", asked, plain, images=90) == ("lite0@128",), "12 pixels show no more to three"


def test_the_choice_reads_images_in_the_order_in_which_they_are_stored(folder: Path) -> None:
    samples, _ = ingest(open_source(folder))

    class Watched:
        asked: ClassVar[list[int]] = []

        def __len__(self) -> int:
            return len(samples)

        def encoded(self, row: int) -> bytes:
            self.asked.append(row)
            assert samples.images is not None
            return samples.images.encoded(row)

    choose_training_input(replace(samples, images=Watched()), ScanSettings(), Machine(device="cpu", workers=1))
    assert Watched.asked[-len(samples) :] == list(range(len(samples)))


def test_an_image_that_the_choice_of_the_input_looked_at_is_embedded_once_without_a_cache(folder: Path) -> None:
    steps: list[str] = []
    audit = scan(folder, methods=["limit"], options=FEW, progress=lambda step, *_: steps.append(step))
    assert "training limit" in steps
    assert "embed" not in steps
    assert audit.decision.recipe["features"].startswith("lite0@128")


def test_no_driver_is_no_cuda_device_whether_torch_can_be_loaded_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("labelaudit.machine._has_driver", lambda: False)
    assert find_device("auto") == "cpu"
    monkeypatch.setattr("labelaudit.machine._has_driver", lambda: True)
    with pytest.raises(ImportError):
        find_device("auto")


def test_a_scan_that_trains_nothing_and_finds_its_features_loads_no_torch(folder: Path, tmp_path: Path) -> None:
    scan(folder, effort="quick", backbone=["lite0@32"], cache=tmp_path / "cache", device="cpu")
    again = (
        "import sys; from labelaudit import scan; folder, cache = sys.argv[1:]; "
        "scan(folder, effort='quick', backbone=['lite0@32'], cache=cache, device='cpu'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", again, str(folder), str(tmp_path / "cache")], check=True)


def test_a_scan_of_many_probabilities_loads_nothing_that_it_can_do_without(tmp_path: Path) -> None:
    labels = np.arange(60) % 2
    np.save(tmp_path / "labels.npy", labels)
    np.save(tmp_path / "p.npy", np.where(np.eye(2)[labels], 0.8, 0.2) + np.linspace(-0.1, 0.1, 60)[:, None] * [1, -1])
    code = (
        "import sys; from labelaudit import scan; from labelaudit.audit import parquet; parquet.MOST_AS_TEXT = 1; "
        "audit = scan(labels='labels.npy', probs='p.npy', output='run'); assert 'samples.parquet' in audit.files; "
        "print(*{'torch', 'sklearn', 'faiss'} & {*sys.modules})"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""


def test_pixels_are_squares_in_one_channel_when_all_are_grey(folder: Path) -> None:
    (folder / "ant" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    listing = open_source(folder)
    assert listing.images is not None
    pixels, failures = load_pixels(listing.images, 8)
    assert pixels.shape == (91, 8, 8, 1)
    assert [listing.ids[row] for row, _, _ in failures] == ["ant/broken.png"]


def test_files_passed_over_are_said(folder: Path) -> None:
    (folder / "notes.txt").write_text("not an image")
    audit = scan(folder, train="features", methods=[], effort="quick")
    assert "Passed over 1 file that is not an image: 1 .txt." in audit.notes


def test_a_network_by_name_trains_from_pixels_what_it_is_told_to_begin_with(folder: Path, tmp_path: Path) -> None:
    import timm

    torch.manual_seed(0)
    weights = tmp_path / "weights.safetensors"
    save_file(timm.create_model("test_resnet", num_classes=7).state_dict(), weights)
    how: dict[str, Any] = {"train": "pixels", "network": "timm:test_resnet", "image_size": 32, "backbone": ["lite0@32"]}
    how |= {"methods": ["ce"], "options": {"ce": {"epochs": 1}}, "html": False, "init": weights}
    audit = scan(folder, output=tmp_path / "run", **how)
    made = audit.evidence["ce"].tables["settings"]
    assert (made["network"], made["init"]) == ("timm:test_resnet", str(weights))
    again = read_audit(tmp_path / "run")
    assert (ScanSettings.of(again).network, ScanSettings.of(again).init) == ("timm:test_resnet", weights)
    assert shaping_settings(again, 0.5)["network"] == "timm:test_resnet"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "resnet32"}, "`network` resnet32: say with `train` pixels or `train` features"),
        ({"network": "resnet33", "train": "pixels"}, "unknown network for pixels 'resnet33': did you mean 'resnet3"),
        ({"network": "linear", "train": "pixels"}, "`network` linear is for `train` features"),
        ({"network": "timm:resnet18", "train": "features"}, "`network` timm:resnet18 is for `train` pixels"),
        ({"network": "timm:resnet19", "train": "pixels"}, "unknown timm network 'resnet19': did you mean 'resnet18'"),
        ({"network": "lenet5", "train": "pixels", "image_size": 12}, "at least 16 px, not 12×12"),
        (
            {"features": np.zeros((90, 8)), "network": "resnet32"},
            "`network` resnet32 is for pixels; on `features`: linear",
        ),
        ({"features": np.zeros((90, 8)), "train": "pixels"}, "`train` pixels with `features`: .* give one of them"),
        ({"init": "x.pt", "network": "lite0", "train": "pixels"}, "lite0 brings its own weights, leave `init` out"),
        ({"init": "pretrained", "train": "pixels"}, "`init` pretrained is for networks of timm and torchvision"),
        (
            {"init": "no.pth", "network": "timm:test_resnet", "train": "pixels"},
            "cannot read weights from .*no.pth: No such file",
        ),
    ],
)
def test_a_network_that_cannot_be_had_is_refused_before_the_long_work(
    folder: Path, options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelaudit.scanning.description.embed_samples", lambda *_: pytest.fail("too late"))
    with pytest.raises(LabelAuditError, match=message):
        scan(folder, **options)


def test_a_model_that_may_know_the_labels_does_not_judge_them(tmp_path: Path) -> None:
    (tmp_path / "MODEL").mkdir()
    weights = tmp_path / "MODEL" / "model.safetensors"
    save_file(build("timm:test_resnet", (32, 32, 3), 3).state_dict(), weights)
    for init in (tmp_path / "MODEL", weights):
        with pytest.raises(OptionError, match="may know the labels it is to judge: give published weights"):
            network_builder("timm:test_resnet", (32, 32, 3), 3, init)


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


def test_products_are_rounded_where_that_is_faster_unless_float32_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for gains in (True, False):
        monkeypatch.setattr(trainings, "multiplies_bfloat16", lambda gains=gains: gains)
        assert trainings.rounds_products(ScanSettings(), pixels=False) is (True if gains else None)  # None: on a GPU
        assert trainings.rounds_products(ScanSettings(), pixels=True) is None
        for pixels in (False, True):
            assert trainings.rounds_products(ScanSettings(precision="float32"), pixels=pixels) is False


def test_quick_trains_nothing_unless_it_is_asked_to(labels_file: Path, tmp_path: Path) -> None:
    x, _, _ = blobs()
    bare = scan(labels=labels_file, features=x, effort="quick", output=tmp_path / "run")
    assert not {"crust", "limit", "sln", "cross_entropy"} & {*bare.evidence}
    assert bare.settings["methods"] == []
    assert ScanSettings.of(read_audit(tmp_path / "run")).trained == ()  # what is made from a RUN trains nothing either
    assert "networks" in bare.decision.recipe
    assert not any("methods learned" in note for note in bare.notes)
    header = (tmp_path / "run" / "samples.csv").read_text().splitlines()[0].split(",")
    assert not {"crust", "limit", "sln", "sln_loss"} & {*header}
    named = scan(labels=labels_file, features=x, effort="quick", methods=["limit"], options=FEW)
    assert {"limit", "cross_entropy"} <= {*named.evidence}


def test_whoever_says_something_about_training_has_it_at_quick_too() -> None:
    def trained(**said: Any) -> bool:
        return bool(ScanSettings(effort="quick", **said).trained)

    assert trained(rank_by="limit_distance")
    assert trained(options={"limit": {"beta": 5}})
    assert trained(regularizers={"mixup": {}})
    assert trained(network="linear")
    assert not trained(train="features")
    assert not trained(rank_by="neighbors")
    assert not ScanSettings(methods=()).trained


def test_the_verdicts_of_a_run_teach_the_next_scan(labels_file: Path, tmp_path: Path) -> None:
    x, truth, given = blobs()
    run = tmp_path / "run"
    before = scan(labels=labels_file, features=x, methods=["limit"], options=FEW, output=run)
    assert before.decision.recipe["reviewed"] == 0
    worst = int(before.suspects[0])
    clean = int(np.flatnonzero((given == truth) & ~before.decision.is_issue)[0])

    def judge(row: int, verdict: str, right: str = "") -> Verdict:
        digest, label = before.identity(row)
        return Verdict(path=before.samples.ids[row], digest=digest, given_label=label, verdict=verdict, new_label=right)

    other = NAMES[(given[clean] + 1) % 3]
    append(verdicts_file(run), judge(worst, "given"), judge(clean, "other", str(other)))
    after = scan(labels=labels_file, features=x, methods=["limit"], options=FEW, output=run)
    assert after.decision.suspicion[[worst, clean]].tolist() == [0.0, 1.0]
    suspicion, flags = after.blind
    assert flags[[worst, clean]].tolist() == [True, False]
    assert 0.2 < suspicion[worst] < 1  # the verdict also teaches the noise model, so less than before
    assert before.blind[0] is before.decision.suspicion
    assert after.decision.reasons[clean] == f"reviewed: {other} is right"
    assert "People's verdicts on 2 of the images are taken as known, in training too." in after.notes
    assert verdicts_file(run).is_file()
    for row, right in enumerate(NAMES[truth].tolist()):  # nobody's suspects are left
        append(verdicts_file(run), judge(row, "given") if right == NAMES[given[row]] else judge(row, "other", right))
    done = scan(labels=labels_file, features=x, methods=["limit"], options=FEW, output=run)
    assert done.decision.recipe["scale"] == "verdicts"
    assert set(done.suspects.tolist()) == set(np.flatnonzero(given != truth).tolist())
    assert (done.blind[1] & (given != truth)).sum() > 0.8 * (given != truth).sum()
    with pytest.raises(DataError, match=r"'none.csv' \(`verdicts`\) does not exist"):
        scan(labels=labels_file, features=x, verdicts="none.csv")


def test_verdicts_hold_for_every_copy_and_disputes_for_none(labels_file: Path) -> None:
    samples, _ = ingest(open_source(None, labels=labels_file))
    samples = replace(samples, digests=(samples.digests[1], *samples.digests[1:]))
    row, third = 1, 2

    def judge(at: int, verdict: str, right: str = "", by: str = "ann") -> Verdict:
        label = samples.classes[samples.labels[at]]
        identity = {"path": samples.ids[at], "digest": samples.digests[at], "given_label": label}
        return Verdict(**identity, verdict=verdict, new_label=right, reviewer=by)

    known = known_labels(samples, [judge(row, "none"), judge(third, "given"), judge(third, "none", by="bob")])
    assert known[[0, row]].tolist() == [NO_CLASS, NO_CLASS]
    assert set(known[2:].tolist()) == {UNKNOWN}


@pytest.mark.parametrize("wrong", ["lite7", "lite0@9999", "no-such-model"])
def test_a_backbone_that_does_not_exist_is_refused_before_anything_is_read(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(OptionError, match=wrong.partition("@")[0]):
        scan(tmp_path / "is not there", backbone=[wrong])


def test_products_of_matrices_stay_on_one_thread_while_a_scan_lasts(labels_file: Path) -> None:
    threads: list[int] = []

    def look(step: str = "", done: int = 0, total: int | None = None) -> None:
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

    with threadpool_limits(limits=2, user_api="blas"):
        scan(labels=labels_file, features=blobs()[0], effort="quick", progress=look)
        assert set(threads) == {1}
        look()
        assert 2 in threads


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
