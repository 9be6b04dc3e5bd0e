"""The loop's own promises: folds, batches, averages, augmentation, and nothing leaking into held-out evidence."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from labelaudit.errors import DataError, OptionError
from labelaudit.methods import Recipe
from labelaudit.regularizers.jacobian import Jacobian
from labelaudit.training.batches import DeviceDataset, flip, shift
from labelaudit.training.crossfit import _in_parallel, crossfit
from labelaudit.training.evidence import given_label_margins
from labelaudit.training.forecast import forecast_crossfit
from labelaudit.training.optimizer import Optimizer
from labelaudit.training.settings import CrossfitSettings, FitSettings
from labelaudit.types import Progress


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_batches_hand_every_training_sample_out_once_and_left_out_ones_never() -> None:
    n = 53
    data = DeviceDataset(np.arange(2.0 * n).reshape(n, 2), np.arange(n) % 3, 3, device="cpu", augment="none")
    data = data.drawn_by(generator())
    trained = torch.stack([torch.arange(n) % 5 != 0, torch.arange(n) % 5 != 1])
    weights = torch.ones(2, n)
    weights[1, 30:] = 0
    weights[1, 2] = 5.0
    for chosen in (None, weights):
        batches = list(data.batches(trained, chosen, 10))
        index = torch.cat([batch.index for batch in batches], dim=1)
        assert sorted(index[0].tolist()) == trained[0].nonzero().squeeze(1).tolist()
        expected = trained[1] & (torch.ones(n) if chosen is None else weights[1] > 0).bool()
        assert set(index[1].tolist()) == set(expected.nonzero().squeeze(1).tolist())
        assert max(batch.x.shape[1] for batch in batches) - min(batch.x.shape[1] for batch in batches) <= 1
        weight = torch.cat([batch.weight for batch in batches], dim=1)
        torch.testing.assert_close(weight.mean(1), torch.ones(2))
        for batch in batches:
            assert torch.equal(batch.x, data.x[batch.index])
            assert torch.equal(batch.y, data.y[batch.index])


def test_held_out_evidence_knows_nothing_of_a_samples_own_label() -> None:
    """Random labels: a network that memorises its training fold is no better than chance on the held-out one."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(200, 100)).astype(np.float32), rng.integers(0, 2, 200)
    evidence = crossfit(CrossfitSettings(epochs=40, options={"lr": 0.01, "batch": 32}), x, labels, 2)
    assert evidence.tables["fit"]["in_sample"] > 0.98
    assert evidence.tables["fit"]["held_out"] < 0.65
    assert evidence.probs is not None
    assert (evidence.probs.argmax(1) == labels).mean() < 0.65
    assert evidence.columns["loss"].mean() < evidence.columns["loss_heldout"].mean() / 3


def test_rounded_products_say_the_same_to_two_digits() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    x = (np.eye(3, 20)[labels] * 2 + rng.normal(size=(300, 20))).astype(np.float32)
    exact, rounded = (crossfit(CrossfitSettings(rounded=choice), x, labels, 3) for choice in (False, True))
    assert exact.probs is not None
    assert rounded.probs is not None
    assert 0 < np.abs(exact.probs - rounded.probs).max() < 0.05


def test_margins_are_given_logit_minus_largest_other() -> None:
    logits, y = torch.randn(2, 5, 4, generator=generator()), torch.tensor([0, 1, 2, 3, 0])
    found = given_label_margins(logits, y)
    for f in range(2):
        for i in range(5):
            others = [float(logits[f, i, c]) for c in range(4) if c != y[i]]
            assert float(found[f, i]) == pytest.approx(float(logits[f, i, y[i]]) - max(others))


def test_shift_moves_whole_images_and_flip_mirrors_about_half_of_them() -> None:
    x = torch.rand(64, 2, 9, 9, generator=generator())
    moved = shift(x, 2, generator())
    assert moved.shape == x.shape
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2), mode="replicate")
    windows = padded.unfold(2, 9, 1).unfold(3, 9, 1)  # (B, c, 5, 5, 9, 9)
    for i in range(64):
        assert any(torch.equal(moved[i], windows[i, :, r, c]) for r in range(5) for c in range(5))
    mirrored = flip(x, generator())
    turned = [not torch.equal(a, b) for a, b in zip(mirrored, x, strict=True)]
    assert 16 < sum(turned) < 48
    assert all(torch.equal(mirrored[i], x[i].flip(-1)) for i in range(64) if turned[i])


