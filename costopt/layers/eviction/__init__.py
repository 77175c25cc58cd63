"""What leaves a full cache: one file a policy, found by its name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol


class Eviction(Protocol):
    """A policy. Ticks count what happens in a cache, so no two entries were stored or used at once."""

    code: int
    """Its number in the compiled replay."""

    def rank(self, stored: int, used: int, uses: int) -> tuple[int, int]:
        """The entry with the lowest rank leaves. `stored`, `used`: ticks; `uses`: hits since stored."""
        ...


def evictions() -> tuple[str, ...]:
    """Names of all policies."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__)))


def eviction(name: str) -> Eviction:
    """A policy by name. KeyError: there is none."""
    if name not in evictions():
        raise KeyError(name)
    policy: Eviction = importlib.import_module(f"{__name__}.{name}").POLICY
    return policy
