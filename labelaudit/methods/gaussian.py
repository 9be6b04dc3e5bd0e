"""A network trained under Gaussian noise, which asks of every label whether it survives a disturbance.

Camuto et al., "Explicit Regularisation in Gaussian Noise Injections", NeurIPS 2020, Section 2: noise of variance σ² on
the input and on every activation while cross-entropy is minimised. The paper has no score and no label noise.
Suspicion: ranks of the loss of the given label averaged over draws of the same noise, over the epochs and over the fits
that trained on the sample: ``noisy_loss``. ``loss`` is the one without noise. The paper's explicit regulariser would
not do as a score: it does not know the label. BatchNorm stays in the networks for pixels, where it keeps σ in units of
the activations' own spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor

from labelaudit.methods._interface import Method
from labelaudit.methods._options import Between
from labelaudit.networks import Network
from labelaudit.networks.injection import injected


@dataclass(kw_only=True)
class Gaussian(Method):
    """Views: 0 is the clean prediction, 1 the mean log-probability under noise. The noise is the regulariser's."""

    column: ClassVar[str] = "noisy_loss"

    variance: Annotated[float, Between(0, 100), "σ² of the noise, in training and in the score"] = 0.25
    variances: Annotated[str, "σ² of each disturbed layer instead, separated by commas"] = ""
    kind: Annotated[Literal["additive", "multiplicative"], "noise of one size, or in proportion to what it hits"] = (
        "additive"
    )
    layers: Annotated[str, "all, input, hidden, or numbers separated by commas, 0 = input"] = "all"
    draws: Annotated[int, Between(2, 1000), "passes that the loss is averaged over after each epoch"] = 8

    def regularizers(self) -> Mapping[str, Mapping[str, Any]]:
        own = {"variance": self.variance, "variances": self.variances, "kind": self.kind, "layers": self.layers}
        return {"gaussian": own}

    def predict(self, networks: Sequence[Network], x: Tensor) -> Tensor:
        clean = networks[0](x)
        sources = injected(networks[0])
        total = torch.zeros_like(clean, dtype=torch.float32)
        try:
            for source in sources:
                source.train()
            for _ in range(self.draws):
                total += networks[0](x).float().log_softmax(-1)
        finally:
            for source in sources:
                source.eval()
        return torch.stack([clean.float(), total / self.draws])

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:
        given = self.fit.labels.expand(logits.shape[1:3]).unsqueeze(-1)
        return {"noisy_loss": -logits[1].gather(-1, given).squeeze(-1)}
