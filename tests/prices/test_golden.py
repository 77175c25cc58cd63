"""Bills worked out by hand from the providers' price pages. Amounts are pico-dollars (1 USD = 10**12)."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from costopt.model.leaf import Leaf
from costopt.money import pico
from costopt.prices.contract import DatedRates, Unpriced
from tests.prices.pricing import book, cost, dated, tier_at, usd_per_mtok

NOW = "2026-11-09"


def usd(text: str) -> int:
    return pico(Decimal(text))


_WORDS = {
    "fresh": "input_fresh", "read": "cache_read", "5m": "cache_write_5m", "1h": "cache_write_1h",
    "30m": "cache_write_30m", "audio": "input_audio", "out": "output_text", "think": "output_reasoning",
}  # fmt: skip


@pytest.mark.parametrize("line", Path(__file__).with_name("golden.txt").read_text().splitlines())
def test_a_call_costs_what_the_price_page_says(line: str) -> None:
    """`provider/model day: count word | ... = dollars`; a line that starts with # says why."""
    if not line or line.startswith("#"):
        return
    head, counts, dollars = re.split(r": | = ", line)
    name, day = head.split()
    provider, _, model = name.partition("/")
    pairs = [part.split() for part in counts.split(" | ")]
    used = {_WORDS[word]: int(count.replace(",", "")) for count, word in pairs}
    assert cost(book().rates(provider, model), day, **used) == usd(dollars.removeprefix("$"))


def test_the_articles_examples_corrected() -> None:
    """12 calls x 2,000 tokens of gpt-4o are $0.06 of input to $0.24 of output; mini is 16.7x cheaper."""
    big, small = book().rates("openai", "gpt-4o"), book().rates("openai", "gpt-4o-mini")
    assert cost(big, NOW, input_fresh=24_000) == usd("0.06")
    assert cost(big, NOW, output_text=24_000) == usd("0.24")
    ratio = cost(big, NOW, input_fresh=10**6) / cost(small, NOW, input_fresh=10**6)
    assert round(ratio, 1) == 16.7
    # Step 10 of a loop that starts at 2,000 and grows by 500 is 6,500 tokens, 3.25 times the first.
    assert cost(big, NOW, input_fresh=6_500) * 4 == cost(big, NOW, input_fresh=2_000) * 13


@pytest.mark.parametrize(
    ("tier", "day", "leaf", "expected"),
    [
        (
            "batch",
            "2024-04-14",
            Leaf.INPUT_FRESH,
            -1,
        ),  # not sold yet: no price, not the standard one
        ("batch", "2024-04-15", Leaf.INPUT_FRESH, 2.5),  # the alias meant the $5 snapshot then
        ("batch", "2024-10-02", Leaf.INPUT_FRESH, 1.25),
        ("batch", "2026-11-01", Leaf.INPUT_FRESH, 1.25),
        ("batch", "2025-03-01", Leaf.OUTPUT_REASONING, 5.0),
        ("priority", "2025-05-01", Leaf.INPUT_FRESH, -1),
        ("priority", "2026-01-01", Leaf.INPUT_FRESH, 4.25),
        ("priority", "2026-01-01", Leaf.OUTPUT_REASONING, 17.0),  # reasoning follows the tier
    ],
)
def test_tiers_hold_from_their_launch_on(tier: str, day: str, leaf: Leaf, expected: float) -> None:
    assert usd_per_mtok(book().rates("openai", "gpt-4o", tier=tier), day, leaf) == expected


def test_a_tier_that_no_one_sells_is_unpriced() -> None:
    for model, tier in (("gpt-4-32k", "flex"), ("gpt-5-nano", "priority"), ("gpt-4o", "scale")):
        found = book().rates("openai", model, tier=tier)
        assert isinstance(found, Unpriced), (model, tier)
        assert tier in found.reason
    assert isinstance(book().rates("together", "qwen3-8b", tier="batch"), Unpriced)


def test_a_cached_read_keeps_its_discount_in_batch_only_where_a_price_is_listed() -> None:
    day = "2026-01-01"
    for model, standard, batch in (
        ("gpt-4.1", 0.5, 1.0),
        ("o3", 0.5, 1.0),
        ("gpt-5", 0.125, 0.0625),
    ):
        assert usd_per_mtok(book().rates("openai", model), day, Leaf.CACHE_READ) == standard
        found = book().rates("openai", model, tier="batch")
        assert usd_per_mtok(found, day, Leaf.CACHE_READ) == batch


