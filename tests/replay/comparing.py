"""Plans and runs made by hand for the comparison: short words in, items and completions out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from costopt.model.call import SegmentKind
from costopt.model.exchange import (
    Answer,
    AttemptState,
    Block,
    Completion,
    Origin,
    Outcome,
    Refusal,
    Request,
    Trouble,
)
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.replay.compare.compare import Comparison, compare
from costopt.replay.compare.known import Known
from costopt.replay.executed import Done, Executed, RunState
from costopt.replay.items import Arm, Half, Item, Plan, Predicted

INPUT_RATE, READ_RATE, OUTPUT_RATE = 1_000_000, 100_000, 10_000_000
"""Pico-dollars a token."""


def said(text: str) -> tuple[Block, ...]:
    """A text, or a tool call where it is written `name!{arguments}`."""
    name, mark, arguments = text.partition("!")
    if mark and arguments[:1] == "{":
        return (Block(SegmentKind.TOOL_CALL, arguments, name, "id-" + name),)
    return (Block(SegmentKind.ASSISTANT, text),)


def leaves(fresh: int, out: int, read: int = 0, thought: int = 0) -> tuple[int, ...]:
    row = [0] * N_LEAVES
    row[Leaf.INPUT_FRESH], row[Leaf.CACHE_READ] = fresh - read, read
    row[Leaf.OUTPUT_TEXT], row[Leaf.OUTPUT_REASONING] = out - thought, thought
    return tuple(row)


def price(item: Item, tokens: Sequence[int]) -> int:
    """$1, $0.10 and $10 a million tokens; half of it in a batch."""
    fresh, read = tokens[Leaf.INPUT_FRESH], tokens[Leaf.CACHE_READ]
    out = tokens[Leaf.OUTPUT_TEXT] + tokens[Leaf.OUTPUT_REASONING]
    whole = fresh * INPUT_RATE + read * READ_RATE + out * OUTPUT_RATE
    return whole // 2 if item.request.service_tier == "batch" else whole


def predicted(
    into: int, out: int, read: float = 0.0, variance: float = 0.0, ms: float | None = 1000.0
) -> Predicted:
    usd = round((into - read) * INPUT_RATE + read * READ_RATE + out * OUTPUT_RATE)
    return Predicted(into, read, variance, 0, out, usd, ms, None if ms is None else ms / 2)


@dataclass
class Story:
    """A plan under construction, with what came back for each of its items."""

    items: list[Item] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    log: dict[int, tuple[Block, ...]] = field(default_factory=dict)
    """Row to the log's own answer."""
    not_measured: dict[str, str] = field(default_factory=dict)
    origin: Origin = Origin.ENDPOINT
    half: Half | None = None
    """Of items that are not told theirs; None: by the parity of their session."""

    def ask(
        self, arm: Arm, row: int, answer: str | None, *, layers: tuple[str, ...] = (),
        logged: str | None = "yes", into: int = 100, out: int = 10, read: int = 0, model: str = "m",
        served: str = "", half: Half | None = None, session: int | None = None, told: Any = None,
        **more: Any,
    ) -> Item:  # fmt: skip
        """One item; `answer` None: it failed. `told`: leaves as counted; `False`: no usage."""
        cluster = row if session is None else session
        request = Request(
            "p", served or model, (Block(SegmentKind.USER, f"call {row} " + "x" * 4 * into),)
        )
        request = replace(request, **more.pop("request", {}))
        item = Item(
            f"{len(self.items):016x}", arm, row, f"call-{row}", cluster, row,
            more.pop("stratum", layers[0] if layers else ""), layers, cluster,
            half or self.half or (Half.WRITES if cluster % 2 else Half.JUDGES), request, model,
            more.pop("predicted", predicted(into, out, read)), 1, 2, more.pop("reference", ""),
            more.pop("served_from", -1),
        )  # fmt: skip
        self.items.append(item)
        if logged is not None:
            self.log.setdefault(row, said(logged))
        self.outcomes[item.id] = self._outcome(
            item, answer, leaves(into, out, read) if told is None else told, more
        )
        return item

    def _outcome(
        self, item: Item, answer: str | None, tokens: Any, more: dict[str, Any]
    ) -> Outcome:
        if answer is None:
            return Refusal(Trouble.REFUSED, "no")
        got = Answer(
            said(answer), more.get("finish", "stop"), tokens or None,
            cached_known=more.get("cached_known", True), model=item.request.model,
            service_tier=more.get("tier", ""),
        )  # fmt: skip
        return Completion(got, self.origin, {}, more.get("ms", 900.0), more.get("ttft", 400.0))

    def plan(self) -> Plan:
        return Plan("plan", tuple(self.items), {}, (), 0, 0, {}, (), self.not_measured)

    def executed(self) -> Executed:
        done = {
            key: Done(key, AttemptState.FAILED if isinstance(o, Refusal) else AttemptState.ANSWERED, 1, 0, o)
            for key, o in self.outcomes.items()
        }  # fmt: skip
        return Executed(12, RunState.DONE, done, 0, 0, 0, 1.0)

    def compared(self, known: Known | None = None, **more: Any) -> Comparison:
        origin = more.pop("origin", self.origin)
        known = known or Known(price=price)
        return compare(
            self.plan(), self.executed(), self.log.get, origin=origin, known=known, **more
        )

    def changed(
        self, which: Callable[[Item], bool], tokens: Callable[[tuple[int, ...]], tuple[int, ...]]
    ) -> Story:
        """The same with other counts for some items, and other words too."""
        outcomes = dict(self.outcomes)
        for item in self.items:
            old = outcomes[item.id]
            if which(item) and isinstance(old, Completion):
                counts = old.answer.leaves
                new = replace(
                    old.answer, leaves=counts and tokens(counts), blocks=said("otherwise")
                )
                outcomes[item.id] = replace(old, answer=new, latency_ms=old.latency_ms * 3)
        return replace(self, outcomes=outcomes)


def doubled(counts: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(2 * n for n in counts)
