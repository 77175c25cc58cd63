"""On what an audit tries things: the whole log, or so much of it that the answer is there in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from costopt.engine.evaluate import Evaluator
from costopt.engine.parts_of import part_of, sampled_sessions
from costopt.model.result import Projection
from costopt.money import PicoUsd, from_log, usd_float

MOST_CALLS, MOST_USES = 50_000, 300_000
"""Above either a sample is drawn."""
SAMPLE_CALLS, SAMPLE_USES = 20_000, 200_000
"""Of the sample: a dozen layers over so many calls and blocks of requests take seconds."""


@dataclass(frozen=True)
class Trial:
    """An evaluator, and how its dollars become those of the whole log."""

    evaluator: Evaluator
    whole_pusd: PicoUsd
    """The baseline of the whole log at the projection's prices."""
    words: str = ""
    """What was drawn; empty: nothing, it is the whole log."""

    @property
    def ratio(self) -> Fraction:
        """Whole to tried, by the two baselines."""
        mine = int(self.evaluator.baseline.total_pusd)
        return Fraction(int(self.whole_pusd), mine) if self.words and mine > 0 else Fraction(1)

    def scaled(self, pusd: int) -> PicoUsd:
        """Dollars of the trial as dollars of the whole."""
        return PicoUsd(round(pusd * self.ratio))


def trial_of(evaluator: Evaluator, seed: int) -> Trial:
    """The whole, or whole sessions drawn at places that the seed gives."""
    trace = evaluator.trace
    uses = len(trace.request.ids)
    if trace.n <= MOST_CALLS and uses <= MOST_USES:
        return Trial(evaluator, evaluator.baseline.total_pusd)
    return drawn(evaluator, min(SAMPLE_CALLS, SAMPLE_USES * trace.n // max(1, uses)), seed)


def drawn(evaluator: Evaluator, calls: int, seed: int) -> Trial:
    """About so many calls of it; the whole where it has no more, or is one session."""
    trace, whole = evaluator.trace, evaluator.baseline.total_pusd
    if trace.n <= calls:
        return Trial(evaluator, whole)
    chosen = sampled_sessions(trace, max(1, calls), seed)
    if not len(chosen) or len(chosen) == len(trace.sessions):
        return Trial(evaluator, whole)
    part = part_of(evaluator, chosen, evaluator.model.fit)
    words = f"{part.trace.n:,} of {trace.n:,} calls, {len(chosen):,} whole sessions drawn by seed {seed}"
    return Trial(part, whole, words)


def scaled_projection(found: Projection, trial: Trial) -> Projection:
    """A projection of the sample in dollars of the whole; shares and intervals are the sample's own."""
    if not trial.words:
        return found
    rows = [_scaled_row(row, trial) for row in found.layers]
    saved = sum(from_log(row["step_usd"]) for row in rows)
    sure = sum(from_log(row.get("verified_step_usd") or 0.0) for row in rows)
    note = f"Tried on {trial.words}; dollars are scaled to the whole log, counts are the sample's."
    return replace(
        found,
        baseline_usd=usd_float(trial.whole_pusd),
        projected_usd=usd_float(PicoUsd(int(trial.whole_pusd) - saved)),
        savings_usd=usd_float(PicoUsd(saved)),
        verified_savings_usd=usd_float(PicoUsd(sure)),
        provider_cache_saved_usd=_scaled(found.provider_cache_saved_usd, trial),
        cache_residual_usd=_scaled(found.cache_residual_usd, trial),
        layers=rows,
        by_step=[_scaled_row(row, trial) for row in found.by_step],
        notes=[note, *found.notes],
        sampled=trial.words,
    )  # fmt: skip


def _scaled_row(row: Mapping[str, Any], trial: Trial) -> dict[str, Any]:
    """Settings stay as they were tried: a budget in dollars is no sum over the log."""
    found = scaled_dollars(row, trial)
    return found | {"settings": row["settings"]} if "settings" in row else found


def scaled_dollars(found: Mapping[str, Any], trial: Trial) -> dict[str, Any]:
    """What is named as dollars in dollars of the whole, evidence inside included; the rest as it is."""
    return {name: _scaled_value(name, value, trial) for name, value in found.items()}


def _scaled_value(name: str, value: Any, trial: Trial) -> Any:
    if isinstance(value, Mapping):
        return scaled_dollars(value, trial)
    if isinstance(value, list):
        return [_scaled_value(name, item, trial) for item in value]
    is_dollars = name == "usd" or name.startswith("usd_") or name.endswith("_usd")
    return _scaled(value, trial) if is_dollars and isinstance(value, (int, float)) else value


def _scaled(usd: float, trial: Trial) -> float:
    return usd_float(trial.scaled(from_log(usd)))
