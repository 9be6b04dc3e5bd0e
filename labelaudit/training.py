"""The one training loop and cross-fitting: every sample is judged by a model that did not train on it.

The loop reads as plainly as it does because the data sits on the device as one tensor, batches are drawn by index, the
folds of a cross-fit on features are an axis of every tensor, and a method says the rest through its hooks
(`labelaudit.methods`). Left out: checkpoints and resuming, and early stopping: what a sample looks like early and late
is evidence, so every epoch is recorded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from labelaudit.errors import DataError
from labelaudit.methods import Batch, Fit, Method, Recipe, configure, cross_entropy, get_method
from labelaudit.networks import Network, build, default_network
from labelaudit.types import Evidence, Progress, silent

Augment = Literal["none", "shift", "shift+flip"]
_STACKED = 100_000_000  # logits F·n·C up to which the folds train side by side
_CHUNK = 4_000_000  # logits or inputs evaluated at once


def crossfit(
    method: str,
    x: npt.NDArray[Any],
    labels: npt.NDArray[np.integer[Any]],
    classes: int,
    *,
    options: Mapping[str, Any] | None = None,
    network: str | None = None,
    folds: int = 5,
    epochs: int | None = None,
    augment: Augment = "none",
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> Evidence:
    """Train ``method`` on K-1 of K stratified folds, K times, and judge every sample by the fit that left it out.

    ``x`` is (n, d) float features or (n, H, W, c) uint8 pixels, ``labels`` (n,) in [0, classes). ``network`` is a name
    from `labelaudit.networks`, by default chosen by the shape; ``epochs`` overrides the method's own. `Evidence` holds
    the held-out probabilities (mean over the last third of the epochs), losses and margins per epoch, and the
    method's columns: ``name`` over the fits that trained on a sample, ``name_heldout`` from the one that did not.
    Same arguments, same bits on CPU. Raises `DataError` for unusable arrays, `OptionError` for options.

    >>> x = np.repeat(np.eye(2, 8, dtype=np.float32), 10, axis=0)
    >>> crossfit("ce", x, np.repeat([0, 1], 10), 2).probs.shape
    (20, 2)
    """
    _check(x, labels, classes)
    pixels = x.ndim == 4
    prototype = configure(get_method(method), options or {})
    recipe = prototype.recipe("pixels" if pixels else "features")
    if epochs is not None:
        recipe = Recipe(**{**vars(recipe), "epochs": epochs})
    network = network or default_network(x.shape[1:])
    fold_of = stratified_folds(labels, folds, seed)
    folds = int(fold_of.max()) + 1
    side_by_side = not pixels and folds * len(labels) * classes <= _STACKED
    groups = [range(folds)] if side_by_side else [range(fold, fold + 1) for fold in range(folds)]

    data = _Data(x, labels, classes, device=device, augment=augment)
    record = _Record(len(labels), classes, recipe.epochs, int(prototype.burn_in * recipe.epochs))
    for number, group in enumerate(groups):
        chosen = configure(get_method(method), options or {})
        trained = torch.stack([torch.from_numpy(fold_of != fold) for fold in group]).to(device)
        networks = [
            build(network, x.shape[1:], classes, copies=len(group), seed=_seed(seed, number, k)).to(device)
            for k in range(chosen.networks)
        ]

        def observe(
            epoch: int, logits: Tensor, method_: Method = chosen, trained: Tensor = trained, number: int = number
        ) -> None:
            measured = method_.measure(epoch, logits) if epoch >= record.burn_in else {}
            record.add(epoch, logits, data.y, trained, measured)
            progress(f"training {method}", number * recipe.epochs + epoch + 1, len(groups) * recipe.epochs)

        fit(chosen, networks, data, trained, recipe=recipe, seed=_seed(seed, number, chosen.networks), observe=observe)
    return record.evidence(method, chosen, labels, {"network": network, "folds": folds, "seed": seed, **vars(recipe)})


def fit(
    method: Method,
    networks: Sequence[Network],
    data: _Data,
    trained: Tensor,
    *,
    recipe: Recipe,
    seed: int,
    observe: Callable[[int, Tensor], None],
) -> None:
    """Train ``networks`` by ``method`` on the samples of ``trained`` (F, n).

    ``observe(epoch, logits)`` is called after each epoch with the logits (V, F, n, C) of all samples.
    """
    generator = torch.Generator(data.y.device).manual_seed(seed)
    data.generator = generator
    steps = recipe.epochs * _steps(int(trained.sum(1).max()), recipe.batch)
    parameters = [parameter for network in networks for parameter in network.parameters()]
    optimizer = _optimizer(parameters, recipe)
    method.begin(
        Fit(
            labels=data.y,
            classes=data.classes,
            trained=trained,
            networks=networks,
            epochs=recipe.epochs,
            steps=steps,
            generator=generator,
        )
    )
    outlook: Tensor | None = None

    def predict() -> Tensor:
        nonlocal outlook
        if outlook is None:
            outlook = data.predict(method, networks, len(trained))
        return outlook

    for epoch in range(recipe.epochs):
        weights = method.choose(epoch, predict)
        for network in networks:
            network.train()
        for batch in data.batches(trained, weights, recipe.batch):
            with data.precision():
                loss = method.step(networks, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            method.stepped(networks)
        outlook = None
        observe(epoch, predict())


def stratified_folds(labels: npt.NDArray[np.integer[Any]], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """(n,) fold of each sample: sizes, and class counts inside them, differ by at most one; no class is too small.

    >>> sorted(stratified_folds(np.array([0, 0, 0, 1]), 2, seed=0).tolist())
    [0, 0, 1, 1]
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold_of = np.empty(len(labels), dtype=np.int64)
    fold_of[by_class] = np.arange(len(labels)) % min(folds, len(labels))
    return fold_of


