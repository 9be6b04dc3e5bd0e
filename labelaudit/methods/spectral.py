"""A spectrally normalised network without BatchNorm, which cannot bend far enough to fit most wrong labels.

Bar, Drory and Giryes, "A Spectral Perspective of DNN Robustness to Label Noise", AISTATS 2022: every layer's spectral
norm is held at ``scale`` while plain cross-entropy is minimised. The paper's network keeps BatchNorm, which undoes the
normalisation of every layer but the last; here it is removed, so that the constraint holds, and the norm is 2 rather
than 1 by default, because a network of several layers of norm 1 learns too slowly without it. The paper has no score.
Suspicion: ranks of the loss of the given label, averaged over the epochs and the fits that trained on the sample.
``lipschitz_margin`` is the given label's logit minus the largest other, divided by the product of the layers' norms,
with its sign turned: how far the input would have to move, at the least, up to the constant that convolutions add.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor

from labelaudit.methods._interface import Method, Recipe
from labelaudit.methods._options import Between
from labelaudit.networks.spectra import lipschitz_scale


@dataclass(kw_only=True)
class Spectral(Method):
    """Cross-entropy under the regulariser of the same name."""

    column: ClassVar[str] = "loss"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "features": Recipe(epochs=12, batch=256, lr=2e-3),
        "pixels": Recipe(epochs=12, batch=64, lr=2e-3),
    }

    scale: Annotated[float, Between(0.01, 100), "norm that every layer is held at; the paper's is 1"] = 2.0
    norm: Annotated[
        Literal["reshaped", "operator"], "of a kernel as a matrix, as the released code, or of the convolution itself"
    ] = "reshaped"
    last: Annotated[bool, "normalise the last layer too, as the paper does; logits stay small then"] = True
    batchnorm: Annotated[
        Literal["remove", "unscaled", "keep"], "what becomes of BatchNorm, which undoes the normalisation"
    ] = "remove"

    def regularizers(self) -> Mapping[str, Mapping[str, Any]]:
        return {"spectral": {"scale": self.scale, "norm": self.norm, "last": self.last, "batchnorm": self.batchnorm}}

    def sample_statistics(self, logits: Tensor) -> Mapping[str, Tensor]:
        given = self.fit.labels.expand(logits.shape[1:3]).unsqueeze(-1)
        others = logits[0].scatter(-1, given, -torch.inf).amax(-1)
        stretch = lipschitz_scale(self.fit.networks[0], len(logits[0])).unsqueeze(1)
        return {"lipschitz_margin": (others - logits[0].gather(-1, given).squeeze(-1)) / stretch}
