"""What `costopt selfhost` found, as plain data: `costopt.selfhost/1`, and what every renderer reads.

Dollars are floats here: they are sums of whole pico-dollars, and nothing is added up again. Null: not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = "costopt.selfhost/1"


@dataclass(frozen=True, slots=True)
class Traffic:
    """The calls that would move, as requests to a fleet."""

    source: str
    """`log`, `azure` or `servegen`."""
    calls: int
    """Of the log."""
    moved: int
    stay: Mapping[str, int]
    """Why calls that were asked about stay, with how many."""
    moves: list[dict[str, Any]]
    """From and to which model, with what the token counts rest on."""
    counted: str
    """How texts are counted as the served model counts them."""
    days: float
    """That the requests stand for."""
    log_hours: float
    """From the first to the last call."""
    window_is_stated: bool
    scale: float
    """Of today's traffic; all that follows is at this multiple."""
    requests: int
    requests_per_day: float
    peak_per_minute: float
    input_tokens_per_day: float
    output_tokens_per_day: float
    copies_apart_s: float
    """More traffic is copies of this one, shifted by up to so much."""
    left_out: Mapping[str, int]
    """Requests of an arrivals file that cannot be simulated."""

    @property
    def tokens_per_day(self) -> float:
        return self.input_tokens_per_day + self.output_tokens_per_day


@dataclass(frozen=True, slots=True)
class ApiBill:
    """The provider's side, at the projection's prices."""

    policy: str
    """Empty: the recorded bill."""
    layers: list[str]
    """The other layers of the policy that count, in order: those whose saving is verified."""
    unverified: list[str]
    """Those that do not."""
    logged_usd: float
    """All calls as logged."""
    after_usd: float
    """All calls behind the layers, with what those cost themselves."""
    after_unverified_usd: float
    """The same with the unverified ones too."""
    moved_logged_usd: float
    moved_usd: float
    """Of the calls that would move, behind the other layers: the rent stands against this alone."""
    moved_usd_per_day: float
    """Of today's whole traffic, a sampled log brought to all of it."""
    compared_usd_per_day: float
    """The same at the scale asked for."""
    stay_rise_usd: float
    """What the calls that stay cost more, because they find less in the provider's prompt cache."""
    per_token: bool
    """The bill is the log's price a token times the tokens of an arrivals file."""


@dataclass(frozen=True, slots=True)
class Level:
    """One limit of the service level, and whether the fleet keeps it."""

    limit: str
    limit_ms: float
    percentile: float
    value_ms: float | None
    """At that percentile; null: so many were never served."""
    share: float
    """Of the requests within the limit."""
    verdict: str


@dataclass(frozen=True, slots=True)
class Even:
    """From how much traffic on renting costs no more than the API; nulls with a reason: never."""

    multiple: float | None
    """Of today's traffic."""
    tokens_per_day: float | None
    replicas: int | None
    usd_per_day: float | None
    reason: str = ""
    tried_multiple: float = 0.0
    """Where never: the largest that was simulated."""


@dataclass(frozen=True, slots=True)
class GainAt:
    """The fleet at another acceptance; nulls: none keeps the level."""

    acceptance: float | None
    usd_per_day: float | None
    tpot_ms: float | None
    """Median."""
    replicas: int | None


@dataclass(frozen=True, slots=True)
class Gain:
    """The same traffic with and without speculative decoding."""

    method: str
    draft_tokens: int
    """At most."""
    by_load: list[list[int]]
    """(from, to, draft tokens) by running sequences, where the length follows the load."""
    acceptance: float
    """Chance that the first drafted token is accepted, where there is a draft."""
    coverage: float
    """Share of steps that have a draft."""
    tokens_per_step: float
    basis: str
    usd_per_day: float
    usd_per_day_without: float | None
    """Null: without it no fleet keeps the level."""
    tpot_ms: float | None
    tpot_ms_without: float | None
    """Medians."""
    replicas_without: int | None
    at: list[GainAt]
    """At both ends of what is published of its acceptance."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A look-up method on the user's own answers of one task."""

    task: str
    answers: int
    coverage: float
    acceptance: float | None
    tokens_per_step: float
    standard_error: float | None
    """Of the tokens a step, over sessions."""


