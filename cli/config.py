"""``labelaudit config``: the settings in force and where each came from; what ``check`` and ``scan`` read them with."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from labelaudit.errors import OptionError

from .console.options import ColorOption, load_settings, option
from .console.streams import open_console, say, say_json

if TYPE_CHECKING:
    from labelaudit.check.settings import ResolvedSettings


def config(
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Dataset of the policy; default: the working folder.")
    ] = None,
    file: Annotated[
        Path | None, option("--config", metavar="FILE", help="Policy file, instead of the nearest one.")
    ] = None,
    format: Annotated[Literal["table", "json"], option(help="table for people, or json for programs.")] = "table",
    color: ColorOption = "auto",
) -> None:
    """Show every setting of `labelaudit check`, and of the scan, that is in force, and where it came from.

    Example: `labelaudit config ./images`

    The policy file is the nearest labelaudit.toml, or pyproject.toml with a table tool.labelaudit, upward from DATA.

    Where there is none, it is the nearest upward from the working folder.

    The command line of check counts before LABELAUDIT_NAME, that before the file, that before the default.
    """
    if data is not None and not data.exists():
        raise OptionError(f"DATA '{data}' does not exist: name the dataset whose policy is meant, or leave it out")
    settled = _with_defaults(load_settings({}, data, file))
    if format == "json":
        shown = {name: {"value": value, "from": settled.origins[name]} for name, value in settled.values.items()}
        say_json({"file": settled.file, "settings": shown}, lambda one: vars(one) if is_dataclass(one) else str(one))
        return
    say(open_console(sys.stdout, color), *_lines(settled))


def _with_defaults(settled: ResolvedSettings) -> ResolvedSettings:
    """``settled`` with the values of the rules that hold unless they are switched off."""
    held = settled.policy().in_force(baseline=settled.values["baseline"] is not None)
    names = ("max-new", "no-conflicts", "no-unreadable", "no-leaks", "no-shortcuts")
    return replace(
        settled, values={**settled.values, **{name: getattr(held, name.replace("-", "_")) for name in names}}
    )


def _lines(settled: ResolvedSettings) -> list[str]:
    from labelaudit.check.policy import today
    from labelaudit.check.settings import SETTINGS

    lines = [f"Policy file: {settled.file or 'none found'}", ""]
    names = [name for name in settled.values if name not in ("rule", "ignore")]
    wide = max(map(len, names))
    shown = {name: _shown(settled.values[name]) for name in names}
    broad = max(map(len, shown.values()))
    rows = {name: f"{name:<{wide}}  {shown[name]:<{broad}}  {settled.origins[name]}" for name in names}
    lines += [row for name, row in rows.items() if not SETTINGS[name].scan]
    lines += ["", "Of the scan, by `labelaudit scan` or `check DATA`; in the file under [scan]:"]
    lines += [row for name, row in rows.items() if SETTINGS[name].scan]
    lines += [""] if settled.values["rule"] or settled.values["ignore"] else []
    for rule in settled.values["rule"]:
        limits = {"max-noise": rule.max_noise, "max-suspects": rule.max_suspects, "max-new": rule.max_new}
        said = ", ".join(f"{name} {limit:g}" for name, limit in limits.items() if limit is not None)
        lines.append(f"rule    {rule.where}: {said}  {settled.origins['rule']}")
    for ignore in settled.values["ignore"]:
        until = f", until {ignore.expires}" if ignore.expires else ""
        gone = " EXPIRED: counts again" if ignore.expires and today() > ignore.expires else ""
        lines.append(f"ignore  {ignore}: {ignore.reason}{until}{gone}  {settled.origins['ignore']}")
    assert set(settled.values) == set(SETTINGS)
    return lines


def _shown(value: Any) -> str:
    if value is None or value in ((), {}):
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={share:g}" for name, share in value.items())
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
