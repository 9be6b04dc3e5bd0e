"""Spellings of one class: names that differ in letter case, spaces, quotes, dashes, invisible signs or the way a number
is written.

Left out: plurals, synonyms and slips of the pen; classes that models cannot tell apart are named by a scan.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import Decimal

from labelaudit.text import encodable

LONGEST = 1000
"""Signs of a name; what is longer is a text."""
_LOOK_ALIKES = str.maketrans("асеорхуіјѕАВЕКМНОРСТХІЈЅ", "aceopxyijsABEKMHOPCTXIJS")
"""Cyrillic letters, and the Latin ones that they look like."""

_TRUTHS = dict.fromkeys(["true", "yes", "y", "t", "1"], "yes") | dict.fromkeys(["false", "no", "n", "f", "0"], "no")
"""Ways to write yes and no: where all classes are such, the ways of one are one class."""


def unify_spelling(labels: Sequence[str | None]) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Labels with composed accents and without halves of signs, which UTF-8 cannot hold, and notes about names that
    differ in letter case, spaces or digits alone.

    >>> unify_spelling(["Cat", "cat", "dog"])[1]
    ("Classes that differ in spelling only: 'Cat' (1) and 'cat' (1).",)
    """
    found = Counter(labels)
    form = {label: None if label is None else encodable(unicodedata.normalize("NFC", label)) for label in found}
    composed = tuple([form[label] for label in labels])
    counts = Counter[str]()
    for label, count in found.items():
        if (name := form[label]) is not None:
            counts[name] += count
    notes = []
    for names in find_spellings(sorted(counts)):
        listed = " and ".join(f"'{name}' ({counts[name]:,})" for name in names)
        notes.append(f"Classes that differ in spelling only: {listed}.")
    return composed, tuple(notes)


def find_spellings(classes: Sequence[str]) -> list[tuple[str, ...]]:
    """Classes that are one but for case, spaces, quotes, dashes, invisible signs or the way a number is written.

    >>> find_spellings(["1", "1.0", "01", "Cat", "cat ", "dog"])
    [('1', '1.0', '01'), ('Cat', 'cat ')]
    >>> find_spellings(["12345678", "12345679", "1e3", "1000"])
    []
    >>> find_spellings(["E", "e", "-1", "1", "1 2", "12", "ice-cream", "ice cream", "icecream"])
    [('ice-cream', 'ice cream', 'icecream')]
    >>> find_spellings(["x\u2013ray", "x-ray", "lady\u2019s", "lady's", "cat_", "cat", "HER2", "HER2-"])
    [('x–ray', 'x-ray'), ('lady’s', "lady's"), ('cat_', 'cat')]
    >>> find_spellings(["salt &amp; pepper", "salt & pepper", "c\u0430t", "cat,", "cat", "cats", "кот", "kot"])
    [('salt &amp; pepper', 'salt & pepper'), ('cаt', 'cat,', 'cat')]
    >>> find_spellings(["True", "1", "no", "0"]), find_spellings(["yes", "1", "2"])
    ([('True', '1'), ('no', '0')], [])
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    plain = {name: plain_spelling(name) for name in classes}
    are_truths = {word.casefold() for word in plain.values()} <= _TRUTHS.keys() and any(
        len(name) > 1 for name in classes
    )
    for name, word in plain.items():
        found[_TRUTHS[word.casefold()] if are_truths else word].append(name)
    return [tuple(names) for names in found.values() if len(names) > 1]


def plain_spelling(name: str) -> str:
    """A name without what the eye does not see: case, spaces, signs of no width; numbers in one way. Texts that are too
    long for a name stay as they are."""
    if len(name) > LONGEST:
        return name
    text = unicodedata.normalize("NFKC", html.unescape(name))
    text = "".join(_plain_sign(sign) for sign in text).strip()
    if re.search("[a-zA-Z]", text):  # letters of two alphabets in one name
        text = text.translate(_LOOK_ALIKES)
    if len(text) > 1:  # single letters are classes
        text = (text.strip("'\"").rstrip("./").strip(" _,;:") or text).casefold()
    text = re.sub(r"(?<=[^\W\d_])[\s_-]+(?=[^\W\d_])", "", text)
    text = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", text)
    return str(Decimal(text).normalize()) if re.fullmatch(r"[+-]?\d{1,300}(\.\d+)?", text) else text


def _plain_sign(sign: str) -> str:
    """A sign as it is typed: one dash, one quote, and nothing for what has no width."""
    kind = unicodedata.category(sign)
    if kind in ("Cf", "Cc") or sign in "\ufe0e\ufe0f":  # the last two choose how the sign before is drawn
        return ""
    if kind == "Pd" or sign == "\u2212":  # the minus of mathematics
        return "-"
    return "'" if kind in ("Pi", "Pf") or sign in "`\u00b4\u2032" else sign
