"""Weights from a file, for networks that do not start from scratch. Reading a file runs nothing that is in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from labelaudit.errors import RunError
from labelaudit.files import open_regular
from labelaudit.networks.frame import Bodies, Network
from labelaudit.networks.published import Published


def read_weights(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of a ``.safetensors`` file or one that torch saved; raises `RunError` for anything else."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            with open_regular(path):
                return load_file(path)
        with open_regular(path) as file:
            content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or foreign file can raise nearly anything
        reason = getattr(error, "strerror", None) or "it is no .safetensors file and holds no plain state_dict"
        raise RunError(f"cannot read weights from {path}: {reason}") from None
    for inside in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(inside), Mapping):
            content = content[inside]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise RunError(f"cannot read weights from {path}: it holds no state_dict")
    if strange := [name for name, value in content.items() if value.is_meta or value.layout != torch.strided]:
        raise RunError(f"cannot read weights from {path}: '{strange[0]}' is a tensor without plain numbers")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def start_from(network: Network, weights: Mapping[str, Tensor], source: str) -> None:
    """Put ``weights`` into ``network``: of a network such as this one, or of the model that its body wraps.

    The last layer is taken where it fits, and left as it is for other classes. Raises `RunError`, naming ``source``,
    unless all else fits.
    """
    if any(name.startswith("body.") for name in weights):
        _load(network, weights, source, optional="last.")
        return
    for body in network.body.copies if isinstance(network.body, Bodies) else [network.body]:
        _load(body.model if isinstance(body, Published) else body, weights, source, optional="")


def _load(module: torch.nn.Module, weights: Mapping[str, Tensor], source: str, *, optional: str) -> None:
    own = module.state_dict()
    fits = {name: given for name, given in weights.items() if name in own and given.shape == own[name].shape}
    for name, value in own.items():
        if name in fits or name.endswith("num_batches_tracked") or (optional and name.startswith(optional)):
            continue
        found = f"is {tuple(weights[name].shape)} there" if name in weights else "is missing there"
        raise RunError(
            f"the weights in {source} are of another network: {name} {found}, {tuple(value.shape)} here; name theirs "
            "with `network`"
        )
    module.load_state_dict({**own, **fits})
