"""report.html: one harmless file that says what the audit says, whatever the data is called, whatever is missing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from audits import CLASSES, IDS, make_audit, make_decision, make_samples
from pictures import Listed
from report_pages import data_of, judged_audit, pictures, with_pictures

from labelaudit.audit.document import Audit
from labelaudit.data.images import ImageError
from labelaudit.reports import html, markdown
from labelaudit.types import Evidence, Finding

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "a\u202egnp.exe",
    "lone\udcff",
    "{{ 7*7 }}<!--",
    "\"'><svg onload=alert(1)>\u2028\0",
)


def hostile_audit() -> Audit:
    samples = make_samples(
        ids=tuple(f"{name}/{i}.png" for i, name in enumerate(HOSTILE)),
        classes=HOSTILE[:3],
        images=pictures(),
        root=HOSTILE[0],
        splits=HOSTILE,
        extra={"who": HOSTILE},
    )
    decision = make_decision(reasons=("", f"looks like {HOSTILE[0]}", "", f"looks like {HOSTILE[1]}", "", ""))
    return make_audit(
        samples=samples,
        decision=decision,
        findings=(Finding(kind="conflict", path=samples.ids[1], detail=HOSTILE[0], partner=HOSTILE[2]),),
        notes=HOSTILE,
        settings={"methods": HOSTILE, "options": {HOSTILE[0]: HOSTILE[1]}},
        versions={HOSTILE[0]: HOSTILE[3]},
        device=HOSTILE[0],
    )


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and the text of its script and style elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style") and data.strip():
            self.raw.append((self.tags[-1][0], data))


def test_it_says_what_the_audit_says() -> None:
    page = html.render(with_pictures())
    assert (page.shown, page.total, page.unpictured) == (2, 2, 0)
    assert page.account() == ["2 suspects"]
    text = unescape(page.text)
    for said in ("2 of 6 images (33.3%) are suspects", "20.0% to 60.0%", "Features were chosen", "cat/z.png"):
        assert said in text
    data = data_of(page.text)
    assert data["path"] == ["cat/b.png", "dog/d.png"]
    assert data["classes"] == list(CLASSES)
    assert (data["given"], data["suggested"], data["kind"]) == ([0, 1], [1, 0], [0, 0])
    assert data["suspicion"] == pytest.approx([0.97, 0.97])
    assert (data["chances"], data["chance"]) == (["97%"], [0, 0])
    assert data["reasons"] == [""], "what only repeats the suggestion is not said"
    assert data["kinds"] == ["looks like another class"]
    assert data["remarks"]["0"] == ["conflict: Same bytes as dog/d.png."]  # type: ignore[index]


@pytest.mark.parametrize(
    ("sure", "said"), [(0.9, "33.3% of all: all sure<"), (0.98, "33.3% of all: 0 sure, 2 doubtful<")]
)
def test_the_number_of_suspects_says_how_many_are_sure(sure: float, said: str) -> None:
    assert said in html.render(with_pictures(decision=make_decision(sure_threshold=sure))).text


def test_a_high_end_that_only_says_that_models_are_blind_is_not_called_likely() -> None:
    blind = with_pictures(decision=make_decision(recipe={"blind": 0.5}))
    assert "expect the truth" not in html.render(blind).text
    assert "expect the truth" in html.render(with_pictures()).text


def test_a_shortcut_is_said_of_the_dataset() -> None:
    shortcut = Finding(kind="shortcut", path=".", detail="the frame alone tells the class")
    assert '<bdi dir="ltr">the dataset</bdi>' in html.render(with_pictures(findings=(shortcut,))).text


def test_no_suspect_and_one_are_said_as_such() -> None:
    none = make_decision(is_issue=np.zeros(6, dtype=np.bool_))
    assert ">0.0% of all<" in html.render(with_pictures(decision=none)).text
    one = make_decision(is_issue=np.arange(6) == 1, sure_threshold=0.5)
    assert "plans to relabel the one that is sure." in html.render(with_pictures(decision=one)).text


def test_a_table_of_labels_is_called_by_its_name() -> None:
    source = {"source": {"data": None, "labels": "/home/ann/labels.csv"}}
    audit = make_audit(samples=make_samples(root=""), settings=source, findings=())
    page, text = html.render(audit).text, markdown.render(audit)
    assert "<title>labels.csv · labelaudit</title>" in page
    assert "/home/ann" not in page
    assert text.startswith("# Label audit of `labels.csv`\n")


def test_same_audit_same_bytes() -> None:
    assert html.render(with_pictures(), workers=1).text == html.render(with_pictures(), workers=4).text


def test_only_what_is_shown_is_decoded() -> None:
    images = pictures()
    html.render(make_audit(samples=make_samples(images=images), findings=()))
    assert images.reads == [0, 1, 0, 1, 0, 0]


def test_the_policy_allows_this_script_and_style_and_nothing_else() -> None:
    page = Parsed(html.render(with_pictures()).text)
    (policy,) = (of["content"] for tag, of in page.tags if of.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == rules.pop("base-uri") == rules.pop("form-action") == "'none'"
    assert rules.pop("img-src") == "data:"
    for rule, tag in (("script-src", "script"), ("style-src", "style")):
        own = [text for name, text in page.raw if name == tag][-1]
        assert rules.pop(rule) == f"'sha256-{base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()}'"
    assert not rules
    for _, of in page.tags:
        assert not {"style", "srcset"} & set(of)
        assert not any(name.startswith("on") for name in of)
        assert (of.get("href") or "#").startswith("#")
        assert (of.get("src") or "data:").startswith("data:")


def test_hostile_names_add_no_tag_and_no_script() -> None:
    text = html.render(hostile_audit()).text
    tame = Parsed(html.render(with_pictures(samples=make_samples(images=pictures(), splits=IDS))).text)
    page = Parsed(text)
    kinds = {(tag, tuple(sorted(of))) for tag, of in page.tags}
    assert kinds - {(tag, tuple(sorted(of))) for tag, of in tame.tags} <= {("strong", ())}
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert "<img src=x" not in text
    assert "49" not in re.findall(r"<h1[^>]*>(.*?)</h1>", text, flags=re.S)[0]
    assert text.encode("utf-8").decode("utf-8") == text
    assert not set(text) & {"\u202e", "\u2028", "\0", "\udcff"}
    data = data_of(text)
    assert data["path"] == ["javascript:alert(1)/1.png", r"lone\udcff/3.png"]
    assert data["exact"] == {"1": "lone\udcff/3.png"}


def test_the_script_never_parses_text() -> None:
    script = "".join(html._read(name) for name in html._SCRIPTS)
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch("):
        assert word not in script
    for text in (script, html._read("report.css")):
        assert "</" not in text
        assert "http" not in text


@pytest.mark.parametrize("most", [0, 1])
def test_fewer_suspects_and_where_the_others_are(most: int) -> None:
    page = html.render(with_pictures(), most=most)
    assert (page.shown, page.total) == (most, 2)
    assert f"the other {2 - most} are in suspects.csv" in page.account()[1]
    assert "labelaudit report RUN --most 2" in page.text
    assert len(data_of(page.text)["path"]) == most  # type: ignore[arg-type]


def test_missing_and_damaged_images_have_a_reason_in_their_place() -> None:
    class Changed(Listed):
        def encoded(self, index: int) -> bytes:
            if index == 1:
                raise ImageError("changed", "the image was changed since the scan: scan again")
            return b"\xff\xd8\xff broken"

    page = html.render(make_audit(), images=Changed([b""] * 6))
    assert page.unpictured == 2
    assert "2 without a picture: the image was changed" in page.account()[1]
    data = data_of(page.text)
    assert data["picture"] == [-1, -1]
    assert data["problem"]["0"] == "the image was changed since the scan: scan again"  # type: ignore[index]
    assert "JPEG" in data["problem"]["1"]  # type: ignore[index]


def test_an_audit_of_features_has_a_report_without_pictures() -> None:
    data = data_of(html.render(make_audit()).text)
    assert data["pictured"] is False
    assert data["pictures"] == []
    assert data["problem"] == {}


def test_look_alikes_of_both_classes_stand_beside_a_suspect() -> None:
    data = data_of(html.render(judged_audit()).text)
    paths = data["nearPath"]
    sides = [[sorted(paths[place] for place in side) for side in pair] for pair in data["near"]]  # type: ignore
    cats = ["cat/a.png", "cat/b.png", "cat/c.png"]
    assert sides == [[["cat/a.png", "cat/c.png"], ["dog/d.png", "dog/e.png"]], [["dog/e.png"], cats]]


def test_a_damaged_judge_costs_the_look_alikes_only(tmp_path: Path) -> None:
    (tmp_path / "judge.npz").write_bytes(b"no archive")
    page = html.render(with_pictures(files={"judge.npz": tmp_path / "judge.npz"}))
    assert data_of(page.text)["near"] == []
    assert len(data_of(page.text)["pictures"]) == 2  # type: ignore[arg-type]
    assert "without look-alikes" in page.account()[1]
    assert "damaged" in page.account()[1]


def test_nothing_suspect_and_nothing_known() -> None:
    decision = make_decision(
        is_issue=np.zeros(6, bool), noise_rate=float("nan"), noise_interval=(float("nan"),) * 2, reasons=("",) * 6
    )
    page = html.render(with_pictures(decision=decision, findings=(), notes=(), stages=(), settings={}))
    assert page.shown == 0
    assert "cannot be estimated" in page.text
    assert "No label looks wrong enough" in page.text
    nothing = np.zeros(6, dtype=bool)
    page = html.render(with_pictures(decision=make_decision(is_issue=nothing, judged=nothing)))
    assert "None of the labels of the 6 images could be judged." in page.text
    assert "No label looks wrong" not in page.text


def test_places_on_this_machine_stay_here() -> None:
    text = html.render(with_pictures(settings={"source": {"data": "/home/me/secret"}, "effort": "quick"})).text
    assert "secret" not in text
    assert "quick" in text


def test_what_the_methods_of_the_papers_saw_is_drawn_and_said() -> None:
    """Dissection, medoids and far images, of hostile names too; a method that was not trained leaves its part out."""
    shown = {"worse": "high", "says": "It is <b>bold</b>."}
    dissection = [
        {"samples": 3, "mean_loss": 0.1, "agreement": 1.0},
        {"samples": 3, "mean_loss": 2.0, "agreement": 0.0},
    ]
    flags = np.array([True, True, True, False, False, False])
    evidence = {
        "crust": Evidence(
            method="crust",
            suspicion=np.linspace(0, 1, 6),
            columns={"crust_medoid": flags, "crust_cluster_size": np.array([1, 2, 3, 1, 1, 1])},
            tables={"shown": {"crust_medoid": shown, "crust_cluster_size": shown}},
        ),
        "limit": Evidence(
            method="limit",
            suspicion=np.linspace(0, 1, 6),
            columns={"limit_distance": np.linspace(0, 1.4, 6)},
            tables={"shown": {"limit_distance": shown}},
        ),
        "sln": Evidence(method="sln", suspicion=np.linspace(0, 1, 6), tables={"dissection": dissection}),
    }
    hostile = replace(hostile_audit(), evidence=evidence)
    text = html.render(hostile).text
    for title in ("Labels by loss", "What each class looks like", "Farthest from what was foreseen"):
        assert f">{title}</h2>" in text
        assert f">{title}</h2>" not in html.render(make_audit(evidence={})).text
    assert text.count('class="seen"') == 3 + 6
    assert "<b>bold" not in text
    assert "onerror=alert(1)>" not in unescape(text.partition("<script")[0]).replace(unescape(HOSTILE[0]), "")
    data = json.loads(re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)[0])
    assert data["shown"]["crust_medoid"]["values"] == flags[hostile.suspects].tolist()
    assert data["shown"]["limit_distance"]["says"] == "It is <b>bold</b>."
