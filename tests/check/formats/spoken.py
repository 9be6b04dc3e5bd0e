"""What each format of the gate says, read back from its text."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from labelaudit.check.outcome import STATUSES, Outcome


class Said(NamedTuple):
    """What a format says, read back from its text."""

    passed: bool
    broken: int
    suspects: Mapping[str, int]
    findings: int


def expected(outcome: Outcome) -> Said:
    return Said(outcome.passed, len(outcome.broken), outcome.counts(), len(outcome.findings))


def from_sentences(verdict: str, suspects: str, findings: str) -> Said:
    ended = re.fullmatch(r"(?:PASSED: .*|FAILED: ([\d,]+) of .*)", verdict)
    counted = re.fullmatch(r"([\d,]+) suspects?: (.*)", suspects)
    found = re.match(r"([\d,]+) files? or rows? with a problem\b", findings)
    assert None not in (ended, counted, found), (verdict, suspects, findings)
    assert ended is not None
    assert counted is not None
    assert found is not None
    parts = {name: whole(number) for number, name in (part.split(" ") for part in counted[2].split(", "))}
    assert sum(parts.values()) == whole(counted[1])
    return Said(ended[1] is None, whole(ended[1] or "0"), parts, whole(found[1]))


def whole(text: str) -> int:
    return int(text.replace(",", ""))


def read_table(text: str) -> Said:
    lines = text.splitlines()
    counted = [line for line in lines if re.match(r"[\d,]+ suspects?: ", line)]
    found = [line for line in lines if re.match(r"[\d,]+ files? or rows? with a problem\b", line)]
    assert len(counted) == len(found) == 1
    return from_sentences(lines[-1], counted[0], found[0])


def read_json(text: str) -> Said:
    document = json.loads(text)
    statuses = Counter(suspect["status"] for suspect in document["suspects"])
    assert {name: statuses[name] for name in STATUSES} == document["counts"]["suspects"]
    assert sum(entry["count"] for entry in document["counts"]["findings"]) == len(document["findings"])
    broken = sum(not rule["passed"] for rule in document["rules"])
    return Said(document["passed"], broken, document["counts"]["suspects"], len(document["findings"]))


def read_jsonl(text: str) -> Said:
    head, *records = [json.loads(line) for line in text.split("\n") if line]
    kinds = Counter(record["record"] for record in records)
    statuses = Counter(record["status"] for record in records if record["record"] == "suspect")
    assert {name: statuses[name] for name in STATUSES} == head["counts"]["suspects"]
    broken = sum(record["record"] == "rule" and not record["passed"] for record in records)
    return Said(head["passed"], broken, head["counts"]["suspects"], kinds["finding"])


def read_csv(text: str) -> Said:
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert rows[0]["record"] == "verdict"
    counted = Counter((row["record"], row["status"]) for row in rows[1:])
    starts = [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    assert all(re.fullmatch(r"[+-][\d.e+-]+", cell) for cell in starts), "only a number may look like a formula"
    return Said(
        rows[0]["status"] == "passed",
        counted["rule", "failed"],
        {name: counted["suspect", name] for name in STATUSES},
        sum(row["record"] == "finding" for row in rows),
    )


def read_markdown(text: str) -> Said:
    lines = text.splitlines()
    verdict = re.fullmatch(r"### (✅|❌) labelaudit check: (.*)", lines[0])
    assert verdict
    said = re.sub(r"\\(?=[^\w\s])", "", verdict[2])
    counted = [line.strip("*") for line in lines if re.match(r"\*\*[\d,]+ suspects?: ", line)]
    found = [line.strip("*") for line in lines if re.match(r"\*\*[\d,]+ files? or rows? with a problem\b", line)]
    assert len(counted) == len(found) == 1
    assert (verdict[1] == "✅") == said.startswith("PASSED")
    return from_sentences(said, counted[0], found[0])


def read_junit(text: str) -> Said:
    root = ET.fromstring(text)
    rules, classes = root
    assert int(root.attrib["tests"]) == len(root.findall(".//testcase"))
    assert int(root.attrib["failures"]) == len(root.findall(".//failure"))
    assert [int(suite.attrib["failures"]) for suite in root] == [len(suite.findall(".//failure")) for suite in root]
    facts = {p.attrib["name"]: p.attrib["value"] for p in rules.iter("property")}
    assert facts == {p.attrib["name"]: p.attrib["value"] for p in classes.iter("property")}
    counts = {name: int(facts[f"suspects.{name}"]) for name in STATUSES}
    assert (root.attrib["failures"] == "0") == facts["verdict"].startswith("PASSED")
    found = re.match(r"[\d,]+", facts["findings"])
    assert found
    return Said(root.attrib["failures"] == "0", len(rules.findall("testcase/failure")), counts, whole(found[0]))


def read_sarif(text: str) -> Said:
    [run] = json.loads(text)["runs"]
    [invocation] = run["invocations"]
    facts = run["properties"]
    suspects = Counter(r["properties"]["status"] for r in run["results"] if r["ruleId"] == "LA001")
    others = sum(r["ruleId"] != "LA001" for r in run["results"])
    assert (
        sum(facts["suspects"].values()) + sum(facts["findings"].values())
        == len(run["results"]) + facts["resultsLeftOut"]
    )
    if not facts["resultsLeftOut"]:
        assert {name: suspects[name] for name in STATUSES} == facts["suspects"]
        assert others == sum(facts["findings"].values())
    assert invocation["exitCode"] == int(not facts["passed"])
    broken = sum(n["level"] == "error" for n in invocation["toolExecutionNotifications"])
    return Said(facts["passed"], broken, facts["suspects"], sum(facts["findings"].values()))


def read_github(text: str) -> Said:
    lines = text.split("\n")
    assert lines.pop() == ""
    commands = [re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line) for line in lines]
    assert all(commands), lines
    kinds = Counter(command[1] for command in commands if command)
    assert kinds["error"] <= 10
    assert kinds["warning"] <= 10
    assert kinds["notice"] == 1
    assert commands[-1]
    parts = commands[-1][3].replace("%0A", "\n").replace("%25", "%").split("\n")
    verdict, _, _, suspects, findings = parts[:5]
    said = from_sentences(verdict, suspects, findings)
    assert (kinds["error"] > 0) == (said.broken > 0)
    return said


READERS: Mapping[str, Callable[[str], Said]] = {
    "table": read_table,
    "json": read_json,
    "jsonl": read_jsonl,
    "csv": read_csv,
    "markdown": read_markdown,
    "junit": read_junit,
    "sarif": read_sarif,
    "github": read_github,
}
