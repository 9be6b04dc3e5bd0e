"""Layouts of datasets as people keep them, small ones that are read."""

from __future__ import annotations

import gzip
import io
import json
import struct

import numpy as np
from data.built import PIXEL, Files

P = PIXEL


def tasks(**choices: str) -> str:
    """An export of Label Studio."""
    return json.dumps(
        [
            {
                "id": number,
                "data": {"image": f"/data/upload/1/3f2a8b1{number}-{name}.jpg"},
                "annotations": [{"completed_by": 7, "result": [{"value": {"choices": [choice]}}]}],
            }
            for number, (name, choice) in enumerate(choices.items())
        ]
    )


def coco(*annotations: tuple[int, int]) -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "images/a.jpg"}, {"id": 2, "file_name": "images/b.jpg"}],
            "annotations": [{"image_id": image, "category_id": category} for image, category in annotations],
            "categories": [{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}],
        }
    )


def fiftyone(name: str, label: str) -> dict[str, object]:
    """One sample of a dataset of FiftyOne."""
    return {
        **{"_id": {"$oid": f"64{name}"}, "filepath": f"{name}.jpg", "tags": [], "_media_type": "image"},
        "ground_truth": {"_id": {"$oid": f"65{name}"}, "_cls": "Classification", "tags": [], "label": label},
    }


def datumaro(**told: list[int]) -> str:
    items = [
        {
            "id": name,
            "annotations": [{"type": "label", "label_id": number} for number in numbers],
            "image": {"path": f"{name}.jpg", "size": [2, 2]},
        }
        for name, numbers in told.items()
    ]
    return json.dumps({"categories": {"label": {"labels": [{"name": "cat"}, {"name": "dog"}]}}, "items": items})


def idx(*axes: int, values: bytes) -> bytes:
    return bytes([0, 0, 8, len(axes)]) + struct.pack(f">{len(axes)}I", *axes) + values


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


TWO: Files = {"a.jpg": P, "b.jpg": P}


CAT_DOG = {"cat": 1, "dog": 1}


CVAT = '<annotations><image id="0" name="a.jpg"><tag label="cat"/></image>'
CVAT += '<image id="1" name="b.jpg"><tag label="dog"/></image></annotations>'


