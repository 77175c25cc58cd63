"""The result: the versioned JSON that every report, diff and gate reads.

Field names are those of the published interface: add freely, rename never. Dollars are JSON numbers
(exact to at least nine decimals); `None` always stands beside the reason for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from costopt.model.replayed import ReplayInfo

SCHEMA = "costopt.result/1"
PART_OF_THE_LOG = "Part of the log:"
"""How the first note of a result begins that is not of the whole log."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """records = accepted + rejected + duplicates + skipped (records that are no model call)."""

    path: str
    format: str
    records: int
    accepted: int
    rejected: int
    duplicates: int
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class TraceInfo:
    """What was read."""

    files: list[FileInfo]
    calls: int
    sessions: int
    first_at: str | None
    last_at: str | None
    rejected: int
    duplicates: int
    skipped: int = 0
    sessions_known: bool = True
    """False: the log names no sessions; each call stands alone."""


@dataclass(frozen=True, slots=True)
class ReconciliationGroup:
    """Calls whose recorded cost differs from the book's for one likely cause."""

    cause: str
    calls: int
    diff_usd: float
    """Recorded minus modelled."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The bill against the costs that the log itself records, call by call."""

    compared: int
    equal: int
    max_abs_diff_usd: float
    diff_usd: float
    groups: list[ReconciliationGroup] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Sums over the calls with usage. `input` and `output` are totals, the others parts of them."""

    input: int
    input_fresh: int
    input_cache_read: int
    input_cache_write: int
    output: int
    output_reasoning: int


@dataclass(frozen=True, slots=True)
class SessionDollars:
    """Cost of a session over the sessions of the trace."""

    mean: float
    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Dollars of the month at the trace's pace, with a 95 % interval."""

    value: float
    ci95: list[float]


@dataclass(frozen=True, slots=True)
class BillInfo:
    """The bill at each call's own date."""

    total_usd: float
    recorded_usd: float | None
    reconciliation: Reconciliation
    unpriced_calls: int
    unpriced_models: list[str]
    estimated_calls: int
    missing_usage_calls: int
    tokens: Tokens
    per_session_usd: SessionDollars
    forecast_month_usd: Forecast | None
    forecast_reason: str
    list_usd: float
    discount_usd: float
    estimated_usd: float
    """What the calls whose tokens were counted from text cost, all input taken as fresh."""
    estimated_in_bill: bool
    """False: `estimated_usd` stands beside `total_usd`, because other calls report their usage."""
    missing_usd_range: list[float] | None
    """Bounds for the calls that are not in the bill because they report no usage, by their text and
    limits; None where nothing bounds them."""
    subscription_usd: float
    """API-equivalent of calls on a seat: beside the bill, never inside."""
    by_model: list[dict[str, Any]]
    by_agent: list[dict[str, Any]]
    by_task: list[dict[str, Any]]
    by_tool: list[dict[str, Any]]
    by_workflow: list[dict[str, Any]]
    by_user_segment: list[dict[str, Any]]
    by_tenant: list[dict[str, Any]]
    by_component: list[dict[str, Any]]
    by_step: list[dict[str, Any]]
    by_day: list[dict[str, Any]]
    by: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Breakdowns asked for with `--by`."""
    paid_for: list[dict[str, Any]] = field(default_factory=list)
    """The bill by what it buys: history sent again, tool results again, system + tools, new input,
    answers, reasoning, fees. Sums to the total."""
    self_hosted: list[dict[str, Any]] = field(default_factory=list)
    """Own GPUs by the hour: model, calls, gpus, hours, usd, busy_usd (inside `total_usd`, through the
    calls), idle_usd (beside it: no call caused it); both null where the log has no latencies."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What a gate pairs. `usd_pico` is text: integers above 2**53 do not survive JSON numbers."""

    key: str
    task: str
    agent: str
    calls: int
    input_tokens: int
    output_tokens: int
    usd_pico: str
    first_at: str | None


@dataclass(frozen=True, slots=True)
class PromptCacheInfo:
    """The provider's prompt cache: what it served, what it could have served, what we model."""

    recorded_share: float | None
    ideal_share: float | None
    modelled_share: float | None
    residual_pp: float | None
    by_model: list[dict[str, Any]]
    ideal_block_share: float | None = None


