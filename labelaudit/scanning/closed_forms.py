"""The closed forms of a scan, fitted to its features, each kept as soon as it is there.

Ridge and prototypes judge each sample without its group, a discriminant is cross-fitted, a learning curve is measured.
Of a million samples each takes a minute or so: a scan that is cut off among them goes on with the next. Left out: what
they say together (`labelaudit.scanning.pool`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial

import numpy as np

from labelaudit.arrays import Arrays
from labelaudit.audit.npz import join_table, split_table
from labelaudit.judge import learning_curve, probes
from labelaudit.judge.judge import CLOSED_FORMS
from labelaudit.judge.learning_curve import Curve
from labelaudit.judge.linear import HeldOut, Linear, group_shares
from labelaudit.leading import Reordered, Table
from labelaudit.scanning.components import Components, lead
from labelaudit.scanning.unfinished import Unfinished
from labelaudit.types import Ints


@dataclass(frozen=True, kw_only=True)
class ClosedForms:
    """All that is fitted to the features in closed form."""

    held: Mapping[str, HeldOut]
    """The `CLOSED_FORMS`, by name."""
    discriminant: Table
    """(n, C) its held-out class probabilities."""
    curve: Curve | None
    """The learning curve; ``None`` where there are too few samples for one."""


def fit_all(
    components: Components, labels: Ints, classes: int, unfinished: Unfinished, *, groups: Ints, fold_of: Ints
) -> ClosedForms:
    """Fit to ``labels`` (n,) of so many ``classes`` what an earlier scan has not left ``unfinished``.

    All is in the order of the ``components``: the labels, ``groups`` (n,) of numbers, equal where samples must not
    judge each other, ``fold_of`` (n,) the folds of the discriminant, and what comes out.
    """
    order = components.order
    seen = {"features": components.content, "labels": labels, "classes": classes}
    seen |= {"order": order, "groups": groups, "folds": fold_of}
    depends_on = {"input": unfinished.digest(seen)}
    vectors = cache(lambda: components.vectors(order))

    def fit(name: str) -> Arrays:
        held = CLOSED_FORMS[name](vectors(), labels, classes, groups=groups)
        return split_table("probs", held.probs) | vars(held.model)

    def discriminate() -> Arrays:
        led = lead(components.blocks, probes.discriminant_width(len(labels)))
        x, shares = Reordered(order, *led), group_shares(groups)
        return split_table("probs", probes.discriminant(x, labels, classes, fold_of, shares=shares))

    def measure() -> Arrays:
        curve = measure_curve(components, labels, classes, groups)
        return {} if curve is None else {name: np.array(value) for name, value in asdict(curve).items()}

    held = {}
    for name in CLOSED_FORMS:
        found = unfinished.arrays(name, depends_on, partial(fit, name))
        model = Linear(directions=found["directions"], offset=found["offset"])
        held[name] = HeldOut(probs=join_table(found, "probs", labels, classes), model=model)
    vectors.cache_clear()  # two gigabytes of a million samples
    numbers = {name: value.tolist() for name, value in unfinished.arrays("curve", depends_on, measure).items()}
    judged = unfinished.arrays("discriminant", depends_on, discriminate)
    return ClosedForms(
        held=held,
        curve=Curve(errors=tuple(numbers.pop("errors")), **numbers) if numbers else None,
        discriminant=join_table(judged, "probs", labels, classes),
    )


def measure_curve(components: Components, labels: Ints, classes: int, groups: Ints) -> Curve | None:
    """The learning curve of the leading components of some samples; arguments as of `fit_all`."""
    rows = learning_curve.draw(len(labels), classes, groups)
    x = components.vectors(components.order[rows], width=learning_curve.WIDTH)
    return learning_curve.measure(x, labels[rows], classes, groups=groups[rows])
