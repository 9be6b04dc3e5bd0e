"""One image under two labels: found where it is there, not invented where images are merely alike."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from pictures import Listed
from PIL import Image
from sklearn.datasets import load_digits

from labelaudit.data.images import decode, encode
from labelaudit.data.ingest import digest
from labelaudit.features.duplicates import conflicts, find_copies, find_pairs, find_unlike_pairs
from labelaudit.machine import Machine
from labelaudit.types import Features, Finding, Samples


def scene(seed: int) -> bytes:
    """A smooth random picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return encode(np.asarray(Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC)))


def recompress(data: bytes, *, mirror: bool = False) -> bytes:
    image = Image.fromarray(decode(data))
    buffer = io.BytesIO()
    (image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirror else image).save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def dataset(files: Sequence[bytes], labels: Sequence[int], **options: object) -> Samples:
    given = np.array(labels, dtype=np.int64)
    return Samples(
        ids=tuple(f"{row:03d}.png" for row in range(len(files))),
        labels=given,
        classes=tuple("abcdefgh"[: int(given.max()) + 1]),
        digests=tuple(digest(data) for data in files),
        images=Listed(files),
        **options,
    )


def features_of(files: Sequence[bytes], d: int = 64) -> Features:
    """What a mirror-tolerant backbone might see: a random projection of the picture and its mirror image."""
    small = [np.asarray(Image.fromarray(decode(data)).resize((12, 12))).astype(np.float64) for data in files]
    both = np.stack([(image + image[:, ::-1]).ravel() for image in small])
    values = (both - both.mean()) @ np.random.default_rng(0).normal(size=(both.shape[1], d))
    return Features(values=values.astype(np.float32), name="test")


SCENES = [scene(seed) for seed in range(20)]


def near_duplicates(samples: Samples, features: Features) -> tuple[Finding, ...]:
    pairs = find_unlike_pairs(samples, features, Machine())
    return tuple(finding for finding in find_copies(samples, pairs) if finding.kind == "near_duplicate")


def test_same_bytes_under_two_labels() -> None:
    samples = dataset([SCENES[0], SCENES[1], SCENES[0], SCENES[2], SCENES[2]], [0, 1, 1, 1, 1])
    (finding,) = conflicts(samples)
    assert (finding.kind, finding.path, finding.partner) == ("conflict", "002.png", "000.png")
    assert finding.detail == "labelled 'b', but the same bytes as '000.png', labelled 'a'"


def test_every_sample_of_a_larger_conflict_is_named() -> None:
    samples = dataset([SCENES[0]] * 5 + [SCENES[1]], [0, 0, 1, 0, 2, 0])
    pairs = [(int(finding.path[:3]), int(finding.partner[:3])) for finding in conflicts(samples)]
    assert pairs == [(1, 2), (2, 0), (3, 2), (4, 0)]


def test_a_recompressed_copy_under_another_label() -> None:
    files = [*SCENES, recompress(SCENES[3]), recompress(SCENES[7], mirror=True), recompress(SCENES[9])]
    samples = dataset(files, [0] * 20 + [1, 1, 0])
    found = near_duplicates(samples, features_of(files))
    assert {(finding.path, finding.partner) for finding in found} == {("020.png", "003.png"), ("021.png", "007.png")}
    assert all(finding.kind == "near_duplicate" for finding in found)
    assert "labelled 'b', but nearly the same image as '003.png', labelled 'a'" in {item.detail for item in found}
    assert conflicts(samples) == ()


def test_all_pairs_and_those_of_two_labels_or_splits() -> None:
    files = [*SCENES, recompress(SCENES[3]), recompress(SCENES[9]), recompress(SCENES[5])]
    samples = dataset(files, [0] * 21 + [1, 0], splits=("train",) * 20 + ("test", "train", "train"))
    features = features_of(files)
    pairs = find_pairs(samples, features)
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == {(3, 20), (9, 21), (5, 22)}
    assert pairs.similarity.min() > 0.8
    assert (np.diff(pairs.likeness) <= 0).all()
    assert sorted(find_pairs(samples, features, unlike=True).second.tolist()) == [20, 21]


def test_equal_bytes_are_left_to_conflicts() -> None:
    files = [*SCENES, SCENES[5]]
    assert near_duplicates(dataset(files, [0] * 20 + [1]), features_of(files)) == ()


