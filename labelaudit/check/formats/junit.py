"""The junit format: one testcase per rule and one per class, for every CI system that reads JUnit XML.

The suite ``labelaudit.rules`` holds the verdict: a broken rule is a failed testcase. In ``labelaudit.classes`` a class
fails where a rule about that class is broken, so failures are there if and only if the gate fails. The suspects are
counted in the properties; the open ones are listed, worst first, in the failures and in the output of their class.
Valid against the schemas of Jenkins (junit-4 to junit-10), characters that XML forbids are escaped. Left out: times,
which would make two equal outcomes differ, and one testcase per image, which would drown the test report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from labelaudit.check import wording
from labelaudit.check.outcome import CheckedFinding, Outcome, Rule, Suspect
from labelaudit.text import count, name_subject, printable

ENDING = ".xml"

_ENTRIES = 20
"""Suspects or findings listed in one testcase."""


def render(outcome: Outcome) -> str:
    """The outcome as one JUnit XML document."""
    waiting, all_of = wording.by_class(wording.open_suspects(outcome)), wording.by_class(outcome.suspects)
    broken_of: dict[str, list[Rule]] = {}
    for rule in outcome.broken:
        if not (rule.where.path or rule.attribute):
            broken_of.setdefault(rule.where.label, []).append(rule)
    rules = [
        _case("rules", rule.name, "" if rule.passed else _failure(outcome, [rule], waiting)) for rule in outcome.rules
    ]
    classes = []
    for name, samples in outcome.classes.items():
        said = f"{count(samples, 'image')}, {count(len(all_of.get(name, ())), 'suspect')}"
        failure = _failure(outcome, broken_of[name], waiting) if name and name in broken_of else ""
        classes.append(_case("classes", name, failure, output=[said, *_listing(waiting.get(name, ()))]))
    suites = [_suite("rules", rules, outcome), _suite("classes", classes, outcome)]
    failed = sum("<failure " in case for case in (*rules, *classes))
    head = _attributes(name="labelaudit", tests=len(rules) + len(classes), failures=failed, errors=0)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites{head}>", *suites, "</testsuites>"]
    return "\n".join(lines) + "\n"


def _suite(name: str, cases: Sequence[str], outcome: Outcome) -> str:
    failed = sum("<failure " in case for case in cases)
    head = _attributes(name=f"labelaudit.{name}", tests=len(cases), failures=failed, errors=0, skipped=0)
    facts = {
        "verdict": wording.verdict(outcome),
        "dataset": wording.about(outcome),
        "noise": wording.noise(outcome),
        **{f"suspects.{status}": str(number) for status, number in outcome.counts().items()},
        "findings": wording.findings(outcome),
    }
    properties = "".join(f"<property{_attributes(name=key, value=value)}/>\n" for key, value in facts.items())
    said = (*wording.baseline(outcome), *outcome.notes, *wording.advice(outcome))
    output = f"<system-out>{_text(said)}</system-out>\n" if name == "rules" and said else ""
    return f"<testsuite{head}>\n<properties>\n{properties}</properties>\n{''.join(cases)}{output}</testsuite>"


def _case(suite: str, name: str, failure: str, output: Sequence[str] = ()) -> str:
    said = f"<system-out>{_text(output)}</system-out>" if output else ""
    head = _attributes(classname=f"labelaudit.{suite}", name=name)
    return f"<testcase{head}>{failure}{said}</testcase>\n" if failure or said else f"<testcase{head}/>\n"


def _failure(outcome: Outcome, broken: Sequence[Rule], waiting: Mapping[str, Sequence[Suspect]]) -> str:
    """One element for all of ``broken``."""
    entries = dict.fromkeys(entry for rule in broken for entry in wording.concerns(rule, outcome, waiting))
    head = _attributes(message="; ".join(rule.message for rule in broken), type=broken[0].id)
    return f"<failure{head}>{_text(_listing(list(entries)))}</failure>"


def _listing(entries: Sequence[Suspect | CheckedFinding]) -> list[str]:
    lines = [
        f"{', '.join(dict.fromkeys((entry.status, entry.chance)))}: {entry.path}: "
        f"{wording.relabel(entry)} ({wording.why(entry)})"
        if isinstance(entry, Suspect)
        else f"{entry.status} {entry.kind}: {name_subject(entry.path)}: {wording.why(entry)}"
        for entry in entries[:_ENTRIES]
    ]
    more = len(entries) - len(lines)
    return [*lines, f"and {more:,} more: the formats json, jsonl and csv list all"] if more else lines


def _attributes(**values: str | int) -> str:
    return "".join(f" {name}={quoteattr(printable(str(value)))}" for name, value in values.items())


def _text(lines: Iterable[str]) -> str:
    return escape("\n".join(printable(line) for line in lines))
