"""Values as text, each in one way: counts, durations, lists of names, cells, and names that come from data.

What a file name holds may not steer a terminal, a log or a document.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

_LONGEST = 300  # characters of a name in a report
UNSEEN = "\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Characters beyond the first 32 that a terminal obeys, or that turn a line around, as a pattern has them in brackets.
`json.dumps` leaves them in a string."""
_UNSEEN = re.compile(f"[{UNSEEN}]")


def printable(text: str) -> str:
    r"""``text`` with control, bidirectional and undecodable characters escaped: no file name can steer a terminal.

    >>> printable("cat\x1b[31m.png")
    'cat\\x1b[31m.png'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shown_json(text: str) -> str:
    r"""A JSON document with what steers a terminal in its strings written as JSON escapes it.

    >>> shown_json('{"path": "a\x9b2J.png"}')
    '{"path": "a\\u009b2J.png"}'
    """
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def likely(chance: float) -> str:
    """``chance`` in [0, 1] as every screen says it: in whole percent, and never a flat 0 or 100 %.

    >>> likely(0.5), likely(0.9996), likely(0.0)
    ('50%', '>99%', '<1%')
    """
    if chance >= 0.995:
        return ">99%"
    return "<1%" if chance < 0.005 else f"{chance:.0%}"


def interval(low: float, high: float) -> str:
    """A share that lies between ``low`` and ``high``.

    >>> interval(0.036, 0.087), interval(0.0002, 0.094)
    ('3.6% to 8.7%', 'at most 9.4%')
    """
    return f"at most {high:.1%}" if low < 0.0005 else f"{low:.1%} to {high:.1%}"


def says_little(low: float, high: float) -> bool:
    """Whether a share between ``low`` and ``high`` could be nearly anything, as that of the wrong among three labels.

    >>> says_little(0, 0.95), says_little(0, 0.3)
    (True, False)
    """
    return not high - low <= _WIDE


_WIDE = 0.5


def read_share(text: str) -> float:
    """The number that a person wrote as a percentage or a fraction; `ValueError` where it is neither.

    >>> read_share("10%"), read_share(" 10 % "), read_share(".1"), read_share("0.1")
    (0.1, 0.1, 0.1, 0.1)
    """
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' is not a share")
    return float(found[1]) / (100 if found[2] else 1)


_SHARE = re.compile(r"(\d+\.?\d*|\.\d+)\s*(%?)", re.ASCII)


def encodable(text: str) -> str:
    r"""``text`` with what UTF-8 cannot hold (lone surrogates of undecodable file names) written as ``\udcXX``.

    Inside a JSON string that is the escape JSON itself has for it.

    >>> encodable("caf\udce9.png")
    'caf\\udce9.png'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def as_code(text: str) -> str:
    """``text`` as inline code of GitHub-flavoured Markdown, on one line and within one table cell.

    In backticks, or in entities where it holds what would end them or the cell. No link, mention, reference, tag or
    emphasis comes to life in it. Longer than 300 characters it loses its middle.

    >>> as_code("a.png"), as_code("a|b")
    ('`a.png`', '<code>a&#124;b</code>')
    """
    said = printable(text)
    if len(said) > _LONGEST:
        said = f"{said[: _LONGEST // 2]} … {said[-_LONGEST // 2 :]}"
    if said and said == said.strip() and not set(said) & set("`\\|"):
        return f"`{said}`"
    return "<code>" + "".join(c if c.isalnum() or c in " /-" else f"&#{ord(c)};" for c in said) + "</code>"


def as_prose(text: str) -> str:
    r"""``text`` as a sentence of GitHub-flavoured Markdown that nothing in it can give a meaning of its own.

    Plain words between backticks, such as a command, stay code.

    >>> as_prose("*a* for @me in #5 | www.example.org")
    '\\*a\\* for @\u200bme in #\u200b5 \\| www\u200b.example.org'
    >>> as_prose("see `labelaudit tune RUN` and `*`")
    'see `labelaudit tune RUN` and \\`\\*\\`'
    """
    parts = _CODE.split(printable(text))
    return "".join(part if place % 2 else _escape(part, first=not place) for place, part in enumerate(parts))


_CODE = re.compile(r"((?<![`\\])`[\w.=%-][\w ./=%-]*`(?!`))", re.ASCII)


def _escape(text: str, *, first: bool) -> str:
    said = re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", text)
    said = re.sub(r"(?<=[@#])(?=\w)|(?<=\bwww)(?=\.)|(?<=:)(?=//)|(?<=\bGH)(?=-\d)|(?<=:)(?=[\w+-]+:)", "\u200b", said)
    return re.sub(r"^([+#-]|\d+[.)](?!\d))", "\u200b\\1", said) if first else said


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown, its cells as they are; a heading that ends in ``:`` has its column on the right.

    >>> print(markdown_table(("name", "size:"), [("a", 1)]))
    | name | size |
    | --- | ---: |
    | a | 1 |
    """
    ruler = ["---:" if name.endswith(":") else "---" for name in head]
    lines: list[Sequence[object]] = [[name.removesuffix(":") for name in head], ruler, *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def spell_path(path: Path | str) -> str:
    """``path`` as it is typed in a shell.

    >>> spell_path("my run"), spell_path("run")
    ("'my run'", 'run')
    """
    return shlex.quote(printable(str(path)))


def name_subject(path: str) -> str:
    """The thing that a finding with ``path`` is about, for a person: ``.`` is the dataset as a whole.

    >>> name_subject("."), name_subject("cat/1.png")
    ('the dataset', 'cat/1.png')
    """
    return "the dataset" if path == "." else path


def count(number: int, one: str, many: str = "") -> str:
    """``number`` with the noun that goes with it.

    >>> count(1, "image"), count(2500, "image"), count(0, "class", "classes")
    ('1 image', '2,500 images', '0 classes')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def count_kind(number: int, kind: str) -> str:
    """A number of suspects or findings of one kind.

    >>> count_kind(4, "near_duplicate"), count_kind(4, "truncated")
    ('4 near duplicates', '4 truncated')
    """
    what = kind.replace("_", " ")
    return count(number, what) if kind in _NOUNS else f"{number:,} {what}"


