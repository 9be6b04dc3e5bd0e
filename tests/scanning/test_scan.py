"""The whole scan, end to end, on data small enough for seconds: every way in, every bad input, the same bits twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from small_scans import FEW, NAMES, blobs

from labelaudit import Audit, DataError, LabelAuditError, OptionError, read_audit, scan
from labelaudit.check.upkeep import shaping_settings
from labelaudit.machine import multiplies_bfloat16
from labelaudit.scanning.notes import note_doubt, note_few, note_unrelated
from labelaudit.scanning.settings import ScanSettings
from labelaudit.types import Samples


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
    assert len(rows) >= len(wrong) - 1
    assert all(row["predicted_label"] == wrong[row["path"]] for row in rows)
    assert ",".join(list(rows[0])[:5]) == "rank,path,given_label,predicted_label,is_label_issue"
    assert ",".join(list(rows[0])[5:9]) == "tier,label_score,given_prob,predicted_prob"
    assert {"limit", "cross_entropy", "neighbors", "reason", "shift"} <= set(rows[0])
    again = read_audit(tmp_path / "run")
    assert again.table("samples") == audit.table("samples")
    texts = {"suspects.csv", "samples.csv", "summary.json", "audit.json"}
    assert set(audit.files) == texts | {"evidence.npz", "judge.npz", "report.html"}


def test_same_seed_same_bits(labels_file: Path) -> None:
    x, _, _ = blobs()
    few = {name: {"epochs": 5} for name in ("sln", "crust", "ce")}
    runs = [scan(labels=labels_file, features=x, methods=["sln", "crust"], options=few, seed=5) for _ in range(2)]
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
        ({"features": np.full((150, 4), 0.5)}, "all rows hold the same, which tell no sample"),
        ({"features": spoiled(blobs()[0], 7, 1e30).astype(np.float64) * 1e30}, "row 7 holds .* beyond 3.4e38"),
        ({"features": blobs()[0].astype(complex)}, "real numbers .* complex128"),
        ({"features": blobs()[0][:, :0]}, r"not \(150, 0\)"),
        ({}, "no images to judge them by"),
        ({"features": "no/such.npy"}, "`features`. cannot be read .*give a .npy file"),
        ({"probs": np.ones((150, 3))}, "row 0 sums to 3"),
        ({"probs": np.tile([0.5, 0.6, -0.1], (150, 1))}, "row 0 holds -0.1"),
        ({"probs": np.ones((150, 3)) / 3}, "all rows hold the same probabilities"),
        ({"probs": np.ones((150, 2)) / 2}, r"must be \(150, 3\)"),
        ({"features": blobs()[0], "methods": ["limt"]}, "did you mean 'limit'"),
        ({"features": blobs()[0], "options": {"limit": {"bta": 1}}}, "did you mean 'beta'"),
        ({"features": blobs()[0], "methods": ["limit"], "options": {"sln": {"sigma": 1}}}, "not among the methods"),
        ({"features": blobs()[0], "train": "pixel"}, "did you mean 'pixels'"),
        ({"features": blobs()[0], "effort": "fast"}, "unknown effort"),
        ({"features": blobs()[0], "device": "cuda"}, "`device` cuda"),
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
    audit = scan(labels=tmp_path / "labels.csv", features=np.vstack([x, x[:1]]), methods=[])
    assert any("rare" in note and "fewer than 5" in note for note in audit.notes)
    assert not audit.decision.judged[-1]
    assert {row["label"]: row["judged"] for row in audit.class_table()}["rare"] is False


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
    assert audit.decision.recipe["methods_in"] == ("bfloat16" if multiplies_bfloat16() else "float32")
    kinds = {finding.path: finding.kind for finding in audit.findings}
    assert kinds["ant/zero.jpg"] == "empty"
    assert kinds["bee/cut.png"] == "truncated"
    assert "conflict" in kinds.values()
    assert len(audit.samples) == 91
    rows = {row["path"]: row for row in audit.table("samples")}
    assert rows["cat/copy.png"]["is_label_issue"]
    assert rows["cat/copy.png"]["predicted_label"] == "bee"


@pytest.mark.parametrize("blank", [4, 40])
def test_blank_images_are_not_judged_unless_a_class_is_made_of_them(folder: Path, blank: int) -> None:
    for name in ("ant", "bee"):
        Image.new("L", (12, 12)).save(folder / name / "black.png")
    for i in range(blank):
        Image.new("L", (12, 12), i).save(folder / "cat" / f"black{i}.png")
    audit = scan(folder, effort="quick", train="features", methods=())
    rows = {str(row["path"]): row for row in audit.table("samples")}
    paths = {finding.path for finding in audit.findings if finding.kind == "uniform"}
    assert len(paths) == blank + 2
    told = {finding.kind for finding in audit.findings} - {"uniform"}
    if blank == 4:
        assert {rows[path]["reason"] for path in paths} == {"not judged: all of its pixels are alike"}
        assert not any(rows[path]["is_label_issue"] for path in paths)
        assert not told
        assert any("Cannot judge 6 images with nothing to see" in note for note in audit.notes)
    else:
        assert rows["ant/black.png"]["is_label_issue"]
        assert rows["ant/black.png"]["predicted_label"] == "cat"
        assert "conflict" in told


def test_a_folder_from_pixels(folder: Path) -> None:
    options = {"ce": {"epochs": "8"}}
    audit = scan(folder, train="pixels", methods=["ce"], options=options, effort="quick")
    assert audit.decision.recipe["methods_on"] == "pixels"
    assert audit.decision.recipe["methods_in"] == "float32"
    worst = [row["path"] for row in audit.table("samples")[:4]]
    assert {"cat/10.png", "ant/41.png"} & set(worst)


def test_labels_that_nothing_goes_with_are_said() -> None:
    x, truth, given = blobs()
    shuffled = np.random.default_rng(0).permutation(truth)

    def first_note(labels: npt.NDArray[np.int64]) -> str:
        return scan(labels=NAMES[labels], features=x, effort="quick").notes[0]

    assert first_note(shuffled).startswith("No model predicts the labels better than the sizes of the classes do.")
    assert first_note(np.where(np.arange(len(x)) < 75, given, shuffled)).startswith("The ranking rests on ")


def test_nothing_is_sure_where_no_model_predicts_the_labels() -> None:
    """Of 300 labels drawn by lot 214 were called surely wrong beside a note that the ranking means nothing."""
    rng = np.random.default_rng(0)
    kinds = np.arange(300) % 3
    x = rng.normal(size=(300, 8)) + 6 * np.eye(8)[kinds]
    audit = scan(labels=NAMES[rng.integers(0, 3, 300)], features=x, effort="quick")
    assert any(note.startswith("No model predicts the labels better") for note in audit.notes)
    assert not audit.decision.is_sure.any()
    assert not any("of the suspects" in note or "suspects are sure" in note for note in audit.notes)


def test_classes_that_models_can_hardly_see_are_said() -> None:
    x, _, given = blobs()
    decision = scan(labels=NAMES[given], features=x, effort="quick").decision
    assert decision.is_issue.sum() >= 10
    assert note_doubt(decision, "", 0.4)[0].startswith("The models name the given class of only 40% of the images:")
    assert not any("name the given class" in note for note in note_doubt(decision, "", 0.5))


def test_probabilities_that_agree_with_every_label_are_asked_about() -> None:
    labels = np.arange(60) % 3
    probs = np.full((60, 3), 0.05) + 0.85 * np.eye(3)[labels]
    said = "The given probabilities agree with every label."
    assert any(note.startswith(said) for note in scan(labels=labels, probs=probs).notes)
    labels[4] = 2
    assert not any(note.startswith(said) for note in scan(labels=labels, probs=probs).notes)


def test_models_that_say_nothing_are_no_better_than_the_sizes_of_classes() -> None:
    assert note_unrelated(np.full(60, 2 / 3), samples_of({"ant": 20, "bee": 20, "cat": 20}))
    assert not note_unrelated(np.full(60, 0.5), samples_of({"ant": 20, "bee": 20, "cat": 20}))


def test_small_classes_are_said_to_blur_the_rate() -> None:
    few = samples_of({"ant": 12, "bee": 30, "cat": 31})
    assert note_few(few) == [
        "The classes have about 30 images each: too few to tell wrong labels from doubt, so the noise rate may read "
        "far too low or too high. The ranking suffers less."
    ]
    assert note_few(samples_of({"ant": 60, "bee": 60, "cat": 3})) == [
        "Cannot judge 1 class with fewer than 5 images: cat."
    ]


def samples_of(counts: dict[str, int]) -> Samples:
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    names = tuple(map(str, range(len(labels))))
    return Samples(root="", ids=names, labels=labels, classes=tuple(counts), digests=names, images=None)


def test_output_inside_the_data_is_refused_before_the_work(folder: Path) -> None:
    with pytest.raises(LabelAuditError, match="inside"):
        scan(folder, output=folder / "run")
    assert not (folder / "run").exists()


def test_progress_and_notices_are_heard_and_nothing_is_printed(
    labels_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    scan(
        labels=labels_file,
        features=blobs()[0],
        methods=["limit"],
        options=FEW,
        progress=lambda s, d, t: heard.append(s),
    )
    assert {"probes", "training limit", "decide"} <= set(heard)
    assert capfd.readouterr() == ("", "")
