"""The papers' tables and effects as commands: presets, their runs, and our values beside the paper's.

Left out: anything that downloads; the datasets are the person's.
"""

from labelaudit.bench.preset import Preset, narrow
from labelaudit.bench.running import run_preset
from labelaudit.bench.runs import Run

__all__ = ["Preset", "Run", "narrow", "run_preset"]
