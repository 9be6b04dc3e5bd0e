"""SLN: Chen et al., "Noise against noise: stochastic label noise helps combat inherent label noise", ICLR 2021: the
CIFAR tables, and the same comparison on MNIST, which a CPU can make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from labelaudit.bench.noises import prediction_dependent
from labelaudit.bench.preset import Arm, Cost, Preset, Setting, Table
from labelaudit.bench.readings import last_accuracy
from labelaudit.corrupt.noise import CIFAR10_PAIRS, asymmetric, pair, symmetric

_NAMES = ("CE: test accuracy", "SLN: SLN, test accuracy", "SLN: SLN-MO, test accuracy", "SLN-MO-LC: test accuracy")
_ORDERS = tuple(zip(_NAMES[1:], _NAMES[:-1], strict=True))
_CORRECTED = 1 / 6  # of the run, at its end: 50 of 300 epochs
_SERIES = ("train_loss", "clean_loss", "wrong_loss", "memorised", "test_accuracy", "test_accuracy_network")


def _arms(
    network: str, epochs: int, sgd: Mapping[str, Any], sigma: float, paper: Sequence[float | None]
) -> tuple[Arm, ...]:
    """CE, SLN with and without its momentum model, and label correction; ``paper`` in this order."""
    ce, sln, momentum, corrected = paper
    noisy = {**sgd, "sigma": sigma}
    both = (
        last_accuracy(sln, name="SLN, test accuracy", view="network"),
        last_accuracy(momentum, name="SLN-MO, test accuracy"),
    )
    shared: dict[str, Any] = {"network": network, "epochs": epochs, "series": _SERIES}
    return (
        Arm(name="CE", method="ce", readings=(last_accuracy(ce),), options=sgd, **shared),
        Arm(name="SLN", method="sln", readings=both, options={**noisy, "correction": 0.0}, **shared),
        Arm(
            name="SLN-MO-LC",
            method="sln",
            readings=(last_accuracy(corrected),),
            options={**noisy, "correction": _CORRECTED},
            **shared,
        ),
    )


_PAPER = {"optimizer": "sgd", "lr": 0.001, "weight_decay": 5e-4, "batch": 128}
_SAME = "the same schedule; labels are drawn anew with every seed instead of read from the paper's file"
_ROWS = ("CE", "GCE", "Co-T", "PHuber", "LS", "SLN", "MO", "LC")
_TABLE: Mapping[tuple[str, str], Mapping[str, float]] = {
    cell: dict(zip(_ROWS, values, strict=True))
    for cell, values in {
        ("cifar10", "symmetric"): (53.16, 79.27, 82.37, 80.58, 66.59, 80.00, 84.71, 87.00),
        ("cifar10", "asymmetric"): (72.72, 70.90, 79.61, 73.01, 66.96, 80.63, 84.80, 87.85),
        ("cifar10", "dependent"): (72.33, 73.05, 76.69, 72.70, 72.79, 78.48, 80.56, 81.76),
        ("cifar10", "open"): (77.74, 81.56, 85.21, 81.62, 77.06, 85.33, 89.16, 88.47),
        ("cifar100", "symmetric"): (31.63, 44.07, 53.05, 48.76, 40.57, 50.24, 56.57, 58.64),
        ("cifar100", "asymmetric"): (36.26, 36.75, 39.78, 35.13, 43.51, 44.43, 50.59, 63.90),
        ("cifar100", "dependent"): (55.59, 54.51, 47.06, 55.11, 53.89, 57.47, 61.24, 61.14),
    }.items()
}
_KINDS: Mapping[str, tuple[Any, str, Mapping[str, Any]]] = {
    "symmetric": (partial(symmetric, rate=0.4), "40 % symmetric among the other classes", {}),
    "asymmetric": (
        partial(asymmetric, rate=0.4, mapping=CIFAR10_PAIRS),
        "40 % of truck, bird, deer, cat and dog become automobile, airplane, horse, dog and cat",
        {},
    ),
    "dependent": (
        partial(prediction_dependent, rate=0.4),
        "the 40 % that a network confuses most get the class it confuses them with",
        {"sees_images": True},
    ),
    "open": (partial(symmetric, rate=0.4), "40 % of the images are of CIFAR-100", {"outside": "cifar100"}),
}


_BEGUN: Mapping[str, Mapping[str, tuple[float | None, float]]] = {
    "symmetric": {"Co-T": (None, 84.22), "SIGUA": (83.76, 84.27), "DivideMix": (90.38, 90.87)},
    "asymmetric": {"Co-T": (None, 87.79), "SIGUA": (78.24, 87.65), "DivideMix": (87.88, 89.31)},
    "dependent": {"Co-T": (None, 80.37), "SIGUA": (76.67, 80.09), "DivideMix": (82.21, 82.86)},
    "open": {"Co-T": (None, 90.37), "SIGUA": (86.70, 90.38), "DivideMix": (90.49, 91.65)},
}
"""Noise -> rival -> accuracy by itself, where it has no row yet, and begun with SLN's model."""


