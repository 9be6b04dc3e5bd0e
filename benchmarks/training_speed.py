"""Samples per second of the training loop beside the usual PyTorch loop: python benchmarks/training_speed.py

Both train the same network on the same images at the same batch size by cross-entropy and AdamW, an epoch each, in
turns, in this process. The usual loop is the one of the tutorials: a Dataset of PIL images, torchvision's RandomCrop
with padding, RandomHorizontalFlip, ToTensor and Normalize, a DataLoader with a worker for each core (kept alive, pinned
on CUDA), and a running loss. The images are random, as nothing here depends on what they show. CPU seconds include
those of the workers; on a busy machine they say more than wall-clock ones. On CUDA the networks are the papers', and
the usual loop is also timed in bfloat16 with channels_last, as ours is.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image
from results_section import make_parser, write_section
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from labelaudit.methods import Recipe, get_method
from labelaudit.networks import build
from labelaudit.training.batches import DeviceDataset
from labelaudit.training.loop import fit

TARGETS = {"cpu": 1.5, "cuda": 5.0}
NETWORKS = {"cpu": ["mnist_cnn", "cnn"], "cuda": ["resnet32", "wrn28_2"]}
SIDE, CLASSES = 32, 10


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """Arrays as PIL images, transformed one by one: what torchvision's own datasets do."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        self.pixels, self.labels = pixels, labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(SIDE, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def usual(name: str, pixels: np.ndarray, labels: np.ndarray, options: Any, *, half: bool) -> Callable[[], None]:
    """One epoch of the loop of the tutorials."""
    device = options.device
    loader = DataLoader(
        Pictures(pixels, labels),
        batch_size=options.batch,
        shuffle=True,
        num_workers=options.workers,
        persistent_workers=options.workers > 0,
        pin_memory=device == "cuda",
    )
    network = build(name, (SIDE, SIDE, 3), CLASSES).to(device)
    if half:
        network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)

    def epoch() -> None:
        network.train()
        running = 0.0
        for x, y in loader:
            x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)  # noqa: PLW2901
            with torch.autocast(device, dtype=torch.bfloat16) if half else nullcontext():
                loss = cross_entropy(network(x.unsqueeze(0))[0].float(), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()

    return epoch


def ours(name: str, pixels: np.ndarray, labels: np.ndarray, options: Any) -> Callable[[], None]:
    """One epoch of `labelaudit.training.loop.fit`."""
    inputs = DeviceDataset(pixels, labels, CLASSES, device=options.device, augment="shift+flip")
    inputs.generator.manual_seed(0)
    network = inputs.place(build(name, (SIDE, SIDE, 3), CLASSES))
    trained = torch.ones(1, len(labels), dtype=torch.bool, device=options.device)
    recipe = Recipe(epochs=1, batch=options.batch, lr=1e-3)

    def epoch() -> None:
        fit(get_method("ce")(), [network], inputs, trained, recipe=recipe, observe=lambda _: None)
        if options.device == "cuda":
            torch.cuda.synchronize()

    return epoch


def cpu_seconds() -> float:
    """Of this process and its workers."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)


def measure(name: str, options: Any) -> Iterator[str]:
    """Rows of the table."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (options.samples, SIDE, SIDE, 3), np.uint8)
    labels = rng.integers(0, CLASSES, options.samples)
    loops = {"labelaudit": ours(name, pixels, labels, options)}
    loops["usual loop"] = usual(name, pixels, labels, options, half=False)
    if options.device == "cuda":
        loops["usual loop, bf16"] = usual(name, pixels, labels, options, half=True)
    taken: dict[str, list[tuple[float, float]]] = {loop: [] for loop in loops}
    for turn in range(options.repeats + 1):
        for loop, epoch in loops.items():
            wall, cpu = time.perf_counter(), cpu_seconds()
            epoch()
            wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
            print(f"{name} {loop}: {options.samples / wall:.0f} samples/s, {cpu:.1f} CPU s", flush=True)
            if turn:  # the first warms up
                taken[loop].append((wall, cpu))
    own_wall, own_cpu = (statistics.median(values) for values in zip(*taken["labelaudit"], strict=True))
    for loop, times in taken.items():
        wall, cpu = (statistics.median(values) for values in zip(*times, strict=True))
        rate, spread = options.samples / wall, [options.samples / one for one, _ in times]
        yield (
            f"| {name} | {loop} | {rate:,.0f} | {min(spread):,.0f} to {max(spread):,.0f} | {cpu:.1f} "
            f"| {wall / own_wall:.2f} | {cpu / own_cpu:.2f} |"
        )


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--networks", nargs="+")
    parser.add_argument("--samples", type=int, help="10,000 on CPU, 50,000 on CUDA")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of torch, in this process")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.samples = options.samples or (50_000 if options.device == "cuda" else 10_000)
    where = torch.cuda.get_device_name() if options.device == "cuda" else platform.machine()
    lines = [
        f"{where}, {options.threads} threads, {options.workers} workers, {options.samples:,} images of {SIDE} px, "
        f"batch {options.batch}, medians of {options.repeats} epochs each, torch {torch.__version__.split('+')[0]}. "
        f"Target: {TARGETS[options.device]:g} times the usual loop.",
        "",
        "| network | loop | samples/s | from, to | CPU s per epoch | seconds / ours | CPU s / ours |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in options.networks or NETWORKS[options.device]:
        lines += measure(name, options)
    title = "Training speed (`benchmarks/training_speed.py`)"
    write_section(f"training_speed {options.device}", "\n".join(lines), title=title)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
