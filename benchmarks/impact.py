"""Does the interval of `labelaudit impact` hold, and does it say "helped" where cleaning helped? Simulated.

    python benchmarks/impact.py [--runs 200] [--images 100 200 1000] [--seeds 10]

Five Gaussian classes in 32 dimensions, 1,500 training images with 20 % wrong labels, of which cleaning repairs all, a
tenth or none. What cleaning does is known from 20,000 test images and 100 trainings; each run sees some of the images
and some of the trainings. Coverage is the share of runs whose 90 % interval holds the known difference. Seeded.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
from results_section import make_parser

from labelaudit.impact.comparison import compare
from labelaudit.impact.training import Training, judge_trainings
from labelaudit.impact.truth import Truth
from labelaudit.judge.probes import onehot
from labelaudit.types import Bools, Features

CLASSES, WIDTH, TRAIN, POOL, TRAININGS, NOISE = 5, 32, 1_500, 20_000, 100, 0.2


def draw(n: int, rng: np.random.Generator, centers: npt.NDArray[np.float64]) -> tuple[Features, npt.NDArray[np.int64]]:
    """Features and true classes of ``n`` images."""
    labels = rng.integers(0, CLASSES, n)
    values = centers[labels] + rng.normal(size=(n, WIDTH))
    return Features(values=values.astype(np.float32), name="simulated"), labels


def trainings(repaired: float) -> tuple[Bools, Bools]:
    """(S, m) whether each training on the given and on the cleaned labels is right about each image of the pool."""
    rng = np.random.default_rng(0)
    centers = rng.normal(0, 0.35, (CLASSES, WIDTH))
    (features, true), (pool, right) = draw(TRAIN, rng, centers), draw(POOL, rng, centers)
    wrong = rng.random(TRAIN) < NOISE
    given = np.where(wrong, (true + rng.integers(1, CLASSES, TRAIN)) % CLASSES, true)
    cleaned = np.where(wrong & (rng.random(TRAIN) < repaired), true, given)
    ways = (Training(shares=onehot(given, CLASSES)), Training(shares=onehot(cleaned, CLASSES)))
    test = Truth(labels=right, weights=np.ones(POOL), kind="supplied")
    digests = [str(row) for row in range(TRAIN)]
    return judge_trainings(features, ways, test, pool, digests=digests, seeds=TRAININGS)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--images", nargs="+", type=int, default=[100, 200, 1000])
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    print("| repaired | difference | test images | coverage | mean width | answers |\n|---|---|---|---|---|---|")
    for repaired in (1.0, 0.1, 0.0):
        given, after = trainings(repaired)
        truth = float(after.mean() - given.mean())
        for images in options.images:
            rng = np.random.default_rng([images, 1])
            held, width, answers = 0, 0.0, Counter[str]()
            for run in range(options.runs):
                pick = np.ix_(
                    rng.choice(TRAININGS, options.seeds, replace=False), rng.choice(POOL, images, replace=False)
                )
                found = compare(given[pick], after[pick], np.ones(images), seed=run)
                held += found.interval[0] <= truth <= found.interval[1]
                width += found.interval[1] - found.interval[0]
                answers[found.answer] += 1
            said = ", ".join(f"{name} {count}" for name, count in answers.most_common())
            print(
                f"| {repaired:.0%} | {100 * truth:+.2f} | {images:,} | {held / options.runs:.0%} | "
                f"{100 * width / options.runs:.1f} | {said} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
