"""The embedded backbones as networks to train: lite0, lite1 and lite2, which begin with their ImageNet weights.

Left out: the scale at which those weights saw each colour; images arrive scaled by their own dataset, and are only
brought to the deviation that ImageNet's had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from labelaudit.features.lite import HEAD, SIZES
from labelaudit.features.lite_torch import Lite
from labelaudit.networks.frame import Bodies, Network

_SOURCE = 'Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019.'
_DEVIATION = 0.46  # of ImageNet's (pixel - 127) / 128


class _Tunable(nn.Module):
    """(B, c, H, W) of deviation 1 to features (B, 1280)."""

    def __init__(self, variant: str) -> None:
        super().__init__()
        self.lite = Lite(variant)

    def forward(self, x: Tensor) -> Tensor:
        return self.lite.describe(x.expand(-1, 3, -1, -1) * _DEVIATION)


def _tunable(variant: str) -> Callable[[Sequence[int], int, int], Network]:
    """The maker of the network ``variant``."""

    def make(shape: Sequence[int], classes: int, copies: int) -> Network:  # noqa: ARG001
        return Network(Bodies(lambda: _Tunable(variant), copies), copies, HEAD, classes)

    make.__doc__ = (
        f"EfficientNet-{variant.capitalize()} with its ImageNet weights, to fine-tune: the usual learning rates are "
        f"quartered.\n\n{_SOURCE}"
    )
    return make


LITES = {variant: _tunable(variant) for variant in SIZES}
"""Name -> network."""
