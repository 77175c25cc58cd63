"""What goes into a simulated replica and what comes out: columns and a few numbers, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]

BLOCK_TOKENS = 16
"""Tokens of one KV block, vLLM's default on CUDA."""


class StepCost(NamedTuple):
    """Seconds of one engine step as a sum; every term belongs to one GPU of the group."""

    tokens_s: Float
    """[tokens] matrix products, activations and collectives of a step that computes so many tokens."""
    head_s: Float
    """[sampled] the head for so many sampled positions."""
    base_s: float
    """Whatever is in the step: scheduling, kernel launches."""
    mixed_s: float
    """More, where a prompt is part of the step."""
    seq_s: float
    """Per sequence in the step."""
    kv_s: float
    """Per cached token that a decoding sequence reads, all full-attention layers."""
    kv_window_s: float
    """The same of sliding-window layers; a sequence reads at most `window` tokens there."""
    window: int
    pair_s: float
    """Per pair of a prompt token and a token it looks back at, all full-attention layers."""
    pair_window_s: float
    by_load: tuple[Pace, ...] = ()
    """Speculation that follows the load: each from so many running sequences on, ascending. Empty: a
    step is this one whoever runs, and drafts as the limits say."""


class Pace(NamedTuple):
    """How an engine's sequences draft while at least so many of them run."""

    running: int
    cost: StepCost
    """Of such a step, drafting included."""
    draft_tokens: int
    verified: float
    """Mean drafted tokens that are computed beside a sequence's own one."""
    tokens_per_step: float


class Limits(NamedTuple):
    """How the engine schedules; names as in vLLM."""

    max_num_seqs: int
    max_num_batched_tokens: int
    kv_blocks: int
    block_tokens: int = BLOCK_TOKENS
    chunked: bool = True
    prefix_caching: bool = True
    """Only content that is given as block ids can be found again."""
    frontend_s: float = 0.0
    """One process reads the requests, one after another: seconds a request ..."""
    frontend_token_s: float = 0.0
    """... and a prompt token."""
    draft_tokens: int = 0
    """Drafted tokens that a decoding sequence verifies in a step, at most: its cache has room for them."""
    tokens_per_step: float = 1.0
    """Mean tokens that it gains by a step."""
    drafted_share: float = 1.0
    """Share of its steps that have a draft: look-up methods often find none."""


def paces(cost: StepCost, limits: Limits) -> tuple[Pace, ...]:
    """How sequences draft by load: one pace for all loads where there is no schedule."""
    if cost.by_load:
        first = cost.by_load[0]
        return (first._replace(running=0), *cost.by_load[1:])
    verified = limits.drafted_share * limits.draft_tokens
    return (Pace(0, cost, limits.draft_tokens, verified, limits.tokens_per_step),)


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests in the order in which they are sent."""

    arrive_s: Float
    """[request] ascending; ignored in a closed loop."""
    prompt_tokens: Int
    output_tokens: Int
    concurrency: int = 0
    """Closed loop: so many are always in flight, the next is sent when one ends. 0: open arrivals."""
    block_offsets: Int = field(default_factory=lambda: np.zeros(0, np.int64))
    """[request + 1] into `block_ids`; empty where the content is not known."""
    block_ids: Int = field(default_factory=lambda: np.zeros(0, np.int64))
    """Each full block of prompt (and answer) by the hash of all up to its end, as numbers from 0."""

    @property
    def n(self) -> int:
        return len(self.prompt_tokens)

    def offsets(self) -> Int:
        """`block_offsets`, with no blocks for any request where none are given."""
        return self.block_offsets if len(self.block_offsets) else np.zeros(self.n + 1, np.int64)


class Totals(NamedTuple):
    """Counts of one run."""

    steps: int
    """Engine steps: forward passes."""
    events: int
    """Turns of the simulator's loop; one turn may stand for many equal steps."""
    preemptions: int
    prefill_tokens: int
    """Prompt tokens computed, recomputed ones included, cached ones not."""
    peak_blocks: int
    busy_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """Per request, in the workload's order: NaN where it can never be served (its KV does not fit)."""

    arrive_s: Float
    start_s: Float
    """First scheduled."""
    first_s: Float
    """First token out."""
    end_s: Float
    hit_tokens: Int
    """Found in the prefix cache when first scheduled."""
    output_tokens: Int
    totals: Totals

    @property
    def served(self) -> NDArray[np.bool_]:
        return np.isfinite(self.end_s)

    @property
    def ttft_s(self) -> Float:
        return self.first_s - self.arrive_s

    @property
    def tpot_s(self) -> Float:
        """Mean per later token; NaN for answers of one token."""
        later = np.where(self.output_tokens > 1, self.output_tokens - 1, np.nan)
        return (self.end_s - self.first_s) / later

    @property
    def span_s(self) -> float:
        """From the first arrival to the last end."""
        ends, arrivals = self.end_s[self.served], self.arrive_s[self.served]
        return float(ends.max() - arrivals.min()) if len(ends) else 0.0

    @property
    def tokens_per_s(self) -> float:
        """Output tokens over the whole span."""
        span = self.span_s
        return float(self.output_tokens[self.served].sum()) / span if span else 0.0

    @property
    def utilisation(self) -> float:
        """Share of the span in which a step ran."""
        span = self.span_s
        return self.totals.busy_s / span if span else 0.0
