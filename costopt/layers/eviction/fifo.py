"""First in, first out: the entry that was stored longest ago leaves, however often it serves."""

from __future__ import annotations


class Fifo:
    """See `Eviction`."""

    code = 0

    def rank(self, stored: int, used: int, uses: int) -> tuple[int, int]:
        """Lowest leaves."""
        return (stored, stored)


POLICY = Fifo()
