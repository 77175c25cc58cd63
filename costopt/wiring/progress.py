"""Progress of long work on stderr: what, how many, how fast, how long still. Silent unless watched."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from costopt.model.ports import Progress, silent
from costopt.wiring.request import TraceOptions

QUIET_S = 1.0
"""Work shorter than this shows nothing."""
NEWS = " · "
"""What follows it in a text changes while the work goes on (dollars spent): its rate is still one."""
_EVERY_S = 0.1
_CLEAR = "\r\x1b[2K"


def progress_for(options: TraceOptions) -> Progress:
    """A line on the terminal that is rewritten; nothing where no one looks or --quiet."""
    return silent if options.quiet or not sys.stderr.isatty() else ConsoleProgress(sys.stderr)


class ConsoleProgress:
    """A `Progress` on a terminal. `fraction` tells how far the work is where no total is known."""

    def __init__(
        self, stream: TextIO, clock: Callable[[], float] = time.monotonic, columns: int = 79
    ) -> None:
        self._stream, self._clock, self._columns = stream, clock, columns
        self._what = ""
        self._started = self._shown = clock()
        self._visible = False
        self.fraction: Callable[[], float | None] | None = None

    def __call__(self, what: str, done: int, total: int | None) -> None:
        now = self._clock()
        if what.partition(NEWS)[0] != self._what.partition(NEWS)[0]:
            self.clear()
            self._started = now
        self._what = what
        elapsed = now - self._started
        if total is not None and done >= total:
            self.clear()
        elif elapsed >= QUIET_S and now - self._shown >= _EVERY_S:
            self._shown, self._visible = now, True
            line = self._line(done, total, elapsed)
            self._stream.write(_CLEAR + line[: self._columns])
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away, so that what follows starts at its place."""
        if self._visible:
            self._stream.write(_CLEAR)
            self._stream.flush()
            self._visible = False

    def _line(self, done: int, total: int | None, elapsed: float) -> str:
        of = f" of {total:,}" if total else ""
        parts = [f"{self._what}: {done:,}{of}" if done else self._what]
        if done:
            parts.append(f"{done / elapsed:,.0f}/s")
        share = done / total if total else self.fraction() if self.fraction else None
        if share:
            left = elapsed * (1 - min(share, 1.0)) / share
            parts.append(f"{share:.0%}, about {duration(left)} left")
        return "  ".join(parts)


def duration(seconds: float) -> str:
    """`8 s`, `3 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
