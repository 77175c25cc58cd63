"""The line on the terminal: what it says of the work, and when it starts anew."""

from __future__ import annotations

import io

from costopt.wiring.progress import ConsoleProgress


def test_news_behind_the_point_do_not_start_the_clock_anew() -> None:
    now, stream = [0.0], io.StringIO()
    show = ConsoleProgress(stream, lambda: now[0])
    show("replaying · $0.10 of $20.00", 1, 100)
    now[0] = 10.0
    show("replaying · $1.23 of $20.00", 50, 100)
    line = stream.getvalue()
    assert "replaying · $1.23 of $20.00: 50 of 100  5/s  50%, about 10 s left" in line
    show("reading", 1, 100)
    now[0] = 12.0
    show("reading", 10, 100)
    assert "reading: 10 of 100  5/s" in stream.getvalue()
