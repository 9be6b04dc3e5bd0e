"""The json format: all of an outcome in one document, for programs.

Its schema ships in the package as ``labelaudit/check/formats/schemas/check.schema.json``. The text is strict JSON
and UTF-8: a lone surrogate of an undecodable file name is written as the escape ``\\udcXX``. Nothing is left out.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from labelaudit.check.outcome import Outcome
from labelaudit.text import encodable, shown_json

ENDING = ".json"


def render(outcome: Outcome) -> str:
    """One document, indented so that two of them can be compared line by line."""
    return dumps(outcome.record(), indent=2) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema of the json format; each line of ``jsonl`` is its definition ``line``.

    >>> schema()["$schema"]
    'https://json-schema.org/draft/2020-12/schema'
    """
    file = resources.files("labelaudit.check.formats") / "schemas" / "check.schema.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def dumps(value: Any, indent: int | None = None) -> str:
    """``value`` as strict JSON that UTF-8 can hold, on one line without ``indent``."""
    return shown_json(encodable(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)))
