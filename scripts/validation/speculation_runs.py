"""A published gain as a benchmark would measure it: both engines simulated under the same closed load.

The arithmetic of a step says what drafts gain while a batch decodes. A benchmark's throughput has prompts in
it too, which drafts do not shorten: they are a larger share of the time the larger the batch is.
"""

from __future__ import annotations

import numpy as np

from costopt.serving.core.run import compiled, simulate
from costopt.serving.core.terms import Limits, StepCost, Workload
from costopt.serving.speculation.costs import Habits, speculating
from costopt.serving.speculation.load import Yield
from costopt.serving.speculation.methods import Method
from costopt.serving.step import StepModel

PROMPT_TOKENS = 76
OUTPUT_TOKENS = 212
"""MT-Bench's first turns with Llama 3.1 8B and answers cut at 256 tokens: 47.09 tokens/s in at 1.61 s a
prompt (https://github.com/vllm-project/vllm/pull/16035), 16,956 tokens out of 80 prompts
(https://github.com/vllm-project/vllm/pull/25917), checked 2026-11-25. Most sweeps are of this set; those
that are not rarely say their lengths."""
_ROUNDS = 20
"""Requests for each place in the batch."""
_STEP_TOKENS = 8_192


def served_gain(
    model: StepModel,
    method: Method,
    step: Yield,
    concurrency: int,
    habits: Habits,
    draft: StepModel | None = None,
) -> float:
    """Output tokens a second with drafts over without, so many requests always in flight."""
    load = _load(concurrency)
    verified = round(step.drafted)
    sampled = concurrency * (1 + verified) + 1
    plain = model.cost(_STEP_TOKENS, sampled)
    if habits.waits:
        plain = plain._replace(base_s=plain.base_s - model.eff.step_s, seq_s=0.0)
    drafting = speculating(
        model, method, step.depth, _STEP_TOKENS, sampled, draft, habits, verified
    )
    with_drafts = _tokens_per_s(load, drafting, verified, step.tokens)
    return with_drafts / _tokens_per_s(load, plain, 0, 1.0)


def _load(concurrency: int) -> Workload:
    """Answers from half to one and a half times the mean, so that they do not end together."""
    n = _ROUNDS * concurrency
    spread = np.random.default_rng(7).uniform(0.5, 1.5, n)
    outputs = np.maximum(1, spread * OUTPUT_TOKENS).astype(np.int64)
    return Workload(np.zeros(n), np.full(n, PROMPT_TOKENS), outputs, concurrency)


def _tokens_per_s(load: Workload, cost: StepCost, verified: int, tokens: float) -> float:
    """While the batch is full: from the first round's end to the start of the last request."""
    limits = Limits(
        load.concurrency, _STEP_TOKENS, 1 << 22, prefix_caching=False,
        draft_tokens=verified, tokens_per_step=tokens,
    )  # fmt: skip
    run = simulate(load, cost, limits, fast=compiled())
    ends = np.sort(run.end_s)
    begin, end = float(ends[load.concurrency - 1]), float(run.start_s.max())
    inside = (run.end_s > begin) & (run.end_s <= end)
    return float(run.output_tokens[inside].sum()) / (end - begin)
