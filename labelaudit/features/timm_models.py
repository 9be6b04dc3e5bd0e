"""Any timm model, by its name or a plain one, as a feature extractor: pooled, normalised as its weights were trained.

The weights come from the network once, or from a local Hugging Face cache. Left out: models outside timm's registry
(``hf-hub:…``), and the crop and interpolation of each model's own recipe: an audit must see the whole image.
"""

from __future__ import annotations

import difflib
from typing import Any

import timm
import torch
from torch import Tensor, nn

from labelaudit.errors import BackboneError, OptionError, first_line, unknown_name
from labelaudit.features.hub import quiet_hub
from labelaudit.features.known import KNOWN, model_of
from labelaudit.features.lite import SIZES


class TimmModule(nn.Module):
    """Pixels (B, H, W, 3) in [0, 255], any dtype -> features (B, width)."""

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        config = _read_config(name)
        # Transformers are built for one image size; their position embeddings are interpolated to another.
        resized: dict[str, Any] = {"img_size": size} if config.fixed_input_size and size != default_size(name) else {}
        try:
            with quiet_hub():
                self.model = timm.create_model(model_of(name), pretrained=True, num_classes=0, **resized).eval()
            with torch.inference_mode():
                self.width = int(self.model(torch.zeros(1, 3, size, size)).shape[1])
        except Exception as error:  # the hub's client, the file and the model each raise their own
            raise BackboneError(
                f"timm model '{name}' cannot be loaded at {size} px ({first_line(error)}): its weights need the "
                f"network once or a filled Hugging Face cache; {', '.join(SIZES)} need neither"
            ) from error
        self.identity = {"weights": f"timm {model_of(name)} {config.tag}", "mean": config.mean, "std": config.std}
        for part in ("mean", "std"):
            self.register_buffer(part, torch.tensor(self.identity[part]).view(1, 3, 1, 1) * 255)

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.model((pixels.permute(0, 3, 1, 2).float() - self.mean) / self.std)
        return features


def default_size(name: str) -> int:
    """Side in pixels that the pretrained weights of ``name`` were made for."""
    return int(_read_config(name).input_size[-1])


def _read_config(named: str) -> Any:
    name = model_of(named)
    if not name or not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models())
        raise OptionError(f"{unknown_name('backbone', name, [*KNOWN, *near])}, and every other timm model name")
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise BackboneError(f"timm has no pretrained weights for '{name}'; try one of {', '.join(SIZES)}")
    return config
