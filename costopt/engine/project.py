"""A policy over a trace: two futures at the same prices, who saves what, how sure, and at what risk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from costopt.billing.marginal import read_discount_pusd
from costopt.billing.meter import meter
from costopt.engine.attribute import Attribution, Sample, attribute
from costopt.engine.cache_error import CommonError, common_error
from costopt.engine.evaluate import Evaluator
from costopt.engine.growth import growth_rows
from costopt.engine.headline import Facts, verdict
from costopt.engine.measured_notes import measured_notes
from costopt.engine.outcome import Executor, InProcess, Outcome
from costopt.engine.parts_of import part_of, sampled_sessions
from costopt.engine.policy import Policy
from costopt.engine.run import Step, waterfall
from costopt.engine.settings import plain, settings_of
from costopt.engine.uncertainty import Certainty, certainty, listed
from costopt.engine.verified import verified_steps
from costopt.model.leaf import Leaf
from costopt.model.result import Projection
from costopt.money import PicoUsd, exact_sum, usd_float

SHAPLEY_CALLS = 100_000
"""Above this Shapley's coalitions are priced on a sample of the sessions."""
SAMPLE_CALLS = 20_000
"""Of the sample: shares of it have standard errors, which are stated; more calls cost minutes."""


@dataclass(frozen=True)
class Arm:
    """A waterfall with what it comes to and how sure that is."""

    steps: list[Step]
    after: Outcome
    certain: Certainty


def project(
    executor: Executor, evaluator: Evaluator, policy: Policy, *, seed: int = 0,
    shapley: bool = True, recorded_pusd: PicoUsd | None = None,
    told: Callable[[int], PicoUsd] = PicoUsd,
) -> Projection:  # fmt: skip
    """`recorded_pusd`: the bill at the calls' dates where it holds more than calls (own GPUs). `told`:
    dollars as the verdict says them; of a sample those of the whole log."""
    (base,) = executor.outcomes([()])
    error = common_error(evaluator, seed)
    steps = waterfall(executor, policy.layers)
    whole = _arm(executor, evaluator, base, steps, error, seed)
    sure_steps = verified_steps(executor, steps)
    sure = whole
    if len(sure_steps) < len(steps):
        sure = _arm(executor, evaluator, base, sure_steps, error, seed)
    sample = _sample(evaluator, seed) if shapley and evaluator.trace.n > SHAPLEY_CALLS else None
    shares = attribute(executor, policy.layers, seed=seed, shapley=shapley, sample=sample)
    if recorded_pusd is None:
        recorded_pusd = meter(evaluator.recorded, evaluator.prices).total_pusd
    saved, verified = (base.total_pusd - arm.after.total_pusd for arm in (whole, sure))
    residual = error.residual_pusd(sure.after.exposed_pusd)
    facts = Facts(
        base.total_pusd, saved, verified, sure.certain.pct, sure.certain.ci95_pct,
        tuple(dict.fromkeys(s.name for s in steps if not s.report.verified)),
        _cached_share(evaluator), _cache_saved(evaluator), residual,
    )  # fmt: skip
    return Projection(
        policy=policy.name,
        as_of=evaluator.prices.as_of.isoformat(),
        recorded_baseline_usd=usd_float(recorded_pusd),
        baseline_usd=usd_float(base.total_pusd),
        projected_usd=usd_float(whole.after.total_pusd),
        savings_usd=usd_float(saved),
        savings_pct=whole.certain.pct,
        verified_savings_usd=usd_float(verified),
        verified_savings_pct=sure.certain.pct,
        ci95_pct=listed(whole.certain.ci95_pct),
        ci_parts={**whole.certain.parts, **_why_none(whole.certain)},
        layers=[
            _row(step, i, shares) | {"verified_step_usd": usd}
            for i, (step, usd) in enumerate(zip(steps, _sure_usd(steps, sure_steps), strict=True))
        ],
        verified_ci95_pct=listed(sure.certain.ci95_pct),
        ci_reason=whole.certain.reason,
        ci_basis=whole.certain.basis,
        verdict=verdict(facts.told(told)),
        notes=[*measured_notes(steps, error), *_notes(evaluator, shares, error, whole.after)],
        provider_cache_saved_usd=usd_float(facts.cache_saved_pusd),
        cache_residual_pp=None if error.residual is None else 100 * error.residual,
        cache_residual_usd=usd_float(error.residual_pusd(whole.after.exposed_pusd)),
        shapley_sampled=shares.shapley is not None and shares.shapley.sampled,
        by_step=growth_rows(base.steps, whole.after.steps),
    )