def test_lookalikes_are_no_duplicates() -> None:
    """One motif with changes: pairs correlate by more than the limit, but none stands out until a copy joins."""
    base = decode(SCENES[0]).astype(np.int64)
    rng = np.random.default_rng(0)
    files = []
    for _ in range(30):
        change = np.asarray(Image.fromarray(rng.integers(0, 256, (5, 5), dtype=np.uint8)).resize((48, 48)))
        files.append(encode(np.clip(base + (change[..., None].astype(np.int64) - 128) // 3, 0, 255).astype(np.uint8)))
    labels = [row % 2 for row in range(30)]
    assert near_duplicates(dataset(files, labels), features_of(files)) == ()
    files.append(recompress(files[4]))
    found = near_duplicates(dataset(files, [*labels, 1]), features_of(files))
    assert [(finding.path, finding.partner) for finding in found] == [("030.png", "004.png")]


def test_handwritten_digits_are_alike_by_chance_and_no_copies() -> None:
    pictures = load_digits().images[800:1200]  # four pairs stand out from their neighbours
    files = [encode(np.repeat(np.uint8(15 * image)[..., None], 3, axis=2)) for image in pictures]
    assert not len(find_pairs(dataset(files, [0] * 400), features_of(files)).first)
    files.append(encode(np.clip(decode(files[7]).astype(np.int64) + 10, 0, 255).astype(np.uint8)))
    pairs = find_pairs(dataset(files, [0] * 401), features_of(files))
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(7, 400)]


def test_like_pixels_alone_are_not_enough() -> None:
    files = [*SCENES, recompress(SCENES[3])]
    features = Features(values=np.random.default_rng(0).normal(size=(21, 64)).astype(np.float32), name="other")
    assert near_duplicates(dataset(files, [0] * 20 + [1]), features) == ()


def test_flat_broken_and_failed_images_are_no_duplicates() -> None:
    flat = [encode(np.full((8, 8), value, np.uint8)) for value in (0, 100, 200)]
    files = [*SCENES, *flat, b"broken", b"\x89PNG\r\n\x1a\n"]
    values = np.zeros((25, 64), np.float32)
    values[:20] = features_of(SCENES).values
    values[20:23] = 1
    samples = dataset(files, [0, 1] * 12 + [0])
    assert near_duplicates(samples, Features(values=values, name="test")) == ()


def test_features_alone() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 32)).astype(np.float32) + 50  # a common offset makes every plain cosine .999
    values[39] = values[2] + rng.normal(size=32).astype(np.float32) * 0.01
    samples = Samples(
        ids=tuple(f"row {row}" for row in range(40)),
        labels=np.arange(40) % 2,
        classes=("ham", "spam"),
        digests=tuple(str(row) for row in range(40)),
    )
    (finding,) = near_duplicates(samples, Features(values=values, name="given"))
    assert (finding.path, finding.partner) == ("row 39", "row 2")


def test_long_features_are_shortened_without_losing_copies() -> None:
    files = [*SCENES, recompress(SCENES[3]), recompress(SCENES[9])]
    samples = dataset(files, [0] * 20 + [1, 1])
    short, long = (near_duplicates(samples, features_of(files, d)) for d in (64, 1500))
    assert {finding.path for finding in short} == {finding.path for finding in long} == {"020.png", "021.png"}


def test_the_order_of_samples_changes_nothing() -> None:
    files = [*SCENES, recompress(SCENES[3]), recompress(SCENES[9])]
    samples, features = dataset(files, [0] * 20 + [1, 1]), features_of(files)
    order = np.random.default_rng(3).permutation(22)
    turned = Features(values=features.values[order], name="test")
    pairs = {frozenset((finding.path, finding.partner)) for finding in near_duplicates(samples.take(order), turned)}
    assert pairs == {frozenset((finding.path, finding.partner)) for finding in near_duplicates(samples, features)}


@pytest.mark.parametrize("n", [1, 2])
def test_tiny_datasets(n: int) -> None:
    samples = dataset(SCENES[:n], list(range(n)))
    assert near_duplicates(samples, features_of(SCENES[:n])) == ()
    assert conflicts(samples) == ()


def test_progress_reaches_its_total() -> None:
    files = [*SCENES, recompress(SCENES[3])]
    seen: list[tuple[int, int | None]] = []
    machine = Machine(workers=3, progress=lambda stage, done, total: seen.append((done, total)))
    find_unlike_pairs(dataset(files, [0] * 20 + [1]), features_of(files), machine)
    assert seen[-1][0] == seen[-1][1]


def test_small_copies_that_are_moved_by_a_few_pixels_and_no_others() -> None:
    draw = np.random.default_rng(0)
    grain = [draw.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(16)]
    squares = [np.asarray(Image.fromarray(one).resize((32, 32), Image.Resampling.BICUBIC)) for one in grain]
    moves = [(0, 3), (-3, 2), (1, -1), (3, 3), (8, 0)]
    moved = [np.roll(square, move, axis=(0, 1)) for square, move in zip(squares, moves, strict=False)]
    files = [encode(np.ascontiguousarray(square)) for square in (*squares, *moved)]
    values = draw.normal(size=(16, 64))
    values = np.concatenate([values, values[: len(moves)] + draw.normal(size=(len(moves), 64)) * 0.9])
    features = Features(values=values.astype(np.float32), name="test")
    samples = dataset(files, [0] * 16 + [1] * len(moves))
    found = {(finding.path, finding.partner) for finding in near_duplicates(samples, features)}
    assert found == {(f"{row + 16:03d}.png", f"{row:03d}.png") for row in range(4)}
    large = [np.kron(square, np.ones((3, 3, 1), dtype=np.uint8)) for square in (*squares, *moved)]
    assert near_duplicates(dataset([encode(square) for square in large], samples.labels.tolist()), features) == ()
