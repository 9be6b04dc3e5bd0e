"""The jsonl format: all of an outcome as one JSON record a line, for programs that read line by line.

The schema is the one of the json format; each line is its definition ``line``. Nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labelaudit.check.formats.json import dumps
from labelaudit.check.outcome import Outcome

ENDING = ".jsonl"
_ONE_BY_ONE = {"rules": "rule", "suspects": "suspect", "findings": "finding"}
"""Lists of the outcome that become one line each -> the name of their lines."""


def render(outcome: Outcome) -> str:
    """One record a line, each with the key ``record``: the ``outcome`` with its counts first, then every ``rule``,
    ``suspect`` and ``finding``."""
    return "".join(dumps(record) + "\n" for record in _records(outcome.record()))


def _records(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"record": "outcome", **{name: part for name, part in document.items() if name not in _ONE_BY_ONE}}
    for part, name in _ONE_BY_ONE.items():
        for entry in document[part]:
            yield {"record": name, **entry}
