"""A large audit and short questions to its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pictures import Listed, jpeg, photo

from labelaudit.audit.document import Audit
from labelaudit.types import Decision, Samples

if TYPE_CHECKING:
    from playwright.sync_api import Page


CLASSES = ("ant", "bee", "cow", "dog")


def large_audit(n: int, classes: tuple[str, ...] = CLASSES) -> Audit:
    """n suspects of the ``classes``, the worst first, over a dozen pictures."""
    many = len(classes)
    files = [jpeg(photo(seed)) for seed in range(12)]
    labels = np.arange(n) % many
    predicted = (labels + 1 + np.arange(n) % 3) % many
    suspicion = np.linspace(0.999, 0.3, n)
    probs = np.full((n, many), 0.01, np.float32)
    probs[np.arange(n), labels], probs[np.arange(n), predicted] = 0.04, 0.94
    matrix = np.zeros((many, many))
    np.add.at(matrix, labels, probs)
    samples = Samples(
        ids=tuple(f"{classes[label]}/{i:05d}.jpg" for i, label in enumerate(labels)),
        labels=labels,
        classes=classes,
        digests=tuple(f"{i % 12:032x}" for i in range(n)),
        images=Listed([files[i % 12] for i in range(n)]),
        root="zoo",
    )
    decision = Decision(
        suspicion=suspicion, is_issue=np.ones(n, bool), judged=np.ones(n, bool), probs=probs, predicted=predicted,
        threshold=0.2, noise_rate=0.5, noise_interval=(0.4, 0.6), noise_matrix=matrix,
        reasons=tuple(f"looks like {classes[c]}" if i % 5 else "fits no class well" for i, c in enumerate(predicted)),
    )  # fmt: skip
    return Audit(samples=samples, decision=decision, evidence={})


def count(page: Page) -> str:
    return page.locator("#count").inner_text()


def first_path(page: Page) -> str | None:
    return page.locator("#grid .path").first.get_attribute("title")
