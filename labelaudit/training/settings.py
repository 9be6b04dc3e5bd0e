"""The settings of a fit: method, regularisers, network, length, augmentation and seed, by the names people type.

They name things and load none of them, torch included, until a fit is made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from labelaudit.arguments import check_types

if TYPE_CHECKING:
    from labelaudit.methods import Method, Recipe

Augment = Literal["none", "shift", "shift+flip", "crop", "crop+flip"]
"""``shift`` repeats the edges of a moved image, ``crop`` puts black there, as the papers do."""
Weights = Path | Literal["pretrained"] | None
"""A file of weights to begin with, the published ones of a network of timm or torchvision, or none."""
Init = Weights | tuple[Path, ...]
"""The same, a MODEL folder among files; or several, one for each network of the method."""
Keep = Literal["last", "best"]
_LEAST_STEPS = 200  # of a fit: what the methods need to tell samples apart (measured on 150 to 1,400 digits)


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """All that shapes a fit beside its samples; base of `CrossfitSettings` and `ModelSettings`."""

    method: str = "ce"
    """One of `labelaudit.methods`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the method, among them ``batch``, ``lr``, ``optimizer``, ``weight_decay`` and ``schedule``."""
    regularizers: Sequence[str] | Mapping[str, Mapping[str, Any]] = ()
    """Names, or name -> option -> value, around the method and its own."""
    network: str | None = None
    """One of `labelaudit.networks`; by default one that suits the shape of a sample."""
    epochs: int | None = None
    """In place of the method's own, which are more where there are few samples."""
    augment: Augment = "none"
    seed: int = 0

    def __post_init__(self) -> None:
        check_types(type(self), vars(self))

    def make_method(self) -> Method:
        """A new method with its options; raises `OptionError` for an unknown method, and for options."""
        from labelaudit.methods import configure, get_method

        return configure(get_method(self.method), self.options)

    def compose(self) -> dict[str, Mapping[str, Any]]:
        """The method's own regularisers first; one that is also asked for gets the options of both."""
        named = self.regularizers
        asked = named if isinstance(named, Mapping) else {name: {} for name in named}
        own = self.make_method().regularizers()
        return {**own, **{name: {**own.get(name, {}), **options} for name, options in asked.items()}}

    def choose_recipe(self, n: int, *, pixels: bool, folds: int, trained: bool = False) -> Recipe:
        """The optimiser settings on n samples: smaller batches and up to 3 times the epochs where there are few.

        One fold: all samples train, as for a model that is to be used. A network that is ``trained`` already, by
        others, moves at a quarter of the learning rate.
        """
        from labelaudit.training.batches import steps_of

        method = self.make_method()
        recipe = method.recipe("pixels" if pixels else "features")
        if method.lr is None and trained:
            recipe = replace(recipe, lr=recipe.lr / 4)
        if method.batch is None:
            recipe = replace(recipe, batch=min(recipe.batch, max(16, n // 40)))
        if method.epochs is None:
            steps = steps_of(n * (folds - 1) // folds if folds > 1 else n, recipe.batch)
            recipe = replace(recipe, epochs=max(recipe.epochs, min(3 * recipe.epochs, _LEAST_STEPS // steps)))
        recipe = recipe if self.epochs is None else replace(recipe, epochs=self.epochs)
        method.check_epochs(recipe.epochs)
        return recipe


@dataclass(frozen=True, kw_only=True)
class CrossfitSettings(FitSettings):
    """The settings of fits that each leave samples out, as `labelaudit.training.crossfit.crossfit` takes them."""

    init: Weights = None
    """The weights that every fold begins with."""
    folds: int = 5
    rounded: bool | None = None
    """Whether products of matrices are in bfloat16; on a GPU unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class ModelSettings(FitSettings):
    """The settings of a model that is to be used, as `labelaudit.models.run.train` takes them."""

    init: Init = None
    keep: Keep = "last"
    """The ``last`` epoch's model, or that of the ``best`` accuracy on validation samples, the first of them."""
    patience: int | None = None
    """Epochs without a better one on validation samples, after which the run ends."""
    balance: bool = False
    """Whether an epoch draws as many samples of every class."""
