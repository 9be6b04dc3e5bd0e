"""Backbones that have a plain name: the embedded ones, and published ones of timm that are known to find more errors.

A plain name stands for a model of timm, the side that it is best shown images at, and the normalisation of its weights,
which timm knows. Left out: every other model of timm, which goes by timm's own name (`labelaudit.features.specs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labelaudit.features.lite import SIZES, WIDTHS, WORK


@dataclass(frozen=True, kw_only=True)
class KnownBackbone:
    """A backbone by its plain name, and the facts to choose it by."""

    name: str
    model: str = ""
    """Its name in timm, with the tag of the weights; empty for embedded ones."""
    size: int
    """Side in pixels of what it is shown unless a spec says otherwise."""
    width: int
    """d: features of an image."""
    parameters: int
    """Weights, without the last layer that is not used."""
    work: float
    """Multiply-adds of an image at `size`."""
    licence: str
    """The licence of the weights, as their makers state it."""
    about: str
    found: Mapping[str, str]
    """Dataset -> F1 of finding its wrong labels; see `SOURCE`."""

    @property
    def embedded(self) -> bool:
        """Whether its weights come with the installation."""
        return not self.model


SOURCE = (
    "F1 of finding wrong labels. Of lite0 to lite2: a scan at standard effort of 10,000 images, measured here. Of the "
    "others: published for detectors on these features, not measured here."
)

_LITE = "EfficientNet-{}, ImageNet; comes with the installation"
KNOWN: Mapping[str, KnownBackbone] = {
    one.name: one
    for one in (
        *(
            KnownBackbone(
                name=name,
                size=SIZES[name],
                width=WIDTHS[name],
                parameters=parameters,
                work=WORK[name] * SIZES[name] ** 2,
                licence="Apache-2.0",
                about=_LITE.format(name.capitalize()),
                found={"CIFAR-10N worse": ".85, all three"} if name == "lite2" else {},
            )
            for name, parameters in (("lite0", 3_371_008), ("lite1", 4_135_680), ("lite2", 4_811_072))
        ),
        KnownBackbone(
            name="vit",
            model="vit_base_patch16_224.augreg2_in21k_ft_in1k",
            size=224,
            width=768,
            parameters=85_798_656,
            work=17.6e9,
            licence="Apache-2.0",
            about="ViT-B/16, ImageNet-21k, then ImageNet",
            found={"CIFAR-10N worse": ".877", "CIFAR-100N": ".76"},
        ),
        KnownBackbone(
            name="clip",
            model="vit_large_patch14_clip_224.openai",
            size=224,
            width=1024,
            parameters=303_179_776,
            work=81.1e9,
            licence="MIT",
            about="the image half of OpenAI's CLIP, ViT-L/14",
            found={"CIFAR-10N worse": ".928 to .956", "CIFAR-100N": ".80 to .84"},
        ),
        KnownBackbone(
            name="dinov2-small",
            model="vit_small_patch14_dinov2.lvd142m",
            size=224,
            width=384,
            parameters=21_628_800,
            work=6.1e9,
            licence="Apache-2.0",
            about="DINOv2 ViT-S/14, learnt without labels",
            found={},
        ),
        KnownBackbone(
            name="dinov2",
            model="vit_base_patch14_dinov2.lvd142m",
            size=224,
            width=768,
            parameters=85_724_928,
            work=23.2e9,
            licence="Apache-2.0",
            about="DINOv2 ViT-B/14, learnt without labels",
            found={"CIFAR-10N worse": ".978", "CIFAR-100N": ".89"},
        ),
    )
}
"""Plain name -> backbone, from the cheapest to the one that finds most."""


def model_of(name: str) -> str:
    """The name that timm knows the backbone ``name`` by: its own, unless it is a plain one.

    >>> model_of("dinov2"), model_of("resnet18")
    ('vit_base_patch14_dinov2.lvd142m', 'resnet18')
    """
    return KNOWN[name].model if name in KNOWN else name


def advise_backbone(name: str) -> str:
    """A sentence on what better features than those called ``name`` would likely bring; empty where they are such.

    >>> advise_backbone("lite0@128+lite1@160")[:44], advise_backbone("dinov2@224")
    ('Better features would likely find more: with', '')
    """
    used = {spec.partition("@")[0] for spec in name.split("+")}
    if not used <= {*SIZES}:
        return ""
    return (
        "Better features would likely find more: with frozen DINOv2 features detectors reach F1 .98 on CIFAR-10N "
        "worse, with those of an ImageNet network .88 (published). `labelaudit scan --backbone dinov2` takes them: "
        "350 MB once from the network, and best a GPU; `labelaudit backbones` lists others."
    )
