"""All diagnostics of one trained network, in a dictionary that can be written as JSON."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from labelaudit.models.calibration import expected_calibration_error, reliability
from labelaudit.models.curvature import hessian_trace
from labelaudit.models.information import check_memorisation, fano_bound, least_information, uniform_noise_entropy
from labelaudit.models.sensitivity import input_margins, squared_jacobian_norms
from labelaudit.networks import Network
from labelaudit.networks.spectra import layer_norms
from labelaudit.training.batches import DeviceDataset

_EXACT = 100  # classes up to which the Jacobian is computed row by row
_DRAWS = 50  # of the estimate beyond
_VALUES = 2_000_000  # input values that are differentiated at once
_AT_ONCE = 64  # samples
_BINS = 15  # of the calibration error
_SIGNS = 10  # draws of the trace of the Hessian
_CURVED = 64  # samples that it is of
_DISTURBED = (0.1, 0.3, 1.0)  # σ of the noise on inputs under which accuracy is measured


def diagnose(
    network: Network,
    inputs: DeviceDataset,
    *,
    others: Mapping[str, DeviceDataset] | None = None,
    noise: float | None = None,
    held_out: float | None = None,
    samples: int = 256,
    hessian: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Diagnose a ``network`` of one copy on its ``inputs``, in evaluation mode, not augmented.

    ``others`` are further samples by name, such as ``test``; all but ``layers`` stands under it, against their labels.
    ``layers`` holds spectral norms, ``jacobian`` and ``margin`` means and quantiles over up to ``samples`` random
    inputs, ``under_noise`` the accuracy with Gaussian noise on these inputs, by its σ, ``calibration`` the expected
    calibration error against the given labels, in 15 bins of equal width. With ``hessian``, which takes longest,
    ``hessian`` holds the trace of the Hessian of the loss in the weights. With ``noise``, the rate of wrong labels,
    spread evenly over the other classes, ``fano`` says how many labels a network must get wrong that memorised none,
    and the bits per label that this one must hold. ``memorisation`` compares the fit with 1 - noise, or with
    ``held_out``, the accuracy on given labels that were kept out of training. Lengths are in units of scaled inputs.
    """
    was_training = network.training
    network.eval()

    def look_at(part: DeviceDataset) -> dict[str, Any]:
        seen = _look_at(network, part, samples=samples, seed=seed)
        return seen | ({"hessian": _curvature(network, part, seed)} if hessian else {})

    try:
        found: dict[str, Any] = {"samples": len(inputs.y), "looked_at": min(samples, len(inputs.y))}
        found["layers"] = [asdict(one) for one in layer_norms(network, _some(inputs, 1, seed)[1][:, :1], seed=seed)]
        found |= look_at(inputs)
        for name, part in (others or {}).items():
            found[name] = look_at(part)
    finally:
        network.train(was_training)
    fit = found["calibration"]["accuracy"]
    if noise is not None:
        entropy = uniform_noise_entropy(noise, inputs.classes)
        found["fano"] = {
            "noise": noise,
            "label_entropy_bits": entropy,
            "least_error_without_memorising": fano_bound(entropy, inputs.classes),
            "error": 1 - fit,
            "least_bits_memorised_per_label": least_information(1 - fit, entropy, inputs.classes),
        }
    expected = held_out if noise is None else 1 - noise
    if expected is not None:
        against = "noise rate" if noise is not None else "held-out labels"
        found["memorisation"] = {"against": against, **check_memorisation(fit, expected, len(inputs.y))}
    return found


def _some(inputs: DeviceDataset, samples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Up to ``samples`` random rows (m,) and their inputs (1, m, …), not augmented."""
    chosen = torch.randperm(len(inputs.y), generator=torch.Generator().manual_seed(seed))[:samples].sort().values
    rows = chosen.to(inputs.y.device)
    plain = copy.copy(inputs)
    plain.augment = "none"
    return rows, plain.take(rows.unsqueeze(0))


def _look_at(network: Network, inputs: DeviceDataset, *, samples: int, seed: int) -> dict[str, Any]:
    """``jacobian``, ``margin`` and ``calibration`` of some samples."""
    labels = inputs.y
    with torch.no_grad():
        probs = inputs.evaluate(lambda x: network(x).unsqueeze(0), network.copies)[0, 0].softmax(-1)
    rows, x = _some(inputs, samples, seed)
    return _sensitivity(network, x, labels[rows], inputs.classes <= _EXACT, seed) | {
        "under_noise": _disturb(network, x, labels[rows], seed),
        "calibration": {
            "error": expected_calibration_error(probs, labels, _BINS),
            "bins": _BINS,
            "accuracy": float((probs.argmax(-1) == labels).float().mean()),
            "confidence": float(probs.max(-1).values.mean()),
            "reliability": reliability(probs, labels, _BINS),
        },
    }


def _disturb(network: Network, x: Tensor, y: Tensor, seed: int) -> dict[str, float]:
    """Accuracy on inputs x (1, m, …) with noise on them, by σ in units of the scaled inputs; 0 is without."""
    generator = torch.Generator(x.device).manual_seed(seed)
    found = {}
    with torch.no_grad():
        for sigma in (0.0, *_DISTURBED):
            noise = sigma * torch.empty_like(x).normal_(generator=generator)
            found[f"{sigma:g}"] = float((network(x + noise)[0].argmax(-1) == y).float().mean())
    return found


def _curvature(network: Network, inputs: DeviceDataset, seed: int) -> dict[str, Any]:
    """The trace of the Hessian of the mean loss of a few samples."""
    rows, x = _some(inputs, _CURVED, seed)
    y = inputs.y[rows]
    generator = torch.Generator(x.device).manual_seed(seed)
    trace = hessian_trace(network, x, y.unsqueeze(0), draws=_SIGNS, generator=generator)
    return {"how": f"estimated from {_SIGNS} draws on {len(y)} samples", "trace": trace}


def _sensitivity(network: Network, x: Tensor, y: Tensor, exact: bool, seed: int) -> dict[str, Any]:
    """``jacobian`` and ``margin`` of inputs x (1, m, …) with given labels y (m,)."""
    generator = torch.Generator(x.device).manual_seed(seed)
    at_once = max(1, min(_AT_ONCE, _VALUES // x[0, 0].numel()))
    norms, distances, bounds = [], [], []
    for part, given in zip(torch.split(x, at_once, dim=1), torch.split(y, at_once), strict=True):
        squared = squared_jacobian_norms(network, part, draws=None if exact else _DRAWS, generator=generator)
        margins = input_margins(network, part, given.unsqueeze(0), squared_norms=squared)
        norms.append(squared[0])
        distances.append(margins.distance[0])
        bounds.append(margins.bound[0])
    squared, distance = torch.cat(norms), torch.cat(distances)
    return {
        "jacobian": {
            "how": "exact" if exact else f"estimated from {_DRAWS} draws",
            "mean_norm": float(squared.sqrt().mean()),
            "mean_squared_norm": float(squared.mean()),
        },
        "margin": {
            "of": "the given label, in units of the scaled inputs",
            "mean": float(distance.mean()),
            **{f"p{100 * q:.0f}": float(distance.quantile(q)) for q in (0.1, 0.5, 0.9)},
            "share_positive": float((distance > 0).float().mean()),
            "mean_lower_bound": float(torch.cat(bounds).mean()),
        },
    }
