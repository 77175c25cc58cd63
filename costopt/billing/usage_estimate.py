"""Token counts for calls whose log has the text but no usage: counted, and labelled as estimated.

Estimates are the bill only where the log reports no usage at all. Beside calls that report theirs, those
without stand beside the bill with bounds, so that a bill never mixes what was charged with what was counted,
and a log's bill does not depend on whether its text was kept.

A call whose request or answer text lacks stays missing: for those, bounds instead of a number. A
failed call without usage was not charged and is not missing. What no log shows stays uncounted:
hidden reasoning, and how much of the input the provider's cache served (all is taken as fresh).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costopt.billing.meter import meter
from costopt.billing.segment_counts import counted, per_call
from costopt.model.call import CallStatus, SegmentKind, UsageState
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.ports import TokenCounter
from costopt.model.select import select
from costopt.model.trace import Ragged, Trace
from costopt.model.view import View
from costopt.money import exact_sum
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]

MESSAGE_TOKENS = 4
"""Role and separators around each message; REPLY_TOKENS prime the answer. "How to count tokens with
tiktoken", https://github.com/openai/openai-cookbook, checked 2026-11-24 (3 a message, 1 its role)."""
REPLY_TOKENS = 3
ANTHROPIC_TOOL_PROMPT_TOKENS = 346
"""The prompt that Anthropic adds when tools are given (Claude 4, `tool_choice` auto).
https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview, checked 2026-11-24."""
_MIN_REPORTED = 5
_INPUT_AS = (
    Leaf.INPUT_FRESH, Leaf.CACHE_READ, Leaf.CACHE_WRITE_5M, Leaf.CACHE_WRITE_1H,
    Leaf.CACHE_WRITE_OTHER,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimates:
    """A trace as it is billed, and with every count that its text gives."""

    billed: Trace
    shown: Trace
    """Calls counted from text are ESTIMATED here; in `billed` they stay MISSING where others report."""

    @property
    def beside(self) -> bool:
        """The counted calls stand beside the bill, not in it."""
        return self.shown is not self.billed


def estimates(trace: Trace, full: Trace, tokens: TokenCounter) -> Estimates:
    """Count what can be counted. `full`: all that was read, of which `trace` may be a slice."""
    shown = with_estimates(trace, tokens)
    reported = (full.usage_state == UsageState.REPORTED) & (full.status == CallStatus.OK)
    return Estimates(trace if reported.any() else shown, shown)


def with_estimates(trace: Trace, tokens: TokenCounter) -> Trace:
    """The trace with counted leaves where both texts are in the log; their state says ESTIMATED."""
    rows = np.flatnonzero(_missing(trace) & _has_request(trace) & _has_answer(trace))
    if len(rows) == 0:
        return trace
    leaves, state = trace.leaves.copy(), trace.usage_state.copy()
    part = select(trace, rows)
    inputs, answers = _counted_input(trace, part, tokens), _counted_answer(part, tokens)
    leaves[rows] = 0
    leaves[rows, Leaf.INPUT_FRESH] = inputs
    leaves[rows, Leaf.OUTPUT_TEXT] = answers[0]
    leaves[rows, Leaf.OUTPUT_REASONING] = answers[1]
    state[rows] = UsageState.ESTIMATED
    return replace(trace, leaves=leaves, usage_state=state)


def missing_range(trace: Trace, prices: PriceBook, tokens: TokenCounter) -> tuple[int, int] | None:
    """Pico-dollars that the calls without usage cost at least and at most, together.

    Input: the text there is, else up to the model's largest reported one; read from the cache at
    best, written to it at worst. Output: the text, else up to `max_tokens` or the largest reported.
    None: nothing is missing, or nothing bounds it. Calls without a price are left out.
    """
    rows = np.flatnonzero(_missing(trace))
    if len(rows) == 0:
        return None
    part = select(trace, rows)
    inputs = _bounds_in(trace, part, tokens)
    outputs = _bounds_out(trace, part, tokens)
    low, any_low = _extreme(part, prices, inputs[0], outputs[0], np.minimum)
    high, any_high = _extreme(part, prices, inputs[1], outputs[1], np.maximum)
    unbounded = any_high & ((inputs[1] < 0) | (outputs[1] < 0))
    if unbounded.any() or not any_low.any():
        return None
    return int(exact_sum(low[any_low])), int(exact_sum(high[any_high]))


def _missing(trace: Trace) -> NDArray[np.bool_]:  # [call]
    """Charged by the provider, as far as the log tells, but without counts."""
    charged = (trace.status != CallStatus.FAILED) & (trace.status != CallStatus.GATEWAY_HIT)
    return (trace.usage_state == UsageState.MISSING) & charged


def _countable(trace: Trace, block: Ragged) -> NDArray[np.bool_]:  # [call]
    """Every block of the call has text, a known count, or is a picture (counted at a usual size)."""
    table = trace.segments
    seen = table.has_text | (table.tokens >= 0) | (table.kind == SegmentKind.IMAGE)
    blind = per_call(block, (~seen[block.ids]).astype(np.int64))
    return (blind == 0) & (block.lengths > 0)


def _has_request(trace: Trace) -> NDArray[np.bool_]:
    return trace.has_content & _countable(trace, trace.request)


def _has_answer(trace: Trace) -> NDArray[np.bool_]:
    return _countable(trace, trace.response)


def _counted_input(trace: Trace, part: Trace, tokens: TokenCounter) -> Int:
    """Text, framing, and what the agent's reported calls show beyond both (a hidden prompt)."""
    shown = _visible_input(part, tokens)
    return shown + _surplus(trace, part, tokens)


def _visible_input(part: Trace, tokens: TokenCounter) -> Int:
    counts = counted(part.request, part, tokens)
    shown = per_call(part.request, counts) + MESSAGE_TOKENS * part.request.lengths + REPLY_TOKENS
    kind = part.segments.kind[part.request.ids]
    with_tools = per_call(part.request, (kind == SegmentKind.TOOLS).astype(np.int64)) > 0
    return shown + np.where(with_tools & _is_claude(part), ANTHROPIC_TOOL_PROMPT_TOKENS, 0)


def _is_claude(part: Trace) -> NDArray[np.bool_]:
    model = part.dims["model"]
    claude = np.array(["claude" in v.lower() for v in model.values], np.bool_)
    return claude[model.codes]


def _surplus(trace: Trace, part: Trace, tokens: TokenCounter) -> Int:
    """[call of part]: median of reported minus counted input of the same model and agent."""
    known = (trace.usage_state == UsageState.REPORTED) & _has_request(trace)
    known &= (trace.input_tokens > 0) & (trace.requests == 1)
    out = np.zeros(part.n, np.int64)
    mine, theirs = _agent(part), _agent(trace)
    for group in np.unique(mine).tolist():
        rows = np.flatnonzero(known & (theirs == group))
        if len(rows) >= _MIN_REPORTED:
            beside = select(trace, rows)
            left = beside.input_tokens - _visible_input(beside, tokens)
            out[mine == group] = max(0, int(np.median(left)))
    return out


def _agent(trace: Trace) -> Int:  # [call]: code of (model, agent)
    model, agent = trace.dims["model"], trace.dims["agent"]
    return model.codes.astype(np.int64) * len(agent.values) + agent.codes


def _counted_answer(part: Trace, tokens: TokenCounter) -> tuple[Int, Int]:
    """[call]: visible tokens, and reasoning tokens as far as the log shows the reasoning."""
    counts = counted(part.response, part, tokens)
    thought = part.segments.kind[part.response.ids] == SegmentKind.REASONING
    visible = per_call(part.response, np.where(thought, 0, counts))
    return visible, per_call(part.response, np.where(thought, counts, 0))


def _bounds_in(trace: Trace, part: Trace, tokens: TokenCounter) -> tuple[Int, Int]:
    """[call]: least and most input; most is -1 where nothing bounds it."""
    shown = np.where(part.has_content, _visible_input(part, tokens), 0)
    most = _largest(trace, part, trace.input_tokens)
    whole = _has_request(part)
    return shown, np.where(whole, shown, np.where(most >= 0, np.maximum(most, shown), -1))


def _bounds_out(trace: Trace, part: Trace, tokens: TokenCounter) -> tuple[Int, Int]:
    visible, thought = _counted_answer(part, tokens)
    shown = visible + thought
    most = _largest(trace, part, trace.output_tokens)
    most = np.where(part.max_tokens > 0, part.max_tokens, most)
    whole = _has_answer(part)
    return shown, np.where(whole, shown, np.where(most >= 0, np.maximum(most, shown), -1))


def _largest(trace: Trace, part: Trace, values: Int) -> Int:
    """[call of part]: the largest reported value of its model; -1: none is reported."""
    codes = trace.dims["model"].codes
    known = (trace.usage_state == UsageState.REPORTED) & (trace.requests == 1)
    most = np.full(len(trace.dims["model"].values), -1, np.int64)
    np.maximum.at(most, codes[known], values[known])
    return most[part.dims["model"].codes]


def _extreme(
    part: Trace, prices: PriceBook, inputs: Int, outputs: Int, better: np.ufunc
) -> tuple[Int, NDArray[np.bool_]]:
    """[call]: least or most dollars over the ways its input may be charged; whether any is priced."""
    best, known = np.zeros(part.n, np.int64), np.zeros(part.n, np.bool_)
    for leaf in _INPUT_AS:
        net, priced = _priced(part, prices, leaf, inputs, outputs)
        best = np.where(priced, np.where(known, better(best, net), net), best)
        known |= priced
    return best, known


def _priced(
    part: Trace, prices: PriceBook, leaf: Leaf, inputs: Int, outputs: Int
) -> tuple[Int, NDArray[np.bool_]]:
    leaves = np.zeros((part.n, N_LEAVES), np.int64)
    leaves[:, leaf], leaves[:, Leaf.OUTPUT_TEXT] = np.maximum(inputs, 0), np.maximum(outputs, 0)
    state = np.full(part.n, UsageState.ESTIMATED, np.int8)
    bill = meter(View.of(replace(part, leaves=leaves, usage_state=state)), prices)
    return bill.net_pusd, bill.priced
