"""Lower bound on the wrong labels that a network must get wrong unless it memorised them.

Harutyunyan et al., "Improving Generalization by Controlling Label-Noise Information in Neural Network Weights", ICML
2020, Theorem 2.1 and Remark 1: with I bits about the labels of n samples in the weights, beyond what their inputs say,
the training error r obeys H(r) + r·log₂(C - 1) >= H(y|x) - I/n (Fano's inequality). Entropies are in bits.
"""

from __future__ import annotations

import math
from typing import Any


def uniform_noise_entropy(noise: float, classes: int) -> float:
    """H(y|x) in bits of a label that is wrong with probability ``noise`` and then any of the other C - 1 classes.

    >>> uniform_noise_entropy(0.5, 2)
    1.0
    """
    return _entropy(noise) + noise * math.log2(max(classes - 1, 1))


def fano_bound(entropy: float, classes: int, information: float = 0.0) -> float:
    """The smallest training error in [0, 1 - 1/C] that Fano's inequality leaves.

    ``entropy`` is H(y|x) in bits, as of `uniform_noise_entropy`; ``information`` is I/n, in bits per sample.

    >>> round(fano_bound(uniform_noise_entropy(0.8, 10), 10, information=1.0), 3)
    0.405
    """
    low, high = 0.0, 1 - 1 / classes
    if uniform_noise_entropy(low, classes) >= entropy - information:
        return low
    for _ in range(60):  # the left side of the inequality grows on this interval
        middle = (low + high) / 2
        if uniform_noise_entropy(middle, classes) < entropy - information:
            low = middle
        else:
            high = middle
    return high


def least_information(error: float, entropy: float, classes: int) -> float:
    """I/n, in bits per sample: what the weights must at the least hold about the labels for so small an ``error``.

    The same inequality, read the other way; 0 where nothing need be memorised.

    >>> round(least_information(0.0, uniform_noise_entropy(0.5, 2), 2), 3)
    1.0
    """
    return max(0.0, entropy - uniform_noise_entropy(min(error, 1 - 1 / classes), classes))


def check_memorisation(fit: float, expected: float, samples: int) -> dict[str, Any]:
    """Tell whether training labels are fitted better than a model could that had memorised none: JSON-able.

    ``fit`` is the accuracy on the given training labels. ``expected`` is what it would be without memorising: one minus
    the noise rate of labels that are otherwise predictable, or the accuracy on labels kept out of training, wrong ones
    included. ``memorising`` says that fit exceeds it by more than 3 standard errors of ``samples`` draws.

    >>> check_memorisation(fit=0.97, expected=0.6, samples=1000)["memorising"]
    True
    """
    error = math.sqrt(max(expected * (1 - expected), 1 / (4 * max(samples, 1))) / max(samples, 1))
    return {
        "fit": fit,
        "expected_fit": expected,
        "excess": fit - expected,
        "standard_error": error,
        "memorising": fit - expected > 3 * error,
    }


def _entropy(p: float) -> float:
    """Entropy of a coin, in bits."""
    return -sum(q * math.log2(q) for q in (p, 1 - p) if q > 0)
