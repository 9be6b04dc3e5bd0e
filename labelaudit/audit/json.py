"""``summary.json`` for machines and ``audit.json`` for later commands.

``summary.json`` is `Audit.summary`. ``audit.json`` holds what is said of the dataset as a whole (findings, settings,
notes), one line per part; with ``evidence.npz``, which holds what is said of each row, it becomes the same audit again.
It says which bytes belong to it in other files, and its last line is the digest of the lines before. Numbers that are
not finite are ``null``: both files are strict JSON. Left out: images.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labelaudit.arrays import Arrays
from labelaudit.audit.concentration import Concentration
from labelaudit.audit.document import Audit, finding_record
from labelaudit.audit.npz import decision_of, evidence_of, rows_of
from labelaudit.data.ingest import DIGEST_BYTES, digest
from labelaudit.errors import RunError
from labelaudit.files import read_regular
from labelaudit.machine import Stage
from labelaudit.text import shown_json
from labelaudit.types import Decision, Finding, Samples

AUDIT_VERSION = 2
"""Version of ``audit.json``; raised when a reader of the old form would misread the new one."""


def write_summary(audit: Audit, path: Path) -> None:
    """The dataset as a whole, indented for reading."""
    text = json.dumps(plain(audit.summary()), indent=2, ensure_ascii=False, allow_nan=False)
    # a name that is not valid UTF-8 holds lone surrogates, and backslashreplace writes them as JSON escapes them
    path.write_text(text + "\n", encoding="utf-8", errors="backslashreplace", newline="\n")


def render_suspects(audit: Audit) -> str:
    """The summary with the rows of ``suspects.csv`` in it, as ``suspects.list``, indented for reading."""
    summary = audit.summary()
    summary["suspects"] = {**summary["suspects"], "list": audit.table("suspects")}
    return shown_json(json.dumps(plain(summary), indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def write_audit(audit: Audit, path: Path, *, companions: Mapping[str, str]) -> None:
    """The dataset as a whole, one line per part; ``companions`` are the digests of the files that belong to it."""
    samples, decision = audit.samples, audit.decision
    parts = {
        "schema_version": AUDIT_VERSION,
        "fingerprint": audit.fingerprint,
        "settings": audit.settings,
        "seed": audit.seed,
        "device": audit.device,
        "versions": audit.versions,
        "notes": audit.notes,
        "stages": [[stage.name, stage.seconds, stage.peak_bytes] for stage in audit.stages],
        "decision": {
            "threshold": decision.threshold,
            "sure_threshold": decision.sure_threshold,
            "noise_rate": decision.noise_rate,
            "noise_interval": decision.noise_interval,
            "recipe": decision.recipe,
        },
        "evidence": [
            {"name": name, "method": evidence.method, "tables": evidence.tables}
            for name, evidence in audit.evidence.items()
        ],
        "shown": {name: _short(audit.shown_values(name)) for name in audit.shown},
        "findings": [finding_record(finding) for finding in audit.findings],
        "concentrations": [one.record() for one in audit.concentrations],
        "root": samples.root,
        "classes": samples.classes,
        "extra": list(samples.extra),
        **({"codes": samples.codes} if samples.codes else {}),
        "companions": companions,
    }
    found, before = hashlib.blake2b(digest_size=DIGEST_BYTES), "{\n"
    with path.open("wb") as file:
        for name, part in parts.items():
            text = json.dumps(plain(part), ensure_ascii=False, allow_nan=False)
            data = f'{before}"{name}": {text}'.encode("utf-8", "backslashreplace")
            found.update(data)
            file.write(data)
            before = ",\n"
        file.write(_seal(found.hexdigest()))


def _seal(checksum: str) -> bytes:
    """The end of ``audit.json``: the digest of what comes before it."""
    return f',\n"checksum": "{checksum}"\n}}\n'.encode()


def load_parts(path: Path) -> dict[str, Any]:
    """The content of ``audit.json`` as JSON has it, its checksum compared.

    Raises:
        RunError: a newer or an earlier labelaudit wrote it. What is damaged raises `KeyError`, `TypeError` or
            `ValueError`.
    """
    data = read_regular(path)
    parts = json.loads(data)
    if not isinstance(parts, dict):
        raise TypeError("audit.json is not an object")
    version = parts["schema_version"]
    if not isinstance(version, int):
        raise TypeError("schema_version is not a number")
    if version > AUDIT_VERSION:
        raise RunError(
            f"{path} was written by a newer labelaudit (schema {version}, this one reads up to {AUDIT_VERSION}): "
            "pip install -U labelaudit"
        )
    if version < AUDIT_VERSION:
        raise RunError(
            f"{path.parent} was made by an earlier labelaudit: run `labelaudit scan` again; its verdicts are kept"
        )
    if "checksum" not in parts:
        raise ValueError("audit.json was changed since it was written")
    length = len(_seal(digest(b"")))
    if _seal(digest(data[:-length])) != data[-length:]:
        raise ValueError("audit.json was changed since it was written")
    return parts


def build_audit(parts: Mapping[str, Any], arrays: Arrays, files: Mapping[str, Path]) -> Audit:
    """The audit of `load_parts` with the ``arrays`` of its ``evidence.npz``; what does not fit raises as there."""
    verdict = parts["decision"]
    low, high = verdict["noise_interval"]
    rows, labels = rows_of(arrays)
    audit = Audit(
        samples=Samples(
            ids=rows["ids"],
            labels=labels,
            classes=tuple(parts["classes"]),
            digests=rows["digests"],
            splits=rows.get("splits"),
            extra={name: rows[f"extra/{number}"] for number, name in enumerate(parts["extra"])},
            codes=parts.get("codes", {}),
            root=parts["root"],
            groups=rows.get("groups", ()),
        ),
        decision=Decision(
            **decision_of(arrays, labels, len(parts["classes"])),
            threshold=_number(verdict["threshold"]),
            sure_threshold=None if verdict.get("sure_threshold") is None else _number(verdict["sure_threshold"]),
            noise_rate=_number(verdict["noise_rate"]),
            noise_interval=(_number(low), _number(high)),
            reasons=rows["reasons"],
            recipe=verdict["recipe"],
        ),
        evidence={
            entry["name"]: evidence_of(
                arrays,
                entry["name"],
                method=entry["method"],
                tables=entry["tables"],
                labels=labels,
                classes=len(parts["classes"]),
            )
            for entry in parts["evidence"]
        },
        findings=tuple(Finding(**record) for record in parts["findings"]),
        settings=parts["settings"],
        stages=tuple(Stage(name=name, seconds=seconds, peak_bytes=peak) for name, seconds, peak in parts["stages"]),
        notes=tuple(parts["notes"]),
        versions=parts["versions"],
        device=parts["device"],
        seed=parts["seed"],
        files=files,
    )
    vars(audit)["fingerprint"] = parts["fingerprint"]  # which would take longer than all else of a million samples
    found = [Concentration(**{**record, "others": tuple(record["others"])}) for record in parts["concentrations"]]
    vars(audit)["concentrations"] = tuple(found)
    return audit


_PLAIN = {str, int, bool, type(None)}


def plain(value: Any) -> Any:
    """``value`` as the types of JSON: dicts, lists, strings, finite numbers, booleans and None.

    >>> plain({"rate": float("nan"), "pair": (np.float64(0.5), Path("a") / "b")})
    {'rate': None, 'pair': [0.5, 'a/b']}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        kinds = set(map(type, value))
        simple = kinds <= _PLAIN or (kinds == {float} and all(map(math.isfinite, value)))  # a million names, say
        return list(value) if simple else [plain(entry) for entry in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_line(value: Any) -> str:
    """``value`` as JSON on one line, without a character that could steer a terminal."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _short(values: Any) -> list[Any]:
    """Six significant digits of floats, the rest as it is: for people, ``evidence.npz`` has every bit."""
    return [float(f"{value:.6g}") if isinstance(value, float) else value for value in values.tolist()]


def _number(value: float | None) -> float:
    """A number of ``audit.json``, where ``null`` stands for NaN."""
    return math.nan if value is None else float(value)
