"""Make the second sample dataset: pictures of fruit, drawn by this script, 6 % of the labels wrong on purpose.

    python sample_data/make_fruit.py

writes ``fruit/<class>/<number>.jpg`` (360 pictures of 128 x 128 pixels) and ``fruit-truth.csv`` beside this script.
They are renderings, not photographs: one fruit on a table, lit from a side, with a skin of its own kind, drawn by NumPy
from nothing but a seed, so there is nobody's licence to mind. Wrong labels are look-alikes (an apple called a tomato).
"""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

SIDE, FINE, PER_CLASS, QUALITY = 128, 2, 60, 84  # pixels, subpixels an edge, pictures a class, JPEG quality
RATE, SEED = 0.06, 7

Picture = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fruit:
    """How one kind of fruit looks; colours are linear RGB from 0 to 1."""

    colors: tuple[tuple[float, float, float], ...]
    """The skin, of which each picture has a mixture."""
    shape: tuple[float, float]
    """Width and height of the body over its depth."""
    pits: float
    """Depth of the pores."""
    gloss: float
    look_alike: str
    """The class that its wrong labels name."""


FRUIT = {
    "apple": Fruit(((0.50, 0.02, 0.03), (0.60, 0.08, 0.05), (0.36, 0.42, 0.06)), (1.02, 0.96), 0.0, 0.5, "tomato"),
    "lemon": Fruit(((0.86, 0.62, 0.03), (0.82, 0.70, 0.09)), (1.28, 0.88), 0.34, 0.25, "orange"),
    "lime": Fruit(((0.13, 0.34, 0.02), (0.25, 0.42, 0.04)), (1.14, 0.94), 0.25, 0.3, "apple"),
    "orange": Fruit(((0.86, 0.27, 0.01), (0.80, 0.34, 0.02)), (1.0, 0.98), 0.36, 0.25, "lemon"),
    "plum": Fruit(((0.10, 0.02, 0.12), (0.22, 0.03, 0.10), (0.07, 0.03, 0.16)), (0.92, 1.04), 0.0, 0.2, "lime"),
    "tomato": Fruit(((0.68, 0.04, 0.01), (0.72, 0.12, 0.02)), (1.12, 0.88), 0.0, 0.9, "apple"),
}
TABLES = ((0.42, 0.30, 0.20), (0.62, 0.58, 0.52), (0.16, 0.17, 0.19), (0.30, 0.36, 0.40), (0.52, 0.40, 0.30))


def noise(rng: np.random.Generator, side: int, cells: int) -> Picture:
    """(side, side) smooth noise of mean 0 with about ``cells`` bumps along an edge."""
    coarse = rng.normal(size=(cells + 3, cells + 3))
    fine = zoom(coarse, side / cells, order=3)
    return np.asarray(fine[:side, :side])


