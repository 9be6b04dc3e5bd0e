"""Weights from the Hugging Face hub, asked for without noise: one error says what fails, not every attempt.

Left out: downloading itself, which timm and huggingface_hub do.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies

_LOUD = ("huggingface_hub", "timm", "urllib3", "httpx", "filelock")
_SILENT = logging.CRITICAL + 1


@contextmanager
def quiet_hub() -> Iterator[None]:
    """Inside, the hub's client says nothing and, where its host has no address here, does not try five times."""
    from huggingface_hub import constants

    levels = {name: logging.getLogger(name).level for name in _LOUD}
    offline = constants.HF_HUB_OFFLINE
    for name in _LOUD:
        logging.getLogger(name).setLevel(_SILENT)
    constants.HF_HUB_OFFLINE = offline or not _has_address(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _has_address(endpoint: str) -> bool:
    """Whether the hub could be reached from here; behind a proxy nobody can tell."""
    if getproxies():
        return True
    try:
        socket.getaddrinfo(urlsplit(endpoint).hostname, 443)
    except OSError:
        return False
    return True
