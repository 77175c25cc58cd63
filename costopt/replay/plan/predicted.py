"""What the projection says of each planned request, and what it should cost at the endpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence

from costopt.engine.evaluate import Evaluator
from costopt.model.leaf import INPUT, N_LEAVES, OUTPUT, Leaf
from costopt.replay.items import Predicted
from costopt.replay.money import Money, plain_leaves
from costopt.replay.plan.own_cache import Warm
from costopt.replay.plan.sends import Send, text_of

Leaves = tuple[int, ...]
NOTHING = Predicted(0, 0.0, 0.0, 0, 0, 0, None, None)
"""Of a request whose place in the order is not known yet."""


def predicted(send: Send, warm: Warm, evaluator: Evaluator, money: Money) -> tuple[Predicted, int]:
    """(prediction, expected pico-dollars at the endpoint)."""
    leaves, trace = leaves_of(send, warm), evaluator.trace
    own = projections_money(evaluator, send.row)
    tier = send.request.service_tier
    expected = priced(money, send.request.provider, send.request.model, leaves, tier)
    found = Predicted(
        input_tokens=send.input_tokens,
        cache_read_tokens=warm.read_tokens,
        cache_read_variance=warm.variance,
        cache_write_tokens=warm.write_tokens,
        output_tokens=send.output_tokens,
        usd_pusd=priced(own, send.provider, send.model, leaves, tier),
        latency_ms=told(float(trace.latency_ms[send.row])),
        ttft_ms=told(float(trace.ttft_ms[send.row])),
    )
    return found, min(expected, send.worst_pusd)


def projections_money(evaluator: Evaluator, row: int) -> Money:
    """The projection's prices of a call: where it was made."""
    return Money(evaluator.prices, region=text_of(evaluator.recorded.region, row), fleet=True)


def leaves_of(send: Send, warm: Warm) -> Leaves:  # [leaf]
    """The request's tokens, with the expectation of what is read in whole tokens."""
    leaves = [0] * N_LEAVES
    read = min(round(warm.read_tokens), send.input_tokens)
    written = min(warm.write_tokens, send.input_tokens - read)
    leaves[Leaf.CACHE_READ] = read
    leaves[warm.write_leaf] += written
    leaves[Leaf.INPUT_FRESH] += send.input_tokens - read - written
    leaves[Leaf.OUTPUT_TEXT] = send.output_tokens
    return tuple(leaves)


def priced(money: Money, provider: str, model: str, leaves: Sequence[int], tier: str) -> int:
    """Pico-dollars; where the book has no price for what a cache does, of all input as fresh. What was
    measured is priced the same way: a stand-in may read from a cache that the logged model has not."""
    found = money.cost(provider, model, leaves, tier)
    if found is None:
        plain = plain_leaves(sum(leaves[INPUT]), sum(leaves[OUTPUT]))
        found = money.cost(provider, model, plain, tier)
    if found is None:  # the plan leaves out calls without a price
        raise LookupError(f"no price for {provider}/{model}")
    return found


def told(value: float) -> float | None:
    """Milliseconds, where the log has them."""
    return None if math.isnan(value) else value
