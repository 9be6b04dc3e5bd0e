"""``clean-report.json`` and ``clean-report.md``: what was changed, in the folder of the new dataset.

The JSON holds the whole plan with where each image went, one change a line; the Markdown is for a person and shows the
first `SHOWN` changes. Text from the data is escaped. The same report lies in the quarantine: the random ``id`` in both
is what tells that they belong together. Left out: times, so that the same plan gives the same bytes but for the ``id``.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from labelaudit.clean.dataset import RelabelledDataset
from labelaudit.clean.plan import CorrectionPlan
from labelaudit.clean.plan_file import one_a_line, plan_id, record
from labelaudit.kinds import kinds_of
from labelaudit.machine import __version__
from labelaudit.text import as_code, as_prose, count, count_kind, encodable, markdown_table

SCHEMA_VERSION = 1
KIND = "labelaudit clean report"
FILE, PAGE = "clean-report.json", "clean-report.md"
SHOWN = 200
_WORDS = {
    "drop": "left out",
    "relabel": "under a new label",
    "quarantine": "in quarantine",
    "weight": "kept with a weight",
}


def make_report(
    plan: CorrectionPlan,
    dataset: RelabelledDataset,
    *,
    form: str,
    files: int,
    how: Mapping[str, int],
    quarantine: str,
    quarantine_files: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    """The content of ``clean-report.json`` as JSON-able values; ``files`` and ``quarantine_files`` are how many."""
    before = Counter(dataset.samples.given())
    after = Counter(dataset.labels)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "labelaudit": __version__,
        "id": secrets.token_hex(16),
        "plan": plan_id(plan),
        "form": form,
        "source": {"root": plan.root, "fingerprint": plan.fingerprint, "samples": len(dataset.samples)},
        "samples": len(dataset),
        "files": files,
        "made_as": dict(sorted(how.items())),
        "quarantine": quarantine,
        "quarantine_files": quarantine_files,
        "counts": [
            {"action": action, "reason": reason, "source": source, "samples": count}
            for (action, reason, source), count in plan.counts().items()
        ],
        "kept": dict(plan.kept),
        "classes": [{"label": label, "before": before[label], "after": after[label]} for label in dataset.classes],
        "notes": [*plan.notes, *notes],
        "changes": [record(change) for change in plan.changes],
    }


def write_report(report: Mapping[str, Any], folder: Path) -> None:
    """Write both files into ``folder``."""
    text = one_a_line({name: report[name] for name in report if name != "changes"}, report["changes"])
    (folder / FILE).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    (folder / PAGE).write_text(encodable(render(report)), encoding="utf-8", newline="\n")


def say_kept(kept: Mapping[str, int]) -> str:
    """The images that stay as they are, by reason; both images of a pair are counted, where a scan counts pairs.

    >>> say_kept({"near_duplicate": 4, "suspect": 1})
    '4 images of near duplicates, 1 suspect'
    """
    pairs = kinds_of("pair")
    return ", ".join(
        f"{count(number, 'image')} of {count_kind(2, name)[2:]}" if name in pairs else count_kind(number, name)
        for name, number in kept.items()
    )


def render(report: Mapping[str, Any]) -> str:
    """The Markdown of a report."""
    source, changes = report["source"], report["changes"]
    parts = [
        "# What was cleaned",
        f"{report['samples']:,} of {source['samples']:,} images of {as_code(source['root'] or 'the dataset')}, "
        f"{len(changes):,} changes, as {report['form']}.",
    ]
    if report["counts"]:
        rows = (
            (_WORDS[row["action"]], row["reason"], row["source"], f"{row['samples']:,}") for row in report["counts"]
        )
        parts += ["## Changes", _table(("what", "why", "by", "images"), rows, code=(1,))]
    if report["kept"]:
        parts.append(f"Stay as they are: {as_prose(say_kept(report['kept']))}.")
    parts += [f"- {as_prose(note)}" for note in report["notes"]]
    sizes = ((entry["label"], f"{entry['before']:,}", f"{entry['after']:,}") for entry in report["classes"])
    parts += ["## Classes", _table(("class", "before", "after"), sizes, code=(0,))]
    if changes:
        shown = changes[:SHOWN]
        table = (
            (
                change["path"],
                change.get("given_label", ""),
                change["action"] + (f" to {change['new_label']}" if change.get("new_label") else ""),
                f"{change.get('reason', '')}, {change['source']}",
                "" if change.get("label_score") is None else f"{change['label_score']:.3f}",
            )
            for change in shown
        )
        parts += ["## Changed images", _table(("path", "given", "now", "why", "label score"), table, code=(0, 1, 2, 3))]
        if len(changes) > len(shown):
            parts.append(f"and {len(changes) - len(shown):,} more in {FILE}.")
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, code: Sequence[int]) -> str:
    """A table whose columns ``code`` hold text from the data; the others hold numbers and words of ours."""
    shown = ([as_code(text) if place in code and text else text for place, text in enumerate(row)] for row in rows)
    return markdown_table(head, shown)
