"""Runs that are over, one JSON line each, so that none has to be made twice.

A run is the same when preset, arm, seed, device, epochs, samples, data and everything its arm and setting say are.
Lines are only ever added; one that a crash tore is dropped when the file is read, and made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from labelaudit.bench.preset import Arm, Device, Preset
from labelaudit.errors import RunError, reason_of, writing


@dataclass(frozen=True, kw_only=True)
class Run:
    """One arm with one seed."""

    preset: str
    arm: str
    seed: int
    device: Device
    epochs: int
    samples: int
    """Training samples."""
    cut: int | None
    """``samples``, where it made training, validation or test smaller."""
    whole: bool
    """Neither ``samples`` nor ``epochs`` made it less than the preset says."""
    definition: str
    """Digest of what the preset says: runs compare only where it is equal."""
    data: str
    """`Dataset.fingerprint`."""
    values: Mapping[str, float | None]
    """Reading -> value; ``None`` where it does not apply."""
    noise: float
    """Share of training labels that are wrong."""
    seconds: float
    core_seconds: float
    """Processor time of this process, over all its cores, which other work on the machine does not stretch; 0 = not
    measured, as of a run that was cut off and went on."""
    busy: float
    """Processes that waited for a core or had one, per core, when the run began (load average of a minute)."""
    machine: str
    versions: Mapping[str, str]
    date: str
    series: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    """Column of the curves -> one value per epoch, of those that the arm asks for."""

    @property
    def key(self) -> tuple[Any, ...]:
        """The fields that make two runs the same."""
        return (self.preset, self.arm, self.seed, self.device, self.epochs, self.cut, self.definition, self.data)

    @property
    def digest(self) -> str:
        """The key in 16 hexadecimal digits."""
        return hashlib.blake2b(json.dumps(self.key).encode(), digest_size=8).hexdigest()


def definition_of(preset: Preset, arm: Arm) -> str:
    """A digest of the arm as it is trained and read, and of the setting."""
    setting = {f.name: getattr(preset.setting, f.name) for f in fields(preset.setting) if f.name not in _UNTOLD}
    setting |= {name: value for name in _LATER if (value := getattr(preset.setting, name))}
    untold = ("readings", "epochs", "series", "after")
    own = {f.name: getattr(arm, f.name) for f in fields(arm) if f.name not in untold}
    own |= {} if arm.after is None else {"after": definition_of(preset, arm.after)}
    own["readings"] = [reading.name for reading in arm.readings]
    text = json.dumps([setting, own], sort_keys=True, default=dict)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


_LATER = ("sees_images", "outside", "backbone")
"""Fields that came when there were runs already: told where they say something."""
_UNTOLD = ("plant", "level", *_LATER)


def read(path: Path) -> tuple[Run, ...]:
    """All runs of a file, which need not be there; raises `RunError` for one that holds something else."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"cannot read {path} ({reason_of(error)}): choose another file with `output`") from None
    runs = []
    for number, line in enumerate(lines, 1):
        try:
            runs.append(Run(**json.loads(line)))
        except (ValueError, TypeError):
            if number == len(lines) and not line.endswith("\n"):
                break
            raise RunError(f"{path}, line {number}, is not a finished run: remove the line") from None
    return tuple(runs)


def append(path: Path, run: Run) -> None:
    """Add one run, on the disk when this returns; raises `RunError` where it cannot be written."""
    line = json.dumps(asdict(run), ensure_ascii=False).encode() + b"\n"
    with writing(path, "choose another file with `output`"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            file.seek(0)
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)  # a line that was torn is not a run
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
