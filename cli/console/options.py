"""The options and settings that several commands share, and the user's cache folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelaudit.errors import OptionError
from labelaudit.machine import Device
from labelaudit.text import read_share

from .streams import Color

if TYPE_CHECKING:
    from labelaudit.check.settings import ResolvedSettings

_ROOM = 1 << 20  # bytes that a disk must have left for anything to be kept there


def option(*names: str, panel: str | None = None, env: str | None = None, **rest: Any) -> Any:
    """An option under a heading of ``--help``, which can also be set as ``LABELAUDIT_<env>``."""
    variable = f"LABELAUDIT_{env}" if env else None
    return typer.Option(*names, rich_help_panel=panel, envvar=variable, show_envvar=False, **rest)


ColorOption = Annotated[Color, option("--color", env="COLOR", help="Colour; auto: on a terminal only.")]
Quiet = Annotated[bool, option("-q", "--quiet", help="Print errors only.")]
QuietButResult = Annotated[bool, option("-q", "--quiet", help="Print the result and errors only.")]
Json = Annotated[bool, option("--json", help="Print JSON for programs.")]
DATA_HELP = "Where the images are now, if the dataset was moved."
Moved = Annotated[Path | None, option("--data", metavar="DATA", help=DATA_HELP)]
on_machine = partial(option, panel="This machine")
"""An option that says where and with what a command runs, not what comes of it."""
DEVICE_HELP = "Where networks run; auto: on a GPU where there is one."
WORKERS_HELP = "Threads that read, decode and copy images; default: all cores."
CacheFolder = Annotated[
    Path | None,
    on_machine(
        "--cache", metavar="DIR", env="CACHE", help="Folder that keeps features; default: in the user's cache folder."
    ),
]
NoCache = Annotated[bool, on_machine("--no-cache", help="Keep no features for the next time.")]
DeviceOption = Annotated[Device, on_machine("--device", env="DEVICE", help=DEVICE_HELP)]
Workers = Annotated[int | None, on_machine("--workers", min=1, metavar="N", env="WORKERS", help=WORKERS_HELP)]


Reviewer = Annotated[
    str | None,
    option(
        "--reviewer", metavar="NAME", env="REVIEWER", help="Your name in verdicts.csv; default: that of your account."
    ),
]
"""The option of every command in which a person judges."""


def name_reviewer(said: str | None) -> str:
    """The name that verdicts carry: the one that was ``said``, else that of the account."""
    return find_account() if said is None else said.strip()


def find_account() -> str:
    """The name of the person's account; empty where the machine knows none."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/labelaudit``, or ``~/.cache/labelaudit``; a relative XDG_CACHE_HOME counts as unset."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (named if named.is_absolute() else Path.home() / ".cache") / "labelaudit"
    except RuntimeError:
        raise OptionError("no home folder to cache in: use --cache DIR or --no-cache") from None


def choose_cache(named: Path | None, *, use: bool, notice: Callable[[str], None]) -> Path | None:
    """The folder that features are kept in: ``named``, or the user's cache folder where that can be written.

    A folder that somebody named must do; the one that nobody named may be missing, and ``notice`` hears that nothing is
    kept. ``use`` is False with ``--no-cache``.
    """
    if not use:
        return None
    if named is not None:
        return named
    shown = "the user's cache folder"
    try:
        place = default_cache()
        shown = str(place)
        place.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=place) as file:
            file.write(bytes(_ROOM))
            file.flush()
            return place
    except (OSError, OptionError) as error:
        reason = getattr(error, "strerror", None) or "there is none"
        notice(f"Features are not kept: {shown} cannot be written ({reason}). --cache DIR names another folder.")
        return None


def is_default(ctx: typer.Context, name: str) -> bool:
    """Whether neither the command line nor a variable says anything about the option ``name``."""
    source = ctx.get_parameter_source(name)
    return source is None or source.name == "DEFAULT"


def parse_share(text: str) -> float:
    """A share that a person typed: ``10%``, ``0.1`` or ``.1``."""
    try:
        share = read_share(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a share: write a percentage such as 10% or 0.1") from None
    if share > 1:
        raise typer.BadParameter(f"{text} is more than all of them: write a percentage such as 10% or 0.1")
    return share


def parse_names(option: str, text: str) -> tuple[str, ...]:
    """The names of a comma-separated list, each once.

    >>> parse_names("--methods", "crust, sln,crust")
    ('crust', 'sln')
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise OptionError(f"{option} '{text}' names nothing: give names separated by commas")
    return names


def parse_settings(settings: list[str]) -> dict[str, dict[str, str]]:
    """METHOD -> OPTION -> VALUE from ``METHOD.OPTION=VALUE``; the last of equal ones counts.

    >>> parse_settings(["sln.sigma=0.5"])
    {'sln': {'sigma': '0.5'}}
    """
    options: dict[str, dict[str, str]] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        method, dot, option = name.strip().partition(".")
        if not (equals and dot and method and option and value.strip()):
            raise OptionError(f"--set '{setting}': write METHOD.OPTION=VALUE, such as sln.sigma=0.5")
        options.setdefault(method, {})[option] = value.strip()
    return options


def load_settings(command_line: Mapping[str, Any], data: Path | None, file: Path | None) -> ResolvedSettings:
    """The settings for ``data``: command line, environment, policy file ``file`` or the nearest one, defaults.

    Raises `OptionError` with the name of the option, variable or file that is wrong.
    """
    from labelaudit.check.policy_file import find_policy, read_policy
    from labelaudit.check.settings import resolve_settings

    named = os.environ.get("LABELAUDIT_CONFIG")
    place = file or (Path(named) if named else None)
    if place is not None and not place.is_file():
        raise OptionError(f"no policy file {place}: name one with --config")
    if place is None:
        place = find_policy([*([] if data is None else [data]), Path.cwd()])
    return resolve_settings(command_line, os.environ, {} if place is None else read_policy(place), place)
