"""Bytes to pixels: every format, mode and kind of damage that a folder of images may hold."""

import io
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pictures import png_header
from PIL import Image

from labelaudit.data.images import ImageError, decode, encode, preview, probe, read_origin, squeeze, thumbnail

GRADIENT = np.linspace(0, 255, 40 * 60 * 3).reshape(40, 60, 3).astype(np.uint8)


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(GRADIENT).convert(mode)


def exif_with(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@pytest.mark.parametrize(
    ("kind", "tolerance"), [("JPEG", 40), ("PNG", 0), ("WEBP", 60), ("BMP", 0), ("GIF", 40), ("TIFF", 0), ("PPM", 0)]
)
def test_formats_decode_to_rgb(kind: str, tolerance: int) -> None:
    data = save(picture(), kind)
    assert probe(data) == (60, 40)
    pixels = decode(data)
    assert pixels.shape == (40, 60, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - GRADIENT).max() <= tolerance


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"])
def test_tiff_compressions(compression: str) -> None:
    pixels = decode(save(picture(), "TIFF", compression=compression))
    assert np.abs(pixels.astype(int) - GRADIENT).mean() < 3


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = save(frames[0], kind, save_all=True, append_images=frames[1:])
        assert np.abs(decode(data)[4, 4].astype(int) - [255, 0, 0]).max() < 8, kind


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    corner = np.full((32, 64, 3), 255, np.uint8)
    corner[:16, :16] = 0
    data = save(Image.fromarray(corner), kind, exif=exif_with(orientation))
    pixels = decode(data)
    assert pixels.shape == ((32, 64, 3) if orientation < 5 else (64, 32, 3))
    height, width = pixels.shape[:2]
    spots = {(y, x) for y in (4, height - 5) for x in (4, width - 5) if pixels[y, x].mean() < 64}
    top_left, top_right, bottom_right, bottom_left = (
        (4, 4),
        (4, width - 5),
        (height - 5, width - 5),
        (height - 5, 4),
    )
    expected = [top_left, top_right, bottom_right, bottom_left, top_left, top_right, bottom_right, bottom_left]
    assert spots == {expected[orientation - 1]}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_camera_and_date_are_read_from_the_entries_that_programs_write(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = "Leica", "GT450", "2024:05:01 10:00:00"
    assert read_origin(save(picture(), kind, exif=exif.tobytes())) == ("Leica GT450", "2024:05:01 10:00:00")
    exif.get_ifd(0x8769)[0x9003] = "2023:03:07 10:00:00"
    assert read_origin(save(picture(), kind, exif=exif.tobytes())) == ("Leica GT450", "2023:03:07 10:00:00")
    exif = Image.Exif()
    exif[0x0131] = "ZEN 3.1"
    assert read_origin(save(picture(), kind, exif=exif.tobytes())) == ("ZEN 3.1", "")
    assert read_origin(save(picture(), kind)) == ("", "")


def test_damaged_exif_is_ignored_without_a_warning() -> None:
    for exif in (
        b"Exif\0\0",
        b"Exif\0\0MM\0*\0\0\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01",
        b"Exif\0\0" + b"A" * 99,
    ):
        data = save(picture(), "JPEG", exif=exif)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert decode(data).shape == (40, 60, 3)
            assert probe(data) == (60, 40)
        assert caught == []


def test_tiff_with_damaged_metadata_is_read_without_a_warning() -> None:
    data = bytearray(save(picture(), "TIFF", software="x" * 40))
    place = data.find(b"x" * 40)
    data = (
        data[: data.find(struct.pack("<I", place))]
        + struct.pack("<I", 0x7FFFFFF0)
        + data[data.find(struct.pack("<I", place)) + 4 :]
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert decode(bytes(data)).shape == (40, 60, 3)
    assert caught == []


def test_grey_and_one_bit() -> None:
    grey = decode(save(picture("L"), "PNG"))
    assert (grey[..., 0] == grey[..., 2]).all()
    assert set(np.unique(decode(save(picture("1"), "PNG"))).tolist()) == {0, 255}


def test_transparency_is_laid_on_white() -> None:
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    rgba[0, 1, 3] = 128
    expected = [[[10, 20, 30], [127, 127, 127]], [[255, 255, 255], [255, 255, 255]]]
    assert decode(save(Image.fromarray(rgba), "PNG")).tolist() == expected
    grey = decode(save(Image.fromarray(np.array([[[5, 255], [5, 0]]], np.uint8), "LA"), "PNG"))
    assert grey[0, :, 0].tolist() == [5, 255]


def test_palette_with_transparency() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    assert decode(save(image, "PNG")).tolist() == [[[255, 0, 0], [0, 0, 255]]]
    for transparency in (1, bytes([255, 0])):
        data = save(image, "PNG", transparency=transparency)
        assert decode(data).tolist() == [[[255, 0, 0], [255, 255, 255]]]
    assert decode(save(image, "GIF", transparency=1))[0, 1].tolist() == [255, 255, 255]


def test_rgb_with_a_transparent_colour() -> None:
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    assert decode(save(image, "PNG", transparency=(9, 9, 9))).tolist() == [[[1, 2, 3], [255, 255, 255]]]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind: str) -> None:
    red = Image.new("RGB", (16, 16), (255, 0, 0)).convert("CMYK")
    assert np.abs(decode(save(red, kind))[8, 8].astype(int) - [255, 0, 0]).max() < 6


@pytest.mark.parametrize(("top", "half"), [(255, 128), (1023, 512), (4095, 2048), (65535, 32768)])
def test_sixteen_bit_grey_is_scaled_not_clipped(top: int, half: int) -> None:
    deep = np.array([[0, half, top]], np.uint16)
    for kind in ("PNG", "TIFF"):
        assert decode(save(Image.fromarray(deep), kind))[0, :, 0].tolist() == [0, 128, 255]
    assert decode(encode(deep * (65535 // top)))[0, -1, 0] == 255


def test_float_tiff() -> None:
    unit = np.array([[0, 0.5, 1]], np.float32)
    for values in (unit, unit * 255, unit * 1e4, (unit - 0.5) * 1e4):
        assert decode(save(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() in ([0, 128, 255], [0, 127, 255])
    holes = np.array([[np.nan, np.inf, 1.0]], np.float32)
    assert decode(save(Image.fromarray(holes), "TIFF"))[0, :, 0].tolist() == [0, 0, 255]


def test_thirty_two_bit_integers() -> None:
    deep = np.array([[0, 2**23, 2**24 - 1]], np.int32)
    assert decode(save(Image.fromarray(deep), "TIFF"))[0, :, 0].tolist() == [0, 128, 255]


def test_size_hint_scales_jpeg_only_while_large_enough() -> None:
    image = Image.fromarray(GRADIENT).resize((600, 400))
    data = save(image, "JPEG")
    assert decode(data, size=100).shape == (100, 150, 3)
    assert decode(data, size=101).shape == (200, 300, 3)
    assert decode(data, size=400).shape == (400, 600, 3)
    assert decode(data, size=9000).shape == (400, 600, 3)
    assert decode(save(image, "PNG"), size=100).shape == (400, 600, 3)


def test_decompression_bomb_is_refused_from_its_header() -> None:
    for read in (probe, decode):
        with pytest.raises(ImageError, match="50000 x 50000 pixels are over the limit of 178,956,970") as refused:
            read(png_header(50_000, 50_000))
        assert refused.value.kind == "oversized"
    assert probe(png_header(50_000, 50_000), max_pixels=10**10) == (50_000, 50_000)
    with pytest.raises(ImageError, match="60 x 40"):
        decode(save(picture(), "PNG"), max_pixels=2399)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_truncated_files(kind: str, keep: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = save(Image.fromarray(noise), kind)
    with pytest.raises(ImageError) as refused:
        decode(data[: int(len(data) * keep)])
    assert refused.value.kind == "truncated", refused.value


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_every_short_prefix_is_an_image_error(kind: str) -> None:
    data = save(Image.new("RGB", (5, 4), "red"), kind)
    kinds = set()
    for length in range(min(len(data) // 2, 300)):
        with pytest.raises(ImageError) as refused:
            decode(data[:length])
        kinds.add(refused.value.kind)
    assert kinds == {"empty", "unreadable", "truncated"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_random_damage_never_raises_anything_else(kind: str) -> None:
    rng = np.random.default_rng(1)
    data = save(picture(), kind)
    outcomes = set()
    for _ in range(60):
        broken = bytearray(data)
        for place in rng.integers(0, min(len(data), 400), 4):
            broken[place] = int(rng.integers(0, 256))
        try:
            outcomes.add(str(decode(bytes(broken), max_pixels=10**6).dtype))
        except ImageError as error:
            outcomes.add(error.kind if "\n" not in str(error) else str(error))
    assert outcomes <= {"uint8", "unreadable", "truncated", "oversized"}


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"", "empty", "no bytes"),
        (b"\0" * 64, "unreadable", "64 zero bytes"),
        (b"hello", "unreadable", "none of JPEG, PNG"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "unreadable", "git lfs pull"),
        (b"<svg xmlns='x'/>", "unreadable", "SVG"),
        (b"\n<!doctype html><html>", "unreadable", "web page"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "truncated", "HEIC ends early"),
        (b"\x89PNG\r\n\x1a\n", "truncated", "PNG ends early"),
    ],
)
def test_what_is_no_image_says_why(data: bytes, kind: str, message: str) -> None:
    with pytest.raises(ImageError, match=message) as refused:
        probe(data)
    assert refused.value.kind == kind


def test_decoding_in_threads_gives_the_same_pixels() -> None:
    files = [save(picture(), kind) for kind in ("JPEG", "PNG", "TIFF", "GIF", "WEBP")] * 8
    alone = [decode(data) for data in files]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(decode, files))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 1), (3, 4, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_encode_is_lossless(shape: tuple[int, ...], dtype: type) -> None:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    pixels.flat[0] = np.iinfo(dtype).max
    expected = pixels if dtype is np.uint8 else np.rint(pixels / 257)
    decoded = decode(encode(pixels))
    wanted = np.broadcast_to(expected.reshape(3, 4, -1), (3, 4, 3))
    assert np.abs(decoded.astype(int) - wanted).max() <= (0 if dtype is np.uint8 else 1)


def test_encode_lays_alpha_on_white_and_takes_bool() -> None:
    assert decode(encode(np.zeros((1, 1, 4), np.uint8))).tolist() == [[[255, 255, 255]]]
    assert decode(encode(np.array([[True, False]])))[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize("bad", [np.zeros((2, 2)), np.zeros((0, 2), np.uint8), np.zeros((2, 2, 5), np.uint8)])
def test_encode_refuses_what_is_no_image(bad: np.ndarray) -> None:
    with pytest.raises(Exception, match="image"):
        encode(bad)


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA", "P", "1", "I;16", "CMYK"])
def test_squares_are_what_all_pixels_give_when_they_are_resized(mode: str) -> None:
    values = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    deep = Image.fromarray(values.astype(np.uint16)[..., 0] * 200)
    image = deep if mode == "I;16" else Image.fromarray(values).convert(mode)
    for kind in ("JPEG", "PNG") if mode in ("RGB", "L") else ("JPEG",) if mode == "CMYK" else ("PNG",):
        data = save(image, kind)
        squares = squeeze(data, [16, 33, 100])
        assert set(squares) == {16, 33, 100}
        for side, square in squares.items():
            whole = Image.fromarray(decode(data, size=side))
            expected = whole.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
            np.testing.assert_array_equal(square, np.asarray(expected))
        small = Image.fromarray(decode(data, size=20)).resize((20, 20), Image.Resampling.BOX)
        np.testing.assert_array_equal(thumbnail(data, 20), np.asarray(small))


def test_thumbnail_averages_areas() -> None:
    board = np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((16, 16), np.uint8))
    assert thumbnail(encode(board), 2)[..., 0].tolist() == [[0, 255], [255, 0]]
    assert thumbnail(encode(board), 1)[0, 0, 0] in (127, 128)


def test_a_preview_fits_keeps_its_shape_and_is_never_enlarged() -> None:
    assert probe(preview(save(picture().resize((600, 400)), "JPEG"), 96)) == (96, 64)
    assert probe(preview(save(picture().resize((3, 3000)), "PNG"), 96)) == (1, 96)
    assert probe(preview(save(picture(), "PNG"), 96)) == (60, 40)


def test_a_preview_of_a_small_image_keeps_every_pixel() -> None:
    small = picture().resize((32, 21))
    np.testing.assert_array_equal(decode(preview(save(small, "PNG"), 96)), np.asarray(small))
