"""One phrase and one share for the whole of a scan: in order, never falling, whatever the stages report."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labelaudit.display.stages import PHASES, Course

STAGES = [*PHASES, "training", "training sln", "training crust", "something new"]


@given(st.lists(st.tuples(st.sampled_from(STAGES), st.integers(0, 9), st.none() | st.integers(1, 5))))
def test_the_share_of_a_scan_never_falls_and_stays_within_bounds(told: list[tuple[str, int, int | None]]) -> None:
    course, last = Course(trainings=2), 0.0
    for stage, done, total in told:
        phrase, share = course.advance(stage, done, total)
        assert phrase
        if stage != "something new":
            assert share is not None
            assert last <= share <= 1
            last = share


def test_a_scan_in_plain_words() -> None:
    course = Course(trainings=3)
    told = [
        ("ingest", 1, 700),
        ("forecast", 0, None),
        ("embed", 1, 700),
        ("probes", 0, None),
        ("training crust", 1, 9),
        ("training sln", 9, 9),
    ]
    said = [course.advance(*one).phrase for one in (*told, ("decide", 0, None), ("report", 1, 2))]
    assert said == [
        *(
            "Reading 700 images",
            "Working out how long this takes",
            "Looking at them",
            "Fitting simple models",
            "Training, 1 of 3",
            "Training, 2 of 3",
        ),
        *("Deciding", "Drawing the report"),
    ]


def test_the_parts_of_a_scan_make_a_whole() -> None:
    assert sum(PHASES.values()) == 100
    assert Course().advance("report", 1, 1).share == 1
    assert Course().advance("training sln", 1, 1).phrase == "Training sln"  # not "1 of 1", then "2 of 2"
