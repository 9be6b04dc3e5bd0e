"""Gaussian noise injection: the input and every activation are disturbed while the network trains.

Camuto et al., "Explicit Regularisation in Gaussian Noise Injections", NeurIPS 2020, Section 2: h + ε with ε ~ N(0, σ²),
or N(0, h²σ²) for multiplicative noise, on layers 0 (the input) to L - 1, after the activation, never on the logits nor
in evaluation. σ is in units of the activations: inputs are standardised here, and BatchNorm directly after a disturbed
layer rescales the noise with them. A paper's σ² of pixels in [0, 1] is that over the pixels' variance here, on the
input alone; ``variances=1.05,0.1,0.1`` gives every layer its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch

from labelaudit.methods import Between
from labelaudit.networks import Network
from labelaudit.networks.injection import inject_noise
from labelaudit.regularizers._interface import Regularizer


@dataclass(kw_only=True)
class GaussianNoiseInjection(Regularizer):
    """Everything happens in `attach`; the noise belongs to the layers."""

    variance: Annotated[float, Between(0, 100), "σ² of the noise"] = 0.1
    variances: Annotated[str, "σ² of each disturbed layer instead, separated by commas"] = ""
    kind: Annotated[Literal["additive", "multiplicative"], "noise of one size, or in proportion to what it hits"] = (
        "additive"
    )
    layers: Annotated[str, "all, input, hidden, or numbers separated by commas, 0 = input"] = "all"

    def attach(self, networks: Sequence[Network], generator: torch.Generator) -> None:
        super().attach(networks, generator)
        for network in networks:
            inject_noise(
                network,
                self.variance,
                kind=self.kind,
                layers=self.layers,
                generator=generator,
                variances=self.variances,
            )
