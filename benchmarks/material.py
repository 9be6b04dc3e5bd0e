"""The models of a whole scan of one pack, fitted once, so that decisions can be made anew from them in seconds."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from measures import Labels, flags, ranking
from packs import embed_as_scanned
from results_section import CACHE, DATA
from sets import load

from labelaudit.context.alike import find_alike
from labelaudit.judge import noise_model
from labelaudit.judge.learning_curve import Curve
from labelaudit.machine import Machine
from labelaudit.scanning import closed_forms
from labelaudit.scanning.assessment import decide_by
from labelaudit.scanning.components import find_components
from labelaudit.scanning.pool import ModelPool
from labelaudit.scanning.settings import Effort, ScanSettings
from labelaudit.scanning.testimony import hear
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.types import Decision, Features, Samples

SETS = (
    *("imagenette_real", "outdoor", "clothes", "cifar10n-aggre@1000", "cifar10n-random1@500", "cifar10n-worse@1000"),
    *("caltech20~usual", "bloodcells8@1000~usual", "signdigits@1000~usual"),
)
CLEAN_SETS = ("caltech20", "bloodcells8@800", "signdigits@500", "cifar10n-clean@500", "cifar10n-clean@1000")
"""Packs with wrong labels and clean ones, small enough that all of them take minutes once their features are cached."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """A pack and the models that a scan fits to it."""

    name: str
    fitted: ModelPool
    truth: Labels

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the given label is wrong."""
        return np.asarray(self.fitted.samples.labels != self.truth)

    def decide(self) -> Decision:
        """The decision that a scan would make of the models as they are now."""
        consensus, samples, known = self.fitted.settle(), self.fitted.samples, self.fitted.known
        posterior = hear(consensus.answer, samples).posterior
        consensus = replace(consensus, answer=replace(consensus.answer, posterior=posterior))
        return decide_by(consensus, samples, known=known, verdicts=None)

    def figures(self) -> dict[str, Any]:
        """How well that decision finds the wrong labels."""
        decision, wrong = self.decide(), self.wrong
        return {
            **ranking(decision.suspicion, wrong),
            **flags(decision.is_issue, wrong),
            "rate": decision.noise_rate,
            "interval": decision.noise_interval,
            "sure": int(decision.is_sure.sum()),
            "sure_right": int((decision.is_sure & wrong).sum()),
        }


def measure_curve(fitted: ModelPool) -> Curve | None:
    """The learning curve of these models, anew."""
    assert fitted._components is not None
    return closed_forms.measure_curve(fitted._components, fitted._targets, fitted._classes, fitted._groups)


def gather(
    pack: str,
    *,
    effort: Effort = "quick",
    seed: int = 0,
    methods: tuple[str, ...] = (),
    data: Path = DATA,
    cache: Path = CACHE,
) -> Material:
    """Fit the models of a scan of ``pack``; networks only where ``methods`` are named."""
    machine = Machine(device="cpu", cache=cache, workers=1)
    settings = ScanSettings(effort=effort, seed=seed, train="features", methods=methods, precision="float32")
    with tempfile.TemporaryDirectory() as folder:
        samples, truth = load(pack, data, Path(folder))
        features = embed_as_scanned(samples, settings, machine)
    return Material(name=pack, fitted=fit(samples, features, settings, machine), truth=truth)


def fit(samples: Samples, features: Features, settings: ScanSettings, machine: Machine) -> ModelPool:
    """The models that a scan with these ``settings`` fits to samples of these ``features``."""
    components = find_components(samples, features, machine, Unfinished(None))
    samples = find_alike(samples, features, machine, near=components.rows, named=False).samples
    known = np.full(len(samples), noise_model.UNKNOWN)
    fitted = ModelPool(samples=samples, known=known, settings=settings, machine=machine)
    fitted.add_probes(components)
    fitted.gather()
    return fitted
