"""The output formats of ``labelaudit check``: name -> function from an outcome to text.

Every format says the same: the verdict, the rules, the number of suspects of every status, the number of findings. What
a format cannot hold is counted in it, with the place where the rest is. The text is always encodable as UTF-8, whatever
the files are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labelaudit.check.formats.csv import as_csv
from labelaudit.check.formats.github import github
from labelaudit.check.formats.json import as_json, as_jsonl
from labelaudit.check.formats.junit import junit
from labelaudit.check.formats.markdown import markdown
from labelaudit.check.formats.sarif import sarif
from labelaudit.check.formats.table import table
from labelaudit.check.outcome import Outcome

GATE_FORMATS: Mapping[str, Callable[[Outcome], str]] = {
    "table": table,
    "json": as_json,
    "jsonl": as_jsonl,
    "csv": as_csv,
    "markdown": markdown,
    "junit": junit,
    "sarif": sarif,
    "github": github,
}
