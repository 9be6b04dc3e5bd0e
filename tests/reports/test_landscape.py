"""The directions of the map are those of scikit-learn's discriminant, which takes seconds of a thousand classes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from labelaudit.reports.landscape import _SHRINKAGE, _separate, project


def draw(classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, 600)
    return rng.normal(size=(classes, 8))[labels] + 0.5 * rng.normal(size=(600, 8)), labels


def test_classes_are_separated_as_by_a_discriminant() -> None:
    x, labels = draw(6)
    model = LinearDiscriminantAnalysis(solver="eigen", shrinkage=_SHRINKAGE, n_components=2).fit(x, labels)
    assert np.abs(_separate(x, labels)) == pytest.approx(np.abs(model.scalings_[:, :2]), rel=1e-6)


def test_two_classes_lie_along_principal_components() -> None:
    x, labels = draw(2)
    assert np.abs(_separate(x, labels).T) == pytest.approx(np.abs(PCA(2).fit(x).components_), abs=1e-9)


def test_images_that_are_classes_of_their_own_have_places() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 8))
    places = project(vectors, np.arange(5), np.arange(5))
    assert len(np.unique(places, axis=0)) == 5
