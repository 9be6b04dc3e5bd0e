"""How much faster `embed` is than the plain PyTorch loop over the same images: python benchmarks/embedding.py

Both start from encoded files and end at EfficientNet-Lite0 features at 128 px, on two cores, in this process, taking
turns, and both include decoding and loading the weights. The plain loop is what one would write first: Pillow, resize,
batches of 32, eager float32 with two threads. Images: CIFAR-10 of ../shared/data where present, the digits of
sample_data otherwise.
"""

from __future__ import annotations

import argparse
import io
import platform
import resource
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from labelaudit.features import embed, parse_specs
from labelaudit.features.lite_torch import Lite
from labelaudit.features.runners import import_onnxruntime
from labelaudit.types import Floats

ROOT = Path(__file__).parents[1]
CORES = 2


class Encoded:
    """Encoded files held in memory: the benchmark measures no disk."""

    def __init__(self, files: Sequence[bytes]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def encoded(self, index: int) -> bytes:
        return self.files[index]


def read_images(count: int) -> tuple[str, list[bytes]]:
    """(what they are, encoded files), ``count`` of them or fewer."""
    parquet = ROOT.parent / "shared" / "data" / "cifar10-test.parquet"
    if parquet.exists():
        import pyarrow.parquet

        rows = next(pyarrow.parquet.ParquetFile(parquet).iter_batches(count, columns=["image"])).to_pylist()
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


def timed(work: Callable[[], Floats]) -> tuple[float, float, Floats]:
    """(wall seconds, CPU seconds, result): on a busy machine the second says more."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--backbone", default="lite0@128", help="an embedded one: lite0, lite1 or lite2, with a size")
    options = parser.parse_args()

    torch.set_num_threads(CORES)
    what, files = read_images(options.images)
    digests = [blake2b(file, digest_size=16).hexdigest() for file in files]
    # Both libraries imported and warm.
    embed_plainly(files[:32], options.backbone)
    embed(Encoded(files[:32]), digests[:32], backbones=[options.backbone], workers=CORES)

    def embed_ours() -> Floats:
        return embed(Encoded(files), digests, backbones=[options.backbone], workers=CORES)[0].values

    print(
        f"{len(files)} images ({what}), {options.backbone}, {CORES} cores, {platform.processor() or platform.machine()}"
    )
    print(f"torch {torch.__version__}, onnxruntime {import_onnxruntime().__version__}")
    ratios = []
    for repeat in range(options.repeats):
        wall, cpu, ours = timed(embed_ours)
        plain_wall, plain_cpu, plain = timed(lambda: embed_plainly(files, options.backbone))
        ratios.append((plain_wall / wall, plain_cpu / cpu))
        apart = float(np.linalg.norm(ours - plain) / np.linalg.norm(plain))
        print(
            f"run {repeat + 1}: embed {len(files) / wall:.0f} images/s ({cpu:.1f} CPU s), "
            f"plain loop {len(files) / plain_wall:.0f} images/s ({plain_cpu:.1f} CPU s), features {apart:.1e} apart"
        )
    wall_ratio, cpu_ratio = np.median(ratios, axis=0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"embed is {wall_ratio:.2f} times as fast (target 4), {cpu_ratio:.2f} times in CPU time: medians")
    print(f"peak memory of the process, torch included: {peak:.2f} GB")


if __name__ == "__main__":
    main()
