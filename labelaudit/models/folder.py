"""The MODEL folder: weights, what shaped them, the curves and pictures of the run; and reading a model back.

While a run is under way the folder holds its checkpoint; ``model.json`` is written last and makes it a model. Files are
replaced whole. Reading runs nothing that is in them.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from labelaudit.errors import LabelAuditError, RunError, reason_of
from labelaudit.files import fresh_bytes, fresh_text, is_partial, read_regular, write_text
from labelaudit.models.curves import Row
from labelaudit.models.figures import draw_lines, draw_reliability, draw_stack
from labelaudit.models.model import WEIGHTS, Model, rebuild
from labelaudit.models.run import FittedModel
from labelaudit.networks import read_weights
from labelaudit.training.batches import Scaling
from labelaudit.types import Ints

ABOUT, CHECKPOINT = "model.json", "checkpoint.pt"
_FORMAT = 1
_BIN = 1000  # samples of a bin of the dissection, where there are enough
_KINDS = {
    "right label, predicted right": (True, True),
    "right label, predicted wrong": (True, False),
    "wrong label, predicted right": (False, True),
    "wrong label, predicted wrong": (False, False),
}
_LOSSES = {
    "train_loss": "all, as labelled",
    "clean_loss": "right labels",
    "wrong_loss": "wrong labels",
    "test_loss": "test",
}
_SHARES = {
    "train_accuracy": "train, as labelled",
    "true_accuracy": "train, truth",
    "valid_accuracy": "valid",
    "test_accuracy": "test",
    "memorised": "wrong labels memorised",
}


def is_under_way(place: Path) -> bool:
    """Whether a run was begun at ``place`` that can be gone on with."""
    return (place / CHECKPOINT).is_file()


def check_place(place: Path, *, resume: bool) -> None:
    """Check that a run may write to ``place``, before the long work. Raises `RunError`."""
    if is_under_way(place):
        if not resume:
            raise RunError(
                f"{place} holds an unfinished run: go on with `resume`, or choose another folder with `output`"
            )
        return
    if (place / ABOUT).exists():
        done = "nothing to resume" if resume else "choose another folder with `output`"
        raise RunError(f"{place} holds a finished model: {done}")
    if resume:
        raise RunError(f"{place} holds no unfinished run to resume: leave `resume` away")
    if place.exists() and not (place.is_dir() and all(map(is_partial, place.iterdir()))):
        raise RunError(f"{place} exists already and is not a MODEL folder: choose another with `output`")


def write(
    trained: FittedModel, place: Path, labels: Ints, *, truth: Ints | None, about: Mapping[str, Any]
) -> dict[str, Path]:
    """Everything but the checkpoint, which goes; name -> file. ``about`` is put into ``model.json``."""
    from safetensors.torch import save

    model, names = trained.model, [WEIGHTS, "curves.csv", "losses.svg", "accuracy.svg"]
    try:
        place.mkdir(parents=True, exist_ok=True)
        with fresh_bytes(place / WEIGHTS) as file:
            file.write(save({name: value.contiguous().cpu() for name, value in model.network.state_dict().items()}))
        _write_table(place / "curves.csv", trained.curves)
        for name, drawing in draw_curves(trained.curves).items():
            write_text(drawing, place / name)
        if truth is not None:
            bins = dissection(trained, labels, truth)
            _write_table(place / "dissection.csv", bins)
            parts = {name: [float(row[name]) for row in bins] for name in _KINDS}
            title = "Training samples by loss, from small to large"
            drawing = draw_stack(title, parts, across="bin, by loss of the given label", up="samples")
            write_text(drawing, place / "dissection.svg")
            names += ["dissection.csv", "dissection.svg"]
        if "diagnostics" in about:
            drawing = draw_reliability("Calibration", _reliability_of(about["diagnostics"]))
            write_text(drawing, place / "reliability.svg")
            names.append("reliability.svg")
        content = {
            "format": _FORMAT,
            "settings": trained.settings,
            "scaling": {"mean": model.scaling.mean.flatten().tolist(), "scale": model.scaling.scale.flatten().tolist()},
            "final": _plain(trained.row),
            **about,
        }
        text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        write_text(text, place / ABOUT, errors="surrogateescape")
        for left in (place / CHECKPOINT, *filter(is_partial, place.iterdir())):  # by a run that was killed, too
            left.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"cannot write {place} ({reason}): make room there, then go on with `resume`") from error
    return {name: place / name for name in [*names, ABOUT]}


def load(place: Path | str, *, device: str = "cpu") -> Model:
    """The model of a MODEL folder, ready to predict; raises `RunError` where there is none or it is damaged.

    ``load(MODEL).predict(pixels)`` gives the probabilities that the model gave before it was written.
    """
    folder = Path(place)
    about = read_about(folder)
    try:
        settings, scaling = about["settings"], about["scaling"]
        shape = tuple(map(int, settings["shape"]))
        network = rebuild(settings["network"], shape, len(settings["classes"]), settings["regularizers"])
        network.load_state_dict(read_weights(folder / WEIGHTS))
        form = (-1, 1, 1) if len(shape) == 3 else (-1,)
        mean, scale = (torch.tensor(scaling[name], device=device).view(form) for name in ("mean", "scale"))
    except LabelAuditError:
        raise
    except Exception as error:  # what damaged settings and weights raise is no closed list
        reason = reason_of(error)
        raise RunError(f"{folder} is a damaged MODEL folder ({reason}): train again") from None
    network.to(device).eval()
    classes = tuple(map(str, settings["classes"]))
    return Model(network=network, classes=classes, shape=shape, scaling=Scaling(mean, scale), settings=settings)


def read_about(place: Path) -> dict[str, Any]:
    """``model.json``; raises `RunError` where it is missing or damaged."""
    try:
        content = json.loads(read_regular(place / ABOUT).decode("utf-8", "surrogateescape"))
    except OSError as error:
        hint = "go on with `resume`" if (place / CHECKPOINT).exists() else "labelaudit train writes one"
        raise RunError(f"{place} holds no finished model ({error.strerror or error}): {hint}") from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{place / ABOUT} is damaged ({reason_of(error)}): train again") from None
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise RunError(f"{place / ABOUT} is of another version of labelaudit: train again")
    return content


def dissection(trained: FittedModel, labels: Ints, truth: Ints) -> list[dict[str, float]]:
    """SLN's Fig. 4: training samples by loss after the kept epoch, in bins of 1,000, or in 20 where that is more."""
    loss = trained.losses[trained.kept - 1]
    right, predicted = labels == truth, trained.probs.argmax(axis=1) == truth
    order = np.argsort(loss, kind="stable")
    rows = []
    for number, bin_ in enumerate(np.array_split(order, min(len(order), max(20, round(len(order) / _BIN)))), start=1):
        row: dict[str, float] = {"bin": number, "samples": len(bin_), "mean_loss": float(loss[bin_].mean())}
        for name, (label, prediction) in _KINDS.items():
            row[name] = float(((right[bin_] == label) & (predicted[bin_] == prediction)).sum())
        rows.append(row)
    return rows


def draw_curves(rows: Sequence[Row]) -> dict[str, str]:
    """``losses.svg`` and ``accuracy.svg``: whatever of these was measured."""

    def lines(names: Mapping[str, str]) -> dict[str, list[float]]:
        return {text: [row[name] for row in rows] for name, text in names.items() if name in rows[0]}

    return {
        "losses.svg": draw_lines("Mean cross-entropy", lines(_LOSSES), across="epoch", up="nats"),
        "accuracy.svg": draw_lines("Accuracy", lines(_SHARES), across="epoch", up="share"),
    }


def _reliability_of(found: Mapping[str, Any]) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Samples by confidence: of the training samples against their given labels, and of others beside them."""
    parts = {"train, as labelled": found, **{name: found[name] for name in ("valid", "test") if name in found}}
    return {name: part["calibration"]["reliability"] for name, part in parts.items()}


def _write_table(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Every column that a row has, in the order of their first appearance; what was not measured is empty."""
    columns: Iterable[str] = dict.fromkeys(name for row in rows for name in row)
    with fresh_text(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(_number(row.get(name, math.nan)) for name in columns)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def _plain(row: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in row.items()}
