"""The command line of labelaudit, installed as ``labelaudit.cli``: parse, call the library, print, exit code.

One file per command. `console.summary` knows what a result looks like, `console.streams` where colour and progress may
go. Only here is the environment read, and only here does an error become an exit code: 0 fine, 1 a rule of the gate is
broken, 2 could not run, 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import re
from typing import Annotated, Any, NoReturn

import typer

from labelaudit.arguments import at_home
from labelaudit.errors import LabelAuditError, unknown_name
from labelaudit.machine import __version__, available_cores

from .backbones import backbones
from .baseline import baseline
from .bench import bench
from .check import check
from .clean import clean
from .config import config
from .console.manual import Command, Group, flow, polish
from .console.options import option
from .console.parameters import learn_options, learn_run
from .console.streams import as_typed, open_streams
from .console.usage import UsageError, reword
from .corrupt import corrupt
from .estimate import estimate
from .impact import impact
from .inspect import inspect
from .methods import methods
from .report import report
from .review import open_, review
from .scan import scan
from .score import score
from .train import train
from .tune import tune
from .verdicts import verdicts

_ENDLESS = re.compile(r"\S{400,}")
"""A word of more characters than a path of most systems has between two separators."""

_NEW_OBJECTS = 100_000
"""Lists and the like after which Python looks for cycles of them. Its default of 700 costs 5 of the 18 CPU seconds of a
scan of a table of a million rows, and a thirtieth of a scan of images; memory is the same with both."""


class _Group(Group):
    """The one place where an error of the library becomes a line and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        parsed: list[str] = super().parse_args(ctx, list(map(_at_home, args)))
        return parsed

    def invoke(self, ctx: Any) -> Any:
        learn_options(self)
        learn_run("RUN")
        try:
            return super().invoke(ctx)
        except LabelAuditError as error:
            _refuse(str(error))
        except UsageError as error:
            reword(error)
            raise
        except OSError as error:  # of a file that nobody thought of
            named = f"'{error.filename}'" if error.filename else "a file"
            _refuse(f"{named} cannot be read or written ({error.strerror or error}): see to it, or name another")
        except MemoryError:
            _refuse("there is not enough memory for this: free some, use fewer --workers, or a smaller dataset")
        except KeyboardInterrupt:
            typer.echo("labelaudit: interrupted; earlier results, verdicts and caches are kept", err=True)
            raise typer.Exit(130) from None


def _at_home(word: str) -> str:
    """``word`` with the home folder for ``~/``, which shells leave as it is behind ``=`` and in quotes."""
    option = re.match(r"--[\w-]+=|", word)
    assert option is not None
    return option[0] + at_home(word[option.end() :])


def _refuse(reason: str) -> NoReturn:
    """Say in one line why nothing could be done, with what nobody would read to its end cut short."""
    told = _ENDLESS.sub(lambda found: f"{found[0][:60]}…{found[0][-20:]}", " ".join(reason.split()))
    typer.echo(f"labelaudit: {as_typed(told)}", err=True)
    raise typer.Exit(2) from None


app = typer.Typer(
    name="labelaudit",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine, 1 a rule of the gate is broken, 2 could not run, 130 interrupted (0 where Ctrl-C ends "
    "the page of `review`).",
)
_PANELS: dict[str, dict[str, Any]] = {
    "Find": {"scan": scan, "inspect": inspect, "score": score},
    "Judge": {
        "open": open_,
        "review": review,
        "tune": tune,
        "estimate": estimate,
        "report": report,
        "verdicts": verdicts,
    },
    "Fix": {"clean": clean, "impact": impact},
    "Guard": {"check": check, "baseline": baseline, "config": config},
    "Research": {"train": train, "bench": bench, "methods": methods, "backbones": backbones, "corrupt": corrupt},
}
for _panel, _commands in _PANELS.items():
    for _name, _command in _commands.items():
        if isinstance(_command, typer.Typer):
            app.add_typer(polish(_command), cls=Group, rich_help_panel=_panel)
        else:
            app.command(_name, cls=Command, help=flow(_command.__doc__), rich_help_panel=_panel)(_command)


@app.command("help", cls=Command, rich_help_panel="Find")
def help_(
    ctx: typer.Context,
    command: Annotated[list[str] | None, typer.Argument(metavar="COMMAND", help="A command, such as scan.")] = None,
) -> None:
    """Show what the commands are for, or the options of one."""
    group: Any = ctx.parent
    for name in command or ():
        inner = group.command.get_command(group, name) if hasattr(group.command, "get_command") else None
        if inner is None:
            raise unknown_name("command", name, getattr(group.command, "commands", {}))
        group = type(group)(inner, info_name=name, parent=group)
    typer.echo(group.get_help())


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"labelaudit {__version__}")
        raise typer.Exit


@app.callback()
def labelaudit(
    version: Annotated[
        bool, option("--version", "-V", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Find the wrong labels in an image dataset.

    Begin with `labelaudit scan ./images`, then `labelaudit review`. `labelaudit help COMMAND` explains a command.
    """


def _limit_threads() -> None:
    """Let OpenMP and BLAS, which count the host's cores, start no more threads than this container has cores for."""
    cores = available_cores()
    if cores < (os.cpu_count() or 1):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, str(cores))


def main() -> None:
    """Run the command line, for the console script ``labelaudit`` (`labelaudit.__main__`).

    What the caller closed (``>&-``), and a reader that has seen enough (``| head``), is nowhere, not an error: the exit
    code stays that of the work. A result that a full disk does not take is one: exit code 2.
    """
    _limit_threads()
    gc.set_threshold(_NEW_OBJECTS)
    outcome = open_streams()
    try:
        app()
    except SystemExit as ended:
        code = ended.code
    else:
        code = 0
    raise SystemExit(outcome(code))
