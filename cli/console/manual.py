"""The help of a command as a terminal shows it: paragraphs that fill the line, and flags without the word bool."""

from __future__ import annotations

import inspect
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from .arguments import check_paths


class Command(TyperCommand):
    """A command whose flags stand in its help without a type, and that is not started with paths nobody could use."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its arguments and options."""
        return _without_types(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line, then refuse paths that cannot be right."""
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        left: list[str] = super().parse_args(ctx, args)
        check_paths(self.params, ctx, given)
        return left


class Group(TyperGroup):
    """A group of commands, of which the same holds."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its arguments and options."""
        return _without_types(super().get_params(ctx))


def flow(text: str | None) -> str:
    r"""A docstring with one line per paragraph: where lines end is the terminal's matter.

    >>> flow("Find them.\n\n    More about\n    that.")
    'Find them.\n\nMore about that.'
    """
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def polish(group: typer.Typer) -> typer.Typer:
    """``group`` with all that this module is about done to its commands."""
    for command in group.registered_commands:
        command.cls = Command
        if command.callback is not None:
            command.help = flow(command.callback.__doc__)
    return group


def _without_types(params: list[Any]) -> list[Any]:
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params
