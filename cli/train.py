"""``labelaudit train``: a model from labels that may be wrong."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelaudit.errors import OptionError
from labelaudit.machine import available_cores
from labelaudit.text import duration, printable, read_share
from labelaudit.training.settings import Augment, Init, Keep

from .console.options import ColorOption, DeviceOption, Quiet, Workers, on_machine, option, parse_settings
from .console.reading import UNSAID, takes_source
from .console.streams import open_console, report_progress, say

if TYPE_CHECKING:
    from labelaudit.models import TrainedFolder

_input, _how = partial(option, panel="Data"), partial(option, panel="How to train")
_SHOWN = {
    "train_loss": "loss",
    "train_accuracy": "accuracy",
    "true_accuracy": "true",
    "valid_accuracy": "valid",
    "test_accuracy": "test",
}


@takes_source
def train(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Folder, table, archive, shards or address, as for scan.")
    ],
    output: Annotated[
        Path, option("-o", "--output", metavar="MODEL", help="New folder for the model, its curves and pictures.")
    ],
    method: Annotated[str, option(metavar="NAME", help="Training method, one of `labelaudit methods`.")] = "ce",
    settings: Annotated[
        list[str] | None,
        _how(
            "--set",
            metavar="NAME.OPTION=VALUE",
            help="An option of a method or a regularizer, such as sln.sigma=0.5; may be repeated.",
        ),
    ] = None,
    regularizer: Annotated[
        list[str] | None,
        _how(
            metavar="NAME",
            help="A regularizer around the training, such as mixup (`labelaudit methods` lists them); may be repeated.",
        ),
    ] = None,
    network: Annotated[
        str | None,
        _how(
            metavar="NAME",
            help="cnn, mnist_cnn, lenet5, allcnn, resnet32, resnet34, wrn28_2, mlp_2x512, mlp_4x512_elu, lite0, "
            "timm:NAME, torchvision:NAME.",
        ),
    ] = None,
    init: Annotated[
        list[str] | None,
        _how(
            metavar="WEIGHTS",
            help="Begin with a weights file, an earlier MODEL, or `pretrained`: published ones, fetched if need be. "
            "Given twice, the two networks of co_teaching, decoupling or dividemix have one each.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, option(min=1, metavar="N", help="Passes over the data; default: the method's own.")
    ] = None,
    augment: Annotated[
        Augment, _how(help="Move images by up to an eighth (crop: black behind them); mirror them too.")
    ] = "shift",
    image_size: Annotated[
        int | None,
        _how(
            min=8, max=1024, metavar="N", help="Side of the squares that images become; default: their own, up to 64."
        ),
    ] = None,
    keep: Annotated[Keep, _how(help="The last epoch's model, or the one most accurate on --valid.")] = "last",
    patience: Annotated[
        int | None, _how(min=1, metavar="N", help="Stop after so many epochs without a better one on --valid.")
    ] = None,
    balance: Annotated[bool, _how("--balance", help="Draw as many images of each class in an epoch.")] = False,
    seed: Annotated[int, _how(min=0, metavar="N", help="Random seed: the same seed gives the same model.")] = 0,
    valid: Annotated[
        str | None,
        option(
            metavar="FRACTION|DATA",
            help="Images to measure after each epoch and not to train on: a share of DATA, or others.",
        ),
    ] = None,
    test: Annotated[Path | None, _input(metavar="DATA", help="Further images to measure after each epoch.")] = None,
    truth: Annotated[
        Path | None, _input(metavar="FILE", help="True labels, as truth.csv of `labelaudit corrupt`.")
    ] = None,
    how: Mapping[str, Any] = UNSAID,
    resume: Annotated[
        bool, option("--resume", help="Go on with a run that was cut off, with the same options.")
    ] = False,
    diagnose: Annotated[
        bool, option("--diagnose", help="Measure norms, margins, calibration and memorisation.")
    ] = False,
    device: DeviceOption = "auto",
    compiled: Annotated[bool, on_machine("--compile", help="Compile the network; pays on GPUs.")] = False,
    workers: Workers = None,
    quiet: Quiet = False,
    color: ColorOption = "auto",
) -> None:
    """Train a model on DATA by a robust method, and write it to MODEL.

    Example: `labelaudit train ./images -o MODEL --method sln --valid 0.1`

    A checkpoint is kept after every epoch: the same command with --resume goes on where a run was cut off.
    """
    options = parse_settings(settings or [])
    share = parse_valid(valid)

    from labelaudit.data.source import Source, refuse_missing

    refuse_missing(data, how["labels"])

    from labelaudit.models import is_under_way, sort_options, train_dataset
    from labelaudit.training.settings import ModelSettings

    own, around = sort_options(method, options, tuple(dict.fromkeys(regularizer or ())))
    asked = ModelSettings(
        method=method,
        options=own,
        regularizers=around,
        network=network,
        epochs=epochs,
        augment=augment,
        seed=seed,
        init=parse_init(init or []),
        keep=keep,
        patience=patience,
        balance=balance,
    )
    try:
        with report_progress(quiet=quiet, verbose=True, color=color) as (progress, notice):
            made = train_dataset(
                Source(data=data, **how),
                output,
                asked,
                valid=share,
                test=test,
                truth=truth,
                image_size=image_size,
                compiled=compiled,
                diagnostics=diagnose,
                device=device,
                resume=resume,
                workers=workers or available_cores(),
                progress=progress,
                told=lambda row, epochs: notice(describe(row, epochs)),
            )
    except KeyboardInterrupt:
        begun = is_under_way(output)
        advice = (
            f"the same command with --resume goes on in {printable(str(output))}" if begun else "nothing was begun yet"
        )
        typer.echo(f"labelaudit: interrupted; {advice}", err=True)
        raise typer.Exit(130) from None
    if not quiet:
        say(open_console(sys.stdout, color), *summarize(made))


def parse_init(given: list[str]) -> Init:
    """The weights to begin with.

    >>> parse_init([]), parse_init(["pretrained"]), len(parse_init(["a.pt", "MODEL"]))
    (None, 'pretrained', 2)
    """
    if "pretrained" in given:
        if len(given) > 1:
            raise OptionError("--init pretrained is for every network: leave the other --init away")
        return "pretrained"
    paths = tuple(Path(one) for one in given)
    return paths if len(paths) > 1 else paths[0] if paths else None


def parse_valid(text: str | None) -> float | Path | None:
    """A share where it reads as a number, else a path.

    >>> parse_valid("0.1"), parse_valid("10%"), parse_valid("./held-out")
    (0.1, 0.1, PosixPath('held-out'))
    """
    if text is None:
        return None
    try:
        share = read_share(text)
    except ValueError:
        return Path(text)
    if not 0 < share < 1:
        raise OptionError(f"--valid {text}: give a share between 0 and 1, or a dataset")
    return share


def describe(row: Mapping[str, float], epochs: int) -> str:
    """An epoch in one line.

    >>> describe({"epoch": 2, "train_loss": 0.51, "train_accuracy": 0.9, "seconds": 15.0}, 12)
    'epoch 2 of 12: loss 0.510, accuracy 90.0%; 1 min 15 s left'
    """
    parts = [
        f"{name} {row[key]:.3f}" if key.endswith("loss") else f"{name} {row[key]:.1%}"
        for key, name in _SHOWN.items()
        if not math.isnan(row.get(key, math.nan))
    ]
    left = row["seconds"] / row["epoch"] * (epochs - row["epoch"])
    rest = f"; {duration(left)} left" if row["epoch"] < epochs else ""
    return f"epoch {row['epoch']:.0f} of {epochs}: {', '.join(parts)}{rest}"


def summarize(made: TrainedFolder) -> Iterator[str]:
    """Summary lines of a finished training run."""
    row, last, settings = made.trained.row, made.trained.curves[-1], made.trained.settings
    yield (
        f"{settings['method']} on {settings['network']}, {last['epoch']:.0f} epoch{'s' * (last['epoch'] > 1)} "
        f"over {settings['samples']:,} images of {len(settings['classes'])} classes in {duration(last['seconds'])}."
    )
    if "keep" in settings:
        yield f"Kept: the model of epoch {row['epoch']:.0f}, the best on validation images."
    yield f"Given labels of the training images: {row['train_accuracy']:.1%} agree with the model."
    for name in ("valid", "test"):
        if f"{name}_accuracy" in row:
            others = {
                f"by its {key.rpartition('_')[2]}": v for key, v in row.items() if key.startswith(f"{name}_accuracy_")
            }
            others |= {"among the five likeliest": row[f"{name}_top5"]} if f"{name}_top5" in row else {}
            beside = "".join(f", {view} {value:.1%}" for view, value in others.items())
            yield f"Accuracy on {name} images: {row[f'{name}_accuracy']:.1%}{beside}."
    if "noise" in made.about:
        yield (
            f"Against the truth: {made.about['noise']:.1%} of the labels are wrong; the model agrees with "
            f"{_share(row['true_accuracy'])} of the true ones and memorised {_share(row['memorised'])} of the wrong "
            "ones."
        )
        found = made.about["detection"]["suspicion"]
        if found is not None:
            yield f"The method's suspicion of training images tells wrong from right with an AUROC of {found:.4f}."
    yield from made.notes
    yield f"Written to {made.place}: {', '.join(made.files)}."


def _share(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.1%}"
