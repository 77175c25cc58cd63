"""A ledger in memory, lines to send, and a provider's batch API without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from costopt.model.call import SegmentKind
from costopt.model.exchange import (
    Answer,
    Attempt,
    Block,
    Completion,
    Origin,
    Outcome,
    Refusal,
    Request,
    Settled,
)
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.replay.items import Arm, Half, Item, Predicted

WORST = 1_000


class MemoryLedger:
    """`ReplayLedger` as a list; a new process reads the same one."""

    def __init__(self) -> None:
        self.rows: list[tuple[Attempt, Settled | None]] = []
        self.noted: dict[str, str] = {}
        self.told: list[str] = []

    def begin(self, dataset: str, plan: str, head: Mapping[str, Any]) -> int:
        return 1

    def unfinished(self, plan: str) -> int | None:
        return 1

    def open(self, attempts: Sequence[Attempt]) -> None:
        self.told.append("open")
        self.rows += [(a, None) for a in attempts]

    def settle(self, settled: Sequence[Settled]) -> None:
        self.told.append("settle")
        last = {(s.item, s.number): s for s in settled}
        self.rows = [(a, last.get((a.item, a.number), s)) for a, s in self.rows]

    def note_job(self, run: int, mark: str, job: str) -> None:
        self.told.append("note")
        self.noted[mark] = job

    def jobs(self, run: int) -> Mapping[str, str]:
        return dict(self.noted)

    def attempts(self, run: int) -> list[tuple[Attempt, Settled | None]]:
        return list(self.rows)

    def finish(self, run: int, summary: Mapping[str, Any]) -> None: ...

    def spent_pusd(self, run: int) -> int:
        return sum(s.usd_pusd if s else a.worst_pusd for a, s in self.rows)


class HalfPrice:
    """A token is 10 pico-dollars, 5 in a batch."""

    def cost(
        self, provider: str, model: str, leaves: Sequence[int], tier: str = "default",
        web_searches: int = 0, extra: Sequence[tuple[str, Sequence[int]]] = (),
    ) -> int | None:  # fmt: skip
        return sum(leaves) * (5 if tier == "batch" else 10)


class Clock:
    """Microseconds that pass only where somebody waits."""

    def __init__(self) -> None:
        self.us = 1_790_000_000_000_000

    def now(self) -> int:
        return self.us

    async def sleep(self, seconds: float) -> None:
        self.us += int(seconds * 1_000_000)


def line(n: int, model: str = "gpt-5.2", provider: str = "openai", **request: Any) -> Item:
    """The nth line: asks `question n`."""
    asked = Request(
        provider, model, (Block(SegmentKind.USER, f"question {n}"),), max_tokens=64,
        service_tier="batch",
    )  # fmt: skip
    nothing = Predicted(10, 0.0, 0.0, 0, 10, 100, None, None)
    return Item(
        f"{n:016x}", Arm.POLICY, n, f"call-{n}", n, 0, "batch", (), n, Half.WRITES,
        replace(asked, **request), model, nothing, 100, WORST,
    )  # fmt: skip


def leaves(fresh: int, text: int) -> tuple[int, ...]:
    out = [0] * N_LEAVES
    out[Leaf.INPUT_FRESH], out[Leaf.OUTPUT_TEXT] = fresh, text
    return tuple(out)


def completion(said: str) -> Completion:
    """20 tokens."""
    answer = Answer((Block(SegmentKind.ASSISTANT, said),), "stop", leaves(12, 8))
    return Completion(answer, Origin.ENDPOINT, {"usage": {"service_tier": "batch"}}, 754_000.0)


@dataclass
class FakeBatches:
    """`BatchEndpoint`: jobs end after `polls` looks; every line is answered unless `lines` says else."""

    polls: int = 1
    submits: list[Any] = field(default_factory=list)
    """What the next submissions say instead; `"lost"`: carried out, the answer is lost."""
    finds: list[Any] = field(default_factory=list)
    """What the next searches say instead."""
    collects: list[Any] = field(default_factory=list)
    lines: dict[str, Outcome | None] = field(default_factory=dict)
    """custom_id to its outcome; None: not mentioned in the results."""
    jobs: dict[str, list[str]] = field(default_factory=dict)
    """Provider id to its custom_ids."""
    marks: dict[str, str] = field(default_factory=dict)
    looks: int = 0
    name: str = "batches of a test"
    origin: Origin = Origin.ENDPOINT

    async def submit(self, requests: Sequence[tuple[str, Request]], mark: str) -> str | Refusal:
        instead = self.submits.pop(0) if self.submits else None
        if isinstance(instead, Refusal) and instead.trouble != "unsure":
            return instead
        job = f"job{len(self.jobs) + 1}"
        self.jobs[job], self.marks[mark] = [custom_id for custom_id, _ in requests], job
        if instead == "killed":
            raise KeyboardInterrupt
        return instead if isinstance(instead, Refusal) else job

    async def find(self, mark: str) -> str | None | Refusal:
        if self.finds:
            return self.finds.pop(0)
        return self.marks.get(mark)

    async def collect(self, job: str) -> Mapping[str, Outcome] | None | Refusal:
        self.looks += 1
        if self.collects:
            return self.collects.pop(0)
        if self.looks <= self.polls:
            return None
        said = {i: self.lines.get(i, completion(f"answer {i}")) for i in self.jobs[job]}
        return {i: outcome for i, outcome in said.items() if outcome is not None}

    async def close(self) -> None: ...
