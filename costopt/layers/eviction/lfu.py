"""Least frequently used: the entry with the fewest hits leaves, of equals the one unused longest."""

from __future__ import annotations


class Lfu:
    """See `Eviction`."""

    code = 2

    def rank(self, stored: int, used: int, uses: int) -> tuple[int, int]:
        """Lowest leaves."""
        return (uses, used)


POLICY = Lfu()
