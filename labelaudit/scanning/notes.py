"""Notes on what the answer of a scan can be trusted for, and the choices it made, in words and numbers.

Left out: notes on the dataset (`labelaudit.context`) and on what people said (`labelaudit.scanning.testimony`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labelaudit.features.known import advise_backbone
from labelaudit.judge.consensus import Consensus
from labelaudit.judge.decide import FEWEST
from labelaudit.judge.reading import SEEN
from labelaudit.judge.verdict_fit import VerdictFit
from labelaudit.leading import KEPT
from labelaudit.scanning.pool import ModelPool
from labelaudit.text import count, name_some
from labelaudit.types import Bools, Decision, Evidence, Floats, Ints, Samples

_SEVERAL = 10  # suspects from which it is said how many are sure
_FITTED = 20  # labels from which it is worth a word that probabilities agree with all of them
_CHANCE, _NOTHING = 2, 1e-6  # standard errors, and nats that are rounding
_SMALL = 50  # images per class below which the rate was seen to be off by a factor of two (docs/evidence.md)


def explain_choices(consensus: Consensus, verdicts: VerdictFit | None) -> dict[str, Any]:
    """The choices and their reasons, in words and numbers."""
    gain, reading = consensus.gain, consensus.reading
    networks = "none beside others to compare them with"
    if gain is not None:
        nats = f"{1000 * gain.nats:+.1f} ± {1000 * gain.error:.1f}"
        networks = f"{'heard' if gain.earned else 'not heard'}: {nats} thousandths of a nat per image by them"
    curve = "the set is too small for a learning curve"
    if reading.by_curve is not None:
        curve = f"the learning curve reads {reading.by_curve:.1%}"
    if reading.lasting is not None:
        curve += f", and of the labels that stand out {reading.lasting:.0%} would with any amount of data"
    scale = f"the noise model reads {reading.by_model:.1%}, {curve}"
    if verdicts is not None:
        scale = f"{verdicts.verdicts} verdicts set the scale; before them {scale}"
    return {"networks": networks, "rate": scale}


def name_products(evidence: Mapping[str, Evidence]) -> str | None:
    """The number format that methods multiplied in, where any was trained."""
    trained = [one.tables["settings"] for one in evidence.values() if "settings" in one.tables]
    rounded = any(settings.get("rounded") for settings in trained)
    return ("bfloat16" if rounded else "float32") if trained else None


def note_doubt(decision: Decision, features: str, agreed: float = 1.0) -> list[str]:
    """The note that models hardly see the classes, and where few suspects are sure, that other features may do better.

    ``features`` is the name of those that a backbone made, empty where none did; better ones leave less doubt.
    ``agreed`` is the share of images, in [0, 1], whose given class is the likeliest to models that have not seen it.
    """
    flagged, sure = int(decision.is_issue.sum()), int(decision.is_sure.sum())
    if flagged < _SEVERAL:
        return []
    notes = []
    if agreed < SEEN:
        notes.append(
            f"The models name the given class of only {agreed:.0%} of the images: either very many labels are wrong, "
            "or the models can hardly see these classes, and then most suspects have a right label, sure ones too. "
            "Labels alone cannot tell which, so trust the order only. Twenty verdicts can: labelaudit tune RUN."
        )
    elif sure > flagged / 2:
        return []
    if features and (advice := advise_backbone(features)):
        notes.append(advice)
    return notes


def note_unrelated(pooled: Floats, samples: Samples) -> list[str]:
    """The note that nothing which the models see goes with the labels.

    It is there where ``pooled`` (n,), the held-out suspicions of all models, give the labels no higher a likelihood
    than their frequencies do, beyond chance.
    """
    often = np.log(np.maximum(samples.counts(), 1) / len(samples))
    gain = np.log(np.maximum(1 - pooled, 1e-9)) - often[samples.labels]
    if gain.mean() > max(_CHANCE * gain.std() / np.sqrt(len(gain)), _NOTHING):
        return []
    return [
        "No model predicts the labels better than the sizes of the classes do. They may be shuffled, or shifted by a "
        "row, or say what the networks cannot see: neither the ranking nor the noise rate means anything then."
    ]


def note_fitted(probs: Floats | None, labels: Ints) -> list[str]:
    """The note that given ``probs`` (n, C) agree with all ``labels`` (n,), as those of a model do that learned them."""
    if probs is None or len(labels) < _FITTED or (probs.argmax(axis=1) != labels).any():
        return []
    return [
        "The given probabilities agree with every label. If their model was trained on these images, wrong labels look "
        "right to it: give the probabilities of models that had not seen an image, as cross-validation does."
    ]


def note_untrained(material: ModelPool) -> list[str]:
    """The note on why no method was trained, where one was asked for."""
    if not material.settings.trained or (material.trainable and not material.large):
        return []
    if not material.trainable:
        return ["Only probabilities were given, so no method was trained: the ranking rests on them alone."]
    samples = material.samples
    return [
        f"{len(samples):,} samples of {len(samples.classes):,} classes are too many to train networks on: the ranking "
        f"rests on closed forms and neighbours, which keep the {KEPT} leading classes of each sample."
    ]


def note_strangers(outside: Floats | None) -> list[str]:
    """The note on images of no class, by the probability (n,) that each is one."""
    if outside is None:
        return []
    return [f"About {outside.sum():,.0f} images seem to belong to no class (`reason` says which)."]


def note_blank(blank: Bools) -> list[str]:
    """The note on ``blank`` (n,) images, which are not judged."""
    found = int(blank.sum())
    return [f"Cannot judge {count(found, 'image')} with nothing to see: all pixels of each are alike."] if found else []


def note_few(samples: Samples) -> list[str]:
    """Notes on classes with too few images."""
    counts, notes = samples.counts(), list[str]()
    usual = int(np.median(counts[counts > 0]))
    if usual < _SMALL:
        notes.append(
            f"The classes have about {count(usual, 'image')} each: too few to tell wrong labels from doubt, so the "
            "noise rate may read far too low or too high. The ranking suffers less."
        )
    few = [name for name, size in zip(samples.classes, counts.tolist(), strict=True) if 0 < size < FEWEST]
    if few:
        these = f"{len(few)} class{'es' * (len(few) > 1)}"
        notes.append(f"Cannot judge {these} with fewer than {FEWEST} images: {name_some(few)}.")
    return notes
