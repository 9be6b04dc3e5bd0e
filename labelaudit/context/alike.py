"""The images of a dataset that are alike: copies and scenes as groups, what of it is a finding, and what stays open.

Puts `duplicates`, `groups`, `scenes` and `siblings` in order for a scan. Left out: what is done with the groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labelaudit.context.groups import add_near_copies, are_one_a_class, name_few
from labelaudit.context.scenes import Scenes, find_scenes, group_scenes, groups_across, scenes_across, share_apart
from labelaudit.context.shortcuts import Shortcut
from labelaudit.context.siblings import find_siblings
from labelaudit.features.duplicates import find_copies, find_pairs
from labelaudit.features.thumbnails import Thumbnails
from labelaudit.features.turned import find_turned
from labelaudit.judge.decide import open_interval
from labelaudit.machine import Machine
from labelaudit.names import Numbered
from labelaudit.types import Decision, Features, Finding, Ints, Samples

LEAST_OPEN = 0.1
"""Share of images that may have siblings outside their group from which the noise rate's interval is opened."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Copies and near-copies of a dataset, and the groups they make."""

    samples: Samples
    """In groups that must not vouch for each other."""
    findings: tuple[Finding, ...]
    """Conflicts, near-duplicates, leaks and scenes in two splits."""
    scenes: Scenes | None
    """Without features there are none."""
    named: bool
    """Whether a person named groups."""
    asked: int = 0
    """Groups as the person named them."""
    parted: bool = False
    """Whether near-copies stay in the groups that a person named: joined by them every class would be one group."""

    def notes(self) -> list[str]:
        """Sentences about the groups."""
        samples = self.samples
        if self.named:
            if samples.groups == samples.digests:
                return []
            count = _count_groups(samples)
            said = f"{len(samples):,} images in {count:,} groups"
            if self.asked > count:
                said += f", {self.asked:,} before near-copies joined them"
            said += ": images of a group are not judged by one another."
            if self.parted:
                said += " Near-copies across groups are, since joined by them every class would lie in one group."
        else:
            alike = _count_sharing(samples.numbered_groups, samples.labels)
            if not alike:  # copies under other labels are findings, each with its partner
                return name_few(samples)
            identical = _count_sharing(samples.numbered, samples.labels)
            kind = self._say_kind(alike, identical)
            said = f"{alike:,} of {len(samples):,} images {kind}: such images are judged together, as one."
        return [said, *name_few(samples)]

    def _say_kind(self, alike: int, identical: int) -> str:
        if self.scenes and self.scenes.are_groups:
            return "show the same scene as another with the same label"
        if identical in (0, alike):
            return f"have {'an identical copy' if identical else 'a near-copy'} with the same label"
        return f"have a near-copy with the same label or, {identical:,} of them, an identical one"

    def hedge(
        self, decision: Decision, nearest: Ints | None, shortcuts: Sequence[Shortcut] = ()
    ) -> tuple[Decision, list[str]]:
        """The ``decision`` with an interval that starts at 0 where models may have seen siblings of what they judged,
        or learned ``shortcuts``, and what to say of it.

        ``nearest`` (n,) is the row of the sample most like each, outside its group.
        """
        siblings = None if nearest is None else find_siblings(self.samples, nearest)
        apart = 0.0 if self.scenes is None or self.named else share_apart(self.samples, self.scenes)
        notes = [one.note() for one in shortcuts[:1]]
        if siblings is not None:
            notes.append(siblings.note())
        elif apart >= LEAST_OPEN:
            notes.append(
                f"About {apart:.0%} of the images may show the scene of another that is not in their group: a wrong "
                "label that both carry cannot stand out. Where a column or a name says what belongs together, give it "
                "with `group`."
            )
        blind = max(apart, 0.0 if siblings is None else siblings.excess, *(one.gain for one in shortcuts), 0.0)
        if blind < LEAST_OPEN:
            return decision, notes
        opened = open_interval(decision.noise_interval, blind)
        return replace(decision, noise_interval=opened, recipe={**decision.recipe, "blind": blind}), notes


def find_alike(
    samples: Samples, features: Features | None, machine: Machine, *, near: Ints | None = None, named: bool = False
) -> Alike:
    """Group the near-copies and, where they are widespread, the scenes of ``samples``, and list what is a finding.

    ``near`` (n, k) are the rows nearest to each, best first, None without features; ``named`` says that a person's
    groups are in ``samples`` already.
    """
    pairs, scenes, grouped = None, None, samples
    if features is not None and near is not None:
        thumbnails = None if samples.images is None else Thumbnails(samples, machine)
        pairs = find_pairs(samples, features, near=near, thumbnails=thumbnails)
        pairs = pairs.join(find_turned(samples, features, near, thumbnails=thumbnails))
        grouped = add_near_copies(samples, pairs.first, pairs.second)
        scenes = find_scenes(samples, features, near=near, device=machine.device)
    parted = named and pairs is not None and are_one_a_class(grouped)
    copies = find_copies(samples, pairs)
    told = {finding.path for finding in copies if finding.kind == "leak"}
    across = groups_across(samples, told) if named else ()
    if scenes is not None:
        across += scenes_across(samples, scenes, told | {finding.path for finding in across})
        grouped = grouped if named else group_scenes(grouped, scenes)
    return Alike(
        samples=samples if parted else grouped,
        findings=copies + across,
        scenes=scenes,
        named=named,
        asked=_count_groups(samples) if named else 0,
        parted=parted,
    )


def _count_groups(samples: Samples) -> int:
    """The number of groups that somebody named or that hold copies; those of one sample alone have its digest."""
    return len(set(samples.groups) - set(samples.digests))


def _count_sharing(numbered: Numbered, labels: Ints) -> int:
    """The number of samples that have label and name in common with another; their names are ``numbered``."""
    if numbered.all_differ:
        return 0
    cells = numbered.code * (int(labels.max(initial=0)) + 1) + labels
    sizes = np.unique(cells, return_counts=True)[1]
    return int(sizes[sizes > 1].sum())
