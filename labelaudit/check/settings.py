"""Every setting of the gate: how it is written, what it defaults to, and where its value came from.

`resolve_settings` lays the command line over the environment over the policy file over the defaults and remembers which
of them spoke; the environment itself is read by the command line only. Text from a command line or variable is parsed
leniently (``yes``, ``12``); a TOML file has types of its own, so there a number in quotes is an error. Left out:
merging of lists and tables, which replace each other whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from labelaudit.check.policy import TOLERANCE, Ignore, Policy, ScopedRule, Where
from labelaudit.data.source import READING
from labelaudit.errors import OptionError, unknown_name
from labelaudit.kinds import KINDS
from labelaudit.machine import Device
from labelaudit.scanning.settings import (
    PREFIX,
    ScanSettings,
    Setting,
    list_settings,
    one_of,
    parse_count,
    parse_flag,
    parse_names,
    parse_path,
    parse_text,
)
from labelaudit.text import read_share
from labelaudit.types import Tier

FURTHER_VARIABLES = tuple(PREFIX + name for name in "CONFIG COLOR FORMAT OUTPUT REVIEWER ARGS DATA PACKAGE".split())
"""Names that start with `PREFIX` and are not settings: options of single commands, and of templates/gitlab.yml."""

_KEYS = {"rules": "rule", "ignores": "ignore"}
"""Field of `Policy` -> its key, which stands in a file only."""


@dataclass(frozen=True)
class ResolvedSettings:
    """The value of every setting, and where it came from."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    """Name -> ``command line``, ``LABELAUDIT_NAME``, the file or ``default``."""
    file: Path | None = None

    def policy(self) -> Policy:
        """The settings that the gate judges by."""
        keys = {name: _KEYS.get(name, name.replace("_", "-")) for name in Policy.__dataclass_fields__}
        given = {name: key for name, key in keys.items() if key in self.values}
        named = {key: self._name(key) for key in given.values()}
        return Policy(**{name: self.values[key] for name, key in given.items()}, origins=named)

    def _name(self, key: str) -> str:
        """The way the person wrote ``key``, for messages."""
        origin = self.origins[key]
        if origin in ("command line", "default"):
            return _parameter(key)
        return origin if origin.startswith(PREFIX) else f"{origin}: {key}"

    def scan_options(self) -> dict[str, Any]:
        """The settings of the scan that were given, as keyword arguments; the others are left to the scan."""
        return {
            setting.argument: self.values[setting.name]
            for setting in SETTINGS.values()
            if setting.scan and self.values[setting.name] not in (None, ("auto",))
        }

    def reading(self) -> dict[str, Any]:
        """The settings that say how a dataset is read, as fields of `Source`."""
        return {name: value for name, value in self.scan_options().items() if name in READING}

    def scan_settings(self) -> ScanSettings:
        """The settings that shape a scan, among those that were given."""
        known = {field.name for field in fields(ScanSettings)}
        given = {name: value for name, value in self.scan_options().items() if name in known}
        around: dict[str, dict[str, str]] = {name: {} for name in given.pop("regularizers", ())}
        return ScanSettings(**given, regularizers=around)


def _parameter(key: str) -> str:
    """A setting as messages name a parameter."""
    return f"`{key.replace('-', '_')}`"


def parse_share(value: Any) -> float:
    """A share in [0, 1] from ``2%``, ``0.02`` or 0.02; a bare 1, 1.0 or 2 is refused: it may be meant as a percentage.

    >>> parse_share("2%"), parse_share(0.5), parse_share("0")
    (0.02, 0.5, 0.0)
    """
    text = str(value).strip()
    try:
        is_number = isinstance(value, float) and math.isfinite(value)
        share = float(value) if is_number else read_share("" if isinstance(value, bool) else text)
    except ValueError:
        message = f"'{text}' is not a share: write a percentage such as 2% or a fraction such as 0.02"
        raise OptionError(message) from None
    percent = text.endswith("%")
    if not 0 <= share <= 1 or (share == 1 and not percent):
        hint = "" if percent else f": for a percentage write {text}%" + (", for all of them 100%" if share == 1 else "")
        raise OptionError(f"'{text}' is not a share from 0 to 1{hint}")
    return share


def parse_threshold(value: Any) -> float:
    """A share at which a suspect can still count: one within `TOLERANCE` above the threshold never does."""
    share = parse_share(value)
    if share >= 1 - TOLERANCE:
        raise OptionError(
            f"'{value}' leaves no room for a suspect that counts: within {TOLERANCE} above the threshold none does, so "
            f"write less than {1 - TOLERANCE:g}"
        )
    return share


def parse_class_shares(value: Any) -> dict[str, float]:
    """Class -> share, from a table, from ``CLASS=5%`` repeated, or from such parts separated by commas.

    >>> parse_class_shares(["a=b=5%", "*=10%"])
    {'a=b': 0.05, '*': 0.1}
    """
    if isinstance(value, Mapping):
        return {str(name): parse_share(share) for name, share in value.items()}
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)):
        raise _no_table(value)
    shares = {}
    for part in parts:
        name, equals, share = str(part).rpartition("=")
        if not equals or not name.strip():
            raise OptionError(f"'{part}': write CLASS=5%, or *=5% for every class")
        if name.strip() in shares:
            raise OptionError(f"'{name.strip()}' is given two limits: keep one")
        shares[name.strip()] = parse_share(share)
    return shares


def _no_table(value: Any) -> OptionError:
    return OptionError(f"'{value}' is not a table of classes: write cat = \"5%\" under [max-class-noise]")


def _parse_rules(value: Any) -> tuple[ScopedRule, ...]:
    limits = {"max-noise": parse_share, "max-suspects": parse_count, "max-new": parse_count}
    rules = []
    for number, entry in _entries("rule", value):
        parsers = {"path": parse_text, "class": parse_text, **limits}
        given = parse_table(f"rule {number}", entry, {name: as_toml(parse) for name, parse in parsers.items()})
        if not given.keys() & limits or not given.keys() & {"path", "class"}:
            raise OptionError(f"rule {number}: needs a path or class, and at least one of {', '.join(limits)}")
        where = Where(path=given.pop("path", ""), label=given.pop("class", ""))
        rules.append(ScopedRule(where=where, **{name.replace("-", "_"): limit for name, limit in given.items()}))
    return tuple(rules)


def _parse_ignores(value: Any) -> tuple[Ignore, ...]:
    texts = dict.fromkeys(("path", "class", "digest", "reason"), parse_text)
    ignores = []
    for number, entry in _entries("ignore", value):
        given = parse_table(f"ignore {number}", entry, {**texts, "kind": _parse_kind, "expires": _parse_day})
        if "reason" not in given:
            raise OptionError(f"ignore {number}: needs a reason, so that the next reader knows why it does not count")
        if not given.keys() & {"path", "class", "kind", "digest"}:
            raise OptionError(f"ignore {number}: needs a path, class, kind or digest")
        where = Where(path=given.pop("path", ""), label=given.pop("class", ""))
        ignores.append(Ignore(where=where, **given))
    return tuple(ignores)


def _parse_kind(value: Any) -> str:
    if value not in KINDS:
        raise unknown_name("kind of finding", str(value), KINDS)
    return str(value)


def _parse_day(value: Any) -> date:
    """The day of a date or a time, also as ISO 8601 text; of a time with a time zone the day in UTC."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, datetime):
            return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()
    except (ValueError, OverflowError):
        moment = None
    if type(moment) is not date:
        raise OptionError(f"'{value}' is not a date: write expires = 2027-01-31")
    return moment


