"""When and how report.html is written: last, whole or not at all, again with verdicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from audits import IDS, make_audit
from report_pages import data_of, with_pictures

from labelaudit import read_audit
from labelaudit.audit import run
from labelaudit.audit.document import Audit
from labelaudit.cli import main
from labelaudit.errors import RunError
from labelaudit.reports import html
from labelaudit.verdicts import Verdict, append, verdicts_file


def write(audit: Audit, folder: Path, **how: Any) -> dict[str, Path]:
    """The files of a RUN with its page, as a scan makes them."""
    files = run.write(audit, folder)
    if html.add_report(replace(audit, files=files), folder, **how):
        files["report.html"] = folder / "report.html"
    return files


def write_run(folder: Path) -> Path:
    write(with_pictures(), folder)
    return folder


def test_scan_writes_it_last_and_reads_it_back(tmp_path: Path) -> None:
    files = write(with_pictures(), tmp_path / "run")
    assert list(files)[-1] == "report.html"
    assert files == read_audit(tmp_path / "run").files
    assert not list(tmp_path.glob(".*"))
    assert len(data_of(files["report.html"].read_text("utf-8"))["pictures"]) == 2  # type: ignore[arg-type]


def test_a_report_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.html"
    html.place("old", file)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match=r"cannot write .*report\.html \(No space left on device\)"):
        html.place("new", file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_an_old_report_does_not_outlive_its_audit(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "run" / "report.md").write_text("old")
    (tmp_path / "run" / "mine.txt").write_text("kept")
    assert "report.html" not in run.write(make_audit(), tmp_path / "run")
    assert not list((tmp_path / "run").glob("report.*"))
    assert (tmp_path / "run" / "mine.txt").exists()


def test_a_report_that_fails_costs_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(html, "render", explode)
    heard: list[str] = []
    files = write(make_audit(), tmp_path / "run", notice=heard.append)
    assert "report.html" not in files
    assert read_audit(tmp_path / "run").table() == make_audit().table()
    assert len(heard) == 1
    assert "no room" in heard[0]


def test_damaged_verdicts_are_left_out_and_said(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    verdicts_file(tmp_path / "run").write_text("not,a,verdict\n1,2,3\n")
    heard: list[str] = []
    assert "report.html" in write(with_pictures(), tmp_path / "run", notice=heard.append)
    assert len(heard) == 1
    assert "verdicts" in heard[0]


def test_an_interrupt_leaves_a_whole_run(tmp_path: Path) -> None:
    def interrupt(stage: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(with_pictures(), tmp_path / "run", progress=interrupt)
    assert read_audit(tmp_path / "run").table() == make_audit().table()
    assert not list((tmp_path / "run").glob("*report*"))


def call(arguments: list[object], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["labelaudit", "report", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_makes_it_again_with_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = write_run(tmp_path / "run")
    (place / "report.html").unlink()
    digest, label = make_audit().identity(1)
    append(verdicts_file(place), Verdict(path=IDS[1], digest=digest, given_label=label, verdict="none"))
    assert call([place, "--most", 1], monkeypatch) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "report.html" in err
    assert "1 suspect, the other 1 are in suspects.csv" in err
    text = (place / "report.html").read_text("utf-8")
    assert data_of(text)["said"] == {"0": "confirmed wrong: no class fits"}
    assert "People judged 1 of 2 suspects: 1 confirmed wrong, 0 cleared, 1 open." in text


def test_the_command_writes_to_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    place = write_run(tmp_path / "run")
    assert call([place, "-o", "-", "-q"], monkeypatch) == 0
    out, err = capsysbinary.readouterr()
    assert out.strip().startswith(b"<!doctype html>")
    assert err == b""


def test_images_that_moved_are_named_or_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"source": {"data": str(tmp_path / "gone"), "labels": None, "path_column": None, "label_column": None}}
    run.write(make_audit(settings=settings), tmp_path / "run")
    assert call([tmp_path / "run"], monkeypatch) == 0
    assert "2 without a picture: the images of the scan cannot be opened" in capsys.readouterr().err
    assert call([tmp_path / "run"], monkeypatch) == 0  # an earlier page that has none either is no loss
    assert "2 without a picture" in capsys.readouterr().err
    page = tmp_path / "run" / "report.html"
    page.write_text("with pictures")
    assert call([tmp_path / "run", "-q"], monkeypatch) == 2
    assert f"{page} is kept as it is: name another file with -o" in capsys.readouterr().err
    assert page.read_text() == "with pictures"
    page.unlink()
    page.mkdir()
    assert call([tmp_path / "run", "-q"], monkeypatch) == 2
    page.rmdir()
    assert call([tmp_path / "run", "-o", tmp_path / "other.html"], monkeypatch) == 0
    capsys.readouterr()
    assert call([tmp_path / "run", "--data", tmp_path / "elsewhere"], monkeypatch) == 2
    assert "elsewhere" in capsys.readouterr().err


def test_no_other_file_of_the_run_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = write_run(tmp_path / "run")
    digest, label = make_audit().identity(1)
    append(verdicts_file(place), Verdict(path=IDS[1], digest=digest, given_label=label, verdict="none"))
    before = verdicts_file(place).read_bytes()
    assert call([place, "-o", verdicts_file(place), "--format", "html"], monkeypatch) == 2
    assert "would overwrite verdicts.csv of the RUN: name another file" in capsys.readouterr().err
    assert verdicts_file(place).read_bytes() == before
    assert call([place, "-o", place / "plan.json", "--format", "html"], monkeypatch) == 2  # there is none yet
    assert "lies inside the RUN" in capsys.readouterr().err
    assert call([place, "-o", place / "again.html", "-q"], monkeypatch) == 0


def test_what_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = write_run(tmp_path / "run")
    for arguments in ([tmp_path], [place, "-o", place], [place, "-o", tmp_path / "no" / "such.html"]):
        assert call(arguments, monkeypatch) == 2
        assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(RunError, match="choose another file"):
        html.write(replace(make_audit()), tmp_path / "no" / "such.html")


@pytest.mark.parametrize("more", [[], ["--no-html"]])
def test_scan_makes_one_unless_told_otherwise(more: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: dict[str, object] = {}

    def scan(*_: object, **options: object) -> Audit:
        asked.update(options)
        return make_audit()

    monkeypatch.setattr("labelaudit.scanning.scan.scan", scan)
    monkeypatch.setattr("sys.argv", ["labelaudit", "scan", str(tmp_path), "-q", *more])
    with pytest.raises(SystemExit):
        main()
    assert asked["html"] is (not more)
