"""Every error the library raises on purpose.

::

    LabelAuditError             one line for a person: what, the value received, what to do next
    ├── DataError               the dataset, a table or an array cannot be used
    ├── OptionError             a name or value that an option does not take
    ├── BackboneError           a backbone cannot be found, loaded or run
    ├── RunError                a RUN folder or cache cannot be read or written
    └── NothingToDo             there is nothing that could be done, until the person does something else

The command line turns any of them into its message and exit code 2. Anything else that escapes is a bug.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

_SHOWN = 50
"""Names listed in one message; a dataset may have thousands of classes."""
MISTAKES = (NameError, AssertionError, ImportError)
"""Errors of Python that a mistake in the program raises and no data lead to: they are nobody's damaged file."""
_LONGEST = 200
"""Characters of a foreign error that are passed on."""


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


class NothingToDo(LabelAuditError):
    """There is nothing that could be done, such as no verdict to undo, until the person does something else."""


@contextmanager
def damage_of(what: str, advice: str, *, of_any_shape: bool = False) -> Iterator[None]:
    """Turn the errors that damaged data lead to while ``what`` is read into one `DataError`, whose cause they stay.

    Errors that only a mistake in the program raises pass through (`MISTAKES`), so that nobody looks for damage in a
    good file. Where a document ``of_any_shape`` is read, such as JSON that may hold a number instead of a list, wrong
    types and attributes are damage too.

    >>> with damage_of("'a.json'", "restore it"):
    ...     {}["labels"]
    Traceback (most recent call last):
    labelaudit.errors.DataError: 'a.json' is damaged or of another kind (there is no 'labels'): restore it
    """
    try:
        yield
    except (LabelAuditError, *MISTAKES):
        raise
    except Exception as error:
        if isinstance(error, TypeError | AttributeError) and not of_any_shape:
            raise
        raise DataError(f"{what} is damaged or of another kind ({reason_of(error)}): {advice}") from error


@contextmanager
def writing(what: object, advice: str = "name another file") -> Iterator[None]:
    """Turn the `OSError` that ends the writing of ``what`` into a `RunError`.

    >>> with writing("a.csv"):
    ...     raise PermissionError(13, "Permission denied", "/tmp/a.csv")
    Traceback (most recent call last):
    labelaudit.errors.RunError: cannot write a.csv (Permission denied): name another file
    """
    try:
        yield
    except OSError as error:
        raise RunError(f"cannot write {what} ({reason_of(error)}): {advice}") from error


def reason_of(error: BaseException) -> str:
    """The reason of an error on one line, in the words of a person and not of Python.

    >>> reason_of(FileNotFoundError(2, "No such file or directory", "a.json")), reason_of(KeyError("labels"))
    ('No such file or directory', "there is no 'labels'")
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    for kind, words in _IN_WORDS.items():
        if isinstance(error, kind):
            return words
    said = " ".join(str(error).split())
    if "integer string conversion" in said:
        return "it holds a number of thousands of digits"
    if isinstance(error, KeyError):
        said = f"there is no {said}"
    said = said or type(error).__name__
    return said if len(said) <= _LONGEST else said[:_LONGEST] + "…"


def first_line(error: BaseException) -> str:
    """The first line of what a library's error says, without the sign at its end; its kind where it says nothing.

    >>> first_line(ValueError("no such layer:\\nline 3")), first_line(ValueError())
    ('no such layer', 'ValueError')
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")


_IN_WORDS: Mapping[type[BaseException], str] = {
    RecursionError: "it nests its brackets too deep",
    MemoryError: "it needs more memory than there is",
    UnicodeError: "it is not UTF-8",
}


def unknown_name(what: str, received: object, known: Iterable[str]) -> OptionError:
    """The error for a name that is not among ``known``, with the nearest one suggested.

    >>> str(unknown_name("method", "slm", ["crust", "limit", "sln"]))
    "unknown method 'slm': did you mean 'sln'? Known: crust, limit, sln"
    >>> str(unknown_name("method", "plain", ["crust", "limit", "sln"]))
    "unknown method 'plain': known: crust, limit, sln"
    """
    names = sorted(known)
    if not names:
        return OptionError(f"unknown {what} '{received}': there is none")
    nearest = difflib.get_close_matches(str(received), names, n=1)
    hint = f"did you mean '{nearest[0]}'? " if nearest else ""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    known = f"{'Known' if hint else 'known'}: {', '.join(names[:_SHOWN])}{more}"
    return OptionError(f"unknown {what} '{received}': {hint}{known}")
