"""What a scan is told: the forecast, networks by name, image sizes, the verdicts of a RUN, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_scans import FEW, NAMES, blobs
from threadpoolctl import threadpool_info, threadpool_limits

from labelaudit import DataError, LabelAuditError, OptionError, read_audit, scan
from labelaudit.check.upkeep import shaping_settings
from labelaudit.data.ingest import ingest
from labelaudit.data.pixels import load_pixels
from labelaudit.data.sources import open_source
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN
from labelaudit.machine import find_device
from labelaudit.networks import build
from labelaudit.scanning import trainings
from labelaudit.scanning.settings import ScanSettings
from labelaudit.training.crossfit import network_builder
from labelaudit.verdicts import Verdict, append, verdicts_file
from labelaudit.verdicts.matching import known_labels


def test_images_that_the_forecast_was_tried_on_are_embedded_once(folder: Path, tmp_path: Path) -> None:
    asked: set[tuple[str, int | None]] = set()
    how: dict[str, Any] = {"methods": ["limit"], "options": FEW, "cache": tmp_path / "cache"}
    audit = scan(folder, **how, progress=lambda step, _, total: asked.add((step, total)))
    assert {total for step, total in asked if step == "embed"} == {42}, "90 images, 48 of them in the forecast"
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


def test_products_of_matrices_stay_on_one_thread_while_a_scan_lasts(labels_file: Path) -> None:
    threads: list[int] = []

    def look(step: str = "", done: int = 0, total: int | None = None) -> None:
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

    with threadpool_limits(limits=2, user_api="blas"):
        scan(labels=labels_file, features=blobs()[0], effort="quick", progress=look)
        assert set(threads) == {1}
        look()
        assert 2 in threads