READ: dict[str, tuple[Files, dict[str, int], str]] = {
    "a table of names without ending": (
        {
            "images/1a.jpg": P,
            "images/1b.jpg": P,
            "images/1c.jpg": P,
            "images.csv": "image,sender_id,label,kids\n1a,9,Not sure,False\n1b,9,Skip,True\n2x,9,Skip,True\n",
        },
        {"Not sure": 1, "Skip": 1},
        "column 'label' of images.csv",
    ),
    "one column for each class": (
        TWO | {"truth.csv": "image,MEL,NV\na,1.0,0.0\nb,0.0,1.0\n"},
        {"MEL": 1, "NV": 1},
        "2 columns of 0 and 1 of truth.csv",
    ),
    "a column of crosses for each class": (
        TWO | {"l.csv": "file,cat,dog\na.jpg,x,\nb.jpg,,x\n"},
        CAT_DOG,
        "2 columns of",
    ),
    "names in the card of a dataset": (
        TWO
        | {"README.md": "---\n  class_label:\n    names:\n      '0': cat\n      '1': dog\n---\n"}
        | {"metadata.jsonl": '{"file_name": "a.jpg", "label": 0}\n{"file_name": "b.jpg", "label": 1}'},
        CAT_DOG,
        "called as in 'README.md'",
    ),
    "a table of flags in each split": (
        {
            **{"train/a.jpg": P, "train/_classes.csv": "filename, cat, dog\na.jpg,1,0\n"},
            **{"valid/b.jpg": P, "valid/_classes.csv": "filename, cat, dog\nb.jpg,0,1\n"},
        },
        CAT_DOG,
        "2 columns of 0 and 1",
    ),
    "a list without header": (TWO | {"train.txt": "a.jpg cat\nb.jpg dog\n"}, CAT_DOG, "train.txt, which has no header"),
    "a list with spaces in names": (
        {"my cat.jpg": P, "my dog.jpg": P, "list.txt": "my cat.jpg cat\nmy dog.jpg dog\n"},
        CAT_DOG,
        "list.txt",
    ),
    "a headerless table": (TWO | {"labels.csv": "a.jpg,cat\nb.jpg,dog\n"}, CAT_DOG, "labels.csv, which has no header"),
    "a numbered list": (TWO | {"x.lst": "0\t1\ta.jpg\n1\t7\tb.jpg\n"}, {"1": 1, "7": 1}, "x.lst"),
    "lists joined by an id": (
        {
            **{"images/a.jpg": P, "images/b.jpg": P, "images.txt": "1 a.jpg\n2 b.jpg\n"},
            **{
                "image_class_labels.txt": "1 1\n2 2\n",
                "classes.txt": "1 cat\n2 dog\n",
                "train_test_split.txt": "1 0\n2 1\n",
            },
        },
        CAT_DOG,
        "image_class_labels.txt",
    ),
    "records in JSON": (
        TWO | {"l.json": '[{"path": "a.jpg", "label": "cat"}, {"path": "b.jpg", "label": "dog"}]'},
        CAT_DOG,
        "column 'label' of l.json",
    ),
    "paths and labels in JSON": (TWO | {"l.json": '{"a.jpg": "cat", "b.jpg": "dog"}'}, CAT_DOG, "l.json"),
    "COCO with one category each": (
        {"images/a.jpg": P, "images/b.jpg": P, "val.json": coco((1, 5), (2, 6))},
        CAT_DOG,
        "val.json",
    ),
    "COCO with boxes of one category": (
        {
            "images/a.jpg": P,
            "images/b.jpg": P,
            "val.json": coco((1, 5), (1, 5), (2, 6)).replace('"image_id"', '"bbox": 1, "image_id"'),
        },
        CAT_DOG,
        "val.json",
    ),
    "Label Studio": (TWO | {"export.json": tasks(a="cat", b="dog")}, CAT_DOG, "export.json"),
    "CVAT": (TWO | {"annotations.xml": CVAT}, CAT_DOG, "annotations.xml"),
    "FiftyOne's labels": (
        {"data/a.jpg": P, "data/b.jpg": P, "labels.json": '{"classes": ["cat", "dog"], "labels": {"a": 0, "b": 1}}'},
        CAT_DOG,
        "column 'label' of labels.json",
    ),
    "FiftyOne's samples": (
        TWO | {"samples.json": json.dumps({"samples": [fiftyone("a", "cat"), fiftyone("b", "dog")]})},
        CAT_DOG,
        "column 'ground_truth.label' of samples.json",
    ),
    "Datumaro": (TWO | {"annotations/default.json": datumaro(a=[0], b=[1])}, CAT_DOG, "default.json"),
    "tables of one name": (
        {f"{part}/{name}.jpg": P for part in ("train", "val") for name in "ab"}
        | {f"{part}/t.csv": "file,label\na.jpg,cat\nb.jpg,dog\n" for part in ("train", "val")},
        {"cat": 2, "dog": 2},
        "column 'label' of t.csv",
    ),
    "ImageNet's solution": (
        {
            **{"CLS/n1_7.JPEG": P, "CLS/n2_7.JPEG": P},
            "LOC_val_solution.csv": "ImageId,PredictionString\nn1_7,n1 1 2 3 4 n1 5 6 7 8 \nn2_7,n2 1 2 3 4 \n",
        },
        {"n1": 1, "n2": 1},
        "LOC_val_solution.csv",
    ),
    "Food-101": (
        {
            **{"images/pie/1.jpg": P, "images/soup/2.jpg": P, "meta/train.txt": "pie/1\n", "meta/test.txt": "soup/2\n"},
            **{"meta/classes.txt": "pie\nsoup\n", "meta/train.json": '{"pie": ["pie/1"], "soup": []}'},
        },
        {"pie": 1, "soup": 1},
        "folder names below 'images/'",
    ),
    "words before numbers": (
        {f"train/{name}.{n}.jpg": P for name in ("cat", "dog") for n in range(3)}
        | {"test1/1.jpg": P, "test1/2.jpg": P},
        {"cat": 3, "dog": 3},
        "file names",
    ),
    "words before numbers, beside trimaps": (
        {f"images/{name}_{n}.jpg": P for name in ("Abyssinian", "great_pyrenees") for n in (1, 2)}
        | {"annotations/trimaps/Abyssinian_1.png": P, "annotations/list.txt": "#Image CLASS\nAbyssinian_1 1 1 1\n"},
        {"Abyssinian": 2, "great_pyrenees": 2},
        "file names",
    ),
    "MNIST's idx files": (
        {
            **{
                "train-images-idx3-ubyte": idx(2, 2, 2, values=bytes(8)),
                "train-labels-idx1-ubyte": idx(2, values=b"\1\2"),
            },
            "t10k-images-idx3-ubyte.gz": gzip.compress(idx(1, 2, 2, values=bytes(4))),
            "t10k-labels-idx1-ubyte.gz": gzip.compress(idx(1, values=b"\2")),
        },
        {"1": 1, "2": 2},
        "train-labels-idx1-ubyte",
    ),
    "CIFAR in bytes": (
        {"data_batch_1.bin": bytes(3073) + b"\1" + bytes(3072), "batches.meta.txt": "plane\ncar\n\n"},
        {"plane": 1, "car": 1},
        "data_batch_1.bin",
    ),
    "a split that is spelled otherwise": (
        {f"{part}/{kind}": 1 for part in ("Train", "TEST", "validaton") for kind in ("cat", "dog")},
        {"cat": 3, "dog": 3},
        "folder names below 'TEST/', 'Train/' and 'validaton/'",
    ),
    "GTSRB with an icon of each class": (
        {
            **{f"Train/{kind}/{kind}_{n}.png": P for kind in "01" for n in range(2)},
            **{"Meta/0.png": P, "Meta/1.png": P, "Meta.csv": "Path,ClassId,ShapeId\nMeta/0.png,0,1\nMeta/1.png,1,1\n"},
            "Train.csv": "Width,ClassId,Path\n"
            + "".join(f"9,{kind},Train/{kind}/{kind}_{n}.png\n" for kind in "01" for n in range(2)),
            **{"Test/0.png": P, "Test.csv": "Width,ClassId,Path\n9,1,Test/0.png\n"},
        },
        {"0": 2, "1": 3},
        "column 'ClassId' of Test.csv and Train.csv",
    ),
    "a test of one image of each class, in other columns": (
        {
            **{f"{n}.png": P for n in range(8)},
            "train.csv": "id,file,label\n" + "".join(f"{n},{n}.png,{'ab'[n % 2]}\n" for n in range(6)),
            "test.csv": "file,label\n6.png,a\n7.png,b\n",
        },
        {"a": 4, "b": 4},
        "column 'label' of test.csv and train.csv",
    ),
    "SUN397": (
        {"a/abbey": 1, "b/bakery/shop": 1, "b/bakery/kitchen": 1, "b/beach": 1, "c/church/indoor": 1},
        {"abbey": 1, "bakery/kitchen": 1, "bakery/shop": 1, "beach": 1, "church/indoor": 1},
        "folder names below 'a/'",
    ),
    "classes with splits of tables": (
        {
            **{"train/a.jpg": P, "test/b.jpg": P, "train.csv": "path,label\na.jpg,cat\n"},
            **{"test.csv": "path,label\nb.jpg,dog\n", "sample_submission.csv": "path,label\nb.jpg,cat\n"},
        },
        CAT_DOG,
        "column 'label' of test.csv and train.csv",
    ),
    "metadata without labels": (
        {"cat": 1, "dog": 1, "metadata.csv": "file_name,width\ncat/0.png,2\ndog/0.png,2\n"},
        CAT_DOG,
        "folder names",
    ),
    "metadata that corrects folders": (
        {
            "cat": 2,
            "dog": 2,
            "metadata.csv": "file_name,label\ncat/0.png,cat\ncat/1.png,dog\ndog/0.png,dog\ndog/1.png,dog\n",
        },
        {"cat": 1, "dog": 3},
        "column 'label' of metadata.csv",
    ),
    "a table that says what folders say": (
        {"cat": 1, "dog": 1, "labels.csv": "file,label\ncat/0.png,0\ndog/0.png,1\n"},
        CAT_DOG,
        "folder names",
    ),
    "folders of two datasets, a table for all": (
        {
            "x/m": 1,
            "x/n": 1,
            "y/o": 1,
            "y/p": 1,
            "l.csv": "file,label\n"
            + "".join(f"{f}/0.png,{c}\n" for f, c in zip(["x/m", "x/n", "y/o", "y/p"], "abab", strict=True)),
        },
        {"a": 2, "b": 2},
        "l.csv",
    ),
    "arrays side by side": (
        {"X_train.npy": npy(np.zeros((3, 4, 4), np.uint8)), "y_train.npy": npy(np.array(["cat", "dog", "cat"]))},
        {"cat": 2, "dog": 1},
        "y_train.npy",
    ),
    "files without ending": ({"cat/1": P, "dog/1": P, "dog/notes": b"hello"}, CAT_DOG, "folder names"),
}
