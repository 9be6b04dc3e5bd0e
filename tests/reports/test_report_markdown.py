"""report.md: what GitHub makes of it is what the audit says, and names from the data stay names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audits import IDS, make_audit, make_decision, make_samples
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from labelaudit.audit import run
from labelaudit.audit.chance import MEASURED
from labelaudit.audit.document import Audit
from labelaudit.cli import main
from labelaudit.reports import markdown
from labelaudit.reports.review_state import ReviewState, Share, read_review_state
from labelaudit.text import as_code, as_prose
from labelaudit.types import Finding
from labelaudit.verdicts import Verdict, append, verdicts_file

HOSTILE = ("a|b", "`c`", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "@everyone #1", "d\n| e \u202e")


def hostile_audit() -> Audit:
    names = HOSTILE[:3]
    decision = make_decision(reasons=("", f"looks like {names[0]}", "", f"looks like {names[1]}", "", ""))
    findings = (Finding(kind="conflict", path=HOSTILE[4], detail=HOSTILE[3], partner=HOSTILE[5]),)
    samples = make_samples(ids=HOSTILE, classes=names, root=HOSTILE[2])
    return make_audit(samples=samples, decision=decision, findings=findings, notes=HOSTILE)


def test_labels_that_nobody_judged_do_not_look_right() -> None:
    nothing = np.zeros(6, dtype=bool)
    text = markdown.render(make_audit(decision=make_decision(is_issue=nothing, judged=nothing)))
    assert "None of the labels of the 6 samples could be judged. The share of wrong labels cannot be estimated" in text
    assert "None: no label could be judged." in text
    assert "looks wrong" not in text


def test_it_says_what_the_audit_says() -> None:
    text = markdown.render(make_audit())
    assert text.startswith("# Label audit of `pets`\n\n2 of 6 samples (33.3%) are suspects")
    assert "20.0% to 60.0% of all labels are wrong, by the scan's own estimate (90% interval)." in text
    assert "| 1 | `cat/b.png` | `cat` | `dog` | 97% |  |" in text
    assert "| `cat` | `dog` | 1 | 1 |" in text
    assert "| `owl` | cannot be judged | 0 | 1 |" in text
    assert "- `cat/z.png`: The file ends in the middle of the image." in text
    assert "Features were chosen" in text
    assert text.endswith("\n")
    assert "\n\n\n" not in text


def test_fewer_suspects_and_where_the_others_are() -> None:
    text = markdown.render(make_audit(), most=1)
    assert "dog/d.png" not in text.split("## Worst suspects")[1].split("##")[0]
    assert "And 1 more in `suspects.csv`." in text
    assert "97%" not in markdown.render(make_audit(), most=0)


def cells_of(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def test_every_row_has_the_cells_of_its_head_whatever_the_names() -> None:
    text = markdown.render(hostile_audit())
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        lines = table.splitlines()
        assert re.fullmatch(r"\|( -{3}:? \|)+", lines[1])
        assert len({cells_of(line) for line in lines}) == 1, table


def test_no_name_comes_to_life() -> None:
    text = markdown.render(hostile_audit())
    assert "\u202e" not in text
    outside = re.sub(r"`[^`\\|]+`|<code>(?:[^\W_]|[ /-]|&#\d+;)*</code>", "", text)
    assert not re.search(r"(?<!\\)[<`]", outside)
    assert "](" not in outside.replace("\\]", "")
    assert not re.search(r"@\w|#\d", outside)


@given(st.text(min_size=1, max_size=40))
def test_code_is_one_line_of_one_cell(name: str) -> None:
    said = as_code(name)
    assert said.isprintable()
    inside = re.fullmatch(r"`([^`\\|]+)`|<code>((?:[^\W_]|[ /-]|&#\d+;)*)</code>", said)
    assert inside, said


@given(st.text(max_size=40))
def test_prose_has_no_bare_mark(name: str) -> None:
    said = as_prose(name)
    assert "\n" not in said
    bare = re.sub(r"`[\w.=%-][\w ./=%-]*`", " ", re.sub(r"\\.", " ", said), flags=re.ASCII)
    assert not set(bare) & set("`*_[]<>|~$\\")
    assert not re.search(r"[@#]\w|://|www\.", bare)


@pytest.mark.parametrize("trap", ["``a`", "`a``", "\\`a`", "`a`b`", "`@a`", "`a|b`", "@`a` `b"])
def test_only_plain_words_between_backticks_are_code(trap: str) -> None:
    said = as_prose(f"Then `labelaudit tune RUN`, {trap}")
    (block,) = [token for token in MarkdownIt("commonmark").parse(said) if token.children]
    code = [token.content for token in block.children or () if token.type == "code_inline"]
    assert code[0] == "labelaudit tune RUN"
    assert {*code[1:]} <= {"a", "b"}
    assert {token.type for token in block.children or ()} <= {"text", "text_special", "code_inline"}


def test_people_are_heard() -> None:
    shares = (Share(name="precision", value=0.9, low=0.8, high=0.95), Share(name="recall", value=None, low=0, high=1))
    told = {
        "outcomes": {1: "cleared", 3: "wrong"},
        "words": {1: "cleared", 3: "confirmed wrong: no class fits (a @drawing)"},
        "shares": shares,
        "sentences": ("200 verdicts by @ann.",),
    }
    checked = ReviewState(wrong=0, cleared=1, unclear=0, open=1, elsewhere=3, **told)
    text = markdown.render(make_audit(), checked=checked)
    assert "| precision | 90.0% | 80.0% to 95.0% |" in text
    assert "| recall | not known yet |  |" in text, "an interval that says nothing is not a number"
    assert "People judged 1 of 2 suspects: 0 confirmed wrong, 1 cleared, 1 open. They found 3 more wrong" in text
    worst = text.split("## Worst suspects")[1].split("##")[0]
    assert "cat/b.png" not in worst, "people come before the model"
    assert "| confirmed wrong: no class fits (a @\u200bdrawing) |" in worst
    assert "@\u200bann" in text
    assert "Nobody has checked" not in text
    assert "Nobody has checked" in markdown.render(make_audit())


def test_what_models_doubt_of_a_class_is_not_called_wrong_before_verdicts() -> None:
    assert "| class | labels in doubt |" in markdown.render(make_audit(decision=make_decision(sure_threshold=0.95)))
    by_verdicts = make_decision(sure_threshold=0.95, recipe={"scale": MEASURED})
    assert "| class | labels wrong |" in markdown.render(make_audit(decision=by_verdicts))


@pytest.mark.parametrize(("sure", "said"), [(0.9, "is sure, by the models alone, and"), (0.999, "is doubtful and")])
def test_one_suspect_is_spoken_of_as_one(sure: float, said: str) -> None:
    decision = make_decision(is_issue=np.arange(6) == 1, sure_threshold=sure)
    text = markdown.render(make_audit(decision=decision))
    assert f"Its one suspect {said} may be a hard image with a correct label." in text


def test_one_verdict_on_one_suspect_is_one() -> None:
    told = {"outcomes": {}, "words": {}, "shares": (), "sentences": ()}
    state = ReviewState(wrong=1, cleared=0, unclear=0, open=0, elsewhere=0, **told)
    assert state.sentence == "People judged 1 of 1 suspect: 1 confirmed wrong, 0 cleared, 0 open."


def test_nobody_has_judged_anything(tmp_path: Path) -> None:
    assert read_review_state(make_audit(), tmp_path) is None


def test_verdicts_become_words_and_counts(tmp_path: Path) -> None:
    audit = make_audit()

    def told(row: int, verdict: str, new_label: str = "", reviewer: str = "ann") -> Verdict:
        digest, label = audit.identity(row)
        return Verdict(
            path=IDS[row], digest=digest, given_label=label, verdict=verdict, new_label=new_label, reviewer=reviewer
        )

    append(
        verdicts_file(tmp_path),
        *(told(1, "suggested", "dog"), told(3, "given"), told(0, "other", "owl"), told(2, "none"), told(4, "skip")),
        *(told(5, "given"), told(5, "none", reviewer="bob")),
    )
    checked = read_review_state(audit, tmp_path)
    assert checked is not None
    assert checked.words == {
        **{1: "confirmed wrong: “dog” is correct", 3: "cleared: “dog” is correct"},
        **{0: "confirmed wrong: “owl” is correct", 2: "confirmed wrong: no class fits"},
        **{4: "nobody could tell", 5: "reviewers disagree"},
    }
    assert checked.outcomes == {0: "wrong", 1: "wrong", 2: "wrong", 3: "cleared", 4: "unclear", 5: "unclear"}
    assert checked.shares == ()
    assert checked.sentence == (
        "People judged 2 of 2 suspects: 1 confirmed wrong, 1 cleared, 0 open. "
        "They found 2 more wrong among images that were no suspects."
    )
    assert "labelaudit estimate RUN" in checked.sentences[0]


def test_a_planned_review_gives_precision_and_recall(tmp_path: Path) -> None:
    from labelaudit.estimate import estimate_record, plan_reviews, save

    audit = make_audit()
    plan = plan_reviews(audit, reviews=10, seed=0)
    save(tmp_path, estimate_record(audit, plan))
    for row in plan.rows:
        digest, label = audit.identity(row)
        kind = "none" if audit.decision.is_issue[row] else "given"
        append(verdicts_file(tmp_path), Verdict(path=IDS[row], digest=digest, given_label=label, verdict=kind))
    checked = read_review_state(audit, tmp_path)
    assert checked is not None
    assert [(share.value, share.shown) for share in checked.shares] == [
        (1.0, "100.0%"),
        (1.0, "100.0%"),
        (pytest.approx(2 / 6), "33.3%"),
    ]
    assert all(share.low <= share.value <= share.high for share in checked.shares if share.value is not None)


@pytest.mark.parametrize("named", [True, False])
def test_the_command_goes_by_format_or_ending(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run.write(make_audit(), tmp_path / "run")
    more = ["--format", "markdown"] if named else ["-o", str(tmp_path / "page.MD")]
    monkeypatch.setattr("sys.argv", ["labelaudit", "report", str(tmp_path / "run"), *more])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    file = tmp_path / "run" / "report.md" if named else tmp_path / "page.MD"
    assert file.read_text("utf-8") == markdown.render(make_audit())
    assert capsys.readouterr().out == ""


def test_a_measured_rate_leaves_no_advice_about_the_estimate_of_the_scan() -> None:
    counts = {"wrong": 1, "cleared": 1, "unclear": 0, "open": 4, "elsewhere": 0}
    checked = ReviewState(outcomes={}, words={}, shares=(), sentences=(), **counts)
    rate = Share(name="noise rate", value=0.1, low=0.09, high=0.12)
    assert "the scan's own estimate reads low" in markdown.render(make_audit(), checked=checked)
    assert "Before anybody looked, the scan flagged 2." in markdown.render(make_audit(), checked=checked)
    later = make_audit(decision=make_decision(recipe={"reviewed": 5}))
    assert "The list knows 5 verdicts and has 2 suspects." in markdown.render(later, checked=checked)
    assert "reads low" not in markdown.render(make_audit(), checked=replace(checked, shares=(rate,)))


def test_a_report_whose_list_does_not_know_twenty_verdicts_says_what_they_are_good_for() -> None:
    counts = {"wrong": 10, "cleared": 10, "unclear": 0, "open": 4, "elsewhere": 0}
    said = {row: Verdict(path="a", digest="0", given_label="cat", verdict="given") for row in range(20)}
    checked = ReviewState(outcomes={}, words={}, shares=(), sentences=(), settled=said, **counts)
    text = markdown.render(make_audit(), checked=checked)
    assert "The list does not know all verdicts yet" in text
    assert "reads low" not in text
    knows = make_audit(decision=make_decision(recipe={"reviewed": 20}))
    assert "does not know" not in markdown.render(knows, checked=checked)
