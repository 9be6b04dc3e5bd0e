"""Functions of one variable: what is learned of the target, what of its noise, and under which regulariser."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labelaudit.bench import waves
from labelaudit.cli import app

ARMS = {arm.name: arm for arm in waves.ARMS}


def test_amplitudes_are_those_of_the_waves() -> None:
    x = np.arange(64) / 64
    found = waves.amplitudes(0.5 * np.sin(2 * np.pi * 3 * x + 1) + 2 * np.cos(2 * np.pi * 7 * x) + 4)
    np.testing.assert_allclose(found[[2, 6]], [0.5, 2], atol=1e-9)
    assert np.delete(found, [2, 6]).max() < 1e-9


def test_a_network_learns_the_target_and_spectral_normalisation_its_low_waves_only() -> None:
    fits = {name: waves.fit(ARMS[name], seed=0, noise=0.0, steps=150, network="mlp") for name in ("plain", "spectral")}
    assert fits["plain"].learned[0] > 0.5
    assert fits["spectral"].error > fits["plain"].error
    assert fits["spectral"].learned[4] < fits["spectral"].learned[0]
    again = waves.fit(ARMS["spectral"], seed=0, noise=0.0, steps=150, network="mlp")
    assert again == fits["spectral"]


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_fits_and_is_told(arm: str) -> None:
    found = waves.fit(ARMS[arm], seed=1, noise=0.5, steps=2, network="mlp")
    assert np.isfinite([*found.learned, found.error, found.within, found.beyond]).all()
    assert len(found.learned) == (waves.POINTS - 1) // 2


def test_the_command_writes_numbers_and_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves, "NETWORK", "mlp_2x32")
    asked = ["bench", "waves", "--epochs", "3", "--seeds", "1", "-o", str(tmp_path / "RESULTS.md"), "--json", "-q"]
    ended = CliRunner().invoke(app, asked)
    assert ended.exit_code == 0, ended.output
    rows = json.loads(ended.stdout)
    assert [(row["arm"], row["noise"]) for row in rows] == [(arm, noise) for noise in (0.0, 0.5) for arm in ARMS]
    kept = json.loads((tmp_path / "results" / "waves.json").read_text())
    assert kept["rows"] == rows
    assert len(kept["fits"]) == 8
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"waves-clean.svg", "waves-noisy.svg"}
    refused = CliRunner().invoke(app, [*asked, "--arm", "plain"])
    assert "waves takes no --arm" in refused.stderr
