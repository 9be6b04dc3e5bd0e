"""Fixtures that tests of several rooms use."""

from __future__ import annotations

from browser import chromium, page
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("steady")  # a test passes or fails alike on a busy machine and on an idle one

__all__ = ["chromium", "page"]
