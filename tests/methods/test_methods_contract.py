"""One contract for every training method that discovery finds."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

import labelaudit.methods
from labelaudit.errors import OptionError
from labelaudit.methods import Batch, FitContext, configure, get_method, method_names, options_of
from labelaudit.networks import build
from labelaudit.training.crossfit import crossfit
from labelaudit.training.settings import CrossfitSettings
from labelaudit.types import Evidence

METHODS = method_names()
every_method = pytest.mark.parametrize("method", METHODS)


def digits(n: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Pixels (n, 8, 8, 1), labels with 10 % planted flips, and which are flipped."""
    bunch = load_digits()
    rng = np.random.default_rng(0)
    labels = bunch.target[:n].astype(np.int64)
    wrong = rng.permutation(n) < n // 10
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, wrong.sum())) % 10
    return (bunch.images[:n, ..., None] * 15.9).astype(np.uint8), labels, wrong


def cloud(labels: npt.NDArray[np.int64], classes: int, d: int = 12) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(1)
    return (rng.normal(size=(classes, d))[labels] + 0.3 * rng.normal(size=(len(labels), d))).astype(np.float32)


def arrays_of(evidence: Evidence) -> dict[str, npt.NDArray[np.floating]]:
    assert evidence.probs is not None
    assert evidence.losses is not None
    assert evidence.margins is not None
    named = {"probs": evidence.probs, "losses": evidence.losses, "margins": evidence.margins}
    return {"suspicion": evidence.suspicion, **named, **evidence.columns}


def check_sound(evidence: Evidence, n: int, classes: int) -> None:
    for name, array in arrays_of(evidence).items():
        assert np.isfinite(array).all(), name
    assert evidence.probs is not None
    assert evidence.probs.shape == (n, classes)
    np.testing.assert_allclose(evidence.probs.sum(1), 1, atol=1e-5)
    assert 0 < evidence.suspicion.min() <= evidence.suspicion.max() < 1


@every_method
def test_finds_planted_flips_from_features_without_touching_its_inputs(method: str) -> None:
    pixels, labels, wrong = digits(600)
    x = pixels.reshape(len(pixels), -1).astype(np.float32)
    before = x.copy(), labels.copy()
    x.setflags(write=False)
    labels.setflags(write=False)
    state = torch.random.get_rng_state()
    evidence = crossfit(CrossfitSettings(method=method, seed=3, folds=3), x, labels, 10)
    assert torch.equal(state, torch.random.get_rng_state())
    check_sound(evidence, len(x), 10)
    assert np.array_equal(x, before[0])
    assert np.array_equal(labels, before[1])
    assert roc_auc_score(wrong, evidence.suspicion) > 0.95
    assert get_method(method).column in evidence.columns


@every_method
def test_the_same_seed_gives_the_same_bits(method: str) -> None:
    pixels, labels, _ = digits(200)
    x = pixels.reshape(len(pixels), -1).astype(np.float32)
    first, again = (crossfit(CrossfitSettings(method=method, seed=3, folds=2, epochs=5), x, labels, 10) for _ in "ab")
    for name, array in arrays_of(first).items():
        assert array.tobytes() == arrays_of(again)[name].tobytes(), name
    assert first.tables == again.tables


@pytest.mark.parametrize("method", ["ce", "sln", "limit", "crust", "co_teaching"])
def test_finds_planted_flips_from_pixels(method: str) -> None:
    pixels, labels, wrong = digits(300)
    evidence = crossfit(CrossfitSettings(method=method, folds=2, epochs=10, augment="shift"), pixels, labels, 10)
    assert roc_auc_score(wrong, evidence.suspicion) > 0.7


@every_method
def test_works_on_pixels(method: str) -> None:
    pixels, labels, _ = digits(100)
    evidence = crossfit(CrossfitSettings(method=method, folds=2, epochs=5, augment="shift"), pixels, labels, 10)
    check_sound(evidence, len(pixels), 10)
    assert evidence.losses is not None
    assert evidence.losses[-1].mean() < evidence.losses[0].mean(), "it learns"


