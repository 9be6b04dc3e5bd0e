"""The settings of a scan, each declared once: default, choices, help, and how it is read from text.

The library's `scan` spells them as keyword arguments; the command line, the policy file, `labelaudit config`, updates,
saved audits and baselines take them from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

from labelaudit.data.source import MAX_PIXELS, MOST_PIXELS
from labelaudit.errors import OptionError, unknown_name
from labelaudit.shelf import list_files

if TYPE_CHECKING:
    from labelaudit.audit.document import Audit

ENSEMBLE = "ensemble"
"""The ranking by all models pooled, which a scan makes unless told otherwise."""

METHODS = ("crust", "limit", "sln")
"""Methods that a scan trains by default, but for one at ``quick``."""
UNTRAINED = (ENSEMBLE, "neighbors", "given", "steps_off")
"""Columns that a scan can be ranked by though it trains no network."""
Train = Literal["auto", "features", "pixels"]
Effort = Literal["quick", "standard", "thorough"]
Precision = Literal["auto", "float32", "int8"]
Around = Mapping[str, Mapping[str, Any]]
"""Name of a method or regulariser -> option -> value."""

PREFIX = "LABELAUDIT_"
"""Begins the environment variable of every setting."""
_MOST = 10**15
"""Largest count: far beyond any dataset, and exact as a float."""
_PACKAGE = Path(__file__).parents[1]


def parse_names(value: Any) -> tuple[str, ...]:
    """Names from a list, or from text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise OptionError(f'\'{value}\' is not a list of names: write one such as ["a", "b"]')
    names = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if not names:
        raise OptionError(f"'{value}' names nothing: write one name or more")
    return names


def names_of(what: Literal["method", "regularizer"]) -> Callable[[Any], tuple[str, ...]]:
    """A parser of names that each are a file of ``labelaudit/methods`` or ``labelaudit/regularizers``.

    >>> names_of("regularizer")("mixup, spectral")
    ('mixup', 'spectral')
    """

    def parse(value: Any) -> tuple[str, ...]:
        names = parse_names(value)
        known = tuple(list_files([str(_PACKAGE / f"{what}s")]))
        for name in names:
            if name not in known:
                raise unknown_name(what, name, known)
        return names

    return parse


def parse_init(value: Any) -> Path | Literal["pretrained"]:
    """A file of weights, in a policy file relative to its folder, or the word ``pretrained``."""
    if not isinstance(value, (str, Path)) or not str(value).strip():
        raise OptionError(f"'{value}' is not a file of weights: write its path, or pretrained")
    return "pretrained" if value == "pretrained" else Path(value)


@dataclass(frozen=True)
class Setting:
    """One key of a policy file, which is also an option and an environment variable."""

    name: str
    parse: Callable[[Any], Any]
    help: str
    default: Any = None
    scan: bool = False
    """Whether it is passed on to the scan, and stands under ``[scan]`` in the file."""
    keyword: str = ""
    """`argument`, where that is another name."""

    @property
    def argument(self) -> str:
        """The scan's name for it."""
        return self.keyword or self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper().replace("-", "_")


def parse_count(value: Any) -> int:
    """A whole number from 0."""
    if type(value) not in (int, str):
        raise OptionError(f"'{value}' is not a count: write a whole number from 0")
    if isinstance(value, int) and abs(value) > _MOST:
        raise OptionError(f"write a whole number from 0 to {_MOST:,}")
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()):
        raise OptionError(f"'{text}' is not a count: write a whole number from 0")
    if len(text) > 20 or int(text) > _MOST:
        raise OptionError(f"write a whole number from 0 to {_MOST:,}")
    return int(text)


def parse_flag(value: Any) -> bool:
    """True or false; from the environment also 1, yes, 0 and no."""
    if isinstance(value, bool):
        return value
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if not isinstance(value, str) or value.strip().casefold() not in words:
        raise OptionError(f"'{value}' is neither true nor false: write one of them")
    return words[value.strip().casefold()]


