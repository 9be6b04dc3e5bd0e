"""A dataset on the device as one tensor, handed out in shuffled, augmented batches of F folds.

Workers and per-image transforms have no place here: pixels arrive as uint8 and are normalised, moved and mirrored a
whole batch at a time, which is what keeps the training loop short. Images that do not fit in memory are decoded a batch
ahead, to the same bits.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy.typing as npt
import torch
from torch import Tensor

from labelaudit.data.pixels import Squares
from labelaudit.methods import Batch, Method
from labelaudit.networks import Network
from labelaudit.training.settings import Augment

_CHUNK, _CHUNK_CUDA = 4_000_000, 64_000_000  # inputs or logits evaluated at once


class Scaling(NamedTuple):
    """Brings inputs to mean 0 and a standard deviation near 1: (x - mean) · scale."""

    mean: Tensor
    """(c, 1, 1) of pixels, (d,) of features."""
    scale: Tensor
    """(c, 1, 1) of pixels; one for all features, whose geometry is the caller's."""


class DeviceDataset:
    """Inputs and labels on the device, in batches of F folds; scaled by themselves, or as other ones were."""

    def __init__(
        self,
        x: npt.NDArray[Any] | Squares,
        labels: npt.NDArray[Any],
        classes: int,
        *,
        device: str,
        augment: Augment,
        scaling: Scaling | None = None,
        balance: bool = False,
        rounded: bool | None = None,
    ) -> None:
        self.classes, self.augment, self.balance = classes, augment, balance
        self.rounded = device.startswith("cuda") if rounded is None else rounded
        """Whether products of matrices are in bfloat16; on a GPU unless told otherwise."""
        self.generator = torch.Generator(device)  # of shuffling and augmentation
        self.y = torch.tensor(labels, dtype=torch.int64, device=device)
        self.pixels, self.shape = x.ndim == 4, x.shape[1:]
        if self.pixels:
            self.x: Tensor | Squares = x if isinstance(x, Squares) else self._place(x)  # (n, c, H, W) uint8
            if scaling is None:
                every = slice(None, None, max(1, len(x) // 5000))
                some = self._read(every).float()
                deviation = some.std((0, 2, 3)).clamp(min=1.0)
                scaling = Scaling(some.mean((0, 2, 3)).view(-1, 1, 1), 1 / deviation.view(-1, 1, 1))
            self.scaling = scaling
        else:
            values = torch.tensor(x, dtype=torch.float32, device=device)
            mean = values.mean(0) if scaling is None else scaling.mean
            values -= mean
            self.scaling = scaling or Scaling(mean, 1 / values.std().clamp(min=1e-12))
            self.x = values.mul_(self.scaling.scale)

    def _place(self, x: npt.NDArray[Any]) -> Tensor:
        """Pixels on the device, channels first."""
        return torch.tensor(x, device=self.y.device).movedim(-1, 1).contiguous()

    def _read(self, rows: Tensor | slice) -> Tensor:
        """Some rows (B, …) as they are held: decoded now, where images do not fit in memory."""
        if not isinstance(self.x, Squares):
            return self.x[rows]
        return self._place(self.x[rows if isinstance(rows, slice) else rows.cpu().numpy()])

    def _ahead(self, parts: Sequence[Tensor]) -> Iterator[Tensor | None]:
        """Rows of each of ``parts`` by `_read`, decoded while the one before trains; nothing where all is there."""
        if not isinstance(self.x, Squares):
            yield from (None for _ in parts)
            return
        with ThreadPoolExecutor(1) as pool:
            following = pool.submit(self._read, parts[0].flatten())
            for part in [*parts[1:], None]:
                ready = following.result()
                if part is not None:
                    following = pool.submit(self._read, part.flatten())
                yield ready

    def place(self, network: Network) -> Network:
        """``network`` on the device of the data, in the memory layout that convolutions are fastest in."""
        return network.to(self.y.device).to(memory_format=torch.channels_last)

    def drawn_by(self, generator: torch.Generator) -> DeviceDataset:
        """The same tensors with a random stream of their own, so that several fits can share them."""
        other = copy.copy(self)
        other.generator = generator
        return other

    def precision(self) -> contextlib.AbstractContextManager[Any]:
        """Products of matrices in bfloat16 where they are rounded, else in float32."""
        if self.rounded:
            return torch.autocast(self.y.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def tuned(self) -> contextlib.AbstractContextManager[Any]:
        """On a GPU, convolutions by the algorithm that is measured to be fastest for these shapes."""
        if self.y.device.type == "cuda":
            return torch.backends.cudnn.flags(enabled=True, benchmark=True, deterministic=False, allow_tf32=True)
        return contextlib.nullcontext()

    def batches(self, trained: Tensor, weights: Tensor | None, size: int) -> Iterator[Batch]:
        """One shuffled epoch in even batches; folds with fewer chosen samples start over."""
        weights = trained.float() if weights is None else weights * trained
        rows = [row.nonzero().squeeze(1) for row in weights]
        rows = [row if len(row) else fold.nonzero().squeeze(1) for row, fold in zip(rows, trained, strict=True)]
        rows = [self._balanced(row) for row in rows] if self.balance else rows
        longest = max(len(row) for row in rows)
        order = torch.stack([self._shuffled(row, longest) for row in rows])  # (F, longest)
        weight = weights.gather(1, order)
        weight = weight / weight.mean(1, keepdim=True).clamp(min=1e-12)
        steps = steps_of(longest, size)
        parts, shares = (t.tensor_split(steps, dim=1) for t in (order, weight))
        for part, share, held in zip(parts, shares, self._ahead(parts), strict=True):
            yield Batch(x=self.take(part, held), y=self.y[part], index=part, weight=share, take=self.take)

    def _balanced(self, rows: Tensor) -> Tensor:
        """As many of ``rows`` as there are, the same number of each class that they have, at random.

        Large classes give a new part of theirs each time, small ones all of theirs several times over.
        """
        mixed = rows[torch.randperm(len(rows), generator=self.generator, device=rows.device)]
        y = self.y[mixed]
        own = [mixed[y == label] for label in torch.bincount(y).nonzero().squeeze(1).tolist()]
        each = -(-len(rows) // len(own))
        return torch.cat([one[torch.arange(each, device=rows.device) % len(one)] for one in own])

    def _shuffled(self, rows: Tensor, length: int) -> Tensor:
        mixed = rows[torch.randperm(len(rows), generator=self.generator, device=rows.device)]
        return mixed[torch.arange(length, device=rows.device) % len(rows)]

    def take(self, index: Tensor, held: Tensor | None = None) -> Tensor:
        """Inputs (F, B, …) of rows (F, B), pixels normalised and augmented; ``held`` are theirs where read already."""
        if not self.pixels:
            return self._read(index)
        x = self._read(index.flatten()) if held is None else held
        if self.augment != "none":
            x = shift(x, max(1, x.shape[-1] // 8), self.generator, black=self.augment.startswith("crop"))
        if self.augment.endswith("+flip"):
            x = flip(x, self.generator)
        x = self._normalised(x)
        return x.view(*index.shape, *x.shape[1:])

    def _normalised(self, x: Tensor) -> Tensor:
        x = (x.float() - self.scaling.mean) * self.scaling.scale
        return x.contiguous(memory_format=torch.channels_last)

    def predict(self, method: Method, networks: Sequence[Network]) -> Tensor:
        """Logits (V, F, n, C) of all samples in evaluation mode, not augmented."""
        for network in networks:
            network.eval()
        return self.evaluate(lambda x: method.predict(networks, x), networks[0].copies)

    @torch.no_grad()
    def evaluate(self, forward: Callable[[Tensor], Tensor], folds: int) -> Tensor:
        """``forward`` of (F, B, …) inputs to (V, F, B, C) for all n samples, not augmented: (V, F, n, C) float32."""
        most = _CHUNK_CUDA if self.y.is_cuda else _CHUNK
        rows = max(1, most // max(math.prod(self.shape), folds * self.classes))
        parts = []
        for start in range(0, len(self.y), rows):
            x = self._read(slice(start, start + rows))
            ready = self._normalised(x) if self.pixels else x
            with self.precision():
                parts.append(forward(ready.expand(folds, *ready.shape)).float())
        return torch.cat(parts, dim=2)


def shift(x: Tensor, pixels: int, generator: torch.Generator, *, black: bool = False) -> Tensor:
    """Each image of (B, c, H, W) moved by up to ``pixels`` in both directions, edges repeated or zeros behind them."""
    batch, channels, height, width = x.shape
    offset = torch.randint(0, 2 * pixels + 1, (2, batch, 1), generator=generator, device=x.device) - pixels
    rows, columns = offset[0] + torch.arange(height, device=x.device), offset[1] + torch.arange(width, device=x.device)
    inside = ((rows >= 0) & (rows < height)).unsqueeze(2) & ((columns >= 0) & (columns < width)).unsqueeze(1)
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    source = (rows.unsqueeze(2) * width + columns.unsqueeze(1)).view(batch, 1, -1).expand(-1, channels, -1)
    moved = x.reshape(batch, channels, -1).gather(2, source).view(x.shape)  # four times faster than indexing by three
    return moved.mul_(inside.unsqueeze(1)) if black else moved


def flip(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image of (B, c, H, W) mirrored left-right with probability one half."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device) < 0.5
    return torch.where(mirrored, x.flip(-1), x)


def steps_of(n: int, batch: int) -> int:
    """Even batches of about ``batch`` samples."""
    return max(1, round(n / batch))
