"""The papers' tables and effects as commands: presets, their runs, and our values beside the paper's.

Left out: anything that downloads; the datasets are the person's.
"""

from labelaudit.bench.preset import Arm, Cost, Finished, Preset, Reading, Setting
from labelaudit.bench.presets import get_preset, list_presets
from labelaudit.bench.record import Run
from labelaudit.bench.running import run_preset

__all__ = [
    "Arm",
    "Cost",
    "Finished",
    "Preset",
    "Reading",
    "Run",
    "Setting",
    "get_preset",
    "list_presets",
    "run_preset",
]
