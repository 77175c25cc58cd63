"""What speculation gains at a load: more tokens a step against dearer steps.

    gain(B) = E * T1(B, 1) / (drafting(B) + T_verify(B, 1 + drafted))

All times are those of a step *at that batch size*. While a step is bound by reading weights, verifying more
tokens costs nothing and the gain is near E. As the batch grows the step becomes bound by computing, every
drafted token is paid for, and the gain falls below 1: a loss. Of a mixture it may rise before it falls: with
few sequences each drafted token wakes experts that nobody else needs, with many they are awake anyway
(MoESD, https://arxiv.org/abs/2505.19645, checked 2026-11-25). Nothing here knows a GPU or a model; the step
times come in as functions (`costs.py` makes them of the step model).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from costopt.serving.speculation.arithmetic import Acceptance

TargetStep = Callable[[float, float], float]
"""Seconds of one step of the target: sequences in the batch, tokens computed for each of them."""
Drafting = Callable[[float, int], float]
"""Seconds that drafting so many tokens for each sequence takes: sequences in the batch, drafted tokens."""


def free(batch: float, draft_tokens: int) -> float:
    """Drafting by look-up: the processor does it beside the GPU's work."""
    return 0.0


@dataclass(frozen=True, slots=True)
class Yield:
    """What a step of a speculating sequence gives and asks for, on average."""

    tokens: float
    """The bonus token included: 1 where nothing is drafted."""
    drafted: float
    """Tokens verified beside the sequence's own one; for a tree of drafts all its nodes."""
    depth: int
    """Tokens drafted one after another: what a draft model has to run for."""

    @classmethod
    def of(cls, acceptance: Acceptance, draft_tokens: int) -> Yield:
        """Of a chain of drafted tokens."""
        return cls(
            acceptance.tokens_per_step(draft_tokens),
            acceptance.drafted_per_step(draft_tokens),
            draft_tokens,
        )


@dataclass(frozen=True, slots=True)
class Costs:
    """Step times of a target and its drafter on one machine."""

    target: TargetStep
    drafting: Drafting = free
    plain: TargetStep | None = None
    """Steps without drafts, where the engine does more differently than computing fewer tokens."""

    def gain(self, step: Yield, batch: float) -> float:
        """Tokens a second with speculation over without, at a batch that stays full; 1: neither."""
        plain = (self.plain or self.target)(batch, 1.0)
        speculating = self.drafting(batch, step.depth) + self.target(batch, 1.0 + step.drafted)
        return step.tokens * plain / speculating


@dataclass(frozen=True, slots=True)
class Best:
    """The draft length that pays most at a batch size; 0 drafted tokens: speculate not at all."""

    batch: float
    draft_tokens: int
    gain: float


def best_length(
    acceptance: Acceptance, costs: Costs, batch: float, lengths: Iterable[int] = range(1, 17)
) -> Best:
    """The draft length of the largest gain; the shorter of equals, and none where all of them lose."""
    best = Best(batch, 0, 1.0)
    for length in sorted(lengths):
        gain = costs.gain(Yield.of(acceptance, length), batch)
        if gain > best.gain:
            best = Best(batch, length, gain)
    return best


def by_load(step: Yield, costs: Costs, batches: Sequence[float]) -> list[tuple[float, float]]:
    """(batch, gain) of one setting over loads: the curve that falls."""
    return [(batch, costs.gain(step, batch)) for batch in batches]


def loses_from(step: Yield, costs: Costs, largest_batch: int) -> int | None:
    """The smallest batch from which on speculation loses up to `largest_batch`; None: it does not lose there.

    Bisection is not used: real step times have jumps, so a gain may cross 1 more than once.
    """
    first: int | None = None
    for batch in range(largest_batch, 0, -1):
        if costs.gain(step, batch) >= 1.0:
            break
        first = batch
    return first


def schedule(
    acceptance: Acceptance, costs: Costs, largest_batch: int, longest: int = 16
) -> list[tuple[int, int, int]]:
    """(from batch, to batch, draft tokens) that gains most: vLLM's `num_speculative_tokens_per_batch_size`.

    Batches are probed at powers of two and halfway between, and each choice holds up to the next probe.
    """
    probes = sorted({step for n in range(20) for step in (2**n, 3 * 2**n)} | {1})
    probes = [batch for batch in probes if batch <= largest_batch]
    rows: list[tuple[int, int, int]] = []
    for batch, following in zip(probes, [*probes[1:], largest_batch + 1], strict=True):
        tokens = best_length(acceptance, costs, batch, range(1, longest + 1)).draft_tokens
        if rows and rows[-1][2] == tokens:
            rows[-1] = (rows[-1][0], following - 1, tokens)
        else:
            rows.append((batch, following - 1, tokens))
    return rows
