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
from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.methods import method_names
from labelaudit.models import Trained, checkpoint, folder, load
from labelaudit.models.curves import dissect
from labelaudit.models.run import train
from labelaudit.networks import Bodies, Network, build

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


def same(one: Trained, two: Trained) -> None:
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
        from labelaudit.fitting import train
        from test_fitting import asked_of, digits

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
