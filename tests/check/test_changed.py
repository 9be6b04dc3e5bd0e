"""`labelaudit check --changed-since`: only what Git says has changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from audits import IDS
from gates import call, commit, git, install_current, save_png

from labelaudit.audit.document import Audit
from labelaudit.types import Finding

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_nothing_changed_is_a_pass_that_says_so(repository: Audit, tmp_path: Path) -> None:
    (tmp_path / "pets/notes.txt").write_text("no image")
    ended = call("check", "RUN", "--changed-since", "main", "--max-suspects", 0, "--format", "json")
    notes = json.loads(ended.out)["notes"]
    assert ended.code == 0
    assert f"No image of {tmp_path / 'pets'} has changed since 'main': there is nothing to judge." in notes
    assert "Changed files that are not images of the dataset: 1 of 1." in notes
    assert json.loads(ended.out)["dataset"]["judged"] == 0
    ended = call("check", "RUN", "--changed-since", "main", "--max-suspects", 0)
    assert ended.out.splitlines()[-1] == "PASSED: nothing judged"


def test_an_image_that_was_copied_under_another_label_is_a_conflict(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    content = (tmp_path / "pets/cat/a.png").read_bytes()
    (tmp_path / "pets/dog/copy.png").write_bytes(content)
    finding = Finding(kind="conflict", path="cat/a.png", detail="the same bytes", partner="dog/copy.png")
    install_current(monkeypatch, replace(repository, findings=(finding,)))
    ended = call("check", "RUN", "--changed-since", "main", "--format", "json")
    said = json.loads(ended.out)
    assert (ended.code, said["dataset"]["scope"]) == (1, "1 changed file")
    assert [(found["kind"], found["partner"]) for found in said["findings"]] == [("conflict", "dog/copy.png")]


def test_changed_files_are_judged_anew(monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path) -> None:
    ids = ("cat/new.png", "cat/b2.png", "cat/a.png", *IDS[3:])
    fresh = replace(repository, samples=replace(repository.samples, ids=ids, root="elsewhere"))
    calls = install_current(monkeypatch, fresh)
    assert call("check", "RUN", "--changed-since", "main", "--max-suspects", 0).code == 0
    assert calls == []
    save_png(tmp_path / "pets/cat/new.png", 77)
    git("mv", "pets/cat/b.png", "pets/cat/b2.png")
    git("rm", "-q", "pets/cat/c.png")
    ended = call("check", "RUN", "--changed-since", "main", "--format", "json")
    said = json.loads(ended.out)
    assert said["dataset"]["scope"] == "2 changed files"
    assert said["dataset"]["root"] == "pets"
    assert "Deleted files that nothing names any more: 2." in said["notes"]
    (update,) = calls
    assert update["rest"][1].data == tmp_path / "pets"


def test_changes_on_the_other_branch_do_not_count(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    git("checkout", "-q", "-b", "mine")
    git("checkout", "-q", "main")
    save_png(tmp_path / "pets/cat/theirs.png", 78)
    commit()
    git("checkout", "-q", "mine")
    calls = install_current(monkeypatch, repository)
    ended = call("check", "RUN", "--changed-since", "main", "--format", "json")
    assert json.loads(ended.out)["dataset"]["scope"] == "0 changed files"
    assert calls == []


def test_a_change_of_the_labels_is_about_everything(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    calls = install_current(monkeypatch, repository)
    (tmp_path / "pets/metadata.csv").write_text("file_name,label\ncat/a.png,cat\n")
    ended = call("check", "RUN", "--changed-since", "main", "--format", "json", "-v")
    assert json.loads(ended.out)["dataset"]["scope"] == ""
    assert "Labels are among the changed files" in ended.err
    assert len(calls) == 1


def test_a_change_of_the_labels_beside_the_images(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/all.csv").write_text("file,label\ncat/a.png,cat\n")
    (tmp_path / "labels/notes.txt").write_text("about something else")
    calls = install_current(monkeypatch, repository)
    line = ("check", "pets", "--labels", "labels/all.csv", "--changed-since", "main", "--format", "json", "--no-cache")
    assert json.loads(call(*line).out)["dataset"]["scope"] == ""
    git("add", "labels/all.csv")
    git("commit", "-q", "-m", "labels")
    assert json.loads(call(*line).out)["dataset"]["scope"] == "0 changed files"
    assert len(calls) == 2


def test_images_that_git_ignores_are_no_pass(repository: Audit, tmp_path: Path) -> None:
    git("rm", "-q", "-r", "--cached", "pets")
    (tmp_path / ".gitignore").write_text("/pets\n")
    ended = call("check", "RUN", "--changed-since", "main")
    assert ended.code == 2
    assert "Git ignores" in ended.err


def test_inside_a_hook_of_git(repository: Audit) -> None:
    ended = call("check", "RUN", "--changed-since", "main", env={"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"})
    assert "0 changed files" in ended.out


def test_git_says_why_it_cannot(repository: Audit) -> None:
    ended = call("check", "RUN", "--changed-since", "no-such-branch")
    assert ended.code == 2
    assert "Git knows no commit 'no-such-branch' here; fetch it" in ended.err
    assert "depth" not in ended.err  # it is not a shallow clone
    blob = call("check", "RUN", "--changed-since", "main:pets/cat/a.png")
    assert (blob.code, "Git knows no commit" in blob.err) == (2, True)


def test_a_branch_with_a_history_of_its_own(repository: Audit) -> None:
    git("checkout", "-q", "--orphan", "other")
    ended = call("check", "RUN", "--changed-since", "main")
    assert ended.code == 2
    assert "has no commit yet" in ended.err
    git("commit", "-q", "-m", "another beginning")
    ended = call("check", "RUN", "--changed-since", "main")
    assert ended.code == 2
    assert "'main' and HEAD have no commit in common; name a commit of this branch" in ended.err


def test_a_clone_without_history_says_how_to_get_it(repository: Audit, tmp_path: Path) -> None:
    git("commit", "-q", "--allow-empty", "-m", "second")
    git("clone", "-q", "--depth", "1", f"file://{tmp_path}", str(tmp_path / "clone"))
    ended = call("check", "RUN", "--data", "clone/pets", "--changed-since", "HEAD~1")
    assert ended.code == 2
    assert "Git knows no commit 'HEAD~1' here; this clone has only the latest commits" in ended.err
    assert "fetch-depth: 0" in ended.err


def test_data_in_no_repository(pets: Audit) -> None:
    ended = call("check", "RUN", "--changed-since", "main")
    assert ended.code == 2
    assert "not a git repository" in ended.err


def test_branches_that_parted_twice(repository: Audit) -> None:
    git("checkout", "-q", "-b", "mine")
    git("commit", "-q", "--allow-empty", "-m", "a")
    git("checkout", "-q", "main")
    git("commit", "-q", "--allow-empty", "-m", "b")
    git("branch", "before")
    git("merge", "-q", "-m", "c", "mine")
    git("checkout", "-q", "mine")
    git("merge", "-q", "-m", "d", "before")  # a criss-cross: two best common ancestors
    assert call("check", "RUN", "--changed-since", "main", "--allow-conflicts").code == 0


# what Git does not see by itself


RULE = ("--max-suspects", 0)
ON_DATA = ("check", "pets", "--no-cache", "--changed-since", "main")


def renamed(audit: Audit, name: str) -> Audit:
    """What a new scan would give, were the suspect ``cat/b.png`` called ``name``."""
    return replace(audit, samples=replace(audit.samples, ids=("cat/a.png", name, *IDS[2:])))


@pytest.mark.parametrize(("where", "lines"), [("pets", "/cat\n/dog\n"), (".", "*.png\n")])
@pytest.mark.parametrize("command", [ON_DATA, ("check", "RUN", "--changed-since", "main")])
def test_images_ignored_below_the_data_are_no_pass(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path, where: str, lines: str, command: tuple[str, ...]
) -> None:
    calls = install_current(monkeypatch, renamed(repository, "cat/new.png"))
    save_png(tmp_path / "pets/cat/new.png", 99)
    (tmp_path / where / ".gitignore").write_text(lines)
    ended = call(*command, *RULE)
    assert (ended.code, ended.out, calls) == (2, "", [])
    assert "Git ignores 'pets/cat/new.png'" in ended.err
    assert "leave out --changed-since" in ended.err


@pytest.mark.parametrize("line", ["check data.npz", "check labels.csv", "check pets --labels labels.csv"])
def test_a_dataset_or_table_that_git_ignores_is_no_pass(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path, line: str
) -> None:
    install_current(monkeypatch, repository)
    (tmp_path / "data.npz").write_bytes(b"")
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(f"pets/{name},cat\n" for name in IDS))
    (tmp_path / ".gitignore").write_text("data.npz\nlabels.csv\n")
    ended = call(*line.split(), "--no-cache", "--changed-since", "main")
    assert ended.code == 2
    assert f"Git ignores '{'data.npz' if 'npz' in line else 'labels.csv'}'" in ended.err


def test_shards_that_git_ignores_or_that_changed(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "rows").mkdir()
    table = pa.table({"image": [{"bytes": b"x", "path": name} for name in IDS], "label": ["cat"] * 6})
    pq.write_table(table, tmp_path / "rows/train.parquet")
    install_current(monkeypatch, repository)
    line = ("check", "rows", "--no-cache", "--changed-since", "main", "--format", "json", *RULE)
    ended = call(*line)
    assert (ended.code, json.loads(ended.out)["dataset"]["scope"]) == (1, "")
    (tmp_path / ".gitignore").write_text("*.parquet\n")
    assert "Git ignores 'rows/train.parquet'" in call(*line).err


def test_a_deleted_image_that_the_table_still_names(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(f"{name},cat\n" for name in IDS))
    git("add", "labels.csv")
    git("commit", "-q", "-m", "table")
    (tmp_path / "pets/cat/a.png").unlink()
    missing = Finding(kind="missing", path="cat/a.png", detail="the table names it")
    calls = install_current(monkeypatch, replace(repository, findings=(missing,)))
    for line in ((*ON_DATA, "--labels", "labels.csv"), ("check", "RUN", "--changed-since", "main")):
        ended = call(*line)
        assert ended.code == 1
        assert "FAILED: 1 of 3 rules broken: no-unreadable" in ended.out
    assert len(calls) == 2


def test_a_run_that_was_made_after_the_deletion_is_current(
    monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path
) -> None:
    save_png(tmp_path / "pets/cat/gone.png", 50)
    commit()
    git("branch", "before")
    git("rm", "-q", "pets/cat/gone.png")
    calls = install_current(monkeypatch, repository)
    ended = call("check", "RUN", "--changed-since", "before")
    assert (ended.code, calls) == (0, [])
    assert "Deleted files that nothing names any more: 1." in ended.out


def test_images_in_a_nested_repository(monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path) -> None:
    install_current(monkeypatch, renamed(repository, "cat/sub/new.png"))
    save_png(tmp_path / "pets/cat/sub/new.png", 99)
    git("-C", "pets/cat/sub", "init", "-q")
    assert call(*ON_DATA, *RULE).code == 1  # Git lists the folder
    git("-C", "pets/cat/sub", "add", ".")
    git("-C", "pets/cat/sub", "commit", "-q", "-m", "inner")
    git("branch", "before")
    commit()
    ended = call("check", "pets", "--no-cache", "--changed-since", "before", *RULE)
    assert ended.code == 1  # Git lists the commit of the inner repository
    assert "1 changed file:" in ended.out
    ended = call("check", "pets", "--no-cache", "--changed-since", "HEAD", *RULE)
    assert ended.code == 2  # no .gitmodules: Git does not look inside
    assert "'pets/cat/sub/new.png', or it lies in another repository" in ended.err


def test_images_in_a_submodule(monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path) -> None:
    save_png(tmp_path / "inner/new.png", 99)
    git("init", "-q", "inner")
    git("-C", "inner", "add", ".")
    git("-C", "inner", "commit", "-q", "-m", "inner")
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"{tmp_path}/inner", "pets/cat/sub")
    git("commit", "-q", "-m", "submodule")
    install_current(monkeypatch, renamed(repository, "cat/sub/new.png"))
    assert "0 changed files" in call(*ON_DATA, *RULE).out
    save_png(tmp_path / "pets/cat/sub/new.png", 100)
    assert call(*ON_DATA, *RULE).code == 1
    git("-C", "pets/cat/sub", "checkout", "-q", ".")
    (tmp_path / "pets/cat/sub/.gitignore").write_text("/*\n")
    save_png(tmp_path / "pets/cat/sub/hidden.png", 101)
    assert "Git ignores 'pets/cat/sub/hidden.png'" in call(*ON_DATA, *RULE).err


def test_links_into_a_store(monkeypatch: pytest.MonkeyPatch, repository: Audit, tmp_path: Path) -> None:
    save_png(tmp_path / "store/1.png", 99)
    save_png(tmp_path / "folders/owls/2.png", 98)
    (tmp_path / "pets/cat/linked.png").symlink_to("../../store/1.png")
    (tmp_path / "pets/more").symlink_to("../folders/owls")
    git("add", "store", "folders")
    commit()
    install_current(monkeypatch, renamed(repository, "cat/linked.png"))
    assert "0 changed files" in call(*ON_DATA, *RULE).out
    save_png(tmp_path / "store/1.png", 100)
    ended = call(*ON_DATA, *RULE)
    assert (ended.code, "1 changed file:" in ended.out) == (1, True)
    install_current(monkeypatch, renamed(repository, "more/2.png"))
    save_png(tmp_path / "folders/owls/2.png", 100)
    ended = call(*ON_DATA, *RULE)
    assert (ended.code, "1 changed file:" in ended.out) == (1, True)


def test_links_that_leave_the_repository(monkeypatch: pytest.MonkeyPatch, pets: Audit, tmp_path: Path) -> None:
    save_png(tmp_path / "far/1.png", 99)
    (tmp_path / "pets/cat/linked.png").symlink_to(tmp_path / "far/1.png")
    git("init", "-q", "pets")
    git("-C", "pets", "add", ".")
    git("-C", "pets", "commit", "-q", "-m", "images")
    install_current(monkeypatch, pets)
    ended = call(*ON_DATA)
    assert ended.code == 2
    assert "Git ignores 'far/1.png', or it lies in another repository" in ended.err
