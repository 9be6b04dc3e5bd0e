"""Weights from the Hugging Face hub, asked for without noise: one error says what fails, not every attempt.

Left out: downloading itself, which timm and huggingface_hub do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_LOUD = ("huggingface_hub", "timm", "urllib3", "httpx", "filelock")
_SILENT = logging.CRITICAL + 1
_PATIENCE = 5.0  # seconds for an answer; the client would try each of two files six times, in 48 s and more


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Inside, the hub's client says nothing and, where it gets no answer, does not try five times."""
    from huggingface_hub import constants

    levels = {name: logging.getLogger(name).level for name in _LOUD}
    offline = constants.HF_HUB_OFFLINE
    for name in _LOUD:
        logging.getLogger(name).setLevel(_SILENT)
    constants.HF_HUB_OFFLINE = offline or not _answers(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _answers(endpoint: str) -> bool:
    """Whether the hub says anything but that it is down, by the client's own settings."""
    from huggingface_hub.utils import get_session

    try:
        return bool(get_session().head(endpoint, timeout=_PATIENCE).status_code < 500)
    except Exception:  # that of whichever library the client uses
        return False
