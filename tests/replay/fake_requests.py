"""Requests of a view block by block, for tests that are not about how requests are written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from costopt.engine.evaluate import Evaluator
from costopt.engine.policy import Policy
from costopt.model.call import Breakpoint, Call, SegmentKind
from costopt.model.exchange import Block, Request
from costopt.model.ports import Texts
from costopt.model.view import View
from costopt.replay.items import Plan
from costopt.replay.money import Money
from costopt.replay.plan.plan import make_plan
from costopt.replay.plan.sends import Make
from costopt.replay.terms import Terms
from tests.engine.stories import calls_of as stories
from tests.fakes import FakeBook


@dataclass
class Plain:
    """Every segment a block; calls in `refused` cannot be built."""

    view: View
    texts: Texts
    refused: frozenset[str] = frozenset()
    built: list[int] = field(default_factory=list)

    def build(self, row: int) -> Request | str:
        self.built.append(row)
        view, trace = self.view, self.view.trace
        if trace.id[row] in self.refused:
            return "an image that the ledger does not keep"
        ids = view.request.row(row)
        flags = view.request.flags[view.request.offsets[row] : view.request.offsets[row + 1]]
        texts = self.texts.get(ids)
        if None in texts:
            return "a text was not kept"
        kinds, names = view.segments.kind, view.segments.name
        blocks = tuple(
            Block(
                SegmentKind(int(kinds[s])), str(text), names.values[names.codes[s]],
                breakpoint=Breakpoint(int(flag)),
            )
            for s, text, flag in zip(ids.tolist(), texts, flags.tolist(), strict=True)
        )  # fmt: skip
        limit = int(view.max_tokens[row])
        return Request(
            view.provider.values[view.provider.codes[row]],
            view.model.values[view.model.codes[row]], blocks, None if limit < 0 else limit,
            service_tier=view.service_tier.values[view.service_tier.codes[row]],
        )  # fmt: skip


def calls_of(sessions: int, **more: Any) -> list[Call]:
    """The engine's stories, with what the tools found as words of the user: no call stands before it."""
    calls = stories(sessions, **more)
    for one in calls:
        for segment in one.request or ():
            if segment.kind is SegmentKind.TOOL_RESULT:
                segment.kind, segment.name = SegmentKind.USER, ""
    return calls


def plan_of(
    evaluator: Evaluator, *layers: Any, money: Money | None = None,
    refused: frozenset[str] = frozenset(), endpoint: str = "api.example.com",
    providers: Collection[str] | None = None, make: Make | None = None, **terms: Any,
) -> Plan:  # fmt: skip
    """A plan over plain requests at the fake book's prices."""
    return make_plan(
        evaluator, Policy(layers), Terms(**terms), money or Money(FakeBook()), endpoint=endpoint,
        providers=providers, make=make or (lambda view, texts, signed: Plain(view, texts, refused)),
    )  # fmt: skip