def draw(fruit: Fruit, name: str, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(SIDE, SIDE, 3) one picture of ``fruit``."""
    side = SIDE * FINE
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    light = np.array([rng.choice([-1, 1]) * rng.uniform(0.3, 0.9), -rng.uniform(0.5, 1.1), rng.uniform(0.5, 1.0)])
    light /= np.linalg.norm(light)
    size, turn = rng.uniform(0.46, 0.62), rng.normal(0, 0.5 if fruit.shape[0] > 1.1 and name != "tomato" else 0.15)
    cx, cy = rng.normal(0, 0.07), rng.normal(0.06, 0.05)
    u = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / size / fruit.shape[0]
    v = (-(x - cx) * np.sin(turn) + (y - cy) * np.cos(turn)) / size / fruit.shape[1]
    if name == "lemon":
        u = u / (1 + 0.22 * np.exp(-((v / 0.22) ** 2)))  # its two tips
    if name == "apple":
        v = v - 0.17 * np.exp(-((u / 0.32) ** 2)) * (v < 0)  # the dip around the stalk
        u = u * (1 + 0.13 * v)  # broader at the shoulders
    radius = u**2 + v**2
    inside = np.clip((1 - np.sqrt(radius)) * size * side / 2.2, 0, 1)
    depth = np.sqrt(np.clip(1 - radius, 0, 1))
    bump = fruit.pits * 0.05 * noise(rng, side, 44) + 0.05 * noise(rng, side, 5)
    if name == "plum":
        bump = bump - 0.10 * np.exp(-(((u - 0.25 * (1 - v**2)) / 0.07) ** 2))  # its crease
    dy, dx = np.gradient(bump * side / 14)
    normal = np.stack([u - dx, v - dy, depth + 0.05], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    skin = paint(fruit, name, rng, u, v)
    lit = np.clip(normal @ light, 0, None)
    half = light + np.array([0, 0, 1.0])
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** (18 + 60 * fruit.gloss)
    ambient = 0.20 + 0.12 * normal[..., 2] - 0.10 * np.clip(normal[..., 1], 0, 1)
    body = skin * (ambient + 0.95 * lit)[..., None] + (0.55 * fruit.gloss * shine)[..., None]
    table = lay_table(rng, x, y)
    shadow = np.exp(-((x - cx + 0.28 * light[0]) ** 2 / 0.42 + (y - cy - 0.86 * size) ** 2 / 0.05))
    table *= (1 - 0.75 * gaussian_filter(shadow, 5) * (y > cy))[..., None]
    picture = table * (1 - inside[..., None]) + body * inside[..., None]
    picture = add_stalk(picture, name, rng, u, v)
    picture = picture * (1 - 0.16 * (x**2 + y**2))[..., None] * rng.uniform(0.85, 1.2)
    picture = picture.reshape(SIDE, FINE, SIDE, FINE, 3).mean(axis=(1, 3))
    picture = np.clip(picture + rng.normal(0, 0.006, picture.shape), 0, 1) ** (1 / 2.2)
    return np.round(picture * 255).astype(np.uint8)


def paint(fruit: Fruit, name: str, rng: np.random.Generator, u: Picture, v: Picture) -> Picture:
    """(side, side, 3) the colour of the skin."""
    side = len(u)
    colors = np.array(fruit.colors)
    shares = rng.dirichlet(np.full(len(colors), 0.8))
    patches = np.exp(1.1 * np.stack([noise(rng, side, 3) for _ in colors], axis=-1)) * shares
    skin = (patches / patches.sum(axis=-1, keepdims=True)) @ colors
    if name == "apple":  # streaks from pole to pole, and freckles
        streaks = noise(rng, side, 30)[side // 2] * np.ones_like(u)
        skin = skin * (1 + 0.12 * streaks * np.sqrt(np.clip(1 - v**2, 0, 1)))[..., None]
        skin = skin + 0.10 * (noise(rng, side, 60) > 2.4)[..., None]
    if name == "plum":  # the bloom that a thumb wipes off
        bloom = np.clip(0.5 + 0.5 * noise(rng, side, 4), 0, 1)[..., None]
        skin = skin + 0.10 * bloom * np.array([0.55, 0.6, 0.9])
    return np.asarray(np.clip(skin * (1 + 0.06 * noise(rng, side, 9))[..., None], 0, 1))


def lay_table(rng: np.random.Generator, x: Picture, y: Picture) -> Picture:
    """(side, side, 3) a table in front of a wall, out of focus."""
    side = len(x)
    wood = np.array(TABLES[rng.integers(len(TABLES))]) * rng.uniform(0.7, 1.2)
    wall = np.array(TABLES[rng.integers(len(TABLES))]) * rng.uniform(0.6, 1.3)
    grain = noise(rng, side, 40)[:, side // 2][:, None] * np.ones_like(x) * 0.07 + 0.07 * noise(rng, side, 6)
    edge = gaussian_filter((y > rng.uniform(-0.45, -0.1)).astype(float), 4)[..., None]
    table = wood * (1 + grain)[..., None] * edge + wall * (1 + 0.15 * noise(rng, side, 2))[..., None] * (1 - edge)
    return np.asarray(gaussian_filter(table, (2.5, 2.5, 0)))


def add_stalk(picture: Picture, name: str, rng: np.random.Generator, u: Picture, v: Picture) -> Picture:
    """``picture`` with what grows at the top of the fruit."""
    if name == "tomato":
        angle, far = np.arctan2(v + 0.72, u * 0.8), np.hypot(u, (v + 0.72) * 1.9)
        star = far < 0.16 + 0.16 * np.abs(np.cos(2.5 * angle + rng.uniform(0, 3)))
        color = np.array([0.08, 0.22, 0.03])
    elif name in ("apple", "plum"):
        bend = rng.normal(0, 0.25)
        star = (np.abs(u - bend * (v + 0.8) ** 2) < 0.035) & (v > -1.22) & (v < -0.74)
        color = np.array([0.16, 0.09, 0.04])
    else:
        star = np.hypot(u, v + (0.0 if name == "lime" else 0.55)) < (0.06 if name == "orange" else 0.0)
        color = np.array([0.20, 0.24, 0.08])
    cover = gaussian_filter(star.astype(float), 1)[..., None]
    return np.asarray(picture * (1 - cover) + color * rng.uniform(0.8, 1.4) * cover)


def make(folder: Path) -> None:
    """Write ``fruit/`` and ``fruit-truth.csv`` into ``folder``, replacing older ones."""
    rng = np.random.default_rng(SEED)
    truth = np.repeat(list(FRUIT), PER_CLASS)
    wrong = set(rng.choice(len(truth), round(RATE * len(truth)), replace=False).tolist())
    order = rng.permutation(len(truth))
    target = folder / "fruit"
    shutil.rmtree(target, ignore_errors=True)
    rows = []
    for row, name in enumerate(truth.tolist()):
        picture = draw(FRUIT[name], name, np.random.default_rng([SEED, row]))
        given = FRUIT[name].look_alike if row in wrong else name
        path = target / given / f"{order[row]:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, quality=QUALITY)
        rows.append((path.relative_to(target).as_posix(), given, name))
    with (folder / "fruit-truth.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "given_label", "true_label"))
        writer.writerows(sorted(rows))
    print(f"{len(rows)} pictures, {len(wrong)} wrong labels ({len(wrong) / len(rows):.1%}) in {target}")


if __name__ == "__main__":
    make(Path(__file__).parent)