def test_a_crop_has_black_where_a_shift_repeats_edges() -> None:
    x = torch.rand(64, 2, 9, 9, generator=generator()) + 1
    cropped = shift(x, 2, generator(), black=True)
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2))
    windows = padded.unfold(2, 9, 1).unfold(3, 9, 1)
    for i in range(64):
        assert any(torch.equal(cropped[i], windows[i, :, r, c]) for r in range(5) for c in range(5))
    repeated = shift(x, 2, generator())
    assert torch.equal(torch.where(cropped == 0, repeated, cropped), repeated)
    bytes_ = shift((100 * x).byte(), 2, generator(), black=True)
    assert torch.equal(bytes_, (100 * cropped).byte())


def test_progress_counts_to_its_total_for_features_and_pixels() -> None:
    for x in (np.random.default_rng(0).normal(size=(30, 4)), np.zeros((30, 8, 8, 3), dtype=np.uint8)):
        seen: list[tuple[int, int | None]] = []

        def note(stage: str, done: int, total: int | None, seen: list[tuple[int, int | None]] = seen) -> None:
            seen.append((done, total))

        crossfit(CrossfitSettings(epochs=2, folds=3), x, np.arange(30) % 2, 2, progress=note)
        assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
        assert {total for _, total in seen} == {len(seen)}


@pytest.mark.parametrize(
    ("x", "labels", "classes", "message"),
    [
        (np.zeros((3, 2, 2)), [0, 1, 0], 2, "expected"),
        (np.zeros((4, 2)), [0, 1, 0], 2, "expected"),
        (np.zeros((3, 8, 8, 1)), [0, 1, 0], 2, "uint8"),
        (np.full((3, 2), np.nan), [0, 1, 0], 2, "NaN"),
        (np.zeros((3, 2)), [0, 1, 2], 2, "lie in 0..1"),
        (np.zeros((1, 2)), [0], 2, "at least 2"),
    ],
)
def test_unusable_arrays_are_named(x: np.ndarray, labels: list[int], classes: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        crossfit(CrossfitSettings(), x, np.array(labels), classes)


def test_fits_in_parallel_threads_give_the_bits_of_fits_one_after_the_other() -> None:
    x, labels = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 1)).astype(np.uint8), np.arange(40) % 2
    threads, found = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            found.append(
                crossfit(
                    CrossfitSettings(method="sln", epochs=2, folds=3, options={"batch": 16}, augment="shift+flip"),
                    x,
                    labels,
                    2,
                )
            )
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(threads)
    one, two = found
    assert one.suspicion.tobytes() == two.suspicion.tobytes()
    assert one.losses is not None
    assert two.losses is not None
    assert one.losses.tobytes() == two.losses.tobytes()


def test_the_dropout_of_a_published_network_is_seeded_and_leaves_the_global_generator_alone() -> None:
    x, labels = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3)).astype(np.uint8), np.arange(8) % 2
    found = []
    for state in (1, 2):
        torch.manual_seed(state)
        evidence = crossfit(CrossfitSettings(epochs=1, folds=2, network="torchvision:mobilenet_v3_small"), x, labels, 2)
        found.append(evidence.suspicion.tobytes())
        assert torch.equal(torch.get_rng_state(), torch.Generator().manual_seed(state).get_state())
    assert found[0] == found[1]


def test_an_error_in_one_fold_stops_the_others() -> None:
    x, labels = np.zeros((40, 8, 8, 1), dtype=np.uint8), np.arange(40) % 2
    calls = []

    def fail(stage: str, done: int, total: int | None) -> None:
        calls.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crossfit(CrossfitSettings(epochs=50, folds=4), x, labels, 2, progress=fail)
    assert len(calls) <= 4
    stop, threads = threading.Event(), torch.get_num_threads()

    def train(number: int) -> Any:
        if number:
            raise KeyboardInterrupt
        assert stop.wait(60), "the first of them goes on"

    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyboardInterrupt):
            _in_parallel(train, 2, stop, workers=2)
    finally:
        torch.set_num_threads(threads)


