"""The benchmark for GPUs runs everywhere, cut short, and writes down what fails beside what does not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from labelaudit.bench.presets import get_preset

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def gpu() -> Any:
    """The script as a module."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import gpu
    finally:
        sys.path.remove(str(BENCHMARKS))
    return gpu


def test_the_stages_fit_in_nine_minutes(gpu: Any) -> None:
    assert sum(gpu.SECONDS.values()) <= gpu.WHOLE <= 540


def test_the_slice_is_of_a_table_that_is_for_a_gpu(gpu: Any) -> None:
    preset = get_preset(gpu.SLICE["preset"])
    assert preset.device == "cuda"
    assert {*gpu.SLICE["arms"]} < {arm.name for arm in preset.arms}


def test_it_runs_on_a_cpu_and_writes_as_it_goes(gpu: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "RESULTS.md").write_text("# Mine\n\nkept\n", encoding="utf-8")
    stages = ["loop", "embedding", "scan", "presets"]
    for asked in (["presets"], stages):  # the second run takes the place of the first in both files
        gpu.main(["--device", "cpu", "--data", str(tmp_path), "-o", str(tmp_path), "--stages", *asked])
    found = json.loads((tmp_path / "results" / "gpu.json").read_text(encoding="utf-8"))
    assert [*found["stages"]] == stages
    assert not any("error" in stage for stage in found["stages"].values())
    assert found["stages"]["loop"]["found"]["times the usual one"] > 0
    assert found["stages"]["embedding"]["found"]["images/s"] > 0
    assert 0 < found["stages"]["scan"]["found"]["digits, 10 % planted"]["AP"] <= 1
    assert found["stages"]["presets"]["found"]["slice of digits"]["ce"]["test accuracy"] > 0
    assert found["device"].startswith("CPU, cut short")
    text = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert text.startswith("# Mine\n\nkept\n")
    assert text.count("<!-- gpu -->") == 1
    assert "| loop |" in text
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(stages)


def test_a_stage_that_fails_is_told_and_the_next_one_runs(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(gpu, "loop", fail)
    monkeypatch.setattr(gpu, "twins", lambda *_: {"features": {"ok": False}, "train": {"ok": True}})
    found = gpu.measure("cpu", Path("nowhere"), ["loop", "twins"], Path("nowhere"), lambda _: None)
    assert found["stages"]["loop"]["error"] == "RuntimeError: no such kernel"
    text = gpu.render(found)
    assert "failed: RuntimeError: no such kernel" in text
    assert "2 paths, apart: features" in text


def test_the_twins_of_a_cpu_are_alike(gpu: Any) -> None:
    """Both sides are the same device here: whatever differs is not a difference of devices."""
    found = gpu.twins("cpu", small=True)
    assert [path for path, one in found.items() if not one["ok"]] == []
    assert len(found) >= 10
