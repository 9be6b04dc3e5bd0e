"""The people behind a log: two who share a name, which is an account's unless they say another.

Left out: telling who somebody really is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

from labelaudit.text import count
from labelaudit.verdicts.replay import Replay
from labelaudit.verdicts.verdict import Verdict


def find_namesakes(logs: Mapping[str, Sequence[Verdict]]) -> list[str]:
    """Sentences about reviewers who may be two people of one name: each of two ``logs`` has verdicts by that name that
    the other lacks. A log that holds all of another's is a copy that was gone on with.
    """
    said: defaultdict[str, dict[str, set[Verdict]]] = defaultdict(dict)
    for place, log in logs.items():
        for verdict in log:
            said[verdict.reviewer].setdefault(place, set()).add(verdict)
    found = []
    for name, places in sorted(said.items()):
        for (one, mine), (other, theirs) in combinations(places.items(), 2):
            if mine - theirs and theirs - mine:
                differ = _count_differences(name, logs[one], logs[other])
                who = f"'{name}'" if name else "somebody without a name"
                found.append(
                    f"{one} and {other} both have verdicts by {who}, who counts as one person: on "
                    f"{count(differ, 'image')} where they differ the later verdict counts. If these are two people, "
                    f"give one a name: NAME={other}"
                )
    return found


def _count_differences(name: str, one: Sequence[Verdict], other: Sequence[Verdict]) -> int:
    """Images on which the verdicts in force by ``name`` differ between two logs."""
    first, second = (
        {
            identity: verdict
            for identity, told in Replay(log).in_force().items()
            for verdict in told
            if verdict.reviewer == name
        }
        for log in (one, other)
    )
    return sum(first[image].right != second[image].right for image in first.keys() & second.keys())
