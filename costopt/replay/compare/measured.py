"""Which rows measure anything: those that the endpoint itself answered and counted.

A replay that compares the log with itself proves nothing, so what the log recorded or a mock made up is
refused here, once, for tokens, dollars, times and answers alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from costopt.billing.labels import CUT_WORDS
from costopt.model.call import SegmentKind
from costopt.model.exchange import AttemptState, Completion, Origin, Refusal, Request
from costopt.model.leaf import CACHE_READS, INPUT, OUTPUT, Leaf
from costopt.replay.executed import Done, Executed
from costopt.replay.items import Item, Plan

MIN_SIZES = 3
"""Requests of different length with the same count before the count is called invented."""
LENGTH_FACTOR = 2.0
"""The longest of them is at least so many times the shortest. No tokenizer gives both one count."""
LENGTH_CHARS = 400
"""And longer by so much: between `a` and `aaaa` a tokenizer may see no difference."""
RECORDED = "The answers are the log's own: they prove plumbing and prices, and measure nothing."
MOCK = "The server says of itself that it invents its answers: nothing it counts is measured."
CONSTANT = (
    "The server gave one input count for requests of very different length (made up, or cut to its "
    "context window): nothing it counts is measured."
)
NOTHING = "No request was answered."


@dataclass(frozen=True)
class Row:
    """A planned request that the endpoint answered."""

    item: Item
    completion: Completion

    @property
    def leaves(self) -> tuple[int, ...] | None:
        """[leaf] as the provider counted; None: it gave no usage."""
        return self.completion.answer.leaves

    @property
    def input_tokens(self) -> int | None:
        return None if self.leaves is None else sum(self.leaves[INPUT])

    @property
    def output_tokens(self) -> int | None:
        return None if self.leaves is None else sum(self.leaves[OUTPUT])

    @property
    def visible_tokens(self) -> int | None:
        """Output without reasoning."""
        if self.leaves is None:
            return None
        return sum(self.leaves[OUTPUT]) - self.leaves[Leaf.OUTPUT_REASONING]

    @property
    def cache_read_tokens(self) -> int | None:
        """None where the endpoint does not say: 0 stands for unknown there."""
        if self.leaves is None or not self.completion.answer.cached_known:
            return None
        return sum(self.leaves[leaf] for leaf in CACHE_READS)

    @property
    def cut(self) -> bool:
        """The answer ended at its limit."""
        return self.completion.answer.finish.lower() in CUT_WORDS

    @property
    def cut_by_replay(self) -> bool:
        """The limit that cut it is the replay's own cap: in production the answer would go on."""
        own, cap = self.item.request.max_tokens, self.item.request.cap_tokens
        return self.cut and cap is not None and (own is None or cap < own)


@dataclass(frozen=True)
class Measured:
    """The rows that count, or why there are none."""

    rows: tuple[Row, ...]
    origin: Origin
    reason: str = ""
    """Why nothing is measured; empty: the rows are."""
    unanswered: Mapping[str, int] = field(default_factory=dict)
    """Why planned requests have no answer, to how many."""

    @cached_property
    def by_id(self) -> dict[str, Row]:
        return {row.item.id: row for row in self.rows}


def measured_rows(plan: Plan, executed: Executed, origin: Origin) -> Measured:
    """All rows with an answer of the endpoint. `origin`: the endpoint's own word for itself."""
    answered, counted = _answered(plan, executed)
    missing = dict(sorted(counted.items()))
    told = {row.completion.origin for row in answered} | {origin}
    if Origin.MOCK in told:
        return Measured((), Origin.MOCK, MOCK, missing)
    if origin == Origin.RECORDED:
        return Measured((), Origin.RECORDED, RECORDED, missing)
    rows = tuple(r for r in answered if r.completion.origin == Origin.ENDPOINT)
    if len(rows) < len(answered):
        missing["answered from the log"] = len(answered) - len(rows)
    if constant_usage(rows):
        return Measured((), Origin.MOCK, CONSTANT, missing)
    return Measured(rows, origin, "" if rows else NOTHING, missing)


def constant_usage(rows: Iterable[Row]) -> bool:
    """At least half of the rows stand in groups of one input count and very different lengths."""
    groups: dict[int, list[int]] = {}
    for row in rows:
        count = row.input_tokens
        if count is not None:
            groups.setdefault(count, []).append(text_length(row.item.request))
    all_rows = sum(len(lengths) for lengths in groups.values())
    constant = sum(len(lengths) for lengths in groups.values() if _clearly_different(lengths))
    return bool(all_rows) and 2 * constant >= all_rows


def text_length(request: Request) -> int:
    """Characters of a request that a tokenizer reads. Pictures and files are counted by other rules."""
    other = (SegmentKind.IMAGE, SegmentKind.FILE)
    return sum(len(block.text) for block in request.blocks if block.kind not in other)


def _clearly_different(lengths: Sequence[int]) -> bool:
    low, high = min(lengths), max(lengths)
    far = high >= LENGTH_FACTOR * low and high - low >= LENGTH_CHARS
    return len(set(lengths)) >= MIN_SIZES and far


def _answered(plan: Plan, executed: Executed) -> tuple[list[Row], Counter[str]]:
    rows: list[Row] = []
    missing: Counter[str] = Counter()
    for item in plan.items:
        done = executed.done.get(item.id)
        if done is not None and isinstance(done.outcome, Completion):
            rows.append(Row(item, done.outcome))
        else:
            missing[_why(done)] += 1
    return rows, missing


def _why(done: Done | None) -> str:
    if done is None:
        return "not sent"
    if done.state in (AttemptState.IN_DOUBT, AttemptState.OPEN):
        return "in doubt"
    if done.state == AttemptState.UNREADABLE:
        return "unreadable"
    refused = isinstance(done.outcome, Refusal)
    return "failed" if refused or done.state == AttemptState.FAILED else "without an answer"
