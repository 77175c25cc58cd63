"""The replay as numba compiles it; imported only where numba is installed (see `replayed.py`).

Same answers as `replay_plain`. A full cache finds what leaves in a heap whose outdated items are
passed over when they come up: each change of an entry's rank puts an up-to-date item in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

I8 = NDArray[np.int64]
I4 = NDArray[np.int32]
F = TypeVar("F", bound=Callable[..., object])

_SOURCE, _STORED, _USED, _SINCE, _USES = range(5)
_FIFO, _LRU = 0, 1
_PPM = 1_000_000


def _jit(function: F) -> F:
    """Compiled at its first call, kept on disk for the next process; holds no interpreter lock."""
    return numba.njit(cache=True, nogil=True)(function)


@_jit
def rank(entry: I8, policy: int) -> tuple[np.int64, np.int64]:
    """As the files of `layers/eviction` say it."""
    if policy == _FIFO:
        return entry[_STORED], entry[_STORED]
    if policy == _LRU:
        return entry[_USED], entry[_USED]
    return entry[_USES], entry[_USED]


@_jit
def lower(heap: I8, a: int, b: int) -> bool:
    """Item a comes up before item b."""
    if heap[a, 0] != heap[b, 0]:
        return heap[a, 0] < heap[b, 0]
    return heap[a, 1] < heap[b, 1]


@_jit
def swap(heap: I8, a: int, b: int) -> None:
    for column in range(3):
        heap[a, column], heap[b, column] = heap[b, column], heap[a, column]


@_jit
def push(heap: I8, size: int, first: int | np.int64, second: int | np.int64, key: int) -> int:
    """One more item (rank, rank, key); gives the new size."""
    heap[size, 0], heap[size, 1], heap[size, 2] = first, second, key
    at = size
    while at > 0 and lower(heap, at, (at - 1) // 2):
        swap(heap, at, (at - 1) // 2)
        at = (at - 1) // 2
    return size + 1


@_jit
def pop(heap: I8, size: int) -> int:
    """The lowest item goes to heap[size - 1]; gives the new size."""
    size -= 1
    swap(heap, 0, size)
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and lower(heap, child + 1, child):
            child += 1
        if not lower(heap, child, at):
            break
        swap(heap, at, child)
        at = child
    return size


@_jit
def drop_expired(heap: I8, size: int, entries: I8, now: int, ttl: int) -> tuple[int, int]:
    """(items left, entries dropped): the heap stands by the start of each entry's ttl."""
    dropped = 0
    while size > 0 and now - heap[0, 0] >= ttl:
        size = pop(heap, size)
        key = heap[size, 2]
        if entries[key, _SOURCE] >= 0 and entries[key, _SINCE] == heap[size, 0]:
            entries[key, _SOURCE] = -1
            dropped += 1
    return size, dropped


@_jit
def drop_lowest(heap: I8, size: int, entries: I8, policy: int) -> int:
    """Evict one entry; gives the items left."""
    while size > 0:
        size = pop(heap, size)
        key = heap[size, 2]
        if entries[key, _SOURCE] >= 0:
            first, second = rank(entries[key], policy)
            if heap[size, 0] == first and heap[size, 1] == second:
                entries[key, _SOURCE] = -1
                return size
    return size


@_jit
def room_made(
    ranks: I8, n_ranks: int, ages: I8, n_ages: int, entries: I8, held: int, capacity: int,
    now: int, ttl: int, policy: int,
) -> tuple[int, int, int]:  # fmt: skip
    """(items, items, entries held) once a full cache has room for one more: expired ones leave first."""
    if held >= capacity:
        n_ages, dropped = drop_expired(ages, n_ages, entries, now, ttl)
        held -= dropped
    if held >= capacity:
        n_ranks = drop_lowest(ranks, n_ranks, entries, policy)
        held -= 1
    return n_ranks, n_ages, held


@_jit
def roomy(heap: I8, size: int) -> I8:
    """The heap with room for one more item."""
    if size < len(heap):
        return heap
    more = np.empty((2 * len(heap), 3), np.int64)
    more[: len(heap)] = heap
    return more


@_jit
def nearest(
    key: int, now: int, entries: I8, offsets: I8, neighbour: I4, similarity: I4, threshold: int,
    ttl: int,
) -> tuple[int, int]:  # fmt: skip
    """(key, similarity) of the nearest living entry; (-1, 0): none."""
    if threshold > _PPM:
        return -1, 0
    if entries[key, _SOURCE] >= 0 and now - entries[key, _SINCE] < ttl:
        return key, _PPM
    for edge in range(offsets[key], offsets[key + 1]):
        if similarity[edge] < threshold:
            break
        other = neighbour[edge]
        if entries[other, _SOURCE] >= 0 and now - entries[other, _SINCE] < ttl:
            return other, similarity[edge]
    return -1, 0


@_jit
def replay_all(
    keys: I4, at_us: I8, ready_us: I8, by_ready: I8, offsets: I8, neighbour: I4, similarity: I4,
    threshold: int, ttl: int, capacity: int, policy: int, refresh: bool,
) -> tuple[I4, I4]:  # fmt: skip
    """(source, similarity) of every arrival."""
    n, n_keys = len(keys), len(offsets) - 1
    source, alike = np.full(n, -1, np.int32), np.zeros(n, np.int32)
    entries = np.full((n_keys, 5), -1, np.int64)
    bounded = capacity < n_keys
    ranks, ages = np.empty((64, 3), np.int64), np.empty((64, 3), np.int64)
    n_ranks, n_ages, held, tick, done = 0, 0, 0, 0, 0
    for i in range(n):
        now = at_us[i]
        while done < n and ready_us[by_ready[done]] <= now and by_ready[done] < i:
            j = by_ready[done]
            done += 1
            if source[j] >= 0 or capacity <= 0:
                continue
            key = keys[j]
            if bounded and entries[key, _SOURCE] < 0:
                n_ranks, n_ages, held = room_made(
                    ranks, n_ranks, ages, n_ages, entries, held, capacity, ready_us[j], ttl, policy
                )
                held += 1
            tick += 1
            entry = entries[key]
            entry[_SOURCE], entry[_STORED], entry[_USED] = j, tick, tick
            entry[_SINCE], entry[_USES] = ready_us[j], 0
            if bounded:
                ranks, ages = roomy(ranks, n_ranks), roomy(ages, n_ages)
                first, second = rank(entry, policy)
                n_ranks = push(ranks, n_ranks, first, second, key)
                n_ages = push(ages, n_ages, ready_us[j], tick, key)
        found, similar = nearest(
            keys[i], now, entries, offsets, neighbour, similarity, threshold, ttl
        )
        if found >= 0:
            entry = entries[found]
            tick += 1
            source[i], alike[i] = entry[_SOURCE], similar
            entry[_USED] = tick
            entry[_USES] += 1
            if refresh:
                entry[_SINCE] = now
            if bounded:
                ranks, ages = roomy(ranks, n_ranks), roomy(ages, n_ages)
                first, second = rank(entry, policy)
                n_ranks = push(ranks, n_ranks, first, second, found)
                n_ages = push(ages, n_ages, entry[_SINCE], tick, found)
    return source, alike
