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

_Labels = Annotated[
    Path | None,
    option("--labels", panel=PANEL, metavar="FILE", help="A table of labels: CSV, TSV, JSON or an export (inputs.md)."),
]
_PathColumn = Annotated[
    str | None,
    option("--path-column", panel=PANEL, metavar="NAME", env="PATH_COLUMN", help="The table's column of image paths."),
]
_LabelColumn = Annotated[
    str | None,
    option("--label-column", panel=PANEL, metavar="NAME", env="LABEL_COLUMN", help="The table's column of labels."),
]
_LabelFrom = Annotated[
    str | None,
    option(
        "--label-from",
        panel=PANEL,
        metavar="WHERE",
        help="The folder or name that is the label: parent, top, 'level N', 'level N-M' or name:'REGEX'.",
    ),
]
_HELP = "The one way to read DATA, such as class-folders."
_Format = Annotated[str | None, option("--format", "--data-format", panel=PANEL, metavar="NAME", help=_HELP)]
_DataFormat = Annotated[str | None, option("--data-format", panel=PANEL, metavar="NAME", help=_HELP)]
_Classes = Annotated[
    str | None,
    option(
        "--classes", panel=PANEL, metavar="FILE|A,B,C", help="All class names, in the order of given probabilities."
    ),
]
_Rows = Annotated[
    Path | None,
    option("--rows", panel=PANEL, metavar="FILE", help="One path a line: the images that given arrays are about."),
]
_IgnoreMetadata = Annotated[
    bool, option("--ignore-metadata", panel=PANEL, help="Leave metadata.csv and metadata.jsonl aside.")
]
_Bands = Annotated[
    str | None,
    option("--bands", panel=PANEL, metavar="R,G,B", help="Bands to show of images with more than four, such as 4,3,2."),
]


_Annotator = Annotated[
    list[str] | None,
    option(
        "--annotator",
        panel=PANEL,
        metavar="COLUMN",
        help="Of several people's labels: the column that says whose a row is; or, repeated, the columns that each "
        "hold one's labels.",
    ),
]
UNSAID: Mapping[str, Any] = MappingProxyType({})
"""The default of a command's parameter ``how``, which only stands in its signature."""
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "labels": (_Labels, None),
    "path_column": (_PathColumn, None),
    "label_column": (_LabelColumn, None),
    "label_from": (_LabelFrom, None),
    "data_format": (_Format, None),
    "classes": (_Classes, None),
    "rows": (_Rows, None),
    "ignore_metadata": (_IgnoreMetadata, False),
    "bands": (_Bands, None),
    "annotator": (_Annotator, None),
}
"""Parameter of a command -> its option and default."""


def takes_source(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options that say how a dataset is read, in the place of its parameter ``how``.

    ``how`` receives them as `labelaudit.data.source.Source` takes them, by the names of its fields. A command whose
    own ``--format`` is another thing has ``--data-format`` only.
    """
    signature = inspect.signature(command, eval_str=True)
    options = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
    }
    if "format" in signature.parameters:
        options["data_format"] = options["data_format"].replace(annotation=_DataFormat)
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
