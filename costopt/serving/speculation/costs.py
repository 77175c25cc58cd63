"""Step times of a target and its drafter from the step model: what `load.Costs` asks for.

A draft pass pays for its own weights, cache and head and for the gaps between its kernels. Its first pass
reads what the last verification left, one token and the drafted ones of each sequence, and every prompt. What
an engine does on the host is paid as it does it: `Habits`. No constant is fitted here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from costopt.serving.capacity import weight_bytes
from costopt.serving.core.terms import StepCost
from costopt.serving.models import ModelShape
from costopt.serving.precision import precision
from costopt.serving.speculation.load import Costs, Drafting, TargetStep, free
from costopt.serving.speculation.methods import Drafter, Method
from costopt.serving.step import Float, StepModel

EAGLE3_VOCAB = 32_000
"""Tokens that EAGLE-3's published heads choose from (`draft_vocab_size` of their config.json),
https://huggingface.co/yuhuili/EAGLE3-LLaMA3.1-Instruct-8B, checked 2026-11-25."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What an engine does on the host around drafting; the defaults are those of today's engines."""

    graphed: bool = True
    """All passes of the drafter are one launch: a step's bookkeeping is paid once for them, not in each."""
    waits: bool = False
    """Without drafts the host prepares the next step beside the GPU's work; with drafts it waits for what was
    accepted. SGLang until 0.5.6: "Overlap scheduler is disabled because of using eagle3"
    (server_args.py, https://github.com/sgl-project/sglang, checked 2026-11-25)."""


TODAY = Habits()


@dataclass(frozen=True)
class Steps:
    """One model's decode steps at a context length; batch and tokens may be fractions."""

    model: StepModel
    context_tokens: float

    @cached_property
    def _rates(self) -> StepCost:
        return self.model.cost(1, 1)

    def target_s(self, batch: float, tokens_per_sequence: float) -> float:
        """Seconds of a step that computes so many tokens for each sequence.

        Sampling and handing on are paid for every token computed; with one of each sequence this is
        `StepModel.step_s`.
        """
        tokens = batch * tokens_per_sequence
        return self.pass_s(batch, tokens_per_sequence, tokens) + self._rates.seq_s * tokens

    def hidden_s(self, batch: float, tokens_per_sequence: float) -> float:
        """The same where the host's work is done beside the GPU's."""
        gpu_s = self.pass_s(batch, tokens_per_sequence, batch * tokens_per_sequence)
        return gpu_s - self.model.eff.step_s

    def pass_s(self, batch: float, tokens_per_sequence: float, sampled: float) -> float:
        """Without what is paid per token; the head at so many positions."""
        rates = self._rates
        near = min(self.context_tokens, self.model.shape.window)
        cache = batch * (rates.kv_s * self.context_tokens + rates.kv_window_s * near)
        tokens = np.array([batch * tokens_per_sequence])
        head_s = self.model.head_s(np.array([sampled]))
        return float((_layers_s(self.model, tokens) + head_s)[0]) + cache + rates.base_s

    def drafting_s(self, batch: float, draft_tokens: int, graphed: bool = True) -> float:
        """Seconds that this model takes to draft so many tokens one after another."""
        if draft_tokens < 1:
            return 0.0
        first = self.pass_s(batch, 1.0 + draft_tokens, batch)
        passes = first + (draft_tokens - 1) * self.pass_s(batch, 1.0, batch)
        return passes - (draft_tokens - 1) * graphed * self.model.eff.step_s

    def drafting_at_once_s(self, batch: float, draft_tokens: int) -> float:
        """Seconds of heads that draft all tokens in one pass."""
        tokens = batch * draft_tokens
        return self.pass_s(batch, float(draft_tokens), tokens) if draft_tokens else 0.0


def _layers_s(model: StepModel, tokens: Float) -> Float:
    """Seconds of a pass over so many tokens, the head and the cache not in it."""
    products = model.dense_s(tokens) + model.experts_s(tokens)
    return products + model.activations_s(tokens) + model.collectives_s(tokens)


def speculating(
    target: StepModel,
    method: Method,
    draft_tokens: int,
    max_tokens: int,
    max_sampled: int,
    draft: StepModel | None = None,
    habits: Habits = TODAY,
    verified: float | None = None,
) -> StepCost:
    """The target's step as the simulator reads it, drafting included.

    `verified` are the tokens of a tree of drafts, or the mean of drafts that not every step has; None: a
    chain in every step, so as many as are drafted.
    Goes with `Limits(draft_tokens=verified, tokens_per_step=...)`. The drafter's first pass runs over all
    tokens of the step. The simulator looks the head up by sampled positions, 1 + g of each decoding sequence:
    what the further passes and handing on the further tokens cost such a sequence is put there. The drafter's
    cache is read in every pass: that is put to the target's.
    """
    cost = target.cost(max_tokens, max_sampled)
    positions = np.arange(len(cost.head_s), dtype=np.float64)
    sequences = positions / (1 + (draft_tokens if verified is None else verified))
    head_s = cost.head_s + cost.seq_s * (positions - sequences)
    if method.drafter is Drafter.LOOKUP or draft_tokens < 1:
        return cost._replace(head_s=head_s)
    own = draft or drafter_of(target, method)
    rates, at_once = own.cost(1, 1), method.drafter is Drafter.HEADS
    if at_once:
        sequences, passes = draft_tokens * sequences, 1
    else:
        passes = draft_tokens
    drafting = passes * own.head_s(sequences) + (passes - 1) * _layers_s(own, sequences)
    drafting += passes * rates.base_s - (passes - 1) * habits.graphed * own.eff.step_s
    drafting[0] = 0.0
    return cost._replace(
        tokens_s=cost.tokens_s + _first_pass_s(own, len(cost.tokens_s)),
        head_s=head_s + drafting,
        mixed_s=cost.mixed_s + rates.mixed_s,
        kv_s=cost.kv_s + passes * rates.kv_s,
        kv_window_s=cost.kv_window_s + passes * rates.kv_window_s,
    )