def test_identical_samples_share_a_fold() -> None:
    """Each sample has one copy under the other label: with copies in the training folds they would be memorised."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(60, 40)), 2, axis=0).astype(np.float32)
    labels = np.tile([0, 1], 60)
    together = crossfit(
        CrossfitSettings(epochs=30, options={"lr": 0.01}), x, labels, 2, digests=[str(i // 2) for i in range(120)]
    )
    assert together.probs is not None
    np.testing.assert_allclose(together.probs[::2], together.probs[1::2], atol=1e-6)


@pytest.mark.parametrize("shape", [(32,), (8, 8, 1)])
def test_the_forecast_grows_with_the_samples_and_the_epochs(shape: tuple[int, ...]) -> None:
    few = forecast_crossfit(CrossfitSettings(folds=3, epochs=2), shape, 20_000, 3)
    assert few > 0
    assert forecast_crossfit(CrossfitSettings(folds=3, epochs=20), shape, 200_000, 3) > 10 * few


@pytest.mark.parametrize(
    "warming",
    [
        pytest.param([4.0, 0.1], id="libraries that the first fit loads are no part of it"),
        pytest.param([0.1], id="warm"),
    ],
)
def test_what_every_fit_takes_once_does_not_grow_with_the_samples(
    warming: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, left = [0.0], iter([*warming, 3.0])  # 1,000 samples: 3 s once, and 2 s an epoch

    def fit(settings: CrossfitSettings, *_: object, progress: Progress, **__: object) -> None:
        clock[0] += next(left)
        for _epoch in range(settings.epochs if settings.epochs and settings.epochs > 1 else 0):
            clock[0] += 2.0
            progress("", 0, None)

    monkeypatch.setattr("labelaudit.training.forecast.crossfit", fit)
    monkeypatch.setattr("labelaudit.training.forecast.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    assert forecast_crossfit(CrossfitSettings(epochs=4), (8,), 10_000, 3) == pytest.approx(3 + 4 * 2 * 10)


def test_the_forecast_pays_for_the_regularisers(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only the regulariser moves, a second for each step."""
    seconds: list[int] = []
    monkeypatch.setattr("labelaudit.training.forecast.time", SimpleNamespace(perf_counter=lambda: len(seconds)))
    monkeypatch.setattr(Jacobian, "penalty", lambda *_: seconds.append(1))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # one group of folds after the other
    assert forecast_crossfit(CrossfitSettings(folds=3), (8,), 4000, 3) == 0
    around = {"jacobian": {"coefficient": "0.1"}}
    found = forecast_crossfit(CrossfitSettings(folds=3, regularizers=around), (8,), 4000, 3)
    recipe = FitSettings().choose_recipe(4000, pixels=False, folds=3)
    assert len(seconds) == 2 * 1 + 3 * 2 * 7  # two groups of folds, of 100 samples and of 1000, two thirds in training
    assert found == 2 * 7 * recipe.epochs * 4


