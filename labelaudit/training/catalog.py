"""The catalog of every method, regulariser and network with its options and its paper.

All of it is read off the files themselves (docstrings, dataclass fields, annotations), so a new file is in the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from labelaudit.errors import unknown_name
from labelaudit.methods import Method, Option, get_method, method_file, method_help, method_names, options_of
from labelaudit.networks import (
    count_parameters,
    is_published,
    network_help,
    network_names,
    network_text,
    usual_shape,
)
from labelaudit.regularizers import get_regularizer, regularizer_file, regularizer_help, regularizer_names
from labelaudit.shelf import read_docstring

Kind = Literal["method", "regularizer", "network"]
Input = Literal["features", "pixels"]
CLASSES = 10
"""Classes of the networks whose parameters are counted, as in the papers."""
_INPUTS: tuple[Input, ...] = ("features", "pixels")
_PAPER = re.compile(r'(?:^|(?<=[.:;] )|(?<=after ))([A-Z](?:[^".:]|al\.)*)"([^"]+)",? ([^".;:,()]*\d{4})')


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One choice."""

    kind: Kind
    name: str
    help: str
    """One sentence."""
    paper: str
    """Authors, title, venue and year of the first paper that its file names; empty where it names none."""
    options: tuple[Option, ...]
    """Its own first; of a method those that all methods have follow."""
    takes: tuple[Input, ...] = ()
    """For a network: the inputs it can be trained on."""
    shape: tuple[int, ...] = ()
    """For a network: (H, W, channels) or (features,) that it is meant for."""
    parameters: int | None = None
    """For a network: its number of parameters at this shape and `CLASSES` classes."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def list_choices(names: tuple[str, ...] = ()) -> tuple[Entry, ...]:
    """Every method, then every regulariser and network, each by name; or those of ``names`` alone.

    A name that is a method's and a regulariser's brings both. Networks of timm and torchvision come only where asked
    for, as ``timm:NAME``. Raises `OptionError` for a name that is nobody's.

    >>> [(entry.kind, entry.name) for entry in list_choices(("mixup",))]
    [('regularizer', 'mixup')]
    """
    entries = (*_entries(), *(_published(name) for name in names if is_published(name)))
    known = {entry.name for entry in entries}
    for name in names:
        if name not in known:
            raise unknown_name("method, regularizer or network", name, sorted(known))
    return tuple(entry for entry in entries if not names or entry.name in names)


def own_options(entry: Entry) -> tuple[Option, ...]:
    """The options of ``entry`` that not every method has with this default."""
    shared = options_of(Method) if entry.kind == "method" else ()
    return tuple(option for option in entry.options if option not in shared)


def shared_options() -> tuple[Option, ...]:
    """The options that every method has; a method's own default may differ."""
    return options_of(Method)


def _entries() -> Iterator[Entry]:
    for name in method_names():
        paper, options = _paper(method_file(name)), options_of(get_method(name))
        yield Entry(kind="method", name=name, help=method_help(name), paper=paper, options=options)
    for name in regularizer_names():
        paper, options = _paper(regularizer_file(name)), options_of(get_regularizer(name))
        yield Entry(kind="regularizer", name=name, help=regularizer_help(name), paper=paper, options=options)
    for name in sorted({*network_names(pixels=True), *network_names(pixels=False)}):
        takes = tuple(kind for kind in _INPUTS if name in network_names(pixels=kind == "pixels"))
        yield _network(name, network_help(name), takes, paper=_reference(network_text(name)))


def _published(name: str) -> Entry:
    return _network(name, "From scratch, or from published weights where asked for.", ("pixels",))


def _network(name: str, said: str, takes: tuple[Input, ...], *, paper: str = "") -> Entry:
    shape = usual_shape(name)
    return Entry(
        kind="network",
        name=name,
        help=said,
        paper=paper,
        options=(),
        takes=takes,
        shape=shape,
        parameters=count_parameters(name, shape, CLASSES),
    )


def _paper(file: Path) -> str:
    """The first reference of the form ``Authors, "Title", Venue Year`` in the docstring of ``file``."""
    return _reference(read_docstring(file))


def _reference(docstring: str) -> str:
    """The first one below the first line."""
    found = _PAPER.search(" ".join(docstring.partition("\n")[2].split()))
    return "" if found is None else f'{found[1].strip().rstrip(",")}, "{found[2]}", {found[3]}'
