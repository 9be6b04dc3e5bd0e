"""Numbers that are read off a finished run: accuracies in per cent, detection as AUROC, shares in per cent."""

from __future__ import annotations

from typing import Any

from labelaudit.bench.preset import Finished, Reading

ACCURACY = "test accuracy"
BEST = "best test accuracy of any epoch"
NAN = float("nan")


def last_accuracy(paper: float | None = None, *, name: str = ACCURACY, view: str = "") -> Reading:
    """Test accuracy after the last epoch, of the run's outcome or of another ``view`` of the method."""
    return curve(name, f"test_accuracy_{view}" if view else "test_accuracy", paper=paper)


def chosen_accuracy(paper: float | None = None) -> Reading:
    """Test accuracy of the epoch with the best validation accuracy, the first of them."""

    def read(run: Finished) -> float:
        return 100 * float((run.trained.model.predict(run.test_x).argmax(1) == run.test_y).mean())

    return Reading(name=ACCURACY, paper=paper, read=read, chosen=True)


def best_accuracy(paper: float | None = None) -> Reading:
    """The best test accuracy of any epoch: what CRUST reports, and nobody without true test labels can choose."""

    def read(run: Finished) -> float:
        return 100 * max((row.get("test_accuracy", NAN) for row in run.trained.curves), default=NAN)

    return Reading(name=BEST, paper=paper, read=read)


def detection(paper: float | None = None, *, column: str = "") -> Reading:
    """AUROC of wrong labels, of the method's suspicion or of one of its ``column``s after the last epoch."""

    def read(run: Finished) -> float:
        from labelaudit.models.detection import auroc

        found = auroc(run.trained.last[column] if column else run.trained.suspicion, run.wrong)
        return NAN if found is None else found

    return Reading(name=f"AUROC of {column}" if column else "AUROC", paper=paper, read=read, digits=4)


def curve(name: str, column: str, *, paper: float | None = None) -> Reading:
    """A column of the curves after the last epoch, in per cent."""
    return Reading(name=name, paper=paper, read=lambda run: 100 * run.trained.curves[-1].get(column, NAN))


def squared_jacobian(paper: float | None = None, *, training: bool = False) -> Reading:
    """Mean ‖J‖_F² of the logits in pixels of [0, 1], or in features, over up to 256 test or training samples."""

    def read(run: Finished) -> float:
        from labelaudit.models.diagnosis import diagnose

        model, inputs = run.trained.model, inputs_of(run, training=training)
        found: float = diagnose(model.network, inputs, samples=256, seed=run.seed)["jacobian"]["mean_squared_norm"]
        unit = 255 if inputs.pixels else 1
        return found * float((unit * model.scaling.scale).square().mean())

    name = "squared Jacobian norm"
    return Reading(name=f"{name}, training samples" if training else name, paper=paper, read=read, digits=0)


def inputs_of(run: Finished, *, training: bool = False) -> Any:
    """The test samples, or those of training, on the model's device, scaled as training samples were."""
    from labelaudit.training.batches import DeviceDataset

    if training:
        return run.trained.inputs
    model = run.trained.model
    return DeviceDataset(
        run.test_x, run.test_y, len(model.classes), device=model.device, augment="none", scaling=model.scaling
    )


def chosen_clean() -> Reading:
    """Share of right labels among the samples that the last epoch was trained on."""
    return curve("right labels in the coreset", "chosen_clean")
