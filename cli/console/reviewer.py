"""The name that verdicts carry: a reviewer's."""

from __future__ import annotations

from typing import Annotated

from .options import option

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
