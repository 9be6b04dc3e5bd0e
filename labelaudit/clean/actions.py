"""Actions on samples that have a reason to change: the known ones, their defaults, and a person's choice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from labelaudit.errors import OptionError, unknown_name

ACTIONS = ("keep", "drop", "relabel", "quarantine", "weight")
"""keep: nothing · drop: left out · relabel: under its new label · quarantine: left out, kept in a folder of its own ·
weight: kept, with the probability that its label is right."""
DEFAULTS: Mapping[str, str] = {
    "wrong": "relabel",
    "no_class": "quarantine",
    "suspect": "keep",
    "conflict": "keep",
    "near_duplicate": "keep",
    "leak": "keep",
    "same_scene": "keep",
    "unreadable": "drop",
}
"""Reason -> what happens unless said otherwise."""
_POSSIBLE = {
    "no_class": ("keep", "drop", "quarantine", "weight"),
    "leak": ("keep", "drop", "quarantine"),
    "same_scene": ("keep", "drop", "quarantine"),
    "unreadable": ("drop", "quarantine"),
}
_PLAIN = ("wrong", "no_class", "suspect")
"""Reasons that an action without a reason is for."""


def choose_actions(settings: Iterable[str]) -> dict[str, str]:
    """Reason -> action from ``REASON=ACTION`` and plain ``ACTION``, the last one counting.

    A plain action is for wrong labels, found by a person or suspected; where it cannot be done the default stays.

    >>> choose_actions(["drop", "suspect=weight"])["wrong"], choose_actions(["drop", "suspect=weight"])["suspect"]
    ('drop', 'weight')
    """
    chosen = dict(DEFAULTS)
    for setting in settings:
        name, equals, action = (part.strip() for part in setting.partition("="))
        if not equals:
            _require_action(name)
            chosen |= {reason: name for reason in _PLAIN if name in _POSSIBLE.get(reason, ACTIONS)}
            continue
        reason = name.replace("-", "_")
        if reason not in DEFAULTS:
            raise unknown_name("reason", name, DEFAULTS)
        _require_action(action)
        if action not in _POSSIBLE.get(reason, ACTIONS):
            raise OptionError(f"`action` {setting}: for {reason} there is {', '.join(_POSSIBLE[reason])}")
        chosen[reason] = action
    return chosen


def _require_action(action: str) -> None:
    if action not in ACTIONS:
        raise unknown_name("action", action, ACTIONS)
