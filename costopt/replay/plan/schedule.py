"""When each planned request would go out: the chains of the execution, each answer as slow as logged."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence

from costopt.replay.execute.chains import Chain, chains
from costopt.replay.items import Item
from costopt.replay.plan.exposure import BATCH_TIER

USUAL_LATENCY_MS = 2_000.0
"""Of an answer whose log has no latency: what spaces the requests of a session."""


def starts(items: Sequence[Item], lanes: int, latency_ms: Mapping[str, float]) -> dict[str, float]:
    """Item id to milliseconds after the start. Lines of a batch go out at once, side by side."""
    found = {i.id: 0.0 for i in items if i.request.service_tier == BATCH_TIER}
    waiting = deque(chains(i for i in items if i.id not in found))
    busy: list[tuple[float, int, Chain]] = []
    now, number = 0.0, 0
    while waiting or busy:
        while waiting and len(busy) < max(1, lanes):
            chain, at = waiting.popleft(), now
            for item in chain.items:
                found[item.id] = at
                at += latency_ms[item.id]
            heapq.heappush(busy, (at, number, chain))
            number += 1
        now, _, ended = heapq.heappop(busy)
        waiting.extend(ended.then)
    return found
