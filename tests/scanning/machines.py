"""Machines that forecasts are made for, so that no test depends on the one it runs on."""

from __future__ import annotations

from labelaudit.scanning.choice import TrainingInput
from labelaudit.scanning.unit_costs import UnitCosts

COSTS = UnitCosts(product=2e-11, eigen=3e-10, pair=4e-9, cell=3e-9, fit=4e-8, row=4e-6)
"""Those of one core of 2024, so that no test depends on the machine."""


TODAY = UnitCosts(product=2.4e-11, eigen=2.1e-10, pair=8.8e-9, cell=1.15e-9, fit=2.9e-8, row=3.4e-6)
"""Medians of what the probe found before twenty scans on two busy cores of an AMD EPYC, with few classes."""


ON_FEATURES = TrainingInput(pixels=False, side=8, longest=64, reason="")
