"""Presidio's loggers, kept silent while this package scans: some messages hold text."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_presidio"]

_LOGGERS = ("presidio-analyzer", "presidio-anonymizer")


class _Depth(threading.local):
    value = 0


_DEPTH = _Depth()


@contextmanager
def quiet_presidio() -> Iterator[None]:
    """Let no message of Presidio's out of this thread."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_outside)  # the same filter is added once
    _DEPTH.value += 1
    try:
        yield
    finally:
        _DEPTH.value -= 1


def _outside(_: logging.LogRecord) -> bool:
    return not _DEPTH.value
