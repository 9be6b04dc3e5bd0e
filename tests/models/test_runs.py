"""A model that is to be used: killed runs go on to the same bits, curves are true, what is written is read back."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import labelaudit.networks
from labelaudit.data.images import encode
from labelaudit.data.pixels import Squares, load_pixels
from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.methods import configure, get_method, method_names
from labelaudit.models import FittedModel, checkpoint, folder, load
from labelaudit.models.curves import dissect
from labelaudit.models.dataset import collect
from labelaudit.models.diagnosis import diagnose
from labelaudit.models.run import begin_with, train
from labelaudit.networks import Bodies, Network, build
from labelaudit.training.batches import DeviceDataset

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def digits(n: int = 90) -> tuple[Pixels, Labels, Labels]:
    """Pixels (n, 8, 8, 1), labels with 30 % planted flips, true labels."""
    bunch = load_digits()
    true = bunch.target[:n].astype(np.int64)
    rng = np.random.default_rng(0)
    given, wrong = true.copy(), rng.random(n) < 0.3
    given[wrong] = (given[wrong] + rng.integers(1, 10, wrong.sum())) % 10
    return (bunch.images[:n, ..., None] * 15.9).astype(np.uint8), given, true


def features(n: int = 60) -> tuple[npt.NDArray[np.float32], Labels]:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    return (rng.normal(size=(3, 8))[labels] + 0.5 * rng.normal(size=(n, 8))).astype(np.float32), labels


class Cut(Exception):
    """Where a run ends in a test."""


def cut_after(epoch: int) -> Any:
    def told(row: dict[str, float]) -> None:
        if row["epoch"] == epoch:
            raise Cut

    return told


def same(one: FittedModel, two: FittedModel) -> None:
    """Bit for bit, but for the clock."""
    for a, b in zip(one.model.network.state_dict().values(), two.model.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert one.losses.tobytes() == two.losses.tobytes()
    assert one.suspicion.tobytes() == two.suspicion.tobytes()
    assert {k: v.tobytes() for k, v in one.columns.items()} == {k: v.tobytes() for k, v in two.columns.items()}
    without = [[{**row, "seconds": 0.0} for row in trained.curves] for trained in (one, two)]
    assert str(without[0]) == str(without[1])  # NaN equals NaN


# resuming


@pytest.mark.parametrize("method", method_names())
def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(method: str, tmp_path: Path) -> None:
    x, labels = features()
    asked: dict[str, Any] = {"method": method, "epochs": 6, "truth": labels, "options": {"batch": 16}}
    file = tmp_path / "run" / "checkpoint.pt"
    with pytest.raises(Cut):
        train(x, labels, 3, **asked, checkpoint=file, told=cut_after(3))
    same(train(x, labels, 3, **asked), train(x, labels, 3, **asked, checkpoint=file, resume=True))


def test_a_run_that_was_killed_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL in the middle of an epoch's end, on pixels, with augmentation and regularisers that change layers."""
    methods = ["ce", "sln", "limit", "crust", "co_teaching"]
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from labelaudit.models.run import train
        from test_runs import asked_of, digits

        def die(row):
            if row["epoch"] == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        x, given, true = digits()
        for method in sys.argv[2:]:
            child = os.fork()
            if child == 0:
                file = Path(sys.argv[1]) / method / "checkpoint.pt"
                train(x, given, 10, **asked_of(method), checkpoint=file, told=die)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == signal.SIGKILL
    """)
    paths = os.pathsep.join(
        str(place) for place in (Path(__file__).parent, Path(__file__).parents[1], Path(__file__).parents[2])
    )
    env = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path), *methods], check=True, env=env)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        x, given, _ = digits()
        for method in methods:
            file = tmp_path / method / "checkpoint.pt"
            assert [found.name for found in file.parent.iterdir()] == [file.name]
            whole = train(x, given, 10, **asked_of(method))
            same(whole, train(x, given, 10, **asked_of(method), checkpoint=file, resume=True))
    finally:
        torch.set_num_threads(threads)


def asked_of(method: str) -> dict[str, Any]:
    x, _, true = digits()
    regularizers = {"crust": ["spectral"], "co_teaching": ["gaussian", "mixup"]}.get(method, [])
    base: dict[str, Any] = {"method": method, "epochs": 4, "augment": "shift+flip", "regularizers": regularizers}
    return {**base, "options": {"batch": 32, "schedule": "3"}, "truth": true, "test": (x[:20], true[:20])}


def test_dropout_draws_from_the_runs_own_seed_and_goes_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dropping(shape: Sequence[int], classes: int, copies: int) -> Network:
        return Network(Bodies(lambda: nn.Sequential(nn.Flatten(), nn.Dropout(0.5)), copies), copies, 64, classes)

    monkeypatch.setitem(labelaudit.networks._PIXELS, "dropping", dropping)
    x, given, _ = digits()
    asked: dict[str, Any] = {"network": "dropping", "epochs": 4}
    state = torch.random.get_rng_state()
    whole = train(x, given, 10, **asked)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.rand(3)
    with pytest.raises(Cut):
        train(x, given, 10, **asked, checkpoint=tmp_path / "c.pt", told=cut_after(2))
    same(whole, train(x, given, 10, **asked, checkpoint=tmp_path / "c.pt", resume=True))


def test_a_checkpoint_of_another_run_is_refused_by_what_differs(tmp_path: Path) -> None:
    x, labels = features()
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):
        train(x, labels, 3, checkpoint=file, told=cut_after(1))
    with pytest.raises(RunError, match=r"another lr: 0\.001 there, 0\.1 now"):
        train(x, labels, 3, options={"lr": 0.1}, checkpoint=file, resume=True)
    with pytest.raises(RunError, match=r"another regularizers: mixup: None there, \{'alpha': 0\.3\} now"):
        train(x, labels, 3, regularizers=["mixup"], checkpoint=file, resume=True)
    with pytest.raises(RunError, match="other data: an image, a label, or what --valid, --test or --truth names"):
        train(x + 1, labels, 3, checkpoint=file, resume=True)
    with pytest.raises(RunError, match="--resume"):
        train(x, labels, 3, checkpoint=file)


def test_a_damaged_checkpoint_and_one_with_code_in_it_are_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[Path]]:
            return Path.touch, (tmp_path / "sprung",)

    x, labels = features()
    file = tmp_path / "checkpoint.pt"
    for content in (b"", b"no zip", b"PK\x03\x04"):
        file.write_bytes(content)
        with pytest.raises(RunError, match="is damaged"):
            train(x, labels, 3, checkpoint=file, resume=True)
    torch.save({"version": 1, "settings": Trap()}, file)
    with pytest.raises(RunError, match="is damaged"):
        train(x, labels, 3, checkpoint=file, resume=True)
    assert not (tmp_path / "sprung").exists()


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, labels = features()
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):
        train(x, labels, 3, epochs=3, checkpoint=file, told=cut_after(2))
    before = file.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RunError, match="No space left"):
        train(x, labels, 3, epochs=3, checkpoint=file, resume=True)
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_what_a_checkpoint_cannot_hold_is_named() -> None:
    with pytest.raises(TypeError, match="attribute 'memory' holds a set"):
        checkpoint.capture({"a": [{1}]}, "memory")
    held = {"a": [torch.ones(2), None, (1, "x")], "b": 0.5}
    restored = checkpoint.restore(None, checkpoint.capture(held), torch.device("cpu"))
    assert str(restored) == str(held)


# curves


def test_the_curves_say_what_they_claim() -> None:
    x, given, true = digits()
    test = x[:30], true[:30]
    seen: list[dict[str, float]] = []
    asked: dict[str, Any] = {"epochs": 3, "options": {"schedule": "2", "lr": 0.01}, "test": test, "valid": test}
    trained = train(x, given, 10, truth=true, told=seen.append, **asked)
    assert seen == list(trained.curves)
    assert [row["epoch"] for row in seen] == [1, 2, 3]
    assert [row["rate"] for row in seen] == pytest.approx([0.01, 0.01, 0.001])
    probs = trained.model.predict(x)
    np.testing.assert_array_equal(probs, trained.probs)
    predicted, wrong, row = probs.argmax(1), given != true, seen[-1]
    loss = -np.log(probs[np.arange(len(x)), given])
    np.testing.assert_allclose(trained.losses[-1], loss, atol=1e-5)
    expected = {
        "train_accuracy": (predicted == given).mean(),
        "true_accuracy": (predicted == true).mean(),
        "memorised": (predicted == given)[wrong].mean(),
        "recovered": (predicted == true)[wrong].mean(),
        "train_loss": loss.mean(),
        "clean_loss": loss[~wrong].mean(),
        "wrong_loss": loss[wrong].mean(),
        "test_accuracy": (trained.model.predict(test[0]).argmax(1) == test[1]).mean(),
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-5)
    assert row["valid_accuracy"] == row["test_accuracy"]


def test_measuring_changes_nothing() -> None:
    x, given, true = digits()
    plain = train(x, given, 10, method="gaussian", epochs=2)
    measured = train(x, given, 10, method="gaussian", epochs=2, truth=true, test=(x, true))
    assert plain.losses.tobytes() == measured.losses.tobytes()


def test_a_sample_of_no_class_counts_as_wrongly_labelled_and_is_never_recovered() -> None:
    y, truth = torch.tensor([0, 1, 2]), torch.tensor([0, -1, 1])
    predicted, loss = torch.tensor([0, 1, 1]), torch.tensor([1.0, 2.0, 4.0])
    row = dissect(predicted, y, truth, loss, torch.tensor([True, True, False]))
    assert row == {
        "true_accuracy": 1.0,
        "clean_loss": 1.0,
        "wrong_loss": 3.0,
        "memorised": 0.5,
        "recovered": 0.5,
        "chosen_clean": 0.5,
    }
    assert math.isnan(dissect(predicted, y, y, loss, None)["memorised"])


@pytest.mark.parametrize(
    ("method", "outcome", "other"), [("sln", "average", "network"), ("limit", "classifier", "q"), ("ce", "network", "")]
)
def test_a_method_says_which_of_its_views_is_the_outcome(method: str, outcome: str, other: str) -> None:
    x, given, true = digits()
    row = train(x, given, 10, method=method, epochs=1, test=(x, true)).curves[-1]
    assert [name for name in row if name.startswith("test_accuracy_")] == ([f"test_accuracy_{other}"] if other else [])


def test_the_coreset_of_crust_is_measured_from_its_first_selection() -> None:
    x, given, true = digits()
    options = {"warmup": 1, "every": 1, "budget": 0.5}
    rows = train(x, given, 10, method="crust", epochs=3, options=options, truth=true).curves
    assert ["chosen" in row for row in rows] == [False, True, True]
    assert rows[-1]["chosen"] == pytest.approx(0.5, abs=0.05)
    assert 0 < rows[-1]["chosen_clean"] <= 1


# weights to begin with, and refusals


def test_limit_begins_with_q_as_a_trained_network_and_the_classifier_anew(tmp_path: Path) -> None:
    x, given, _ = digits()
    first = train(x, given, 10, epochs=1)
    folder.write(first, tmp_path / "first", given, truth=None, about={})
    asked: dict[str, Any] = {"method": "limit", "epochs": 1, "options": {"lr": 0.0}, "test": (x, given)}
    row = train(x, given, 10, init=tmp_path / "first", **asked).curves[-1]
    fresh = train(x, given, 10, **asked).curves[-1]
    agree = (first.probs.argmax(1) == given).mean()
    assert row["train_accuracy"] == fresh["train_accuracy"]
    assert abs(row["train_accuracy_q"] - agree) < 0.2 < agree + 0.2  # BatchNorm's averages move on
    assert row["train_accuracy_q"] != fresh["train_accuracy_q"]


def test_networks_are_compiled_where_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []

    def note(network: nn.Module) -> None:
        compiled.append(network)

    monkeypatch.setattr(nn.Module, "compile", note)
    x, labels = features()
    train(x, labels, 3, method="limit", epochs=1)
    assert not compiled
    train(x, labels, 3, method="limit", epochs=1, compiled=True)
    assert [type(network) for network in compiled] == [Network, Network]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"options": {"schedule": "soon"}}, OptionError, "schedule 'soon'"),
        ({"network": "resnet33"}, OptionError, "did you mean 'resnet34'"),
        ({"test": (np.zeros((4, 9, 8, 1), np.uint8), np.zeros(4, np.int64))}, DataError, "test samples are"),
        ({"valid": (np.zeros((4, 8, 8, 1), np.uint8), np.full(4, 10))}, DataError, r"in 0\.\.9"),
        ({"truth": np.zeros(3, np.int64)}, DataError, "truth must hold 90 labels"),
        ({"init": Path("nowhere.pth")}, RunError, "cannot read weights from nowhere.pth"),
    ],
)
def test_what_cannot_be_trained_is_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    x, given, _ = digits()
    with pytest.raises(error, match=message):
        train(x, given, 10, epochs=1, **change)


# the folder


@pytest.mark.parametrize(
    ("method", "regularizers", "network"),
    [
        ("sln", [], None),
        ("spectral", ["gaussian"], "cnn"),
        ("limit", ["jacobian"], "resnet32"),
        ("ce", [], "mlp_2x512"),
    ],
)
def test_a_model_read_back_predicts_what_it_predicted(
    method: str, regularizers: list[str], network: str | None, tmp_path: Path
) -> None:
    x, given, true = digits()
    trained = train(x, given, 10, method=method, regularizers=regularizers, network=network, epochs=1)
    files = folder.write(trained, tmp_path / "model", given, truth=true, about={"noise": 0.3})
    assert {file.name for file in (tmp_path / "model").iterdir()} == {*files}
    model = load(tmp_path / "model")
    np.testing.assert_array_equal(model.predict(x), trained.model.predict(x))
    assert model.classes == tuple("0123456789")
    assert folder.read_about(tmp_path / "model")["noise"] == 0.3
    assert model.predict(x[:0]).shape == (0, 10)
    with pytest.raises(DataError, match=r"takes \(n, 8, 8, 1\) uint8 pixels"):
        model.predict(x.astype(np.float32))


def test_a_model_of_features_is_read_back_too(tmp_path: Path) -> None:
    x, labels = features()
    trained = train(x, labels, ["a", "b", "c"], epochs=1)
    folder.write(trained, tmp_path / "model", labels, truth=None, about={})
    np.testing.assert_array_equal(load(tmp_path / "model").predict(x), trained.model.predict(x))


def test_folders_that_hold_no_model_are_named(tmp_path: Path) -> None:
    x, labels = features()
    with pytest.raises(RunError, match="no finished model"):
        load(tmp_path)
    trained = train(x, labels, 3, epochs=1)
    folder.write(trained, tmp_path / "model", labels, truth=None, about={})
    about = tmp_path / "model" / "model.json"
    text = about.read_text()
    for damaged in ("{", "[]", text.replace('"shape"', '"form"'), text.replace('"mlp"', '"linear"')):
        about.write_text(damaged)
        with pytest.raises(RunError, match="train again"):
            load(tmp_path / "model")


def test_the_dissection_counts_every_sample_once() -> None:
    x, given, true = digits()
    trained = train(x, given, 10, epochs=2)
    rows = folder.dissection(trained, given, true)
    assert len(rows) == 20
    assert sum(row["samples"] for row in rows) == len(x)
    means = [row["mean_loss"] for row in rows]
    assert means == sorted(means)
    predicted = trained.probs.argmax(1)
    for name, mask in {
        "right label, predicted right": (given == true) & (predicted == true),
        "right label, predicted wrong": (given == true) & (predicted != true),
        "wrong label, predicted right": (given != true) & (predicted == true),
        "wrong label, predicted wrong": (given != true) & (predicted != true),
    }.items():
        assert sum(row[name] for row in rows) == mask.sum()


def test_the_state_of_a_network_without_copies_is_whole() -> None:
    network, other = build("cnn", (8, 8, 1), 3, seed=1), build("cnn", (8, 8, 1), 3, seed=2)
    checkpoint.restore(other, checkpoint.capture(network), torch.device("cpu"))
    for a, b in zip(network.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_every_flipped_bit_of_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    x, labels = features()
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):
        train(x, labels, 3, checkpoint=file, told=cut_after(1))
    whole, draw = file.read_bytes(), np.random.default_rng(0)
    for place in draw.integers(0, len(whole), 40).tolist():
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << int(draw.integers(8))]) + whole[place + 1 :])
        with pytest.raises(RunError, match="damaged"):
            checkpoint.read(file, {})


def test_a_kill_during_the_first_checkpoint_does_not_lock_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / ".checkpoint.pt.0123abcd.partial").write_bytes(b"half")
    folder.check_place(tmp_path / "model", resume=False)
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        folder.check_place(tmp_path / "model", resume=False)


# choosing an epoch, peers that begin alike, balance


@pytest.mark.parametrize("method", ["co_teaching", "decoupling", "dividemix"])
def test_peers_that_begin_with_one_model_part_and_it_is_said(method: str, tmp_path: Path) -> None:
    x, labels = features()
    first = train(x, labels, 3, epochs=2)
    model = tmp_path / "MODEL"
    folder.write(first, model, labels, truth=None, about={})
    again = train(x, labels, 3, method=method, epochs=3, init=model)
    assert any("disturbed by 5% of their size" in note for note in again.notes)
    built = [build("mlp", (8,), 3, seed=seed) for seed in (1, 2)]
    assert begin_with(model, built, configure(get_method(method), {}), seed=0)
    one, two = ([*network.parameters()] for network in built)
    gaps = [float((a - b).detach().norm() / a.detach().norm()) for a, b in zip(one, two, strict=True)]
    assert all(0.02 < gap < 0.1 for gap in gaps)
    assert all(torch.equal(a, b) for a, b in zip(one, first.model.network.parameters(), strict=True))


def test_a_single_network_begins_as_its_model_is(tmp_path: Path) -> None:
    x, labels = features()
    first = train(x, labels, 3, epochs=2)
    folder.write(first, tmp_path / "MODEL", labels, truth=None, about={})
    assert train(x, labels, 3, epochs=1, init=tmp_path / "MODEL").notes == ()


def test_the_best_epoch_is_kept_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """A rate that is far too high at the end spoils the last epochs."""
    x, labels = features()
    rng = np.random.default_rng(1)
    valid = (x + 0.3 * rng.normal(size=x.shape).astype(np.float32), labels)
    asked: dict[str, Any] = {"method": "sln", "epochs": 8, "valid": valid, "options": {"batch": 16, "lr": 0.05}}
    best = train(x, labels, 3, keep="best", **asked)
    accuracies = [row["valid_accuracy"] for row in best.curves]
    assert best.kept == 1 + int(np.argmax(accuracies))
    assert best.row["valid_accuracy"] == max(accuracies)
    measured = float((best.model.predict(valid[0]).argmax(1) == labels).mean())
    assert measured == pytest.approx(max(accuracies))
    assert np.array_equal(best.probs.argmax(1), best.model.predict(x).argmax(1))
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):
        train(x, labels, 3, keep="best", checkpoint=file, told=cut_after(best.kept), **asked)
    again = train(x, labels, 3, keep="best", checkpoint=file, resume=True, **asked)
    same(best, again)
    assert again.kept == best.kept


def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path) -> None:
    x, labels = features()
    valid = (x, np.roll(labels, 1))  # nothing can be learnt about these
    asked: dict[str, Any] = {"epochs": 30, "valid": valid, "patience": 2}
    short = train(x, labels, 3, **asked)
    best = 1 + int(np.argmax([row["valid_accuracy"] for row in short.curves]))
    assert len(short.curves) == best + 2 < 30
    assert short.notes == (f"Stopped after {best + 2} of 30 epochs: 2 without a better one.",)
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):  # killed after the last epoch, before the model was written
        train(x, labels, 3, checkpoint=file, told=cut_after(best + 2), **asked)
    same(short, train(x, labels, 3, checkpoint=file, resume=True, **asked))
    with pytest.raises(OptionError, match="--patience chooses by validation samples"):
        train(x, labels, 3, epochs=2, patience=2)
    with pytest.raises(OptionError, match="--keep best chooses by validation samples"):
        train(x, labels, 3, epochs=2, keep="best")


def test_balance_draws_as_many_of_every_class() -> None:
    labels = np.array([0] * 60 + [1] * 25 + [2] * 5)
    x = np.arange(90, dtype=np.float32)[:, None].repeat(4, 1)
    inputs = DeviceDataset(x, labels, 3, device="cpu", augment="none", balance=True)
    trained = torch.ones(1, 90, dtype=torch.bool)
    first, second = (torch.cat([batch.index[0] for batch in inputs.batches(trained, None, 16)]) for _ in range(2))
    for index in (first, second):
        assert torch.bincount(torch.from_numpy(labels)[index]).tolist() == [30, 30, 30]
        assert len(index[labels[index] == 0].unique()) == 30
        assert len(index[labels[index] == 1].unique()) == 25
    assert not torch.equal(first, second)


def test_the_five_likeliest_are_counted_where_there_are_many_classes() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 5)).astype(np.float32), np.arange(60) % 12
    run = train(x, labels, 12, epochs=1, test=(x, labels))
    probs = run.model.predict(x)
    five = np.argsort(-probs, axis=1)[:, :5]
    assert run.curves[-1]["test_top5"] == pytest.approx(float((five == labels[:, None]).any(1).mean()))
    few = train(*features(), 3, epochs=1, test=features())
    assert "test_top5" not in few.curves[-1]


def test_test_samples_are_diagnosed_beside_the_training_samples() -> None:
    x, labels = features()
    shifted = x + 1
    run = train(x, labels, 3, epochs=5, test=(shifted, labels))
    found = diagnose(run.model.network, run.inputs, others=run.others)
    assert {*found["test"]} == {"jacobian", "margin", "calibration"}
    assert found["test"]["calibration"]["accuracy"] == pytest.approx(run.row["test_accuracy"])
    assert found["calibration"]["accuracy"] == pytest.approx(run.row["train_accuracy"])
    alone = diagnose(run.model.network, run.others["test"])
    assert found["test"]["jacobian"] == alone["jacobian"]


# images that do not fit in memory


class _Encoded:
    """`Images` of arrays (H, W, c)."""

    def __init__(self, pixels: Pixels) -> None:
        self.files = [encode(one) for one in pixels]

    def __len__(self) -> int:
        return len(self.files)

    def encoded(self, index: int) -> bytes:
        return self.files[index]


@pytest.mark.parametrize("method", ["ce", "crust"])
def test_images_that_are_decoded_in_every_epoch_train_to_the_same_bits(method: str) -> None:
    x, given, true = digits(60)
    images = _Encoded(x)
    held, _ = load_pixels(images, 8)
    squares = Squares(images, 8, key="digits")
    assert squares.check() == ()
    assert squares.shape == held.shape == (60, 8, 8, 1)
    assert np.array_equal(squares[np.array([3, 1])], held[[3, 1]])
    asked: dict[str, Any] = {"method": method, "epochs": 3, "augment": "crop+flip", "options": {"batch": 16}}
    streamed = train(squares, given, 10, truth=true, test=(squares, true), **asked)
    same(train(held, given, 10, truth=true, test=(held, true), **asked), streamed)
    other = train(Squares(images, 8, channels=1, key="others"), given, 10, **asked)
    assert other.settings["data"] != train(squares, given, 10, **asked).settings["data"]


def test_images_that_cannot_be_read_are_found_before_training_and_named_in_it() -> None:
    images = _Encoded(np.zeros((5, 8, 8, 3), dtype=np.uint8))
    squares = Squares(images, 8)
    images.files[2] = b"no image"
    ((row, _, _),) = squares.check()
    assert row == 2
    rest = squares.take(np.arange(5) != 2)
    assert rest[slice(None)].shape == (4, 8, 8, 1)
    images.files[3] = b"gone"
    with pytest.raises(DataError, match="image 2 cannot be read any more"):
        rest[np.array([2])]


def test_what_does_not_fit_in_memory_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, given, _ = digits(40)
    for row, (square, label) in enumerate(zip(x, given, strict=True)):
        place = tmp_path / "data" / str(label)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{row}.png").write_bytes(encode(square))
    whole = collect(tmp_path / "data", valid=0.2)
    monkeypatch.setattr("labelaudit.models.dataset.available_memory", lambda: 100.0)
    streamed = collect(tmp_path / "data", valid=0.2)
    assert isinstance(streamed.x, Squares)
    assert any("do not fit in memory" in note for note in streamed.notes)
    assert np.array_equal(streamed.x[slice(None)], whole.x)
    assert whole.valid is not None
    assert streamed.valid is not None
    assert np.array_equal(streamed.valid[0][slice(None)], whole.valid[0])