def _entries(name: str, value: Any) -> Iterable[tuple[int, Mapping[str, Any]]]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(entry, Mapping) for entry in value):
        raise OptionError(f"write [[{name}]] with double brackets, once for each {name}")
    return enumerate(value, 1)


def as_toml(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``parse`` for a value from a TOML file, where a flag is a boolean, a count a number and a table a table."""

    def parse_typed(value: Any) -> Any:
        if parse is parse_flag and not isinstance(value, bool):
            raise OptionError(f"'{value}' is neither true nor false: write one of them, without quotes")
        if parse is parse_count and isinstance(value, str):
            raise OptionError(f"'{value}' is text: write a whole number from 0, without quotes")
        if parse is parse_class_shares and not isinstance(value, Mapping):
            raise _no_table(value)
        return parse(value)

    return parse_typed


def parse_table(what: str, table: Mapping[str, Any], parsers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The values of ``table``; an unknown key, and a value that cannot be, name ``what``."""
    parsed = {}
    for name, value in table.items():
        if name not in parsers:
            raise OptionError(f"{what}: {unknown_name('key', name, parsers)}")
        try:
            parsed[name] = parsers[name](value)
        except OptionError as error:
            raise OptionError(f"{what}: {name}: {error}") from None
    return parsed


def _parse_bands(value: Any) -> tuple[int, ...]:
    """Three bands from a list of numbers, or from text with commas."""
    from labelaudit.data.order import parse_bands

    return parse_bands(",".join(map(str, value)) if isinstance(value, list | tuple) else str(value))


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("max-noise", parse_share, "share of wrong labels, estimated"),
        Setting("max-suspects", parse_count, "suspects that count"),
        Setting("max-new", parse_count, "suspects that the baseline does not know"),
        Setting("max-class-noise", parse_class_shares, "the same by class", {}),
        Setting("no-conflicts", parse_flag, "no image under two labels"),
        Setting("no-unreadable", parse_flag, "no file that cannot be read"),
        Setting("no-leaks", parse_flag, "no image in two splits"),
        Setting("no-shortcuts", parse_flag, "nothing beside the picture tells the class"),
        Setting("max-suspects-per", parse_class_shares, "share of suspects by value of a column", {}),
        Setting("threshold", parse_threshold, "suspicion from which a sample is a suspect"),
        Setting("tier", one_of(Tier), "suspects that count: sure ones, or doubtful ones too", "sure"),
        Setting("baseline", parse_path, "file of what is known"),
        Setting("rule", _parse_rules, "limits by class and path", ()),
        Setting("ignore", _parse_ignores, "what does not count, and why", ()),
        Setting("labels", parse_path, "table of labels", scan=True),
        Setting("path-column", parse_text, "its column that names the image", scan=True),
        Setting("label-column", parse_text, "its column that holds the label", scan=True),
        Setting("label-from", parse_text, "the folder or the part of a name that is the label", scan=True),
        Setting("data-format", parse_text, "the one way to read the data", scan=True, keyword="format"),
        Setting("classes", parse_names, "all class names in order", scan=True),
        Setting("rows", parse_path, "order of the rows of features and probabilities", scan=True),
        Setting("ignore-metadata", parse_flag, "leave metadata.csv and metadata.jsonl aside", scan=True),
        Setting("bands", _parse_bands, "three bands to show of images with more", scan=True),
        Setting("annotator", parse_names, "whose label a row holds", scan=True),
        *list_settings(),
        Setting("device", one_of(Device), "auto, cpu or cuda", scan=True),
        Setting("workers", parse_count, "threads that read and decode", scan=True),
        Setting("cache", parse_path, "folder that keeps features", scan=True),
    )
}
"""Every key of a policy file. ``rule`` and ``ignore`` are lists and stand in a file only."""


