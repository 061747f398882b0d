"""Worker processes: each has a scanner of its own and reads a share of the new texts."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import threadpoolctl

from ....policies.model import Pii

if TYPE_CHECKING:
    from .scanner import Cleaned, TextScanner

__all__ = ["Workers"]

_FEWEST_CHARS = 50_000  # less than that is read sooner than it is sent
_SHARES = 4  # per worker, so that a slow share holds up little


class Workers:
    """A pool that cleans texts as one scanner would.

    Started when first used, as fresh processes: a fork would copy locks and the model's
    threads in whatever state they are.
    """

    def __init__(self, count: int, pii: Pii, options: Mapping[str, Any]) -> None:
        self._count = count
        self._arguments = (pii, dict(options))
        self._pool: ProcessPoolExecutor | None = None

    def worth(self, texts: Sequence[str]) -> bool:
        """Tell whether texts are many enough to be shared out."""
        return sum(map(len, texts)) >= _FEWEST_CHARS

    def clean(self, texts: list[str]) -> list[Cleaned]:
        """Redact texts: n distinct texts → n results, in their order."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._count,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=self._arguments,
            )
        # By length, dealt round: every share has as much to read as the next.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        count = max(1, min(self._count * _SHARES, len(texts) // 64))
        shares = [order[k::count] for k in range(count)]
        results = self._pool.map(_clean, [[texts[i] for i in s] for s in shares])
        cleaned: dict[int, Cleaned] = {}
        for share, result in zip(shares, results, strict=True):
            cleaned.update(zip(share, result, strict=True))
        return [cleaned[i] for i in range(len(texts))]

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


_SCANNERS: list[TextScanner] = []


def _start(pii: Pii, options: dict[str, Any]) -> None:
    from .scanner import TextScanner

    threadpoolctl.threadpool_limits(1)  # a process per core, not a thread pool in each
    _SCANNERS[:] = [TextScanner(pii, **options)]


def _clean(texts: list[str]) -> list[Cleaned]:
    return _SCANNERS[0].clean_new(texts)
