"""Does any wrong value of any option end in more than one clear line? Every command, each of its options, on purpose.

    python benchmarks/wrong_inputs.py [--only "verdicts merge"] [--all] [--accepted]

The commands and their options are read from the command line itself, so that a new one is tried without being listed
here. A wrong value depends on the kind of option: for a path a missing file, a folder, an empty file, a pipe, damage,
another encoding, a name that no system takes; for a number one that is negative, huge, not finite, or none; for a text
an empty one, thousands of characters, what steers a terminal. Right is exit code 2 with one line (or what Typer says of
an option of another kind), or work that begins because the value is a right one after all: models and servers are kept
from starting here. `--accepted` prints those. `tests/cli/test_wrong_inputs.py` runs a part of it.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, get_args
from unittest import mock

import typer
from fault_commands import command, make_world
from results_section import make_parser
from typer.testing import CliRunner

from labelaudit.cli import app

BASES = {
    "scan": "images -o NEW --effort quick -q",
    "inspect": "images",
    "score": "RUN images -q",
    "open": "RUN --no-open --reviewer ann",
    "review": "RUN --no-open --reviewer ann",
    "tune": "RUN",
    "estimate": "RUN",
    "report": "RUN -q",
    "clean": "RUN -q",
    "impact": "RUN --test images -q --seeds 2",
    "check": "RUN -q",
    "config": "images",
    "train": "images -o NEW --epochs 1 --network cnn -q",
    "bench": "limit-mnist --plan",
    "methods": "",
    "corrupt": "images -o NEW --noise symmetric --rate .2 -q",
    "help": "",
    "verdicts show": "RUN",
    "verdicts merge": "RUN/verdicts.csv -o NEW",
    "verdicts import": "RUN answers.csv",
    "baseline show": "known.json",
    "baseline prune": "known.json RUN",
    "baseline diff": "known.json known.json",
    "baseline merge": "known.json known.json -o other.json",
}
"""Command -> a line that works, in which one value is made wrong."""
FILES = {
    "empty": b"",
    "latin1.csv": "file,label\nä.png,é\n".encode("latin1"),
    "damaged.npy": b"\x93NUMPY\x01\x00" + bytes(range(200)),
    "bytes": bytes(range(256)),
    "zeros.txt": b"\0\0\0",
    "null.json": b"null",
    "list.json": b"[1, 2, 3]",
    "deep.json": b"[" * 100_000,
    "digits.json": b'{"a": ' + b"9" * 5_000 + b"}",
    "surrogate.json": b'{"schema_version": 1, "kind": "\\ud800"}',
    "words.csv": b"hello\n",
    "damaged.toml": b"a = = 3\n",
    "damaged.parquet": b"PAR1" + bytes(40) + b"PAR1",
    "damaged.zip": b"PK\x03\x04" + bytes(60),
    "pages.xml": b"<annotations><image",
}
"""What lies in ``bad``, beside a folder, a pipe and a link to itself."""
PATHS = (
    *(f"bad/{name}" for name in FILES),
    *("bad/missing", "bad/missing.csv", "bad/folder", "bad/pipe", "bad/loop", "bad/empty/below", "bad/\udcff\x1b[31m"),
    *("", "x" * 300, "/dev/null", "/proc/nothing/here"),
)
TEXTS = ("", " ", "x" * 5_000, "NaN", "-1", "1e400", "9" * 5_000, "=", "a=b=c", ",,,", "\x1b[31mred", "\udcff", "a=nan")
WHOLE = ("-1", "0", "9" * 25, "9" * 5_000, "1.5", "nan", "abc", "")
REAL = ("nan", "inf", "-inf", "-1", "2", "1e400", "abc", "")
SMELL = re.compile(
    r"Traceback|[Vv]alue error|validation error|<class '|object at 0x|PosixPath|Errno|JSONDecodeError|invalid literal|"
    r"NoneType|\x1b|\w+Error[:(]|codec can't|dtype\(|np\."
)
"""Words of Python and of libraries that a person should not need to know."""
LONGEST = 1200


class Case(NamedTuple):
    """One command with one wrong value."""

    command: str
    option: str
    line: tuple[str, ...]


class Working(BaseException):
    """The value was taken, and the work began."""


def wrong_values(option: Any) -> tuple[str, ...]:
    kind = option.type_descriptor.annotation
    kinds = {kind, *get_args(kind)}
    if bool in kinds:
        return ()
    for known, values in ((Path, PATHS), (int, WHOLE), (float, REAL)):
        if known in kinds:
            return values
    return ("nonsense", "") if "Literal" in str(kind) else TEXTS


def list_cases(name: str) -> Iterator[Case]:
    """Every wrong value of each argument and option of a command."""
    found: Any = typer.main.get_command(app)
    for word in name.split():
        found = found.commands[word]
    arguments = 0
    for option in found.params:
        is_argument = option.param_type_name == "argument"
        for value in wrong_values(option):
            line = BASES[name].split()
            if is_argument:
                line[arguments : arguments + 1 if len(line) > arguments else arguments] = [value]
            else:
                for spelled in set(option.opts) & set(line):
                    at = line.index(spelled)
                    del line[at : at + 2]
                line.append(f"{option.opts[-1]}={value}")
            yield Case(name, option.opts[-1], tuple(line))
        arguments += is_argument


def sample_cases(name: str, number: int, seed: int = 0) -> list[Case]:
    """``number`` of the cases of a command, the same for the same seed."""
    cases = list(list_cases(name))
    return random.Random(f"{name} {seed}").sample(cases, min(number, len(cases)))


def make_bad_world(folder: Path) -> None:
    """What `fault_commands.make_world` makes, a baseline, and a folder ``bad``."""
    make_world(folder)
    command(folder, "check", "RUN", "-q", "--write-baseline", "known.json", "-o", "checked.txt")
    bad = folder / "bad"
    bad.mkdir()
    for name, content in FILES.items():
        (bad / name).write_bytes(content)
    (bad / "folder").mkdir()
    (bad / "loop").symlink_to("loop")


@contextmanager
def standing_in(world: Path) -> Iterator[Path]:
    """A copy of ``world`` as the working directory, with nothing of the machine's own in reach."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "world"
        shutil.copytree(world, folder, symlinks=True)
        os.mkfifo(folder / "bad" / "pipe")
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(here)