class _Data:
    """Inputs and labels on the device, in batches of F folds."""

    def __init__(
        self, x: npt.NDArray[Any], labels: npt.NDArray[Any], classes: int, *, device: str, augment: Augment
    ) -> None:
        self.classes, self.augment = classes, augment
        self.generator = torch.Generator(device)
        self.y = torch.tensor(labels, dtype=torch.int64, device=device)
        self.pixels = x.ndim == 4
        if self.pixels:
            self.x = torch.tensor(x, device=device).movedim(-1, 1).contiguous()  # (n, c, H, W) uint8
            some = self.x[:: max(1, len(x) // 5000)].float()
            self.mean = some.mean((0, 2, 3)).view(-1, 1, 1)
            self.scale = 1 / some.std((0, 2, 3)).clamp(min=1.0).view(-1, 1, 1)
        else:
            values = torch.tensor(x, dtype=torch.float32, device=device)
            values -= values.mean(0)
            self.x = values.mul_(1 / values.std().clamp(min=1e-12))  # one scale for all: the geometry is the caller's

    def precision(self) -> contextlib.AbstractContextManager[Any]:
        """bfloat16 where the hardware is made for it; float32 on CPU."""
        if self.y.device.type == "cuda":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def batches(self, trained: Tensor, weights: Tensor | None, size: int) -> Iterator[Batch]:
        """One shuffled epoch in even batches; folds with fewer chosen samples start over."""
        weights = trained.float() if weights is None else weights * trained
        rows = [row.nonzero().squeeze(1) for row in weights]
        rows = [row if len(row) else fold.nonzero().squeeze(1) for row, fold in zip(rows, trained, strict=True)]
        longest = max(len(row) for row in rows)
        order = torch.stack([self._shuffled(row, longest) for row in rows])  # (F, longest)
        weight = weights.gather(1, order)
        weight = weight / weight.mean(1, keepdim=True).clamp(min=1e-12)
        for part, share in zip(*(t.tensor_split(_steps(longest, size), dim=1) for t in (order, weight)), strict=True):
            yield Batch(x=self.take(part), y=self.y[part], index=part, weight=share, take=self.take)

    def _shuffled(self, rows: Tensor, length: int) -> Tensor:
        mixed = rows[torch.randperm(len(rows), generator=self.generator, device=rows.device)]
        return mixed[torch.arange(length, device=rows.device) % len(rows)]

    def take(self, index: Tensor) -> Tensor:
        """Inputs (F, B, …) of rows (F, B), pixels normalised and augmented."""
        if not self.pixels:
            return self.x[index]
        x = self._normalised(self.x[index.flatten()])
        if self.augment != "none":
            x = shift(x, max(1, x.shape[-1] // 8), self.generator)
        if self.augment == "shift+flip":
            x = flip(x, self.generator)
        return x.view(*index.shape, *x.shape[1:])

    def _normalised(self, x: Tensor) -> Tensor:
        x = (x.float() - self.mean) * self.scale
        return x.contiguous(memory_format=torch.channels_last) if x.is_cuda else x

    @torch.no_grad()
    def predict(self, method: Method, networks: Sequence[Network], folds: int) -> Tensor:
        """Logits (V, F, n, C) of all samples in evaluation mode, not augmented."""
        for network in networks:
            network.eval()
        rows = max(1, _CHUNK // max(self.x[0].numel(), folds * self.classes))
        parts = []
        for x in torch.split(self.x, rows):
            ready = self._normalised(x) if self.pixels else x
            with self.precision():
                parts.append(method.predict(networks, ready.expand(folds, *ready.shape)).float())
        return torch.cat(parts, dim=2)


class _Record:
    """Running sums of what every epoch and fold say about each sample."""

    def __init__(self, n: int, classes: int, epochs: int, burn_in: int) -> None:
        self.burn_in = burn_in
        self.losses = np.zeros((epochs, n), dtype=np.float32)
        self.margins = np.zeros((epochs, n), dtype=np.float32)
        self.probs = np.zeros((n, classes), dtype=np.float32)
        self.late = epochs - max(1, epochs // 3)
        self.agreement = np.zeros(2)
        self._sums: dict[str, npt.NDArray[np.float64]] = {}
        self._counts: dict[str, npt.NDArray[np.float64]] = {}

    def add(self, epoch: int, logits: Tensor, y: Tensor, trained: Tensor, measured: Mapping[str, Tensor]) -> None:
        """Take in one epoch of F folds: logits (V, F, n, C), statistics (F, n)."""
        scored = logits[0]
        loss, margin = cross_entropy(scored, y), margins(scored, y)
        for name, values in {"loss": loss, "margin": -margin, **measured}.items():
            if epoch < self.burn_in:
                continue
            for suffix, mask in (("", trained), ("_heldout", ~trained)):
                valid = mask & values.isfinite()
                self._sums[name + suffix] = self._sums.get(name + suffix, 0.0) + _numpy(values.where(valid, 0.0).sum(0))
                self._counts[name + suffix] = self._counts.get(name + suffix, 0.0) + _numpy(valid.sum(0))
        fold, row = (~trained).nonzero(as_tuple=True)
        rows = row.cpu().numpy()
        self.losses[epoch, rows], self.margins[epoch, rows] = _numpy(loss[fold, row]), _numpy(margin[fold, row])
        if epoch >= self.late:
            self.probs[rows] += _numpy(scored[fold, row].softmax(-1)) / (len(self.losses) - self.late)
        if epoch == len(self.losses) - 1:
            right = scored.argmax(-1) == y
            self.agreement += [float(right[trained].sum()), float(right[~trained].sum())]

    def evidence(self, name: str, method: Method, labels: npt.NDArray[Any], settings: Mapping[str, Any]) -> Evidence:
        columns = {
            column: np.divide(total, self._counts[column], out=np.zeros_like(total), where=self._counts[column] > 0)
            for column, total in self._sums.items()
            if self._counts[column].any()
        }
        n, folds = len(labels), int(settings["folds"])
        probs = self.probs / self.probs.sum(1, keepdims=True)
        columns.update(method.derive(probs, labels))
        fit_ = {
            "in_sample": float(self.agreement[0] / max(n * (folds - 1), 1)),
            "held_out": float(self.agreement[1] / n),
        }
        tables = {"settings": {**settings, **method.settings()}, "fit": fit_, **method.tables(columns, probs, labels)}
        return Evidence(
            method=name,
            suspicion=method.suspicion(columns, labels),
            probs=probs,
            losses=self.losses,
            margins=self.margins,
            columns=columns,
            tables=tables,
        )


def margins(logits: Tensor, y: Tensor) -> Tensor:
    """Logit of the given label minus the largest other: logits (..., n, C), y (n,) to (..., n)."""
    given = y.expand(logits.shape[:-1]).unsqueeze(-1)
    return logits.gather(-1, given).squeeze(-1) - logits.scatter(-1, given, -torch.inf).amax(-1)


def shift(x: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Each image of (B, c, H, W) moved by up to ``pixels`` in both directions, edges repeated."""
    batch, _, height, width = x.shape
    padded = torch.nn.functional.pad(x, (pixels,) * 4, mode="replicate")
    offset = torch.randint(0, 2 * pixels + 1, (2, batch, 1), generator=generator, device=x.device)
    rows = offset[0] + torch.arange(height, device=x.device)
    columns = offset[1] + torch.arange(width, device=x.device)
    image = torch.arange(batch, device=x.device).view(-1, 1, 1)
    return padded[image, :, rows.unsqueeze(2), columns.unsqueeze(1)].movedim(-1, 1)


def flip(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image of (B, c, H, W) mirrored left-right with probability one half."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device) < 0.5
    return torch.where(mirrored, x.flip(-1), x)


def _optimizer(parameters: Sequence[Tensor], recipe: Recipe) -> torch.optim.Optimizer:
    fused = parameters[0].device.type in ("cpu", "cuda")
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay, fused=fused)
    return torch.optim.AdamW(parameters, recipe.lr, weight_decay=recipe.weight_decay, fused=fused)


def _steps(n: int, batch: int) -> int:
    """Even batches of about ``batch`` samples."""
    return max(1, round(n / batch))


def _seed(seed: int, group: int, part: int) -> int:
    """A 63-bit seed of its own for every network and random stream of a run."""
    return int(np.random.SeedSequence([seed, group, part]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _numpy(values: Tensor) -> npt.NDArray[Any]:
    return values.cpu().numpy()


def _check(x: npt.NDArray[Any], labels: npt.NDArray[Any], classes: int) -> None:
    if x.ndim not in (2, 4) or len(x) != len(labels):
        raise DataError(f"expected (n, d) features or (n, H, W, c) pixels for {len(labels)} labels, not {x.shape}")
    if x.ndim == 4 and x.dtype != np.uint8:
        raise DataError(f"pixels must be uint8 in 0..255, not {x.dtype}")
    if x.ndim == 2 and not np.isfinite(x).all():
        raise DataError("features contain NaN or infinity: remove or replace these rows")
    if len(labels) < 2 or classes < 2:
        raise DataError(f"training needs at least 2 samples and 2 classes, not {len(labels)} and {classes}")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"labels must lie in 0..{classes - 1}, not {labels.min()}..{labels.max()}")
