"""The catalog of every method, regulariser and network with its options and its paper.

All of it is read off the files themselves (docstrings, dataclass fields, annotations), so a new file is in the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from labelaudit import methods, regularizers
from labelaudit.errors import unknown_name
from labelaudit.methods import Method, Option, get_method, options_of
from labelaudit.networks import count_parameters, is_published, network_names, network_text, usual_shape
from labelaudit.regularizers import get_regularizer
from labelaudit.shelf import list_files, read_docstring

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
    for name, file in list_files(methods.__path__).items():
        yield _entry("method", name, read_docstring(file), options=options_of(get_method(name)))
    for name, file in list_files(regularizers.__path__).items():
        yield _entry("regularizer", name, read_docstring(file), options=options_of(get_regularizer(name)))
    for name in sorted({*network_names(pixels=True), *network_names(pixels=False)}):
        takes = tuple(kind for kind in _INPUTS if name in network_names(pixels=kind == "pixels"))
        yield _network(name, network_text(name), takes)


def _published(name: str) -> Entry:
    return _network(name, "From scratch, or from published weights where asked for.", ("pixels",))


def _network(name: str, docstring: str, takes: tuple[Input, ...]) -> Entry:
    shape = usual_shape(name)
    parameters = count_parameters(name, shape, CLASSES)
    return _entry("network", name, docstring, takes=takes, shape=shape, parameters=parameters)


def _entry(kind: Kind, name: str, docstring: str, *, options: tuple[Option, ...] = (), **about: Any) -> Entry:
    """The entry of what ``docstring`` is about: its first line is the help, a reference below it the paper."""
    said, _, below = docstring.partition("\n")
    found = _PAPER.search(" ".join(below.split()))
    paper = "" if found is None else f'{found[1].strip().rstrip(",")}, "{found[2]}", {found[3]}'
    return Entry(kind=kind, name=name, help=said, paper=paper, options=options, **about)
