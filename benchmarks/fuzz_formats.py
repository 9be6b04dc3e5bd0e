"""Further kinds of datasets that `fuzz.py` tampers with: archives, arrays, saved datasets, annotations, lists."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from fuzz_targets import CLASSES, LABELS, LINES, TAGS, TASKS, Target, beside_images, dataset, picture, text

from labelaudit.data.images import encode
from labelaudit.data.order import parse_classes


def packed(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        kind = {"gz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(name.rpartition(".")[2], "w:")
        with tarfile.open(folder / name, kind) as archive:  # type: ignore[call-overload]
            for row in range(6):
                data = encode(picture(row))
                entry = tarfile.TarInfo(f"{CLASSES[row % 3]}/{row}.ppm")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return folder / name

    return make


def shards(folder: Path) -> Path:
    """Samples of WebDataset: an image and a class for each key."""
    with tarfile.open(folder / "data.tar", "w") as archive:
        for row in range(6):
            for ending, data in (("ppm", encode(picture(row))), ("cls", str(row % 3).encode())):
                entry = tarfile.TarInfo(f"{row:04}.{ending}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return folder / "data.tar"


def saved_dataset(tampered: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        import pyarrow as pa

        place = folder / "saved"
        place.mkdir()
        images = [{"bytes": encode(picture(row)), "path": f"{row}.ppm"} for row in range(6)]
        table = pa.table({"image": images, "label": [CLASSES[row % 3] for row in range(6)]})
        with pa.OSFile(str(place / "data-0.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        (place / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-0.arrow"}]}))
        (place / "dataset_info.json").write_text("{}")
        return place / tampered

    return make


def idx(tampered: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        pixels = np.stack([picture(row)[..., 0] for row in range(6)])
        shape = b"".join(length.to_bytes(4, "big") for length in pixels.shape)
        (folder / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\3" + shape + pixels.tobytes())
        labels = (np.arange(6) % 3).astype(np.uint8)
        (folder / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\1" + (6).to_bytes(4, "big") + labels.tobytes())
        return folder / tampered

    return make


def cifar(folder: Path) -> Path:
    draw = np.random.default_rng(0)
    rows = [bytes([row % 3]) + draw.integers(0, 256, 3072, np.uint8).tobytes() for row in range(6)]
    (folder / "data_batch_1.bin").write_bytes(b"".join(rows))
    (folder / "batches.meta.txt").write_text("\n".join(CLASSES))
    return folder / "data_batch_1.bin"


def pair(tampered: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.save(folder / "images.npy", np.stack([picture(row) for row in range(6)]))
        LABELS(folder)
        return folder / tampered

    return make


PIXELS = "label," + ",".join(f"pixel{n}" for n in range(49)) + "\n"
PIXELS += "".join(f"{row % 3}," + ",".join(str((row * 31 + n) % 256) for n in range(49)) + "\n" for row in range(6))
RECORDS = json.dumps([{"file": f"{CLASSES[r % 3]}/{r}.ppm", "label": CLASSES[r % 3]} for r in range(6)])
NAMES = "\n".join(f"{CLASSES[row % 3]}/{row}.ppm" for row in range(6))
TABS = "file\tlabel\n" + "".join(f"{CLASSES[row % 3]}/{row}.ppm\t{CLASSES[row % 3]}\n" for row in range(6))


def beside(file: Path) -> None:
    dataset(file.parent, labels=file)


FORMATS: Mapping[str, Target] = {
    "data.tar": Target(packed("data.tar"), dataset),
    "data.tar.gz": Target(packed("data.tar.gz"), dataset),
    "data.tar.xz": Target(packed("data.tar.xz"), dataset),
    "shards of WebDataset": Target(shards, dataset),
    "data-0.arrow": Target(saved_dataset("data-0.arrow"), lambda file: dataset(file.parent)),
    "state.json": Target(saved_dataset("state.json"), lambda file: dataset(file.parent)),
    "idx images": Target(idx("train-images-idx3-ubyte"), dataset),
    "idx labels": Target(idx("train-labels-idx1-ubyte"), lambda file: dataset(file.parent)),
    "data_batch_1.bin": Target(cifar, lambda file: dataset(file.parent)),
    "images.npy of a pair": Target(pair("images.npy"), lambda file: dataset(file.parent)),
    "labels.npy of a pair": Target(pair("labels.npy"), lambda file: dataset(file.parent)),
    "pixels.csv": Target(text("pixels.csv", PIXELS), dataset),
    "labels.json": Target(beside_images("labels.json", RECORDS), beside),
    "labels.tsv": Target(beside_images("labels.tsv", TABS), beside),
    "records.jsonl": Target(beside_images("records.jsonl", LINES), dataset),
    "label-studio.json as labels": Target(beside_images("tasks.json", TASKS), beside),
    "cvat.xml as labels": Target(beside_images("tags.xml", f"{TAGS}</annotations>"), beside),
    "classes.txt": Target(text("classes.txt", "\n".join(CLASSES)), lambda file: parse_classes(str(file))),
    "rows.txt": Target(beside_images("rows.txt", NAMES), lambda file: dataset(file.parent, rows=file)),
}
"""Name -> target."""
