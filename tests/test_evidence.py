"""The numbers of docs/evidence.md and the README on twelve sets and on clean sets are those that were measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
EVIDENCE = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKS = {
    "outdoor scenes, crowd workers": "outdoor",
    "photographs, reassessed": "imagenette_real",
    "clothes, rare errors": "clothes",
    "CIFAR-10N aggregate": "cifar10n-aggre@2500",
    "CIFAR-10N random1": "cifar10n-random1@2500",
    "CIFAR-10N worse": "cifar10n-worse@2500",
    "hand signs, simulated annotators": "signdigits~usual",
    "blood cells, simulated": "bloodcells8~usual",
    "photographs of 20 classes, simulated": "caltech20~usual",
    "CIFAR-10, simulated": "cifar10n-clean@2500~usual",
    "plankton of 118 classes, simulated": "plankton118~usual",
    "136 letters of 20, simulated": "omniglot136~usual",
}
CLEAN = {
    "CIFAR-10": "cifar10",
    "blood cells": "bloodcells8",
    "hand signs": "signdigits",
    "rubbish": "trashnet",
    "outdoor scenes, true labels": "outdoor",
    "photographs of 20 classes": "caltech20",
    "photographs, a tiny set": "tinyphotos",
    "MNIST": "mnist",
    "136 letters": "omniglot136",
    "plankton of 118 classes": "plankton118",
}
SIZES = (12, 25, 50, 100, 250)
LABELS = {
    "people's": "people",
    "annotators', simulated": "usual",
    "exchanged pairs, 20 %": "pair20",
    "even, 40 %": "symmetric40",
    "even, 20 %": "symmetric20",
    "even, 5 %": "symmetric5",
    "rare, 1 %": "rare",
    "none wrong": "clean",
}
PEERS = ("cleanlab", "mixture", "neighbours", "SimiFeat", "ten lines")


def read(name: str) -> Any:
    """The rows of a benchmark: a list, or by name."""
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def table(page: str, heading: str) -> dict[str, list[str]]:
    """First cell -> the others, without stars, of the first table below a heading."""
    below = page.partition(f"\n## {heading}\n")[2]
    found = re.search(r"^\|.*(?:\n\|.*)*", below, flags=re.M)
    assert found, heading
    rows = ([cell.strip(" *") for cell in line.strip("|").split("|")] for line in found[0].splitlines()[2:])
    return {row[0]: row[1:] for row in rows}


def measured() -> dict[tuple[str, str], dict[str, Any]]:
    """(pack, by whom) -> row of benchmarks/packs.py."""
    return {(row["pack"], row["by"]): row for row in read("packs.json") if row["bare"]}


def clean_draws(name: str, size: int) -> list[dict[str, Any]]:
    """The rows of benchmarks/clean.py of one dataset with so many images a class."""
    return [row for row in read("clean.json") if (row["dataset"], row["per_class"]) == (name, size)]


def mean(rows: list[dict[str, Any]], key: str) -> float:
    """The mean of a figure over some rows."""
    return float(np.mean([row[key] for row in rows]))


def total(rows: list[dict[str, Any]], key: str) -> int:
    """The sum of a count over some rows."""
    return sum(int(row[key]) for row in rows)


def short(value: Any, digits: int = 3) -> str:
    """A share as the pages write it, without the leading zero."""
    return f"{value:.{digits}f}".removeprefix("0")


@pytest.mark.parametrize("name", PACKS)
def test_the_table_of_twelve_sets_is_what_was_measured(name: str) -> None:
    rows, pack = measured(), PACKS[name]
    tool, peers = rows[pack, "labelaudit"], {by: rows[pack, by]["ap"] for by in PEERS}
    n, wrong, ap, best, ten, f1, sure, interval = table(EVIDENCE, "What was measured")[name]
    peer = max(peers, key=lambda by: peers[by])
    low, high = (f"{100 * end:.1f}" for end in tool["interval"])
    assert (n, wrong) == (f"{tool['n']:,}", f"{100 * tool['wrong']:.1f} %")
    assert (ap, ten) == (short(tool["ap"]), short(peers["ten lines"]))
    assert best.replace("*", "") == f"{short(peers[peer])} ({peer})"
    assert f1 == f"{short(tool['f1'])} / {short(tool['best_f1'])}"
    assert sure == f"{tool['sure_right']:.0f} / {tool['sure'] * tool['n']:.0f}"
    assert interval == f"{low} to {high}"


def test_the_rows_of_the_readme_are_those_of_evidence() -> None:
    known, rows = table(EVIDENCE, "What was measured"), table(README, "How good is it?")
    assert len(rows) == 3
    for name, row in rows.items():
        full = next(full for full in known if name.startswith(full))
        n, wrong, ap, _, ten, _, sure, _ = known[full]
        assert row == [n, wrong, ap, ten, sure], name


def test_the_means_of_the_twelve_sets_are_what_was_measured() -> None:
    rows = measured()
    means = [np.mean([rows[pack, by]["ap"] for pack in PACKS.values()]) for by in ("labelaudit", *PEERS)]
    text = " ".join(EVIDENCE.split())
    said = re.search(
        r"mean AP of the twelve sets is (\S+) for labelaudit, (\S+) for cleanlab on the same features, (\S+) for the "
        r"mixture and (\S+) for the ten lines",
        text,
    )
    assert said
    assert said.groups() == (*(short(float(mean)) for mean in means[:3]), short(float(means[-1])))


def test_what_is_said_of_suspects_and_sure_ones_is_what_was_measured() -> None:
    rows = [measured()[pack, "labelaudit"] for pack in PACKS.values()]
    shares = [row["f1"] / row["best_f1"] for row in rows]
    right = round(sum(row["sure_right"] for row in rows[:6]))
    sure = round(sum(row["sure"] * row["n"] for row in rows[:6]))
    text = " ".join(EVIDENCE.split())
    assert f"**Suspects** reach {short(np.mean(shares), 2)} of the best F1" in text
    assert f"and {short(np.mean(shares[:6]), 2)} on the six sets" in text
    assert f"the bad case with {short(shares[1], 2)}; the other five reach" in text
    assert f"The letters reach {short(shares[-1], 2)}." in text
    assert f"is nearly always a wrong label**: {right} of {sure} on the six sets" in text


@pytest.mark.parametrize("name", CLEAN)
def test_the_table_of_clean_sets_is_what_was_measured(name: str) -> None:
    cells = table(EVIDENCE, "False alarms on clean data")[name]
    for size, cell in zip(SIZES, cells, strict=True):
        draws = clean_draws(CLEAN[name], size)
        assert bool(cell) == bool(draws), size
        if cell:
            flagged, _, sure = cell.partition(" (")
            assert float(flagged) == pytest.approx(100 * mean(draws, "flagged"), abs=0.051), size
            assert float(sure.strip(")") or 0) == pytest.approx(100 * mean(draws, "sure"), abs=0.051), size


def test_cleanlab_beside_them_flags_what_was_measured() -> None:
    cells = table(EVIDENCE, "False alarms on clean data")["cleanlab, on the mean"]
    for size, cell in zip(SIZES, cells, strict=True):
        draws = (clean_draws(name, size) for name in CLEAN.values())
        assert float(cell) == pytest.approx(
            100 * np.mean([mean(some, "cleanlab") for some in draws if some]), abs=0.051
        )


def drawn() -> dict[str, dict[str, Any]]:
    """`pack size shape labels draw` -> row of benchmarks/sweep.py."""
    return dict(read("sweep.json"))


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("size", ["100", "300"])
def test_the_table_of_few_images_is_what_was_measured(name: str, size: str) -> None:
    lines = EVIDENCE.partition("\n## Few images a class\n")[2].splitlines()
    said = next(line for line in lines if line.startswith(f"| {name} | {size} |"))
    some = [row for key, row in drawn().items() if (key.split()[1], key.split()[3]) == (size, LABELS[name])]
    wrong = [row for row in some if row["wrong"]]
    order = ["", "", ""]
    if wrong:
        ten, share = ([row["ten"]["ap"] for row in wrong], [row["f1"] / row["best_f1"] for row in wrong])
        order = [short(mean(wrong, "ap")), short(np.mean(ten)), short(np.mean(share), 2)]
    sure = f"{total(some, 'sure_right'):,} / {total(some, 'sure'):,}"
    cells = [name, size, str(len(some)), *order, f"{100 * mean(some, 'flagged'):.1f} %", sure]
    assert [cell.strip(" *") for cell in said.strip("|").split("|")] == cells


def test_what_is_said_of_few_images_is_what_was_measured() -> None:
    rows = list(drawn().values())
    wrong = [row for row in rows if row["wrong"]]
    behind = [row for row in wrong if row["ten"]["ap"] - row["ap"] > 0.03]
    few = {9: "nine"}[sum(row["wrong"] * row["n"] < 5.5 for row in behind)]
    text = " ".join(EVIDENCE.split())
    assert f"ten lines on {len(behind)} of the {len(wrong)} draws that have wrong labels, {few} of" in text
    assert f"on all {len(rows)} draws of few images" in text
    assert all(row["interval"][0] - 1e-9 <= row["wrong"] <= row["interval"][1] + 1e-9 for row in rows)
    people = [row for name, row in drawn().items() if name.split()[3] == "people"]
    for some, end in ((people, "in people's sets"), (rows, "in all")):
        assert f"{total(some, 'sure_right'):,} of {total(some, 'sure'):,} {end}" in text