@pytest.mark.parametrize(
    "model", ["claude-3-haiku-20240307", "claude-sonnet-4-0", "claude-opus-4-6"]
)
def test_anthropic_batch_halves_every_class_and_not_the_search_fee(model: str) -> None:
    day = "2026-04-01"
    standard, batch = (
        book().rates("anthropic", model),
        book().rates("anthropic", model, tier="batch"),
    )
    for whole, half in zip(
        tier_at(dated(standard), day).rates, tier_at(dated(batch), day).rates, strict=True
    ):
        assert half == whole // 2 or whole == half == -1
    if model != "claude-3-haiku-20240307":
        assert (
            dated(standard).periods[-1].web_search_pusd == dated(batch).periods[-1].web_search_pusd
        )


@pytest.mark.parametrize("tier", ["batch", "flex"])
def test_gemini_sells_batch_and_flex_at_half_and_cached_reads_as_standard(tier: str) -> None:
    found = book().rates("google", "gemini-2.5-flash", tier=tier)
    for day in ("2026-05-01", NOW):
        assert usd_per_mtok(found, day, Leaf.INPUT_FRESH) == 0.15
        assert usd_per_mtok(found, day, Leaf.OUTPUT_REASONING) == 1.25
        assert usd_per_mtok(found, day, Leaf.CACHE_READ) == 0.03
    assert isinstance(book().rates("google", "gemini-2.5-flash", tier="priority"), Unpriced)


def test_a_call_served_on_flex_costs_batch_rates_also_where_no_row_is_listed() -> None:
    found = book().rates("openai", "gpt-4o-mini-2024-07-18", tier="flex")
    assert usd_per_mtok(found, NOW, Leaf.INPUT_FRESH) == 0.075
    assert usd_per_mtok(found, NOW, Leaf.CACHE_READ) == 0.0375
    assert usd_per_mtok(found, "2025-04-16", Leaf.INPUT_FRESH) == -1


def test_flex_was_half_before_and_after_the_cut_of_o3() -> None:
    flex = book().rates("openai", "o3", tier="flex")
    assert usd_per_mtok(flex, "2025-05-01", Leaf.INPUT_FRESH) == 5.0
    assert usd_per_mtok(flex, "2025-05-01", Leaf.CACHE_READ) == 1.25
    assert usd_per_mtok(flex, "2025-07-01", Leaf.INPUT_FRESH) == 1.0


@pytest.mark.parametrize(
    ("model", "region", "expected"),
    [
        ("claude-opus-4-6", "us", 5.5),
        ("claude-opus-4-6", "global", 5.0),
        ("claude-opus-4-6", "", 5.0),
        ("claude-opus-4-5", "us", 5.0),  # inference_geo begins with 4.6
    ],
)
def test_inference_geo_is_a_premium_on_tokens_alone(
    model: str, region: str, expected: float
) -> None:
    found = dated(book().rates("anthropic", model, region=region))
    assert usd_per_mtok(found, NOW, Leaf.INPUT_FRESH) == expected
    assert found.periods[-1].web_search_pusd == 10 * 10**9  # $10 per 1,000, never multiplied


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", 3.3),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 3.3),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", 3.0),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", 3.3),  # in-region
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", 3.0),  # one price before 4.5
        ("anthropic.claude-3-haiku-20240307-v1:0", 0.25),
    ],
)
def test_bedrock_geography_is_the_premium_and_global_the_list_price(
    model: str, expected: float
) -> None:
    assert usd_per_mtok(book().rates("bedrock", model), NOW, Leaf.INPUT_FRESH) == expected