@dataclass(frozen=True, slots=True)
class Rents:
    """Dollars a day at the cheapest, the middle and the dearest rent."""

    low: float
    typical: float
    high: float


@dataclass(frozen=True)
class Fleet:
    """The cheapest fleet on one kind of GPU."""

    gpu: str
    gpus_per_replica: int
    replicas: int
    at_least: int | None
    at_most: int | None
    """Sizes that the simulation cannot tell from this one; nulls: the number was given, or none is sure."""
    sized: bool
    engine: str
    precision: str
    keeps_level: bool
    levels: list[Level]
    ttft_ms: dict[str, float] | None
    tpot_ms: dict[str, float] | None
    e2e_ms: dict[str, float] | None
    tokens_per_s_per_gpu: float | None
    """Prompt and answer tokens over the rented time."""
    utilisation: float
    idle_gpu_hours_per_day: float
    prefix_hit_share: float | None
    kv_cache_tokens_per_replica: int
    unserved_calls: int
    terms: str
    usd_per_day: Rents
    rent_source: str
    rent_sources: list[dict[str, Any]]
    usd_per_mtok: Mapping[str, float | None]
    """input, output, blended."""
    break_even: dict[str, Even]
    """At the low, the typical and the high rent; of many GPUs at the typical one alone."""
    break_even_note: str
    speculation: Gain | None
    launch: dict[str, str | None]
    """Engine to the command of one replica; null: none is known."""
    launch_notes: dict[str, list[str]]

    @property
    def gpus(self) -> int:
        return self.replicas * self.gpus_per_replica

    @property
    def name(self) -> str:
        """`2 x 4 x h100_sxm`: replicas of so many GPUs."""
        each = f"{self.gpus_per_replica} x " if self.gpus_per_replica > 1 else ""
        return f"{self.replicas} x {each}{self.gpu}"


def best_of(fleets: Sequence[Fleet]) -> Fleet | None:
    """The cheapest that keeps the level; where none does, the cheapest. They come cheapest first."""
    kept = [one for one in fleets if one.keeps_level]
    return next(iter(kept or fleets), None)


@dataclass(frozen=True, slots=True)
class Refused:
    """A GPU that cannot: why."""

    gpu: str
    reason: str


@dataclass(frozen=True, slots=True)
class Point:
    """One place of the crossing: API bill and smallest fleet at a multiple of today's traffic."""

    multiple: float
    tokens_per_day: float
    api_usd_per_day: float
    replicas: int | None
    rent: Rents | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """Whether the other model answers as well."""

    status: str
    """`measured` or `unverified`."""
    loss: float | None
    ci95: list[float] | None
    judged: int | None
    layer: str
    """The line of a policy with which a replay would measure it."""


@dataclass(frozen=True)
class SelfHosting:
    """All of it."""

    dataset: str
    model: str
    as_of: str
    settings: dict[str, Any]
    """Of the layer that would do the same in a policy; `gpu` is the first that was asked."""
    assumed: list[str]
    """Settings of the level that nobody stated."""
    traffic: Traffic
    bill: ApiBill
    fleets: list[Fleet]
    """Cheapest first."""
    refused: list[Refused]
    crossing: list[Point]
    """Of the cheapest fleet's kind."""
    accepted: list[Accepted]
    quality: Quality
    notes: list[str] = field(default_factory=list)

    @property
    def best(self) -> Fleet | None:
        """The cheapest that keeps the level; where none does, the cheapest."""
        return best_of(self.fleets)

    def to_json(self) -> dict[str, Any]:
        """The document of `--json`."""
        from costopt.report.selfhost_words import verdict

        body = asdict(self)
        for one, row in zip(self.fleets, body["fleets"], strict=True):
            row["gpus"] = one.gpus
        body["traffic"]["tokens_per_day"] = self.traffic.tokens_per_day
        return {"schema": SCHEMA, "verdict": verdict(self), **body}
