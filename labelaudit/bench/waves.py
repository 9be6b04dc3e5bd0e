"""Learns functions of one variable under each regulariser, to show the frequencies that a network takes up.

SN, Fig. 2 and GNI, Fig. 2: a network is fitted to a sum of sine waves by least squares, and the Fourier spectrum of
what it learned is compared with that of the target. Noise on the targets is high frequencies; weight decay, spectral
normalisation and noise on the layers keep a network from them (Rahaman et al., "On the Spectral Bias of Neural
Networks", ICML 2019; Bar et al., AISTATS 2022; Camuto et al., NeurIPS 2020). Left out: the papers' own targets and
schedules, of which only pictures are given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from labelaudit.models.figures import draw_lines
from labelaudit.networks import build
from labelaudit.regularizers import RegularizedStep, configure_all

FREQUENCIES = (1, 2, 3, 4, 5)
"""Waves of the target on [0, 1), each of amplitude 1."""
POINTS = 200
STEPS = 1500
NETWORK = "mlp_2x512"
_NOISE = 0.5  # standard deviation of what is added to the targets
_SHOWN = 20  # frequencies in the figure
_RATE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Wave:
    """One way to regularise the fit."""

    name: str
    decay: float = 0.0
    """Coefficient of Σw² in the loss."""
    regularizers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


ARMS = (
    Wave(name="plain"),
    Wave(name="weight decay", decay=1e-4),
    Wave(name="spectral", regularizers={"spectral": {"scale": 2.0, "last": False}}),
    Wave(name="noise", regularizers={"gaussian": {"variance": 0.01}}),
)


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """One fit, as far as it is compared."""

    arm: str
    seed: int
    noise: float
    """Standard deviation of the noise on the targets."""
    steps: int
    learned: tuple[float, ...]
    """Amplitudes of the fitted function at the frequencies 1, 2, …."""
    error: float
    """Mean squared distance from the target without its noise."""

    @property
    def within(self) -> float:
        """Mean amplitude at the target's own frequencies; 1 = all of it was learned."""
        return float(np.mean([self.learned[k - 1] for k in FREQUENCIES]))

    @property
    def beyond(self) -> float:
        """Root of the energy at frequencies that the target does not have: noise that was learned."""
        rest = [value for k, value in enumerate(self.learned, 1) if k not in FREQUENCIES]
        return float(np.sqrt(np.square(rest).sum()))


def fit(arm: Wave, *, seed: int, noise: float, steps: int = STEPS, network: str = "") -> Spectrum:
    """Fit a network to the target by full-batch Adam, and read the spectrum of what it learned.

    ``noise`` is the standard deviation of Gaussian noise on the targets, ``network`` is `NETWORK` unless said. Same
    arguments, same bits on CPU.
    """
    drawn = np.random.default_rng(seed)
    x = np.arange(POINTS) / POINTS
    phases = drawn.uniform(0, 2 * np.pi, len(FREQUENCIES))
    clean = np.sin(2 * np.pi * np.outer(x, FREQUENCIES) + phases).sum(axis=1)
    given = clean + noise * drawn.standard_normal(POINTS)
    inputs = torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32).view(1, POINTS, 1)
    targets = torch.tensor(given, dtype=torch.float32)
    model = build(network or NETWORK, (1,), 1, seed=seed)
    RegularizedStep([*configure_all(arm.regularizers).values()], [model], torch.Generator().manual_seed(seed))
    optimizer = torch.optim.Adam(model.parameters(), lr=_RATE)
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1 - step / steps)
        optimizer.zero_grad()
        loss = functional.mse_loss(model(inputs)[0, :, 0], targets)
        if arm.decay:
            loss = loss + arm.decay * torch.stack([weight.square().sum() for weight in model.parameters()]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.eval()
    with torch.no_grad():
        learned = model(inputs)[0, :, 0].double().numpy()
    return Spectrum(
        arm=arm.name,
        seed=seed,
        noise=noise,
        steps=steps,
        learned=tuple(amplitudes(learned).round(6).tolist()),
        error=round(float(np.square(learned - clean).mean()), 6),
    )


def amplitudes(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Amplitudes of the waves 1, 2, … below half the sampling rate, in ``values`` (n,) over one period.

    >>> amplitudes(3 * np.sin(2 * np.pi * 2 * np.arange(16) / 16)).round(6)[:3].tolist()
    [0.0, 3.0, 0.0]
    """
    return np.asarray(2 * np.abs(np.fft.rfft(values))[1 : (len(values) + 1) // 2] / len(values))


def run(
    *, seeds: Sequence[int] = (0, 1, 2), steps: int = STEPS, told: Callable[[Spectrum], None] = lambda _: None
) -> tuple[Spectrum, ...]:
    """Every arm with and without noise on the targets; ``told`` gets each fit in turn."""
    found = []
    for seed in seeds:
        for noise in (0.0, _NOISE):
            for arm in ARMS:
                made = fit(arm, seed=seed, noise=noise, steps=steps)
                told(made)
                found.append(made)
    return tuple(found)


def summarize(found: Sequence[Spectrum]) -> list[dict[str, Any]]:
    """A row for each arm and noise: means over the seeds of what was learned within and beyond the target, and of the
    error."""
    rows = []
    for noise in sorted({one.noise for one in found}):
        for arm in dict.fromkeys(one.arm for one in found):
            own = [one for one in found if (one.arm, one.noise) == (arm, noise)]
            means = {
                part: float(np.mean([getattr(one, part) for one in own])) for part in ("within", "beyond", "error")
            }
            rows.append({"arm": arm, "noise": noise, "seeds": len(own), **means})
    return rows


def draw(found: Sequence[Spectrum]) -> dict[str, str]:
    """File name -> SVG: the spectrum that each arm learned, the mean over its seeds, without and with noise."""
    drawn = {}
    for noise in sorted({one.noise for one in found}):
        lines = {}
        for arm in dict.fromkeys(one.arm for one in found):
            own = [one.learned[:_SHOWN] for one in found if one.arm == arm and one.noise == noise]
            lines[arm] = np.mean(own, axis=0).tolist()
        what = f"noise of {noise:g} on the targets" if noise else "targets as they are"
        name = f"waves-{'noisy' if noise else 'clean'}.svg"
        title = f"Spectrum learned, {what}; {', '.join(map(str, FREQUENCIES))} have 1"
        drawn[name] = draw_lines(title, lines, across="frequency", up="amplitude")
    return drawn
