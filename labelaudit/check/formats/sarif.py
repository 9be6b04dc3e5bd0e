"""The sarif format: SARIF 2.1.0, for code scanning and editors.

Every suspect and finding is a result at its file; known, accepted and ignored ones are suppressed, with the reason.
Fingerprints are content and label, so a result stays the same when the file is renamed and the model changes its mind
a little. Broken rules are not results, since they have no file: they are notifications of the invocation, which also
holds the exit code. GitHub refuses a file with more than 25,000 results and shows the 5,000 most severe: at most
25,000 are written, the open ones first, worst first, and a notification says how many are not there. Left out: dates
and machine names, which would make two equal outcomes differ.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections import Counter
from typing import Any
from urllib.parse import quote

from labelaudit.check import wording
from labelaudit.check.outcome import CheckedFinding, Outcome, Suspect
from labelaudit.kinds import KINDS, Kind
from labelaudit.machine import __version__
from labelaudit.text import name_subject, printable

ENDING = ".sarif"

RESULTS = 25_000
"""Most results that GitHub takes."""
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_OTHER = Kind("label", "LA999", "Something else about the file or its label")
"""Stands for kinds without a number of their own."""
_SUPPRESSED = {
    "known": "in the baseline",
    "accepted": "a person found the label right",
    "ignored": "ignored by the policy",
}
_BASE = "DATA"


def render(outcome: Outcome) -> str:
    """The outcome as one SARIF log with one run."""
    entries = _entries(outcome)
    left_out = len(entries) - RESULTS
    notices = [_notice("error", rule.message, rule.id) for rule in outcome.broken]
    if left_out > 0:
        said = f"{left_out:,} of {len(entries):,} results are not in this file: the json format lists all."
        notices.append(_notice("warning", said))
    notices += [_notice("note", line) for line in (*wording.baseline(outcome), *outcome.notes)]
    kinds = dict.fromkeys(_rule(entry) for entry in entries[:RESULTS])
    rules = sorted(kinds)
    index = {rule[0]: i for i, rule in enumerate(rules)}
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(rules)},
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "exitCode": outcome.exit_code,
                        "exitCodeDescription": printable(wording.verdict(outcome)),
                        "toolExecutionNotifications": notices,
                    }
                ],
                "results": _results(outcome, entries[:RESULTS], index),
                "columnKind": "unicodeCodePoints",
                **_bases(outcome),
                "properties": {
                    "passed": outcome.passed,
                    "fingerprint": outcome.fingerprint,
                    "suspects": outcome.counts(),
                    "findings": Counter(problem.status for problem in outcome.findings),
                    "resultsLeftOut": max(0, left_out),
                },
            }
        ],
    }
    return json.dumps(log, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _entries(outcome: Outcome) -> list[Suspect | CheckedFinding]:
    """Everything, the open ones first."""
    waiting: list[Suspect | CheckedFinding] = [*wording.open_findings(outcome), *wording.open_suspects(outcome)]
    everything: list[Suspect | CheckedFinding] = [*outcome.findings, *outcome.suspects]
    return [*waiting, *(entry for entry in everything if entry.status in _SUPPRESSED)]


def _driver(rules: list[tuple[str, str, str]]) -> dict[str, Any]:
    return {
        "name": "labelaudit",
        "semanticVersion": __version__,
        "rules": [
            {
                "id": identifier,
                "shortDescription": {"text": f"{meaning}."},
                "defaultConfiguration": {"level": level},
                "help": {"text": "Correct the label or the file, or confirm the label with `labelaudit review`."},
            }
            for identifier, meaning, level in rules
        ],
    }


def _results(outcome: Outcome, entries: list[Suspect | CheckedFinding], index: dict[str, int]) -> list[dict[str, Any]]:
    """A result for each of the ``entries``; ``index`` is the place of each rule among those of the run."""
    seen: Counter[str] = Counter()
    results = []
    for entry in entries:
        identifier, _, level = _rule(entry)
        fingerprint = _fingerprint(entry)
        seen[fingerprint] += 1  # copies with the same label are told apart by their number
        result: dict[str, Any] = {
            "ruleId": identifier,
            "ruleIndex": index[identifier],
            "level": level if entry.status == "new" else "note",
            "message": {"text": _message(entry)},
            "locations": [
                {"physicalLocation": {"artifactLocation": _place(outcome, entry.path), "region": {"startLine": 1}}}
            ],
            "partialFingerprints": {
                "contentAndLabel/v1": f"{fingerprint}:{seen[fingerprint]}",
                "primaryLocationLineHash": f"{fingerprint[:16]}:{seen[fingerprint]}",
            },
            "properties": _facts(entry),
        }
        if isinstance(entry, Suspect):
            result["rank"] = round(100 * entry.suspicion, 4)
        if entry.status in _SUPPRESSED:
            reason = printable(entry.note) or _SUPPRESSED[entry.status]
            result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
        results.append(result)
    return results


def _rule(entry: Suspect | CheckedFinding) -> tuple[str, str, str]:
    """(ruleId, what it means, level of an open one)."""
    kind = KINDS["suspect"] if isinstance(entry, Suspect) else KINDS.get(entry.kind, _OTHER)
    return kind.code, kind.meaning, "error" if kind.is_error else "warning"


def _message(entry: Suspect | CheckedFinding) -> str:
    if not isinstance(entry, Suspect):
        return printable(f"{name_subject(entry.path)}: {wording.why(entry)}")
    why = wording.why(entry)
    return printable(f"{wording.relabel(entry)}, {entry.chance}" + (f": {why}" if why else ""))


def _facts(entry: Suspect | CheckedFinding) -> dict[str, str]:
    """The values of an entry for machines: the properties of its result."""
    if not isinstance(entry, Suspect):
        return {"status": entry.status, "kind": entry.kind, "path": printable(entry.path)}
    given, suggested = printable(entry.given_label), printable(entry.suggested_label)
    return {
        "status": entry.status,
        "path": printable(entry.path),
        "given_label": given,
        "suggested_label": suggested,
        "label_score": f"{1 - entry.suspicion:.3f}",
    }


def _fingerprint(entry: Suspect | CheckedFinding) -> str:
    """32 hexadecimal digits for what makes the entry the same one next time."""
    if not isinstance(entry, Suspect):
        return entry.identity
    identity = f"{entry.digest}\0{entry.given_label}".encode("utf-8", "backslashreplace")
    return hashlib.blake2b(identity, digest_size=16).hexdigest()


def _place(outcome: Outcome, path: str) -> dict[str, str]:
    file = wording.file_of(outcome, path)
    if not posixpath.isabs(file):
        return {"uri": _uri(file)}
    if wording.is_single_file(outcome.root):
        return {"uri": _uri(posixpath.basename(file)), "uriBaseId": _BASE}
    return {"uri": _uri(path), "uriBaseId": _BASE}


def _bases(outcome: Outcome) -> dict[str, Any]:
    """The start of all relative addresses, for a dataset that was named by an absolute path."""
    root = posixpath.normpath(outcome.root)
    if not posixpath.isabs(root):
        return {}
    folder = posixpath.dirname(root) if wording.is_single_file(root) else root
    return {"originalUriBaseIds": {_BASE: {"uri": f"file://{_uri(folder.rstrip('/') + '/')}"}}}


def _uri(path: str) -> str:
    """``path`` percent-encoded, byte for byte as the file system has it, colons too: no name is taken for a scheme."""
    try:
        return quote(path.encode("utf-8", "surrogateescape"), safe="/")
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte, from a label table
        return quote(path.encode("utf-8", "backslashreplace"), safe="/")


def _notice(level: str, text: str, identifier: str = "") -> dict[str, Any]:
    notice: dict[str, Any] = {"level": level, "message": {"text": printable(text)}}
    return notice | ({"descriptor": {"id": identifier}} if identifier else {})
