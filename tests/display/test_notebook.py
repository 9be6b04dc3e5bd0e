"""From Python: the example notebook runs, an audit shows itself, a bar is where somebody looks and nowhere else."""

from __future__ import annotations

import json
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from audits import make_audit, make_samples
from pictures import Listed, jpeg, photo

import labelaudit
from labelaudit.display.audit import Audit
from labelaudit.display.bar import tell_left
from labelaudit.errors import OptionError

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names that the cells of the example leave behind."""
    names: dict[str, Any] = {}
    notebook = json.loads((DOCS / "example.ipynb").read_text(encoding="utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("notebook"))
        names["place"] = Path.cwd()
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
    return names


def test_the_cells_of_the_example_are_those_of_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    import make_notebook

    cells = json.loads((DOCS / "example.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == list(make_notebook.CELLS)
    assert all(
        cell["outputs"] for cell in cells if cell["cell_type"] == "code" and "np.savez" not in cell["source"][-1]
    )


def test_the_example_finds_what_was_changed(ran: dict[str, Any]) -> None:
    assert len(ran["found"] & set(ran["changed"].tolist())) >= 16
    assert len(ran["found"]) <= 30, "few right ones among them"
    assert (ran["place"] / "report.html").stat().st_size > 20_000


def test_a_page_to_judge_in_runs_beside_the_program(ran: dict[str, Any]) -> None:
    review = ran["again"].review(reviewer="ann")
    try:
        with urllib.request.urlopen(review.address) as page:
            assert b"labelaudit review" in page.read()
        assert review.address in review._repr_html_().replace("&amp;", "&")
    finally:
        review.stop()


def test_an_audit_shows_itself() -> None:
    images = Listed([jpeg(photo(seed)) for seed in range(6)])
    audit = Audit.of(make_audit(samples=make_samples(images=images)))
    shown = audit._repr_html_()
    assert "2 of 6 images (33.3%) are suspects" in shown
    assert shown.count("data:image/webp;base64,") == 2
    assert "97% likely wrong" in shown
    assert "Suspects by given (rows) and suggested label (columns)" in shown
    assert audit.frame().path.tolist() == ["cat/b.png", "dog/d.png"]
    assert "frame" in dir(audit)
    assert "blind_order" not in dir(audit)
    assert isinstance(replace(audit, notes=()), Audit)


def test_hostile_names_stay_names() -> None:
    evil = "<script>alert('x')</script>"
    audit = Audit.of(make_audit(samples=make_samples(classes=(evil, evil + "b", "c"), ids=(*"ab", evil, *"def"))))
    assert "<script" not in audit._repr_html_()


def test_what_needs_a_folder_says_so() -> None:
    audit = Audit.of(make_audit())
    for act in (audit.report, audit.review):
        with pytest.raises(OptionError, match="output="):
            act()


def test_a_program_hears_nothing_and_its_own_progress_everything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(*_: object, progress: Any, **options: object) -> Any:
        progress("embed", 1, 2)
        return make_audit()

    monkeypatch.setattr("labelaudit.scanning.scan.scan", work)
    heard: list[tuple[str, int, int | None]] = []
    labelaudit.scan("x", progress=lambda *told: heard.append(told))
    assert heard == [("embed", 1, 2)]
    assert isinstance(labelaudit.scan("x"), labelaudit.Audit)
    labelaudit.scan("x", progress=False)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    labelaudit.scan("x")
    capsys.readouterr()
    drawn: list[Any] = []

    def display(picture: Any, *, display_id: bool) -> SimpleNamespace:
        drawn.append(picture)
        return SimpleNamespace(update=drawn.append)

    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=str, display=display))
    monkeypatch.setattr(labelaudit.display.scan, "_in_notebook", lambda: True)
    labelaudit.scan("x")
    assert capsys.readouterr() == ("", ""), "the notebook draws it, and no extension is asked for"
    assert [bool(picture) for picture in drawn] == [True, True, False]
    assert "<progress" in drawn[1]


@pytest.mark.parametrize(
    ("seconds", "share", "told"), [(60, 0.5, "60 s"), (3600, 0.5, "60 min"), (36000, 0.5, "10.0 h")]
)
def test_what_is_left_is_told_in_round_numbers(seconds: float, share: float, told: str) -> None:
    assert tell_left(seconds, share) == f"about {told} left"


def test_paths_from_python_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "images").mkdir()
    with pytest.raises(labelaudit.DataError, match=f"no images in '{tmp_path}/images'"):
        labelaudit.scan("~/images", output="~/run")
    with pytest.raises(labelaudit.RunError, match=f"^{tmp_path}/run is not a RUN folder"):
        labelaudit.read_audit(Path("~/run"))


def test_a_path_at_home_is_one_of_this_folder_where_nobody_has_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", fail)
    with pytest.raises(labelaudit.RunError, match=r"^~/run is not a RUN folder"):
        labelaudit.read_audit("~/run")