@every_method
@pytest.mark.parametrize(("counts", "classes"), [((30, 30), 2), ((20, 20, 1, 3), 5), ((3, 1), 2), ((1,) * 80, 80)])
def test_small_and_many_classes(method: str, counts: tuple[int, ...], classes: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    evidence = crossfit(
        CrossfitSettings(method=method, epochs=5, folds=3, seed=1), cloud(labels, classes), labels, classes
    )
    check_sound(evidence, len(labels), classes)
    assert evidence.tables["fit"].keys() == {"in_sample", "held_out"}


@every_method
@pytest.mark.parametrize("shape", [(12,), (8, 8, 1)])
def test_gradient_reaches_every_parameter(method: str, shape: tuple[int, ...]) -> None:
    instance, n, classes = get_method(method)(), 24, 4
    generator = torch.Generator().manual_seed(0)
    name = "mlp" if len(shape) == 1 else "cnn"
    networks = [build(name, shape, classes, copies=2, seed=k) for k in range(instance.networks)]
    x = torch.randn(n, *(shape if len(shape) == 1 else (1, 8, 8)), generator=generator)
    labels = torch.arange(n) % classes
    trained = torch.ones(2, n, dtype=torch.bool)
    instance.begin(
        FitContext(
            labels=labels, classes=classes, trained=trained, networks=networks, epochs=20, steps=20, generator=generator
        )
    )

    def predict() -> torch.Tensor:
        with torch.no_grad():
            return instance.predict(networks, x.expand(2, *x.shape))

    index = torch.stack([torch.randperm(n, generator=generator)[:16] for _ in range(2)])
    for epoch in range(20):
        weights = instance.sample_weights(epoch, predict)
        if epoch not in (0, 19):
            continue
        share = torch.ones(2, 16) if weights is None else weights.gather(1, index)
        batch = Batch(x=x[index], y=labels[index], index=index, weight=share, take=lambda rows: x[rows])
        for network in networks:
            network.zero_grad()
        instance.step(networks, batch).backward()  # type: ignore[no-untyped-call]
        for network in networks:
            for parameter_name, parameter in network.named_parameters():
                assert parameter.grad is not None, parameter_name
                assert torch.isfinite(parameter.grad).all(), parameter_name
                assert parameter.grad.any(), parameter_name


@every_method
def test_options_describe_themselves_and_round_trip_through_text(method: str) -> None:
    cls = get_method(method)
    options = options_of(cls)
    assert len({option.name for option in options}) == len(options)
    for option in options:
        assert option.help, option.name
        text = "auto" if option.default is None else str(option.default)
        assert getattr(configure(cls, {option.name: text}), option.name) == option.default
        if option.high is not None:
            with pytest.raises(OptionError, match=f"{method}.{option.name}=.* out of range"):
                configure(cls, {option.name: option.high + 1})


def test_a_wrong_option_is_named_with_its_nearest() -> None:
    with pytest.raises(OptionError, match=r"unknown option of method sln 'sigmaa': did you mean 'sigma'"):
        configure(get_method("sln"), {"sigmaa": 1})
    with pytest.raises(OptionError, match=r"limit.distribution='normal': choose from laplace, gaussian"):
        configure(get_method("limit"), {"distribution": "normal"})
    for value in ("0.5x", "nan", None, True, [1], 10**400):
        with pytest.raises(OptionError, match=r"limit\.beta="):
            configure(get_method("limit"), {"beta": value})
    for value in (2.5, math.inf):
        with pytest.raises(OptionError, match=r"ce\.epochs=.*is not a whole number: give a value from 1 to 10000"):
            configure(get_method("ce"), {"epochs": value})


def test_an_unknown_method_is_named_with_its_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'sln'"):
        get_method("slm")


def test_a_new_method_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extension point: two networks, the smallest-loss half trains the peer (co-teaching), nothing else edited."""
    (tmp_path / "peers_agree.py").write_text(
        textwrap.dedent('''
        """Each network learns from what its peer finds easy."""
        from dataclasses import dataclass
        from typing import Annotated, ClassVar
        import torch
        from labelaudit.methods import Between, Method, cross_entropy

        @dataclass(kw_only=True)
        class PeersAgree(Method):
            networks: ClassVar[int] = 2
            keep: Annotated[float, Between(0.1, 1), "share of each batch that is kept"] = 0.7

            def loss(self, logits, batch):
                loss = cross_entropy(logits, batch.y)
                limit = loss.detach().quantile(self.keep, dim=-1, keepdim=True)
                return loss * (loss <= limit).flip(0)
        ''')
    )
    monkeypatch.setattr(labelaudit.methods, "__path__", [*labelaudit.methods.__path__, str(tmp_path)])
    assert "peers_agree" in method_names()
    assert options_of(get_method("peers_agree"))[0].name == "keep"
    pixels, labels, wrong = digits(300)
    x = pixels.reshape(300, -1).astype(np.float32)
    evidence = crossfit(
        CrossfitSettings(method="peers_agree", folds=2, epochs=6, options={"keep": "0.8", "batch": "32"}), x, labels, 10
    )
    assert roc_auc_score(wrong, evidence.suspicion) > 0.9
