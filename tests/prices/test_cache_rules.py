"""Prompt-cache rules by date: no cache before its launch, nor for models that never had one."""

from __future__ import annotations

import pytest

from costopt.prices.own_data import moment_us
from tests.prices.pricing import book


@pytest.mark.parametrize(
    ("provider", "model", "day", "mode", "minimum", "step"),
    [
        ("openai", "gpt-4o", "2024-09-30", "none", 0, 1),
        ("openai", "gpt-4o", "2024-10-01", "automatic", 1024, 128),
        ("openai", "gpt-4o-2024-05-13", "2026-01-01", "none", 0, 1),
        ("openai", "gpt-4-0125-preview", "2026-01-01", "none", 0, 1),
        ("openai", "gpt-3.5-turbo", "2026-01-01", "none", 0, 1),
        ("openai", "gpt-4.1-mini", "2026-02-01", "automatic", 1024, 128),
        ("openai", "gpt-5-mini", "2026-02-01", "automatic", 1024, 128),
        ("openai", "gpt-5.6-sol", "2026-10-01", "automatic", 1024, 1),
        ("azure", "gpt-4o", "2026-02-01", "automatic", 1024, 128),
        ("anthropic", "claude-3-haiku-20240307", "2025-01-01", "breakpoint", 2048, 1),
        ("anthropic", "claude-3-haiku-20240307", "2024-08-01", "none", 0, 1),
        ("anthropic", "claude-sonnet-4-20250514", "2025-07-01", "breakpoint", 1024, 1),
        ("anthropic", "claude-haiku-4-5", "2026-01-01", "breakpoint", 4096, 1),
        ("anthropic", "claude-opus-4-6", "2026-03-01", "breakpoint", 4096, 1),
        ("anthropic", "claude-opus-5", "2026-09-01", "breakpoint", 512, 1),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "2026-01-01", "breakpoint", 1024, 1),
        ("google", "gemini-2.5-pro", "2025-05-07", "none", 0, 1),
        ("google", "gemini-2.5-pro", "2025-06-01", "automatic", 2048, 1),
        ("google", "gemini-2.5-pro", "2026-05-07", "automatic", 4096, 1),
        ("google", "gemini-2.5-pro", "2026-07-07", "automatic", 2048, 1),
        ("google", "gemini-3.5-flash", "2026-07-07", "automatic", 4096, 1),
        ("bedrock", "us.amazon.nova-pro-v1:0", "2026-01-01", "automatic", 1000, 1),
        ("google", "gemini-3-flash-preview", "2026-02-01", "automatic", 1024, 1),
        ("openrouter", "google/gemini-3-pro-preview", "2025-11-20", "automatic", 4096, 1),
        ("deepseek", "deepseek-chat", "2025-01-01", "automatic", 64, 64),
        ("vllm", "Qwen/Qwen3-8B", "2026-01-01", "none", 0, 1),
    ],
)  # fmt: skip
def test_rules(provider: str, model: str, day: str, mode: str, minimum: int, step: int) -> None:
    rule = book().cache_rules(provider, model, moment_us(day))
    assert (rule.mode, rule.min_tokens, rule.step_tokens) == (mode, minimum, step)
    assert rule.source


def test_multipliers_and_batch() -> None:
    at = moment_us("2026-10-01")
    rules = {
        m: book().cache_rules("openai", m, at)
        for m in ("gpt-4o", "gpt-4.1", "gpt-5", "gpt-5.6-sol")
    }
    assert [r.read_multiplier_ppm for r in rules.values()] == [500_000, 250_000, 100_000, 100_000]
    assert [r.batch_stacks for r in rules.values()] == [False, False, True, True]
    assert rules["gpt-5.6-sol"].write_multiplier_ppm == 1_250_000
    claude = book().cache_rules("anthropic", "claude-sonnet-4-5", at)
    assert (claude.read_multiplier_ppm, claude.write_multiplier_ppm) == (100_000, 1_250_000)
    assert claude.batch_stacks
    sonnet = [
        book().cache_rules("anthropic", "claude-sonnet-5-5", moment_us(d)).read_multiplier_ppm
        for d in ("2026-10-06", "2026-10-07")
    ]
    assert sonnet == [100_000, 50_000]
    assert claude.lifetime_s == 300


def test_a_rule_that_no_source_dates_says_so() -> None:
    rule = book().cache_rules("google", "gemini-2.5-pro", moment_us("2025-09-01"))
    assert "not confirmed: the day of the change" in rule.source
    assert "not confirmed" not in book().cache_rules("openai", "gpt-4o", None).source


def test_without_a_date_the_newest_rule_holds() -> None:
    assert book().cache_rules("openai", "gpt-4o", None).mode == "automatic"
    assert book().cache_rules("google", "gemini-2.5-pro", None).min_tokens == 2048


def test_a_listed_cached_price_without_a_rule_says_that_there_is_a_cache() -> None:
    rule = book().cache_rules("moonshotai", "kimi-k2.6", moment_us("2026-10-01"))
    assert rule.mode == "automatic"
    assert 0 < rule.read_multiplier_ppm < 1_000_000
    assert "not documented" in rule.source
    # A call without a time gets the newest prices, one long ago those of its day.
    assert book().cache_rules("moonshotai", "kimi-k2.6", None).mode == "automatic"
