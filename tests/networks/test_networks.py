"""Networks by name: the papers' sizes, published ones, and weights from files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from labelaudit.errors import BackboneError, OptionError, RunError
from labelaudit.networks import build, network_names, read_weights, start_from
from labelaudit.networks.residual import Block, Subsample
from labelaudit.regularizers import configure_all
from labelaudit.regularizers.spectral import Shift

SIZES = {"mnist_cnn": 28, "lenet5": 28}
PARAMETERS = {
    "lenet5": 44_652,  # 44,190 weights of LeNet-5 at 28 px, 452 of BatchNorm in the place of biases, 10 biases
    "allcnn": 1_665_898,  # 1.67 M in SN
    "resnet32": 464_154,  # 0.46 M in He et al. and CRUST
    "resnet34": 21_282_122,  # 21.3 M in LIMIT
    "wrn28_2": 1_467_610,  # 1.47 M in SLN
}


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_the_papers_networks_have_their_parameters(name: str) -> None:
    side, channels = SIZES.get(name, 32), 1 if name in SIZES else 3
    with torch.device("meta"):
        network = build(name, (side, side, channels), 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", [*network_names(pixels=True), "timm:test_resnet", "torchvision:mobilenet_v3_small"])
def test_every_network_trains_its_folds_side_by_side_and_apart(name: str) -> None:
    side = SIZES.get(name, 16)
    network = build(name, (side, side, 1), 3, copies=2, seed=1)
    x = torch.randn(2, 4, 1, side, side, generator=torch.Generator().manual_seed(0))
    logits = network(x)
    assert logits.shape == (2, 4, 3)
    logits[1].square().sum().backward()
    reached = {place: own.grad is not None and bool(own.grad.any()) for place, own in network.named_parameters()}
    assert not any(hit for place, hit in reached.items() if ".copies.0." in place)
    own = [hit for place, hit in reached.items() if ".copies.1." in place]
    assert all(own) or (":" in name and any(own))  # timm starts residual branches at zero
    assert network.last.weight.grad is not None
    assert network.last.weight.grad.flatten(1).any(1).tolist() == [False, True]


def test_a_shortcut_of_option_a_has_no_weights_and_keeps_every_second_pixel() -> None:
    x = torch.arange(32.0).view(1, 2, 4, 4)
    out = Subsample(2, 2)(x)
    assert torch.equal(out[:, 1:3], x[:, :, ::2, ::2])
    assert not out[:, [0, 3]].any()
    plain, projected = (Block(2, 4, 2, projected=own) for own in (False, True))
    assert sum(p.numel() for p in projected.parameters()) - sum(p.numel() for p in plain.parameters()) == 2 * 4 + 2 * 4


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("timm:resnet19", (32, 32, 3), "unknown timm network 'resnet19': did you mean 'resnet18'"),
        ("timm:", (32, 32, 3), "network 'timm:': write a name after the colon, such as timm:resnet18"),
        ("torchvision:squeezenet1_0", (32, 32, 3), "does not end in a linear layer"),
        ("torchvision:vgg11", (16, 16, 3), "takes no images of 16×16 px"),
        ("timm:resnet18", (8,), "network 'timm:resnet18' is for pixels, not features: choose from linear"),
        ("lenet5", (12, 12, 1), "at least 16 px, not 12×12"),
    ],
)
def test_what_cannot_be_built_is_named(name: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build(name, shape, 3)


def test_published_weights_are_asked_for_by_name_and_missed_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    asked = []

    def create(name: str, *, pretrained: bool, **rest: object) -> None:
        asked.append((name, pretrained))
        raise OSError("no route to the hub\nmore")

    monkeypatch.setattr(timm, "create_model", create)
    with pytest.raises(BackboneError, match=r"cannot download the weights of 'timm:resnet18' \(no route to the hub\)"):
        build("timm:resnet18", (32, 32, 3), 3, pretrained=True)
    assert asked == [("resnet18", True)]
    with pytest.raises(OptionError, match="no published weights"):
        build("cnn", (32, 32, 3), 3, pretrained=True)


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_weights_of_the_wrapped_model_come_from_a_file(tmp_path: Path, ending: str) -> None:
    import timm

    torch.manual_seed(0)
    published = timm.create_model("test_resnet", num_classes=7).state_dict()
    file = tmp_path / f"weights.{ending}"
    save_file(published, file) if ending == "safetensors" else torch.save({"state_dict": published}, file)
    network = build("timm:test_resnet", (32, 32, 3), 3, copies=2)
    before = network.last.weight.clone()
    start_from(network, read_weights(file), str(file))
    for name, value in network.state_dict().items():
        if name.startswith("body."):
            assert torch.equal(value, published[name.split(".model.")[1]]), name
    assert torch.equal(network.last.weight, before)
    with pytest.raises(RunError, match=r"are of another network: .* is missing there"):
        start_from(build("resnet32", (32, 32, 3), 3), read_weights(file), str(file))


def test_a_whole_network_starts_another_with_other_classes_or_the_same() -> None:
    first = build("cnn", (8, 8, 1), 3, seed=1)
    same, other = build("cnn", (8, 8, 1), 3, seed=2), build("cnn", (8, 8, 1), 4, seed=2)
    for network in (same, other):
        start_from(network, first.state_dict(), "first")
        assert torch.equal(network.body.copies[0][0][0].weight, first.body.copies[0][0][0].weight)  # type: ignore[index, union-attr]
    assert torch.equal(same.last.weight, first.last.weight)
    assert other.last.weight.shape == (1, 64, 4)


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04torn"])
def test_a_file_that_holds_no_weights_is_named(tmp_path: Path, content: bytes) -> None:
    for ending in ("safetensors", "pth"):
        file = tmp_path / f"weights.{ending}"
        file.write_bytes(content)
        with pytest.raises(RunError, match=f"cannot read weights from .*{ending}"):
            read_weights(file)
    torch.save([1, 2], file)
    with pytest.raises(RunError, match="holds no state_dict"):
        read_weights(file)


def test_reading_weights_runs_nothing(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    torch.save({"weight": Trap()}, tmp_path / "weights.pth")
    with pytest.raises(RunError, match="cannot read weights"):
        read_weights(tmp_path / "weights.pth")
    assert not (tmp_path / "sprung").exists()


def test_without_batchnorm_a_network_of_timm_keeps_its_activations() -> None:
    network = build("timm:test_efficientnet", (32, 32, 3), 3)
    kinds = [type(module).__name__ for module in network.modules()]
    assert "BatchNormAct2d" in kinds
    (regularizer,) = configure_all(["spectral"]).values()
    regularizer.attach([network], torch.Generator().manual_seed(0))
    without = list(network.modules())
    assert sum(isinstance(module, Shift) for module in without) == kinds.count("BatchNormAct2d")
    assert sum(isinstance(module, torch.nn.SiLU) for module in without) == kinds.count("SiLU") > 0
    assert torch.isfinite(network(torch.randn(1, 2, 3, 32, 32))).all()
