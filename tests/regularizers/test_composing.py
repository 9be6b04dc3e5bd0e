"""Regularisers around methods: they compose with every kind, the same way twice, and name wrong options."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from steps import generator
from torch import nn

from labelaudit.errors import OptionError
from labelaudit.methods import get_method, method_names, options_of
from labelaudit.networks import Network, StackedLinear, build
from labelaudit.networks.injection import injected
from labelaudit.regularizers import configure_all, get_regularizer
from labelaudit.regularizers import regularizer_names as names
from labelaudit.training.crossfit import crossfit
from labelaudit.training.settings import CrossfitSettings
from labelaudit.types import Evidence


@pytest.mark.parametrize("name", sorted({*method_names()} & {*names()}))
def test_a_method_has_every_option_of_the_regulariser_of_its_name(name: str) -> None:
    """``--method spectral --set spectral.batchnorm=…`` means what it means beside ``--regularizer spectral``."""
    theirs = {option.name: option for option in options_of(get_method(name))}
    for option in options_of(get_regularizer(name)):
        mine = theirs[option.name]
        assert (mine.kind, mine.low, mine.high) == (option.kind, option.low, option.high)
    passed_on = get_method(name)().regularizers()[name]
    assert {*passed_on} == {option.name for option in options_of(get_regularizer(name))}


def test_every_kind_of_activation_is_a_layer_and_gates_are_not() -> None:
    body = nn.Sequential(
        StackedLinear(1, 3, 5), nn.GELU(), nn.Sequential(StackedLinear(1, 5, 5), nn.SiLU()), nn.Sigmoid(), nn.ELU()
    )
    network = Network(body, 1, 5, 4)
    get_regularizer("gaussian")(layers="hidden").attach([network], generator())  # type: ignore[call-arg]
    assert len(injected(network)) == 3
    assert isinstance(body[3], nn.Sigmoid)


@pytest.mark.parametrize("name", names())
def test_options_describe_themselves_and_wrong_ones_are_named(name: str) -> None:
    for option in options_of(get_regularizer(name)):
        assert option.help, option.name
        (made,) = configure_all({name: {option.name: str(option.default)}}).values()
        assert made.settings()[option.name] == option.default
    with pytest.raises(OptionError, match=f"unknown option of regularizer {name} 'nonsense'"):
        configure_all({name: {"nonsense": 1}})


def test_an_unknown_regulariser_is_named_with_its_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'mixup'"):
        configure_all(["mixip"])


def sample(pixels: bool) -> tuple[np.ndarray, np.ndarray]:
    rng, labels = np.random.default_rng(0), np.arange(60) % 3
    if pixels:
        return (rng.integers(0, 60, (60, 8, 8, 1)) + 60 * labels[:, None, None, None]).astype(np.uint8), labels
    return (rng.normal(size=(60, 6)) + 2 * np.eye(6)[labels]).astype(np.float32), labels


@functools.cache
def fitted(pixels: bool, *regularizers: str) -> Evidence:
    settings = CrossfitSettings(folds=2, epochs=2, options={"batch": 15}, regularizers=regularizers)
    return crossfit(settings, *sample(pixels), 3)


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("name", names())
def test_composes_with_cross_entropy_the_same_way_twice(name: str, pixels: bool) -> None:
    state = torch.random.get_rng_state()
    plain, one, two = fitted(pixels), fitted.__wrapped__(pixels, name), fitted.__wrapped__(pixels, name)
    assert torch.equal(state, torch.random.get_rng_state())
    assert one.losses is not None
    assert two.losses is not None
    assert plain.losses is not None
    assert np.isfinite(one.losses).all()
    assert one.losses.tobytes() == two.losses.tobytes() != plain.losses.tobytes()
    assert one.tables["settings"]["regularizers"].keys() == {name}
    assert "regularizers" not in plain.tables["settings"]


@pytest.mark.parametrize("method", ["sln", "limit", "crust", "co_teaching"])
def test_all_of_them_compose_with_methods_of_every_kind(method: str) -> None:
    x, labels = sample(pixels=True)
    evidence = crossfit(
        CrossfitSettings(method=method, folds=2, epochs=4, options={"batch": 15}, regularizers=names()), x, labels, 3
    )
    assert all(np.isfinite(column).all() for column in evidence.columns.values())
    assert set(evidence.tables["settings"]["regularizers"]) == set(names())


def test_a_method_may_ask_for_a_regulariser_and_a_person_may_set_its_options() -> None:
    x, labels = sample(pixels=False)
    asked = crossfit(CrossfitSettings(method="spectral", folds=2, epochs=1, options={"scale": 1.5}), x, labels, 3)
    assert asked.tables["settings"]["regularizers"] == {
        "spectral": {"scale": 1.5, "norm": "reshaped", "last": True, "batchnorm": "remove"}
    }
    told = crossfit(
        CrossfitSettings(method="spectral", folds=2, epochs=1, regularizers={"spectral": {"last": False}, "mixup": {}}),
        x,
        labels,
        3,
    )
    assert told.tables["settings"]["regularizers"]["spectral"]["last"] is False
    assert list(told.tables["settings"]["regularizers"]) == ["spectral", "mixup"]


def test_spectral_refuses_to_take_from_a_network_what_its_batchnorm_has_learned() -> None:
    network = build("lite0", (32, 32, 3), 3)
    for form in ("remove", "unscaled"):
        with pytest.raises(OptionError, match=f"spectral.batchnorm={form} takes from this network .*keep"):
            configure_all({"spectral": {"batchnorm": form}})["spectral"].attach([network], torch.Generator())
    configure_all({"spectral": {"batchnorm": "keep"}})["spectral"].attach([network], torch.Generator())
    assert network.eval()(torch.zeros(1, 2, 3, 32, 32)).isfinite().all()
