"""Images to features: what is cached is read, the rest is decoded, resized and run in a few threads.

Each worker thread takes a small batch of images from bytes to features on its own core; decoding and inference release
the interpreter, so they overlap without a second pool. An image is decoded once per JPEG scale, whatever the number of
backbones, and its features depend on nothing but its bytes and the spec: not on the other backbones, the batch, the
number of workers or the state of the cache. Left out: flips and crops at embedding time.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import tempfile
import threading
import time
import zlib
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import numpy as np

from labelaudit.blocks import slices, spread_rows
from labelaudit.errors import DataError
from labelaudit.features.job import Batch, Job, Part, embed_batch
from labelaudit.features.runners import CPU_BATCH, Runner, find_backbone
from labelaudit.features.specs import parse_specs
from labelaudit.features.store import PIXELS_VERSION, FeatureStore, content_keys
from labelaudit.images import Images
from labelaudit.machine import Machine
from labelaudit.types import Features, Finding, Floats, Ints, Samples

_DEVICE_BATCH = 64
_DECODED = 32
"""Images that a core decodes at most before it computes `CPU_BATCH` at a time: changing between the two costs time."""
_IN_MEMORY = 256 << 20
"""Bytes; larger feature matrices live in a temporary memory map."""
_COPY_ROWS = 4096
_SAMPLE, _LOST = 48, 20  # images that are tried, and of how many one at most where they are not kept
_HERE = Machine(device="cpu")
_LEAST_COMPUTING = 0.2  # share of the time of embedding, however long decoding was found to take


def embed(
    images: Images,
    digests: Sequence[str],
    *,
    backbones: Sequence[str],
    machine: Machine | None = None,
) -> tuple[Features, tuple[tuple[int, str, str], ...]]:
    """Features of every image, (n, d) float32: one block per backbone, side by side, and what failed.

    ``digests`` (n,) are the images' content digests: equal ones are embedded once, and features are kept under them in
    the cache of ``machine`` as they are made, so an interrupted run continues where it stopped; where its disk fills up
    ``notice`` hears it and the rest is not kept. ``backbones`` are specs
    ``name[@size]``: ``lite0``, ``lite1``, ``lite2`` (embedded, no network) or any timm model. The whole image is
    squeezed into the square of the backbone's size. The workers of ``machine`` (by default two threads of this CPU)
    decode, and on a CPU run the backbone, unless its engine is a cluster.

    Images that cannot be decoded have zero rows and are listed as (row, kind, detail), kinds as in `Finding`.
    Raises `OptionError` for an unknown or repeated backbone, `BackboneError` where one cannot be loaded,
    `RunError` where the cache cannot be used, `DataError` where digests and images differ in number.

    >>> from labelaudit.data.images import encode
    >>> class Grey:
    ...     def __len__(self): return 2
    ...     def encoded(self, index): return encode(np.full((8, 8), 100 * index, np.uint8))
    >>> features, failures = embed(Grey(), ["a" * 32, "b" * 32], backbones=["lite0@32"])
    >>> features.values.shape, features.name, failures
    ((2, 1984), 'lite0@32', ())
    """
    machine = (machine or _HERE).settled()
    job = _open(images, digests, backbones, machine)
    widths = [part.backbone.width for part in job.parts]
    starts = np.cumsum([0, *widths]).tolist()
    values = _allocate(len(images), starts[-1], machine.cache)
    blocks = [values[:, start:stop] for start, stop in itertools.pairwise(starts)]
    for block, part in zip(blocks, job.parts, strict=True):
        _fill(block, part)
    todo = job.todo()
    failures: dict[int, tuple[str, str]] = {}
    done = 0
    if machine.engine != "local" and len(todo):
        work = _run_cluster(job, todo, machine)
    else:
        work = run_threads(job, todo, job.load(), machine.workers, _batch_size(job, len(todo), machine))
    with contextlib.closing(work) as batches:
        for batch in batches:
            for block, (rows, made) in zip(blocks, batch.made, strict=True):
                block[rows] = made
            job.keep(batch, machine.notice)
            failures.update(batch.failures)
            done += batch.size
            machine.progress("embed", done, len(todo))
    repeats = np.flatnonzero(job.first != np.arange(len(images)))
    for rows in _slices(repeats):
        values[rows] = values[job.first[rows]]
    failures.update({row: failures[first] for row in repeats.tolist() if (first := int(job.first[row])) in failures})
    name = "+".join(str(part.backbone.spec) for part in job.parts)
    features = Features(values=values, name=name, blocks=tuple(widths), version=_version(job.parts))
    return features, tuple((row, *failures[row]) for row in sorted(failures))


def _version(parts: Sequence[Part]) -> str:
    """Eight hexadecimal digits that change whenever features of the same spec would."""
    made_by = [[str(part.backbone.spec), PIXELS_VERSION, part.backbone.identity] for part in parts]
    return f"{zlib.crc32(json.dumps(made_by, sort_keys=True).encode()):08x}"


def forecast_embedding(
    images: Images,
    digests: Sequence[str],
    *,
    backbones: Sequence[str],
    machine: Machine | None = None,
) -> float:
    """Seconds that `embed` with the same arguments would take now, measured on up to 48 of the images it would embed.

    Loading the backbones is not counted. Features that were made to measure are kept in the cache of ``machine``;
    without one they are of a twentieth of the images at most.
    """
    machine = (machine or _HERE).settled()
    workers, job = machine.workers, _open(images, digests, backbones, machine)
    todo = job.todo()
    if not len(todo):
        return 0.0
    tried = _SAMPLE if machine.cache is not None else min(_SAMPLE, max(workers, len(todo) // _LOST))
    sample = todo[spread_rows(len(todo), tried)]
    runners = job.load()
    seconds = 0.0
    for rows in (sample[:workers], sample):  # the first pass warms up
        started = time.perf_counter()
        size = _batch_size(job, len(rows), machine)
        batches = list(run_threads(job, rows, runners, workers, max(1, min(size, len(rows) // workers))))
        seconds = time.perf_counter() - started
    for batch in batches:
        job.keep(batch)
    left = len(todo) - (0 if machine.cache is None else len(sample))
    return seconds * left / len(sample)


def count_missing(
    images: Images, digests: Sequence[str], *, backbones: Sequence[str], cache: Path | None = None
) -> int:
    """The number of images that `embed` with the same arguments would embed now."""
    return len(_open(images, digests, backbones, replace(_HERE, cache=cache)).todo())


def forecast_others(
    images: Images,
    digests: Sequence[str],
    *,
    seconds: float,
    decoding: float,
    backbones: Sequence[str],
    others: Sequence[str],
    cache: Path | None = None,
) -> float:
    """Seconds that ``others``, embedded backbones each, would take where ``backbones`` take ``seconds`` > 0.

    An image takes ``decoding`` seconds, and the rest is in proportion to the multiply-adds that are left to do.
    """

    def count(specs: Sequence[str]) -> tuple[float, float]:
        job = _open(images, digests, specs, replace(_HERE, cache=cache))
        return float(len(job.todo())), sum(float(part.missing.sum()) * part.backbone.spec.work for part in job.parts)

    (some, done), (more, left) = count(backbones), count(others)
    if not more:
        return 0.0
    computing = max(seconds - decoding * some, _LEAST_COMPUTING * seconds)
    return (seconds - computing) * more / some + computing * left / done


def _open(images: Images, digests: Sequence[str], backbones: Sequence[str], machine: Machine) -> Job:
    if len(digests) != len(images):
        raise DataError(f"{len(images)} images, but {len(digests)} digests")
    keys = content_keys(images, digests)
    _, places, inverse = np.unique(keys, return_index=True, return_inverse=True)
    first = places[inverse]
    once = first == np.arange(len(keys))
    parts = []
    for spec in parse_specs(backbones):
        backbone = find_backbone(spec, machine.device)
        identity = {**backbone.identity, "pixels": PIXELS_VERSION}
        store = None
        if machine.cache is not None:
            store = FeatureStore(machine.cache, str(spec), identity, backbone.width)
        stored = np.full(len(keys), -1, dtype=np.int64)
        if store is not None:
            stored[once] = store.find(keys[once])
        parts.append(Part(backbone=backbone, store=store, stored=stored, missing=once & (stored < 0)))
    return Job(images=images, digests=keys, first=first, parts=tuple(parts))


def _allocate(n: int, width: int, cache: Path | None) -> Floats:
    """(n, width) of zeros, in memory or, where big, in a nameless temporary file that ends with the array."""
    if n * width * 4 <= _IN_MEMORY:
        return np.zeros((n, width), dtype=np.float32)
    with tempfile.TemporaryFile(dir=cache) as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=(n, width))


def _fill(block: Floats, part: Part) -> None:
    """Copy what is stored into the (n, d) ``block``; rows that turn out damaged become missing."""
    if part.store is None:
        return
    for rows in _slices(np.flatnonzero(part.stored >= 0)):
        block[rows], intact = part.store.read(part.stored[rows])
        part.missing[rows[~intact]] = True


def _slices(rows: Ints) -> Iterator[Ints]:
    """``rows`` in pieces small enough to copy through memory."""
    return (rows[some] for some in slices(len(rows), _COPY_ROWS))


def _batch_size(job: Job, images: int, machine: Machine) -> int:
    """Images that a thread decodes before it computes: few where there are few, or where each takes long."""
    if machine.device != "cpu":
        return _DEVICE_BATCH
    if not all(part.backbone.spec.embedded for part in job.parts):
        return CPU_BATCH
    return max(CPU_BATCH, min(_DECODED, images // (4 * machine.workers)))


def run_threads(job: Job, rows: Ints, runners: Sequence[Runner | None], workers: int, size: int) -> Generator[Batch]:
    """Embed ``rows`` and yield the batches as they are ready. Closing it early stops the threads within one batch."""
    stop = threading.Event()
    queue = (rows[some] for some in slices(len(rows), size))
    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="embed")
    pending: set[Future[Batch]] = set()
    try:
        while True:
            for batch in itertools.islice(queue, 2 * max(1, workers) - len(pending)):
                pending.add(pool.submit(embed_batch, job, batch, runners, stop))
            if not pending:
                return
            ready, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in ready:
                yield future.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def embed_samples(
    samples: Samples, specs: Sequence[str], machine: Machine
) -> tuple[Samples, Features, tuple[Finding, ...]]:
    """Features of all samples; what cannot be decoded becomes a finding and leaves the dataset."""
    assert samples.images is not None
    features, failures = embed(samples.images, samples.digests, backbones=specs, machine=machine)
    findings = tuple(
        Finding(kind="unreadable" if kind == "changed" else kind, path=samples.ids[row], detail=detail)
        for row, kind, detail in failures
    )
    if failures:
        keep = np.setdiff1d(np.arange(len(samples)), [row for row, _, _ in failures])
        samples, features = samples.take(keep), replace(features, values=features.values[keep])
    return samples, features, findings


def _run_cluster(job: Job, rows: Ints, machine: Machine) -> Generator[Batch]:
    """`run_threads` on the cluster of ``machine``."""
    from labelaudit.features import cluster

    cluster.connect(machine.address)
    return cluster.run(job, rows)
