"""Several people's labels of one image: the rows, or the columns, of a table that are votes and no contradiction.

A long table has a row for each vote and a column that says whose it is; a wide one a column for each person. Either way
an image becomes one sample: its given label is the most frequent vote, and all of them are kept as JSON in the column
`VOTES`. Left out: votes without a name, which are contradictions (`labelaudit.data.assembly`).
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from labelaudit.data.cells import say_the_same, without_zeros
from labelaudit.data.column_names import HOLDS_NAMES, guess_column, plain_name
from labelaudit.data.columns import Cells, Columns, require_column
from labelaudit.data.table import Table
from labelaudit.text import count

VOTES = "annotator_votes"
"""Column of a sample with all votes on it: a JSON object, annotator -> label."""
ANNOTATORS: tuple[str, ...] = tuple(
    """
    annotator annotator_id annotated_by labeler labeller labeled_by labelled_by rater rater_id worker worker_id
    workerid coder expert reader user user_id annotatorid annotated_by_id tagger grader grader_id observer
    observer_id assessor reviewer reviewer_id judge participant participant_id respondent contributor turker
    crowdworker radiologist pathologist physician doctor created_by who
    """.split()
)
"""Names of columns that say whose vote a row is; lower case."""
OF_VOTES = (VOTES, "consensus_label", "consensus_quality_score", "annotator_agreement", "num_annotations")
"""Columns of a sample that say what its votes say: no sources of labels."""
_ONE_PERSON = re.compile(rf"(labels?_(by_|of_)?)?({'|'.join(ANNOTATORS)})_?(\d+|[a-h])(_labels?)?")
"""Name of a column that holds the labels of one of several people."""
MOST_PEOPLE = 50
"""Values of a column that may name people without being called so."""
_UNIQUE = 0.9  # share of labels of another image or another annotator than all before


def find_annotators(table: Table, columns: Columns, asked: Sequence[str] | None) -> tuple[str, ...]:
    """The column that names annotators, or the columns that each hold the labels of one.

    Empty where every image has a single label: the column of its annotator then is a column like any other.

    Raises `DataError` where one that was ``asked`` for is not there.
    """
    for name in asked or ():
        require_column(name, table.columns, option="`annotator`", where=f"'{table.name}'")
    if asked:
        image = columns.path if len(asked) == 1 and columns.label is not None else None
        alone = image is not None and len({*table.cells[image]}) == len(table)
        return () if alone else tuple(asked)
    free = [name for name in table.columns if name not in (columns.path, columns.label, *columns.one_hot)]
    who = guess_column(free, ANNOTATORS)
    if who is None or columns.path is None or columns.label is None:
        return ()
    return (who,) if _says_whose(table, columns.path, who, table.cells[columns.label]) else ()


def find_wide_annotators(cells: Cells) -> tuple[str, ...]:
    """Numbered columns that each hold the labels of one person, such as ``rater_1`` and ``rater_2``; else none.

    >>> cells = {"file": ["x", "y"], "Rater 1": ["cat", "dog"], "Rater 2": ["cat", "dog"]}
    >>> find_wide_annotators(cells), find_wide_annotators({"file": ["x", "y"]})
    (('Rater 1', 'Rater 2'), ())
    """
    found = tuple(name for name in cells if _ONE_PERSON.fullmatch(plain_name(name)))
    return found if say_the_same([cells[name] for name in found]) else ()


def offer_annotators(table: Table, columns: Columns, torn: int) -> tuple[str, ...]:
    """A note on ``torn`` images whose rows carry different labels: they may be votes, and whose."""
    if not torn or columns.path is None or columns.label is None:
        return ()
    labels = {*table.cells[columns.label]}
    whose = [
        name
        for name in table.columns
        if name not in (columns.path, columns.label)
        and plain_name(name) not in HOLDS_NAMES
        and len({*zip(table.cells[columns.label], table.cells[name], strict=True)}) > len(labels)
        and 2 <= len({*table.cells[name]}) <= min(MOST_PEOPLE, len(table) - 1)
        and _says_whose(table, columns.path, name, table.cells[columns.label])
    ]
    said = f"{count(torn, 'image is', 'images are')} left out because {'its' if torn == 1 else 'their'} rows disagree"
    if whose:
        return (
            f"{said}. If column '{whose[0]}' says whose label each is, `annotator` {whose[0]} makes votes of them.",
        )
    return (f"{said}. If several people gave them, a column that says who makes votes of them: `annotator` COLUMN.",)


def _says_whose(table: Table, image: str, who: str, labels: Sequence[str]) -> bool:
    """Whether images come several times, each time but a few with another value in the column ``who``."""
    images = {*table.cells[image]}
    votes = {*zip(table.cells[image], table.cells[who], strict=True)}
    told = {*zip(table.cells[image], table.cells[who], labels, strict=True)}
    return len(images) < len(votes) and len(votes) >= _UNIQUE * len(told)


def hold_vote(
    table: Table, columns: Columns, names: Sequence[str], keep: Sequence[int]
) -> tuple[dict[str, str | None], dict[str, str], tuple[str, ...]]:
    """Image -> its most frequent label, image -> all votes on it as the text of a cell, and notes about the votes.

    The votes are those of the rows ``keep``, which are about the images ``names``. Of labels that are equally frequent
    the one counts that is more frequent in the whole table. Votes of one person on one image with several labels are
    left out.
    """
    told = _gather(table, columns, names, keep)
    torn = [(who, image, labels) for image, own in told.items() for who, labels in own.items() if len(labels) > 1]
    votes = {image: {who: labels[0] for who, labels in own.items() if len(labels) == 1} for image, own in told.items()}
    counts = {image: Counter(own.values()) for image, own in votes.items()}
    overall = Counter(label for own in votes.values() for label in own.values())
    elected = {
        image: max(own, key=lambda label: (own[label], overall[label], label), default=None)
        for image, own in counts.items()
    }
    people, disagree = {who for own in votes.values() for who in own}, sum(len(own) > 1 for own in counts.values())
    notes = [
        f"{overall.total():,} labels of {len(votes):,} images by {len(people):,} annotators, who disagree on "
        f"{count(disagree, 'image')}: the given label is the most frequent one, and all are weighed."
    ]
    if torn:
        who, image, labels = torn[0]
        listed = " and ".join(f"'{label}'" for label in labels)
        notes.append(
            f"{count(len(torn), 'vote is', 'votes are')} left out because one person gave one image several labels: "
            f"'{who}' called '{image}' {listed}."
        )
    return elected, {image: json.dumps(own, ensure_ascii=False) for image, own in votes.items()}, tuple(notes)


def _gather(
    table: Table, columns: Columns, names: Sequence[str], keep: Sequence[int]
) -> dict[str, dict[str, list[str]]]:
    """Image -> annotator -> the labels that one gave the other, each once; the first image first."""
    votes: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    people = {name: without_zeros(table.cells[name]) for name in columns.annotators}
    (whose, *others), labels = people.values(), [] if len(people) > 1 else columns.labels(table.cells)
    for row in keep:
        own = votes[names[row]]
        said = {name: cells[row] for name, cells in people.items()} if others else {whose[row] or "?": labels[row]}
        for who, label in said.items():
            if not label:
                continue
            if who not in own:
                own[who] = [label]
            elif label not in own[who]:
                own[who].append(label)
    return dict(votes)
