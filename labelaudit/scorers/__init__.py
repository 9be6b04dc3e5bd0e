"""Mislabel scores computed from finished evidence: ONE FILE = ONE SCORE, found by walking this folder, NumPy only.

A scorer is a file ``scorers/NAME.py`` with one function ``score``. It names what it needs as parameters, out of
``labels`` (n,), ``probs`` (n, C) out of sample, and ``neighbors``, ``similarities`` (n, k); it returns suspicion (n,)
in [0, 1], 1 = surely mislabeled. The first line of the file's docstring is its help text. Files that begin with an
underscore are not scorers.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.errors import unknown_name

Scorer = Callable[..., npt.NDArray[np.float64]]


def scorer_names() -> tuple[str, ...]:
    """Names of all scorers, sorted.

    >>> "self_confidence" in scorer_names()
    True
    """
    return tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")))


def get_scorer(name: str) -> Scorer:
    """The function of a scorer; raises `OptionError` with the nearest name for an unknown one."""
    if name not in scorer_names():
        raise unknown_name("scorer", name, scorer_names())
    found: Scorer = importlib.import_module(f"{__name__}.{name}").score
    return found


def scorer_help(name: str) -> str:
    """The first docstring line of a scorer's file, read without importing it."""
    if name not in scorer_names():
        raise unknown_name("scorer", name, scorer_names())
    source = (Path(__path__[0]) / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def score_all(**evidence: npt.NDArray[Any]) -> dict[str, npt.NDArray[np.float64]]:
    """{name: suspicion (n,)} of every scorer whose parameters are all among ``evidence``.

    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2]])
    >>> score_all(labels=np.array([0, 1]), probs=probs)["self_confidence"].round(2).tolist()
    [0.1, 0.8]
    """
    found = {}
    for name in scorer_names():
        scorer = get_scorer(name)
        needed = inspect.signature(scorer).parameters
        if needed.keys() <= evidence.keys():
            found[name] = scorer(**{key: evidence[key] for key in needed})
    return found
