"""The checkpoint of a training: all that changes in it, in one file, so that a killed run goes on to the same bits.

Weights, optimiser, random states, the method's own buffers and what was recorded so far. A method needs no code for
it: its attributes are walked. The file holds tensors and plain values, with a checksum at its end; reading it runs
nothing. Left out: the state of regularisers, which keep theirs in the layers they attach.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from labelaudit.errors import LabelAuditError, RunError, reason_of, writing
from labelaudit.files import fresh_bytes, read_regular
from labelaudit.training.loop import TrainingState

VERSION = 2
_SUM = 16
_END = b" labelaudit checkpoint\n"
_TAIL = _SUM + len(_END)
_PLAIN = (bool, int, float, str, type(None))
_STATE = "state of a "


def write(path: Path, course: TrainingState, record: object, settings: Mapping[str, Any]) -> None:
    """Put all of it where the last checkpoint was; raises `RunError` where that cannot be written."""
    content = {
        "version": VERSION,
        "settings": dict(settings),
        "epoch": course.epoch,
        "random": _random_states(course),
        "networks": [capture(network) for network in course.networks],
        "optimizer": capture(course.optimizer),
        "method": {name: capture(value, name) for name, value in _attributes(course.method)},
        "record": capture(record),
    }
    buffer = io.BytesIO()  # torch raises errors of its own where a file does not take what it writes
    torch.save(content, buffer)
    with writing(path, "choose another folder"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh_bytes(path) as file:
            file.write(buffer.getbuffer())
            file.write(hashlib.blake2b(buffer.getbuffer(), digest_size=_SUM).digest() + _END)


def read(path: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Read the file that `write` wrote; raises `RunError` for a damaged file and for one of other ``settings``."""
    try:
        data = memoryview(read_regular(path))
        body, sum_, end = data[:-_TAIL], data[-_TAIL : -len(_END)], data[-len(_END) :]
        if bytes(end) != _END or hashlib.blake2b(body, digest_size=_SUM).digest() != bytes(sum_):
            raise ValueError("another checksum")
        content = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise nearly anything
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise RunError(f"cannot read {path} ({reason}): start anew without `resume` in another folder") from None
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise RunError(f"{path} is not a checkpoint of this version: start anew in another folder")
    then = content.get("settings")
    if not isinstance(then, dict):
        raise RunError(f"{path} is no checkpoint of a training run: start anew in another folder")
    for name in sorted({*then, *settings}, key=lambda name: (name == "data", name)):
        if then.get(name) != settings.get(name):
            raise RunError(
                f"{path} was made with {_describe(name, then.get(name), settings.get(name))}; resume with what the run "
                "began with, or start anew in another folder"
            )
    return content


def _describe(name: str, then: Any, now: Any) -> str:
    """Name the settings that are not as they were, down to the one option of a method or regulariser."""
    if name == "data":
        return "other data: an image, a label, or what `valid`, `test` or `truth` names has changed"
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        key = next(key for key in sorted({*then, *now}) if then.get(key) != now.get(key))
        return _describe(f"{name}: {key}", then.get(key), now.get(key))
    return f"another {name}: {then!r} there, {now!r} now"


def resume(content: Mapping[str, Any], course: TrainingState, record: object) -> None:
    """Put ``course`` and ``record`` where they were when ``content`` was written.

    Raises `RunError` where it holds something else than its settings say.
    """
    try:
        _resume(content, course, record)
    except LabelAuditError:
        raise
    except Exception as error:  # what weights of other shapes and parts that are missing raise is no closed list
        raise RunError(
            f"the checkpoint is not of this run ({reason_of(error)}): start anew in another folder"
        ) from error


def _resume(content: Mapping[str, Any], course: TrainingState, record: object) -> None:
    device = course.inputs.y.device
    for network, saved in zip(course.networks, content["networks"], strict=True):
        restore(network, saved, device)
    restore(course.optimizer, content["optimizer"], device)
    for name, saved in content["method"].items():
        setattr(course.method, name, restore(getattr(course.method, name, None), saved, device))
    restore(record, content["record"], torch.device("cpu"))
    course.epoch = content["epoch"]
    course.inputs.generator.set_state(content["random"]["generator"])
    torch.set_rng_state(content["random"]["torch"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(content["random"]["cuda"], device)


def capture(value: Any, name: str = "") -> Any:
    """``value`` as tensors, plain values and containers of them; raises `TypeError` for what has no such form."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: capture(one, name) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(capture(one, name) for one in value)
    return {_STATE + type(value).__name__: _state_of(value, name)}


def _state_of(value: Any, name: str) -> Any:
    if isinstance(value, (nn.Module, torch.optim.Optimizer)):
        return capture(dict(value.state_dict()), name)
    if isinstance(value, torch.Generator):
        return value.get_state()
    if type(value).__module__.startswith("labelaudit."):
        return {key: capture(one, name) for key, one in vars(value).items()}
    raise TypeError(f"attribute '{name}' holds a {type(value).__name__}, which a checkpoint cannot")


def restore(value: Any, saved: Any, device: torch.device) -> Any:
    """Put ``saved`` back on ``device``; networks, optimisers and objects are changed in place."""
    if isinstance(saved, dict) and len(saved) == 1 and next(iter(saved)) == _STATE + type(value).__name__:
        (state,) = saved.values()
        if isinstance(value, (nn.Module, torch.optim.Optimizer)):
            value.load_state_dict(state)
        elif isinstance(value, torch.Generator):
            value.set_state(state)
        else:
            for key, one in state.items():
                setattr(value, key, restore(getattr(value, key, None), one, device))
        return value
    if isinstance(saved, dict):
        if any(isinstance(key, str) and key.startswith(_STATE) for key in saved):
            raise RunError(f"the checkpoint holds the {next(iter(saved))}, where there is none now: start anew")
        return {key: restore(None, one, device) for key, one in saved.items()}
    if isinstance(saved, (list, tuple)):
        old: Sequence[Any] = (
            value if isinstance(value, (list, tuple)) and len(value) == len(saved) else [None] * len(saved)
        )
        return type(saved)(restore(was, one, device) for was, one in zip(old, saved, strict=True))
    if isinstance(saved, Tensor):
        if isinstance(value, Tensor) and value.requires_grad:  # an optimiser knows it
            with torch.no_grad():
                return value.copy_(saved)
        return saved.to(device, copy=True)
    return saved


def _attributes(method: object) -> Iterator[tuple[str, Any]]:
    """The state a method keeps beside what it was told when training began."""
    return ((name, value) for name, value in vars(method).items() if name != "fit")


def _random_states(course: TrainingState) -> dict[str, Tensor]:
    states = {"generator": course.inputs.generator.get_state(), "torch": torch.get_rng_state()}
    device = course.inputs.y.device
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states
