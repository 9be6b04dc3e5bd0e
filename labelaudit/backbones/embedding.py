"""Images to features: read, decode, resize and run in a few threads, with a cache."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelaudit.backbones import lite
from labelaudit.backbones.runners import OnnxRunner, Pixels, Runner
from labelaudit.backbones.store import Store
from labelaudit.types import Features, Floats, Images, Progress, silent

BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Spec:
    name: str
    size: int

    def __str__(self) -> str:
        return f"{self.name}@{self.size}"


def parse(text: str) -> Spec:
    name, _, size = text.partition("@")
    return Spec(name=name, size=int(size) if size else lite.SIZES[name])


def _load(spec: Spec) -> Runner:
    return OnnxRunner(spec.name, spec.size)


def _decode(data: bytes, size: int) -> Pixels:
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (size, size))
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC))


def embed(
    images: Images,
    digests: Sequence[str],
    *,
    backbones: Sequence[str],
    device: str = "cpu",
    workers: int = 2,
    cache: Path | None = None,
    progress: Progress = silent,
) -> tuple[Features, tuple[tuple[int, str, str], ...]]:
    specs = [parse(text) for text in backbones]
    runners = [_load(spec) for spec in specs]
    stores = [
        None if cache is None else Store(cache / str(spec), {"backbone": str(spec)}, runner.width)
        for spec, runner in zip(specs, runners, strict=True)
    ]
    n, width = len(images), sum(runner.width for runner in runners)
    values = np.zeros((n, width), np.float32)
    rows_of: dict[str, list[int]] = {}
    for row, digest in enumerate(digests):
        rows_of.setdefault(digest, []).append(row)
    offsets = np.cumsum([0] + [runner.width for runner in runners])
    missing = {spec: set(rows_of) for spec in specs}
    for k, store in enumerate(stores):
        if store is None:
            continue
        at = store.find(list(rows_of))
        keys = [key for key, row in zip(rows_of, at, strict=True) if row >= 0]
        found, intact = store.read(at[at >= 0])
        for key, value, good in zip(keys, found, intact, strict=True):
            if good:
                values[rows_of[key], offsets[k] : offsets[k + 1]] = value
                missing[specs[k]].discard(key)
    todo = [key for key in rows_of if any(key in missing[spec] for spec in specs)]
    failures: list[tuple[int, str, str]] = []
    stop = threading.Event()

    def work(keys: list[str]) -> tuple[list[list[str]], list[Floats], list[tuple[str, str, str]]]:
        bad, done, parts = [], [], []
        pixels: list[list[Pixels]] = [[] for _ in specs]
        names: list[list[str]] = [[] for _ in specs]
        for key in keys:
            if stop.is_set():
                break
            try:
                data = images.encoded(rows_of[key][0])
                for k, spec in enumerate(specs):
                    if key in missing[spec]:
                        pixels[k].append(_decode(data, spec.size))
                        names[k].append(key)
            except Exception as error:
                bad.append((key, "unreadable", str(error)))
        for k, runner in enumerate(runners):
            parts.append(runner(np.stack(pixels[k])) if pixels[k] else np.empty((0, runner.width), np.float32))
        return names, parts, bad

    finished = 0
    progress("embed", 0, len(todo))
    with ThreadPoolExecutor(workers) as pool:
        pending: set[Future] = set()
        chunks = iter([todo[i : i + BATCH] for i in range(0, len(todo), BATCH)])
        try:
            while True:
                while len(pending) < 2 * workers and (chunk := next(chunks, None)):
                    pending.add(pool.submit(work, chunk))
                if not pending:
                    break
                ready, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in ready:
                    names, parts, bad = future.result()
                    for k, part in enumerate(parts):
                        for key, value in zip(names[k], part, strict=True):
                            values[rows_of[key], offsets[k] : offsets[k + 1]] = value
                        if stores[k] is not None and len(part):
                            stores[k].append(names[k], part)
                    failures += [(row, kind, detail) for key, kind, detail in bad for row in rows_of[key]]
                    finished += max(map(len, names)) + len(bad)
                    progress("embed", finished, len(todo))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    name = "+".join(map(str, specs))
    blocks = tuple(runner.width for runner in runners)
    return Features(values=values, name=name, blocks=blocks), tuple(sorted(failures))
