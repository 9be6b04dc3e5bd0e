"""Features in int8: near those in float32, the same bits on every CPU, in any batch, and never mixed with float32."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import Listed, photo
from PIL import Image

from labelaudit.data.images import encode
from labelaudit.errors import OptionError
from labelaudit.features import embed, parse_specs
from labelaudit.features.lite import SIZES, WIDTHS, blocks, read_weights
from labelaudit.features.lite_int8 import ALIKE, _clipped_mean, _find_ranges, _round_alike, build_graph
from labelaudit.features.lite_onnx import build_graph as build_float_graph
from labelaudit.features.runners import OnnxRunner
from labelaudit.features.specs import in_precision
from labelaudit.machine import Machine, multiplies_bytes

SIDE = 68


@pytest.fixture(scope="module")
def pixels():
    return np.stack([np.asarray(Image.fromarray(photo(seed)).resize((SIDE, SIDE))) for seed in range(4)])


@pytest.mark.parametrize("variant", SIZES)
def test_features_are_near_those_in_float32(variant, pixels):
    small = OnnxRunner(build_graph(variant, SIDE, signed=multiplies_bytes()))(pixels)
    wide = OnnxRunner(build_float_graph(variant, SIDE))(pixels)
    cosine = (small * wide).sum(1) / (np.linalg.norm(small, axis=1) * np.linalg.norm(wide, axis=1))
    assert small.shape == (4, WIDTHS[variant])
    assert small.dtype == np.float32
    assert cosine.min() > 0.99


@pytest.mark.skipif(not multiplies_bytes(), reason="signed kernels overflow where a CPU has no VNNI")
def test_kernels_with_and_without_a_sign_give_the_same_bits(pixels):
    np.testing.assert_array_equal(
        OnnxRunner(build_graph("lite0", SIDE, signed=True))(pixels),
        OnnxRunner(build_graph("lite0", SIDE, signed=False))(pixels),
    )


def test_features_do_not_depend_on_the_batch(pixels):
    runner = OnnxRunner(build_graph("lite0", SIDE))
    alone = np.concatenate([runner(pixels[row : row + 1]) for row in range(4)])
    np.testing.assert_array_equal(runner(pixels), alone)


def test_every_operator_becomes_an_integer_one(tmp_path):
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(build_graph("lite0", SIDE), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node]
    layers = [layer for block in blocks("lite0") for layer in block.layers]
    assert kinds.count("QLinearConv") == len(layers)
    assert kinds.count("QLinearAdd") == sum(block.residual for block in blocks("lite0"))
    assert "Conv" not in kinds


def test_the_mean_behind_relu6_is_that_of_a_clipped_normal_variable():
    mean, spread = np.array([-1.0, 0.5, 4.0, 2.0]), np.array([1.0, 2.0, 3.0, 0.0])
    drawn = np.random.default_rng(0).normal(mean, spread, (400_000, 4)).clip(0, 6)
    np.testing.assert_allclose(_clipped_mean(mean, spread), drawn.mean(axis=0), atol=0.01)


def test_errors_of_a_kernel_cancel_where_places_look_alike():
    exact = np.random.default_rng(0).uniform(-127, 127, (200, 3, 3, 3))
    rounded, nearest = _round_alike(exact), np.rint(exact)
    assert np.abs(rounded).max() <= 127
    assert np.abs(rounded - exact).max() < 2
    np.testing.assert_array_equal(rounded, np.rint(rounded))
    grey, colours = (np.abs((some - exact).sum(axis=axes)) for some, axes in ((rounded, (1, 2, 3)), (rounded, (2, 3))))
    grey_before, colours_before = (np.abs((nearest - exact).sum(axis=axes)) for axes in ((1, 2, 3), (2, 3)))
    assert grey.mean() < grey_before.mean() / 3
    assert colours.mean() < 0.6 * colours_before.mean()


def test_no_step_of_one_number_would_make_the_errors_of_a_kernel_smaller():
    exact = np.random.default_rng(1).uniform(-127, 127, (20, 1, 3, 3))
    rounded = _round_alike(exact)
    y, x = np.indices((3, 3)).reshape(2, -1)
    alike = ALIKE ** np.hypot(y[:, None] - y, x[:, None] - x)
    errors = (rounded - exact).reshape(20, -1)
    least = np.einsum("ci,ij,cj->c", errors, alike, errors)
    for place in range(9):
        for step in (-1, 1):
            moved = errors.copy()
            moved[:, place] += step
            larger = np.einsum("ci,ij,cj->c", moved, alike, moved) >= least - 1e-6
            assert (larger | (np.abs(rounded.reshape(20, -1)[:, place] + step) > 127)).all()


def test_a_kernel_of_one_place_keeps_the_nearest_numbers():
    exact = np.random.default_rng(2).uniform(-127, 127, (5, 40, 1, 1))
    np.testing.assert_array_equal(_round_alike(exact), np.rint(exact))


@pytest.mark.parametrize("variant", SIZES)
def test_all_tensors_of_a_stream_share_their_steps_up_to_a_factor(variant):
    ranges = _find_ranges(read_weights(variant), blocks(variant))
    previous = ""
    for block in blocks(variant):
        name = block.layers[-1].conv
        if block.residual:
            total = ranges[f"{name}.sum"]
            before = ranges.get(f"{previous}.sum", ranges[previous])
            for part in (before, ranges[name]):
                ratios = part.step / total.step
                np.testing.assert_allclose(ratios, ratios[0])
            np.testing.assert_allclose(total.middle, before.middle + ranges[name].middle)
        previous = name


def test_int8_and_float32_are_cached_apart(tmp_path):
    images, digests = Listed([encode(photo(seed)) for seed in range(2)]), ["a" * 32, "b" * 32]
    made = {
        spec: embed(images, digests, backbones=[spec], machine=Machine(cache=tmp_path))[0]
        for spec in ("lite0@32", "lite0@32-int8")
    }
    assert len([folder for folder in tmp_path.iterdir() if folder.is_dir()]) == 2
    assert made["lite0@32-int8"].name == "lite0@32-int8"
    assert made["lite0@32-int8"].version != made["lite0@32"].version
    assert not np.array_equal(made["lite0@32-int8"].values, made["lite0@32"].values)
    again = embed(images, digests, backbones=["lite0@32-int8"], machine=Machine(cache=tmp_path))[0]
    np.testing.assert_array_equal(again.values, made["lite0@32-int8"].values)


def test_the_precision_is_part_of_the_spec():
    assert [str(spec) for spec in parse_specs(["lite1-int8", "lite0@64-int8"])] == ["lite1@160-int8", "lite0@64-int8"]
    assert in_precision(["lite0@128", "lite2-int8"], "int8") == ("lite0@128-int8", "lite2-int8")
    assert in_precision(["lite0@128-int8", "resnet18"], "float32") == ("lite0@128", "resnet18")
    with pytest.raises(OptionError, match="only lite0, lite1, lite2 can be computed in int8, write resnet18"):
        parse_specs(["resnet18-int8"])
