"""Text from data made safe to show: what a file name holds may not steer a terminal, a log or a document."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""``text`` with control, bidirectional and undecodable characters escaped: no file name can steer a terminal.

    >>> printable("cat\x1b[31m.png")
    'cat\\x1b[31m.png'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def encodable(text: str) -> str:
    r"""``text`` with what UTF-8 cannot hold (lone surrogates of undecodable file names) written as ``\udcXX``.

    Inside a JSON string that is the escape JSON itself has for it.

    >>> encodable("caf\udce9.png")
    'caf\\udce9.png'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
