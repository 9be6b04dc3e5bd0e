"""The images of a scan as models see them: what methods learn from, and which features describe them.

Left out: what is made of the features (`labelaudit.scanning.components`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from labelaudit.features.embedding import embed_samples
from labelaudit.machine import Clock, Machine
from labelaudit.scanning.choice import TrainingInput, choose_training_input
from labelaudit.scanning.effort import backbones_of
from labelaudit.scanning.forecast import Prospect
from labelaudit.scanning.plan import Plan
from labelaudit.scanning.settings import ScanSettings
from labelaudit.types import Features, Finding, Samples


@dataclass(frozen=True, kw_only=True)
class Description:
    """The images as models see them."""

    samples: Samples
    """Those that are described."""
    failed: tuple[Finding, ...] = ()
    """Images that could not be embedded."""
    features: Features | None
    settings: ScanSettings
    """As the plan has settled them."""
    trained_on: TrainingInput | None = None
    """The input chosen for the methods; None where none is trained, or features were given."""


def describe(
    samples: Samples,
    settings: ScanSettings,
    machine: Machine,
    plan: Plan,
    clock: Clock,
    *,
    embeds: bool,
    features: Features | None,
    given: bool,
) -> Description:
    """Choose what the models see, forecast all work, and where a scan ``embeds`` do so; stages are timed by ``clock``.

    ``features`` are those that were brought, ``given`` says that probabilities were.
    """
    with clock.stage("forecast"):
        choice = choose_training_input(samples, settings) if embeds else None
        about = Prospect(samples=samples, machine=machine, choice=choice, features=features, given=given)
        settings = plan.settle(about, settings)
    if choice is None:
        return Description(samples=samples, features=features, settings=settings)
    trained_on = choice if settings.trained else None
    choice = trained_on or replace(choice, pixels=False)
    specs = backbones_of(choice, settings, images=len(samples), device=machine.device)
    with clock.stage("embed"):
        samples, features, failed = embed_samples(samples, specs, machine)
    return Description(
        samples=samples,
        failed=failed,
        features=features,
        settings=settings,
        trained_on=trained_on,
    )
