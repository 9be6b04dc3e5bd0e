"""Rows of a table brought together with the files they name, by as much of the path as both have.

A name alone is weak evidence: `train/7.png` and `test/7.png` are two images. So a row's folders may never contradict
those of the file, and where a bare name occurs in several folders it decides nothing, not even for the rows that only
one file happens to fit. Left out: similar names; a file is named or it is not.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from labelaudit.data.formats import SOUNDS, SUFFIXES
from labelaudit.data.parts import is_split, split_kinds
from labelaudit.text import count

Steps = tuple[str, ...]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PLAIN = re.compile(r"(?![.])[^/:\\\\?%]+(/(?![.])[^/:\\\\?%]+)*")
"""A relative path in its plainest form."""
_UPLOAD = re.compile(r"(?:[0-9a-f]{8}|[0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})[-_](.+)", re.IGNORECASE)
_WORD_BEHIND = re.compile(r".*?([_.-][^\W\d_]\w*)", re.DOTALL)
_EXACTLY = "by their whole path"
_SELDOM = 0.02
"""Share of a folder's names that other folders may have too, while the rest still says which file is meant."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """The rows of a table, matched with the files of a dataset."""

    files: tuple[str | None, ...]
    """(rows) the file of each row; ``None`` where there is none, or where it cannot be known which."""
    doubts: Mapping[int, tuple[str, ...]]
    """Row -> the files that fit it equally, or the only one that fits where names decide nothing."""
    ways: Mapping[str, int]
    """Way in which rows were matched -> number of rows."""

    @property
    def matched(self) -> int:
        """Rows with a file."""
        return sum(self.ways.values())

    def describe(self, n_files: int) -> str:
        """One line with all counts: rows that match, how, rows that do not, files without a row."""
        rows, named = len(self.files), len({*self.files} - {None})
        ways = ", ".join(f"{found:,} {way}" for way, found in self.ways.items())
        line = f"{self.matched:,} of {rows:,} rows match a file" + (f" ({ways})" if self.ways else "")
        lost = rows - self.matched - len(self.doubts)
        line += f", {lost:,} match none" if lost else ""
        line += f", {len(self.doubts):,} fit several files or names that several folders have" if self.doubts else ""
        unnamed = n_files - named
        return line + (f"; {count(unnamed, 'file')} {'has' if unnamed == 1 else 'have'} no row" if unnamed else "")


def match_rows(asked: Sequence[str], files: Sequence[str], *, root: str = "", table: str = "") -> Match:
    """Find for each of the paths ``asked`` (as a table has them) its file among ``files`` (relative, with ``/``).

    ``root`` is the name of the folder that ``files`` are in, ``table`` that of the table: rows of one split never name
    files of another.

    >>> match_rows(["C:\\\\d\\\\cat\\\\1.JPG", "test/2"], ["cat/1.jpg", "train/2.png"]).files
    ('cat/1.jpg', None)
    """
    return FileIndex(files, root).match(asked, table=table)


