"""Groups: who must not vouch for whom, by names, by near-copies, and what that changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from labelaudit.context.groups import add_near_copies, name_groups
from labelaudit.errors import DataError, OptionError
from labelaudit.features.neighbors import nearest, nearest_outside
from labelaudit.judge.belief import count_groups, judge_groups_together
from labelaudit.judge.decide import noise_rate
from labelaudit.names import number_names
from labelaudit.types import Samples

PATHS = ("cat/p1_0.png", "cat/p1_1.png", "dog/p2_0.png", "cat/p3_0.png", "dog/p3_1.png", "dog/x.png")


def made(paths: Sequence[str] = PATHS, **rest: object) -> Samples:
    classes = ("cat", "dog")
    return Samples(
        ids=tuple(paths),
        labels=np.array([next(classes.index(part) for part in path.split("/") if part in classes) for path in paths]),
        classes=classes,
        digests=tuple(f"{row:02}" for row in range(len(paths))),
        **rest,  # type: ignore[arg-type]
    )


def test_alone_a_sample_is_its_own_group_and_copies_are_one() -> None:
    samples = made()
    assert samples.groups == samples.digests
    assert samples.take(np.array([3, 1])).groups == ("03", "01")
    assert name_groups(samples, ()) is samples
    nothing = np.array([], dtype=np.int64)
    assert add_near_copies(samples, nothing, nothing).groups == samples.digests


def test_a_pattern_names_groups_by_what_it_captures() -> None:
    assert name_groups(made(), [r"name:/(p\d)_"]).groups == ("p1", "p1", "p2", "p3", "p3", "05")
    assert name_groups(made(), [r"name:p\d"]).groups == ("p1", "p1", "p2", "p3", "p3", "05")


def test_a_column_names_groups_and_an_empty_cell_none() -> None:
    samples = made(extra={"patient": ("a", "a ", "b", "", "b", "")})
    assert name_groups(samples, ["patient"]).groups == ("a", "a", "b", "03", "b", "05")


def test_the_folder_names_groups_without_class_and_split() -> None:
    paths = ("train/cat/p1/0.png", "test/cat/p1/1.png", "train/dog/p1/0.png", "train/dog/p2/0.png", "test/dog/0.png")
    samples = made(
        (*paths[:3], "train/p2/dog/0.png", "test/dog/0.png"), splits=("train", "test", "train", "train", "test")
    )
    assert name_groups(samples, ["parent"]).groups == ("p1", "p1", "p1", "p2", "04")


def test_the_folder_of_a_numbered_class_names_no_group() -> None:
    paths = ("3/p1/0.png", "3/p1/1.png", "3/0.png", "7/0.png")
    samples = Samples(
        ids=paths,
        labels=np.array([0, 0, 0, 1]),
        classes=("cat", "dog"),
        digests=("0", "1", "2", "3"),
        codes={"cat": "3", "dog": "7"},
    )
    assert name_groups(samples, ["parent"]).groups == ("p1", "p1", "2", "3")


def test_two_names_and_copies_connect() -> None:
    samples = made(extra={"a": ("1", "1", "2", "2", "", ""), "b": ("", "x", "x", "", "y", "y")})
    assert len(set(name_groups(samples, ["a", "b"]).groups)) == 2
    assert name_groups(samples, ["a", "b"]).groups[0] == "1 + 2 + x"
    joined = add_near_copies(name_groups(samples, ["a"]), np.array([0]), np.array([4]))
    assert joined.groups == ("1", "1", "2", "2", "1", "05")
    twins = Samples(ids=("a", "b", "c"), labels=np.array([0, 1, 1]), classes=("x", "y"), digests=("d", "d", "c"))
    assert add_near_copies(twins, np.array([1]), np.array([2])).groups == ("c", "c", "c")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("patient", "no such column (it has no further columns); for folders write parent"),
        ("name:(", "not a regular expression"),
        ("name:zebra", "no image has a group by it; the first is 'cat/p1_0.png'"),
        ("parent", "no image has a group"),
        ("name:(cat|dog)", "every class lies in one group"),
    ],
)
def test_a_name_that_names_nothing_is_refused(how: str, said: str) -> None:
    with pytest.raises((DataError, OptionError)) as caught:
        name_groups(made(), [how])
    assert said in str(caught.value)
    assert f"`group` {how}" in str(caught.value)


def test_chains_of_look_alikes_are_no_group() -> None:
    paths = [f"cat/{row}.png" for row in range(10)] + [f"dog/{row}.png" for row in range(10)]
    samples = made(paths)
    chain = np.arange(8)
    assert add_near_copies(samples, chain, chain + 1).groups == samples.digests
    assert len(set(add_near_copies(samples, chain[:4], chain[:4] + 1).groups)) == 16


def test_neighbours_are_searched_outside_the_group() -> None:
    x = np.random.default_rng(0).normal(size=(120, 5)).astype(np.float32)
    groups = [f"large {row % 2}" if row < 80 else f"small {row % 7}" for row in range(120)]
    similarities, rows = nearest_outside(x, groups, k=6)
    code = np.unique(groups, return_inverse=True)[1]
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosines = np.where(code[:, None] == code[None], -np.inf, unit @ unit.T)
    np.testing.assert_array_equal(rows, np.argsort(-cosines, axis=1)[:, :6])
    np.testing.assert_allclose(similarities, -np.sort(-cosines, axis=1)[:, :6], rtol=1e-5)
    alone = nearest_outside(x, [str(row) for row in range(120)], k=6)
    for own, plain in zip(alone, nearest(x, k=6), strict=True):
        np.testing.assert_array_equal(own, plain)


def test_a_group_smaller_than_the_places_leaves_them_empty() -> None:
    x = np.eye(4, dtype=np.float32)
    similarities, _ = nearest_outside(x, ["a", "a", "a", "b"], k=3)
    assert similarities.shape == (4, 3)
    assert np.isinf(similarities[0]).tolist() == [False, True, True]


def test_members_of_a_group_are_judged_by_their_common_label() -> None:
    posterior = np.array(
        [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.2, 0.8], [0.3, 0.7], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]]
    )
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    groups = ["a", "a", "a", "a", "b", "b", "b", "b"]
    blind = np.full_like(posterior, 0.5)
    joint = judge_groups_together(posterior, labels, number_names(groups).code, blind)
    assert joint[0, 1] < joint[3, 1] < 0.2  # three of four say 0: the one labelled 1 is wrong
    assert joint[4, 1] == joint[7, 1] == pytest.approx(0.79, abs=0.01)  # labelled at once: one reading, not four
    np.testing.assert_allclose(joint[:].sum(axis=1), 1)
    alone = number_names(["a", "a", "a", "b", *map(str, range(4))]).code
    np.testing.assert_array_equal(judge_groups_together(posterior, labels, alone, blind)[3:], posterior[3:])


@pytest.mark.parametrize("copies", [False, True])
def test_groups_whose_members_show_their_own_labels_have_no_votes_unless_they_are_copies(copies: bool) -> None:
    labels = np.tile([0, 0, 0, 1], 20)  # three of four say 0 each time
    groups = np.repeat(np.arange(20), 4)
    digests = [str(group) for group in groups] if copies else [str(row) for row in range(80)]
    shown = np.where(np.arange(2) == labels[:, None], 0.9, 0.1)
    joint = judge_groups_together(shown, labels, groups, shown, digests)
    assert (joint[3::4, 1] > 0.85).all() != copies
    labels[4:] = 0  # one of 80 disagrees, and shows what the others do
    shown = np.tile([0.9, 0.1], (80, 1))
    assert judge_groups_together(shown, labels, groups, shown, digests)[3, 1] < 0.05


def test_a_class_counts_by_its_groups_and_the_interval_by_all_groups() -> None:
    assert count_groups(np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 2]), 3).tolist() == [1, 3, 0]
    suspicion = np.array([0.9] * 10 + [0.0] * 90)
    low, high = noise_rate(suspicion)[1]
    lower, higher = noise_rate(suspicion, companions=10)[1]
    assert lower < low < high < higher
