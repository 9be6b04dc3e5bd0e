"""Which files a gate is about: those changed since a Git revision, or a list that somebody brings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from labelaudit.errors import OptionError, RunError

METADATA = ("metadata.csv", "metadata.jsonl")
"""Tables of labels inside a folder of images, as `labelaudit.sources` knows them."""

_HOOKED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""What Git sets for its hooks, relative to another folder than ours."""


def changed_since(revision: str, place: Path) -> list[Path]:
    """Files at or below ``place`` that differ from where ``revision`` and the working tree parted; new ones included.

    Deleted files are not among them. Changes that others made to ``revision`` since then do not count. Where the two
    parted more than once, the point that Git takes for the best one counts.

    Raises:
        RunError: git is not there, ``place`` is in no repository or ignored by it, or the revision is not known or
            never parted from ours.
    """
    if revision.startswith("-"):
        raise OptionError(f"--changed-since '{revision}': name a branch, tag or commit")
    folder = place if place.is_dir() else place.parent
    if _run_git(folder, ["check-ignore", "-q", "--", "."]).returncode == 0:
        raise RunError(f"--changed-since: Git ignores {folder}, so it knows of no change: list the files with --files")
    parted = _find_parting(folder, revision)
    changed = _git(folder, ["diff", "--name-only", "-z", "--relative", "--diff-filter=d", parted, "--", "."])
    untracked = _git(folder, ["ls-files", "--others", "--exclude-standard", "-z", "--", "."])
    return [folder / name for name in dict.fromkeys([*changed, *untracked])]


def _find_parting(folder: Path, revision: str) -> str:
    """The commit at which ``revision`` and HEAD parted; what cannot be said of them names the way out."""
    _git(folder, ["rev-parse", "--git-dir"])
    shallow = _git(folder, ["rev-parse", "--is-shallow-repository"]) == ["true\n"]
    deeper = "this clone has only the latest commits: fetch all of them (`git fetch --unshallow`, or fetch-depth: 0)"
    if _run_git(folder, ["rev-parse", "-q", "--verify", "--end-of-options", f"{revision}^{{commit}}"]).returncode:
        advice = deeper if shallow else "fetch it, or name a branch, tag or commit that `git log` knows"
        raise RunError(f"--changed-since: Git knows no commit '{revision}' here; {advice}")
    if _run_git(folder, ["rev-parse", "-q", "--verify", "HEAD"]).returncode:
        raise RunError("--changed-since: the branch that is checked out has no commit yet, so nothing parted from it")
    parted = _run_git(folder, ["merge-base", revision, "HEAD"]).stdout.decode().strip()
    if not parted:
        advice = (
            deeper
            if shallow
            else "name a commit of this branch, or list the files (`git diff --name-only A B` | --files -)"
        )
        raise RunError(f"--changed-since: '{revision}' and HEAD have no commit in common; {advice}")
    return parted


def read_list(source: Path) -> list[Path]:
    """The files that ``source`` (``-``: stdin) lists, one a line or separated by NUL; empty lines do not count."""
    try:
        if str(source) == "-" and sys.stdin is None:
            raise OptionError("--files -: stdin is closed, so no list of files came")
        data = sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()
    except OSError as error:
        raise RunError(f"cannot read the list of files {source} ({error.strerror})") from None
    text = data.decode("utf-8", "surrogateescape")
    names = text.split("\0") if "\0" in text else text.splitlines()
    return [Path(name) for name in dict.fromkeys(names) if name.strip()]


def _git(folder: Path, arguments: list[str]) -> list[str]:
    """The NUL-separated names that a git command prints."""
    ended = _run_git(folder, arguments)
    if ended.returncode:
        said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RunError(f"--changed-since: Git says: {said[0] if said else f'exit code {ended.returncode}'}")
    return [name for name in ended.stdout.decode("utf-8", "surrogateescape").split("\0") if name]


def _run_git(folder: Path, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Git in ``folder``, without what a hook's Git says about another one."""
    environment = {name: value for name, value in os.environ.items() if name not in _HOOKED}
    line = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(line, capture_output=True, check=False, env=environment)
    except OSError as error:
        raise RunError(f"--changed-since needs git, which cannot be run ({error.strerror})") from None


def place_files(files: list[Path], data: Path, labels: Path | None) -> tuple[frozenset[str], bool, int]:
    """What ``files`` are to the dataset: (sample ids, whether its labels are among them, how many lie outside).

    Labels of a dataset are in a table, or in one file with the images; a change there may be about any sample.
    """
    base = os.path.realpath(data if data.is_dir() else data.parent)
    tables = {os.path.realpath(table) for table in (labels, None if data.is_dir() else data) if table is not None}
    ids, outside, relabelled = set(), 0, False
    for file in files:
        real = os.path.join(os.path.realpath(file.parent), file.name)  # noqa: PTH118  the name may be a link
        inside = Path(os.path.relpath(real, base)).as_posix()
        if os.path.realpath(real) in tables or (not inside.startswith("../") and file.name in METADATA):
            relabelled = True
        elif inside.startswith("../"):
            outside += 1
        else:
            ids.add(inside)
    return frozenset(ids), relabelled, outside