class FileIndex:
    """The files below a folder called ``root``, to be found by what tables call them."""

    def __init__(self, files: Sequence[str], root: str = "") -> None:
        self._files, self._root = files, root
        self._places = [tuple(_composed(file).split("/")) for file in files]
        several = Counter(self._places) if len({*self._places}) < len(files) else Counter[Steps]()
        self._twins = {file: n for n, file in enumerate(files) if several[self._places[n]] > 1}
        """Files that another one is called as but for composed accents: only a row that spells it so means one."""
        self._by_key: dict[int, dict[str, dict[str, list[int]]]] = {}

    def match(self, asked: Sequence[str], *, table: str = "") -> Match:
        """The files of the paths ``asked``, as `match_rows` finds them."""
        files, places = self._files, self._places
        steps = [_converted(path_steps(value), self._endings) for value in asked]
        alike: defaultdict[Steps, list[int]] = defaultdict(list)
        chosen = {row: (self._twins[value], 0) for row, value in enumerate(asked) if value in self._twins}
        for row, wanted in enumerate(steps):
            if row not in chosen:
                alike[wanted].append(row)
        doubts: dict[int, tuple[str, ...]] = {}
        bases: dict[int, Steps] = {}
        torn: Counter[Steps] = Counter()
        for wanted, rows in alike.items():
            if wanted in self._plainly and len(wanted) > 1:
                chosen |= dict.fromkeys(rows, (self._plainly[wanted], 0))
                continue
            for way, (_, key, _) in enumerate(self._ways):
                name = key(wanted[-1]) if wanted else None
                named = () if name is None else self._find(way, name, wanted)
                fits = [n for n in named if _agree(wanted, places[n], self._root, table)]
                if not fits:
                    continue
                shared = {n: _shared(wanted, places[n]) for n in fits}
                most = max(shared.values())
                best = [n for n in fits if shared[n] == most]
                whole = [n for n in best if len(places[n]) == len(wanted) == 1 + most]
                best = whole if len(whole) == 1 else best
                if len(best) == 1:
                    chosen |= dict.fromkeys(rows, (best[0], 0 if whole and way == 0 else way + 1))
                    if not whole:
                        bases |= dict.fromkeys(rows, places[best[0]][: -1 - most])
                else:
                    doubts |= dict.fromkeys(rows, tuple(files[n] for n in best))
                    torn.update(dict.fromkeys({places[n][: -1 - most] for n in best}, len(rows)))
                break
        sole = Counter(bases.values())
        for row, base in bases.items():
            if torn[base] > _SELDOM * (torn[base] + sole[base]):
                doubts[row] = (files[chosen.pop(row)[0]],)
        _drop_rivals(chosen, steps, files, doubts)
        ways = Counter(_EXACTLY if way == 0 else self._ways[way - 1][0] for _, way in chosen.values())
        found = tuple(files[chosen[row][0]] if row in chosen else None for row in range(len(asked)))
        return Match(files=found, doubts=doubts, ways=dict(ways.most_common()))

    def match_best(self, spelled: Iterable[Sequence[str]], *, table: str = "") -> Match:
        """The match with most files of several spellings of the same paths; of equal ones the first."""
        return max((self.match(asked, table=table) for asked in spelled), key=lambda one: one.matched)

    def names(self, cell: str) -> bool:
        """Whether a cell names one of the files, with or without its ending, whatever folders it has."""
        steps = path_steps(cell)
        if not steps:
            return False
        known, stems, endings = self._names
        spelled = {steps[-1].casefold(), after_upload(steps[-1]), unquote(steps[-1]).casefold()}
        if spelled & known:
            return True
        if self._suffix and _without_ending(steps[-1]).casefold() + self._suffix.casefold() in stems:
            return True
        if _image_ending(steps[-1]):  # and no file has this ending: they were converted
            parts = map(posixpath.splitext, spelled)
            return any(stem in stems and ending not in endings for stem, ending in parts)
        return bool(spelled & stems)

    @cached_property
    def _names(self) -> tuple[set[str], set[str], set[str]]:
        """The names of the files in small letters, these without their endings, and the endings."""
        names = {place[-1].casefold() for place in self._places}
        parts = [posixpath.splitext(name) for name in names]
        return names, {stem for stem, _ in parts}, {ending for _, ending in parts}

    @cached_property
    def _suffix(self) -> str:
        """The end of the names of all files before their endings, if it is a word behind a sign: ``_aligned``."""
        stems = [_without_ending(place[-1])[::-1] for place in self._places]
        found = _WORD_BEHIND.fullmatch(posixpath.commonprefix(stems)[::-1]) if len(stems) > 1 else None
        return found[1] if found else ""

    @cached_property
    def _ways(self) -> Sequence[tuple[str, Key, Key]]:
        """`_WAYS`, and one for files whose names all end with a word that rows leave away."""
        word = self._suffix
        way = (f"by name without '{word}'", _without_ending, lambda name: _without_ending(name).removesuffix(word))
        return (*_WAYS, way) if word else _WAYS

    @cached_property
    def _endings(self) -> set[str]:
        return {_image_ending(place[-1]) for place in self._places}

    @cached_property
    def _plainly(self) -> dict[Steps, int]:
        twins = {*self._twins.values()}
        return {place: number for number, place in enumerate(self._places) if number not in twins}

    def _find(self, way: int, key: str, wanted: Steps) -> Sequence[int]:
        """The files that have a key in one of the ways of naming them; each way is prepared when it is first tried.

        Where ``wanted`` names a folder, only those directly in one of its name, or in none.
        """
        if way not in self._by_key:
            index: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
            for number, place in enumerate(self._places):
                if (name := self._ways[way][2](place[-1])) is not None:
                    index[name]["".join(place[-2:-1]).casefold()].append(number)
            self._by_key[way] = {name: dict(folders) for name, folders in index.items()}
        by_folder = self._by_key[way].get(key, {})
        asked = (wanted[-2].casefold(), "") if len(wanted) > 1 else by_folder
        return sorted(number for folder in asked for number in by_folder.get(folder, ()))


def path_steps(value: str) -> Steps:
    """The steps of a path as any system writes it: no drive, scheme, query, ``.``, ``..`` or decomposed accents.

    >>> path_steps("C:\\\\data\\\\.\\\\cat\\\\1.png"), path_steps("https://x.org/a/b%20c.jpg?w=1")
    (('data', 'cat', '1.png'), ('a', 'b c.jpg'))
    """
    text = value.strip()
    if text.isascii() and _PLAIN.fullmatch(text):
        steps = tuple(text.split("/"))
        return steps[-1:] if "upload" in steps[:-1] else steps
    if "?d=" in text:  # files that Label Studio serves from a folder
        text = parse_qs(_split_address(text).query).get("d", [text])[0]
    elif _SCHEME.match(text):
        address = _split_address(text)
        text = unquote(address.path) if address.scheme in ("http", "https", "file") else f"{address.path}"
    text = re.sub(r"^[A-Za-z]:(?=[\\/])", "", text).replace("\\", "/")
    steps = tuple(step for step in posixpath.normpath(_composed(text)).split("/") if step not in ("", ".", ".."))
    return steps[-1:] if "upload" in steps[:-1] else steps  # the folders above an upload are the tool's own


