"""The options that say how a dataset is read: every command that reads one takes all of them, from `takes_source`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from labelaudit.text import spell_path

from .options import is_default, option

PANEL = "Where the labels are"

UNSAID: Mapping[str, Any] = MappingProxyType({})
"""The default of a command's parameter ``how``, which only stands in its signature."""
_OPTIONS: Mapping[str, tuple[Any, str | None, str]] = {
    "labels": (Path | None, "FILE", "A table of labels: CSV, TSV, JSON or an export (inputs.md)."),
    "path_column": (str | None, "NAME", "The table's column of image paths."),
    "label_column": (str | None, "NAME", "The table's column of labels."),
    "label_from": (
        str | None,
        "WHERE",
        "The folder or name that is the label: parent, top, 'level N', 'level N-M' or name:'REGEX'.",
    ),
    "data_format": (str | None, "NAME", "The one way to read DATA, such as class-folders."),
    "classes": (str | None, "FILE|A,B,C", "All class names, in the order of given probabilities."),
    "rows": (Path | None, "FILE", "One path a line: the images that given arrays are about."),
    "ignore_metadata": (bool, None, "Leave metadata.csv and metadata.jsonl aside."),
    "bands": (str | None, "R,G,B", "Bands to show of images with more than four, such as 4,3,2."),
    "annotator": (
        list[str] | None,
        "COLUMN",
        "Of several people's labels: the column that says whose a row is; or, repeated, the columns that each hold "
        "one's labels.",
    ),
}
"""Parameter of a command -> type of its option, the word for its value, and its help."""
_VARIABLES = ("path_column", "label_column")  # those that are environment variables too


def takes_source(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options that say how a dataset is read, in the place of its parameter ``how``.

    ``how`` receives them as `labelaudit.data.source.Source` takes them, by the names of its fields. A command whose
    own ``--format`` is another thing has ``--data-format`` only.
    """
    signature = inspect.signature(command, eval_str=True)
    options = {name: _make_option(name) for name in _OPTIONS}
    if "format" not in signature.parameters:
        options["data_format"] = _make_option("data_format", "--format", "--data-format")
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        shared = list(options.values()) if parameter.name == "how" else [parameter]
        parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in shared]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        how = _read_options({name: given.pop(name) for name in options})
        command(**given, how=how)

    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _make_option(name: str, *spelled: str) -> inspect.Parameter:
    """The parameter ``name`` of a command, whose option is ``spelled`` so where that is not its own name."""
    kind, metavar, text = _OPTIONS[name]
    spelled = spelled or (f"--{name.replace('_', '-')}",)
    env = name.upper() if name in _VARIABLES else None
    told = Annotated[kind, option(*spelled, panel=PANEL, metavar=metavar, env=env, help=text)]  # type: ignore[valid-type]
    default = False if kind is bool else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=told)


def spell_reading(ctx: typer.Context) -> list[str]:
    """The options that the command of ``ctx`` was told how to read by, as they are typed for another."""
    words: list[str] = []
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        if param.name not in _OPTIONS or value in (None, ()) or is_default(ctx, param.name):
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [param.opts[0]] if one is True else [param.opts[0], spell_path(str(one))]
    return words


def _read_options(given: dict[str, Any]) -> dict[str, Any]:
    """The options as fields of `Source`; raises `OptionError` for bands that are not three numbers."""
    how = {"format" if name == "data_format" else name: value for name, value in given.items()}
    if how["classes"] is not None or how["bands"] is not None:
        from labelaudit.data.order import parse_bands, parse_classes

        how["classes"] = None if how["classes"] is None else parse_classes(how["classes"])
        how["bands"] = None if how["bands"] is None else parse_bands(how["bands"])
    how["annotator"] = tuple(how["annotator"]) if how["annotator"] else None
    return how
