"""Blocks on all cores of one process: NumPy and Arrow work outside the interpreter's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

__all__ = ["cores", "fold_blocks", "map_blocks"]

Block = TypeVar("Block")
Result = TypeVar("Result")
State = TypeVar("State")

_MOST = 4  # every thread of a fold has a state of its own


def cores() -> int:
    """Count the cores that this process may use, four at most."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST)
    return min(os.cpu_count() or 1, _MOST)


def map_blocks(
    function: Callable[[Block], Result], blocks: Iterable[Block]
) -> Iterator[Result]:
    """Apply a function to blocks, several at a time; results come in the blocks' order.

    At most twice as many blocks are under way as there are cores.
    """
    threads = cores()
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[Result]] = deque()
        try:
            for block in blocks:
                ahead.append(pool.submit(function, block))
                if len(ahead) >= 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def fold_blocks(
    blocks: Iterable[Block],
    start: Callable[[], State],
    add: Callable[[State, Block], State],
    unite: Callable[[Iterable[State]], State],
) -> State:
    """Count blocks in several threads, each into a state of its own, and unite those.

    The result must not depend on which thread takes which block.
    """
    waiting, lock = iter(blocks), Lock()

    def work() -> State:
        state = start()
        while True:
            with lock:
                block = next(waiting, None)
            if block is None:
                return state
            state = add(state, block)

    threads = cores()
    with ThreadPoolExecutor(threads) as pool:
        under_way = [pool.submit(work) for _ in range(threads)]
        return unite(future.result() for future in under_way)
