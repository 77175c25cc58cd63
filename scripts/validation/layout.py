"""Prompts laid out anew on real traces: what is in order stays, and a clock put on top is found and mended.

The real logs are told twice: as recorded, and as they would have been with a clock on top of every system
prompt, when the provider's cache serves nothing (what it had read is paid as fresh input). The recorded bill
is then what a perfect layout of the second log comes to, but for the clock's own tokens. How much of the
difference the layer gets back is limited by what it may know: a log without a read cannot tell how often
this provider serves what it could, so the cache model takes the provider's rules.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from costopt.accel.artifacts import Artifacts
from costopt.accel.tokens import token_counter
from costopt.billing.prompt_cache.model import CacheModel
from costopt.engine.evaluate import Evaluator
from costopt.layers.prompt_layout import PromptLayout
from costopt.model.call import Call, Segment, SegmentKind, UsageState
from costopt.model.leaf import CACHE_READS, CACHE_WRITES, Leaf
from costopt.prices.book import load_book
from validation.cache_traces import loaded, mini_swe, tau2
from validation.table import Table

CLOCK = "The current time is {:%Y-%m-%d %H:%M:%S} UTC.\n"
CLOCK_TOKENS = 18
LAYERS = (PromptLayout(),)
MOST_OFF = 0.25
"""Of the dollars that the clock costs: the rules' hit rate may be a quarter off the provider's own."""


def run(shared: Path, table: Table) -> None:
    """Both logs of each trace."""
    for name, make in (("miniswe-gemini3", mini_swe), ("tau2-retail", tau2)):
        calls = make(shared)
        table.title(f"{name}: layout")
        recorded = _evaluator(calls)
        paid = recorded.value(())
        kept = (paid - recorded.value(LAYERS)) / paid
        table.at_most("as recorded: share of the bill that a layout saves", 0.02, kept)
        if prompts := _prompts(calls):
            _clocked(table, [_with_clock(c) for c in make(shared)], paid, prompts)
        else:
            table.shown("a clock on top", "the log shows no system prompt")


def _clocked(table: Table, calls: Sequence[Call], paid: int, prompts: int) -> None:
    """`paid`: pico-dollars of the log as recorded. `prompts`: calls that carry the clock."""
    broken = _evaluator(calls)
    lost = broken.value(()) - paid
    moved = broken.effect(LAYERS).tally.get("moved_segments", 0)
    back = (broken.value(()) - broken.value(LAYERS)) / lost
    table.shown("a clock on top costs", f"{lost / paid:.0%} of the bill")
    table.equal("... calls in whose prompt it was found", prompts, moved)
    table.near("... share of its cost that the layer gets back", 1.0, back, MOST_OFF)


def _evaluator(calls: Sequence[Call]) -> Evaluator:
    found, book = loaded(list(calls)), load_book()
    tokens = token_counter(found.trace, found.texts)
    model = CacheModel.of(found.trace, book, tokens, found.texts)
    return Evaluator(found.trace, book, model, builder=Artifacts(None))


def _with_clock(call: Call) -> Call:
    """The call with a clock on top of its first system prompt, and nothing read from the cache."""
    request = list(call.request or ())
    at = next((i for i, s in enumerate(request) if s.kind == SegmentKind.SYSTEM), None)
    if at is None or call.usage.state != UsageState.REPORTED:
        return call
    time = dt.datetime.fromtimestamp((call.at_us or 0) / 1e6, dt.UTC)
    request[at] = Segment(SegmentKind.SYSTEM, CLOCK.format(time) + request[at].text)
    leaves = list(call.usage.leaves)
    for leaf in (*CACHE_READS, *range(CACHE_WRITES.start, CACHE_WRITES.stop)):
        leaves[Leaf.INPUT_FRESH] += leaves[leaf]
        leaves[leaf] = 0
    leaves[Leaf.INPUT_FRESH] += CLOCK_TOKENS
    return replace(call, request=request, usage=replace(call.usage, leaves=leaves))


def _prompts(calls: Sequence[Call]) -> int:
    return sum(any(s.kind == SegmentKind.SYSTEM for s in c.request or ()) for c in calls)
