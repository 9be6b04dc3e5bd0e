"""The public names: pinned, loaded when first asked for, each with an example that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import labelaudit

ROOT = Path(__file__).parents[1]
PUBLIC = [
    "Audit",
    "BackboneError",
    "DataError",
    "Decision",
    "Evidence",
    "Features",
    "Finding",
    "LabelAuditError",
    "OptionError",
    "RunError",
    "Samples",
    "Stage",
    "read_audit",
    "scan",
    "score",
]


def test_public_names_are_pinned() -> None:
    assert labelaudit.__all__ == PUBLIC
    assert set(PUBLIC) < set(dir(labelaudit))


def test_scan_spells_every_setting_once() -> None:
    """Flat keywords for people, declared in `ScanSettings`, `Source` and `Machine`, and what is written and given."""
    from dataclasses import fields

    from labelaudit.data.source import Source
    from labelaudit.machine import Machine
    from labelaudit.scanning.settings import ScanSettings

    declared = {field.name: field.default for kind in (Source, ScanSettings, Machine) for field in fields(kind)}
    spelled = inspect.signature(labelaudit.scan).parameters
    assert set(spelled) == {*declared, *("features", "probs", "verdicts", "output", "html", "budget", "max_memory")} - {
        "exposure"
    }
    for name in ("methods", "train", "precision", "effort", "seed", "device", "workers", "image_size"):
        assert spelled[name].default == declared[name], name


def test_no_public_name_is_a_module_that_an_import_would_put_in_its_place() -> None:
    assert not set(PUBLIC) & {module.name for module in pkgutil.iter_modules(labelaudit.__path__)}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_loads_and_is_documented(name: str) -> None:
    value = getattr(labelaudit, name)
    assert value.__doc__
    assert value.__module__.startswith("labelaudit.")


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'scna'"):
        labelaudit.scna  # noqa: B018


def test_import_costs_nothing() -> None:
    code = "import sys, labelaudit; print(sorted({'numpy', 'torch', 'sklearn', 'rich', 'typer'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    assert version("labelaudit") == labelaudit.__version__


WITH_EXAMPLES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for path in (ROOT / "labelaudit").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", [*WITH_EXAMPLES, "labelaudit.cli.console.streams"])
def test_examples_in_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.IGNORE_EXCEPTION_DETAIL).failed == 0


@pytest.mark.parametrize("name", ["Audit", "read_audit", "scan"])
def test_what_people_call_has_an_example(name: str) -> None:
    assert doctest.DocTestFinder(recurse=False).find(getattr(labelaudit, name), name)[0].examples