def _split_address(text: str) -> SplitResult:
    """An address in its parts; one whose host cannot be understood (``http://[cat/1.png``) is a path alone."""
    try:
        return urlsplit(text)
    except ValueError:
        return SplitResult("", "", _SCHEME.sub("", text), "", "")


def _converted(wanted: Steps, endings: set[str]) -> Steps:
    """A row's path without the ending of an image or a sound that no file has: all were converted, as ``.dcm`` or
    ``.wav`` to ``.png``."""
    if not wanted or _image_ending(wanted[-1]) in endings or not _image_ending(wanted[-1]):
        return wanted
    return (*wanted[:-1], posixpath.splitext(wanted[-1])[0])


def _image_ending(name: str) -> str:
    """The ending of the name of an image or a sound in small letters; empty for other names."""
    stem, dot, ending = name.rpartition(".")
    ending = f"{dot}{ending.lower()}"
    return ending if (ending in SUFFIXES or ending in SOUNDS) and stem.strip(".") else ""


def _drop_rivals(
    chosen: dict[int, tuple[int, int]], steps: Sequence[Steps], files: Sequence[str], doubts: dict[int, tuple[str, ...]]
) -> None:
    """Among rows that name one file in different words, keep those that name it best, if they are of one mind."""
    claims: defaultdict[int, list[int]] = defaultdict(list)
    for row, (number, _) in chosen.items():
        claims[number].append(row)
    for number, rows in claims.items():
        if len({steps[row] for row in rows}) == 1:
            continue
        best = min(chosen[row][1] for row in rows)
        leading = {steps[row] for row in rows if chosen[row][1] == best}
        for row in rows:
            if len(leading) > 1 or chosen[row][1] > best:
                del chosen[row]
                doubts[row] = (files[number],)


def _agree(wanted: Steps, place: Steps, root: str, table: str) -> bool:
    """Whether no folder of a row contradicts one of the file: one path ends as the other does."""
    shared = _shared(wanted, place)
    before, above = wanted[: -1 - shared], place[: -1 - shared]
    if before and above:
        return False
    if before and is_split(before[-1]) and is_split(root) and not split_kinds(before[-1]) & split_kinds(root):
        return False
    if any(map(is_split, wanted[:-1])):
        return True
    about = split_kinds(table)
    lies_in = {kind for step in (root, *place[:-1]) if is_split(step) for kind in split_kinds(step)}
    return not (about and lies_in) or bool(about & lies_in)


def _shared(wanted: Steps, place: Steps) -> int:
    """The number of folders that both paths end with, in any letter case."""
    shared = 0
    for one, other in zip(reversed(wanted[:-1]), reversed(place[:-1]), strict=False):
        if one.casefold() != other.casefold():
            break
        shared += 1
    return shared


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _ending_in_small_letters(name: str) -> str:
    stem, ending = posixpath.splitext(name)
    return stem + ending.lower()


def _without_ending(name: str) -> str:
    stem, ending = posixpath.splitext(name)
    return stem if ending.lower() in SUFFIXES else name


def _escaped(name: str) -> str | None:
    return unquote(name) if "%" in name else None


def _if_without_ending(name: str) -> str | None:
    return name if _without_ending(name) == name else None


def after_upload(name: str) -> str:
    """A file name in small letters without the hash that a tool put before it on uploading."""
    found = _UPLOAD.fullmatch(name)
    return (found.group(1) if found else name).casefold()


def _number(name: str) -> str | None:
    stem = _without_ending(name)
    return stem.lstrip("0") or "0" if stem.isascii() and stem.isdecimal() else None


Key = Callable[[str], str | None]
_WAYS: tuple[tuple[str, Key, Key], ...] = (
    ("by the end of their path", lambda name: name, lambda name: name),
    ("by name, but for the ending's letter case", _ending_in_small_letters, _ending_in_small_letters),
    ("by name, but for letter case", str.casefold, str.casefold),
    ("by name, but for signs written as %20", _escaped, lambda name: name),
    ("by name without ending", _if_without_ending, _without_ending),
    ("by name after an upload's prefix", after_upload, after_upload),
    ("by number, but for leading zeros", _number, _number),
)
"""Ways in which a row can name a file, and the keys that the row's and the file's name then have in common; the surest
first."""
