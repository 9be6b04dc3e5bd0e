"""Embedding and cross-fits on a Ray cluster: the same numbers as on one machine, made by many.

Images are embedded by a stage of Ray Data: actors, each on one core, that keep their loaded backbones, read their
images themselves, and are handed rows in batches of bounded bytes, so that what waits between the stages stays small.
Ray starts actors and tasks again where a node is lost. Left out: starting a cluster (Ray's own tools do), and data that
not every node can read: an actor that cannot says so before the work.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from labelaudit.blocks import spread_rows
from labelaudit.data.images import ImageError, encoded_of
from labelaudit.errors import OptionError, RunError, first_line
from labelaudit.features.job import Batch, Job, embed_batch
from labelaudit.images import Images
from labelaudit.types import Ints

_BATCH_BYTES = 8 << 20
"""Encoded images that an actor takes at once; what they become is about as large."""
_LARGEST_BATCH = 256
_PROBED = 32  # images whose size is looked at
_ANSWERS = 10.0  # seconds that a cluster may take to answer; Ray itself asks a wrong address for a quarter of an hour


def check_address(address: str | None) -> None:
    """Refuse a cluster that does not answer before the long work; raises `OptionError` or `RunError`."""
    _import_ray()
    if address in (None, "auto", "local"):
        return
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isascii() and port.isdigit()):
        raise OptionError(f"`address` '{address}' is not that of a cluster: write HOST:PORT, such as 10.0.0.5:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWERS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise _absent(address, error) from error


def connect(address: str | None) -> None:
    """Join the Ray cluster at ``address``; by default the one that runs on this machine, or else one of its cores.

    Raises `OptionError` or `RunError`.
    """
    ray = _import_ray()
    if ray.is_initialized():
        return
    check_address(address)
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False, configure_logging=False)
    except Exception as error:  # gRPC, sockets and Ray each raise their own
        raise _absent(address, error, "; RAY_AUTH_MODE=token joins one that asks for a token") from error


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """``function(**arguments)``, run somewhere in the cluster, and again elsewhere if its node is lost."""
    ray = _import_ray()
    task = ray.remote(num_cpus=1, max_retries=3)(_apply)
    try:
        return ray.get(task.remote(function, ray.put(arguments)))
    except ray.exceptions.RayTaskError as error:
        lost = isinstance(error.cause, ray.exceptions.RayError)
        raise (_lost(error.cause) if lost else error.cause) from error
    except ray.exceptions.RayError as error:
        raise _lost(error) from error


def _apply(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    return function(**arguments)


def run(job: Job, rows: Ints) -> Generator[Batch]:
    """Embed ``rows`` of ``job`` in the cluster; batches come as they are ready."""
    ray = _import_ray()
    _check_images(ray, job.images)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    size = _batch_size(job.images, rows, cores)
    needed = np.stack([part.missing[rows] for part in job.parts], axis=1)  # (r, parts)
    blocks = min(len(rows), max(cores, -(-len(rows) // (4 * size))))
    made = (
        ray.data.from_numpy(np.concatenate([rows[:, None], needed], axis=1).astype(np.int64))
        .repartition(blocks)
        .map_batches(
            Embedder,
            batch_size=size,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=cores),
            num_cpus=1,
            fn_constructor_args=(job.images, tuple(str(part.backbone.spec) for part in job.parts)),
        )
    )
    try:
        for table in made.iter_batches(batch_size=None, batch_format="numpy"):
            yield _unpack(table, job)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        raise (cause if isinstance(cause, RunError) else _lost(error)) from error
    except ray.exceptions.RayError as error:
        raise _lost(error) from error


class Embedder:
    """An actor of the cluster: loaded backbones, and the images that it reads."""

    def __init__(self, images: Images, specs: Sequence[str]) -> None:
        self._job = Job.alone(images, specs)
        self._runners = self._job.load()
        try:
            images.encoded(0)
        except OSError as error:
            raise RunError(
                f"`engine` ray: a node of the cluster cannot read the images ({error.strerror or error}): put them "
                "where every node finds them under the same path"
            ) from error

    def __call__(self, table: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        asked = table["data"]
        rows, needed = asked[:, 0], asked[:, 1:].astype(bool)
        job = self._job.only(rows, needed)
        batch = embed_batch(job, rows, self._runners, threading.Event())
        found: dict[str, npt.NDArray[Any]] = {"row": rows}
        for place, (made_rows, values) in enumerate(batch.made):
            spread = np.zeros((len(rows), job.parts[place].backbone.width), np.float32)
            mask = np.isin(rows, made_rows)  # which keep the order of the rows, whatever it is
            spread[mask] = values
            found[f"made{place}"], found[f"values{place}"] = mask, spread
        failures = [batch.failures.get(row, ("", "")) for row in rows.tolist()]
        found["kind"] = np.array([kind for kind, _ in failures], dtype=object)
        found["detail"] = np.array([detail for _, detail in failures], dtype=object)
        return found


def _unpack(table: dict[str, npt.NDArray[Any]], job: Job) -> Batch:
    rows = table["row"]
    made = []
    for place in range(len(job.parts)):
        mask = table[f"made{place}"]
        made.append((rows[mask], np.asarray(table[f"values{place}"][mask], dtype=np.float32)))
    failed = zip(rows.tolist(), table["kind"].tolist(), table["detail"].tolist(), strict=True)
    return Batch(
        size=len(rows), made=tuple(made), failures={row: (kind, detail) for row, kind, detail in failed if kind}
    )


def _check_images(ray: Any, images: Images) -> None:
    """Refuse images that only this process can read, such as those of an open file."""
    try:
        ray.cloudpickle.dumps(images)
    except Exception as error:  # whatever the object holds raises its own
        raise RunError(
            f"`engine` ray: these images cannot be handed to other machines ({first_line(error)}): give files in "
            "folders or a table"
        ) from error


def _batch_size(images: Images, rows: Ints, cores: int) -> int:
    """Images in a batch: of about `_BATCH_BYTES`, and so many that every core has several batches."""
    sizes = []
    for row in rows[spread_rows(len(rows), _PROBED)].tolist():
        with suppress(ImageError):
            sizes.append(len(encoded_of(images, row)))
    usual = float(np.mean(sizes)) if sizes else 1.0
    return int(np.clip(min(_BATCH_BYTES / max(usual, 1.0), len(rows) / (4 * cores)), 8, _LARGEST_BATCH))


def _import_ray() -> Any:
    """Ray with its data library; it would report its use to its maker, which is turned off."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError:
        raise OptionError("`engine` ray: Ray is not installed: pip install 'labelaudit[ray]'") from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def _absent(address: str | None, error: Exception, more: str = "") -> RunError:
    where = "this machine" if address is None else f"'{address}'"
    step = f"start one there, or name another{more}"
    return RunError(f"`engine` ray: no cluster at {where} ({first_line(error)}): {step}")


def _lost(error: Exception) -> RunError:
    return RunError(f"the cluster failed ({first_line(error)}): the same command goes on where it was")
