"""Does damaged or hostile input ever do more than give one line? Every reader, fed with files that were tampered with.

    python benchmarks/fuzz.py [--seconds 20] [--only NAME] [--seed 0] [--write]

Each target is a small file that is read without trouble. Its bytes are then flipped, cut, doubled, replaced by what
parsers stumble over (brackets thousands deep, numbers of thousands of digits, lone surrogates, numbers that are not
finite), and it is read again. An answer or one `LabelAuditError` of one line is right; any other exception, and more
than five seconds, is a fault, whose seed is printed. `--write` puts the counts into RESULTS.md. `tests/test_fuzz.py`
runs a few of the same.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from fuzz_formats import FORMATS
from fuzz_models import MODELS
from fuzz_targets import DOCUMENTS, Target
from results_section import make_parser, write_section

from labelaudit.errors import LabelAuditError

TARGETS: Mapping[str, Target] = {**DOCUMENTS, **FORMATS, **MODELS}
SLOW = 5.0
"""Seconds that reading a file of a few kilobytes may take."""
STUMBLING = (
    *(b"[" * 100_000, b'{"a":' * 20_000, b"9" * 5_000, b"-" + b"9" * 5_000, b"1e999", b"-1", b"NaN", b"Infinity"),
    *(
        b"null",
        b"[]",
        b"{}",
        b'""',
        b"0",
        b"1e38",
        b"\\ud800",
        b"\xed\xa0\x80",
        b"\xff\xfe",
        b"\0",
        b"\x1b[31m",
        b"%00",
    ),
    *(b"../../etc/passwd", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"=cmd|' /C calc'!A0", b"\r", b'"', b"'", b",", b"\n"),
)


def tampered(data: bytes, draw: random.Random) -> bytes:
    """``data`` after one to four changes."""
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(data) + 1)
        end = min(len(data), at + draw.choice((1, 1, 4, 20, 200)))
        kind = draw.randrange(7)
        if kind == 0 and data:
            place = min(at, len(data) - 1)
            data = data[:place] + bytes([data[place] ^ (1 << draw.randrange(8))]) + data[place + 1 :]
        elif kind == 1:
            data = data[:at]
        elif kind == 2:
            data = data[:at] + draw.randbytes(draw.randint(1, 16)) + data[end:]
        elif kind == 3:
            data = data[:end] + data[at:]
        elif kind == 4:
            data = data[:at] + data[end:]
        else:
            data = data[:at] + draw.choice(STUMBLING) + (data[end:] if kind == 5 else data[at:])
    return data


@cache
def prepared(name: str) -> tuple[tempfile.TemporaryDirectory[str], Path, dict[Path, bytes]]:
    """The files of a target as they are when nobody has touched them."""
    folder = tempfile.TemporaryDirectory()
    file = TARGETS[name].make(Path(folder.name))
    return folder, file, {path: path.read_bytes() for path in Path(folder.name).rglob("*") if path.is_file()}


def attack(name: str, seed: int) -> str:
    """Tamper with target ``name`` and read it: ``read``, ``refused``, or what is wrong with how it ended."""
    target, draw = TARGETS[name], random.Random(f"{name} {seed}")
    _, file, whole = prepared(name)
    file.write_bytes(tampered(whole[file], draw))
    target.seal(file)
    try:
        target.read(file)
        outcome = "read"
    except LabelAuditError as error:
        outcome = "refused" if "\n" not in str(error).strip() else f"{len(str(error).splitlines())} lines: {error!r}"
    except Exception as error:  # the fault that is looked for
        outcome = f"{type(error).__name__}: {error}"[:300]
    for path, data in whole.items():
        if path == file or path.name == "audit.json":
            path.write_bytes(data)
    return outcome


def campaign(name: str, seeds: Iterator[int], seconds: float) -> tuple[Counter[str], list[str]]:
    """Attack one target for some seconds: how often each right outcome came, and every fault with its seed."""
    counts, faults = Counter[str](), list[str]()
    prepared(name)
    ending = time.monotonic() + seconds
    while time.monotonic() < ending:
        seed = next(seeds)
        started = time.perf_counter()
        outcome = attack(name, seed)
        took = time.perf_counter() - started
        if took > SLOW and outcome in ("read", "refused"):
            outcome = f"{took:.1f} s"
        counts[outcome if outcome in ("read", "refused") else "fault"] += 1
        if outcome not in ("read", "refused"):
            faults.append(f"{name}, seed {seed}: {outcome}")
    return counts, faults


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="for each target")
    parser.add_argument("--only", help="one target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    chosen = parser.parse_args()
    lines = ["| file | tampered with | read | refused in one line | faults |", "|---|---|---|---|---|"]
    total, found = Counter[str](), list[str]()
    for name in [chosen.only] if chosen.only else TARGETS:
        counts, faults = campaign(name, iter(range(chosen.seed, 10**9)), chosen.seconds)
        total += counts
        found += faults
        cells = [f"{counts[kind]:,}" for kind in ("read", "refused", "fault")]
        lines.append(f"| {name} | {counts.total():,} | {' | '.join(cells)} |")
        print(lines[-1], *faults[:5], sep="\n", flush=True)
    cells = [f"{total[kind]:,}" for kind in ("read", "refused", "fault")]
    lines.append(f"| all | {total.total():,} | {' | '.join(cells)} |")
    print(lines[-1])
    if chosen.write:
        write_section("fuzz", "\n".join(lines), title="Tampered files (`benchmarks/fuzz.py`)")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
