"""Exports of Label Studio in JSON: one row for each annotation that chooses a class for an image.

Annotators who disagree give an image several rows. Left out: regions, ratings and predictions of models.
"""

from __future__ import annotations

from typing import Any

from labelaudit.data.formats import ends_as_image
from labelaudit.data.table import DocumentError, Table, parse_export


def tabulate(name: str, data: bytes) -> Table | None:
    """A list of tasks with ``data`` and ``annotations`` as a table of paths, choices and annotators.

    Choices of several questions have a column each, called as the question is. Several choices at one question have
    ``|`` between them.
    """
    if b'"annotations"' not in data and b'"completions"' not in data:
        return None
    tasks = parse_export(name, data, "data")
    if not isinstance(tasks, list) or not all(isinstance(task, dict) and "data" in task for task in tasks):
        return None
    rows: list[tuple[str, str, dict[str, str]]] = []
    lines, regions = [], 0
    for line, task in enumerate(tasks, 1):
        given = [one for one in task.get("annotations", task.get("completions", [])) if not one.get("was_cancelled")]
        for annotation in given or [{}]:
            results = [one for one in annotation.get("result", []) if isinstance(one, dict)]
            choices = {
                str(one.get("from_name", "")): "|".join(chosen)
                for one in results
                if (chosen := _chosen(one.get("value", {})))
            }
            regions += bool(results and not choices)
            rows.append((_image(task["data"]), _person(annotation), choices))
            lines.append(line)
    questions = dict.fromkeys(question for _, _, choices in rows for question in choices)
    if regions and not questions:
        raise DocumentError(f"'{name}' holds regions and no choice for a whole image: boxes and regions are not read")
    if not lines:
        raise DocumentError(f"'{name}' has no tasks")
    if not questions and any(task.get("predictions") for task in tasks):
        raise DocumentError(f"'{name}' holds predictions of models and no annotations: these are no labels")
    cells = {"path": [image for image, _, _ in rows]}
    for question in questions or [""]:
        column = "label" if len(questions) < 2 else question
        cells[column] = [choices.get(question, "") for _, _, choices in rows]
    cells["annotator"] = [person for _, person, _ in rows]
    return Table(name=name, cells=cells, lines=lines)


def _chosen(value: dict[str, Any]) -> list[str]:
    """The choices of an answer; of a taxonomy the way to each, from the top."""
    ways = value.get("taxonomy") or ()
    return [str(choice) for choice in value.get("choices") or ()] or [" > ".join(map(str, way)) for way in ways]


def _image(data: Any) -> str:
    """The image of a task: the value under a telling name, or the one that ends as an image does."""
    if not isinstance(data, dict):
        return str(data)
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    named = next((texts[key] for key in ("image", "img", "file", "path", "url") if key in texts), None)
    return named or next((value for value in texts.values() if ends_as_image(value)), "")


def _person(annotation: dict[str, Any]) -> str:
    who = annotation.get("completed_by", "")
    return str(who.get("email") or who.get("id") or "") if isinstance(who, dict) else str(who or "")
