"""Facts about each sample beside its label: the columns of its table, and the folders it lies in.

Left out: what a file name says, and what a picture looks like.
"""

from __future__ import annotations

from collections.abc import Sequence

from labelaudit.data.votes import OF_VOTES
from labelaudit.packed import holds
from labelaudit.types import Samples


def list_facts(samples: Samples) -> dict[str, Sequence[str]]:
    """``column 'NAME'`` or ``folder level N`` (1 is the outermost) -> (n,) value of each of the ``samples``."""
    columns: dict[str, Sequence[str]] = {
        f"column '{name}'": values for name, values in samples.extra.items() if name not in OF_VOTES
    }
    return columns | list_folder_levels(samples.ids)


def list_folder_levels(paths: Sequence[str]) -> dict[str, Sequence[str]]:
    """``folder level N`` (1 is the outermost) -> (n,) name of the folder at that depth, empty where there is none.

    >>> list_folder_levels(["train/cat/1.png", "dog/2.png", "3.png"])
    {'folder level 1': ['train', 'dog', ''], 'folder level 2': ['cat', '', '']}
    """
    if not holds(paths, "/"):  # of a million paths without folders none is split
        return {}
    above = [path.rpartition("/")[0] for path in paths]
    steps = {folder: folder.split("/") if folder else [] for folder in set(above)}
    levels: dict[str, Sequence[str]] = {}
    for depth in range(max(map(len, steps.values()), default=0)):
        names = {folder: parts[depth] if depth < len(parts) else "" for folder, parts in steps.items()}
        levels[f"folder level {depth + 1}"] = list(map(names.__getitem__, above))
    return levels