def _why_none(certain: Certainty) -> dict[str, str]:
    return {"reason": certain.reason} if certain.reason else {}


def _arm(
    executor: Executor, evaluator: Evaluator, base: Outcome, steps: list[Step],
    error: CommonError, seed: int,
) -> Arm:  # fmt: skip
    after = steps[-1].after if steps else base
    layers = tuple(step.layer for step in steps)
    sure = certainty(executor, layers, base, after, evaluator.trace, error, seed)
    return Arm(steps, after, sure)


def _sample(evaluator: Evaluator, seed: int) -> Sample:
    chosen = sampled_sessions(evaluator.trace, SAMPLE_CALLS, seed)
    part = part_of(evaluator, chosen, evaluator.model.fit)
    words = f"a sample of {len(chosen):,} of {len(evaluator.trace.sessions):,} sessions"
    return Sample(InProcess(part), words)


def _row(step: Step, place: int, shares: Attribution) -> dict[str, Any]:
    """One layer, under the published names."""
    shapley = shares.shapley
    return step_row(step) | {
        "solo_usd": usd_float(shares.solo_pusd[place]),
        "without_usd": usd_float(shares.without_pusd[place]),
        "shapley_usd": None if shapley is None else usd_float(shapley.pusd[place]),
        "shapley_se_usd": None if shapley is None else usd_float(round(shapley.se_pusd[place])),
    }


def _sure_usd(steps: list[Step], sure_steps: list[Step]) -> list[float | None]:
    """[layer] its step in the waterfall of the verified layers alone; None: it is not in it."""
    found: list[float | None] = []
    place = 0
    for step in steps:
        there = place < len(sure_steps) and sure_steps[place].layer is step.layer
        found.append(usd_float(sure_steps[place].step_pusd) if there else None)
        place += there
    return found


def step_row(step: Step) -> dict[str, Any]:
    """What the waterfall alone says of a layer."""
    report = step.report
    return {
        "layer": step.name,
        "settings": settings_of(step.layer, report.settings),
        "step_usd": usd_float(step.step_pusd),
        "overhead_usd": usd_float(step.overhead_pusd),
        "calls_touched": step.after.touched,
        "evidence": plain(report.evidence),
        "risk": {
            "metric": report.risk.metric, "value": plain(report.risk.value),
            "ci95": plain(report.risk.ci95), "basis": report.risk.basis,
        },
        "verified": report.verified,
        "basis": report.basis,
        "assumptions": list(report.assumptions),
        "replay": report.replay,
        "measured": list(report.measured),
        "measured_run": report.measured_run,
        "notes": list(report.notes),
    }  # fmt: skip


def _cached_share(evaluator: Evaluator) -> float | None:
    """Of the input of charged calls, as recorded."""
    trace, rows = evaluator.trace, evaluator.charged
    whole = int(trace.input_tokens[rows].sum())
    return int(trace.cache_read[rows].sum()) / whole if whole else None


def _cache_saved(evaluator: Evaluator) -> PicoUsd:
    """Cached reads of the baseline at what they would have cost fresh, less what they did."""
    worth = read_discount_pusd(evaluator.recorded, evaluator.prices)
    reads = evaluator.trace.leaves[:, Leaf.CACHE_READ]
    return exact_sum(np.where(evaluator.charged, reads * worth, 0))


def _notes(
    evaluator: Evaluator, shares: Attribution, error: CommonError, after: Outcome
) -> list[str]:
    """What a reader must know beside the figures."""
    found = []
    unknown = int((~evaluator.known).sum())
    if unknown:
        found.append(f"{unknown:,} calls without a known price are in neither arm.")
    if shares.shapley is not None and shares.shapley.note:
        found.append(shares.shapley.note)
    if after.exposed_pusd and not error.judged:
        found.append(
            "No recorded cache reads judge the prompt-cache model here: the interval takes anything "
            "between no cached input and all of it as possible where the policy touches it."
        )
    return found
