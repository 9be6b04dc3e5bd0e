"""Folder names that are parts of a dataset and never classes: splits, containers, masks, and what lies beside the data.

A name is a part where every word of it is one (``train_images``, ``JPEGImages``, ``Final_Training``, ``fold 3``).
Left out: names that only look like parts in the company of others; `class_folders` weighs those.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from functools import lru_cache

TRAINING, VALIDATION, TESTING = ("train", "training"), ("valid", "val", "validation", "dev"), ("test", "testing")
"""Names of a split by what it is for; lower case."""
SPLITS = frozenset({*TRAINING, *VALIDATION, *TESTING, "eval"})
"""Folder and file names that are a split of the data, never a class; lower case."""


class Part(Enum):
    """The role that a folder's name says it has."""

    MASKS = "masks or annotations"
    ASIDE = "beside the data"
    SPLIT = "split"
    SERIES = "piece"
    DATA = "data"


_WORDS_OF = {
    Part.MASKS: """
        annotation annot label mask msk segmentation segmented segment groundtruth gt trimap bbox xml json heatmap
    """,
    Part.ASIDE: """
        output result run log checkpoint ckpt cam gradcam figure fig asset doc documentation static media
        example sample demo screenshot readme icon logo thumbnail thumb plot graph notebook src script util
        website unlabeled unlabelled template tmp temp backup prediction pred visualization visualisation vis
        unsorted uncategorized uncategorised todo duplicate discarded excluded deleted
        teaser banner
    """,
    Part.SPLIT: """
        train training trn trainset trainingset traindata trainval test testing tst testset testdata val valid
        valset validation validationset dev devset eval evaluation holdout query gallery labeled labelled
    """,
    Part.SERIES: """
        fold split part batch batche chunk shard set subset patient subject session video clip seq sequence
        camera slide case recording visit
    """,
    Part.DATA: """
        dataset data image img pic picture photo jpegimage jpeg jpg png raw original orig resized resize cropped
        crop augmented augmentation processed preprocessed input rgb grayscale greyscale patche folder
    """,
}
"""Words of each part, in the singular; the part that tells most about a folder of several words comes first."""
_ROLES = {word: part for part, words in _WORDS_OF.items() for word in words.split()}
_FILLERS = frozenset(
    """
    final full all small large big new old ground truth class classification background foreground color colour my
    our version v x tr ts seg cls bounding boxes box object
    """.split()
)
"""Words that say nothing about the part, nor that a folder is a class."""
_KINDS = {"train": ("tr",), "val": ("val", "dev", "eval", "holdout"), "test": ("te", "ts")}
"""A split's plain word -> how its spellings begin."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_MONTH = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[A-Za-z]*"
_PERIOD = (
    r"(?i:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(week|day|month|year|kw|cw)[-_ ]?\d{1,3})"
)
_DATE = re.compile(
    rf"((19|20)\d\d([-_. ]?((0[1-9]|1[0-2])([-_. ]?[0-3]\d)?|{_MONTH}))?"
    rf"|[0-3]?\d[-_. ](0?[1-9]|1[0-2])[-_. ](19|20)\d\d|({_MONTH}|0[1-9]|1[0-2])[-_. ]?(19|20)\d\d"
    rf"|{_PERIOD}|[1-9]\d\d(?=.*[A-Z])[A-Z0-9_]{{5}})(_\d+|\s*\(\d+\))?"
)
"""Years, months, weeks and days in many spellings, and the folders that cameras make (``100CANON``)."""
_UNNAMED = re.compile(
    r"(new folder|untitled folder|neuer ordner|ordner ohne titel|nouveau dossier|dossier sans titre|nueva carpeta"
    r"|carpeta sin título|nuova cartella|cartella senza titolo|nova pasta|pasta sem nome|nieuwe map|nowy folder"
    r"|новая папка|新建文件夹|新しいフォルダー|새 폴더)\W*\d*\W*"
)
"""Names that systems give to a new folder, in small letters and several languages."""
_MEASURE = re.compile(r"\d+([xX]\d+|[xX]|px|dpi)")
"""Sizes and magnifications."""
_PLACES = frozenset(
    "site center centre hospital scanner farm plot plate user device scene roll station location room".split()
)
"""Words before a number or a letter that name where or by whom images were taken."""

_JUNK = frozenset(
    {
        *("__macosx", "@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found"),
        *("__pycache__", "node_modules", "site-packages", "venv", "recycler", "@recycle", "@recently-snapshot"),
        *("@tmp", "@sharebin", "@sharesnap", "@synoresource", "@eadir@tmp", "recycled", "recycle bin"),
        *("#synorecycle", "@synoeastream", "@appstore", "@transcode", "~snapshot", "lost.dir"),
        *("$sysreset", "$windows.~bt"),
        *("@__thumb", "_vti_cnf", "_gsdata_", "network trash folder", "temporary items", "thevolumesettingsfolder"),
    }
)
_LOST = re.compile(r"found\.\d{3}|.+\.(lrdata|photoslibrary|photolibrary|cocatalog)")
"""Folders in which Windows puts what it finds on a damaged disk, and those that programs of photographs keep."""


def is_junk(name: str) -> bool:
    """Whether a folder of this name is one that systems, network drives and tools make by themselves: nothing in it is
    the owner's.

    >>> is_junk("@eaDir"), is_junk("$Recycle.Bin"), is_junk("FOUND.001"), is_junk("recycling")
    (True, True, True, False)
    """
    return name.casefold() in _JUNK or _LOST.fullmatch(name.casefold()) is not None


@lru_cache(maxsize=10_000)
def part_of(name: str) -> Part | None:
    """The part of a dataset that a folder of this name is; ``None`` for what may be a class.

    >>> [part_of(name) for name in ("Training_Set", "val2017", "cat", "train_masks", "10")]
    [<Part.SPLIT: 'split'>, <Part.SPLIT: 'split'>, None, <Part.MASKS: 'masks or annotations'>, None]
    """
    if _UNNAMED.fullmatch(name.casefold()):
        return Part.DATA
    tokens = [token.lower() for token in _WORD.findall(name)]
    words = [token for token in tokens if not token.isdecimal()]
    if not words:
        return None
    roles = [_role(word) for word in words]
    if any(role is None and word not in _FILLERS and len(word) > 1 for role, word in zip(roles, words, strict=True)):
        return Part.DATA if {"dataset", "datasets"} & {*words} else None
    if {"ground", "truth"} <= {*words} or {"bounding", "boxes"} <= {*words}:
        return Part.MASKS
    best = next((part for part in _WORDS_OF if part in roles), None)
    numbered = len(words) < len(tokens) or any(len(word) == 1 for word in words)
    return None if best is Part.SERIES and not numbered else best


def parts_among(names: Iterable[str], nested: Collection[str] = ()) -> dict[str, Part | None]:
    """The parts that folders beside each other are, also those that show only in company.

    ``asl_train`` and ``asl_test`` are splits, since nothing else tells them apart, and ``HAM_images_part_1`` and ``_2``
    are pieces, since they are numbered and a word says that they are one. Among ``nested`` folders, which hold others,
    ``rps`` beside ``rps_test`` is a split too.

    >>> [part.value for part in parts_among(["asl_train", "asl_test"]).values()]
    ['split', 'split']
    >>> parts_among(["rps", "rps_test"], nested=["rps", "rps_test"])["rps"], parts_among(["rps", "rps_test"])["rps"]
    (<Part.SPLIT: 'split'>, None)
    """
    parts = {name: part_of(name) for name in names}
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, part in parts.items():
        if part is None:
            alike.setdefault(without_split(name), []).append(name)
    for group in alike.values():
        if len(group) < 2:
            continue
        roles = [{_role(word) for word in _words(name)} for name in group]
        told = sum(Part.SPLIT in own for own in roles)
        if told == len(group) or (told == len(group) - 1 and {*group} <= {*nested}):
            parts |= dict.fromkeys(group, Part.SPLIT)
        elif all(own & {Part.SERIES, Part.DATA} for own in roles):
            parts |= dict.fromkeys(group, Part.SERIES)
    return parts


def without_split(name: str) -> tuple[str, ...]:
    """The words of a name that say of no split or piece, in small letters.

    >>> without_split("images_variant_trainval"), without_split("test_1")
    (('images', 'variant'), ())
    """
    return tuple(word for word in _words(name) if _role(word) not in (Part.SPLIT, Part.SERIES))


def _words(name: str) -> list[str]:
    """The words of a name in small letters, without numbers and single letters."""
    return [word for token in _WORD.findall(name) if not (word := token.lower()).isdecimal() and len(word) > 1]


def lies_in(path: str, *parts: Part) -> bool:
    """Whether a folder above a file is, by its name, one of these parts of a dataset.

    >>> lies_in("cat/masks/1.png", Part.MASKS, Part.ASIDE), lies_in("cat/mask.png", Part.MASKS)
    (True, False)
    """
    return any(part_of(step) in parts for step in path.split("/")[:-1])


def split_name(name: str) -> str:
    """The split of the images in a folder of this name: itself where it is plain, the plain word otherwise.

    Empty for pieces that are no splits: a copy in another piece is no leak.

    >>> split_name("Training_Set"), split_name("val"), split_name("fold1"), split_name("part_2")
    ('train', 'val', 'fold1', '')
    """
    if name.lower() in SPLITS or "fold" in _words(name):
        return name
    kinds = split_kinds(name)
    return next((kind for kind in _KINDS if kind in kinds), "")


def split_kinds(name: str) -> frozenset[str]:
    """The splits that the words of a name are about, as ``train``, ``val`` or ``test``.

    >>> sorted(split_kinds("trainval_labels")), sorted(split_kinds("Test-Images")), sorted(split_kinds("cats"))
    (['train', 'val'], ['test'], [])
    """
    words = [word for word in _words(name) if _role(word) is Part.SPLIT]
    told = {kind for kind, starts in _KINDS.items() if any(word.startswith(starts) for word in words)}
    return frozenset(told | ({"val"} if "trainval" in words else set()))


def is_split(name: str) -> bool:
    """Whether ``name`` says which split its images belong to, as ``train`` and ``fold1`` do."""
    return part_of(name) in (Part.SPLIT, Part.SERIES)


def splits_by_folder(paths: Sequence[str]) -> list[str]:
    """(n,) split that a folder above each file says, the outermost one that says any; empty where none does.

    >>> splits_by_folder(["set/Training/1.png", "fold2/1.png", "cat/1.png"])
    ['Training', 'fold2', '']
    """
    above = [path.rpartition("/")[0] for path in paths]
    told = {folder: next((split_name(one) for one in folder.split("/") if is_split(one)), "") for folder in {*above}}
    return [told[folder] for folder in above]


def are_dates(names: Iterable[str]) -> bool:
    """Whether all names are years, months, days or a camera's folders: occasions of recording, not classes.

    >>> are_dates(["2021", "2021-05", "03.05.2021", "May 2021", "100CANON"]), are_dates(["1905", "737-200"])
    (True, False)
    >>> are_dates(["week 1", "day_12", "March"]), are_dates(["Marble", "daylily 1"])
    (True, False)
    """
    return all(_DATE.fullmatch(name) for name in names)


def are_conditions(names: Iterable[str]) -> bool:
    """Whether all names say how, where or by whom images were taken: ``40X``, ``64x64``, ``siteA``.

    >>> are_conditions(["40X", "100X"]), are_conditions(["siteA", "site_2"]), are_conditions(["4x", "cat"])
    (True, True, False)
    """

    def fits(name: str) -> bool:
        tokens = [token.lower() for token in _WORD.findall(name)]
        numbered = len(tokens) == 2 and (tokens[1].isdecimal() or len(tokens[1]) == 1)
        return _MEASURE.fullmatch(name) is not None or (numbered and tokens[0] in _PLACES)

    return all(map(fits, names))


def _role(word: str) -> Part | None:
    return _ROLES.get(word) or (_ROLES.get(word[:-1]) if word.endswith("s") else None)
