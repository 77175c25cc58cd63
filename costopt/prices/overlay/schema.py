"""What may stand in `prices.yaml`. Prices are USD per million tokens, searches USD per thousand.

models:
  gpt-4o: {input: 2.50, cached_input: 1.25, cache_write_5m: 2.50, output: 10.00}
  acme/llama-70b: {input: 0.40, output: 0.60, provider: selfhosted}
  my-llama: {provider: vllm, gpu_hour_usd: 2.20, gpus: 2, hours: 720}
  claude-opus-4-6:
    - {input: 4, cached_input: 0.4, output: 20, from: 2026-04-01, to: 2026-06-30}
discounts: [{provider: openai, multiplier: 0.85}]
batch: {openai: 0.5}
aliases: {azure/prod-chat: gpt-4o}
seats: [{provider: anthropic, model: claude-*}]
rents: {h100: 2.10, l40s: {spot: [0.5, 0.7], reserved: 0.9}}     # USD per GPU and hour; several: a range
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Factor = Annotated[Decimal, Field(ge=0, le=100, decimal_places=6, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Units(_Strict):
    """Prices of one context tier."""

    input: Usd | None = None
    cached_input: Usd | None = None
    """Missing: the input price, unless the book lists a cached price for this model (then unpriced)."""
    cache_write: Usd | None = None
    """Writes whose lifetime has no price of its own here."""
    cache_write_5m: Usd | None = None
    cache_write_1h: Usd | None = None
    cache_write_30m: Usd | None = None
    cache_write_12h: Usd | None = None
    output: Usd | None = None
    reasoning: Usd | None = None
    """Missing: the output price."""
    input_audio: Usd | None = None
    cached_audio: Usd | None = None
    output_audio: Usd | None = None
    input_image: Usd | None = None
    output_image: Usd | None = None
    web_search: Usd | None = None
    """USD per thousand hosted searches."""


class Entry(Units):
    """One model's price, for all dates or from/to."""

    provider: str = ""
    """Only calls of this provider; without it, the model wherever it is called."""
    from_: dt.date | None = Field(default=None, alias="from")
    """First UTC day."""
    to: dt.date | None = None
    """Last UTC day, included."""
    above: dict[int, Units] = Field(default_factory=dict)
    """Prices of whole requests with more input tokens than the key."""
    batch: Factor | None = None
    """Multiplier of the batch tier; so flex, priority and fast."""
    flex: Factor | None = None
    priority: Factor | None = None
    fast: Factor | None = None
    billing: Literal["metered", "subscription"] = "metered"
    """`subscription`: covered by a seat; shown as API-equivalent, never in the bill."""
    gpu_hour_usd: Usd | None = None
    """Own machines: USD per GPU and hour. Tokens then cost nothing; the hours are a row of their own."""
    gpus: int | None = Field(default=None, ge=1, le=100_000)
    hours: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] | None = None
    """Hours the GPUs were paid for; missing: from the first to the last call of the log."""

    @property
    def self_hosted(self) -> bool:
        return self.gpu_hour_usd is not None

    @property
    def priced(self) -> bool:
        return self.input is not None or self.output is not None or self.input_audio is not None


class Discount(_Strict):
    """Net = list x multiplier, for a provider or one of its models."""

    provider: str
    model: str = "*"
    """A name or pattern (`gpt-4o*`); the most special one counts, they do not add up."""
    multiplier: Factor


class Seat(_Strict):
    """Calls covered by a subscription."""

    provider: str
    model: str = "*"


Quotes = Usd | Annotated[list[Usd], Field(min_length=1, max_length=1_000)]
"""USD per GPU and hour: one price, or those of several providers."""
Rented = Quotes | Annotated[dict[str, Quotes], Field(min_length=1)]
"""Of one GPU: on demand, or by terms. Which names there are is known where GPUs are."""

TIER_SECTIONS = ("batch", "flex", "priority")
SECTIONS = ("models", "discounts", "aliases", "seats", "rents", *TIER_SECTIONS)
