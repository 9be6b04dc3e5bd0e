"""``labelaudit methods``: what there is to choose from, with options and papers."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .console.options import ColorOption, Json
from .console.streams import open_console, say_json, trimmed

if TYPE_CHECKING:
    from rich.console import Console

    from labelaudit.methods import Option
    from labelaudit.training.catalog import Entry

_KINDS = {
    "method": "Methods, for `scan --methods`; options as --set METHOD.OPTION=VALUE",
    "regularizer": "Regularisers, around any method, for `train` and `scan --regularizer`",
    "network": "Networks, for `train` and `scan --network`",
    "scorer": "Scorers, of finished evidence",
}


_PUBLISHED = (
    "On pixels; any network of these libraries that ends in a linear layer, from scratch or with --init pretrained, on "
    "images of 224 px unless --image-size says otherwise."
)


def methods(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Only these.")] = None,
    as_json: Json = False,
    color: ColorOption = "auto",
) -> None:
    """List every training method, regulariser, network and scorer: options, defaults, ranges, sizes, paper.

    Example: `labelaudit methods sln`
    """
    from labelaudit.training.catalog import list_choices, shared_options

    entries = list_choices(tuple(names or ()))
    if as_json:
        say_json([asdict(entry) for entry in entries])
        return
    console = open_console(sys.stdout, color)
    with trimmed(console):
        _list(console, entries, shared_options(), asked=bool(names))


def _list(console: Console, entries: tuple[Entry, ...], shared: tuple[Option, ...], *, asked: bool) -> None:
    from rich.padding import Padding

    from labelaudit.training.catalog import own_options

    for kind, title in _KINDS.items():
        chosen = [entry for entry in entries if entry.kind == kind]
        if not chosen:
            continue
        console.print(title, style="bold")
        for entry in chosen:
            _show(console, entry, own_options(entry))
        if kind == "method":
            console.print("\n  every method", style="bold")
            _show_options(console, shared)
        if kind == "network" and not asked:
            console.print("\n  timm:NAME, torchvision:NAME", style="cyan")
            console.print(Padding(_PUBLISHED, (0, 0, 0, 4)))
        console.print()


def _show(console: Console, entry: Entry, options: tuple[Option, ...]) -> None:
    from rich.padding import Padding

    console.print(f"\n  {entry.name}", style="cyan")
    for text, style in ((entry.help, ""), (_size(entry), ""), (entry.paper, "dim")):
        if text:
            console.print(Padding(text, (0, 0, 0, 4)), style=style)
    _show_options(console, options)


def _size(entry: Entry) -> str:
    """The input of a network and its number of weights; empty for anything else."""
    if entry.parameters is None:
        return ""
    shape = f"{entry.shape[0]} features" if len(entry.shape) == 1 else "×".join(map(str, entry.shape))
    return f"On {' or '.join(entry.takes)}; {entry.parameters:,} parameters for {shape} and 10 classes."


def _show_options(console: Console, options: tuple[Option, ...]) -> None:
    """One row each: name, default, range or choices, what it is."""
    from rich.padding import Padding
    from rich.table import Table

    if not options:
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for one in options:
        default = str(one.default).lower() if isinstance(one.default, bool) else str(one.default)
        table.add_row(one.name, "auto" if one.default is None else default, _range(one), one.help)
    console.print(Padding(table, (0, 0, 0, 4)))


def _range(option: Option) -> str:
    if option.low is None or option.high is None:
        return "text" if option.kind == "str" else option.kind
    return f"{option.low:g} to {option.high:g}"
