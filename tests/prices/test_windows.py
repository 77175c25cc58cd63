"""Context windows as the book knows them."""

from __future__ import annotations

from costopt.prices.windows import context_window


def test_a_window_is_known_by_any_spelling_or_not_at_all() -> None:
    assert context_window("openai", "gpt-4o-mini") == 128_000
    assert context_window("openai", "gpt-4o-mini-2024-07-18") == 128_000
    assert context_window("openai", "no-such-model") is None
