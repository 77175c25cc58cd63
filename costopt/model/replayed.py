"""The replay in a result: what was sent, what it cost, predicted against measured, what answers did.

Every number is null where it was not measured; nothing predicted ever stands in a `measured` field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Compared:
    """One quantity of an arm on the judging half: as projected, measured, and as the other half foretold."""

    what: str
    """input_tokens, cache_read_tokens, output_tokens, usd: totals. latency_ms, ttft_ms: means a call."""
    arm: str
    calls: int
    """That were answered and counted: all figures are of these."""
    predicted: float | None
    """By the projection alone, as it stood before this replay measured anything."""
    measured: float | None
    """Null: not measured (recorded answers, a mock, no usage); `reason` says why."""
    diff_pct: float | None
    """Measured above predicted."""
    calibrated: float | None
    """Predicted, times the ratio of measured to predicted on the half that wrote the evidence."""
    calibrated_ci95: list[float] | None
    """Where the judging half's total should lie, by the spread of that ratio over sessions."""
    inside: bool | None
    """`measured` lies in `calibrated_ci95`."""
    basis: str = ""
    """What `calibrated` rests on: `log`, `log x ratio measured on the other half`."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Answers of one layer's requests against the reference, by one test."""

    test: str
    """exact, json_equal, same_action, similarity, judge; the layer's headline test comes first."""
    answers: int
    agree: int
    rate: float | None
    """Of the log's calls: each answer weighs what it stands for, where a sample holds few of many."""
    ci95: list[float] | None
    noise_answers: int
    noise_agree: int
    noise_rate: float | None
    excess_pp: float | None
    """Disagreement above the noise floor, percentage points; negative: below it."""
    excess_ci95_pp: list[float] | None
    sessions: int = 0
    """Clusters behind the interval."""


@dataclass(frozen=True, slots=True)
class ReplayedLayer:
    """One line of the table: a layer, what was projected, what it is now, what was measured."""

    layer: str
    settings: dict[str, Any]
    projected_usd: float
    now_usd: float | None
    """With this replay's evidence; null offline."""
    measured: str
    """In words: `in -61.0 -> -59.8 %`, `84.2 -> 83.1 % hit`, `price rule`; empty: nothing."""
    says: str
    """keep, drop, more, not_measured."""
    why: str
    """One sentence."""
    requests: int
    quantities: list[dict[str, Any]] = field(default_factory=list)
    """[{what, predicted, measured, unit}]: input share kept, cached share, output ratio, truncated, ..."""
    agreement: list[Agreement] = field(default_factory=list)
    more_needed: int | None = None
    """Answers that would settle it; null: settled, or not to be settled by number."""
    projected_verified: bool = True
    """False: the projection had no proof of its answers, and its dollars are not in the sum."""
    now_verified: bool | None = None
    """The same of the dollars with this replay's evidence; null: there are none, or it is dropped."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two answers to one call, worst first. Texts are masked and cut; they are shown escaped."""

    call: str
    layer: str
    arm: str
    test: str
    score: float
    """0: nothing in common, 1: equal."""
    reference: str
    answer: str


@dataclass(frozen=True, slots=True)
class ReplayInfo:
    """`replay` in the result JSON."""

    run: int | None
    """Null: only planned."""
    plan: str
    endpoint: str
    origin: str
    """endpoint, recorded, mock: only `endpoint` measures."""
    statement: str
    """What this replay proves, in one sentence; offline: plumbing and prices, NOT answers."""
    state: str
    """planned, done, stopped_by_budget, stopped, interrupted."""
    planned: int
    answered: int
    failed: int
    unreadable: int
    in_doubt: int
    not_sent: int
    retries: int
    expected_usd: float
    worst_usd: float
    budget_usd: float | None
    spent_usd: float
    """Settled charges; what is in doubt stands beside it."""
    in_doubt_usd: float
    seconds: float | None
    sample: list[dict[str, Any]]
    """[{stratum, arm, calls, of, expected_usd, worst_usd, proves}]."""
    left_out: list[dict[str, Any]]
    """[{reason, calls}]: calls of the log that cannot be sent again."""
    compared: list[Compared] = field(default_factory=list)
    noise: list[Agreement] = field(default_factory=list)
    """The noise floor alone, by test."""
    layers: list[ReplayedLayer] = field(default_factory=list)
    projected_savings_usd: float | None = None
    now_savings_usd: float | None = None
    now_savings_pct: float | None = None
    now_ci95_pct: list[float] | None = None
    now_projected_usd: float | None = None
    baseline_usd: float | None = None
    worst: list[Disagreement] = field(default_factory=list)
    diff_path: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    """As it was written back."""
    endpoint_metrics: dict[str, Any] = field(default_factory=dict)
    """Of a self-hosted server's /metrics, before and after: prefix hits, acceptance, queue."""
    notes: list[str] = field(default_factory=list)
