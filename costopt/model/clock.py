"""The time of day as the ledger notes it."""

from __future__ import annotations

import time


def now_us() -> int:
    """UTC microseconds."""
    return time.time_ns() // 1_000
