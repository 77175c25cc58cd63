"""Plans made by hand, an endpoint that says what it is told to, and prices of round numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from costopt.model.call import SegmentKind
from costopt.model.exchange import (
    Answer,
    Block,
    Completion,
    Origin,
    Outcome,
    Refusal,
    Request,
    Trouble,
)
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.replay.execute.limits import Patience
from costopt.replay.items import Arm, Half, Item, Plan, Predicted

WORST, CHARGE = 1_000, 100
"""Pico-dollars of each made request at worst, and of each answer of ten tokens at ten each."""
QUICK = Patience(base_s=0.004, cap_s=0.02, grace_s=0.2)


def request(
    text: str, model: str = "m", provider: str = "openai", tier: str = "default"
) -> Request:
    block = Block(SegmentKind.USER, text)
    return Request(provider, model, (block,), max_tokens=20, service_tier=tier)


def item(
    id: str, session: int = 0, place: int = 0, arm: Arm = Arm.POLICY, layers: tuple[str, ...] = (),
    worst: int = WORST, tier: str = "default", provider: str = "openai",
) -> Item:  # fmt: skip
    predicted = Predicted(10, 0.0, 0.0, 0, 10, CHARGE, None, None)
    return Item(
        id, arm, place, f"call {place}", session, place, "", layers, session, Half.JUDGES,
        request(f"{id} of {session}", tier=tier, provider=provider), "m", predicted, CHARGE, worst,
    )  # fmt: skip


def plan(items: Sequence[Item], id: str = "plan") -> Plan:
    worst = sum(i.worst_pusd for i in items)
    return Plan(id, tuple(items), {}, (), len(items) * CHARGE, worst, {})


def sessions(count: int, turns: int, **more: object) -> list[Item]:
    return [
        item(f"s{s:03}t{t:03}", session=s, place=t, **more)  # type: ignore[arg-type]
        for s in range(count)
        for t in range(turns)
    ]


def answer(tokens: int | None = 10, tier: str = "") -> Completion:
    leaves = (
        None
        if tokens is None
        else tuple(tokens if n == Leaf.OUTPUT_TEXT else 0 for n in range(N_LEAVES))
    )
    said = Answer((Block(SegmentKind.ASSISTANT, "yes"),), "stop", leaves, service_tier=tier)
    return Completion(said, Origin.ENDPOINT, {"id": "the same for all"}, 1.0)


def refusal(trouble: Trouble, status: int | None = None, after: float | None = None) -> Refusal:
    return Refusal(trouble, f"the server says {trouble.value}", "look there", status, after)


class TenEach:
    """Ten pico-dollars a token; a batch half of it; `free` models have no price."""

    def cost(
        self, provider: str, model: str, leaves: Sequence[int], tier: str = "default",
        web_searches: int = 0, extra: Sequence[tuple[str, Sequence[int]]] = (),
    ) -> int | None:  # fmt: skip
        if model == "unpriced":
            return None
        return sum(leaves) * (5 if tier == "batch" else 10)


@dataclass
class Told:
    """An `Endpoint` that answers by script, item by item; what it saw stands in `seen`."""

    script: Mapping[str, Sequence[Outcome]] = field(default_factory=dict)
    otherwise: Callable[[str, int], Outcome] = lambda item, nth: answer()
    latency_s: float = 0.001
    origin: Origin = Origin.ENDPOINT
    name: str = "made endpoint"
    seen: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    most: int = 0
    closed: int = 0
    under_way: int = 0
    before: Callable[[str], None] | None = None
    """Called when a request arrives."""

    async def complete(self, request: Request, item: str) -> Outcome:
        nth = self.seen.count(item)
        self.seen.append(item)
        self.at.append(asyncio.get_running_loop().time())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.before:
            self.before(item)
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.under_way -= 1
        lines = self.script.get(item, ())
        found = lines[nth] if nth < len(lines) else self.otherwise(item, nth)
        if isinstance(found, Completion) and self.origin is not Origin.ENDPOINT:
            return replace(found, origin=self.origin)
        return found

    async def close(self) -> None:
        self.closed += 1
