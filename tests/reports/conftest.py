"""Reports of large audits, written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labelaudit.reports import html

if TYPE_CHECKING:
    pass
from large_reports import large_audit


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("zoo") / "report.html"
    html.write(large_audit(5000), file)
    return file.as_uri()