def test_a_forecast_that_stays_slow_on_few_samples_is_not_made_on_more(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[int] = []  # of 3 s each
    monkeypatch.setattr("labelaudit.training.forecast.crossfit", lambda *_, **__: fits.append(1))
    monkeypatch.setattr("labelaudit.training.forecast.time", SimpleNamespace(perf_counter=lambda: 3.0 * len(fits)))
    assert forecast_crossfit(CrossfitSettings(folds=3, epochs=5), (8,), 4000, 3) == 3 * 5 * 4000 / 100


def test_the_plan_spends_more_epochs_on_few_samples_unless_told() -> None:
    usual = FitSettings().choose_recipe(50_000, pixels=False, folds=5)
    few = FitSettings().choose_recipe(200, pixels=False, folds=5)
    assert usual.epochs < few.epochs <= 3 * usual.epochs
    assert few.batch < usual.batch
    assert FitSettings(options={"epochs": 2}).choose_recipe(200, pixels=False, folds=5).epochs == 2
    assert FitSettings(epochs=4).choose_recipe(200, pixels=False, folds=5).epochs == 4
    assert (
        FitSettings().choose_recipe(200, pixels=True, folds=5, trained=True).lr
        == FitSettings().choose_recipe(200, pixels=True, folds=5).lr / 4
    )
    assert FitSettings(options={"lr": 0.1}).choose_recipe(200, pixels=True, folds=5, trained=True).lr == 0.1


def test_learning_rates_follow_their_schedule() -> None:
    def rates(schedule: str) -> list[float]:
        recipe = Recipe(epochs=4, batch=1, lr=0.5, schedule=schedule)
        return [recipe.rate(epoch) for epoch in range(4)]

    assert rates("constant") == [0.5] * 4
    assert rates("1,3") == pytest.approx([0.5, 0.05, 0.05, 0.005])
    assert rates("cosine") == pytest.approx([0.5, 0.25 + 0.125 * 2**0.5, 0.25, 0.25 - 0.125 * 2**0.5])
    for schedule in ("later", "0,3", "-3"):
        with pytest.raises(OptionError, match=f"schedule '{schedule}': give constant, cosine, or epochs"):
            rates(schedule)


def test_pixels_are_moved_as_bytes_to_the_same_bits_as_after_scaling() -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 9, 9, 3)).astype(np.uint8)
    inputs = DeviceDataset(x, np.arange(20) % 2, 2, device="cpu", augment="shift+flip").drawn_by(generator())
    taken = inputs.take(torch.arange(20).view(1, 20))
    scaled = (torch.from_numpy(x).movedim(-1, 1).float() - inputs.scaling.mean) * inputs.scaling.scale
    draws = generator()
    assert torch.equal(taken[0], flip(shift(scaled, 1, draws), draws))


@pytest.mark.parametrize(
    ("method", "options", "epochs"),
    [
        ("limit", {"init": 3}, 3),
        ("crust", {"warmup": 4}, 3),
        ("dmi", {"warmup": 1.0}, 3),
        ("forward", {"warmup": 1}, 5),
    ],
)
def test_a_start_that_leaves_nothing_is_refused(method: str, options: dict[str, float], epochs: int) -> None:
    (name,) = options
    with pytest.raises(OptionError, match=rf"{method}\.{name}=.* leaves none of the {epochs} epochs"):
        FitSettings(method=method, options=options, epochs=epochs).choose_recipe(100, pixels=False, folds=2)
    FitSettings(method=method, options={name: 0}, epochs=epochs).choose_recipe(100, pixels=False, folds=2)


def test_the_forecast_of_a_method_with_a_long_start_is_of_what_follows() -> None:
    assert forecast_crossfit(CrossfitSettings(method="crust", folds=2, options={"warmup": 5}), (8,), 200, 3) > 0


def test_weight_decay_is_decoupled_from_adam_or_a_term_of_the_loss() -> None:
    """By Adam a term of the loss moves every weight by the rate; decoupled it shrinks in proportion."""

    def moved(form: str) -> Tensor:
        weight = torch.nn.Parameter(torch.tensor([1.0, 100.0]))
        recipe = Recipe(epochs=1, batch=1, lr=0.01, weight_decay=0.1, weight_decay_form=form)  # type: ignore[arg-type]
        optimizer = Optimizer(recipe, [weight])
        weight.grad = torch.zeros(2)
        optimizer.step([weight], recipe.lr)
        return (torch.tensor([1.0, 100.0]) - weight.detach()).double()

    torch.testing.assert_close(moved("l2"), torch.tensor([0.01, 0.01], dtype=torch.float64), rtol=0.01, atol=0)
    for form in ("auto", "decoupled"):
        torch.testing.assert_close(moved(form), torch.tensor([0.001, 0.1], dtype=torch.float64), rtol=0.01, atol=0)
    with pytest.raises(OptionError, match="decoupled is for adam"):
        Recipe(epochs=1, batch=1, lr=0.01, optimizer="sgd", weight_decay_form="decoupled")
