"""A copy of a dataset with planted label noise, and the truth about it: for trying out what finds wrong labels.

The copy is class folders and ``truth.csv`` (path, given_label, true_label). It is written whole or not at all and never
into, over or around the source. Hard links share their file with the source: edit neither. Left out: the looks of an
image as a hint; a file keeps its name, so where names hold the class (``cat_12.jpg``), they give the truth away.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelaudit.clean.dataset import RelabelledDataset
from labelaudit.clean.names import by_class
from labelaudit.clean.transfer import Transfer
from labelaudit.corrupt import annotators
from labelaudit.corrupt import noise as planting
from labelaudit.data.images import ImageError, encoded_of, probe
from labelaudit.data.ingest import digest, ingest
from labelaudit.data.listing import Files
from labelaudit.data.source import Source
from labelaudit.data.sources import open_source
from labelaudit.data.tree import walk
from labelaudit.errors import DataError, OptionError, RunError, unknown_name, writing
from labelaudit.files import recover, sibling, swap
from labelaudit.images import Joined, Subset
from labelaudit.machine import Machine
from labelaudit.outputs import check_apart
from labelaudit.text import Lines
from labelaudit.types import Bools, Floats, Ints, Samples

NOISES: Mapping[str, str] = {
    "symmetric": "each touched image gets one of the other classes, all alike: as many are wrong as are touched",
    "uniform": "each touched image gets any class, its own included: of C classes (C - 1) / C of them are wrong",
    "pair": "a share of every class gets the next class by name, of the last one the first",
    "asymmetric": "a share of every class that is mapped gets the class it is mapped to; unmapped classes stay clean",
    "instance": "each image has its own probability, and wrong classes that it looks more like are likelier",
    "dependent": "the images that a model confuses most get the class it confuses them with, as SLN's dependent noise",
    "annotator": "as by people who have seen few examples of each class and mistake images for what they resemble",
    "openset": "images are replaced by outside ones that belong to no class; the labels stay",
}
"""Name -> what it does; see `labelaudit.corrupt.noise` for who means which."""
_FOLDS = 5
_SIDE = 16  # pixels, for noise that depends on the image


@dataclass(frozen=True, kw_only=True)
class Corrupted:
    """The copy that was made and the noise planted in it."""

    folder: Path
    samples: int
    wrong: int
    """Labels that are not the true one, or under open-set noise images that have none."""
    asked: float
    mapping: Mapping[str, str]
    """Class -> the class that its wrong samples got, under asymmetric noise."""
    left_out: int
    """Samples of the source that could not be used: unreadable or without a label."""
    how: Mapping[str, int]
    """Files by how they were made: ``hard link``, ``copy``."""

    @property
    def rate(self) -> float:
        """Realised share of wrong labels."""
        return self.wrong / self.samples


def corrupt(
    data: Source | Path | str,
    output: Path | str,
    *,
    noise: str,
    rate: float | None = None,
    strength: str | None = None,
    seed: int = 0,
    mapping: Mapping[str, str] | None = None,
    outside: Path | str | None = None,
    machine: Machine | None = None,
) -> Corrupted:
    """Copy ``data``, any dataset of images that a scan takes, to the new folder ``output`` with noise of `NOISES`.

    ``rate`` in [0, 1] is the share of samples touched, of each source class where there is one; which labels become
    wrong is in ``truth.csv`` and the result. ``mapping`` (class -> class) is for asymmetric noise, by default a random
    exchange of all classes; ``outside`` is a folder of images that belong to no class, for open-set noise, whose true
    label is empty. ``strength`` (`annotators.STRENGTHS`, usual unless said) is how good simulated annotators are, and
    sets their rate where none is given; every other noise needs one. Same arguments, same copy.

    Raises `OptionError`, `DataError` or `RunError`; nothing is left behind then.
    """
    if noise not in NOISES:
        raise unknown_name("noise", noise, NOISES)
    _check_for(noise, mapping, outside)
    skill = _choose_strength(noise, strength)
    rate = _choose_rate(noise, rate, skill)
    place = Path(output).resolve()
    for source in (data.data if isinstance(data, Source) else data, outside):
        _check_place(place, source)
    machine = machine or Machine()
    listing = open_source(data)
    samples, _ = ingest(listing, workers=machine.workers, progress=machine.progress)
    if samples.images is None:
        raise DataError(f"'{listing.root}' holds no images to copy")
    generator = np.random.default_rng(seed)
    pairs: Mapping[str, str] = {}
    if outside is not None:
        samples, wrong = _replace(samples, Path(outside), rate, generator)
        given = samples.labels
    else:
        pairs = (mapping or _exchange(samples, generator)) if noise == "asymmetric" else {}
        planted = _plant(samples, noise, rate, pairs, skill, generator, machine)
        given, wrong = planted.labels, planted.wrong
    truth = samples.given()
    if outside is not None:
        truth = ["" if bad else own for own, bad in zip(truth, wrong.tolist(), strict=True)]
    made = _write(samples, given, truth, place, machine)
    return Corrupted(
        folder=Path(output),
        samples=len(samples),
        wrong=int(wrong.sum()),
        asked=rate,
        mapping=pairs,
        left_out=len(listing.ids) - len(samples),
        how=made,
    )


def _plant(
    samples: Samples,
    noise: str,
    rate: float,
    pairs: Mapping[str, str],
    skill: annotators.Strength,
    generator: np.random.Generator,
    machine: Machine,
) -> planting.NoisyLabels:
    """The labels of ``samples`` with ``noise``; ``pairs`` is for asymmetric noise, ``skill`` for annotators."""
    true, classes = samples.labels, len(samples.classes)
    if noise == "asymmetric":
        number = {name: index for index, name in enumerate(samples.classes)}
        if strange := sorted({*pairs, *pairs.values()} - {*number}):
            raise unknown_name("class", strange[0], samples.classes)
        numbers = {number[source]: number[target] for source, target in pairs.items()}
        return planting.asymmetric(true, classes, rate, numbers, generator=generator)
    if noise == "annotator":
        x = annotators.see(_load(samples, annotators.SIDE, machine))
        doubts = annotators.doubt(x, true, classes, examples=skill.examples, generator=generator)
        return planting.drawn_from(true, doubts, rate, generator=generator)
    if noise == "instance":
        pixels = _load(samples, _SIDE, machine)
        features = pixels.reshape(len(pixels), -1).astype(np.float64)
        return planting.instance_dependent(true, classes, rate, features, generator=generator)
    if noise == "dependent":
        return planting.prediction_dependent(true, _confusions(samples, generator, machine), rate)
    forms: Mapping[str, Callable[..., planting.NoisyLabels]] = {
        "symmetric": planting.symmetric,
        "uniform": planting.uniform,
        "pair": planting.pair,
    }
    return forms[noise](true, classes, rate, generator=generator)


def _load(samples: Samples, side: int, machine: Machine) -> npt.NDArray[np.uint8]:
    """(n, side, side, c) pixels of all samples."""
    from labelaudit.data.pixels import load_pixels

    assert samples.images is not None
    return load_pixels(samples.images, side, workers=machine.workers, progress=machine.progress)[0]


def _confusions(samples: Samples, generator: np.random.Generator, machine: Machine) -> Floats:
    """(n, C) held-out probabilities of the true classes: linear discriminants on EfficientNet-Lite0 features."""
    from labelaudit.features import embed
    from labelaudit.judge import probes

    assert samples.images is not None
    on_cpu = replace(machine, device="cpu", cache=None)
    features, _ = embed(samples.images, samples.digests, backbones=["lite0@96"], machine=on_cpu)
    (rotation,) = probes.find_rotations(features)
    x = rotation.apply(features.values)
    folds = generator.permutation(len(samples)) % min(_FOLDS, len(samples))
    return np.asarray(probes.discriminant(x, samples.labels, len(samples.classes), folds))


def _exchange(samples: Samples, generator: np.random.Generator) -> dict[str, str]:
    """A random mapping that moves every class."""
    moved = planting.derangement(len(samples.classes), generator=generator)
    return {samples.classes[source]: samples.classes[target] for source, target in moved.items()}


def _replace(samples: Samples, outside: Path, rate: float, generator: np.random.Generator) -> tuple[Samples, Bools]:
    """The samples with rows of outside images in them, each used once, and which rows they are."""
    rows = planting.open_set_rows(len(samples), rate, generator=generator)
    if not outside.is_dir():
        raise DataError(f"'{outside}' (`outside`) is not a folder of images")
    paths, classes = walk(outside).paths, {*samples.classes}
    paths = tuple(path for path in paths if not classes & {*path.split("/")[:-1]})
    files, digests, places = Files(outside, paths), list(samples.digests), np.arange(len(samples))
    waiting = iter(rows.tolist())
    row = next(waiting, None)
    known = {*samples.digests}
    for other in generator.permutation(len(paths)).tolist():
        if row is None:
            break
        try:
            content = encoded_of(files, other)
            probe(content)
        except ImageError:
            continue
        if digest(content) not in known:  # an image of the dataset belongs to a class
            digests[row], places[row] = digest(content), len(samples) + other
            row = next(waiting, None)
    wrong = places >= len(samples)
    if row is not None:
        raise DataError(
            f"'{outside}' (`outside`) has {wrong.sum():,} usable images of no class, {len(rows):,} are needed: "
            "give more, or a lower `rate`"
        )
    assert samples.images is not None
    images = Subset(Joined([samples.images, files]), places)
    return replace(samples, images=images, digests=tuple(digests), groups=()), wrong


def _write(samples: Samples, given: Ints, truth: Sequence[str], place: Path, machine: Machine) -> Mapping[str, int]:
    """Class folders by the ``given`` labels (n,) and ``truth.csv``, whose ``truth`` (n,) is empty where no class is
    right, in the place of nothing or an empty folder."""
    assert samples.images is not None
    names = [samples.classes[label] for label in given.tolist()]
    dataset = RelabelledDataset(
        samples=samples, rows=tuple(range(len(samples))), labels=tuple(names), classes=samples.classes
    )
    transfer = Transfer(samples.images, samples, link="hard", workers=machine.workers, progress=machine.progress)
    with writing(place, "choose another folder with `output`"):
        place.parent.mkdir(parents=True, exist_ok=True)
        with sibling(place) as fresh:
            paths = by_class(dataset, transfer.ending)
            transfer.place(dataset.rows, [fresh / path for path in paths])
            with (fresh / "truth.csv").open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                writer = csv.writer(Lines(file))
                writer.writerow(("path", "given_label", "true_label"))
                writer.writerows(zip(paths, names, truth, strict=True))
            swap((fresh, place))
    return transfer.how


def _check_for(noise: str, mapping: Mapping[str, str] | None, outside: Path | str | None) -> None:
    """Options that belong to one noise are refused with any other."""
    if mapping and noise != "asymmetric":
        raise OptionError(f"`map` is for asymmetric noise, not {noise}")
    if same := next((name for name, target in (mapping or {}).items() if name == target), None):
        raise OptionError(f"`map` {same}={same}: a class becomes another one; leave it out and its labels stay right")
    if (noise == "openset") != (outside is not None):
        said = "needs `outside`, a folder of images of no class" if noise == "openset" else "takes no `outside`"
        raise OptionError(f"{noise} noise {said}")


def _choose_strength(noise: str, strength: str | None) -> annotators.Strength:
    if strength is not None and noise != "annotator":
        raise OptionError(f"`strength` is for annotator noise, not {noise}")
    if strength is not None and strength not in annotators.STRENGTHS:
        raise unknown_name("strength", strength, annotators.STRENGTHS)
    return annotators.STRENGTHS[strength or "usual"]


def _choose_rate(noise: str, rate: float | None, skill: annotators.Strength) -> float:
    if rate is not None:
        return rate
    if noise != "annotator":
        raise OptionError(f"{noise} noise needs `rate`, the share of images that it touches, such as `rate` 20%")
    return skill.rate


def _check_place(place: Path, source: Path | str | None) -> None:
    """Refuse to write into, over or around what is only to be read, and over anything that is there."""
    check_apart(place, {"data": source})
    recover(place)
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise RunError(f"{place} exists already: choose a new folder with `output`")