def test_fast_mode_replaces_the_base_price_and_cache_factors_apply_on_top() -> None:
    fast = book().rates("anthropic", "claude-opus-4-8", speed="fast")
    assert usd_per_mtok(fast, NOW, Leaf.INPUT_FRESH) == 10.0
    assert usd_per_mtok(fast, NOW, Leaf.CACHE_READ) == 1.0
    assert usd_per_mtok(fast, NOW, Leaf.CACHE_WRITE_1H) == 20.0
    older = book().rates("anthropic", "claude-opus-4-6", speed="fast")
    assert usd_per_mtok(older, "2026-03-01", Leaf.INPUT_FRESH) == 30.0
    assert usd_per_mtok(older, "2026-03-01", Leaf.OUTPUT_TEXT, tokens=250_000) == 225.0
    assert isinstance(book().rates("anthropic", "claude-haiku-4-5", speed="fast"), Unpriced)
    assert isinstance(
        book().rates("anthropic", "claude-opus-4-8", speed="fast", tier="batch"), Unpriced
    )


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2025-03-01T12:00", 0.27),
        ("2025-03-01T17:00", 0.135),  # night discount, 16:30 to 00:30 UTC
        ("2025-03-02T00:10", 0.135),
        ("2025-03-02T00:30", 0.27),
        ("2025-02-20T17:00", 0.27),  # before it began
        ("2025-09-10T17:00", 0.56),  # after it was cancelled
        ("2025-12-01T17:00", 0.28),
    ],
)
def test_deepseeks_hours_hold_only_while_they_did(moment: str, expected: float) -> None:
    assert (
        usd_per_mtok(book().rates("deepseek", "deepseek-chat"), moment, Leaf.INPUT_FRESH)
        == expected
    )


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-08-16T15:59", 0.14),
        ("2026-08-17T02:00", 0.44),
        ("2026-08-17T12:00", 0.22),
        ("2026-08-29T02:00", 0.22),  # a Saturday: off-peak since 2026-08-23
        ("2026-10-01T02:00", 0.15),  # a public holiday in China
        ("2026-10-08T02:00", 0.30),
    ],
)
def test_deepseeks_peak_hours_are_weekdays(moment: str, expected: float) -> None:
    assert (
        usd_per_mtok(book().rates("deepseek", "deepseek-v4-flash"), moment, Leaf.INPUT_FRESH)
        == expected
    )


def test_a_unit_without_a_price_has_no_rate() -> None:
    """Audio is never text at a text price, and a cached token never fresh at a fresh price."""
    gpt = book().rates("openai", "gpt-4o")
    assert usd_per_mtok(gpt, NOW, Leaf.INPUT_AUDIO) == -1
    assert usd_per_mtok(gpt, NOW, Leaf.OUTPUT_AUDIO) == -1
    assert usd_per_mtok(book().rates("openai", "gpt-4o-2024-05-13"), NOW, Leaf.CACHE_READ) == -1
    assert usd_per_mtok(book().rates("openai", "gpt-5.6-sol"), NOW, Leaf.CACHE_WRITE_12H) == -1
    realtime = book().rates("openai", "gpt-4o-realtime-preview")
    assert usd_per_mtok(realtime, NOW, Leaf.INPUT_AUDIO) == 40.0
    # Gemini 2.5 Pro lists one price for text, image, video and audio.
    assert usd_per_mtok(book().rates("google", "gemini-2.5-pro"), NOW, Leaf.INPUT_AUDIO) == 1.25


def test_a_read_is_never_dearer_than_fresh_input_and_no_rate_is_negative() -> None:
    from costopt.prices.catalog import catalog

    for provider in ("openai", "anthropic", "google", "x-ai", "deepseek", "groq", "mistral", "aws"):
        for name in catalog()[provider].names():
            for tier in ("default", "batch", "flex", "priority"):
                found = book().rates(provider, name, tier=tier)
                if not isinstance(found, DatedRates):
                    continue
                for context in (t for p in found.periods for t in p.tiers):
                    fresh, read = context.rates[Leaf.INPUT_FRESH], context.rates[Leaf.CACHE_READ]
                    assert read <= fresh, (provider, name, tier)
                    assert min(context.rates) >= -1


def test_claudes_table_keeps_its_proportions() -> None:
    """Read 0.1x, writes 1.25x and 2x of input (a row wrong by 10x shows here); exceptions are listed."""
    from costopt.prices.catalog import catalog

    reads = {  # https://platform.claude.com/docs/en/about-claude/pricing, checked 2026-11-24
        "claude-3-haiku": 0.12, "claude-fable-5-1": 0.025, "claude-fable-5-2": 0.025,
        "claude-mythos-5-2": 0.025, "claude-opus-5-5": 0.05, "claude-sonnet-5-5": 0.05,
    }  # fmt: skip
    for model in catalog()["anthropic"].names():
        rates = tier_at(dated(book().rates("anthropic", model)), NOW).rates
        fresh = rates[Leaf.INPUT_FRESH]
        if rates[Leaf.CACHE_READ] < 0:
            continue  # before prompt caching
        assert rates[Leaf.CACHE_READ] / fresh == pytest.approx(reads.get(model, 0.1)), model
        write = 1.2 if model == "claude-3-haiku" else 1.25
        assert rates[Leaf.CACHE_WRITE_5M] / fresh == pytest.approx(write), model
        assert rates[Leaf.CACHE_WRITE_1H] / fresh == pytest.approx(2), model