_NOUNS = ("suspect", "conflict", "near_duplicate", "leak", "duplicate_row", "link_loop", "bad_name", "shortcut")


def duration(seconds: float) -> str:
    """A time that was measured.

    >>> duration(3.14), duration(119), duration(125)
    ('3.1 s', '119 s', '2 min 5 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{int(seconds) // 60} min {int(seconds) % 60} s"


def rough_duration(seconds: float) -> str:
    """A time that was forecast, in one unit.

    >>> rough_duration(119), rough_duration(3000), rough_duration(10_000), rough_duration(200_000)
    ('119 s', '50 min', '3 h', '2 days')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def size(number: float) -> str:
    """A number of bytes, in thousands, millions or billions of them as disks and a limit of 4GB count them.

    >>> size(81_300), size(5_210_000), size(52_000_000), size(2_040_000_000)
    ('81 kB', '5.2 MB', '52 MB', '2.0 GB')
    """
    if number < 1e6:
        return f"{number / 1e3:.0f} kB"
    if number < 1e9:
        return f"{number / 1e6:.{1 if number < 1e7 else 0}f} MB"
    return f"{number / 1e9:,.1f} GB"


_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Characters that steer a terminal which shows a table; tabs and line ends are part of cells."""
_EXECUTABLE = re.compile(r"[=+\-@\t\r\n]")
"""The beginning of a cell that a spreadsheet would execute."""
_AHEAD = frozenset("=+-@'")
"""Printable characters that a text begins with which `guarded` may change."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


class Lines:
    """Ends lines with ``\\n``; the writer itself must believe in ``\\r\\n``, or cells with ``\\r`` stay unquoted."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def cell(value: Any) -> str:
    """``value`` as a cell: six significant digits for floats, text that neither spreadsheet nor terminal obeys.

    ``None`` is an empty cell. `unguarded` gives printable text back.

    >>> cell(0.123456789), cell(True), cell("-0.5"), cell("=1+1")
    ('0.123457', 'True', '-0.5', "'=1+1")
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return format(value, ".6g")
    text = str(value)
    if not text.isprintable():
        text = _STEERING.sub(lambda found: printable(found[0]), text)
    return guarded(text)


def cells(values: Sequence[Any]) -> list[str]:
    """`cell` of every value of a column; equal texts are written once.

    >>> cells([0.123456789, None, 2.0]), cells(["cat", "=1+1", "cat"]), cells([1, True, -3])
    (['0.123457', '', '2'], ['cat', "'=1+1", 'cat'], ['1', 'True', '-3'])
    """
    kinds = set(map(type, values))
    if kinds == {float}:
        return [f"{value:.6g}" for value in values]
    if kinds <= {int, bool}:
        return list(map(str, values))
    if kinds == {str}:
        if "".join(values).isprintable() and _AHEAD.isdisjoint([value[:1] for value in values]):
            return list(values)
        texts = {value: cell(value) for value in set(values)}
        return [texts[value] for value in values]
    known: dict[Any, str] = {}
    said = []
    for value in values:
        key = (type(value), value)  # 1, 1.0 and True are equal
        if (found := known.get(key)) is None:
            found = known[key] = cell(value)
        said.append(found)
    return said


def guarded(text: str) -> str:
    """``text`` as a harmless cell that `unguarded` takes back exactly, whatever it holds.

    >>> guarded("=1+1"), guarded("'=1+1"), unguarded("''=1+1"), unguarded("'tis")
    ("'=1+1", "''=1+1", "'=1+1", "'tis")
    """
    return f"'{text}" if _EXECUTABLE.match(text.lstrip("'")) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """The text of a cell that `guarded` made.

    >>> names = ["=1+1", "'=1+1", "'tis", "-1", "'-1"]
    >>> [unguarded(one) for one in cells(names)] == names
    True
    """
    return text[1:] if text.startswith("'") and _EXECUTABLE.match(text.lstrip("'")) else text


def name_some(names: Sequence[str], most: int = 5) -> str:
    """The first ``most`` names and how many more there are.

    >>> name_some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def find_twice(names: Iterable[str]) -> str | None:
    """The first of the ``names`` that comes a second time; ``None`` where each comes once.

    >>> find_twice(["cat", "dog", "dog", "cat"]), find_twice(["cat"])
    ('dog', None)
    """
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def free_name(name: str, prefix: str, taken: Iterable[str]) -> str:
    """``name``, prefixed until no column of ``taken`` has it."""
    used = set(taken)
    while name in used:
        name = prefix + name
    return name
