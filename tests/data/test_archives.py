"""Archives and shards are read in place, and say the same as the folder that they were made of."""

from __future__ import annotations

import errno
import io
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data.built import PIXEL, build, counts_of, labels_of

from labelaudit.data.sources import open_source
from labelaudit.errors import DataError

Pack = Callable[[Path, Mapping[str, bytes]], Path]
TREE = {"root/cat/1.png": PIXEL, "root/cat/2.png": PIXEL, "root/dog/1.png": PIXEL}


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_class_folders_in_an_archive(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"pets.{ending}"
    if ending == "zip":
        zipped(path, {**TREE, "__MACOSX/root/x.png": b"", "root/.hidden/1.png": b""})
    else:
        mode = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(ending.rsplit(".", maxsplit=1)[-1], "w")
        tarred(path, {f"./{name}": data for name, data in TREE.items()}, mode)
    listing = open_source(path)
    assert counts_of(listing) == {"cat": 2, "dog": 1}
    assert listing.images is not None
    assert listing.images.encoded(1) == PIXEL
    build(tmp_path / "same", dict(TREE))
    assert labels_of(open_source(tmp_path / "same")) == labels_of(listing)


def test_a_link_in_a_tar_is_the_file_that_it_leads_to(tmp_path: Path) -> None:
    folder = build(tmp_path / "root", {"cat/1.png": PIXEL, "dog/1.png": PIXEL})
    (folder / "cat" / "2.png").hardlink_to(folder / "dog" / "1.png")
    for name, target in {"cat/3.png": "2.png", "dog/2.png": "../cat/1.png", "dog/3.png": "3.png"}.items():
        (folder / name).symlink_to(target)
    (folder / "dog" / "4.png").symlink_to("/etc/hostname")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(folder, "root")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        for path in sorted(folder.rglob("*.png")):
            entry = zipfile.ZipInfo(f"root/{path.relative_to(folder)}")
            entry.external_attr = path.lstat().st_mode << 16
            packed.writestr(entry, str(path.readlink()) if path.is_symlink() else path.read_bytes())
    for name in ("x.tar", "x.zip"):
        listing = open_source(tmp_path / name)
        assert listing.ids == tuple(f"root/{name}.png" for name in ("cat/1", "cat/2", "cat/3", "dog/1", "dog/2"))
        assert listing.images is not None
        assert {listing.images.encoded(row) for row in range(5)} == {PIXEL}
        assert [(one.kind, one.path, one.detail) for one in listing.findings] == [
            ("missing", "root/dog/3.png", "link to 'root/dog/3.png', which is no file in the archive"),
            ("missing", "root/dog/4.png", "link to '/etc/hostname', which is no file in the archive"),
        ]


def test_sparse_files_in_a_tar_are_findings(tmp_path: Path) -> None:
    path = tarred(tmp_path / "x.tar", TREE)
    with tarfile.open(path, "a", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("root/dog/2.png")
        entry.size, entry.pax_headers = 4, {"GNU.sparse.map": "0,4", "GNU.sparse.size": "100"}
        archive.addfile(entry, io.BytesIO(PIXEL[:4]))
    listing = open_source(path)
    assert counts_of(listing) == {"cat": 2, "dog": 1}
    (found,) = listing.findings
    assert (found.kind, found.path) == ("unreadable", "root/dog/2.png")
    assert "sparse" in found.detail


def test_paths_that_lead_out_of_an_archive_are_findings(tmp_path: Path) -> None:
    listing = open_source(zipped(tmp_path / "x.zip", {**TREE, "../evil/1.png": PIXEL}))
    assert counts_of(listing) == {"cat": 2, "dog": 1}
    assert [finding.kind for finding in listing.findings] == ["bad_name"]


def test_back_slashes_of_windows_part_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("root\\cat\\1.png", "root\\cat\\2.png", "root\\dog\\1.png", "root\\dog\\"):
            entry = zipfile.ZipInfo(name)
            entry.create_system = 0
            archive.writestr(entry, b"" if name.endswith("\\") else PIXEL)
    listing = open_source(tmp_path / "x.zip")
    assert counts_of(listing) == {"cat": 2, "dog": 1}
    assert listing.images is not None
    assert listing.images.encoded(2) == PIXEL
    assert not listing.skipped


def test_an_archive_of_such_paths_alone_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 that cannot be read, the first: '../a/1.png', a path that leads elsewhere"):
        open_source(zipped(tmp_path / "x.zip", {"../a/1.png": PIXEL, "../b/1.png": PIXEL}))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_names_with_any_space_or_joined_sign_are_read(pack: Pack, tmp_path: Path) -> None:
    """macOS writes a narrow space into the names of screenshots, and families are joined out of several signs."""
    names = ("Screenshot at 9.41.00\u202fAM.png", "\U0001f468\u200d\U0001f467.png", "\u753b\u3000\u50cf.png")
    packed = tmp_path / ("shots.zip" if pack is zipped else "shots.tar")
    listing = open_source(pack(packed, {f"{c}/{name}": PIXEL for c in "ab" for name in names}))
    assert counts_of(listing) == {"a": 3, "b": 3}
    assert not listing.findings


def test_names_that_are_not_utf_8_are_findings_in_an_archive(tmp_path: Path) -> None:
    listing = open_source(tarred(tmp_path / "x.tar", {**TREE, "root/cat/caf\udce9.png": PIXEL}))
    assert [(one.kind, one.path) for one in listing.findings] == [("bad_name", "root/cat/caf\\xe9.png")]


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_broken_archives(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK nothing" * 10)
    with pytest.raises(DataError, match="is not a readable"):
        open_source(tmp_path / name)


def test_a_locked_archive_says_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("cat/1.png", PIXEL)
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # the flag of the entry in the list at the end
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(DataError, match="is locked by a password: unpack it"):
        open_source(tmp_path / "x.zip")


def test_archives_that_hold_no_images_say_what_to_do(tmp_path: Path) -> None:
    tarred(tmp_path / "outer.tar", {"train.zip": b""})
    with pytest.raises(DataError, match="archives, which are not opened in an archive: unpack it"):
        open_source(tmp_path / "outer.tar")
    tarred(tmp_path / "cifar-10-python.tar", {"cifar-10-batches-py/data_batch_1": b"\x80\2"})
    with pytest.raises(DataError, match="never opened: give the binary version"):
        open_source(tmp_path / "cifar-10-python.tar")
    with pytest.raises(DataError, match=r"labels\.csv', unpack it and give that file as DATA"):
        open_source(zipped(tmp_path / "table.zip", {"labels.csv": b"file,label\n1.png,cat\n"}))


def test_a_full_temporary_folder_is_no_damage_of_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(__file__, "x.py")
    with pytest.raises(DataError, match=r"cannot be unpacked to the temporary folder '.*': No space left"):
        open_source(tmp_path / "x.tar.gz")


def sample(key: str, label: str, ending: str = "cls") -> dict[str, bytes]:
    return {f"{key}.png": PIXEL, f"{key}.{ending}": label.encode()}


def test_numbered_shards_are_one_dataset(tmp_path: Path) -> None:
    tarred(tmp_path / "train-000000.tar", sample("00", "3") | sample("01", "4"))
    tarred(tmp_path / "train-000001.tar", sample("02", "3"))
    tarred(tmp_path / "val/000000.tar", sample("03", "4"))
    listing = open_source(tmp_path)
    assert sorted(zip(listing.ids, listing.labels, strict=True)) == [
        ("train/00.png", "3"),
        ("train/01.png", "4"),
        ("train/02.png", "3"),
        ("val/03.png", "4"),
    ]
    assert {*(listing.splits or ())} == {"train", "val"}
    two = open_source(tmp_path / "train-{000000..000001}.tar")
    assert len(two.ids) == 3
    with pytest.raises(DataError, match=r"train-000002\.tar' does not exist"):
        open_source(tmp_path / "train-{000000..000002}.tar")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_keys_of_shards_as_the_library_reads_them(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    files = sample("a/x.y", "1") | sample("a/b", "2")
    files["a/x.y.png"] = files.pop("a/x.y.png")
    path = tarred(tmp_path / "s-0.tar", {"a/b.png": PIXEL, "a/b.cls": b"2", "c.png": PIXEL, "c.cls": b"1"})
    theirs = {item["__key__"]: item["cls"].decode() for item in webdataset.WebDataset(str(path), shardshuffle=False)}
    ours = {name.partition(".")[0]: label for name, label in labels_of(open_source(path)).items()}
    assert ours == theirs


def test_labels_in_json_and_captions(tmp_path: Path) -> None:
    tarred(
        tmp_path / "j" / "a-0.tar",
        sample("0", '{"label": "cat", "w": 3}', "json") | sample("1", '{"label": "dog"}', "json"),
    )
    assert counts_of(open_source(tmp_path / "j")) == {"cat": 1, "dog": 1}
    tarred(tmp_path / "t" / "a-0.tar", sample("0", "a cat", "txt"))
    with pytest.raises(DataError, match="without labels"):
        open_source(tmp_path / "t")
    assert open_source(tmp_path / "t", label_column="txt").labels == ("a cat",)


def test_tars_that_are_classes(tmp_path: Path) -> None:
    tarred(tmp_path / "n01440764.tar", {"n01440764_1.JPEG": PIXEL})
    tarred(tmp_path / "n01443537.tar", {"n01443537_1.JPEG": PIXEL})
    assert counts_of(open_source(tmp_path)) == {"n01440764": 1, "n01443537": 1}


def test_a_tar_beside_class_folders_is_no_shard(tmp_path: Path) -> None:
    shown = {"a": {"assets/logo.png": PIXEL}, "b": {"cat/1.png": PIXEL, "dog/1.png": PIXEL}}
    for name, files in shown.items():
        tarred(tmp_path / name / "images.tar", {"cat/1.png": PIXEL, "cow/1.png": PIXEL})
        build(tmp_path / name, dict(files))
    assert counts_of(open_source(tmp_path / "a")) == {"cat": 1, "cow": 1}
    assert counts_of(open_source(tmp_path / "b")) == {"cat": 1, "dog": 1}


def test_several_images_in_a_sample(tmp_path: Path) -> None:
    tarred(tmp_path / "a-0.tar", {"0.left.png": PIXEL, "0.right.png": PIXEL, "0.cls": b"1"})
    with pytest.raises(DataError, match="several images"):
        open_source(tmp_path)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip", "parquet"])
def test_images_can_be_read_by_another_process(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node of a cluster opens archives and shards itself, wherever it stands."""
    monkeypatch.chdir(tmp_path)
    files = {f"{'ab'[row % 2]}/{row}.png": PIXEL + bytes([row]) for row in range(4)}
    if kind == "parquet":
        rows = {"image": [{"bytes": data, "path": name} for name, data in files.items()], "label": [0, 1, 0, 1]}
        pq.write_table(pa.table(rows), "data.parquet")
        images = open_source("data.parquet").images
    else:
        made = (
            zipped(Path("data.zip"), files)
            if kind == "zip"
            else tarred(Path(f"data.{kind}"), files, "w:gz" if kind.endswith("gz") else "w")
        )
        images = open_source(made).images
    assert images is not None
    sent, read = pickle.dumps(images), [images.encoded(row) for row in range(4)]
    monkeypatch.chdir("/")
    again = pickle.loads(sent)
    assert [again.encoded(row) for row in range(4)] == read
