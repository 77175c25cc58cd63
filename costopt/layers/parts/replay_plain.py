"""The specification of a cache's replay, written to be read: one arrival after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from costopt.layers.eviction import eviction
from costopt.layers.parts.graph import PPM, Arrivals, Graph, Rules, Served


@dataclass
class _Entry:
    """A stored answer. Ticks count the cache's events."""

    source: int
    stored: int
    used: int
    since_us: int
    uses: int = 0


class _Cache:
    def __init__(self, rules: Rules) -> None:
        self.rules, self.policy = rules, eviction(rules.eviction)
        self.entries: dict[int, _Entry] = {}
        self.tick = 0

    def alive(self, key: int, now_us: int) -> bool:
        entry = self.entries.get(key)
        return entry is not None and now_us - entry.since_us < self.rules.ttl_us

    def store(self, key: int, source: int, ready_us: int) -> None:
        """Into the cache; an entry of the same key is replaced. Expired ones make room first."""
        if self.rules.capacity <= 0:
            return
        if key not in self.entries and len(self.entries) >= self.rules.capacity:
            self._make_room(ready_us)
        self.tick += 1
        self.entries[key] = _Entry(source, self.tick, self.tick, ready_us)

    def _make_room(self, now_us: int) -> None:
        for key in [k for k in self.entries if not self.alive(k, now_us)]:
            del self.entries[key]
        if len(self.entries) >= self.rules.capacity:
            rank = self.policy.rank
            del self.entries[
                min(self.entries.items(), key=lambda e: rank(e[1].stored, e[1].used, e[1].uses))[0]
            ]

    def use(self, key: int, now_us: int) -> int:
        """Serve from an entry: the arrival that made it."""
        entry = self.entries[key]
        self.tick += 1
        entry.used, entry.uses = self.tick, entry.uses + 1
        if self.rules.refresh:
            entry.since_us = now_us
        return entry.source


def replay_plain(arrivals: Arrivals, graph: Graph, rules: Rules) -> Served:
    """Every arrival in turn: store what has been answered by now, look up, be served or be sent."""
    n = arrivals.n
    source, alike = np.full(n, -1, np.int32), np.zeros(n, np.int32)
    cache, waiting, at = _Cache(rules), arrivals.by_ready.tolist(), arrivals.at_us.tolist()
    ready, key, done = arrivals.ready_us.tolist(), arrivals.key.tolist(), 0
    for i in range(n):
        # An arrival that comes later than this one has not been decided, even at the same instant.
        while done < n and ready[waiting[done]] <= at[i] and waiting[done] < i:
            j = waiting[done]
            if source[j] < 0:
                cache.store(key[j], j, ready[j])
            done += 1
        found = _nearest(cache, graph, key[i], at[i])
        if found is not None:
            source[i], alike[i] = cache.use(found[0], at[i]), found[1]
    return Served(source, alike)


def _nearest(cache: _Cache, graph: Graph, key: int, now_us: int) -> tuple[int, int] | None:
    """(key, similarity) of the nearest living entry that is alike enough."""
    threshold = cache.rules.threshold_ppm
    if threshold > PPM:
        return None
    if cache.alive(key, now_us):
        return key, PPM
    for edge in range(int(graph.offsets[key]), int(graph.offsets[key + 1])):
        alike, other = int(graph.similarity_ppm[edge]), int(graph.neighbour[edge])
        if alike < threshold:
            return None
        if cache.alive(other, now_us):
            return other, alike
    return None
