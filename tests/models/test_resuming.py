"""A training that was cut off goes on to the same bits; checkpoints that are damaged or another run's are refused."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training_data import digits, features, measured, same, settings_of

import labelaudit.networks
from labelaudit.errors import OptionError, RunError
from labelaudit.methods import method_names
from labelaudit.models import checkpoint, folder
from labelaudit.models.run import train
from labelaudit.networks import Bodies, Network
from labelaudit.training.settings import ModelSettings


class Cut(Exception):
    """Where a run ends in a test."""


def cut_after(epoch: int) -> Any:
    def told(row: dict[str, float]) -> None:
        if row["epoch"] == epoch:
            raise Cut

    return told


# resuming


@pytest.mark.parametrize("method", method_names())
def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(method: str, tmp_path: Path) -> None:
    x, labels = features()
    settings = ModelSettings(method=method, epochs=6, options={"batch": 16})
    file = tmp_path / "run" / "checkpoint.pt"
    with pytest.raises(Cut):
        train(settings, x, labels, 3, truth=labels, checkpoint=file, told=cut_after(3))
    whole = train(settings, x, labels, 3, truth=labels)
    same(whole, train(settings, x, labels, 3, truth=labels, checkpoint=file))


def test_a_run_that_was_killed_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL in the middle of an epoch's end, on pixels, with augmentation and regularisers that change layers.

    One method that chooses its samples anew in every epoch, and one of two networks.
    """
    methods = ["crust", "co_teaching"]
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from labelaudit.models.run import train
        from training_data import digits, measured, settings_of

        def die(row):
            if row["epoch"] == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        x, given, _ = digits()
        for method in sys.argv[2:]:
            child = os.fork()
            if child == 0:
                file = Path(sys.argv[1]) / method / "checkpoint.pt"
                train(settings_of(method), x, given, 10, **measured(), checkpoint=file, told=die)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == signal.SIGKILL
    """)
    paths = os.pathsep.join(
        str(place) for place in (Path(__file__).parent, Path(__file__).parents[1], Path(__file__).parents[2])
    )
    env = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path), *methods], check=True, env=env)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        x, given, _ = digits()
        for method in methods:
            file = tmp_path / method / "checkpoint.pt"
            assert [found.name for found in file.parent.iterdir()] == [file.name]
            whole = train(settings_of(method), x, given, 10, **measured())
            same(whole, train(settings_of(method), x, given, 10, **measured(), checkpoint=file))
    finally:
        torch.set_num_threads(threads)


def test_a_full_disk_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint, "fresh_bytes", lambda _: nullcontext(Full()))
    x, labels = features()
    with pytest.raises(RunError, match=r"cannot write .*checkpoint.pt \(No space left on device\)"):
        train(ModelSettings(epochs=1), x, labels, 3, checkpoint=tmp_path / "checkpoint.pt")


def test_training_is_announced_before_its_first_epoch() -> None:
    heard: list[Any] = []
    x, labels = features()
    train(ModelSettings(epochs=1), x, labels, 3, told=heard.append, progress=lambda *step: heard.append(step))
    assert heard[0] == ("training ce", 0, 1)


def test_dropout_draws_from_the_runs_own_seed_and_goes_on_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dropping(shape: Sequence[int], classes: int, copies: int) -> Network:
        return Network(Bodies(lambda: nn.Sequential(nn.Flatten(), nn.Dropout(0.5)), copies), copies, 64, classes)

    monkeypatch.setitem(labelaudit.networks._PIXELS, "dropping", dropping)
    x, given, _ = digits()
    settings = ModelSettings(network="dropping", epochs=4)
    state = torch.random.get_rng_state()
    whole = train(settings, x, given, 10)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.rand(3)
    with pytest.raises(Cut):
        train(settings, x, given, 10, checkpoint=tmp_path / "c.pt", told=cut_after(2))
    same(whole, train(settings, x, given, 10, checkpoint=tmp_path / "c.pt"))


def test_a_checkpoint_of_another_run_is_refused_by_what_differs(tmp_path: Path) -> None:
    x, labels = features()
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):
        train(ModelSettings(), x, labels, 3, checkpoint=file, told=cut_after(1))
    with pytest.raises(RunError, match=r"another lr: 0\.001 there, 0\.1 now"):
        train(ModelSettings(options={"lr": 0.1}), x, labels, 3, checkpoint=file)
    with pytest.raises(RunError, match=r"another regularizers: mixup: None there, \{'alpha': 0\.3\} now"):
        train(ModelSettings(regularizers=["mixup"]), x, labels, 3, checkpoint=file)
    with pytest.raises(RunError, match="other data: an image, a label, or what `valid`, `test` or `truth` names"):
        train(ModelSettings(), x + 1, labels, 3, checkpoint=file)


def test_a_damaged_checkpoint_and_one_with_code_in_it_are_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[Path]]:
            return Path.touch, (tmp_path / "sprung",)

    x, labels = features()
    file = tmp_path / "checkpoint.pt"
    for content in (b"", b"no zip", b"PK\x03\x04"):
        file.write_bytes(content)
        with pytest.raises(RunError, match="is damaged"):
            train(ModelSettings(), x, labels, 3, checkpoint=file)
    torch.save({"version": 1, "settings": Trap()}, file)
    with pytest.raises(RunError, match="is damaged"):
        train(ModelSettings(), x, labels, 3, checkpoint=file)
    assert not (tmp_path / "sprung").exists()


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, labels = features()
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):
        train(ModelSettings(epochs=3), x, labels, 3, checkpoint=file, told=cut_after(2))
    before = file.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left"):
        train(ModelSettings(epochs=3), x, labels, 3, checkpoint=file)
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_what_a_checkpoint_cannot_hold_is_named() -> None:
    with pytest.raises(TypeError, match="attribute 'memory' holds a set"):
        checkpoint.capture({"a": [{1}]}, "memory")
    held = {"a": [torch.ones(2), None, (1, "x")], "b": 0.5}
    restored = checkpoint.restore(None, checkpoint.capture(held), torch.device("cpu"))
    assert str(restored) == str(held)


def test_every_flipped_bit_of_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    x, labels = features()
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):
        train(ModelSettings(), x, labels, 3, checkpoint=file, told=cut_after(1))
    whole, draw = file.read_bytes(), np.random.default_rng(0)
    for place in draw.integers(0, len(whole), 40).tolist():
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << int(draw.integers(8))]) + whole[place + 1 :])
        with pytest.raises(RunError, match="damaged"):
            checkpoint.read(file, {})


def test_a_kill_during_the_first_checkpoint_does_not_lock_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / ".checkpoint.pt.0123abcd.partial").write_bytes(b"half")
    folder.check_place(tmp_path / "model", resume=False)
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        folder.check_place(tmp_path / "model", resume=False)


def test_the_best_epoch_is_kept_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """A rate that is far too high at the end spoils the last epochs."""
    x, labels = features()
    rng = np.random.default_rng(1)
    valid = (x + 0.3 * rng.normal(size=x.shape).astype(np.float32), labels)
    settings = ModelSettings(method="sln", epochs=8, keep="best", options={"batch": 16, "lr": 0.05})
    best = train(settings, x, labels, 3, valid=valid)
    accuracies = [row["valid_accuracy"] for row in best.curves]
    assert best.kept == 1 + int(np.argmax(accuracies))
    assert best.row["valid_accuracy"] == max(accuracies)
    measured = float((best.model.predict(valid[0]).argmax(1) == labels).mean())
    assert measured == pytest.approx(max(accuracies))
    assert np.array_equal(best.probs.argmax(1), best.model.predict(x).argmax(1))
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):
        train(settings, x, labels, 3, valid=valid, checkpoint=file, told=cut_after(best.kept))
    again = train(settings, x, labels, 3, valid=valid, checkpoint=file)
    same(best, again)
    assert again.kept == best.kept


def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path) -> None:
    x, labels = features()
    valid = (x, np.roll(labels, 1))  # nothing can be learnt about these
    settings = ModelSettings(epochs=30, patience=2)
    short = train(settings, x, labels, 3, valid=valid)
    best = 1 + int(np.argmax([row["valid_accuracy"] for row in short.curves]))
    assert len(short.curves) == best + 2 < 30
    assert short.notes == (f"Stopped after {best + 2} of 30 epochs: 2 without a better one.",)
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Cut):  # killed after the last epoch, before the model was written
        train(settings, x, labels, 3, valid=valid, checkpoint=file, told=cut_after(best + 2))
    same(short, train(settings, x, labels, 3, valid=valid, checkpoint=file))
    with pytest.raises(OptionError, match="`patience` chooses by validation samples"):
        train(ModelSettings(epochs=2, patience=2), x, labels, 3)
    with pytest.raises(OptionError, match="`keep` best chooses by validation samples"):
        train(ModelSettings(epochs=2, keep="best"), x, labels, 3)
