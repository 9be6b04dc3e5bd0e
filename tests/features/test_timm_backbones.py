"""Backbones of timm, without the network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pictures import Listed, photo

from labelaudit.data.images import encode
from labelaudit.errors import BackboneError
from labelaudit.features import embed, parse_specs
from labelaudit.features.known import KNOWN, advise_backbone
from labelaudit.features.lite import SIZES, WIDTHS
from labelaudit.features.lite_torch import Lite
from labelaudit.features.runners import find_backbone
from labelaudit.machine import Machine


@pytest.fixture
def offline_timm(monkeypatch):
    """timm that takes random weights for the pretrained ones, the same at every call."""
    import timm

    create = timm.create_model

    def create_offline(name, pretrained, **options):
        assert pretrained
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return create(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", create_offline)


def test_a_timm_model_embeds_beside_an_embedded_one(offline_timm, tmp_path):
    images = Listed([encode(photo(seed)) for seed in range(3)])
    specs = ["resnet10t@64", "lite0@32"]
    features, failures = embed(images, images.digests, backbones=specs, machine=Machine(cache=tmp_path))
    assert failures == ()
    assert features.blocks == (512, WIDTHS["lite0"])
    again, _ = embed(images, images.digests, backbones=specs, machine=Machine(cache=tmp_path))
    np.testing.assert_array_equal(features.values, again.values)
    assert images.reads == [1, 1, 1]


def test_a_timm_model_sees_normalised_pixels(offline_timm):
    from labelaudit.features.timm_models import TimmModule

    module = TimmModule("resnet10t", 64)
    module.model = torch.nn.Identity()
    grey = torch.full((1, 2, 2, 3), 255.0)
    expected = (1 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(module(grey)[0, :, 0, 0].numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("plain", "model", "options", "mean"),
    [
        ("dinov2", "vit_base_patch14_dinov2.lvd142m", {"img_size": 224}, 0.485),
        ("dinov2-small", "vit_small_patch14_dinov2.lvd142m", {"img_size": 224}, 0.485),
        ("clip", "vit_large_patch14_clip_224.openai", {}, 0.48145466),
        ("vit", "vit_base_patch16_224.augreg2_in21k_ft_in1k", {}, 0.5),
    ],
)
def test_a_plain_name_is_a_timm_model_at_its_size_and_normalisation(monkeypatch, plain, model, options, mean):
    import timm

    def stand_in(name, pretrained, num_classes, **rest):
        assert (name, pretrained, num_classes, rest) == (model, True, 0, options)
        return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())

    monkeypatch.setattr(timm, "create_model", stand_in)
    features, failures = embed(Listed([encode(photo(0))]), ["a" * 32], backbones=[plain])
    assert failures == ()
    assert (features.name, features.values.shape) == (f"{plain}@224", (1, 3))
    found = find_backbone(parse_specs([plain])[0], "cpu")
    assert found.identity["weights"] == f"timm {model} {model.partition('.')[2]}"
    assert found.identity["mean"][0] == pytest.approx(mean)
    assert str(parse_specs([f"{plain}@448"])[0]) == f"{plain}@448"


def test_the_facts_about_backbones_are_those_of_their_weights():
    for name in SIZES:
        assert KNOWN[name].parameters == sum(part.numel() for part in Lite(name).parameters())
        assert advise_backbone(f"{name}@96") != ""
    import timm

    for one in KNOWN.values():
        if one.model and one.parameters < 50e6:
            made = timm.create_model(one.model, pretrained=False, num_classes=0, img_size=one.size)
            assert (sum(part.numel() for part in made.parameters()), made.num_features) == (one.parameters, one.width)
        if one.model:
            assert timm.get_pretrained_cfg(one.model).has_weights
            assert advise_backbone(f"lite0@128+{one.name}@{one.size}") == ""


def test_a_timm_model_that_cannot_be_fetched_says_what_to_do(monkeypatch):
    import timm

    def refuse(*args, **options):
        raise OSError("We couldn't connect to 'https://huggingface.co'\nlong advice")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(
        BackboneError, match=r"couldn't connect.*the network once or a filled Hugging Face cache; lite0"
    ) as caught:
        embed(Listed([b"x"]), ["a" * 32], backbones=["resnet10t"])
    assert "\n" not in str(caught.value)


def test_a_timm_model_without_pretrained_weights_is_refused():
    import timm

    name = next(name for name in timm.list_models("vit*") if not timm.is_model_pretrained(name))
    with pytest.raises(BackboneError, match=f"timm has no pretrained weights for '{name}'; try one of lite0"):
        parse_specs([name])
