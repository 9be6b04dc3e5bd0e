"""The one training loop and cross-fitting: every sample is judged by a model that did not train on it.

The loop reads as plainly as it does because the data sits on the device as one tensor, batches are drawn by index
(`labelaudit.training.batches`), the folds of a cross-fit on features are an axis of every tensor, and a method says the
rest through its hooks (`labelaudit.methods`). Left out: files of any kind (`labelaudit.models` keeps checkpoints), and
early stopping: what a sample looks like early and late is evidence, so every epoch is recorded.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from labelaudit.errors import OptionError
from labelaudit.methods import Method
from labelaudit.networks import Network, begins_trained, build, default_network, is_published, read_weights, start_from
from labelaudit.regularizers import configure_all
from labelaudit.training.batches import DeviceDataset
from labelaudit.training.evidence import EvidenceSums
from labelaudit.training.folds import stratified_folds
from labelaudit.training.loop import TrainingState, check_arrays, fit, seed_of
from labelaudit.training.settings import CrossfitSettings, Weights
from labelaudit.types import Evidence, Progress, no_progress

_STACKED = 50_000_000  # logits F·n·C up to which folds train side by side as one batched network


def crossfit(
    settings: CrossfitSettings,
    x: npt.NDArray[Any],
    labels: npt.NDArray[np.integer[Any]],
    classes: int,
    *,
    digests: Sequence[str] | None = None,
    device: str = "cpu",
    progress: Progress = no_progress,
) -> Evidence:
    """Train a method on K-1 of K stratified folds, K times, and judge every sample by the fit that left it out.

    ``x`` is (n, d) float features or (n, H, W, c) uint8 pixels, ``labels`` (n,) in [0, classes). Samples of equal
    ``digests`` share a fold. `Evidence` holds the held-out probabilities (mean over the last third of the epochs),
    losses and margins per epoch, and the method's columns: ``name`` over the fits that trained on a sample,
    ``name_heldout`` from the one that did not. `FitSettings.choose_recipe` says how it is optimised. Same arguments,
    same bits on the same CPU.
    Raises `DataError` for unusable arrays, `OptionError` for options.

    >>> x = np.repeat(np.eye(2, 8, dtype=np.float32), 10, axis=0)
    >>> crossfit(CrossfitSettings(method="ce"), x, np.repeat([0, 1], 10), 2).probs.shape
    (20, 2)
    """
    check_arrays(x, labels, classes)
    pixels, published = x.ndim == 4, begins_trained(settings.network, settings.init)
    recipe = settings.choose_recipe(len(labels), pixels=pixels, folds=settings.folds, trained=published)
    network = settings.network or default_network(x.shape[1:])
    make = network_builder(network, x.shape[1:], classes, settings.init)
    fold_of = stratified_folds(labels, settings.folds, seed=settings.seed, digests=digests)
    folds = int(fold_of.max()) + 1
    cuda = device.startswith("cuda")
    together = 1 if pixels or folds * len(labels) * classes > _STACKED else folds if cuda else -(-folds // 2)
    groups = [range(first, min(first + together, folds)) for first in range(0, folds, together)]
    inputs = DeviceDataset(x, labels, classes, device=device, augment=settings.augment, rounded=settings.rounded)
    composed = settings.compose()
    added = {name: regularizer.settings() for name, regularizer in configure_all(composed).items()}
    done, stop = itertools.count(1), threading.Event()

    def train(number: int) -> tuple[Method, EvidenceSums]:
        """Fit the folds of one group."""
        chosen, group = settings.make_method(), groups[number]
        trained = torch.stack([torch.from_numpy(fold_of != fold) for fold in group]).to(device)
        seeds = [seed_of(settings.seed, number, k) for k in range(chosen.networks)]
        networks = [inputs.place(make(len(group), own)) for own in seeds]
        record = EvidenceSums(len(labels), classes, recipe.epochs, int(chosen.burn_in * recipe.epochs))

        def observe(course: TrainingState) -> None:
            if stop.is_set():
                raise InterruptedError
            epoch, logits = course.epoch - 1, course.predict()
            measured = chosen.sample_statistics(logits) if epoch >= record.burn_in else {}
            record.add(epoch, logits, inputs.y, trained, measured)
            progress(f"training {settings.method}", next(done), len(groups) * recipe.epochs)

        own = inputs.drawn_by(torch.Generator(device).manual_seed(seed_of(settings.seed, number, chosen.networks)))
        fit(chosen, networks, own, trained, recipe=recipe, observe=observe, regularizers=composed)
        return chosen, record

    alone = cuda or is_published(network)  # theirs may have dropout, which knows no generator but torch's own
    with torch.random.fork_rng(devices=[torch.device(device)] if cuda else []):
        torch.manual_seed(seed_of(settings.seed, len(groups), 0))
        fits = _in_parallel(train, len(groups), stop, workers=1 if alone else torch.get_num_threads())
    record = fits[0][1]
    for _, other in fits[1:]:
        record.merge(other)
    told = {"network": network, "folds": folds, "seed": settings.seed, "augment": settings.augment, **vars(recipe)}
    told |= {"regularizers": added} if added else {}
    told |= {"init": str(settings.init)} if settings.init is not None else {}
    told |= {"rounded": True} if inputs.rounded else {}
    return record.evidence(settings.method, fits[0][0], labels, told)


def network_builder(
    network: str, shape: Sequence[int], classes: int, init: Weights = None
) -> Callable[[int, int], Network]:
    """(copies, seed) -> `build` of ``network``, with the weights of ``init`` in every copy.

    Raises `RunError` for weights that cannot be read or are of another network, and `OptionError` for those of a model
    that labelaudit trained: it may know the labels that it is to judge.
    """
    weights = read_weights(init) if isinstance(init, Path) and not init.is_dir() else {}
    if isinstance(init, Path) and (init.is_dir() or any(name.startswith("body.") for name in weights)):
        raise OptionError(
            f"`init` {init}: a model that labelaudit trained may know the labels it is to judge: give published weights"
        )

    def make(copies: int, seed: int) -> Network:
        made = build(network, shape, classes, copies=copies, seed=seed, pretrained=init == "pretrained")
        if weights:
            start_from(made, weights, str(init))
        return made

    return make


def _in_parallel(
    train: Callable[[int], tuple[Method, EvidenceSums]], groups: int, stop: threading.Event, *, workers: int
) -> list[tuple[Method, EvidenceSums]]:
    """``train(number)`` of every group, in order, on up to ``workers`` threads that share torch's cores between them.

    Small convolutions leave a second core mostly waiting, and on a busy machine both; whole fits do not. The first
    error stops the others at the end of their epoch.
    """
    threads, workers = torch.get_num_threads(), min(workers, groups)
    if workers <= 1:
        return [train(number) for number in range(groups)]
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads // workers,)) as pool:
            futures: list[Future[tuple[Method, EvidenceSums]]] = [
                pool.submit(train, number) for number in range(groups)
            ]
            try:
                ended, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in ended:  # one that failed, whichever it is
                    future.result()
                return [future.result() for future in futures]
            except BaseException:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        torch.set_num_threads(threads)
