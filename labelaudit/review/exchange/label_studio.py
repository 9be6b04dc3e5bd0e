"""Label Studio: tasks with a pre-annotation out, the JSON or JSON-MIN export back (labelstud.io/guide/task_format).

Beside the tasks lies the labelling setup of the project. Tasks sort worst first by prediction score. Without embedding
the tool serves the files itself: local files below its document root, or any address by prefix. A cancelled annotation
is a skip. Left out: its API; both files are uploaded by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO
from xml.sax.saxutils import quoteattr

from labelaudit import __version__
from labelaudit.errors import DataError
from labelaudit.review.exchange.tasks import NO_CLASS, Answer, Format, Task, answered, writable

_CONTROL = "label"
_SETUP = ".config.xml"


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


def advise(file: Path) -> tuple[str, ...]:
    """What to do with the files."""
    return (
        f"In Label Studio: make a project, paste {file.with_suffix(_SETUP).name} under Labeling Setup > Code, import "
        f"{file.name}.",
        "Back: export as JSON, then labelaudit verdicts import RUN EXPORT.json",
    )


def read(data: bytes) -> Iterator[Answer]:
    """The annotations of an export; raises `DataError` for what is none."""
    try:
        tasks = json.loads(data)
    except ValueError as error:
        raise DataError(f"it is not JSON ({error})") from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataError("it is not a list of Label Studio tasks: export as JSON or JSON-MIN")
    for number, task in enumerate(tasks, start=1):
        name = f"task {task.get('id', number)}"
        if "annotations" in task:
            for annotation in task["annotations"] or ():
                yield from _annotation(name, task.get("data") or {}, annotation)
        elif _CONTROL in task:
            yield from _minimal(name, task)


def _annotation(name: str, data: dict[str, Any], annotation: dict[str, Any]) -> Iterator[Answer]:
    about = _about(name, data, annotation, annotation.get("completed_by"))
    if annotation.get("was_cancelled"):
        yield Answer(kind="skip", **about)
        return
    for result in annotation.get("result") or ():
        if result.get("type") == "choices" and result.get("from_name", _CONTROL) == _CONTROL:
            yield _chosen(about, (result.get("value") or {}).get("choices") or [])


def _minimal(name: str, task: dict[str, Any]) -> Iterator[Answer]:
    chosen = task[_CONTROL]
    choices = chosen.get("choices", []) if isinstance(chosen, dict) else [chosen] if chosen else []
    if choices:
        yield _chosen(_about(name, task, task, task.get("annotator")), choices)


def _chosen(about: dict[str, str], choices: list[Any]) -> Answer:
    if len(choices) != 1:
        raise DataError(f"{about['entry']} ('{about['path']}') has {len(choices)} choices instead of one")
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
    "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT at the data root, and a local storage in the project; or use --embed.",
)