def _rival(
    name: str, paper: float, method: str, own: Mapping[str, Any], spans: Mapping[str, float] | None = None, **rest: Any
) -> Arm:
    """One row of the CIFAR tables that is not SLN's: its ``own`` options, on the schedule that all rows share."""
    return Arm(
        name=name,
        method=method,
        network="wrn28_2",
        epochs=300,
        readings=(last_accuracy(paper),),
        options={**_PAPER, **own},
        spans=spans or {},
        **rest,
    )


def _begun(kind: str, rate: float, first: Arm) -> tuple[Arm, ...]:
    """SLN's rivals by themselves and begun with the model of ``first``; two networks have a model of it each."""
    found = []
    for name, (alone, begun) in _BEGUN[kind].items():
        how: tuple[str, Mapping[str, Any], Mapping[str, float]] = {
            "Co-T": ("co_teaching", {"noise": rate}, {"ramp": 10 / 300}),
            "SIGUA": ("sigua", {"noise": rate}, {"ramp": 10 / 300}),
            "DivideMix": ("dividemix", {"warmup": 10 / 300}, {}),
        }[name]
        found += [] if alone is None else [_rival(name, alone, *how)]
        found.append(_rival(f"{name} from SLN", begun, *how, after=first))
    return tuple(found)


def _cifar(dataset: str, kind: str) -> Preset:
    paper, hundred = _TABLE[dataset, kind], dataset == "cifar100"
    plant, noise, rest = _KINDS[kind]
    if hundred and kind == "asymmetric":
        plant, noise = partial(pair, rate=0.4), "40 % of every class become the next one"
    sigma = (0.1 if kind == "dependent" else 0.2) if hundred else (1.0 if kind == "symmetric" else 0.5)
    tau = 30 if hundred else 10 if kind == "asymmetric" else 2
    smoothing = 0.5 if not hundred and kind == "asymmetric" else 0.8
    rate = 0.2 if kind == "asymmetric" and not hundred else 0.4
    others = (
        _rival("GCE", paper["GCE"], "gce", {"start": (150 if hundred else 50) / 300, "every": 10}),
        _rival("Co-T", paper["Co-T"], "co_teaching", {"noise": rate}, {"ramp": 10 / 300}),
        _rival("PHuber", paper["PHuber"], "phuber", {"tau": float(tau)}),
        _rival("LS", paper["LS"], "ce", {}, regularizers={"label_smoothing": {"alpha": smoothing}}),
    )
    own = _arms("wrn28_2", 300, _PAPER, sigma, [paper[name] for name in ("CE", "SLN", "MO", "LC")])
    begun = () if hundred else _begun(kind, rate, own[1])
    return Preset(
        name=f"sln-{dataset}-{kind}",
        paper="SLN, CIFAR tables",
        shows=f"{dataset.upper().replace('CIFAR', 'CIFAR-')} with 40 % {kind} noise: SLN and its rivals",
        setting=Setting(
            dataset=dataset, samples=50_000, plant=plant, noise=noise, augment="crop+flip", level=0.4, **rest
        ),
        arms=(*own, *others, *begun),
        device="cuda",
        orders=_ORDERS,
        differs=_SAME,
        seeds=1,
    )


