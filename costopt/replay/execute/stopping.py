"""Why nothing is sent any more, known to all who send: Ctrl-C, a spent budget, an endpoint that lets nothing
pass."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from costopt.replay.executed import RunState


class Stopping:
    """Made in the loop that sends. The first reason is the one that is told."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.abandoned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Set when what is under way is not waited for any more."""
        self.state = RunState.DONE
        self.trouble = self.hint = ""
        self._then: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return self.event.is_set()

    def then(self, wake: Callable[[], None]) -> None:
        """Call this when it stops."""
        self._then.append(wake)

    def stop(self, state: RunState, trouble: str = "", hint: str = "") -> None:
        """Open nothing more; what is under way is awaited."""
        if self:
            return
        self.state, self.trouble, self.hint = state, trouble, hint
        self.event.set()
        for wake in self._then:
            wake()

    def interrupt(self, grace_s: float) -> None:
        """Ctrl-C: wait a little for what is under way. Once more: leave it in doubt."""
        if self.state is RunState.INTERRUPTED:
            self._abandon()
            return
        self.stop(RunState.INTERRUPTED)
        self.state = RunState.INTERRUPTED
        asyncio.get_running_loop().call_later(grace_s, self._abandon)

    def _abandon(self) -> None:
        if not self.abandoned.done():
            self.abandoned.set_result(None)


@contextmanager
def on_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C do this in the running loop. Elsewhere than in the main thread there is none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(act))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
