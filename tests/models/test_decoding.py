"""Images that are decoded while a network trains: the same bits as from memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pictures import Listed
from training_data import digits, same

from labelaudit.data.images import encode
from labelaudit.data.pixels import Squares, load_pixels
from labelaudit.errors import DataError
from labelaudit.models.dataset import collect
from labelaudit.models.run import train
from labelaudit.training.settings import ModelSettings

# images that do not fit in memory


@pytest.mark.parametrize("method", ["ce", "crust"])
def test_images_that_are_decoded_in_every_epoch_train_to_the_same_bits(method: str) -> None:
    x, given, true = digits(60)
    images = Listed([encode(one) for one in x])
    held, _ = load_pixels(images, 8)
    squares = Squares(images, 8, key="digits")
    assert squares.check() == ()
    assert squares.shape == held.shape == (60, 8, 8, 1)
    assert np.array_equal(squares[np.array([3, 1])], held[[3, 1]])
    settings = ModelSettings(method=method, options={"batch": 16}, epochs=3, augment="crop+flip")
    streamed = train(settings, squares, given, 10, truth=true, test=(squares, true))
    same(train(settings, held, given, 10, truth=true, test=(held, true)), streamed)
    other = train(settings, Squares(images, 8, channels=1, key="others"), given, 10)
    assert other.settings["data"] != train(settings, squares, given, 10).settings["data"]


def test_images_that_cannot_be_read_are_found_before_training_and_named_in_it() -> None:
    images = Listed([encode(one) for one in np.zeros((5, 8, 8, 3), dtype=np.uint8)])
    squares = Squares(images, 8)
    images.files[2] = b"no image"
    ((row, _, _),) = squares.check()
    assert row == 2
    rest = squares.take(np.arange(5) != 2)
    assert rest[slice(None)].shape == (4, 8, 8, 1)
    images.files[3] = b"gone"
    with pytest.raises(DataError, match="image 2 cannot be read any more"):
        rest[np.array([2])]


def test_what_does_not_fit_in_memory_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, given, _ = digits(40)
    for row, (square, label) in enumerate(zip(x, given, strict=True)):
        place = tmp_path / "data" / str(label)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{row}.png").write_bytes(encode(square))
    whole = collect(tmp_path / "data", valid=0.2)
    monkeypatch.setattr("labelaudit.models.dataset.available_memory", lambda: 100.0)
    streamed = collect(tmp_path / "data", valid=0.2)
    assert isinstance(streamed.x, Squares)
    assert any("do not fit in memory" in note for note in streamed.notes)
    assert np.array_equal(streamed.x[slice(None)], whole.x)
    assert whole.valid is not None
    assert streamed.valid is not None
    assert np.array_equal(streamed.valid[0][slice(None)], whole.valid[0])
