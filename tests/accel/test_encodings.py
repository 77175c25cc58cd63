"""Which encoding a model has: by its family, never by a likeness."""

from __future__ import annotations

import pytest

from costopt.accel.encodings import CL100K, O200K, encoding_of


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o", "gpt-4o-mini-2024-07-18", "openai/gpt-4.1-mini", "azure/gpt-4.1", "gpt-5",
        "gpt-5.6", "gpt-5-nano", "gpt-5.1-codex", "o1", "o3-mini", "o4-mini-2025-04-16",
        "openrouter/openai/o3",
        "chatgpt-4o-latest", "gpt-oss-120b", "gpt-oss:20b", "ft:gpt-4o-mini:acme", "GPT-4o",
    ],
)  # fmt: skip
def test_newer_openai_families_use_o200k(model: str) -> None:
    assert encoding_of(model) == O200K


@pytest.mark.parametrize(
    "model", ["gpt-4", "gpt-4-0125-preview", "gpt-4-turbo", "gpt-3.5-turbo", "gpt-35-turbo-16k"]
)
def test_older_openai_families_use_cl100k(model: str) -> None:
    assert encoding_of(model) == CL100K


@pytest.mark.parametrize(
    "model", ["claude-opus-4-1", "gemini-3-pro-preview", "llama-3.1-70b", "", "o1x", "gpt-41",
              "gpt-4ooo", "my-gpt-4o-deployment", "deepseek-chat", "gpt-neo", "opt-1.3b"]
)  # fmt: skip
def test_no_encoding_is_guessed_for_other_families(model: str) -> None:
    assert encoding_of(model) is None
