"""People's decisions about samples: ``verdicts.csv`` in a RUN, one line for each decision, never rewritten.

A verdict belongs to an image's content under a label, not to a path: it survives renaming and re-scanning, and a
changed image or label has to be looked at again. The file is a log: the last line of each reviewer about an image
counts, whatever the clock said, ``undo`` takes the one before it back, reviewers who disagree leave a dispute instead
of a result. A cell that a spreadsheet would execute gets a leading ``'``, which is taken off again when the file is
read.

Left out: who may judge what, and editing old lines; people can, with a text editor.
"""

from labelaudit.verdicts.log import ChangedLog, GrowingLog, append, read, render, verdicts_file
from labelaudit.verdicts.matching import Reviewed, match, merge, overtaken, read_reviewed
from labelaudit.verdicts.outcome import OUTCOMES, count_outcomes, list_outcomes
from labelaudit.verdicts.replay import Replay
from labelaudit.verdicts.settling import make_rule, settle
from labelaudit.verdicts.verdict import RULE, Verdict, now

__all__ = [
    "OUTCOMES",
    "RULE",
    "ChangedLog",
    "GrowingLog",
    "Replay",
    "Reviewed",
    "Verdict",
    "append",
    "count_outcomes",
    "list_outcomes",
    "make_rule",
    "match",
    "merge",
    "now",
    "overtaken",
    "read",
    "read_reviewed",
    "render",
    "settle",
    "verdicts_file",
]