def resolve_settings(
    command_line: Mapping[str, Any], environment: Mapping[str, str], file: Mapping[str, Any], place: Path | None = None
) -> ResolvedSettings:
    """Each setting from the first of ``command_line`` (by name; ``None`` = not given), ``environment`` (by variable;
    empty = not given), ``file`` (as `labelaudit.check.policy_file.read_policy` gives it, from ``place``) and default
    that has it.

    Raises:
        OptionError: a value cannot be, or a variable begins like ours and is none: a misspelt limit must not be lost.
    """
    _check_variables(environment)
    values, origins = {}, {}
    for name, setting in SETTINGS.items():
        in_file_only = name in _KEYS.values()
        variable = "" if in_file_only else environment.get(setting.variable, "")
        if not in_file_only and command_line.get(name) is not None:
            values[name], origins[name] = (_parse(setting, command_line[name], _parameter(name)), "command line")
        elif variable:
            values[name], origins[name] = _parse(setting, variable, setting.variable), setting.variable
        elif name in file:
            values[name], origins[name] = file[name], str(place)
        else:
            values[name], origins[name] = setting.default, "default"
    return ResolvedSettings(values, origins, place)


def _check_variables(environment: Mapping[str, str]) -> None:
    settable = [setting.variable for name, setting in SETTINGS.items() if name not in _KEYS.values()]
    known = {*settable, *FURTHER_VARIABLES}
    for name, value in environment.items():
        if name.startswith(PREFIX) and value and name not in known:
            raise unknown_name("environment variable", name, known)


def _parse(setting: Setting, value: Any, origin: str) -> Any:
    try:
        return setting.parse(value)
    except OptionError as error:
        raise OptionError(f"{origin}: {error}") from None
