"""A model that is to be used: killed runs go on to the same bits, curves are true, what is written is read back."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training_data import digits, features

from labelaudit.errors import DataError, OptionError, RunError
from labelaudit.methods import configure, get_method
from labelaudit.models import checkpoint, folder, load
from labelaudit.models.curves import dissect
from labelaudit.models.diagnosis import diagnose
from labelaudit.models.run import begin_with, train
from labelaudit.networks import Network, build
from labelaudit.training.batches import DeviceDataset
from labelaudit.training.settings import ModelSettings

# curves


def test_the_curves_say_what_they_claim() -> None:
    x, given, true = digits()
    test = x[:30], true[:30]
    seen: list[dict[str, float]] = []
    settings = ModelSettings(epochs=3, options={"schedule": "2", "lr": 0.01})
    trained = train(settings, x, given, 10, test=test, valid=test, truth=true, told=seen.append)
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
    plain = train(ModelSettings(method="gaussian", epochs=2), x, given, 10)
    measured = train(ModelSettings(method="gaussian", epochs=2), x, given, 10, truth=true, test=(x, true))
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


@pytest.mark.parametrize(("method", "other"), [("sln", "network"), ("limit", "q"), ("ce", "")])
def test_a_method_says_which_of_its_views_is_not_the_outcome(method: str, other: str) -> None:
    x, given, true = digits()
    row = train(ModelSettings(method=method, epochs=1), x, given, 10, test=(x, true)).curves[-1]
    assert [name for name in row if name.startswith("test_accuracy_")] == ([f"test_accuracy_{other}"] if other else [])


def test_the_coreset_of_crust_is_measured_from_its_first_selection() -> None:
    x, given, true = digits()
    options = {"warmup": 1, "every": 1, "budget": 0.5}
    rows = train(ModelSettings(method="crust", epochs=3, options=options), x, given, 10, truth=true).curves
    assert ["chosen" in row for row in rows] == [False, True, True]
    assert rows[-1]["chosen"] == pytest.approx(0.5, abs=0.05)
    assert 0 < rows[-1]["chosen_clean"] <= 1


# weights to begin with, and refusals


def test_limit_begins_with_q_as_a_trained_network_and_the_classifier_anew(tmp_path: Path) -> None:
    x, given, _ = digits()
    first = train(ModelSettings(epochs=1), x, given, 10)
    folder.write(first, tmp_path / "first", given, truth=None, about={})
    settings = ModelSettings(method="limit", epochs=1, options={"lr": 0.0})
    row = train(replace(settings, init=tmp_path / "first"), x, given, 10, test=(x, given)).curves[-1]
    fresh = train(settings, x, given, 10, test=(x, given)).curves[-1]
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
    train(ModelSettings(method="limit", epochs=1), x, labels, 3)
    assert not compiled
    train(ModelSettings(method="limit", epochs=1), x, labels, 3, compiled=True)
    assert [type(network) for network in compiled] == [Network, Network]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"settings": ModelSettings(options={"schedule": "soon"})}, OptionError, "schedule 'soon'"),
        ({"settings": ModelSettings(network="resnet33")}, OptionError, "did you mean 'resnet34'"),
        ({"test": (np.zeros((4, 9, 8, 1), np.uint8), np.zeros(4, np.int64))}, DataError, "test samples are"),
        ({"valid": (np.zeros((4, 8, 8, 1), np.uint8), np.full(4, 10))}, DataError, r"in 0\.\.9"),
        ({"truth": np.zeros(3, np.int64)}, DataError, "truth must hold 90 labels"),
        ({"settings": ModelSettings(init=Path("nowhere.pth"))}, RunError, "cannot read weights from nowhere.pth"),
    ],
)
def test_what_cannot_be_trained_is_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    x, given, _ = digits()
    with pytest.raises(error, match=message):
        train(**{"settings": ModelSettings(epochs=1), "x": x, "labels": given, "classes": 10} | change)


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
    trained = train(ModelSettings(method=method, regularizers=regularizers, network=network, epochs=1), x, given, 10)
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
    trained = train(ModelSettings(epochs=1), x, labels, ["a", "b", "c"])
    folder.write(trained, tmp_path / "model", labels, truth=None, about={})
    np.testing.assert_array_equal(load(tmp_path / "model").predict(x), trained.model.predict(x))


def test_folders_that_hold_no_model_are_named(tmp_path: Path) -> None:
    x, labels = features()
    with pytest.raises(RunError, match="no finished model"):
        load(tmp_path)
    trained = train(ModelSettings(epochs=1), x, labels, 3)
    folder.write(trained, tmp_path / "model", labels, truth=None, about={})
    about = tmp_path / "model" / "model.json"
    text = about.read_text()
    for damaged in ("{", "[]", text.replace('"shape"', '"form"'), text.replace('"mlp"', '"linear"')):
        about.write_text(damaged)
        with pytest.raises(RunError, match="train again"):
            load(tmp_path / "model")


def test_the_dissection_counts_every_sample_once() -> None:
    x, given, true = digits()
    trained = train(ModelSettings(epochs=2), x, given, 10)
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


# choosing an epoch, peers that begin alike, balance


@pytest.mark.parametrize("method", ["co_teaching", "decoupling", "dividemix"])
def test_peers_that_begin_with_one_model_part_and_it_is_said(method: str, tmp_path: Path) -> None:
    x, labels = features()
    first = train(ModelSettings(epochs=2), x, labels, 3)
    model = tmp_path / "MODEL"
    folder.write(first, model, labels, truth=None, about={})
    again = train(ModelSettings(method=method, epochs=3, init=model), x, labels, 3)
    assert any("disturbed by 5% of their size" in note for note in again.notes)
    built = [build("mlp", (8,), 3, seed=seed) for seed in (1, 2)]
    assert begin_with([model], built, configure(get_method(method), {}), seed=0)
    one, two = ([*network.parameters()] for network in built)
    gaps = [float((a - b).detach().norm() / a.detach().norm()) for a, b in zip(one, two, strict=True)]
    assert all(0.02 < gap < 0.1 for gap in gaps)
    assert all(torch.equal(a, b) for a, b in zip(one, first.model.network.parameters(), strict=True))


def test_peers_begin_with_a_model_each(tmp_path: Path) -> None:
    x, labels = features()
    models = tuple(tmp_path / name for name in ("one", "two"))
    for seed, place in enumerate(models):
        folder.write(train(ModelSettings(epochs=1, seed=seed), x, labels, 3), place, labels, truth=None, about={})
    still = ModelSettings(method="co_teaching", epochs=1, options={"lr": 0.0, "weight_decay": 0.0})
    begun = train(replace(still, init=models), x, labels, 3)
    assert begun.notes == ()
    assert begun.settings["init"] == [str(place) for place in models]
    kept = load(models[0])
    np.testing.assert_allclose(begun.model.predict(x), kept.predict(x), atol=1e-6)
    for wrong, message in (
        ((models[0], models[0]), "hold the same weights, so the networks would never differ"),
        ((*models, models[0]), "3 weights to begin with, but this method begins 2 networks"),
    ):
        with pytest.raises(OptionError, match=message):
            train(replace(still, init=wrong), x, labels, 3)
    with pytest.raises(OptionError, match=r"begins 1 network with some: give one$"):
        train(ModelSettings(init=models, epochs=1), x, labels, 3)


def test_a_single_network_begins_as_its_model_is(tmp_path: Path) -> None:
    x, labels = features()
    first = train(ModelSettings(epochs=2), x, labels, 3)
    folder.write(first, tmp_path / "MODEL", labels, truth=None, about={})
    assert train(ModelSettings(epochs=1, init=tmp_path / "MODEL"), x, labels, 3).notes == ()


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
    run = train(ModelSettings(epochs=1), x, labels, 12, test=(x, labels))
    probs = run.model.predict(x)
    five = np.argsort(-probs, axis=1)[:, :5]
    assert run.curves[-1]["test_top5"] == pytest.approx(float((five == labels[:, None]).any(1).mean()))
    few = train(ModelSettings(epochs=1), *features(), 3, test=features())
    assert "test_top5" not in few.curves[-1]


def test_test_samples_are_diagnosed_beside_the_training_samples() -> None:
    x, labels = features()
    shifted = x + 1
    run = train(ModelSettings(epochs=5), x, labels, 3, test=(shifted, labels))
    found = diagnose(run.model.network, run.inputs, others=run.others)
    assert {*found["test"]} == {"jacobian", "margin", "calibration", "under_noise"}
    curved = diagnose(run.model.network, run.inputs, others=run.others, hessian=True)
    assert curved["hessian"]["trace"] != curved["test"]["hessian"]["trace"]
    assert found["test"]["calibration"]["accuracy"] == pytest.approx(run.row["test_accuracy"])
    assert found["calibration"]["accuracy"] == pytest.approx(run.row["train_accuracy"])
    alone = diagnose(run.model.network, run.others["test"])
    assert found["test"]["jacobian"] == alone["jacobian"]
