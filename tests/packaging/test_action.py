"""The GitHub action, run step by step as GitHub would, on a sample repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest
from pictures import photo
from recipes import ACTION, BASELINE, ROOT, write_baseline

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the recipes are for POSIX shells")


def run_action(
    environment: Mapping[str, str], place: Path, *, last: str = "", **inputs: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    """Run the `run` steps of the action until one fails, or the ``last`` one: (what ended, outputs of the check)."""
    given = {name: str(entry.get("default", "")) for name, entry in ACTION["inputs"].items()} | inputs
    known = {
        **{f"inputs.{name}": value for name, value in given.items()},
        "github.action_path": str(ROOT),
        "runner.temp": environment["RUNNER_TEMP"],
    }
    for step in ACTION["runs"]["steps"]:
        if "run" not in step:
            continue
        assert step["shell"] == "bash"
        own = {
            name: re.sub(r"\$\{\{\s*(.+?)\s*\}\}", lambda match: known[match[1]], value)
            for name, value in step["env"].items()
        }
        bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        ended = subprocess.run(bash, cwd=place, env={**environment, **own}, capture_output=True, text=True)
        if ended.returncode or step["name"] == last:
            break
    output = Path(environment["GITHUB_OUTPUT"])
    lines = output.read_text(encoding="utf-8").splitlines() if output.exists() else []
    return ended, dict(line.split("=", 1) for line in lines)


def test_the_action_fails_on_suspects_and_says_which(repository: Path, environment: dict[str, str]) -> None:
    ended, outputs = run_action(environment, repository, data="images", reports="'la bels.xml' labels.md")
    assert ended.returncode == 1, ended.stderr
    assert outputs["exit-code"] == "1"
    assert "::error title=labelaudit max-suspects::2 new suspects" in ended.stdout
    assert "::warning file=pets/cat/b.png," in ended.stdout
    assert (
        Path(environment["GITHUB_STEP_SUMMARY"])
        .read_text(encoding="utf-8")
        .startswith("### ❌ labelaudit check: FAILED")
    )
    [sarif] = json.loads(Path(outputs["sarif-file"]).read_text(encoding="utf-8"))["runs"]
    assert len(sarif["results"]) == 2
    assert ET.parse(repository / "la bels.xml").getroot().attrib["failures"] == "1"
    assert (repository / "labels.md").read_text(encoding="utf-8").startswith("### ❌")


def test_the_action_passes_with_a_baseline(repository: Path, environment: dict[str, str]) -> None:
    write_baseline(repository, environment)
    ended, outputs = run_action(environment, repository, data="images", baseline=BASELINE, args="--max-noise '90%'")
    assert ended.returncode == 0, ended.stderr
    assert outputs["exit-code"] == "0"
    assert "::notice title=labelaudit check::PASSED" in ended.stdout


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"data": "images", "args": "--max-noise 'unclosed"}, "No closing quotation"),
        ({"data": "--help"}, "'--help' does not exist"),
        ({"data": "images", "args": "$(touch owned) `touch owned` ; touch owned"}, ""),
    ],
)
def test_the_action_that_cannot_run_is_no_pass(
    repository: Path, environment: dict[str, str], inputs: dict[str, str], said: str
) -> None:
    ended, outputs = run_action(environment, repository, **inputs)
    assert ended.returncode not in (0, 130)
    assert outputs.get("exit-code", "2") == "2"
    assert ("::error title=labelaudit check::could not run" in ended.stdout) == ("exit-code" in outputs)
    assert "sarif-file" not in outputs
    assert said in ended.stderr
    assert not (repository / "owned").exists(), "inputs are data, never shell"


def test_the_action_installs_itself_or_a_version(repository: Path, environment: dict[str, str]) -> None:
    log = Path(environment["PIP_LOG"])
    _, outputs = run_action(environment, repository, last="Install labelaudit", data="images")
    assert re.fullmatch("[0-9a-f]{16}", outputs["settings"])
    assert log.read_text(encoding="utf-8").splitlines() == [
        "-m pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu",
        f"-m pip install {ROOT}",
        "-m pip freeze",
    ]
    log.unlink()
    inputs = {"data": "images", "version": "1.2.3", "torch-index-url": ""}
    run_action(environment, repository, last="Install labelaudit", **inputs)
    assert log.read_text(encoding="utf-8").splitlines() == ["-m pip install labelaudit==1.2.3", "-m pip freeze"]


def test_the_action_refers_to_what_there_is_and_keeps_inputs_out_of_scripts() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), "an expression in a script is an injection"
        assert ("uses" in step) != ("run" in step)
    cached = [step for step in ACTION["runs"]["steps"] if "actions/cache" in step.get("uses", "")]
    check = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "check")
    assert [step["with"]["path"] for step in cached] == [check["env"]["LABELAUDIT_CACHE"]] * 2  # restored, saved
    assert set(re.findall(r"steps\.([\w-]+)", text)) == {step["id"] for step in ACTION["runs"]["steps"] if "id" in step}


@pytest.mark.slow
def test_the_action_on_images_keeps_a_cache_and_names_the_files(tmp_path: Path, environment: dict[str, str]) -> None:
    from PIL import Image

    for label in ("a b", "c"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for i in range(10):
            shade = photo(i + 100 * (label == "c")) // 4 + 190 * (label == "c")  # classes that can be told apart
            Image.fromarray(shade.astype("uint8")).save(tmp_path / "images" / label / f"{i}.png")
    shutil.copy(tmp_path / "images" / "c" / "0.png", tmp_path / "images" / "a b" / "copy.png")
    (tmp_path / "labelaudit.toml").write_text("[scan]\ntrain = 'features'\n")
    options = "--effort quick"
    ended, outputs = run_action(environment, tmp_path, data="images", args=options)
    assert ended.returncode == 1, ended.stderr
    assert "title=labelaudit no-conflicts::1 image under two labels" in ended.stdout
    [sarif] = json.loads(Path(outputs["sarif-file"]).read_text(encoding="utf-8"))["runs"]
    places = [r["locations"][0]["physicalLocation"]["artifactLocation"] for r in sarif["results"]]
    assert {"uri": "images/a%20b/copy.png"} in places
    assert any((Path(environment["RUNNER_TEMP"]) / "labelaudit-cache").iterdir())
