"""Label Studio: tasks with a pre-annotation out, its JSON, JSON-MIN or CSV back (labelstud.io/guide/task_format).

Beside the tasks lies the labelling setup of the project. Tasks sort worst first by prediction score. Without embedding
the tool serves the files itself: local files below its document root, or any address by prefix. A cancelled annotation
is a skip. An answer in the only Choices control is taken whatever its name. Left out: its API; both files are uploaded
by hand.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO
from xml.sax.saxutils import quoteattr

from labelaudit.errors import DataError
from labelaudit.machine import __version__
from labelaudit.review.exchange.tasks import NO_CLASS, Answer, Format, Refused, Task, answered, writable

_CONTROL = "label"
_SETUP = ".config.xml"
_ADDED = ("annotation_id", "annotator", "created_at", "updated_at", "lead_time")
"""Columns that its flat exports add to those of a task."""
_TASK = ("id", "image", "path", "digest", "given_label", "suggested_label", "label_score", "reason")


def write(tasks: Iterable[Task], file: TextIO) -> None:
    """The tasks as a JSON list, one a line."""
    before = "[\n"
    for task in tasks:
        entry: dict[str, Any] = {"data": {"image": task.image, **task.identity(), **task.opinion()}}
        if task.label_score is not None:
            choice = {"choices": [writable(task.suggested_label)]}
            result = {"from_name": _CONTROL, "to_name": "image", "type": "choices", "value": choice}
            prediction = {"model_version": f"labelaudit {__version__}", "score": task.label_score, "result": [result]}
            entry["predictions"] = [prediction]
        file.write(before + json.dumps(entry))
        before = ",\n"
    file.write("[]\n" if before == "[\n" else "\n]\n")


def setup(classes: Sequence[str]) -> str:
    """The labelling setup of the project, to be pasted in."""
    choices = "\n".join(f"    <Choice value={quoteattr(writable(name))}/>" for name in (*classes, NO_CLASS))
    control = f'<Choices name="{_CONTROL}" toName="image" choice="single" showInline="true">'
    image = '<Image name="image" value="$image" zoom="true"/>'
    return f"<View>\n  {image}\n  {control}\n{choices}\n  </Choices>\n</View>\n"


def advise(file: Path, back: str) -> tuple[str, ...]:
    """The next steps with the files, a sentence each; ``back`` begins the command that reads answers."""
    return (
        f"In Label Studio: make a project, paste {file.with_suffix(_SETUP).name} under Labeling Setup > Code, import "
        f"{file.name}.",
        f"Back: export as JSON, JSON-MIN or CSV, then {back} EXPORT.json",
    )


def read(data: bytes) -> Iterator[Answer | Refused]:
    """The annotations of an export, JSON, JSON-MIN or CSV; raises `DataError` for what is none."""
    if is_table(data):
        yield from _read_table(data)
        return
    try:
        tasks = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"it is not JSON ({error})") from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataError("it is not a list of Label Studio tasks: export as JSON, JSON-MIN or CSV")
    for number, task in enumerate(tasks, start=1):
        name = f"task {task.get('id', number)}"
        if "annotations" in task:
            for annotation in task["annotations"] or ():
                yield _annotation(name, task.get("data") or {}, annotation)
        elif "annotation_id" in task or _CONTROL in task:
            yield _minimal(name, task)
        elif "data" not in task:
            raise DataError(f"{name} is not a Label Studio task: export as JSON, JSON-MIN or CSV")


def is_table(data: bytes) -> bool:
    """Whether ``data`` is Label Studio's CSV, by the columns that it adds to those of the tasks."""
    first = data[:4096].decode("utf-8-sig", "replace").replace("\r", "\n").partition("\n")[0]
    return set(_ADDED) <= set(next(csv.reader([first]), ()))


def _read_table(data: bytes) -> Iterator[Answer | Refused]:
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        for line in rows:
            task: dict[str, Any] = {name: value for name, value in line.items() if name and value}
            for name, value in task.items():
                if name not in _TASK and value.startswith(("{", "[")):  # several choices are JSON in a cell
                    with suppress(ValueError, RecursionError):  # and a class may be called so
                        task[name] = json.loads(value)
            yield _minimal(f"line {rows.line_num}", task)
    except (csv.Error, ValueError) as error:
        raise DataError(f"it is a damaged CSV ({error})") from None


def _annotation(name: str, data: dict[str, Any], annotation: dict[str, Any]) -> Answer | Refused:
    about = _about(name, data, annotation, annotation.get("completed_by"))
    if annotation.get("was_cancelled"):
        return Answer(kind="skip", **about)
    results = annotation.get("result") or []
    choices = [result for result in results if result.get("type") == "choices"]
    ours = [result for result in choices if result.get("from_name", _CONTROL) == _CONTROL] or choices
    if len(ours) != 1:
        other = sorted({str(result.get("type")) for result in results if result not in choices})
        found = f"{len(ours)} controls with choices" if ours else f"{' and '.join(other) or 'nothing'}"
        return Refused(
            name, about["path"], f"has {found} in place of one choice: name the Choices control '{_CONTROL}'"
        )
    return _chosen(about, (ours[0].get("value") or {}).get("choices") or [])


def _minimal(name: str, task: dict[str, Any]) -> Answer | Refused:
    about = _about(name, task, task, task.get("annotator"))
    controls = [key for key in task if key not in (*_ADDED, *_TASK)]
    control = _CONTROL if _CONTROL in task else controls[0] if len(controls) == 1 else ""
    chosen = task.get(control)
    if isinstance(chosen, dict):
        chosen = chosen.get("choices")
    choices = chosen if isinstance(chosen, list) else [chosen] if chosen else []
    if not all(isinstance(choice, str) for choice in choices):
        return Refused(name, about["path"], f"has something else than a choice in '{control}'")
    return _chosen(about, choices)


def _chosen(about: dict[str, str], choices: list[Any]) -> Answer | Refused:
    if len(choices) != 1:
        many = len(choices) or "no"
        hint = "" if choices else f": choose one in a Choices control called '{_CONTROL}'"
        return Refused(about["entry"], about["path"], f"has {many} choices instead of one{hint}")
    kind, label = answered(str(choices[0]))
    return Answer(kind=kind, label=label, **about)


def _about(name: str, data: dict[str, Any], annotation: dict[str, Any], person: Any) -> dict[str, str]:
    if isinstance(person, dict):
        person = person.get("email") or person.get("username") or person.get("id")
    return {
        "entry": name,
        **{key: str(data.get(key) or "") for key in ("path", "digest", "given_label")},
        "reviewer": "" if person is None else str(person) if "@" in str(person) else f"label-studio {person}",
        "time": str(annotation.get("updated_at") or annotation.get("created_at") or ""),
    }


FORMAT = Format(
    suffix=".json",
    write=write,
    read=read,
    advise=advise,
    setup=setup,
    setup_suffix=_SETUP,
    prefix="/data/local-files/?d=",
    embeds=True,
    by_path="Images by path need LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
    "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT at the data root, and a local storage in the project; or use `embed`.",
)
