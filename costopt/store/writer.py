"""DuckDB works in a thread of its own while the next batch is read: it needs no interpreter lock.

Jobs run one at a time and in order, so the result does not depend on timing.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self

_AHEAD = 2
"""Jobs that may wait: what bounds the memory."""


class Writer:
    """Runs jobs in order in one thread. What a job raises comes out of the next `put` or `drain`."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: deque[Future[None]] = deque()

    def put(self, job: Callable[[], None]) -> None:
        """Run it soon; waits while too many others do."""
        while len(self._waiting) >= _AHEAD:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(job))

    def drain(self) -> None:
        """Wait until all jobs are done."""
        while self._waiting:
            self._waiting.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def rare_collections() -> Iterator[None]:
    """The cycle collector looks at millions of young records, none of which is a cycle: seldom, then."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