_MNIST = Preset(
    name="sln-mnist",
    paper="SLN, CIFAR table",
    shows="Label noise, a momentum model and label correction each add to the one before",
    setting=Setting(
        dataset="mnist",
        samples=2000,
        plant=partial(symmetric, rate=0.4),
        noise="40 % symmetric among the other classes",
        test=1500,
        level=0.4,
    ),
    arms=_arms("mnist_cnn", 40, {**_PAPER, "lr": 0.02}, 1.0, (None, None, None, None)),
    device="cpu",
    costs={"cpu": Cost(seconds=175, known="measured, busy"), "cuda": Cost(seconds=20, known="estimated")},
    orders=_ORDERS,
    differs=(
        "MNIST and a small CNN instead of CIFAR-10 and WRN-28-2, 40 epochs at rate .02 instead of 300 at .001: "
        "the order is the claim, the paper's values (53.2, 80.0, 84.7, 87.0) belong to preset sln-cifar10-symmetric"
    ),
)

_DIGITS = Setting(
    dataset="digits",
    samples=1397,
    plant=partial(symmetric, rate=0.4),
    noise="40 % symmetric among the other classes",
    features=True,
    level=0.4,
)
_REVERSED = Preset(
    name="sln-digits-reversed",
    paper="SLN, Fig. 10",
    shows="Label correction that trusts what the model finds easy, and the reverse",
    setting=_DIGITS,
    arms=tuple(
        Arm(
            name=name,
            method="sln",
            network="mlp",
            epochs=100,
            readings=(last_accuracy(),),
            options={**_PAPER, "lr": 0.02, "sigma": 1.0, "correction": 0.5, **options},
            series=_SERIES,
        )
        for name, options in (("ω", {}), ("1 - ω", {"reversed_weight": True}))
    ),
    device="cpu",
    orders=(("ω: test accuracy", "1 - ω: test accuracy"),),
    differs=(
        "scikit-learn's digits and one hidden layer, corrected for half of 100 epochs; the paper gives a figure only, "
        "on CIFAR-10"
    ),
)

_PLACES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "none": ("ce", {}),
    "on weights' gradients (Eq. 1)": ("gradient_noise", {"where": "weights", "sigma": 0.01}),
    "on logits' gradients (Eq. 2)": ("gradient_noise", {"where": "logits", "sigma": 1.0}),
    "on labels (Eq. 3)": ("sln", {"sigma": 1.0, "correction": 0.0}),
}
_PLACED = Preset(
    name="sln-digits-places",
    paper="SLN, Fig. 5",
    shows="Noise on labels keeps a network from learning wrong ones by heart; put elsewhere it does not",
    setting=_DIGITS,
    arms=tuple(
        Arm(
            name=name,
            method=method,
            network="mlp",
            epochs=100,
            readings=(last_accuracy(view="network" if method == "sln" else ""),),
            options={**_PAPER, "lr": 0.02, **options},
        )
        for name, (method, options) in _PLACES.items()
    ),
    device="cpu",
    orders=tuple(("on labels (Eq. 3): test accuracy", f"{name}: test accuracy") for name in [*_PLACES][:3]),
    differs=(
        "scikit-learn's digits and one hidden layer; one σ each, not the best of several; the paper gives a figure only"
    ),
)

TABLES = (
    Table(
        name="sln-figure-5",
        paper="SLN, Fig. 5",
        shows="Noise on gradients of weights, of logits, and on labels",
        presets=(_PLACED,),
    ),
    Table(
        name="sln-figure-10",
        paper="SLN, Fig. 10",
        shows="The weight of the given label in the correction, and its reverse",
        presets=(_REVERSED,),
    ),
    Table(
        name="sln-small",
        paper="SLN, CIFAR table and Figs 5 to 8",
        shows="The comparison on MNIST, with loss and accuracy of right and wrong labels epoch by epoch",
        presets=(_MNIST,),
    ),
    Table(
        name="sln-cifar10",
        paper="SLN, CIFAR-10 table",
        shows="CIFAR-10 with four kinds of 40 % noise, WRN-28-2",
        presets=tuple(_cifar(dataset, kind) for dataset, kind in _TABLE if dataset == "cifar10"),
    ),
    Table(
        name="sln-cifar100",
        paper="SLN, CIFAR-100 table",
        shows="CIFAR-100 with three kinds of 40 % noise, WRN-28-2",
        presets=tuple(_cifar(dataset, kind) for dataset, kind in _TABLE if dataset == "cifar100"),
        missing=("Clothing1M (20 cells): a million images that are given out on request only"),
    ),
)
