from __future__ import annotations

import pytest

from labelaudit.judge.reasons import Reason, find


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_recognised_whatever_class_it_names(reason: Reason) -> None:
    for name in ("cat", "looks like dog", "reviewed: x", ""):
        assert find(reason.say(name)) is reason


def test_no_reason_hides_another() -> None:
    openings = [reason.opening for reason in Reason]
    assert not [(a, b) for a in openings for b in openings if a is not b and b.startswith(a)]
