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
from collections.abc import Iterable

_SHOWN = 50
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