@dataclass(frozen=True, slots=True)
class Projection:
    """Two futures at the same prices: the calls as they were and under the policy."""

    policy: str
    as_of: str
    recorded_baseline_usd: float
    baseline_usd: float
    projected_usd: float
    savings_usd: float
    savings_pct: float | None
    verified_savings_usd: float
    verified_savings_pct: float | None
    ci95_pct: list[float] | None
    ci_parts: dict[str, Any]
    layers: list[dict[str, Any]]
    verified_ci95_pct: list[float] | None = None
    ci_reason: str = ""
    """Why there is no interval; empty: there is one."""
    ci_basis: str = ""
    """What was resampled: `812 sessions`, `31 days, 9,204 sessions`."""
    verdict: str = ""
    """The headline as one sentence: what is saved for sure, or that little is left to save."""
    notes: list[str] = field(default_factory=list)
    provider_cache_saved_usd: float = 0.0
    """What the provider's prompt cache has taken off the baseline already."""
    cache_residual_pp: float | None = None
    """Error of the cache model on sessions left out of its fit, percentage points of input; None: no
    recorded reads to judge it by."""
    cache_residual_usd: float = 0.0
    """The same on the input whose cached share is modelled under the policy."""
    shapley_sampled: bool = False
    """Shapley shares come from a sample of the sessions, scaled to the exact savings."""
    sampled: str = ""
    """The part of the log that the policy was tried on; empty: all of it. Dollars are scaled to the whole,
    but not `recorded_baseline_usd` and `baseline_usd`, which are exact."""
    by_step: list[dict[str, Any]] = field(default_factory=list)
    """Context growth before and after: step, and_later (the last row holds all later steps), calls,
    calls_after, mean_input_tokens_before|after (null: no call is sent), usd_before|after, which sum
    to both bills. Empty: the executor did not count steps."""


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One of the ten items."""

    id: int
    name: str
    title: str
    status: Literal["pass", "fail", "harmful", "unknown", "not_applicable"]
    value: str
    target: str
    usd: float | None
    evidence: str
    fix: str
    usd_basis: str = ""


@dataclass(frozen=True, slots=True)
class AdviceItem:
    """A piece of the usual advice, tried alone on this log as a layer."""

    name: str
    layer: str
    settings: dict[str, Any]
    usd: float | None
    """Saved; negative: it costs more. None: it was not tried, and `reason` says why."""
    overhead_usd: float
    baseline_usd: float
    """What the same calls cost without it, at the projection's prices."""
    calls_touched: int
    evidence: dict[str, Any]
    risk: dict[str, Any]
    verified: bool
    notes: list[str]
    reason: str = ""
    sampled: str = ""
    """The part of the log that it was tried on; empty: all of it. Dollars are scaled, counts are not."""


REPLAYED = "replayed"
"""In a finding's evidence: one sentence on what a replay measured of its layer."""


@dataclass(frozen=True, slots=True)
class FindingItem:
    """One kind of waste at one place."""

    id: str
    name: str
    title: str
    usd: float
    share: float | None
    calls: int
    sessions: int
    fix: str
    layer: str | None
    already_saved_usd: float = 0.0
    estimated: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)
    call_ids: list[str] = field(default_factory=list)
    """The three dearest."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the log can and cannot show."""

    content: Literal["full", "partial", "none"]
    days: float | None
    sample_rate: float | None
    invoice_share: float | None
    content_share: float
    tokens: str
    """How segment tokens were counted: `exact`, `estimated`, and why."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a report says, before any drawing."""

    schema: str
    costopt: str
    """Version of the tool."""
    price_book: str
    dataset: str
    trace: TraceInfo
    bill: BillInfo
    sessions: list[SessionInfo]
    sessions_sampled: bool
    prompt_cache: PromptCacheInfo
    projection: Projection | None
    checklist: list[ChecklistItem]
    findings: list[FindingItem]
    coverage: Coverage
    advice: list[AdviceItem] = field(default_factory=list)
    """The usual advice, each piece alone; empty where a command did not try it."""
    replay: ReplayInfo | None = None
    """What a replay measured; null: this result is of no replay."""
