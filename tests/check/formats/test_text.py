"""What people read of the gate: table, Markdown and annotations, their limits and what no name can do to them."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from outcomes import (
    CLASSES,
    HOSTILE,
    OUTCOMES,
    every_case,
    make_class_rule,
    make_outcome,
    make_problem,
    make_rule,
    make_suspect,
    render,
)
from spoken import expected, read_markdown, whole

from labelaudit.check.formats import GATE_FORMATS, markdown
from labelaudit.check.outcome import BaselineReport, StaleEntry


@pytest.mark.parametrize("name", ["table", "markdown", "junit", "github"])
def test_what_is_left_out_for_length_is_counted(name: str) -> None:
    text = render(name, "3,000 suspects")
    listed = len(set(re.findall(r"cat/\d+\.png", text)))
    assert 0 < listed < 200
    if name == "junit":
        assert "and 1,480 more: the formats json, jsonl and csv list all" in text
        return
    hidden = re.search(
        r"Not listed here: ([\d,]+) new, ([\d,]+) known suspects and ([\d,]+) files or rows; "
        r"the formats json, jsonl and csv list all\.",
        text,
    )
    assert hidden
    rows = sum(map(whole, hidden.groups()))
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
        "a:b,c%25\\nd.png: cat -> dog, sure: 50%25"
    )


def test_github_gives_findings_and_suspects_half_of_the_ten_each() -> None:
    kinds = Counter(
        re.findall(r"^::warning .*title=labelaudit new (\w+)::", render("github", "3,000 suspects"), re.MULTILINE)
    )
    assert kinds == {"suspect": 5, "conflict": 5}
    assert "291 more rules broken: max-new class 9, " in render("github", "3,000 suspects")


def test_github_warns_of_what_breaks_a_rule_and_spends_no_warning_on_the_rest() -> None:
    suspects = (make_suspect(), *(make_suspect(i, status="uncertain") for i in range(1, 20)))
    findings = (make_problem(20, kind="blank"), *(make_problem(i) for i in range(21, 40)))
    broken = make_outcome(rules=(make_rule(), make_rule("no-conflicts")), suspects=suspects, findings=findings)
    warned = re.findall(r"title=labelaudit (\w+ \w+)::", GATE_FORMATS["github"](broken))
    assert Counter(warned) == {"new suspect": 1, "new conflict": 9}
    held = GATE_FORMATS["github"](replace(broken, rules=()))
    assert held.count("labelaudit uncertain suspect") == 4, "nothing is broken: all that is open"


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
    assert len(render("markdown", case).encode()) <= markdown.COMMENT < 65_536
    for room in (markdown.STEP, 100_000, 20_000, 2_000, 100, 0):
        text = markdown.step_summary(outcome, room=room)
        assert len(text.encode()) <= room
        if text:
            assert read_markdown(text) == expected(outcome)
    assert markdown.STEP < 2**20
    assert len(markdown.step_summary(outcome).encode()) >= len(render("markdown", case).encode())


def test_a_long_name_cannot_push_the_verdict_out() -> None:
    outcome = make_outcome(
        rules=tuple(make_class_rule("|" * 5000, message="|" * 9000) for _ in range(40)),
        classes={"|" * 5000: 1},
        notes=("|" * 9000,) * 40,
        baseline=BaselineReport(path="|" * 9000, entries=1, changed=("|" * 9000,) * 40, stale=()),
    )
    assert read_markdown(GATE_FORMATS["markdown"](outcome)).passed is False


def test_a_table_reads_well() -> None:
    text = render("table", "every status")
    assert text == TABLE.lstrip("\n")


def test_an_interval_that_says_nothing_is_no_estimate() -> None:
    for high in (1.0, 0.6):
        text = GATE_FORMATS["table"](make_outcome(noise_interval=(0.0, high)))
        assert "wrong labels: too few samples for an estimate" in text


def test_what_is_of_no_file_is_not_to_be_removed() -> None:
    shortcut = replace(OUTCOMES["every status"].findings[0], kind="shortcut", status="new")
    assert "Repair, remove or relabel" not in GATE_FORMATS["table"](make_outcome(findings=(shortcut,)))


TABLE = """
labelaudit check: ./pets, 3 changed files: 6 images in 8 classes
wrong labels: 3.6% to 8.7% of all (90% interval)

