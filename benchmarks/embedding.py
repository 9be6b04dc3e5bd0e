"""How fast `embed` is: beside the plain PyTorch loop, beside its two limits, and beside itself on Ray.

    python benchmarks/embedding.py [--against plain limits ray] [--photographs] [--images 2000] [--backbone lite0@128]

All start from encoded files and end at features, on two cores, in turns, and include decoding and loading the weights.
The plain loop is what one would write first: Pillow, resize, batches of 32, eager float32 with two threads. The limits
are decoding alone and inference alone, in as many threads: cores that do both reach at most what their sum allows. Ray
is started on this machine and given the images several times over; its actors are looked at from the end of each one's
first batch to that of its last, so that what they take to start, which varies, is left out. Images: CIFAR-10 of
../shared/data where present, the digits of sample_data otherwise; `--photographs` takes those of caltech20.tar there,
of up to 256 pixels.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import resource
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
import torch
from PIL import Image
from results_section import DATA

from labelaudit.features import cluster, embed, parse_specs
from labelaudit.features.embedding import run_threads
from labelaudit.features.job import Job
from labelaudit.features.lite_torch import Lite
from labelaudit.features.runners import import_onnxruntime
from labelaudit.machine import Machine
from labelaudit.types import Floats

ROOT = Path(__file__).parents[1]
CORES, BATCH, ROUNDS = 2, 8, 8


class Encoded:
    """Encoded files held in memory: the benchmark measures no disk."""

    def __init__(self, files: Sequence[bytes]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def encoded(self, index: int) -> bytes:
        return self.files[index]


def read_images(data: Path, count: int, *, photographs: bool) -> tuple[str, list[bytes]]:
    """(what they are, encoded files), ``count`` of them or fewer."""
    if photographs:
        with tarfile.open(data / "caltech20.tar") as archive:
            members = [member for member in archive.getmembers() if "/images/" in member.name and member.isfile()]
            found = [archive.extractfile(member) for member in members[:count]]
            return "photographs, JPEG", [file.read() for file in found if file is not None]
    if (data / "cifar10-test.parquet").exists():
        import pyarrow.parquet

        table = pyarrow.parquet.ParquetFile(data / "cifar10-test.parquet")
        rows = next(table.iter_batches(count, columns=["image"])).to_pylist()
        return "CIFAR-10, 32 px JPEG", [row["image"]["bytes"] for row in rows]
    files = sorted((ROOT / "sample_data" / "digits").rglob("*.png"))[:count]
    return "sample digits, PNG", [file.read_bytes() for file in files]


def embed_plainly(files: Sequence[bytes], spec: str) -> Floats:
    """(n, d) features by the loop that comes to mind first."""
    (wanted,) = parse_specs([spec])
    size = (wanted.size, wanted.size)
    model, parts = Lite(wanted.name).eval(), []
    with torch.inference_mode():
        for start in range(0, len(files), 32):
            pictures = [Image.open(io.BytesIO(file)).convert("RGB") for file in files[start : start + 32]]
            batch = np.stack([np.asarray(picture.resize(size, Image.Resampling.BICUBIC)) for picture in pictures])
            parts.append(model(torch.from_numpy(batch)).numpy())
    return np.concatenate(parts)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(wall seconds, CPU seconds of this process and its threads): on a busy machine the second says more."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare_with_plain(files: Sequence[bytes], spec: str, repeats: int) -> None:
    """Print how many times as fast `embed` is as the plain loop."""
    embed_plainly(files[:32], spec)  # both libraries imported and warm
    embed_ours(files[:32], spec)
    ratios = []
    for repeat in range(repeats):
        wall, cpu = timed(lambda: embed_ours(files, spec))
        plain_wall, plain_cpu = timed(lambda: embed_plainly(files, spec))
        ratios.append((plain_wall / wall, plain_cpu / cpu))
        print(
            f"run {repeat + 1}: embed {len(files) / wall:.0f} images/s ({cpu:.1f} CPU s), "
            f"plain loop {len(files) / plain_wall:.0f} images/s ({plain_cpu:.1f} CPU s)",
            flush=True,
        )
    ours, plain = embed_ours(files[:200], spec), embed_plainly(files[:200], spec)
    wall_ratio, cpu_ratio = np.median(ratios, axis=0)
    print(
        f"embed is {wall_ratio:.2f} times as fast, {cpu_ratio:.2f} times in CPU time: medians; "
        f"features {float(np.linalg.norm(ours - plain) / np.linalg.norm(plain)):.1e} apart"
    )


def compare_with_limits(files: Sequence[bytes], spec: str, repeats: int) -> None:
    """Print images/s of decoding alone, of inference alone and of `embed`, by the CPU clock and by that on the wall."""
    job = Job.alone(Encoded(files), [spec])
    (runner,), rows = job.load(), np.arange(len(files))
    side = parse_specs([spec])[0].size
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    assert runner is not None

    def infer(_: int) -> None:
        runner(pixels)

    def infer_all() -> None:
        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(infer, range(-(-len(files) // BATCH))))

    ways: dict[str, Callable[[], object]] = {
        "decode alone": lambda: list(run_threads(job, rows, [None], CORES, BATCH)),
        "inference alone": infer_all,
        "embed": lambda: embed_ours(files, spec),
    }
    turns = [{name: timed(work) for name, work in ways.items()} for _ in range(repeats + 1)][1:]  # the first warms up
    found = {name: np.median([turn[name] for turn in turns], axis=0) for name in ways}
    for name, (wall, cpu) in found.items():
        print(f"{name}: {1000 * cpu / len(files):.2f} ms of a core an image, {len(files) / wall:.0f} images/s")
    decoding, inference, both = (float(found[name][1]) for name in ways)
    print(
        f"in CPU time embed reaches {max(decoding, inference) / both:.0%} of the slower limit, "
        f"{(decoding + inference) / both:.0%} of what cores that do both can"
    )


class Noting(cluster.Embedder):
    """An actor that notes in a file of its own what it has made: images, CPU seconds of its process, time of day."""

    folder: Path

    def __call__(self, table: dict[str, Any]) -> dict[str, Any]:
        made = super().__call__(table)
        with (self.folder / str(os.getpid())).open("a") as file:
            file.write(f"{len(made['row'])} {time.process_time()} {time.time()}\n")
        return made


def compare_with_ray(files: Sequence[bytes], spec: str, repeats: int) -> None:
    """Print CPU milliseconds an image, here and on a Ray cluster of this machine's cores while all its actors work."""
    images = Encoded(list(files) * ROUNDS)
    cluster.Embedder = Noting  # type: ignore[misc]
    job = Job.alone(Encoded(files), [spec])
    runners = job.load()
    list(run_threads(job, np.arange(BATCH), runners, CORES, BATCH))  # warm
    with Family() as family, tempfile.TemporaryDirectory() as folder:
        Noting.folder = Path(folder)
        cluster.connect(None)
        found = []
        for turn in range(repeats):
            _, cpu = timed(lambda: list(run_threads(job, np.arange(len(files)), runners, CORES, BATCH)))
            here = 1000 * cpu / len(files)
            made = sum(batch.size for batch in cluster.run(Job.alone(images, [spec]), np.arange(len(images))))
            assert made == len(images)
            time.sleep(1)
            actors, everything, seconds = steady_cost(Path(folder), family)
            found.append((here / actors, here / everything))
            print(
                f"turn {turn + 1}: {here:.2f} ms of a core an image here, {actors:.2f} in Ray's actors, "
                f"{everything:.2f} with all that Ray runs beside them, in {seconds:.0f} s of {CORES} actors' work",
                flush=True,
            )
    actors, everything = np.median(found, axis=0)
    print(
        f"throughput per core of Ray's actors is {actors:.0%} of the local one, of all of Ray {everything:.0%}: medians"
    )


