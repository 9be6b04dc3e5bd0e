"""The embedded backbones as networks to train: lite0, lite1 and lite2, which begin with their ImageNet weights.

Left out: the scale at which those weights saw each colour; images arrive scaled by their own dataset, and are only
brought to the deviation that ImageNet's had.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from labelaudit.features.lite import WIDTH
from labelaudit.features.lite_torch import Lite
from labelaudit.networks.frame import Bodies, Network

_DEVIATION = 0.46  # of ImageNet's (pixel - 127) / 128


class _Tunable(nn.Module):
    """(B, c, H, W) of deviation 1 to features (B, 1280)."""

    def __init__(self, variant: str) -> None:
        super().__init__()
        self.lite = Lite(variant)

    def forward(self, x: Tensor) -> Tensor:
        return self.lite.describe(x.expand(-1, 3, -1, -1) * _DEVIATION)


def lite0(shape: Sequence[int], classes: int, copies: int) -> Network:  # noqa: ARG001
    """EfficientNet-Lite0 with its ImageNet weights, to fine-tune: the usual learning rates are quartered.

    Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019.
    """
    return _tunable("lite0", classes, copies)


def lite1(shape: Sequence[int], classes: int, copies: int) -> Network:  # noqa: ARG001
    """EfficientNet-Lite1 with its ImageNet weights, to fine-tune: the usual learning rates are quartered.

    Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019.
    """
    return _tunable("lite1", classes, copies)


def lite2(shape: Sequence[int], classes: int, copies: int) -> Network:  # noqa: ARG001
    """EfficientNet-Lite2 with its ImageNet weights, to fine-tune: the usual learning rates are quartered.

    Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019.
    """
    return _tunable("lite2", classes, copies)


def _tunable(variant: str, classes: int, copies: int) -> Network:
    return Network(Bodies(lambda: _Tunable(variant), copies), copies, WIDTH, classes)
