"""Least recently used: the entry that has not been stored or served for the longest time leaves."""

from __future__ import annotations


class Lru:
    """See `Eviction`."""

    code = 1

    def rank(self, stored: int, used: int, uses: int) -> tuple[int, int]:
        """Lowest leaves."""
        return (used, used)


POLICY = Lru()
