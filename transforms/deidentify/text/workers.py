"""Worker processes: each has a scanner of its own and reads a share of the new texts."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Generic, Protocol, TypeVar

import threadpoolctl

__all__ = ["Reader", "Workers"]

Cleaned = TypeVar("Cleaned")
Cleaned_co = TypeVar("Cleaned_co", covariant=True)


class Reader(Protocol[Cleaned_co]):
    """What reads texts in a worker: a scanner."""

    def clean_new(self, texts: list[str]) -> Sequence[Cleaned_co]:
        """Redact n distinct texts; give n results."""


_FEWEST_CHARS = 50_000  # less than that is read sooner than it is sent
_SHARES = 4  # per worker, so that a slow share holds up little
_STUCK_SECONDS = 10.0  # a pool that ends takes less than one


class Workers(Generic[Cleaned]):
    """A pool that cleans texts as one scanner would.

    Started when first used, as fresh processes: a fork would copy locks and the model's
    threads in whatever state they are.
    """

    def __init__(
        self, count: int, build: Callable[[], Reader[Cleaned]], *, after_chars: int = 0
    ) -> None:
        """Prepare.

        Args:
            count: how many processes.
            build: makes the reader of one; it must be picklable.
            after_chars: they are started when this much was read without them.
        """
        self._count = count
        self._build = build
        self._left_chars = after_chars
        self._broken = False
        self._pool: ProcessPoolExecutor | None = None

    def worth(self, texts: Sequence[str]) -> bool:
        """Tell whether texts are many enough to be shared out."""
        chars = sum(map(len, texts))
        if self._left_chars > 0:
            self._left_chars -= chars
            return False
        return not self._broken and chars >= _FEWEST_CHARS

    def clean(self, texts: list[str]) -> list[Cleaned] | None:
        """Redact texts: n distinct texts → n results, in their order.

        Returns:
            Null if a process ended before its time; then none is started any more.
        """
        try:
            return self._clean(texts)
        except BrokenProcessPool:
            self._broken = True
            self._unblock()
            self.close()
            return None

    def _clean(self, texts: list[str]) -> list[Cleaned]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._count,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=(self._build,),
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

    def _unblock(self) -> None:
        """Let the thread that feeds dead processes fail, where Python leaves it stuck.

        Older Pythons (3.11.2 is one) let it wait for ever in a full pipe that nobody
        reads, and the pool's shutdown for it (python/cpython#94777).
        """
        thread = getattr(self._pool, "_executor_manager_thread", None)
        if thread is None:
            return
        thread.join(_STUCK_SECONDS)
        if thread.is_alive():
            self._pool._call_queue._reader.close()  # type: ignore[union-attr]  # it has one while its thread lives

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


_READERS: list[Reader[Any]] = []


def _start(build: Callable[[], Reader[Any]]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threadpoolctl.threadpool_limits(1)  # a process per core, not a thread pool in each
    _READERS[:] = [build()]


def _end_with_parent() -> None:
    """Leave no process behind when the one that started it is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _clean(texts: list[str]) -> Sequence[Any]:
    return _READERS[0].clean_new(texts)
