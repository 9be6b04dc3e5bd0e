"""A cluster gives the features that one machine gives, also where a node is lost."""

from __future__ import annotations

import socket

import numpy as np
import pytest
from pictures import Listed, photo

from labelaudit.data.images import encode
from labelaudit.data.ingest import ingest
from labelaudit.data.source import Source
from labelaudit.data.sources import open_source
from labelaudit.errors import OptionError, RunError
from labelaudit.features import cluster, embed
from labelaudit.features.embedding import Job
from labelaudit.features.lite import WIDTHS
from labelaudit.machine import Machine
from labelaudit.scanning.scan import scan

SPECS = ("lite0@32-int8", "lite1@32")


@pytest.fixture(scope="module")
def images():
    return Listed([encode(photo(seed)) for seed in range(10)] + [b"no image"])


def digests(images):
    return [f"{row:032x}" for row in range(len(images))]


def test_an_actor_makes_the_features_of_its_rows(images):
    expected, failures = embed(images, digests(images), backbones=SPECS)
    rows = np.array([2, 5, 10])
    needed = np.array([[1, 1], [0, 1], [1, 1]])
    actor = cluster.Embedder(images, SPECS)
    found = actor({"data": np.concatenate([rows[:, None], needed], axis=1)})
    batch = cluster._unpack(found, Job.alone(images, SPECS))
    (first_rows, first), (second_rows, second) = batch.made
    assert (first_rows.tolist(), second_rows.tolist()) == ([2], [2, 5])
    np.testing.assert_array_equal(first, expected.values[[2], : WIDTHS["lite0"]])
    np.testing.assert_array_equal(second, expected.values[[2, 5], WIDTHS["lite0"] :])
    assert batch.failures == {row: (kind, detail) for row, kind, detail in failures}
    assert batch.size == 3
    order = [2, 0, 1]  # blocks come as they are ready
    turned = actor({"data": np.concatenate([rows[:, None], needed], axis=1)[order]})
    assert all((turned[name] == column[order]).all() for name, column in found.items())


def test_a_node_that_cannot_read_the_images_says_so():
    class Elsewhere(Listed):
        def encoded(self, index):
            raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(RunError, match=r"cannot read the images .* put them where every node finds them"):
        cluster.Embedder(Elsewhere([b"x"]), SPECS[:1])


def test_batches_hold_a_bounded_number_of_bytes():
    class Large(Listed):
        def encoded(self, index):
            return bytes(1 << 20)

    rows = np.arange(10_000)
    assert cluster._batch_size(Large([b""] * 10_000), rows, cores=4) == 8
    assert cluster._batch_size(Listed([bytes(100)] * 10_000), rows, cores=4) == 256
    assert cluster._batch_size(Listed([bytes(100)] * 10_000), rows, cores=100) == 25


def test_without_ray_the_way_to_it_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(OptionError, match="pip install 'labelaudit\\[ray\\]'"):
        cluster.connect(None)


def test_a_cluster_that_does_not_answer_is_told_before_anything_is_read(tmp_path):
    pytest.importorskip("ray")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, and nobody listens there
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(RunError, match=f"no cluster at '{address}' .*: start one there, or name another"):
            scan(tmp_path / "is not there", engine="ray", address=address)
    for wrong in ("10.0.0.5", "10.0.0.5:", ":6379", "ray://10.0.0.5"):
        with pytest.raises(OptionError, match=f"'{wrong}' is not that of a cluster: write HOST:PORT"):
            cluster.check_address(wrong)


def folder(place):
    """Images in two class folders, one of them no image, as a scan lists them."""
    for row in range(11):
        file = place / "ab"[row % 2] / f"{row:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(photo(row)) if row < 10 else b"\x89PNG\r\n\x1a\n cut off")
    return ingest(open_source(Source(data=place)))[0]


def test_images_that_cannot_travel_are_refused():
    ray = pytest.importorskip("ray")

    class Bound(Listed):
        def __reduce__(self):
            raise TypeError("an open file")

    with pytest.raises(RunError, match=r"cannot be handed to other machines .an open file.: give files"):
        cluster._check_images(ray, Bound([b"x"]))


@pytest.fixture(scope="module")
def two_nodes():
    """A cluster of two nodes on this machine, connected; it takes longer to start than anything here on it."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        nodes.add_node(num_cpus=1)
        cluster.connect(nodes.address)
        yield
    finally:
        ray.shutdown()
        nodes.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("two_nodes")
def test_two_nodes_give_the_same_features(tmp_path):
    samples, cache = folder(tmp_path / "images"), tmp_path / "cache"
    expected, failures = embed(samples.images, samples.digests, backbones=SPECS)
    found, failed = embed(samples.images, samples.digests, backbones=SPECS, machine=Machine(cache=cache, engine="ray"))
    np.testing.assert_array_equal(found.values, expected.values)
    assert failed == failures
    again, _ = embed(
        samples.images, samples.digests, backbones=SPECS, machine=Machine(cache=cache)
    )  # kept as if made here
    np.testing.assert_array_equal(again.values, expected.values)


def deadly(images, marker):
    """``images``, the seventh of which kills the first other process that reads it."""
    import os

    here = os.getpid()

    class Deadly:
        def __len__(self):
            return len(images)

        def encoded(self, index):
            import os
            import signal
            from pathlib import Path

            if index == 6 and os.getpid() != here and not Path(marker).exists():
                Path(marker).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return images.encoded(index)

    return Deadly()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("two_nodes")
def test_a_worker_killed_in_the_middle_costs_nothing_but_time(tmp_path):
    """One actor dies while it embeds, one task while it trains: Ray starts them again, and the results are the same."""
    samples, marker = folder(tmp_path / "images"), tmp_path / "killed"
    expected, failures = embed(samples.images, samples.digests, backbones=SPECS)
    images = deadly(samples.images, marker)
    found, failed = embed(
        images, samples.digests, backbones=SPECS, machine=Machine(cache=tmp_path / "cache", engine="ray")
    )
    assert marker.exists()
    np.testing.assert_array_equal(found.values, expected.values)
    assert failed == failures
    assert cluster.call(dying_once(tmp_path / "dead"), {"value": 3}) == 9


def dying_once(marker):
    """A function that squares, and whose process dies the first time."""

    def square(value):
        import os
        import signal

        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return value**2

    return square
