"""What a run proves: the comparison, a judge where one is asked for, and the projection with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from costopt.engine.evaluate import Evaluator
from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.engine.project import project
from costopt.model.clock import now_us
from costopt.model.exchange import Origin
from costopt.model.replayed import ReplayInfo
from costopt.model.result import Projection
from costopt.replay.compare.compare import Comparison, compare
from costopt.replay.executed import Executed, RunState
from costopt.replay.items import Plan
from costopt.wiring.replaying.answers import LogAnswers, known_of
from costopt.wiring.replaying.asked import Asked
from costopt.wiring.replaying.info import merged_layers
from costopt.wiring.replaying.judging import Asking
from costopt.wiring.replaying.ledgers import Runs
from costopt.wiring.replaying.similarity import similarity_of
from costopt.wiring.simulating import Simulated

DROP = "drop"
GOES_ON = (RunState.INTERRUPTED, RunState.STOPPED)


@dataclass(frozen=True)
class Proof:
    """What was found, and the projections that rest on it."""

    comparison: Comparison
    projection: Projection | None = None
    """Of the whole policy with this replay's evidence; None: nothing was measured."""
    now: Projection | None = None
    """The same without the layers that the answers say to drop."""
    dropped: tuple[int, ...] = ()
    """Their places in the policy."""
    judge_pusd: int = 0
    """What a judge cost, and what is in doubt of it."""
    judge_doubt_pusd: int = 0

    @property
    def origin(self) -> str:
        return self.comparison.origin.value

    @property
    def notes(self) -> list[str]:
        return self.comparison.notes

    def into(self, info: ReplayInfo) -> ReplayInfo:
        """The replay's info with everything that was found."""
        found, now = self.comparison, self.now
        layers = merged_layers(info.layers, found.layers, now, self.dropped)
        info = replace(
            info, compared=found.compared, noise=found.noise, layers=layers, worst=found.worst,
        )  # fmt: skip
        if now is None:
            return info
        return replace(
            info, now_savings_usd=now.verified_savings_usd, now_savings_pct=now.verified_savings_pct,
            now_ci95_pct=now.verified_ci95_pct, baseline_usd=now.baseline_usd,
            now_projected_usd=now.baseline_usd - now.verified_savings_usd,
            evidence=dict(found.evidence),
        )  # fmt: skip


def prove(
    plan: Plan, executed: Executed, answers: LogAnswers, policy: Policy, simulated: Simulated,
    asked: Asked, origin: Origin, asking: Asking | None = None, *, offline: bool,
) -> Proof:  # fmt: skip
    """Compare; where something was measured, keep it as evidence and project again with it."""
    known = replace(
        known_of(answers, policy, simulated.projection, plan, asked),
        sent_at_us=_sent_at(simulated, executed.run),
    )
    similarity = None
    if origin is Origin.ENDPOINT:
        similarity = similarity_of(asked.embedder, plan, answers, offline=offline)
    judged = None
    if asking is not None and executed.state not in GOES_ON:
        judged = asking.judge(plan, executed, answers, known)
    found = compare(
        plan, executed, answers.reference, origin=origin, similarity=similarity, judged=judged,
        known=known,
    )  # fmt: skip
    asked_judge = (0, 0) if judged is None else (judged.usd_pusd, judged.in_doubt_pusd)
    nothing = found.origin is not Origin.ENDPOINT or not any(found.halves.values())
    # A run that will go on keeps no evidence yet: it could change the very plan that goes on.
    if nothing or executed.state in GOES_ON:
        return Proof(found, None, None, (), *asked_judge)
    dropped = tuple(i for i, layer in enumerate(found.layers) if layer.says == DROP)
    evaluator = _with_evidence(simulated, policy, found.evidence, executed.run, plan.id)
    whole = _projected(evaluator, policy, simulated.projection)
    now = whole
    if dropped:
        kept = tuple(x for i, x in enumerate(policy.layers) if i not in dropped)
        now = _projected(evaluator, replace(policy, layers=kept), simulated.projection)
    return Proof(found, whole, now, dropped, *asked_judge)


def _sent_at(simulated: Simulated, run: int) -> dict[str, int]:
    """Item id to when its last attempt was sent: what a prompt cache still held depends on it."""
    ledger = Runs(simulated.reading.store)
    return {attempt.item: attempt.at_us for attempt, _ in ledger.attempts(run)}


def _with_evidence(
    simulated: Simulated, policy: Policy, evidence: Mapping[str, Any], run: int, plan: str
) -> Evaluator:
    """The same trace, with what this replay measured put together with what earlier ones did."""
    store, dataset, before = simulated.reading.store, simulated.reading.dataset, simulated.evaluator
    store.save_evidence(dataset, run, now_us(), evidence, plan)
    return Evaluator(
        before.trace, before.prices, before.model, builder=before.handed.builder,
        fields=policy.fields, evidence=store.evidence(dataset),
    )  # fmt: skip


def _projected(evaluator: Evaluator, policy: Policy, before: Projection) -> Projection:
    """At the same prices and with the same bill of the calls' own days."""
    found = project(InProcess(evaluator), evaluator, policy, shapley=False)
    return replace(found, recorded_baseline_usd=before.recorded_baseline_usd)
