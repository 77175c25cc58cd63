"""genai-prices' own calculator is the oracle: same price for every model, date, size and tier."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from costopt.model.leaf import Leaf
from costopt.prices import match
from costopt.prices.catalog import catalog
from costopt.prices.contract import DatedRates
from costopt.prices.own_data import data
from costopt.prices.standard import other_charges
from tests.prices.pricing import book, tier_at

PROVIDERS = (
    "openai", "anthropic", "google", "x-ai", "mistral", "groq", "cohere", "together", "fireworks",
    "moonshotai", "aws", "zai",
)  # fmt: skip
DAYS = ("2024-06-01T12:00", "2025-06-09T12:00", "2025-12-01", "2026-03-13", "2026-11-09T05:00")
# All input, of it read from the cache and written to it; output.
SIZES = ((150_000, 0, 0, 300), (150_000, 40_000, 0, 300), (300_000, 100_000, 20_000, 1_000))
# Ours on purpose: see data/corrections.json.
CORRECTED = {(c["provider"], c["model"]) for c in data("corrections")["corrections"]}
MOVED = {(a["provider"], a["alias"]) for a in data("corrections")["moved_aliases"]}


def _names(provider: str) -> Iterator[str]:
    from genai_prices.data import providers

    shelf = next(p for p in providers if p.id == provider)
    for model in shelf.models:
        yield from match.literals(model.match)[:2]


def _theirs(provider: str, name: str, day: str, size: tuple[int, ...], context: Any) -> int | None:
    from genai_prices import Usage, calc_price

    total, read, write, output = size
    counts = {"input_tokens": total, "output_tokens": output}
    counts |= {"cache_read_tokens": read} if read else {}
    counts |= {"cache_write_tokens": write} if write else {}
    moment = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    try:
        price = calc_price(
            Usage(**counts), name, provider_id=provider, genai_request_timestamp=moment,
            price_context=context,
        )  # fmt: skip
    except LookupError:
        return None  # a name of another provider's rule
    return int(price.total_price * Decimal(10**12))


def _ours(rates: DatedRates, day: str, size: tuple[int, ...]) -> int | None:
    total, read, write, output = size
    row = tier_at(rates, day, total).rates
    parts = (
        (total - read - write, Leaf.INPUT_FRESH), (read, Leaf.CACHE_READ),
        (write, Leaf.CACHE_WRITE_OTHER), (output, Leaf.OUTPUT_TEXT),
    )  # fmt: skip
    if any(count and row[leaf] < 0 for count, leaf in parts):
        return None  # a unit without a price: we say so, the book takes the input price
    return sum(count * row[leaf] for count, leaf in parts if count)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_standard_prices_equal_the_oracle(provider: str) -> None:
    compared = 0
    for name in _names(provider):
        rates = book().rates(provider, name)
        if not isinstance(rates, DatedRates) or (rates.provider, rates.model) in CORRECTED:
            continue
        if (provider, name) in MOVED:
            continue
        for day in DAYS:
            for size in SIZES:
                theirs, ours = _theirs(provider, name, day, size, None), _ours(rates, day, size)
                if ours is not None and theirs is not None:
                    # A price finer than a pico-dollar a token is rounded once, at the rate.
                    assert abs(ours - theirs) <= sum(size), (name, day, size)
                    compared += 1
    assert compared > 20


@pytest.mark.parametrize(
    ("tier", "context"),
    [("batch", {"processing": "batch"}), ("flex", {"service_tier": "flex"}),
     ("priority", {"service_tier": "priority"})],
)  # fmt: skip
@pytest.mark.parametrize("provider", ["openai", "anthropic", "mistral"])
def test_listed_tiers_equal_the_oracle(provider: str, tier: str, context: dict[str, str]) -> None:
    day, size = "2026-11-09T05:00", (300_000, 0, 0, 1_000)
    for name in _names(provider):
        rates = book().rates(provider, name, tier=tier)
        found = catalog()[provider].find(name)
        variants = getattr(getattr(found, "info", None), "price_variants", None) or ()
        if isinstance(rates, DatedRates) and any(v.when == context for v in variants):
            assert _ours(rates, day, size) == _theirs(provider, name, day, size, context), name


def test_a_price_by_the_request_is_not_left_out_in_silence() -> None:
    found = catalog()["perplexity"].find("sonar-pro")
    assert found is not None
    assert "each request costs" in other_charges(found, "sonar-pro")  # type: ignore[arg-type]
    unpriced = book().rates("perplexity", "sonar-pro")
    assert "each request costs" in unpriced.reason  # type: ignore[union-attr]
