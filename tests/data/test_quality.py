"""Low quality is said of blank and blurred images, and of no others."""

from __future__ import annotations

import numpy as np
from pictures import Listed
from PIL import Image, ImageFilter

from labelaudit.data import images as codec
from labelaudit.data.quality import BLANK, find_low_quality, measure


def textured(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).resize((96, 96))


def encode(image: Image.Image) -> bytes:
    return codec.encode(np.asarray(image))


def test_blank_and_blurred_images_are_named_and_sharp_ones_are_not() -> None:
    sharp = [encode(textured(seed)) for seed in range(20)]
    blank = encode(Image.new("RGB", (96, 96), (30, 31, 30)))
    dim = encode(Image.fromarray((np.asarray(textured(30)) // 16 + 100).astype(np.uint8)))
    blurred = encode(textured(40).filter(ImageFilter.GaussianBlur(6)).point(lambda value: (value - 128) * 8 + 128))
    images = Listed([*sharp, blank, dim, blurred, b"no image"])
    found = find_low_quality(images, np.array([0, 5, 20, 21, 22, 23]))
    assert found == {20: "nearly blank", 21: "nearly blank", 22: "blurred"}


def test_a_dataset_of_soft_images_has_no_blurred_ones() -> None:
    soft = [encode(textured(seed).filter(ImageFilter.GaussianBlur(3))) for seed in range(10)]
    assert find_low_quality(Listed(soft), np.arange(10)) == {}


def test_measures_are_standard_deviations_of_grey_values_and_their_laplacian() -> None:
    checkers = np.indices((8, 8)).sum(axis=0) % 2 * 255
    contrast, sharpness = measure(np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8))
    assert abs(contrast - 127.5) < 0.01
    assert abs(sharpness - 4 * 255) < 0.1
    assert measure(np.full((8, 8, 3), 9, dtype=np.uint8))[0] < 1e-3 < BLANK


def test_an_image_that_its_source_fails_at_stops_no_other() -> None:
    blank = encode(Image.new("RGB", (96, 96), (30, 31, 30)))
    assert find_low_quality(Listed([blank, ValueError("no such row")]), np.arange(2)) == {0: "nearly blank"}


def test_no_image_is_looked_at_where_nothing_is_asked() -> None:
    assert find_low_quality(Listed([ValueError("looked at")] * 3), np.arange(0)) == {}
