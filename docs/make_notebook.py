"""Make ``docs/example.ipynb`` again: the cells below, run in a kernel of this environment, with what they show.

    pip install nbclient ipykernel && python docs/make_notebook.py

`tests/display/test_notebook.py` runs the same cells.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

CELLS = (
    (
        "markdown",
        "# Wrong labels from Python\n\n400 scanned digits, 20 of them with a label that was changed on purpose. "
        "`labelaudit.scan` takes folders, tables and arrays alike; see docs/inputs.md for what it reads.",
    ),
    (
        "code",
        "import numpy as np\nfrom sklearn.datasets import load_digits\n\n"
        "digits = load_digits()\n"
        "images = (digits.images[:400] * 255 / 16).astype(np.uint8)\n"
        "labels = digits.target[:400].copy()\n"
        "changed = np.random.default_rng(0).choice(400, 20, replace=False)\n"
        "labels[changed] = (labels[changed] + 1 + np.arange(20) % 8) % 10\n"
        'np.savez("digits.npz", images=images, labels=labels)',
    ),
    (
        "code",
        "import labelaudit\n\n"
        'audit = labelaudit.scan("digits.npz", output="labelaudit-run", effort="quick", methods=["limit"])\naudit',
    ),
    ("markdown", "The suspects as a data frame, worst first, in the columns of `suspects.csv`:"),
    ("code", 'audit.frame()[["path", "given_label", "predicted_label", "tier"]].head()'),
    (
        "markdown",
        "Everything that people use is in `dir(audit)`; `audit.suspects` holds row numbers, which pick from arrays:",
    ),
    ("code", "print(*dir(audit))\nlabels[audit.suspects[:5]], audit.suspects[:5]"),
    ("markdown", "How many of the changed labels are among the suspects?"),
    (
        "code",
        'found = {int(row["path"].split("#")[1]) for row in audit.table("suspects")}\n'
        'print(len(found & set(changed.tolist())), "of 20, among", len(found), "suspects")',
    ),
    (
        "markdown",
        "`audit.report()` writes the page to look at, `audit.review()` starts the one to judge in, "
        "`labelaudit.read_audit` opens the folder again.",
    ),
    ("code", 'audit.report("report.html")'),
    ("code", 'again = labelaudit.read_audit("labelaudit-run")\nagain.show(4)'),
)


def main() -> None:
    import nbformat
    from nbclient import NotebookClient

    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    cells = [make[kind](text, id=f"cell-{place}") for place, (kind, text) in enumerate(CELLS)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    place = Path(__file__).with_name("example.ipynb")
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:  # times and the bar are of this run only
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.output_type != "display_data"]
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(notebook, place)
    os.utime(place)


if __name__ == "__main__":
    main()