@contextmanager
def no_work() -> Iterator[None]:
    """Models, training and servers raise `Working` where they would begin."""
    import torch

    from labelaudit.features.runners import import_onnxruntime

    def begin(*_: object, **__: object) -> None:
        raise Working

    with (
        mock.patch.object(torch.nn.Module, "__call__", begin),
        mock.patch.object(import_onnxruntime().InferenceSession, "run", begin),
        mock.patch("labelaudit.review.server.make_server", begin),
    ):
        yield


def run_case(case: Case, world: Path) -> tuple[str, str]:
    """How it ended (``refused``, ``taken``, or what is wrong with that), and all that it said."""
    cache = world / "cache"
    with standing_in(world) as folder, no_work():
        there = {path.name for path in folder.iterdir()}
        try:
            ended = CliRunner().invoke(
                app, [*case.command.split(), *case.line], prog_name="labelaudit", env={"XDG_CACHE_HOME": str(cache)}
            )
        except Working:
            return "taken", "(work began)"
        left = {path.name for path in folder.iterdir()} - there
    said = ended.output
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        return f"{type(ended.exception).__name__}: {ended.exception}"[:300], said
    if any(name.startswith(".") for name in left):
        return f"leaves {sorted(left)} behind", said
    if (smell := SMELL.search(said)) is not None:
        return f"says {smell.group()!r}", said
    if ended.exit_code in (0, 1):
        return "taken", said
    return ("refused" if ended.exit_code == 2 else f"exit code {ended.exit_code}"), said


def check_words(outcome: str, said: str) -> str:
    """``outcome``, or what is wrong with the words of a refusal."""
    if outcome != "refused":
        return outcome
    lines = said.strip().splitlines()
    if lines[0].startswith("Usage:"):  # of Typer
        return outcome
    told = [line for line in lines if line.startswith("labelaudit: ")]
    if len(told) != 1 or told[0] != lines[-1]:
        return "is no single line that begins with its name"
    return outcome if len(told[0]) <= LONGEST else f"{len(told[0])} characters"


def campaign(
    cases: list[Case], world: Path, tell: Callable[[Case, str, str], None] = lambda *_: None
) -> tuple[Counter[str], list[str]]:
    """How often each right outcome came, and every fault."""
    counts, faults = Counter[str](), list[str]()
    for case in cases:
        outcome, said = run_case(case, world)
        outcome = check_words(outcome, said)
        tell(case, outcome, said)
        counts[outcome if outcome in ("taken", "refused") else "fault"] += 1
        if outcome not in ("taken", "refused"):
            shown = " ".join(word if len(word) < 60 else f"{word[:50]}…" for word in case.line)
            faults.append(f"{case.command} {shown!a}: {outcome} | {said.strip()[-200:]!a}")
    return counts, faults


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--only", help="one command")
    parser.add_argument("--most", type=int, default=10**9, help="cases of each command")
    parser.add_argument("--accepted", action="store_true", help="print what was taken")
    chosen = parser.parse_args()

    def tell(case: Case, outcome: str, said: str) -> None:
        if chosen.accepted and outcome == "taken":
            print(f"taken: {case.command} {' '.join(case.line)!a} {said.strip()[-100:]!a}"[:400])

    total, found = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as place:
        world = Path(place) / "world"
        make_bad_world(world)
        for name in [chosen.only] if chosen.only else BASES:
            counts, faults = campaign(sample_cases(name, chosen.most), world, tell)
            total += counts
            found += faults
            print(f"{name}: {dict(counts)}", *faults, sep="\n", flush=True)
    print(f"all: {dict(total)}")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