def keeping_up(
    target: StepModel, method: Method, max_tokens: int, max_sampled: int, draft: StepModel | None = None
) -> StepCost:  # fmt: skip
    """A step that drafts nothing where other steps do: the drafter's cache is kept up by one pass of its own.

    vLLM, a schedule's 0: "run draft prefill to keep the draft KV cache synchronized",
    https://github.com/vllm-project/vllm/pull/51575; what that costs was measured as 4 to 11 % of a step,
    https://github.com/vllm-project/vllm/issues/53420, both read 2026-11-25.
    """
    cost = target.cost(max_tokens, max_sampled)
    if method.drafter in (Drafter.LOOKUP, Drafter.HEADS):
        return cost
    own = draft or drafter_of(target, method)
    rates = own.cost(1, 1)
    return cost._replace(
        tokens_s=cost.tokens_s + _first_pass_s(own, len(cost.tokens_s)),
        base_s=cost.base_s + rates.base_s - own.eff.step_s,
        mixed_s=cost.mixed_s + rates.mixed_s,
        kv_s=cost.kv_s + rates.kv_s,
        kv_window_s=cost.kv_window_s + rates.kv_window_s,
    )


def keeping_up_s(
    target: StepModel, method: Method, context_tokens: float, draft: StepModel | None = None
) -> TargetStep:
    """The same as seconds of a step at a batch, for the choice of a draft length."""
    steps = Steps(target, context_tokens)
    if method.drafter in (Drafter.LOOKUP, Drafter.HEADS):
        return steps.target_s
    own = Steps(draft or drafter_of(target, method), context_tokens)

    def seconds(batch: float, tokens_per_sequence: float) -> float:
        passed = own.pass_s(batch, tokens_per_sequence, 0.0) - own.model.eff.step_s
        return steps.target_s(batch, tokens_per_sequence) + passed

    return seconds


def _first_pass_s(own: StepModel, size: int) -> Float:
    """[tokens] of the drafter's first pass."""
    tokens = np.arange(size, dtype=np.float64)
    table = _layers_s(own, tokens)
    table[0] = 0.0
    return table


def costs(
    target: StepModel,
    method: Method,
    context_tokens: float,
    draft: StepModel | None = None,
    habits: Habits = TODAY,
) -> Costs:
    """Step times of a method on this target; `draft` is the draft model where the method has one.

    A head or layer of the target's own size stands in where none is given.
    """
    steps = Steps(target, context_tokens)
    drafting = _drafting(target, method, context_tokens, draft, habits)
    return Costs(steps.target_s, drafting, steps.hidden_s if habits.waits else None)


def _drafting(
    target: StepModel,
    method: Method,
    context_tokens: float,
    draft: StepModel | None,
    habits: Habits,
) -> Drafting:
    if method.drafter is Drafter.LOOKUP:
        return free
    own = Steps(draft or drafter_of(target, method), context_tokens)
    if method.drafter is Drafter.HEADS:
        return own.drafting_at_once_s
    return partial(own.drafting_s, graphed=habits.graphed)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a drafter takes on each GPU of the group, beside the target."""

    weight_bytes: float
    kv_bytes_per_token: float


def memory(target: StepModel, method: Method, draft: StepModel | None = None) -> Memory:
    """Weights and cache of a drafter.

    Heads and layers use the target's embedding, and its head unless they have a small one.
    """
    if method.drafter is Drafter.LOOKUP:
        return Memory(0.0, 0.0)
    own = draft or drafter_of(target, method)
    kv_bytes = own.kv_bytes_per_token_layer * own.shape.layers
    if method.drafter is Drafter.MODEL or draft is not None:
        return Memory(weight_bytes(own), kv_bytes)
    shared = own.shape.head_params * (2 - own.shape.tied - method.small_vocab) * 16 / 8 / own.tp
    return Memory(weight_bytes(own) - shared, kv_bytes)


def drafter_of(target: StepModel, method: Method) -> StepModel:
    """The head or layer that a method puts on a target, as a model of its own."""
    shape = target.shape
    if method.drafter is Drafter.LAYER:
        return replace(target, shape=_one_layer(shape))
    if method.drafter is Drafter.HEADS:
        return replace(target, shape=replace(_dense_layer(shape), layers=0))
    small = _dense_layer(shape, vocab=min(EAGLE3_VOCAB, shape.vocab) if method.small_vocab else 0)
    return replace(target, shape=small, precision=precision("bf16", small), ep=1)


def _one_layer(shape: ModelShape) -> ModelShape:
    """The target's own last layer again: a mixture stays one (multi-token prediction)."""
    return replace(
        shape, name=f"{shape.name} (one layer)", layers=1, dense_layers=0, window_layers=0
    )


def _dense_layer(shape: ModelShape, vocab: int = 0) -> ModelShape:
    """One ordinary layer as wide as the target, and the product that joins its inputs.

    That product (about 3 h^2 numbers) is put to the MLP: 3 h times a wider inner size.
    """
    return replace(
        shape, name=f"{shape.name} (head)", layers=1, dense_layers=0, window=0, window_layers=0,
        experts=0, experts_per_token=0, moe_intermediate=0, shared_experts=0,
        intermediate=(shape.intermediate or 4 * shape.hidden) + shape.hidden,
        vocab=vocab or shape.vocab,
    )  # fmt: skip
