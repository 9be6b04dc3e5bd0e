"""The answer of all models of a scan as arrays: a scan that is cut off while it writes does not settle it again.

Of a million samples the noise model, images of no class and the pool take most of a minute. Left out: what is made of
the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelaudit.arrays import Arrays
from labelaudit.audit.npz import join_table, split_table
from labelaudit.judge.consensus import Consensus
from labelaudit.judge.noise_model import NoiseModel
from labelaudit.judge.pool import Gain
from labelaudit.judge.reading import Reading
from labelaudit.leading import Leading, Table
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.types import Floats, Ints

_NOTES = "notes"  # the array that holds the single numbers, as JSON
_TABLES, _ROWS = ("probs", "posterior"), ("pooled", "modelled", "none")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """All that the models of a scan say together; (n,) and (n, C) in the order of its samples."""

    consensus: Consensus
    strangers_gain: float | None = None
    """The gain by images of no class, if there are any."""
    outside: Floats | None = None
    """(n,) probability that each is one."""


def keep_answer(
    unfinished: Unfinished,
    seen: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, Table]],
    labels: Ints,
    classes: int,
    settle: Callable[[], Answer],
) -> Answer:
    """The answer about ``labels`` (n,), as an earlier scan left it ``unfinished`` or settled now.

    It depends on what is ``seen``, and on those ``tables`` (n, C) of models that are no views of what is seen.
    """
    whole = dict(seen)
    for kind, models in tables.items():
        for name, table in models.items():
            if isinstance(table, np.ndarray | Leading):
                whole |= split_table(f"{kind}/{name}", table)
    depends_on = {"input": unfinished.digest(whole)}
    return _join(unfinished.arrays("answer", depends_on, lambda: _split(settle())), labels, classes)


def _split(answer: Answer) -> Arrays:
    """``answer`` as arrays."""
    consensus = answer.consensus
    told, gain = consensus.answer, consensus.gain
    single = {"weights": dict(told.weights), "loss": told.loss, "reading": asdict(consensus.reading)}
    single |= {"gain": None if gain is None else asdict(gain)}
    notes = json.dumps(single | {"strangers_gain": answer.strangers_gain}, default=float).encode()
    arrays = {name: getattr(consensus, name) for name in _ROWS} | {"transition": told.transition}
    for name in _TABLES:
        arrays |= split_table(name, getattr(told, name))
    arrays |= {} if answer.outside is None else {"outside": answer.outside}
    return arrays | {_NOTES: np.frombuffer(notes, dtype=np.uint8)}


def _join(arrays: Arrays, labels: Ints, classes: int) -> Answer:
    """Put together what `_split` took apart."""
    single = json.loads(arrays[_NOTES].tobytes())
    reading, gain, strangers_gain = (single.pop(name) for name in ("reading", "gain", "strangers_gain"))
    tables: dict[str, Any] = {name: join_table(arrays, name, labels, classes) for name in _TABLES}
    return Answer(
        consensus=Consensus(
            answer=NoiseModel(**tables, transition=arrays["transition"], **single),
            **{name: arrays[name] for name in _ROWS},
            reading=Reading(**reading),
            gain=None if gain is None else Gain(**gain),
        ),
        strangers_gain=strangers_gain,
        outside=arrays.get("outside"),
    )
