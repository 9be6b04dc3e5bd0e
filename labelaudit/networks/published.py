"""Any network of timm or torchvision by name, for larger images: ``timm:convnext_tiny``, ``torchvision:resnet18``.

Their own last layer is replaced by that of `Network`. Grey images are shown to them as grey colours. Left out: the
normalisation that pretrained weights were made with; images are scaled by the dataset's own mean and deviation.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from labelaudit.errors import BackboneError, OptionError, first_line, unknown_name
from labelaudit.features.hub import quiet_hub
from labelaudit.networks.frame import Bodies, Network

SOURCES = ("timm", "torchvision")
SIDE = 224
"""Side of the images for them, in pixels, unless said."""
_AUXILIARY = ("googlenet", "inception_v3")  # their training output is several tensors unless told


class Published(nn.Module):
    """(B, c, H, W) to features (B, width)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.model(x.expand(-1, 3, -1, -1))
        return features.flatten(1)


def published(name: str, shape: Sequence[int], classes: int, copies: int, *, pretrained: bool) -> Network:
    """The network ``SOURCE:NAME``; raises `OptionError` for an unknown one and `BackboneError` without its weights."""
    source, _, model = name.partition(":")
    if not model:
        raise OptionError(f"network '{name}': write a name after the colon, such as {source}:resnet18")
    make = _timm if source == "timm" else _torchvision
    height, width, _ = shape

    def built() -> Published:
        try:
            return Published(make(model, (height, width), pretrained))
        except (OptionError, BackboneError):
            raise
        except Exception as error:  # each library and the network raise their own
            if not pretrained:
                raise OptionError(f"network '{name}' cannot be built ({first_line(error)}): choose another") from error
            raise BackboneError(
                f"cannot download the weights of '{name}' ({first_line(error)}): go online once, or give a weights file"
            ) from error

    bodies = Bodies(built, copies)
    try:
        with torch.no_grad():
            out = bodies.eval()(torch.zeros(copies, 1, 3, height, width))
    except Exception as error:
        raise OptionError(
            f"network '{name}' takes no images of {width}×{height} px ({first_line(error)}): try another `image_size`"
        ) from error
    return Network(bodies.train(), copies, out.shape[-1], classes)


def _timm(name: str, size: tuple[int, int], pretrained: bool) -> nn.Module:
    import timm

    if not timm.is_model(name):
        raise _unknown("timm", name, timm.list_models())
    config = timm.get_pretrained_cfg(name)
    fixed: dict[str, Any] = {"img_size": size} if config is not None and config.fixed_input_size else {}
    with quiet_hub():
        model: nn.Module = timm.create_model(name, pretrained=pretrained, num_classes=0, **fixed)
    return model


def _torchvision(name: str, size: tuple[int, int], pretrained: bool) -> nn.Module:  # noqa: ARG001
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise _unknown("torchvision", name, known)
    plain = {"aux_logits": False, "init_weights": True} if name in _AUXILIARY else {}
    model: nn.Module = torchvision.models.get_model(name, weights="DEFAULT" if pretrained else None, **plain)
    last = [path for path, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not last:
        raise OptionError(f"network 'torchvision:{name}' does not end in a linear layer: choose another")
    parent, _, own = last[-1].rpartition(".")
    setattr(model.get_submodule(parent), own, nn.Identity())
    return model


def _unknown(source: str, name: str, known: Sequence[str]) -> OptionError:
    near = difflib.get_close_matches(name, known)
    if near:
        return unknown_name(f"{source} network", name, near)
    return OptionError(f"unknown {source} network '{name}': none of its {len(known):,} names is like it")
