"""`labelaudit check --files`: only the files of a list."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from audits import IDS, make_audit
from gates import call, git, install_current, save_png

from labelaudit.audit.document import Audit

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_listed_files_that_the_run_knows_are_judged_as_they_were(monkeypatch: pytest.MonkeyPatch, pets: Audit) -> None:
    calls = install_current(monkeypatch, make_audit())
    ended = call(
        "check",
        "RUN",
        "--max-suspects",
        0,
        "--files",
        "-",
        "--format",
        "json",
        input=b"pets/cat/b.png\0pets/cat/a.png\0README.md\0",
    )
    assert (ended.code, calls) == (1, [])
    said = json.loads(ended.out)
    assert said["dataset"]["scope"] == "2 listed files"
    assert [suspect["path"] for suspect in said["suspects"]] == ["cat/b.png"]
    assert "Listed files that are not images of the dataset: 1 of 3." in said["notes"]
    assert call("check", "RUN", "--max-suspects", 0, "--files", "-", input="pets/cat/a.png\n\n").code == 0


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ("", "the list is empty"),
        ("\n \n", "the list is empty"),
        ("README.md\n", "none of the listed files, such as 'README.md', is an image of"),
        ("cat/b.png\ncat/a.png\n", "none of the listed files, such as 'cat/b.png'"),  # relative to the data instead
        ("pets/cat/typo.png", "relative to the working folder"),
    ],
)
def test_a_list_with_nothing_of_the_dataset_is_no_pass(
    monkeypatch: pytest.MonkeyPatch, pets: Audit, listed: str, words: str
) -> None:
    install_current(monkeypatch, pets)
    ended = call("check", "RUN", "--files", "-", "--exit-zero", input=listed)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def test_the_images_of_a_run_may_have_moved(pets: Audit, tmp_path: Path) -> None:
    (tmp_path / "pets").rename(tmp_path / "moved")
    line = ("check", "RUN", "--files", "-", "--max-suspects", 0)
    ended = call(*line, input="moved/cat/b.png")
    assert ended.code == 2
    assert "--data" in ended.err
    assert call(*line, "--data", "moved", input="moved/cat/b.png").code == 1


def test_names_as_git_quotes_them(monkeypatch: pytest.MonkeyPatch, repository: Audit) -> None:
    git("-c", "core.quotepath=true", "mv", "pets/cat/b.png", "pets/cat/\u00e9\t\".png")  # fmt: skip
    ids = ("cat/a.png", "cat/\u00e9\t\".png", *IDS[2:])  # fmt: skip
    install_current(monkeypatch, replace(repository, samples=replace(repository.samples, ids=ids)))
    line = ("check", "pets", "--no-cache", "--max-suspects", 0, "--files", "-")
    ended = call(*line, input=b'pets/cat/a.png\n"pets/cat/\\303\\251\\t\\".png"\n')
    assert (ended.code, "2 listed files:" in ended.out) == (1, True)


@pytest.mark.parametrize(
    "listed",
    [
        b"\xef\xbb\xbfpets/cat/b.png\npets/cat/a.png\n",  # a byte order mark
        b"\xef\xbb\xbfpets/cat/b.png\0pets/cat/a.png\0",
        b"pets/cat/b.png\r\npets/cat/a.png\r\n",
        b"pets/cat\n",  # a folder
    ],
)
def test_lists_as_programs_write_them(monkeypatch: pytest.MonkeyPatch, pets: Audit, listed: bytes) -> None:
    install_current(monkeypatch, pets)
    assert call("check", "RUN", "--max-suspects", 0, "--files", "-", input=listed).code == 1


@pytest.mark.parametrize("mark", ["\u2028", "\u0085", "\x0c"])
def test_only_line_ends_end_a_line(monkeypatch: pytest.MonkeyPatch, pets: Audit, tmp_path: Path, mark: str) -> None:
    name = f"cat/x{mark}y.png"
    save_png(tmp_path / "pets" / name, 9)
    install_current(monkeypatch, replace(pets, samples=replace(pets.samples, ids=("cat/a.png", name, *IDS[2:]))))
    ended = call("check", "pets", "--no-cache", "--max-suspects", 0, "--files", "-", input=f"pets/{name}\n".encode())
    assert ended.code == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pets/cat/typo.png", "'pets/cat/typo.png' does not exist"),
        ("pets/cat/typo", "'pets/cat/typo' does not exist"),
        ("cat/b.png", "'cat/b.png' does not exist"),  # relative to the data
        ("pets/cat/new.heic", "'pets/cat/new.heic' lies in the dataset and is none of its images"),
    ],
)
def test_a_listed_file_that_should_be_an_image_is_never_passed_over(
    monkeypatch: pytest.MonkeyPatch, pets: Audit, tmp_path: Path, name: str, words: str
) -> None:
    install_current(monkeypatch, pets)
    (tmp_path / "pets/cat/new.heic").write_bytes(b"x")
    for command in ("check RUN", "check pets --no-cache"):
        ended = call(*command.split(), "--exit-zero", "--files", "-", input=f"pets/cat/a.png\n{name}\n")
        assert (ended.code, ended.out) == (2, "")
        assert words in ended.err


def test_listed_images_elsewhere_are_named(monkeypatch: pytest.MonkeyPatch, pets: Audit, tmp_path: Path) -> None:
    install_current(monkeypatch, pets)
    save_png(tmp_path / "docs/logo.png", 3)
    ended = call("check", "RUN", "--files", "-", input="pets/cat/a.png\ndocs/logo.png\n")
    assert (ended.code, "not images of the dataset: 1 of 2." in ended.out) == (0, True)