Rules:
  ok  max-new  0 new suspects, 0 allowed.

12 suspects: 2 new, 2 known, 2 accepted, 2 ignored, 2 uncertain, 2 doubtful
  new        sure  cat -> dog  cat/0.png   looks like dog; new!
  new        sure  cat -> dog  cat/6.png   looks like dog; new!
  uncertain  sure  cat -> dog  cat/4.png   looks like dog; uncertain!
  uncertain  sure  cat -> dog  cat/10.png  looks like dog; uncertain!
  doubtful   sure  cat -> dog  cat/5.png   looks like dog; doubtful!
  doubtful   sure  cat -> dog  cat/11.png  looks like dog; doubtful!

3 files or rows with a problem: 1 new conflict, 1 known conflict, 1 ignored conflict
  new  conflict  cat/0.png  Same bytes as dog/d.png; ?

Not listed here: 2 known, 2 accepted, 2 ignored suspects and 2 files or rows; the formats json, jsonl and csv list all.

Baseline .labelaudit-baseline.json: 3 entries, 1 stale
Stale entries: 1 gone
Settings differ from the baseline's: effort: standard, now quick

Notes:
  An ignore has expired.

Next:
  Keep the scan: `labelaudit check ./pets --run RUN`.
  Look at 2 new suspects with `labelaudit review RUN`: correct wrong labels in the data, confirm right ones.
  Repair, remove or relabel the files and rows with a new problem.
  2 suspects within 0.01 of the threshold: another machine may decide otherwise, so none fails the gate.
  2 suspects count only where `tier` is doubtful; 20 verdicts tell where to stop: `labelaudit tune RUN`.
  Remove stale entries with `labelaudit baseline prune .labelaudit-baseline.json RUN`.
  Then refresh the baseline for changed settings: `labelaudit check ./pets --write-baseline .labelaudit-baseline.json`.

PASSED: 1 rule kept
"""


def test_a_limit_that_is_not_shown_to_be_kept_is_open_and_no_all_clear() -> None:
    said = "PASSED: 1 rule kept, 1 neither kept nor broken: max-noise"
    table = render("table", "open")
    assert "  ok    max-new    0 new." in table
    assert "  open  max-noise  5%." in table
    assert table.endswith(f"{said}\n")
    assert "a blind review settles it (`labelaudit estimate RUN`)" in table
    markdown = render("markdown", "open")
    assert "|❔|max-noise|" in markdown
    assert said in markdown.replace("\\", "")


@pytest.mark.parametrize("name", GATE_FORMATS)
def test_nothing_judged_is_never_called_a_rule_that_is_kept(name: str) -> None:
    text = GATE_FORMATS[name](make_outcome(samples=0, judged=0, classes={}, scope="0 changed files"))
    if name.startswith("json"):
        assert json.loads(text.splitlines()[0] if name == "jsonl" else text)["dataset"]["judged"] == 0
    else:
        assert "PASSED: nothing judged" in text.replace("\\", "")
        assert "kept" not in text
    unseen = GATE_FORMATS[name](make_outcome(samples=2, judged=0))
    assert name.startswith("json") or "1 rule kept, no label judged" in unseen.replace("\\", "")


@pytest.mark.parametrize(("why", "entries", "warned"), [("gone", 2, True), ("gone", 3, False), ("solved", 2, False)])
def test_a_baseline_of_which_nothing_is_there_may_be_another_datasets(why: str, entries: int, warned: bool) -> None:
    stale = tuple(StaleEntry(path=f"{name}.png", digest=name, given_label="cat", why=why) for name in ("a", "b"))
    outcome = make_outcome(baseline=BaselineReport(path="b.json", entries=entries, stale=stale))
    assert ("see that it is not another dataset's" in GATE_FORMATS["table"](outcome)) == warned
