"""The whole scan, end to end, on data small enough for seconds: every way in, every bad input, the same bits twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pictures import Listed
from PIL import Image
from safetensors.torch import save_file

from labelaudit import Audit, DataError, LabelAuditError, OptionError, read_audit, scan
from labelaudit.check.upkeep import shaping_settings
from labelaudit.data.ingest import ingest
from labelaudit.data.pixels import load_pixels, typical_side
from labelaudit.data.sources import open_source
from labelaudit.judge.noise_model import NO_CLASS, UNKNOWN
from labelaudit.machine import Machine
from labelaudit.networks import build
from labelaudit.scanning.assessment import _note_few
from labelaudit.scanning.choice import TrainingInput, choose_training_input
from labelaudit.scanning.effort import backbones_of, fine_tunes
from labelaudit.scanning.forecast import forecast_scan
from labelaudit.scanning.pool import TUNING
from labelaudit.scanning.settings import ScanSettings
from labelaudit.training.crossfit import network_builder
from labelaudit.types import Samples
from labelaudit.verdicts import Verdict, append, verdicts_file
from labelaudit.verdicts.matching import known_labels

NAMES = np.array(["ant", "bee", "cat"])


def blobs(n: int = 150, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Features, true and given labels with 8 % flips."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    x = (rng.normal(0, 3, (3, 10))[truth] + rng.normal(size=(n, 10))).astype(np.float32)
    given = truth.copy()
    rows = rng.choice(n, n // 12, replace=False)
    given[rows] = (given[rows] + 1) % 3
    return x, truth, given


@pytest.fixture
def labels_file(tmp_path: Path) -> Path:
    _, _, given = blobs()
    lines = "".join(f"s{i},{NAMES[g]},{i % 7}\n" for i, g in enumerate(given))
    (tmp_path / "labels.csv").write_text("path,label,shift\n" + lines)
    return tmp_path / "labels.csv"


def test_regularizers_go_around_the_methods_asked_for_and_are_recorded(labels_file: Path, tmp_path: Path) -> None:
    def run(**options: Any) -> Audit:
        settings = {"methods": ["ce"], "options": {"ce": {"epochs": 2}}, "device": "cpu", "html": False, **options}
        return scan(labels=labels_file, features=blobs()[0], **settings)

    plain, mixed = run(), run(regularizers={"mixup": {"alpha": "2"}}, output=tmp_path / "run")
    assert "regularizers" not in plain.settings
    assert mixed.settings["regularizers"] == {"mixup": {"alpha": "2"}}
    assert mixed.evidence["ce"].tables["settings"]["regularizers"] == {"mixup": {"alpha": 2.0}}
    assert not np.array_equal(mixed.evidence["ce"].suspicion, plain.evidence["ce"].suspicion)
    reference = "cross_entropy"
    assert np.array_equal(mixed.evidence[reference].suspicion, plain.evidence[reference].suspicion)
    again = read_audit(tmp_path / "run")
    assert ScanSettings.of(again).regularizers == {"mixup": {"alpha": "2"}}
    assert shaping_settings(again, 0.5)["regularizers"] == {"mixup": {"alpha": "2"}}
    with pytest.raises(OptionError, match="unknown regularizer 'mixip': did you mean 'mixup'"):
        run(regularizers=["mixip"])


def test_features_and_a_table(labels_file: Path, tmp_path: Path) -> None:
    x, truth, given = blobs()
    np.save(tmp_path / "x.npy", x)
    audit = scan(labels=labels_file, features=tmp_path / "x.npy", methods=["limit"], output=tmp_path / "run")
    wrong = {f"s{i}": NAMES[truth[i]] for i in np.flatnonzero(truth != given)}
    rows = audit.table("suspects")
    assert {row["path"] for row in rows} == set(wrong)
    assert all(row["predicted_label"] == wrong[row["path"]] for row in rows)
    assert ",".join(list(rows[0])[:5]) == "rank,path,given_label,predicted_label,is_label_issue"
    assert ",".join(list(rows[0])[5:9]) == "tier,label_score,given_prob,predicted_prob"
    assert {"limit", "cross_entropy", "logistic", "neighbors", "reason", "shift"} <= set(rows[0])
    again = read_audit(tmp_path / "run")
    assert again.table("samples") == audit.table("samples")
    texts = {"suspects.csv", "samples.csv", "summary.json", "audit.json"}
    assert set(audit.files) == texts | {"evidence.npz", "judge.npz", "report.html"}


def test_same_seed_same_bits(labels_file: Path) -> None:
    x, _, _ = blobs()
    runs = [scan(labels=labels_file, features=x, methods=["sln", "crust"], seed=5) for _ in range(2)]
    assert np.array_equal(runs[0].decision.suspicion, runs[1].decision.suspicion)
    for name, evidence in runs[0].evidence.items():
        assert np.array_equal(evidence.suspicion, runs[1].evidence[name].suspicion), name


def test_probabilities_alone(labels_file: Path) -> None:
    x, truth, given = blobs()
    probs = np.full((len(x), 3), 0.05) + 0.85 * np.eye(3)[truth]
    audit = scan(labels=labels_file, probs=probs)
    assert set(np.flatnonzero(audit.decision.is_issue)) == set(np.flatnonzero(truth != given))
    assert list(audit.evidence) == ["given", "pool", "noise_model"]
    assert any("no method was trained" in note for note in audit.notes)


def spoiled(values: npt.NDArray[np.float32], row: int, value: float) -> npt.NDArray[np.float32]:
    values = values.copy()
    values[row, 0] = value
    return values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": np.zeros((3, 4), np.float32)}, "features must be a matrix of real numbers with 150 rows"),
        ({"features": spoiled(blobs()[0], 7, np.nan)}, "row 7 holds NaN, infinity"),
        ({"features": spoiled(blobs()[0], 7, 1e30).astype(np.float64) * 1e30}, "row 7 holds .* beyond 3.4e38"),
        ({"features": blobs()[0].astype(complex)}, "real numbers .* complex128"),
        ({"features": blobs()[0][:, :0]}, r"not \(150, 0\)"),
        ({}, "no images to judge them by"),
        ({"features": "no/such.npy"}, "no .npy file that can be read"),
        ({"probs": np.ones((150, 3))}, "row 0 sums to 3"),
        ({"probs": np.ones((150, 2)) / 2}, r"must be \(150, 3\)"),
        ({"features": blobs()[0], "methods": ["limt"]}, "did you mean 'limit'"),
        ({"features": blobs()[0], "options": {"limit": {"bta": 1}}}, "did you mean 'beta'"),
        ({"features": blobs()[0], "methods": ["limit"], "options": {"sln": {"sigma": 1}}}, "not among the methods"),
        ({"features": blobs()[0], "train": "pixel"}, "did you mean 'pixels'"),
        ({"features": blobs()[0], "effort": "fast"}, "unknown effort"),
        ({"features": blobs()[0], "device": "cuda"}, "--device cuda"),
    ],
)
def test_bad_input_is_one_clear_line(labels_file: Path, arguments: dict[str, object], message: str) -> None:
    if arguments.get("device") == "cuda":
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("this machine has a CUDA device")
    with pytest.raises(LabelAuditError, match=message) as caught:
        scan(labels=labels_file, **arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_one_class_cannot_be_audited(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na,x\nb,x\n")
    with pytest.raises(LabelAuditError, match="class"):
        scan(labels=tmp_path / "labels.csv", features=np.ones((2, 2), np.float32))


def test_tiny_classes_are_named_and_never_flagged(tmp_path: Path) -> None:
    x, _, given = blobs()
    names = [*NAMES[given], "rare"]
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(f"s{i},{n}\n" for i, n in enumerate(names)))
    audit = scan(labels=tmp_path / "labels.csv", features=np.vstack([x, x[:1]]), methods=["limit"])
    assert any("rare" in note and "fewer than 5" in note for note in audit.notes)
    assert not audit.decision.judged[-1]
    assert {row["label"]: row["judged"] for row in audit.class_table()}["rare"] is False


def picture(label: int, rng: np.random.Generator) -> Image.Image:
    """A 12-pixel image whose stripes run as its class says."""
    grey = rng.normal(128, 20, (12, 12))
    if label == 0:
        grey[::3] += 90
    elif label == 1:
        grey[:, ::3] += 90
    else:
        grey += 90 * np.eye(12)
    return Image.fromarray(grey.clip(0, 255).astype(np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for i in range(90):
        label = i % 3
        where = tmp_path / "images" / str(NAMES[(label + 1) % 3 if i in (10, 41) else label])
        where.mkdir(parents=True, exist_ok=True)
        picture(label, rng).save(where / f"{i}.png")
    return tmp_path / "images"


def test_one_picture_under_every_name_cannot_be_audited(tmp_path: Path) -> None:
    for i in range(8):
        where = tmp_path / "images" / "ab"[i % 2]
        where.mkdir(parents=True, exist_ok=True)
        Image.new("L", (12, 12), 90).save(where / f"{i}.png")
    with pytest.raises(DataError, match="all 8 images are the same file"):
        scan(tmp_path / "images", effort="quick", methods=["limit"])


def test_a_folder_with_broken_files_from_features(folder: Path) -> None:
    (folder / "ant" / "zero.jpg").write_bytes(b"")
    whole = (folder / "bee" / "1.png").read_bytes()
    (folder / "bee" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "cat" / "copy.png").write_bytes(whole)
    audit = scan(folder, effort="quick", train="features", methods=["crust"], workers=2)
    kinds = {finding.path: finding.kind for finding in audit.findings}
    assert kinds["ant/zero.jpg"] == "empty"
    assert kinds["bee/cut.png"] == "truncated"
    assert "conflict" in kinds.values()
    assert len(audit.samples) == 91
    rows = {row["path"]: row for row in audit.table("samples")}
    assert rows["cat/copy.png"]["is_label_issue"]
    assert rows["cat/copy.png"]["predicted_label"] == "bee"


def test_a_folder_from_pixels(folder: Path) -> None:
    options = {"ce": {"epochs": "8"}}
    audit = scan(folder, train="pixels", methods=["ce"], options=options, effort="quick")
    assert audit.decision.recipe["methods_on"] == "pixels"
    worst = [row["path"] for row in audit.table("samples")[:4]]
    assert {"cat/10.png", "ant/41.png"} & set(worst)


def test_thorough_on_a_gpu_fine_tunes_a_backbone_whose_opinion_is_weighed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelaudit.scanning.assessment.fine_tunes", lambda *_, **__: True)
    monkeypatch.setattr("labelaudit.scanning.pool.TUNED_SIDE", 32)
    monkeypatch.setattr("labelaudit.scanning.forecast.TUNED_SIDE", 32)
    monkeypatch.setattr(
        "labelaudit.training.forecast.forecast_crossfit", lambda *_, **__: 60.0
    )  # seconds: none that are measured here
    monkeypatch.setitem(TUNING, "options", {"epochs": 2, "batch": 16, "lr": 5e-4})
    said: list[str] = []
    audit = scan(folder, effort="quick", train="features", methods=[], notice=said.append)
    tuned = audit.evidence["fine_tuned"]
    assert tuple(tuned.tables["settings"][key] for key in ("network", "folds", "lr")) == ("lite0", 3, 5e-4)
    assert tuned.probs is not None
    assert len(np.unique(tuned.probs.round(4), axis=0)) > 45  # each image has an opinion of its own
    assert "fine_tuned" in audit.decision.recipe["pool_weights"]
    assert any("to fine-tune lite0" in notice for notice in said)
    assert any(note.startswith("Fine-tuned lite0 end to end") for note in audit.notes)


def test_small_classes_are_said_to_blur_the_rate() -> None:
    few = samples_of({"ant": 12, "bee": 30, "cat": 31})
    assert _note_few(few) == [
        "The classes have about 30 images each: too few to tell wrong labels from doubt, so the noise rate may read "
        "far too low or too high. The ranking suffers less."
    ]
    assert _note_few(samples_of({"ant": 60, "bee": 60, "cat": 3})) == [
        "Cannot judge 1 class with fewer than 5 images: cat."
    ]


def samples_of(counts: dict[str, int]) -> Samples:
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    names = tuple(map(str, range(len(labels))))
    return Samples(root="", ids=names, labels=labels, classes=tuple(counts), digests=names, images=None)


def test_only_thorough_on_a_gpu_fine_tunes_and_not_beside_a_network_from_pixels() -> None:
    features, pixels = (TrainingInput(pixels=chosen, side=16, reason="") for chosen in (False, True))
    thorough = ScanSettings(effort="thorough")
    assert fine_tunes(thorough, features, device="cuda")
    assert not fine_tunes(thorough, features, device="cpu")
    assert not fine_tunes(ScanSettings(), features, device="cuda")
    assert not fine_tunes(thorough, pixels, device="cuda")
    assert not fine_tunes(replace(thorough, network="linear"), features, device="cuda")
    assert not fine_tunes(thorough, None, device="cuda")


def test_auto_measures_small_images_and_says_why(folder: Path) -> None:
    samples, _ = ingest(open_source(folder))
    assert samples.images is not None
    assert typical_side(samples.images) == 12
    chosen = choose_training_input(samples, ScanSettings(), Machine(device="cpu"))
    assert chosen.tiny
    assert "90 images" in chosen.reason
    asked = choose_training_input(samples, ScanSettings(train="pixels", image_size=16), Machine(device="cpu"))
    assert (asked.pixels, asked.side) == (True, 16)


def test_pixels_are_squares_in_one_channel_when_all_are_grey(folder: Path) -> None:
    (folder / "ant" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    listing = open_source(folder)
    assert listing.images is not None
    pixels, failures = load_pixels(listing.images, 8)
    assert pixels.shape == (91, 8, 8, 1)
    assert [listing.ids[row] for row, _, _ in failures] == ["ant/broken.png"]


def test_output_inside_the_data_is_refused_before_the_work(folder: Path) -> None:
    with pytest.raises(LabelAuditError, match="inside"):
        scan(folder, output=folder / "run")
    assert not (folder / "run").exists()


def test_progress_and_notices_are_heard_and_nothing_is_printed(
    labels_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    scan(labels=labels_file, features=blobs()[0], methods=["limit"], progress=lambda s, d, t: heard.append(s))
    assert {"probes", "training limit", "decide"} <= set(heard)
    assert capfd.readouterr() == ("", "")


def test_the_cost_is_forecast_before_the_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labelaudit.features.forecast_embedding", lambda *_, **__: 130.0)
    monkeypatch.setattr("labelaudit.training.forecast.forecast_crossfit", lambda *_, **__: 20.0)
    monkeypatch.setattr("labelaudit.scanning.forecast._WORTH_TIMING", 10)
    said: list[str] = []
    scan(folder, train="features", methods=["limit"], effort="quick", precision="float32", notice=said.append)
    assert said[-1:] == [
        "Here this takes about 2 min to embed 90 images with lite0@128, then about 40 s to train limit on features; "
        "0 MB hold what is trained on. To embed for --effort standard: about 21 min, --effort thorough: about 38 min."
    ]


def test_the_forecast_counts_what_is_trained_regularised_or_not(
    labels_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def note(name: str, *_: Any, regularizers: dict[str, Any], **__: Any) -> float:
        asked.append((name, regularizers))
        return 0.0

    monkeypatch.setattr("labelaudit.training.forecast.forecast_crossfit", note)
    monkeypatch.setattr("labelaudit.features.forecast_embedding", lambda *_, **__: 0.0)
    monkeypatch.setattr("labelaudit.scanning.forecast._WORTH_TIMING", 10)
    samples = replace(ingest(open_source(None, labels=labels_file))[0], images=Listed([b""] * 150))
    mixup = {"mixup": {"alpha": "0.5"}}
    for around in ({}, mixup):
        choice = TrainingInput(pixels=False, side=8, reason="")
        settings = ScanSettings(methods=("ce", "limit"), regularizers=around, backbone=("lite0@128",))
        found = forecast_scan(samples, ("lite0@128",), choice, settings, Machine(device="cpu"), tunes=False)
        assert found == ""
    assert asked == [("ce", {}), ("limit", {}), ("ce", mixup), ("limit", mixup), ("ce", {})]


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
        ({"network": "resnet32"}, "--network resnet32: say with --train pixels or --train features"),
        ({"network": "resnet33", "train": "pixels"}, "unknown network for pixels 'resnet33': did you mean 'resnet3"),
        ({"network": "linear", "train": "pixels"}, "--network linear is for --train features"),
        ({"network": "timm:resnet18", "train": "features"}, "--network timm:resnet18 is for --train pixels"),
        ({"network": "timm:resnet19", "train": "pixels"}, "unknown timm network 'resnet19': did you mean 'resnet18'"),
        ({"network": "lenet5", "train": "pixels", "image_size": 12}, "at least 16 px, not 12×12"),
        (
            {"features": np.zeros((90, 8)), "network": "resnet32"},
            "--network resnet32 is for pixels; on --features: linear",
        ),
        ({"features": np.zeros((90, 8)), "train": "pixels"}, "--train pixels with --features: .* give one of them"),
        ({"init": "x.pt", "network": "lite0", "train": "pixels"}, "lite0 brings its own weights, leave --init out"),
        ({"init": "pretrained", "train": "pixels"}, "--init pretrained is for networks of timm and torchvision"),
        (
            {"init": "no.pth", "network": "timm:test_resnet", "train": "pixels"},
            "cannot read weights from .*no.pth: No such file",
        ),
    ],
)
def test_a_network_that_cannot_be_had_is_refused_before_the_long_work(
    folder: Path, options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labelaudit.scanning.assessment.embed_samples", lambda *_: pytest.fail("too late"))
    with pytest.raises(LabelAuditError, match=message):
        scan(folder, **options)


def test_a_model_that_may_know_the_labels_does_not_judge_them(tmp_path: Path) -> None:
    (tmp_path / "MODEL").mkdir()
    weights = tmp_path / "MODEL" / "model.safetensors"
    save_file(build("timm:test_resnet", (32, 32, 3), 3).state_dict(), weights)
    for init in (tmp_path / "MODEL", weights):
        with pytest.raises(OptionError, match="may know the labels it is to judge: give published weights"):
            network_builder("timm:test_resnet", (32, 32, 3), 3, init)


def test_the_image_size_holds_for_the_backbones_unless_the_network_from_pixels_takes_it() -> None:
    features, pixels = (TrainingInput(pixels=chosen, side=16, reason="") for chosen in (False, True))
    at_96 = ScanSettings(image_size=96, precision="float32")
    named = replace(at_96, backbone=("lite2@64", "lite0"))
    assert backbones_of("standard", features, at_96, device="cpu") == ("lite0@96", "lite1@96", "lite2@96")
    assert backbones_of("thorough", features, at_96, device="cpu") == ("lite0@96", "lite1@96", "lite2@96")
    assert backbones_of("quick", features, named, device="cpu") == ("lite2@64", "lite0@96")
    assert backbones_of("standard", pixels, replace(at_96, image_size=16), device="cpu") == ("lite0@128",)
    with pytest.raises(OptionError, match="--image-size 16: backbones take 32 pixels or more"):
        scan("anywhere", image_size=16)


def test_the_verdicts_of_a_run_teach_the_next_scan(labels_file: Path, tmp_path: Path) -> None:
    x, truth, given = blobs()
    run = tmp_path / "run"
    before = scan(labels=labels_file, features=x, methods=["limit"], output=run)
    assert before.decision.recipe["reviewed"] == 0
    worst = int(before.suspects[0])
    clean = int(np.flatnonzero((given == truth) & ~before.decision.is_issue)[0])

    def judge(row: int, verdict: str, right: str = "") -> Verdict:
        digest, label = before.identity(row)
        return Verdict(path=before.samples.ids[row], digest=digest, given_label=label, verdict=verdict, new_label=right)

    other = NAMES[(given[clean] + 1) % 3]
    append(verdicts_file(run), judge(worst, "given"), judge(clean, "other", str(other)))
    after = scan(labels=labels_file, features=x, methods=["limit"], output=run)
    assert after.decision.suspicion[[worst, clean]].tolist() == [0.0, 1.0]
    suspicion, flags = after.blind
    assert flags[[worst, clean]].tolist() == [True, False]
    assert 0.2 < suspicion[worst] < 1  # the verdict also teaches the channel, so less than before
    assert before.blind[0] is before.decision.suspicion
    assert after.decision.reasons[clean] == f"reviewed: {other} is right"
    assert "People's verdicts on 2 of the images are taken as known, in training too." in after.notes
    assert verdicts_file(run).is_file()
    with pytest.raises(DataError, match=r"'none.csv' \(--verdicts\) does not exist"):
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
