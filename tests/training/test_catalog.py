"""`labelaudit methods`: nothing is missing from the list, and it says what the files say."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from labelaudit.cli import app
from labelaudit.errors import OptionError
from labelaudit.methods import method_names
from labelaudit.networks import network_names
from labelaudit.regularizers import regularizer_names
from labelaudit.training.catalog import list_choices, own_options

REFERENCES = {"ce", "cnn", "linear", "mlp_2x32", "mlp_2x32_elu", "mlp"}
"""What is older than its papers."""


def test_every_choice_is_listed_once_with_help_and_every_paper_with_its_year() -> None:
    entries = list_choices()
    networks = tuple(sorted({*network_names(pixels=True), *network_names(pixels=False)}))
    kinds = {"method": method_names(), "regularizer": regularizer_names(), "network": networks}
    for kind, names in kinds.items():
        assert tuple(entry.name for entry in entries if entry.kind == kind) == names
    for entry in entries:
        assert entry.help.endswith("."), entry.name
        assert entry.name in REFERENCES or entry.paper[-4:].isdigit(), entry.name
    (limit,) = list_choices(("limit",))
    title = "Improving Generalization by Controlling Label-Noise Information in Neural Network Weights"
    assert limit.paper == f'Harutyunyan et al., "{title}", ICML 2020'
    assert {option.name for option in own_options(limit)} == {"beta", "distribution", "sigma", "burn_in", "init"}


def test_a_name_of_two_kinds_brings_both_and_an_unknown_one_its_nearest() -> None:
    assert [entry.kind for entry in list_choices(("spectral",))] == ["method", "regularizer"]
    with pytest.raises(OptionError, match="did you mean 'mixup'"):
        list_choices(("mixip",))


def test_the_command_prints_options_defaults_and_ranges() -> None:
    shown = CliRunner().invoke(app, ["methods"], env={"COLUMNS": "120"})
    assert shown.exit_code == 0
    for name in (*method_names(), *regularizer_names()):
        assert f"  {name}\n" in shown.stdout
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["tau", "10.0", "1", "to", "1e+06"] in [line[:5] for line in lines]
    assert ["optimizer", "auto", "auto|adam|sgd"] in [line[:3] for line in lines]
    one = CliRunner().invoke(app, ["methods", "gce"])
    assert "truncation" in one.stdout
    assert "sln" not in one.stdout


def test_networks_are_listed_with_what_they_take_and_their_parameters() -> None:
    (network,) = list_choices(("resnet32",))
    assert (network.takes, network.shape, network.parameters) == (("pixels",), (32, 32, 3), 464_154)
    assert network.paper == 'He et al., "Deep Residual Learning for Image Recognition", CVPR 2016'
    (both,) = list_choices(("mlp_2x512",))
    assert (both.takes, both.parameters) == (("features", "pixels"), 669_706)
    whole = CliRunner().invoke(app, ["methods"], env={"COLUMNS": "120"}).stdout
    assert "On pixels; 464,154 parameters for 32×32×3 and 10 classes." in whole
    assert "On features; 3,850 parameters for 384 features and 10 classes." in whole
    assert "timm:NAME, torchvision:NAME" in whole
    assert "timm:NAME" not in CliRunner().invoke(app, ["methods", "resnet32"]).stdout


def test_a_network_of_a_library_is_described_where_it_is_asked_for() -> None:
    (network,) = list_choices(("torchvision:mobilenet_v3_small",))
    assert (network.takes, network.shape, network.parameters) == (("pixels",), (224, 224, 3), 1_528_106)
    with pytest.raises(OptionError, match="unknown torchvision network 'mobilenet_v9': did you mean 'mobilenet_v"):
        list_choices(("torchvision:mobilenet_v9",))


def test_json_holds_everything_and_errors_go_to_stderr() -> None:
    found = json.loads(CliRunner().invoke(app, ["methods", "--json"]).stdout)
    assert [entry["name"] for entry in found] == [entry.name for entry in list_choices()]
    sln = next(entry for entry in found if entry["name"] == "sln")
    sigma = next(option for option in sln["options"] if option["name"] == "sigma")
    assert sigma == {
        "name": "sigma",
        "kind": "auto|float",
        "default": None,
        "help": "std of the label noise; auto: .5, falling to .2 at 100 classes",
        "low": 0,
        "high": 10,
    }
    wrong = CliRunner().invoke(app, ["methods", "slm"])
    assert wrong.exit_code == 2
    assert wrong.stdout == ""
    assert "did you mean 'sln'" in wrong.stderr
