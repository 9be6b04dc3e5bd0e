"""A cleaned dataset from an audit and people's verdicts: first a plan to read and edit, then a new folder.

`plan` decides what changes and why, `plan_file` is its file, `dataset` what it leads to, `names`, `transfer`, `forms`
and `parquet` how that is laid out and brought there, `applying` the whole, `returning` the way back, `report` what is
said about it, `output` where it may go. Left out: any change to the source.
"""

from labelaudit.clean.actions import choose_actions
from labelaudit.clean.applying import Destination, WrittenDataset, apply_plan, read_applied, restore
from labelaudit.clean.flags import choose_flags
from labelaudit.clean.output import check_place, quarantine_of
from labelaudit.clean.plan import Change, CorrectionPlan, make_plan
from labelaudit.clean.plan_file import FILE as PLAN
from labelaudit.clean.plan_file import read_plan, write_plan

__all__ = [
    "PLAN",
    "Change",
    "CorrectionPlan",
    "Destination",
    "WrittenDataset",
    "apply_plan",
    "check_place",
    "choose_actions",
    "choose_flags",
    "make_plan",
    "quarantine_of",
    "read_applied",
    "read_plan",
    "restore",
    "write_plan",
]
