"""Results kept for later, bounded by the bytes of the arrays that they hold."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The most recently used values whose arrays fit; the newest stays whatever its size.

    An array that several values share counts once; one that `beside` holds anyway does not count.
    """

    def __init__(self, most_bytes: int, beside: Any = None) -> None:
        self.most_bytes = most_bytes
        self._beside = {id(a) for a in arrays_of(beside)}
        self._values: OrderedDict[K, V] = OrderedDict()
        self._arrays: dict[K, dict[int, int]] = {}
        self._holders: Counter[int] = Counter()
        self.held_bytes = 0
        """Of all arrays held, each counted once."""

    def get(self, key: K) -> V | None:
        """The value, which counts as used; None: never put, or gone."""
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        """Keep it, and let go of the longest unused ones until the rest fits."""
        if key in self._values:
            self._let_go(key)
        held = {id(a): a.nbytes for a in arrays_of(value) if id(a) not in self._beside}
        self._values[key], self._arrays[key] = value, held
        for array, size in held.items():
            self.held_bytes += 0 if self._holders[array] else size
            self._holders[array] += 1
        while len(self._values) > 1 and self.held_bytes > self.most_bytes:
            self._let_go(next(iter(self._values)))

    def _let_go(self, key: K) -> None:
        del self._values[key]
        for array, size in self._arrays.pop(key).items():
            self._holders[array] -= 1
            if not self._holders[array]:
                del self._holders[array]
                self.held_bytes -= size

    def __len__(self) -> int:
        return len(self._values)


def arrays_of(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """Arrays inside dataclasses, tuples and mappings; the trace itself is not looked into."""
    found: list[np.ndarray[Any, Any]] = []
    _collect(value, found)
    return iter(found)


def _collect(value: Any, found: list[np.ndarray[Any, Any]]) -> None:
    kind = type(value)
    if kind in _PLAIN:
        return
    if isinstance(value, np.ndarray):
        found.append(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect(item, found)
    elif isinstance(value, tuple | list):
        for item in value:
            _collect(item, found)
    elif is_dataclass(kind):
        for name in _columns(kind):
            _collect(getattr(value, name), found)


_PLAIN = frozenset((str, int, float, bool, bytes, type(None)))


@cache
def _columns(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.name not in ("trace", "base"))
