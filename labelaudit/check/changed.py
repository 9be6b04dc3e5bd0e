"""The files a check is about: those changed since a Git revision, or a list that somebody brings."""

from __future__ import annotations

import codecs
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from labelaudit.check.located import Located, is_below, resolve_links, touches
from labelaudit.errors import OptionError, RunError

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def changed_since(revision: str, located: Located) -> list[Path]:
    """Files of a dataset that differ from where ``revision`` and the working tree parted; new and deleted ones too.

    Changes that others made to ``revision`` since then do not count. Where the two parted more than once, the point
    that Git takes for the best one counts. Of a nested repository Git names only the folder.

    Raises:
        RunError: git is not there, the dataset or a file of it is in no repository or ignored by it, or the revision
            is not known or never parted from ours.
    """
    if revision.startswith("-"):
        raise OptionError(f"`changed_since` '{revision}': name a branch, tag or commit")
    paths = dict.fromkeys([*located.whole, *(path for reach in located.names.values() for path in reach)])
    changed, whole, tracked = list[str](), list[str](), set[str]()
    for root, folder in _find_roots(located.base, paths).items():
        parted = _find_parting(root, revision)
        diff = ["diff", "--name-only", "-z", "--no-renames", "--ignore-submodules=none", parted, "--", folder]
        untracked = ["ls-files", "--others", "--exclude-standard", "-z", "--", folder]
        new = [os.path.normpath(f"{root}/{name}") for name in _git(root, untracked)]
        differs = [os.path.normpath(f"{root}/{name}") for name in _git(root, diff)]
        changed += [*differs, *new]
        known = _git(root, ["ls-files", "-z", "--recurse-submodules", "--", folder])
        tracked |= {f"{root}/{name}" for name in known}
        whole += [*new, *filter(os.path.isdir, differs), str(Path(root, ".git"))]
    _refuse_unwatched(paths, touches(whole), tracked)
    concerned = {*paths, *(folder for path in paths for folder in _folders(path))}
    return [Path(name) for name in dict.fromkeys(changed) if located.contains(name) or name in concerned]


def _find_roots(base: str, paths: Iterable[str]) -> dict[str, str]:
    """The repositories that hold the dataset -> the folder in each below which all of its files lie.

    What is in no repository is left out: `_refuse_unwatched` names it. A nested repository is part of the outer one.
    """
    outer = _git(base, ["rev-parse", "--show-toplevel"])[0].removesuffix("\n")
    found: dict[str, list[str]] = {outer: [base]}
    for folder in dict.fromkeys(os.path.split(path)[0] for path in paths):
        root = next((root for root in found if is_below(folder, root)), None)
        if root is None and Path(folder).is_dir():
            ended = _run_git(folder, ["rev-parse", "--show-toplevel"])
            root = os.fsdecode(ended.stdout).removesuffix("\n") if not ended.returncode else None
        if root is not None and not is_below(folder, f"{root}/.git"):
            found.setdefault(root, []).append(folder)
    return {root: os.path.commonpath(folders) for root, folders in found.items()}


def _refuse_unwatched(paths: Iterable[str], below: Callable[[str], bool], tracked: set[str]) -> None:
    """Raise `RunError` for a file of the dataset that Git does not watch: its change would go unnoticed.

    Git's own folder is as good as watched: what git-annex keeps there is named by its content.
    """
    folders: dict[str, str] = {}
    for path in dict.fromkeys(resolve_links(path, folders) for path in paths):
        if path not in tracked and not below(path) and os.path.lexists(path):
            shown = os.path.relpath(path) if is_below(path, str(Path.cwd())) else path
            raise RunError(
                f"`changed_since`: Git ignores '{shown}', or it lies in another repository, so nothing says whether it "
                "changed: leave out `changed_since`, or list what changed with `files`"
            )


def _folders(path: str) -> Iterator[str]:
    while path != (path := os.path.split(path)[0]):
        yield path


def _find_parting(folder: str, revision: str) -> str:
    """The commit at which ``revision`` and HEAD parted; raises `RunError` with advice where there is none."""
    _git(folder, ["rev-parse", "--git-dir"])
    shallow = _git(folder, ["rev-parse", "--is-shallow-repository"]) == ["true\n"]
    deeper = "this clone has only the latest commits: fetch all of them (`git fetch --unshallow`, or fetch-depth: 0)"
    if _run_git(folder, ["rev-parse", "-q", "--verify", "--end-of-options", f"{revision}^{{commit}}"]).returncode:
        advice = deeper if shallow else "fetch it, or name a branch, tag or commit that `git log` knows"
        raise RunError(f"`changed_since`: Git knows no commit '{revision}' here; {advice}")
    if _run_git(folder, ["rev-parse", "-q", "--verify", "HEAD"]).returncode:
        raise RunError("`changed_since`: the branch that is checked out has no commit yet, so nothing parted from it")
    parted = _run_git(folder, ["merge-base", revision, "HEAD"]).stdout.decode().strip()
    if not parted:
        advice = "name a commit of this branch, or list the files (`git diff -z --name-only A B` writes such a list)"
        advice = deeper if shallow else advice
        raise RunError(f"`changed_since`: '{revision}' and HEAD have no commit in common; {advice}")
    return parted


def parse_list(data: bytes) -> list[Path]:
    """The files that ``data`` lists, one a line or separated by NUL; empty lines do not count.

    Lines end with LF or CRLF, and nowhere else; a name in quotes is read as Git writes it.
    """
    text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    names = text.split("\0") if "\0" in text else [_unquote(line.removesuffix("\r")) for line in text.split("\n")]
    return [Path(name) for name in dict.fromkeys(names) if name.strip()]


def _unquote(line: str) -> str:
    """The name that Git put in quotes, which it does to any that is not plain ASCII, unless it is told ``-z``."""
    if len(line) < 2 or line[0] != '"' or line[-1] != '"' or os.path.lexists(line):
        return line
    data = _ESCAPE.sub(_unescape, line[1:-1].encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")


def _unescape(found: re.Match[bytes]) -> bytes:
    said = found[1]
    return bytes([int(said, 8) & 255]) if said.isdigit() else _ESCAPED.get(said, said)


def _git(folder: str, arguments: list[str]) -> list[str]:
    """The NUL-separated names that a git command prints."""
    ended = _run_git(folder, arguments)
    if ended.returncode:
        said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RunError(f"`changed_since`: Git says: {said[0] if said else f'exit code {ended.returncode}'}")
    return [name for name in ended.stdout.decode("utf-8", "surrogateescape").split("\0") if name]


def _run_git(folder: str, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    line = ["git", "--literal-pathspecs", "-C", folder, *arguments]
    try:
        return subprocess.run(line, capture_output=True, check=False)
    except OSError as error:
        raise RunError(f"`changed_since` needs git, which cannot be run ({error.strerror})") from None
