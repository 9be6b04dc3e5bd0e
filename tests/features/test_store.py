"""The feature cache: only new images are embedded, and no kill, damage or neighbour can spoil it."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pictures import Listed, photo

from labelaudit.data.images import encode
from labelaudit.errors import RunError
from labelaudit.features import embed
from labelaudit.features.store import FeatureStore
from labelaudit.machine import Machine

WIDTH = 3


def keys(*numbers):
    return np.array([f"{number:032x}".encode() for number in numbers], dtype="S32")


def rows(*numbers):
    return np.array([[number, number + 0.5, -number] for number in numbers], dtype=np.float32)


def opened(cache: Path, **identity):
    return FeatureStore(cache, "toy@8", identity, WIDTH)


def stored(cache: Path, *numbers):
    """Which of ``numbers`` are found, intact and equal to what was put in."""
    store = opened(cache)
    at = store.find(keys(*numbers))
    found = [number for number, row in zip(numbers, at.tolist(), strict=True) if row >= 0]
    values, intact = store.read(at[at >= 0])
    np.testing.assert_array_equal(values[intact], rows(*found).reshape(-1, WIDTH)[intact])
    return {number for number, good in zip(found, intact.tolist(), strict=True) if good}


@pytest.fixture
def images():
    return Listed([encode(photo(seed)) for seed in range(4)])


def test_what_was_appended_is_found_in_any_order(tmp_path):
    opened(tmp_path).append(keys(3, 1), rows(3, 1))
    opened(tmp_path).append(keys(2), rows(2))
    assert stored(tmp_path, 1, 2, 3, 4) == {1, 2, 3}
    assert stored(tmp_path) == set()


def test_a_kill_at_any_byte_costs_only_the_last_append(tmp_path):
    first = tmp_path / "whole"
    opened(first).append(keys(1, 2), rows(1, 2))
    folder = next(first.iterdir())
    sizes = {name: (folder / name).stat().st_size for name in ("features.f32", "index.bin")}
    opened(first).append(keys(3, 4), rows(3, 4))
    contents = {name: (folder / name).read_bytes() for name in sizes}
    # Features are written before the index, each up to some byte.
    cuts = [(cut, sizes["index.bin"]) for cut in range(sizes["features.f32"], len(contents["features.f32"]) + 1)]
    cuts += [(len(contents["features.f32"]), cut) for cut in range(sizes["index.bin"], len(contents["index.bin"]) + 1)]
    for number, (features, index) in enumerate(cuts):
        cache = tmp_path / str(number)
        opened(cache)
        at = next(cache.iterdir())
        (at / "features.f32").write_bytes(contents["features.f32"][:features])
        (at / "index.bin").write_bytes(contents["index.bin"][:index])
        survived = stored(cache, 1, 2, 3, 4)
        assert survived >= {1, 2}
        opened(cache).append(keys(5), rows(5))
        assert stored(cache, 1, 2, 3, 4, 5) == survived | {5}


@pytest.mark.parametrize("name", ["features.f32", "index.bin"])
def test_a_damaged_byte_is_noticed(tmp_path, name):
    opened(tmp_path).append(keys(1, 2), rows(1, 2))
    path = next(tmp_path.glob(f"*/{name}"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert stored(tmp_path, 1, 2) == {1}
    opened(tmp_path).append(keys(2), rows(2))
    assert stored(tmp_path, 1, 2) == {1, 2}


def test_lost_feature_blocks_are_noticed(tmp_path):
    """A power cut may keep the index and leave zeros where the features should be."""
    opened(tmp_path).append(keys(1, 2), rows(1, 2))
    path = next(tmp_path.glob("*/features.f32"))
    path.write_bytes(bytes(path.stat().st_size))
    assert stored(tmp_path, 1, 2) == set()


def test_another_identity_is_another_folder(tmp_path):
    opened(tmp_path, weights="a").append(keys(1), rows(1))
    assert opened(tmp_path, weights="b").find(keys(1)).tolist() == [-1]


def test_a_foreign_folder_is_named_with_what_to_do(tmp_path):
    opened(tmp_path)
    meta = next(tmp_path.glob("*/meta.json"))
    meta.write_text("{}")
    with pytest.raises(RunError, match=r"meta\.json is not from this cache; delete .*toy@8-"):
        opened(tmp_path)


def test_a_cache_that_cannot_be_a_folder_is_an_error(tmp_path, images):
    blocked = tmp_path / "cache"
    blocked.write_text("a file")
    with pytest.raises(RunError, match=r"feature cache .*cache.* cannot be used .*: choose another `cache`, or none"):
        embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=blocked))


def test_a_disk_that_fills_up_ends_the_keeping_and_not_the_work(tmp_path, images, monkeypatch):
    def fill_up(*_):
        raise RunError("full") from OSError(28, "No space left on device")

    machine, told = Machine(workers=1), []
    alone = embed(images, images.digests, backbones=["lite0@32"], machine=machine)[0]
    monkeypatch.setattr(FeatureStore, "append", fill_up)
    kept = embed(
        images, images.digests, backbones=["lite0@32"], machine=replace(machine, cache=tmp_path, notice=told.append)
    )[0]
    np.testing.assert_array_equal(kept.values, alone.values)
    assert len(told) == 1
    assert told[0].endswith("cannot be written (No space left on device).")


def _append_many(cache: Path, start: int) -> None:
    store = opened(cache)
    for number in range(start, start + 40):
        store.append(keys(number), rows(number))


def test_scans_may_share_a_cache(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(tmp_path, start)) for start in (0, 1000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    expected = {*range(40), *range(1000, 1040)}
    assert stored(tmp_path, *expected) == expected


def test_a_second_embedding_reads_only_new_images(tmp_path, images):
    plain, _ = embed(images, images.digests, backbones=["lite0@32"])
    fewer = Listed(images.files[:3])
    embed(fewer, fewer.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    more = Listed([*images.files[::-1], images.files[0]])
    ticks = []
    features, _ = embed(
        more,
        more.digests,
        backbones=["lite0@32"],
        machine=Machine(cache=tmp_path, progress=lambda *tick: ticks.append(tick)),
    )
    assert more.reads == [1, 0, 0, 0, 0]
    assert ticks == [("embed", 1, 1)]
    np.testing.assert_array_equal(features.values, plain.values[[3, 2, 1, 0, 0]])


def test_another_backbone_is_added_beside_the_cached_one(tmp_path, images):
    embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    both, _ = embed(images, images.digests, backbones=["lite1@32", "lite0@32"], machine=Machine(cache=tmp_path))
    plain, _ = embed(images, images.digests, backbones=["lite1@32", "lite0@32"])
    np.testing.assert_array_equal(both.values, plain.values)


def test_a_warm_cache_loads_no_backbone(tmp_path, images, monkeypatch):
    embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    monkeypatch.setattr("labelaudit.features.runners.OnnxRunner", None)
    again, _ = embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    assert again.values.any(axis=1).all()


def test_damaged_rows_are_embedded_again(tmp_path, images):
    before, _ = embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    path = next(tmp_path.glob("*/features.f32"))
    data = bytearray(path.read_bytes())
    data[10] ^= 255
    path.write_bytes(data)
    repaired = Listed(images.files)
    after, _ = embed(repaired, repaired.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    np.testing.assert_array_equal(before.values, after.values)
    assert sum(repaired.reads) == 1
    warm = Listed(images.files)
    embed(warm, warm.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    assert sum(warm.reads) == 0


def test_an_interrupted_embedding_continues_where_it_stopped(tmp_path):
    images = Listed([encode(photo(seed)) for seed in range(60)])

    def interrupt(stage, done, total):
        if done >= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path, progress=interrupt))
    rest = Listed(images.files)
    features, _ = embed(rest, rest.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    assert 0 < sum(rest.reads) <= 44
    assert features.values.any(axis=1).all()


def test_failures_are_not_cached(tmp_path):
    images = Listed([b"no image"])
    for _ in range(2):
        _, failures = embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
        assert [kind for _, kind, _ in failures] == ["unreadable"]
