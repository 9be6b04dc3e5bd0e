"""The ``LOC_train_solution.csv`` and ``LOC_val_solution.csv`` of ImageNet: boxes in text, all of one class an image."""

from __future__ import annotations

from labelaudit.data.table import Table, parse_table


def tabulate(name: str, data: bytes) -> Table | None:
    """The table of ``ImageId`` and ``PredictionString`` (class and four numbers, repeated) as paths and classes.

    A row whose boxes are of several classes has no label.
    """
    if not data[:200].lstrip(b"\xef\xbb\xbf").lower().startswith(b"imageid,predictionstring"):
        return None
    table = parse_table(name, data)
    path, boxes = table.columns[:2]
    classes = [{*cell.split()[::5]} for cell in table.cells[boxes]]
    labels = [one.pop() if len(one) == 1 else "" for one in classes]
    return Table(name=name, cells={"path": table.cells[path], "label": labels}, lines=table.lines)
