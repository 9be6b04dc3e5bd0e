"""Layouts of datasets that stop with a question, small ones."""

from __future__ import annotations

import numpy as np
from layouts_met import TWO, Files, P, coco, datumaro, npy, tasks

STOPPED: dict[str, tuple[Files, str]] = {
    "unlabelled images in splits": (
        {"train": 3, "test": 2},
        "no class folders, no table there was found to label them, and their names",
    ),
    "images and boxes": (
        {"JPEGImages/1.jpg": P, "Annotations/1.xml": "<annotation><object/></annotation>"},
        r"1 \.xml, \.txt or \.json files of the same names may hold boxes",
    ),
    "COCO with boxes": (
        {"images/a.jpg": P, "images/b.jpg": P, "x.json": coco((1, 5), (1, 6))},
        "several categories for 1",
    ),
    "folders and a table that differ": (
        {"cat": 1, "dog": 2, "l.csv": "file,label\ncat/0.png,x\ndog/0.png,x\ndog/1.png,y\n"},
        "two sources of labels .* `data_format` class-folders .* `labels` .*l.csv",
    ),
    "a table of several labels": (
        TWO | {"l.csv": "file,fine_label,class\na.jpg,1,2\nb.jpg,1,3\n"},
        "choose with `label_column`",
    ),
    "one choice, and two": (
        TWO | {"x.json": tasks(a="cat", b="dog").replace('["dog"]', '["cat", "dog"]')},
        "several labels in a cell of 'label', such as 'cat.dog'",
    ),
    "numbers for the words of another split": (
        {f"{n}.jpg": P for n in range(8)}
        | {"train.csv": "0.jpg,cat\n1.jpg,dog\n2.jpg,cat\n3.jpg,dog\n"}
        | {"test.csv": "4.jpg,0.0\n5.jpg,1.0\n6.jpg,0.0\n7.jpg,1.0\n"},
        "two sources of labels that are about different images",
    ),
    "a second label of several in some rows": (
        {f"{n}.jpg": P for n in range(6)}
        | {"l.txt": "".join(f"{n}.jpg {'abc'[n % 3]}{' d' * (n % 2)}\n" for n in range(6))},
        "in any of column 2, column 3",
    ),
    "a second label in some rows": (
        {f"{n}.jpg": P for n in range(6)}
        | {"l.csv": "".join(f"gs://b/{n}.jpg,cat{',dog' * (n % 2)}\n" for n in range(6))},
        "no column that looks like labels",
    ),
    "a table of splits": (
        TWO | {"l.csv": "filename,split\na.jpg,train\nb.jpg,test\n"},
        "no column that looks like labels .* `label_column`",
    ),
    "a table of attributes": (TWO | {"l.csv": "f,hat,coat\na.jpg,1,1\nb.jpg,1,1\n"}, "several labels for one image"),
    "pictures of cameras": (
        {f"{name}_{n}.jpg": P for name in ("IMG", "DSC") for n in range(3)},
        "names show no pattern",
    ),
    "words before a common number": (
        {f"{name}_{n}.jpg": P for name, start in (("anna", 1), ("bert", 4)) for n in range(start, start + 3)},
        "`label_from` name:",
    ),
    "YOLO": ({"train/images/1.jpg": P, "train/labels/1.txt": "0 .5 .5 .1 .1"}, "may hold boxes, which are not read"),
    "words and numbers without a sign between": (
        {f"{name}{n}.jpg": P for name in ("glass", "metal") for n in (1, 2)},
        "`label_from` name:",
    ),
    "several labels in a cell": (
        {f"{n}.jpg": P for n in range(12)} | {"t.csv": "id,attributes\n" + "".join(f"{n},{n} 7\n" for n in range(12))},
        "no column that looks like labels .* `label_column`",
    ),
    "pickled batches": (
        {"data_batch_1": b"\x80\2x", "batches.meta": b"\x80\2x"},
        "never opened: give the binary version",
    ),
    "metadata with several labels": (
        {
            "cat": 2,
            "dog": 2,
            "metadata.csv": "file_name,label,breed\n"
            + "".join(f"{kind}/{n}.png,{'ab'[n]},{kind}\n" for kind in ("cat", "dog") for n in (0, 1)),
        },
        "and column 'label' of metadata.csv divide .* `data_format` class-folders .* `label_column` label .2 classes",
    ),
    "metadata that cannot be read": ({"cat": 1, "dog": 1, "metadata.csv": 'file_name,x\n"a'}, "`ignore_metadata`"),
    "names that say nothing": (
        {"train/1.jpg": P, "test/1.jpg": P, "l.csv": "file,label\n1.jpg,a\n"},
        "1 fit several files or names that several folders have",
    ),
    "FiftyOne's labels of no class": (
        TWO | {"labels.json": '{"classes": ["cat", "dog"], "labels": {"a": 0, "b": 2}}'},
        "label 2 for 2 classes",
    ),
    "Datumaro with several labels": (TWO | {"d.json": datumaro(a=[0, 1], b=[1])}, "several labels for 1 of 2 images"),
    "Datumaro beyond its categories": (TWO | {"d.json": datumaro(a=[0], b=[7])}, "labels beyond its 2 categories"),
    "a table that cannot be read": (
        TWO | {"l.csv": "made by a tool\na.jpg,cat\nb.jpg,dog\n"},
        r"found to label them \('l.csv' line 2 has 2 cells for 1 columns",
    ),
    "a table of other images": (TWO | {"l.csv": "file,label\nx.jpg,cat\n"}, r"label them \(l.csv\)"),
    "lists of regions": (
        TWO | {"l.json": '[{"file": "a.jpg", "regions": [1]}, {"file": "b.jpg", "regions": []}]'},
        r"\(regions\): name the one that holds them with `label_column`, or",
    ),
    "flags and an empty column": (
        TWO | {"l.csv": "file,cat,dog,rest\na.jpg,1,0,\nb.jpg,0,0,\n"},
        "in 2 columns .cat, dog., and 1 of 2 rows have several 1 or none",
    ),
    "folders called as samples": (
        {f"Class {n}-samples": 2 for n in (1, 2)},
        "may be beside the data and no classes. If they are classes, say so: `label_from` top .2 classes: Class 1",
    ),
    "folders that may only divide files, and a table": (
        {f"{n % 2}/{n}.jpg": P for n in range(12)}
        | {"l.csv": "file,kind\n" + "".join(f"{n}.jpg,{'abc'[n % 3]}\n" for n in range(12))},
        "two sources of labels that divide .* `data_format` class-folders .2 classes: 0, 1",
    ),
    "folders that may only divide files, and a table of several columns": (
        {f"{n % 2}/{n}.jpg": P for n in range(12)}
        | {"l.csv": "file,kind,hue\n" + "".join(f"{n}.jpg,{'abc'[n // 2 % 3]},{'de'[n // 6]}\n" for n in range(12))},
        "'kind' of l.csv divide .* `data_format` class-folders .2 classes: 0, 1.; or `label_column` kind .3 .* hue .2",
    ),
    "folders of sides and a table of grades": (
        {f"{('left', 'right')[n % 2]}/{n}.jpg": P for n in range(12)}
        | {"l.csv": "file,grade\n" + "".join(f"{n}.jpg,{n // 2 % 3}\n" for n in range(12))},
        "two sources of labels that divide .* `data_format` class-folders .2 classes: left, right",
    ),
    "numbers of several labels in a cell": (
        {f"{n}.jpg": P for n in range(12)}
        | {"l.csv": "id,tag_ids\n" + "".join(f"{n},{('3 8', '5', '8 9')[n % 3]}\n" for n in range(12))},
        "several labels in a cell of 'tag_ids', such as '3 8'",
    ),
    "a list of words called as folds": (
        TWO | {"fold1.txt": "a.jpg cat\nb.jpg dog\n"},
        "found to label them .'fold1.txt' is called as examples, results or splits are: give it as `labels`",
    ),
    "files kept by DVC": ({"images.dvc": "outs:", "dvc.yaml": "", "l.csv": "a,b\nc,d\n"}, "run `dvc pull`"),
    "folders and a table that says neither": (
        {f"{n}/{m}/{n}{m}.jpg": P for n in "ab" for m in "01"}
        | {"l.csv": "id,landmark_id\n" + "".join(f"{n}{m},{m}\n" for n in "ab" for m in "01")},
        "`label_from` 'level 2' .2 classes: 0, 1.; .* or 'l.csv' has no column that looks like labels",
    ),
    "lists of several kinds and of boxes": (
        {f"{name}.jpg": P for name in "abcd"}
        | {"makers.txt": "a Boeing\nb Airbus\nc Boeing\nd Airbus\n", "families.txt": "a 7\nb 8\nc 8\nd 7\n"}
        | {"box.txt": "".join(f"{name} 1 2 5 6\n" for name in "abcd")},
        "two sources of labels .*families.txt",
    ),
    "archives": (
        {"a.zip": "", "b.zip": ""},
        "give one of them, '.*a.zip', '.*b.zip'; if each is a class .* unpack each into a folder of its own name",
    ),
    "arrays of one class each": (
        {"cat.npy": npy(np.zeros((3, 4), np.uint8)), "dog.npy": npy(np.zeros((3, 4), np.uint8))},
        "'cat.npy' is not read: save its images and labels as one .npz",
    ),
    "a dataset that lies in itself": (
        {f"{root}{part}/{kind}": 1 for root in ("", "d/") for part in ("train", "test") for kind in ("cat", "dog")},
        "holds 'test', 'train' beside 'd'. Say which: `labelaudit scan [^`]*/d/d` .2 classes: cat, dog.",
    ),
    "an entity in XML": (TWO | {"a.xml": '<!DOCTYPE x [<!ENTITY a "b">]><annotations/>'}, "declares XML entities"),
}
