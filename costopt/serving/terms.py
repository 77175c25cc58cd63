"""From a model, an engine and its drafts to what the discrete-event core reads: the one way there.

Operating points, fleets, break-even and the gains of speculation are runs of the same core; what they run
on is made here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from costopt.serving.capacity import Capacity, capacity
from costopt.serving.core.terms import Limits, Pace, StepCost
from costopt.serving.engines import Engine
from costopt.serving.fleet.drafts import BY_LOAD, Drafts
from costopt.serving.speculation.costs import (
    TODAY,
    costs,
    keeping_up,
    keeping_up_s,
    memory,
    speculating,
)
from costopt.serving.speculation.load import schedule
from costopt.serving.speculation.methods import Drafter, Method, method
from costopt.serving.step import StepModel

LONGEST_DRAFT = 7
"""A schedule has no longer drafts: nobody has published what a head of more than these accepts."""


@dataclass(frozen=True)
class Served:
    """A model on a group of GPUs under an engine, with or without drafts."""

    model: StepModel
    engine: Engine
    mean_context: float
    """Tokens of a sequence half-way: how much of a sliding window is in use, and what drafts read."""
    drafts: Drafts | None = None
    drafter: StepModel | None = None
    """The draft model on the same GPUs; None: the method has none of its own."""
    most_running: int = 0
    """So many sequences at most, where the load never brings more: shorter tables. 0: the engine's."""

    @property
    def running(self) -> int:
        most = self.engine.max_num_seqs
        return min(most, self.most_running) if self.most_running else most

    @cached_property
    def room(self) -> Capacity:
        """KV blocks beside the weights, the drafter's included."""
        asked = self._method if self.draft_tokens else None
        beside = memory(self.model, asked, self.drafter) if asked else None
        return capacity(
            self.model, self.engine.max_num_batched_tokens, self.engine.max_num_seqs,
            self.mean_context, self.engine.gpu_memory_utilization,
            beside.weight_bytes if beside else 0.0, beside.kv_bytes_per_token if beside else 0.0,
            of_what_is_left=self.engine.of_what_is_left,
        )  # fmt: skip

    @property
    def _method(self) -> Method | None:
        return method(self.drafts.method) if self.drafts else None

    @cached_property
    def draft_schedule(self) -> tuple[tuple[int, int, int], ...]:
        """(from, to, draft tokens) by running sequences; empty: one length, or no drafts."""
        if self.drafts is None or self._method is None or self.drafts.draft_tokens != BY_LOAD:
            return ()
        asked = self._method, self.mean_context, self.drafter
        step_s = costs(self.model, *asked)
        if self._method.drafter is not Drafter.LOOKUP:
            step_s = replace(step_s, plain=keeping_up_s(self.model, *asked))
        return tuple(schedule(self.drafts.acceptance, step_s, self.running, LONGEST_DRAFT))

    @property
    def draft_tokens(self) -> int:
        """At most."""
        if self.drafts is None:
            return 0
        return max((row[2] for row in self.draft_schedule), default=self.drafts.draft_tokens)

    @cached_property
    def cost(self) -> StepCost:
        """Seconds of a step, drafting included."""
        if self.drafts is None or not self.draft_tokens:  # never worth it: started without
            return self.model.cost(self.engine.max_num_batched_tokens, self.running + 1)
        if not self.draft_schedule:
            return self._cost(self.draft_tokens)
        by_load = tuple(self._pace(begin, many) for begin, _, many in self.draft_schedule)
        return by_load[0].cost._replace(by_load=by_load)

    def _pace(self, begin: int, many: int) -> Pace:
        chance = self.drafts.acceptance if self.drafts else None
        if chance is None or not many:
            return Pace(begin, self._cost(0), 0, 0.0, 1.0)
        verified = chance.drafted_per_step(many)
        return Pace(begin, self._cost(many), many, verified, chance.tokens_per_step(many))

    def _cost(self, many: int) -> StepCost:
        """With drafts of so many tokens."""
        tokens, sampled = self.engine.max_num_batched_tokens, self.running * (1 + many) + 1
        if self._method is None or self.drafts is None:
            return self.model.cost(tokens, sampled)
        if not many:
            return keeping_up(self.model, self._method, tokens, sampled, self.drafter)
        return speculating(
            self.model, self._method, many, tokens, sampled, self.drafter, TODAY,
            self.drafts.acceptance.drafted_per_step(many),
        )  # fmt: skip

    @cached_property
    def limits(self) -> Limits:
        """How the engine schedules. Where nothing fits there is no block and nobody is served."""
        many, one = self.draft_tokens, self.engine
        chance = self.drafts.acceptance if self.drafts else None
        return Limits(
            one.max_num_seqs, one.max_num_batched_tokens, self.room.kv_blocks,
            chunked=one.chunked_prefill, prefix_caching=one.prefix_caching,
            frontend_s=self.model.eff.request_s, draft_tokens=many,
            tokens_per_step=chance.tokens_per_step(many) if chance else 1.0,
            drafted_share=chance.coverage if chance else 1.0,
        )  # fmt: skip
