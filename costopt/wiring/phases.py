"""A named phase of long work that cannot count its own progress: its name stands there while it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from costopt.model.ports import Progress, silent

TICK_S = 0.5


@contextmanager
def phase(progress: Progress, what: str) -> Iterator[None]:
    """Report `what` twice a second until the work inside is done."""
    if progress is silent:
        yield
        return
    done = threading.Event()

    def tick() -> None:
        progress(what, 0, None)
        while not done.wait(TICK_S):
            progress(what, 0, None)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
        progress(what, 1, 1)