def parse_text(value: Any) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise OptionError(f"'{value}' is not a text: write some words")
    return value


def parse_path(value: Any) -> Path:
    """A path; one in a policy file is relative to the file's folder."""
    return value if isinstance(value, Path) else Path(parse_text(value))


def parse_groups(value: Any) -> tuple[str, ...]:
    """Parse the names of groups from text or a list of texts; a pattern may hold commas, so text is one."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or not parts:
        raise OptionError(f"'{value}' names no groups: write a column, parent or name:REGEX")
    return tuple(parse_text(part) for part in parts)


def one_of(choices: Any) -> Callable[[Any], str]:
    """A parser of the names in a ``Literal`` type."""
    names = get_args(choices)

    def parse(value: Any) -> str:
        if value not in names:
            raise OptionError(f"'{value}' is not known: write one of {', '.join(names)}")
        return str(value)

    return parse


@dataclass(frozen=True, kw_only=True)
class ScanSettings:
    """Everything that shapes an audit but the data.

    A field with a `Setting` is also a key under ``[scan]`` of a policy file, an environment variable and an option.
    """

    methods: Annotated[tuple[str, ...] | None, Setting("methods", names_of("method"), "robust training methods")] = None
    """Methods asked for; by default those of `trained`."""
    options: Around = field(default_factory=dict)
    """Method -> option -> value."""
    regularizers: Annotated[Around, Setting("regularizer", names_of("regularizer"), "what is put around them")] = field(
        default_factory=dict
    )
    """Regulariser -> option -> value, around every method."""
    train: Annotated[Train, Setting("train", one_of(Train), "auto, features or pixels")] = "auto"
    network: Annotated[str | None, Setting("network", parse_text, "what the methods train")] = None
    """Name of `labelaudit methods`, ``timm:NAME`` or ``torchvision:NAME``; by default one that suits the input."""
    init: Annotated[Path | Literal["pretrained"] | None, Setting("init", parse_init, "weights that it begins with")] = (
        None
    )
    backbone: Annotated[
        tuple[str, ...] | None, Setting("backbone", parse_names, "networks that turn images into features")
    ] = None
    """Backbones; by default those of `effort`."""
    image_size: Annotated[int | None, Setting("image-size", parse_count, "their input size in pixels")] = None
    precision: Annotated[Precision, Setting("precision", one_of(Precision), "auto, float32 or int8")] = "auto"
    """The number format embedded backbones compute in."""
    max_pixels: Annotated[int, Setting("max-pixels", parse_count, "pixels from which an image is not read")] = (
        MAX_PIXELS
    )
    effort: Annotated[Effort, Setting("effort", one_of(Effort), "quick, standard or thorough")] = "standard"
    rank_by: Annotated[str, Setting("rank-by", parse_text, "the column to rank by, and to name suspects by")] = ENSEMBLE
    """A column of `labelaudit.scanning.ranking`, or all models pooled."""
    group: Annotated[tuple[str, ...], Setting("group", parse_groups, "images that must not vouch for each other")] = ()
    """Columns, ``parent`` or ``name:REGEX`` (`labelaudit.context.groups`)."""
    ordinal: Annotated[bool, Setting("ordinal", parse_flag, "whether the classes are grades")] = False
    """Whether the classes are grades, so that labels that are many steps off come first
    (`labelaudit.context.grades`)."""
    seed: Annotated[int, Setting("seed", parse_count, "same data, same seed, same result")] = 0

    @staticmethod
    def of(audit: Audit) -> ScanSettings:
        """The settings that ``audit`` was made with; what it does not hold is at its default.

        A precision of ``auto`` becomes what it meant there: backbones of another one would not fit its judge.
        """
        from labelaudit.features.specs import precision_of

        given = {name: audit.settings[name] for name in RECORDED if audit.settings.get(name) is not None}
        features = audit.decision.recipe.get("features")
        if "precision" in given and features is not None:
            given["precision"] = precision_of(features)
        for name in ("methods", "backbone", "group"):
            if name in given:
                given[name] = tuple(given[name])
        if "init" in given:
            given["init"] = parse_init(given["init"])
        return ScanSettings(**given, seed=audit.seed)

    @property
    def trained(self) -> tuple[str, ...]:
        """The methods that are trained: those asked for, by default `METHODS`.

        At ``quick`` none are by default: ranking and flags are as good without (docs/evidence.md), in half of the
        time. Who says something about training, or ranks by what it yields, wants it there too.

        >>> ScanSettings(effort="quick").trained, ScanSettings(effort="quick", train="pixels").trained
        ((), ('crust', 'limit', 'sln'))
        """
        if self.methods is not None:
            return self.methods
        told = self.train == "pixels" or self.network or self.init or self.options or self.regularizers
        return METHODS if self.effort != "quick" or told or self.rank_by not in UNTRAINED else ()

    def record(self) -> dict[str, Any]:
        """The settings but the seed, JSON-able, for `Audit.settings`; of `_LEFT_OUT` those that say something."""
        said = {name: getattr(self, name) for name in RECORDED} | {"methods": self.trained}
        usual = {"max_pixels": MAX_PIXELS, "rank_by": ENSEMBLE}
        told = {name: value for name, value in said.items() if value or name not in _LEFT_OUT}
        return {name: _plain(value) for name, value in told.items() if name not in usual or value != usual[name]}


_LEFT_OUT = ("group", "ordinal", "regularizers", "network", "init")  # which earlier versions did not have
RECORDED = (
    *("group", "methods", "options", "regularizers", "train", "network", "init", "backbone", "image_size"),
    *("precision", "max_pixels", "effort", "rank_by", "ordinal"),
)
"""Fields of `ScanSettings` that `Audit.settings` holds, in the order of ``audit.json``."""


def list_settings() -> tuple[Setting, ...]:
    """The settings that a policy file knows under ``[scan]``, as `ScanSettings` declares them."""
    hints = get_type_hints(ScanSettings, include_extras=True)
    return tuple(
        replace(setting, scan=True, keyword=name)
        for name, hint in hints.items()
        for setting in getattr(hint, "__metadata__", ())
        if isinstance(setting, Setting)
    )


def check_settings(settings: ScanSettings) -> None:
    """Refuse unknown names and choices before the long work; raises `OptionError`."""
    from labelaudit.features import SMALLEST

    for name, known in (("train", Train), ("precision", Precision), ("effort", Effort)):
        if (value := getattr(settings, name)) not in get_args(known):
            raise unknown_name(name, value, get_args(known))
    if settings.seed < 0:
        raise OptionError(f"`seed` {settings.seed}: give a whole number from 0")
    if not 1 <= settings.max_pixels <= MOST_PIXELS:
        raise OptionError(f"`max_pixels` {settings.max_pixels:,}: give a number from 1 to {MOST_PIXELS:,}")
    if settings.image_size is not None and settings.image_size < SMALLEST and settings.train != "pixels":
        raise OptionError(
            f"`image_size` {settings.image_size}: backbones take {SMALLEST} pixels or more; smaller sides are for "
            "`train` pixels"
        )
    if settings.backbone is not None:
        from labelaudit.features.specs import parse_specs

        parse_specs(settings.backbone)
    if settings.rank_by != ENSEMBLE:
        from labelaudit.scanning.ranking import check_rank_by

        check_rank_by(settings.rank_by, settings.trained, ordinal=settings.ordinal)
    if settings.trained in ((), METHODS) and not settings.options and not settings.regularizers:
        return  # known to be right, without torch
    from labelaudit.methods import configure, get_method
    from labelaudit.regularizers import configure_all

    configure_all(settings.regularizers)
    for name in dict.fromkeys([*settings.trained, *settings.options]):
        configure(get_method(name), settings.options.get(name, {}))
    for name in settings.options:
        if name not in settings.trained and name != "ce":
            asked = ", ".join(settings.trained)
            raise OptionError(f"`set` {name}.…: method '{name}' is not among the methods asked for ({asked})")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value
