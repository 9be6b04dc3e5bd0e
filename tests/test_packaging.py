"""What CI systems are given, tried on a sample repository: hook, action, GitLab template and container recipe.

Nothing is installed or fetched here: steps run as their system would run them, with `python -m pip` recorded instead.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from audits import make_audit, make_samples
from pictures import photo

from labelaudit.audit import run
from labelaudit.check.settings import SETTINGS
from labelaudit.data.images import SUFFIXES
from labelaudit.data.readers.arrays import ARRAY_SUFFIXES
from labelaudit.data.table import TABLE_SUFFIXES

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
GITLAB = yaml.safe_load((ROOT / "templates" / "gitlab.yml").read_text(encoding="utf-8"))["labelaudit"]
DOCKERFILE = (ROOT / "templates" / "Dockerfile").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BASELINE = ".labelaudit-baseline.json"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the recipes are for POSIX shells")


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`labelaudit` and `python` as the systems find them; pip is not run but written down."""
    folder = tmp_path_factory.mktemp("bin")
    python = shlex.quote(sys.executable)
    scripts = {
        "labelaudit": f'exec {python} -m labelaudit "$@"',
        "python": f'if [ "$1 $2" = "-m pip" ]; then echo "$*" >> "$PIP_LOG"; else exec {python} "$@"; fi',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def environment(bin_folder: Path, tmp_path: Path) -> dict[str, str]:
    """What a build machine sets, and nothing of ours."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LABELAUDIT_", "GITHUB_", "GIT_"))
    }
    temporary = tmp_path / "runner"
    temporary.mkdir()
    return {
        **kept,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PIP_LOG": str(temporary / "pip.log"),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(temporary / "output"),
        "GITHUB_STEP_SUMMARY": str(temporary / "summary.md"),
        "HOME": str(temporary),
        "PRE_COMMIT_HOME": str(temporary / "pre-commit"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str]) -> Path:
    """A repository with a dataset that is already audited: the folder `images` is a RUN, so that no test scans."""
    place = tmp_path / "repository"
    place.mkdir()
    audit = make_audit(samples=make_samples(root="pets"), findings=())
    run.write(audit, place / "images")
    (place / "labelaudit.toml").write_text("max-suspects = 0\n", encoding="utf-8")
    (place / "picture.png").write_bytes(b"no picture")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all"],
    ):
        subprocess.run(["git", *command], cwd=place, env=environment, check=True)
    return place


def write_baseline(repository: Path, environment: Mapping[str, str]) -> None:
    command = ["labelaudit", "check", "images", "--write-baseline", BASELINE]
    subprocess.run(command, cwd=repository, env=environment, check=True, capture_output=True)


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
        ({"data": "nowhere"}, "'nowhere' does not exist"),
        ({"data": "images", "args": "--max-noise 'unclosed"}, "No closing quotation"),
        ({"data": "images", "baseline": "gone.json"}, "gone.json"),
        ({"data": "images", "args": "$(touch owned) `touch owned` ; touch owned"}, ""),
    ],
)
def test_the_action_that_cannot_run_is_no_pass(
    repository: Path, environment: dict[str, str], inputs: dict[str, str], said: str
) -> None:
    ended, outputs = run_action(environment, repository, **inputs)
    assert ended.returncode not in (0, 130)
    assert outputs.get("exit-code", "2") == "2"
    assert "sarif-file" not in outputs
    assert said in ended.stderr
    assert not (repository / "owned").exists(), "inputs are data, never shell"


def test_the_action_installs_itself_or_a_version(repository: Path, environment: dict[str, str]) -> None:
    log = Path(environment["PIP_LOG"])
    run_action(environment, repository, last="Install labelaudit", data="images")
    assert log.read_text(encoding="utf-8").splitlines() == [
        "-m pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu",
        f"-m pip install {ROOT}",
    ]
    log.unlink()
    inputs = {"data": "images", "version": "1.2.3", "torch-index-url": ""}
    run_action(environment, repository, last="Install labelaudit", **inputs)
    assert log.read_text(encoding="utf-8").splitlines() == ["-m pip install labelaudit==1.2.3"]


def test_the_action_refers_to_what_there_is_and_keeps_inputs_out_of_scripts() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(ACTION["inputs"])
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), "an expression in a script is an injection"
        assert ("uses" in step) != ("run" in step)
    cached = [step for step in ACTION["runs"]["steps"] if "actions/cache" in step.get("uses", "")]
    check = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "check")
    assert [step["with"]["path"] for step in cached] == [check["env"]["LABELAUDIT_CACHE"]]


@pytest.mark.slow
def test_the_action_on_images_keeps_a_cache_and_names_the_files(tmp_path: Path, environment: dict[str, str]) -> None:
    from PIL import Image

    for label in ("a b", "c"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for i in range(10):
            shade = photo(i + 100 * (label == "c")) // 4 + 190 * (label == "c")  # classes that can be told apart
            Image.fromarray(shade.astype("uint8")).save(tmp_path / "images" / label / f"{i}.png")
    shutil.copy(tmp_path / "images" / "c" / "0.png", tmp_path / "images" / "a b" / "copy.png")
    (tmp_path / "labelaudit.toml").write_text("[scan]\nmethods = ['sln']\ntrain = 'features'\n")
    options = "--effort quick"
    ended, outputs = run_action(environment, tmp_path, data="images", args=options)
    assert ended.returncode == 1, ended.stderr
    assert "title=labelaudit no-conflicts::1 image under two labels" in ended.stdout
    [sarif] = json.loads(Path(outputs["sarif-file"]).read_text(encoding="utf-8"))["runs"]
    places = [r["locations"][0]["physicalLocation"]["artifactLocation"] for r in sarif["results"]]
    assert {"uri": "images/a%20b/copy.png"} in places
    assert any((Path(environment["RUNNER_TEMP"]) / "labelaudit-cache").iterdir())


def pre_commit(repository: Path, environment: Mapping[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    """Run our hook as pre-commit does, but with the labelaudit that is installed: no environment is built."""
    hook = {**HOOK, "language": "system", "args": list(args)}
    config = {"repos": [{"repo": "local", "hooks": [hook]}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    subprocess.run(["git", "add", "."], cwd=repository, env=dict(environment), check=True)
    command = [sys.executable, "-m", "pre_commit", "run", "--color", "never"]
    return subprocess.run(command, cwd=repository, env=dict(environment), capture_output=True, text=True)


def test_the_hook_fails_the_commit_of_an_image_and_passes_with_a_baseline(
    repository: Path, environment: dict[str, str]
) -> None:
    (repository / "new.JPG").write_bytes(b"an image")
    failed = pre_commit(repository, environment, "images")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "- exit code: 1" in failed.stdout
    assert "FAILED: 1 of 4 rules broken: max-suspects" in failed.stdout
    write_baseline(repository, environment)
    passed = pre_commit(repository, environment, "images", "--baseline", BASELINE)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert re.search(r"labelaudit check\.+Passed", passed.stdout)


def test_the_hook_leaves_other_commits_alone(repository: Path, environment: dict[str, str]) -> None:
    (repository / "notes.md").write_text("words", encoding="utf-8")
    skipped = pre_commit(repository, environment, "images")
    assert skipped.returncode == 0
    assert "(no files to check)Skipped" in skipped.stdout


def test_the_hook_is_valid_and_knows_every_kind_of_input() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert shlex.split(HOOK["entry"]) == ["labelaudit", "check"]
    assert HOOK["language"] == "python"
    for suffix in (*SUFFIXES, *TABLE_SUFFIXES, *ARRAY_SUFFIXES, ".parquet"):
        assert re.search(HOOK["files"], f"folder/name{suffix}"), suffix
        assert re.search(HOOK["files"], f"folder/name{suffix.upper()}"), suffix
    for name in ("labelaudit.toml", BASELINE):
        assert re.search(HOOK["files"], name)
    assert not re.search(HOOK["files"], "train.py")


@pytest.mark.parametrize("with_baseline", [False, True])
def test_the_gitlab_job(repository: Path, environment: dict[str, str], with_baseline: bool) -> None:
    variables = {**GITLAB["variables"], "CI_PROJECT_DIR": str(repository)}
    variables["LABELAUDIT_CACHE"] = variables["LABELAUDIT_CACHE"].replace("$CI_PROJECT_DIR", str(repository))
    if with_baseline:
        write_baseline(repository, environment)
        variables["LABELAUDIT_ARGS"] = f"--baseline {BASELINE}"
    script = "\n".join((*GITLAB["before_script"], *GITLAB["script"]))
    ended = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=repository,
        env={**environment, **variables},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == (0 if with_baseline else 1), ended.stderr
    assert ("PASSED" if with_baseline else "FAILED: 1 of 4 rules broken") in ended.stdout
    for artifact in GITLAB["artifacts"]["paths"]:
        assert (repository / artifact).is_file()
    junit = repository / GITLAB["artifacts"]["reports"]["junit"]
    assert ET.parse(junit).getroot().attrib["failures"] == ("0" if with_baseline else "1")
    log = Path(environment["PIP_LOG"]).read_text(encoding="utf-8").splitlines()
    assert log[-1] == "-m pip install labelaudit"
    assert GITLAB["cache"]["paths"] == [variables["LABELAUDIT_CACHE"].removeprefix(f"{repository}/") + "/"]


@pytest.mark.parametrize(("schema", "file"), [("github-actions", "action.yml"), ("gitlab-ci", "templates/gitlab.yml")])
def test_files_are_valid_by_the_schemas_of_their_systems(schema: str, file: str) -> None:
    check_schema(schema, ROOT / file)


def check_schema(schema: str, file: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout


def test_the_container_recipe_copies_what_there_is_and_starts_labelaudit(
    repository: Path, environment: dict[str, str]
) -> None:
    lines = [
        line.split(maxsplit=1)
        for line in DOCKERFILE.replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    recipe = [(word, rest) for word, rest in lines]
    for word, rest in recipe:
        if word == "COPY":
            assert all((ROOT / source).exists() for source in rest.split()[:-1]), rest
        if word == "RUN":
            assert subprocess.run(["bash", "-n", "-c", rest]).returncode == 0, rest
    said = dict(recipe)
    assert said["FROM"] == "python:3.12-slim"
    variables = dict(part.split("=", 1) for part in shlex.split(said["ENV"]))
    assert SETTINGS["cache"].variable in variables
    start = json.loads(said["ENTRYPOINT"])
    shown = subprocess.run([*start, *json.loads(said["CMD"])], env=environment, capture_output=True, text=True)
    assert "check" in shown.stdout
    documented = re.search(r"docker run .* labelaudit (check .*)", GUIDE)
    assert documented
    checked = subprocess.run([*start, *documented[1].split()], cwd=repository, env=environment, capture_output=True)
    assert checked.returncode == 1


def test_the_package_takes_along_what_the_recipes_need() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"labelaudit.audit" = ["schemas/*.json"]' in text
    built = re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE)
    assert set(" ".join(built).split()) >= {"pyproject.toml", "setup.py", "README.md", "LICENSE", "labelaudit", "cli"}


def test_the_guide_shows_what_works(tmp_path: Path, repository: Path, environment: dict[str, str]) -> None:
    workflow, gitlab, shared, local = [
        yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    ]
    (tmp_path / "workflow.yml").write_text(re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)[0], encoding="utf-8")
    check_schema("github-workflows", tmp_path / "workflow.yml")
    [_, step] = workflow["jobs"]["labels"]["steps"]
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert set(gitlab["variables"]) <= set(GITLAB["variables"])
    assert (ROOT / gitlab["include"][0]["file"]).is_file()
    assert shared["repos"][0]["hooks"][0]["id"] == HOOK["id"]
    write_baseline(repository, environment)
    commands: list[list[str]] = [
        [
            "labelaudit",
            "check",
            step["with"]["data"],
            "--baseline",
            step["with"]["baseline"],
            *step["with"]["args"].split(),
        ],
        ["labelaudit", "check", "images", *gitlab["variables"]["LABELAUDIT_ARGS"].split()],
        [*shlex.split(HOOK["entry"]), *shared["repos"][0]["hooks"][0]["args"]],
        shlex.split(local["repos"][0]["hooks"][0]["entry"]),
    ]
    commands += [shlex.split(line) for line in re.findall(r"^labelaudit check .*", GUIDE, re.MULTILINE)]
    for command in commands:
        ended = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