def steady_cost(folder: Path, family: Family) -> tuple[float, float, float]:
    """CPU milliseconds an image of the actors and of the whole ``family``, and how many seconds were looked at.

    An actor is looked at from the end of its first batch to that of its last, the family while every actor is: they
    start one after another, for seconds each, and end before the work is over.
    """
    notes = [np.loadtxt(file, ndmin=2) for file in folder.iterdir()]
    for file in list(folder.iterdir()):
        file.unlink()
    if len(notes) < CORES or min(map(len, notes)) < 2:
        raise SystemExit("not all actors of Ray made two batches: give it more --images")
    alone = sum(cpu[-1] - cpu[0] for _, cpu, _ in (note.T for note in notes))
    begin, end = max(note[0, 2] for note in notes), min(note[-1, 2] for note in notes)
    inside = sum(images[(clock > begin) & (clock <= end)].sum() for images, _, clock in (note.T for note in notes))
    later = sum(note[1:, 0].sum() for note in notes)
    return 1000 * alone / later, 1000 * (family.seconds(end) - family.seconds(begin)) / inside, end - begin


class Family:
    """CPU seconds that this process and all that descend from it have taken, looked at twice a second."""

    def __init__(self) -> None:
        self._clock: list[float] = []
        self._total: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def seconds(self, clock: float) -> float:
        """Those taken up to a time of day; processes that have ended since are counted."""
        return float(np.interp(clock, self._clock, self._total))

    def _watch(self) -> None:
        latest: dict[int, float] = {}
        while not self._over.wait(0.5):
            for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    latest[process.pid] = times.user + times.system
            self._clock.append(time.time())
            self._total.append(sum(latest.values()))


def embed_ours(files: Sequence[bytes], spec: str) -> Floats:
    """(n, d) features by `embed`."""
    digests = [blake2b(file, digest_size=16).hexdigest() for file in files]
    return embed(Encoded(files), digests, backbones=[spec], machine=Machine(workers=CORES))[0].values


def main() -> None:
    compared = {"plain": compare_with_plain, "limits": compare_with_limits, "ray": compare_with_ray}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", nargs="+", choices=tuple(compared), default=["plain", "limits"])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--photographs", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--backbone", default="lite0@128", help="an embedded one: lite0, lite1 or lite2, with a size")
    options = parser.parse_args()

    torch.set_num_threads(CORES)
    what, files = read_images(options.data, options.images, photographs=options.photographs)
    print(
        f"{len(files)} images ({what}), {options.backbone}, {CORES} cores, {platform.processor() or platform.machine()}"
    )
    print(f"torch {torch.__version__}, onnxruntime {import_onnxruntime().__version__}")
    for name in options.against:
        compared[name](files, options.backbone, options.repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of the process, torch included: {peak:.2f} GiB")


if __name__ == "__main__":
    main()
