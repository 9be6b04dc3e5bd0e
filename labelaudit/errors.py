"""Every error the library raises on purpose.

::

    LabelAuditError             one line for a person: what, the value received, what to do next
    ├── DataError               the dataset, a table or an array cannot be used
    ├── OptionError             a name or value that an option does not take
    ├── BackboneError           a backbone cannot be found, loaded or run
    └── RunError                a RUN folder or cache cannot be read or written

The command line turns any of them into its message and exit code 2. Anything else that escapes is a bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_SHOWN = 50
_LONGEST = 200
"""Characters of a foreign error that are passed on."""
"""Names listed in one message; a dataset may have thousands of classes."""


class LabelAuditError(Exception):
    """Root of the tree: ``str(error)`` is one line that a person can act on."""


class DataError(LabelAuditError):
    """The dataset, a label table or a supplied array cannot be used as it is."""


class OptionError(LabelAuditError):
    """An option was given a name or a value that it does not take."""


class BackboneError(LabelAuditError):
    """A backbone cannot be found, loaded or run."""


class RunError(LabelAuditError):
    """A RUN folder or a cache cannot be read or written."""


@contextmanager
def damage_of(what: str, advice: str, kind: type[LabelAuditError] = DataError) -> Iterator[None]:
    """Turn whatever reading ``what`` raises into one line: what libraries raise at damaged data is no closed list.

    Only reading belongs inside: a mistake of our own would look like damage. It stays the cause of the error.

    >>> with damage_of("'a.json'", "restore it"):
    ...     {}["labels"]
    Traceback (most recent call last):
    labelaudit.errors.DataError: 'a.json' is damaged or of another kind (KeyError: 'labels'): restore it
    """
    try:
        yield
    except LabelAuditError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        reason = type(error).__name__ + (
            f": {said if len(said) <= _LONGEST else said[:_LONGEST] + '…'}" if said else ""
        )
        raise kind(f"{what} is damaged or of another kind ({reason}): {advice}") from error


def unknown_name(what: str, received: str, known: Iterable[str]) -> OptionError:
    """The error for a name that is not among ``known``, with the nearest one suggested.

    >>> str(unknown_name("method", "slm", ["crust", "limit", "sln"]))
    "unknown method 'slm': did you mean 'sln'? Known: crust, limit, sln"
    """
    names = sorted(known)
    nearest = difflib.get_close_matches(received, names, n=1, cutoff=0.5)
    hint = f"did you mean '{nearest[0]}'? " if nearest else ""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return OptionError(f"unknown {what} '{received}': {hint}Known: {', '.join(names[:_SHOWN])}{more}")
