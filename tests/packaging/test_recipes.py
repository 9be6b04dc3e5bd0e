"""What CI systems are given, tried on a sample repository: hook, action, GitLab template and container recipe.

Nothing is installed or fetched here: steps run as their system would run them, with `python -m pip` recorded instead.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from commands import call
from recipes import ACTION, BASELINE, ROOT, call_in, write_baseline

from labelaudit.check.settings import SETTINGS
from labelaudit.data.images import SUFFIXES
from labelaudit.data.readers.arrays import ARRAY_SUFFIXES
from labelaudit.data.table import TABLE_SUFFIXES

[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


GITLAB = yaml.safe_load((ROOT / "templates" / "gitlab.yml").read_text(encoding="utf-8"))["labelaudit"]


DOCKERFILE = (ROOT / "templates" / "Dockerfile").read_text(encoding="utf-8")


GUIDE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")


pytestmark = pytest.mark.skipif(os.name == "nt", reason="the recipes are for POSIX shells")


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
    assert start == ["labelaudit"]
    assert "check" in call(*json.loads(said["CMD"])).out
    documented = re.search(r"docker run .* labelaudit (check .*)", GUIDE)
    assert documented
    assert call_in(repository, environment, *documented[1].split()).code == 1


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
    for program, *rest in commands:
        assert program == "labelaudit"
        ended = call_in(repository, environment, *rest)
        assert ended.code == 0, (rest, ended.out, ended.err)
