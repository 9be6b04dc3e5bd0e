"""The folder that a RUN goes to: what may be replaced, and what is refused before the work."""

from __future__ import annotations

from pathlib import Path

import pytest
from audits import make_audit

from labelaudit import read_audit
from labelaudit.audit import run
from labelaudit.errors import OptionError, RunError

NAMES = {"suspects.csv", "samples.csv", "summary.json", "audit.json", "evidence.npz"}


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_folder_of_other_files_is_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.tex").write_text("mine", encoding="utf-8")
    for refuse in (lambda: run.check_output(folder), lambda: run.write(make_audit(), folder)):
        with pytest.raises(RunError, match="holds files that are not a labelaudit RUN"):
            refuse()
    assert entries(folder) == {"chapter.tex"}


def test_an_empty_folder_and_a_damaged_run_may_be_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".gitkeep").touch()
    run.check_output(folder)
    run.write(make_audit(), folder)
    (folder / "audit.json").write_text("{", encoding="utf-8")
    run.check_output(folder)
    run.write(make_audit(), folder)
    assert entries(folder) == {*NAMES, ".gitkeep"}
    assert read_audit(folder).seed == 3


def test_output_inside_the_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "images"
    data.mkdir()
    (tmp_path / "link").symlink_to(data)
    monkeypatch.chdir(data)
    for output in (data, data / "run", tmp_path / "link" / "run", Path("labelaudit-run")):
        with pytest.raises(OptionError, match=r"(is|lies inside) the data"):
            run.check_output(output, data)
    run.check_output(tmp_path / "run", data)
    run.check_output(tmp_path / "images-run", data)
    run.check_output(tmp_path / "run", tmp_path / "labels.csv")
    assert entries(tmp_path) == {"images", "link"}


def test_output_that_holds_the_data_is_refused(tmp_path: Path) -> None:
    run.write(make_audit(), tmp_path / "run")
    (tmp_path / "run" / "images").mkdir()
    with pytest.raises(OptionError, match="holds the data"):
        run.check_output(tmp_path / "run", tmp_path / "run" / "images")


def test_output_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="is a file"):
        run.check_output(tmp_path / "file")
    for place in (tmp_path / "file" / "run", Path("/proc/labelaudit-run")):
        with pytest.raises(RunError, match=r"cannot write .*choose another folder with `output`"):
            run.check_output(place)
        with pytest.raises(RunError, match="cannot write"):
            run.write(make_audit(), place)
