"""Prodigy: tasks for its choice interface out, ``prodigy db-out`` back. One JSON object a line.

The choices are the two candidates, the next most probable classes and "no class fits": a list of a thousand classes is
no interface. ``ignore`` and ``reject`` are skips, because a rejected choice says nothing about the label. Left out:
hashes, which Prodigy makes itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from labelaudit.errors import DataError
from labelaudit.review.exchange.tasks import NO_CLASS, Answer, Format, Refused, Task, answered


def write(tasks: Iterable[Task], file: TextIO) -> None:
    """One task a line."""
    for task in tasks:
        line = {
            "image": task.image,
            "options": [{"id": name, "text": name} for name in (*task.options, NO_CLASS)],
            "labelaudit": task.identity(),
            "meta": {"labelled": task.given_label, **task.opinion()} if task.label_score is not None else {},
        }
        file.write(json.dumps(line) + "\n")


def advise(file: Path, back: str) -> tuple[str, ...]:
    """The next steps with the file, a sentence each; ``back`` begins the command that reads answers."""
    return (
        f"In Prodigy: prodigy mark suspects {file.name} --view-id choice",
        f"Back: prodigy db-out suspects > done.jsonl, then {back} done.jsonl",
    )


def read(data: bytes) -> Iterator[Answer | Refused]:
    """The answered lines; raises `DataError` for what is none."""
    for number, line in enumerate(data.decode("utf-8-sig", "surrogateescape").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            task = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"line {number} is not JSON ({error})") from None
        if not isinstance(task, dict):
            raise DataError(f"line {number} is not a Prodigy task")
        if "answer" in task:
            yield _answer(f"line {number}", task)


def _answer(name: str, task: dict[str, Any]) -> Answer | Refused:
    identity = task.get("labelaudit")
    if not identity or not isinstance(identity, dict):
        return Refused(name, "", "holds no 'labelaudit' part: it is not one of the exported tasks")
    stamp = task.get("_timestamp")
    moment = _moment(stamp) if isinstance(stamp, (int, float)) else ""
    about = {
        "entry": name,
        **{key: str(identity.get(key) or "") for key in ("path", "digest", "given_label")},
        "reviewer": str(task.get("_annotator_id") or task.get("_session_id") or ""),
        "time": moment,
    }
    answer, accepted = task["answer"], task.get("accept") or []
    if answer in ("ignore", "reject"):
        return Answer(kind="skip", **about)
    if answer != "accept" or not isinstance(accepted, list) or len(accepted) != 1:
        many = len(accepted) if isinstance(accepted, list) and answer == "accept" else "no"
        return Refused(name, about["path"], f"has {many} choices instead of one ('{answer}')")
    kind, label = answered(str(accepted[0]))
    return Answer(kind=kind, label=label, **about)


def _moment(stamp: float) -> str:
    """ISO 8601 of seconds since 1970; empty where no calendar has them."""
    try:
        return datetime.fromtimestamp(stamp, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


FORMAT = Format(
    suffix=".jsonl",
    write=write,
    read=read,
    advise=advise,
    embeds=True,
    by_path="Browsers do not load images by path: use `embed`, or an address with `image_prefix`.",
)
