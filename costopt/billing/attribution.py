"""Lays the bill over the parts of every request and answer; the parts sum to it exactly.

Counted tokens are scaled to what the provider reported. Reported input that no visible part explains
is the hidden prefix and stands first. Cached input fills a request from its front, then what was
written to the cache, then fresh input, each at the price really paid.

Every split is by cumulative rounding: a part gets floor(amount x tokens up to its end / all tokens)
minus the same at its start. It sums exactly, needs no sorting, and each part is off by less than one
unit. `attribution_plain.py` says the same slowly and is the specification.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import Attribution
from costopt.billing.pools import Pools, pools_of
from costopt.billing.prompt_cache.hidden import hidden_prefix
from costopt.billing.resent import resent_uses
from costopt.billing.segment_counts import chunks, counted, per_call
from costopt.model.bill import Bill
from costopt.model.call import SegmentKind
from costopt.model.leaf import Leaf
from costopt.model.ports import TokenCounter
from costopt.model.trace import Ragged, Trace

Int = NDArray[np.int64]

UNSEEN_OUTPUT_FACTOR, UNSEEN_OUTPUT_TOKENS = 2, 64
"""An answer charged for more than this many times its visible tokens, and this many above them, has
a part that the log does not show (hidden thinking): that part is named, not smeared over the text."""


def attribute(trace: Trace, bill: Bill, tokens: TokenCounter) -> Attribution:
    """Tokens and dollars of every segment use, of the hidden prefix and of each call's output."""
    pools = pools_of(bill)
    counts = counted(trace.request, trace, tokens)
    shown = per_call(trace.request, counts)
    hidden = hidden_tokens(trace, shown)
    uses = _input_uses(trace, pools, counts, shown, hidden)
    answers = _output_uses(trace, pools, tokens)
    spent = per_call(trace.request, uses.pusd)
    read = np.minimum(hidden, trace.cache_read)
    models = np.unique(trace.dims["model"].codes).tolist()
    labels = [tokens.label(trace.dims["model"].values[m]) for m in models]
    return Attribution(
        use_tokens=uses.tokens,
        use_cached_tokens=uses.cached,
        use_pusd=uses.pusd,
        use_resent=resent_uses(trace),
        hidden_tokens=hidden,
        hidden_cached_tokens=read,
        hidden_pusd=pools.input - spent,
        out_tokens=answers.tokens,
        out_pusd=answers.pusd,
        out_other_pusd=pools.visible - per_call(trace.response, answers.pusd),
        reasoning_pusd=pools.reasoning,
        fee_pusd=pools.fee,
        exact=all(label.startswith("exact") for label in labels),
    )


@dataclass(frozen=True, slots=True)
class _Uses:
    tokens: Int
    cached: Int
    pusd: Int


def hidden_tokens(trace: Trace, shown: Int) -> Int:  # [call]
    """Reported input that no visible part explains; all of it where the log shows no text."""
    inputs = trace.input_tokens
    hidden = hidden_prefix(trace, shown).tokens
    # A request too short to hold the agent's hidden prefix was sent without it.
    fits = inputs - hidden >= shown // 2
    hidden = np.where(fits, hidden, 0)
    return np.where(shown > 0, hidden, inputs)


def split_in_order(amount: Int, upto: Int, whole: Int) -> Int:
    """floor(amount x upto / whole) without overflow; 0 where whole is 0. `upto` <= `whole`."""
    safe = np.maximum(whole, 1)
    each, rest = np.divmod(amount, safe)
    # upto <= whole, rest < whole, and no side of a call has more than 1e9 tokens (`model/usage.py`): the
    # product stays inside 63 bits.
    return np.where(whole > 0, each * upto + rest * upto // safe, 0)


def _input_uses(trace: Trace, pools: Pools, counts: Int, shown: Int, hidden: Int) -> _Uses:
    block = trace.request
    out = _Uses(*(np.zeros(len(block.ids), np.int64) for _ in range(3)))
    for first, last in chunks(block):
        call = np.repeat(np.arange(first, last), block.lengths[first:last])
        part = slice(int(block.offsets[first]), int(block.offsets[last]))
        below, upto = _running(block, counts, first, last)
        visible = trace.input_tokens[call] - hidden[call]
        start = hidden[call] + split_in_order(visible, below, shown[call])
        end = hidden[call] + split_in_order(visible, upto, shown[call])
        read, written = trace.cache_read[call], trace.cache_write[call]
        out.tokens[part] = end - start
        out.cached[part] = np.minimum(end, read) - np.minimum(start, read)
        out.pusd[part] = (
            _paid(pools.read[call], start, end, np.zeros_like(read), read)
            + _paid(pools.write[call], start, end, read, written)
            + _paid(pools.fresh[call], start, end, read + written,
                    trace.input_tokens[call] - read - written)
        )  # fmt: skip
    return out


def _running(block: Ragged, counts: Int, first: int, last: int) -> tuple[Int, Int]:
    """[use of the chunk]: counted tokens of its call before it, and up to its end."""
    offsets = block.offsets[first : last + 1] - block.offsets[first]
    part = counts[block.offsets[first] : block.offsets[last]]
    running = np.concatenate(([0], np.cumsum(part)))
    base = np.repeat(running[offsets[:-1]], np.diff(offsets))
    return running[:-1] - base, running[1:] - base


def _paid(pool: Int, start: Int, end: Int, begins: Int, size: Int) -> Int:
    """Dollars of the positions start..end in a price class that holds `size` tokens from `begins`."""
    low, high = np.clip(start - begins, 0, size), np.clip(end - begins, 0, size)
    return split_in_order(pool, high, size) - split_in_order(pool, low, size)


def _output_uses(trace: Trace, pools: Pools, tokens: TokenCounter) -> _Uses:
    block = trace.response
    counts = counted(block, trace, tokens)
    reasoning = trace.leaves[:, Leaf.OUTPUT_REASONING]
    thinking = trace.segments.kind[block.ids] == SegmentKind.REASONING
    # Where reasoning has its own count, its visible summary is paid for there, not twice.
    counts[thinking & (reasoning[block.call_of_use()] > 0)] = 0
    shown = per_call(block, counts)
    reported = trace.output_tokens - reasoning
    unseen = reported > np.maximum(UNSEEN_OUTPUT_FACTOR * shown, shown + UNSEEN_OUTPUT_TOKENS)
    spread = np.where(unseen, shown, reported)
    spread = np.where(shown > 0, spread, 0)
    out = _Uses(*(np.zeros(len(block.ids), np.int64) for _ in range(3)))
    for first, last in chunks(block):
        call = np.repeat(np.arange(first, last), block.lengths[first:last])
        part = slice(int(block.offsets[first]), int(block.offsets[last]))
        below, upto = _running(block, counts, first, last)
        start = split_in_order(spread[call], below, shown[call])
        end = split_in_order(spread[call], upto, shown[call])
        out.tokens[part] = end - start
        whole = reported[call]
        out.pusd[part] = _paid(pools.visible[call], start, end, np.zeros_like(whole), whole)
    return out
