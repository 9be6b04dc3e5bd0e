"""The json and jsonl formats: all of an outcome, for programs.

The schema ships in the package as ``labelaudit/check/formats/schemas/check.schema.json``. Both formats are strict JSON
and UTF-8: a lone surrogate of an undecodable file name is written as the escape ``\\udcXX``. Nothing is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

from labelaudit.check.outcome import Outcome
from labelaudit.text import encodable, shown_json

_ONE_BY_ONE = {"rules": "rule", "suspects": "suspect", "findings": "finding"}
"""Lists of the outcome that become one line each -> the name of their lines."""


def as_json(outcome: Outcome) -> str:
    """One document, indented so that two of them can be compared line by line."""
    return _dumps(outcome.record(), indent=2) + "\n"


def as_jsonl(outcome: Outcome) -> str:
    """One record a line, each with the key ``record``: the ``outcome`` with its counts first, then every ``rule``,
    ``suspect`` and ``finding``."""
    return "".join(_dumps(record) + "\n" for record in _records(outcome.record()))


def schema() -> dict[str, Any]:
    """The JSON Schema of the json format; each line of ``jsonl`` is its definition ``line``.

    >>> schema()["$schema"]
    'https://json-schema.org/draft/2020-12/schema'
    """
    file = resources.files("labelaudit.check.formats") / "schemas" / "check.schema.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def _records(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"record": "outcome", **{name: part for name, part in document.items() if name not in _ONE_BY_ONE}}
    for part, name in _ONE_BY_ONE.items():
        for entry in document[part]:
            yield {"record": name, **entry}


def _dumps(value: Any, indent: int | None = None) -> str:
    return shown_json(encodable(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)))
