"""One usage object in each spelling, and the leaves worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from costopt.model.call import UsageContradiction, UsageState
from costopt.model.leaf import LEAF_NAMES
from costopt.sources.bodies import usage_from
from costopt.sources.bodies.openai_usage import plain_usage
from costopt.sources.bodies.openai_usage import usage as chat_usage


def leaves(usage: Any, **around: str) -> dict[str, int]:
    """The leaves that are not zero, by name."""
    found = usage_from(usage, **around)
    return {n: v for n, v in zip(LEAF_NAMES, found.leaves, strict=True) if v}


CASES: list[tuple[str, dict[str, Any], dict[str, str], dict[str, int]]] = [
    (
        "OpenAI chat: cached and reasoning lie inside",
        {
            "prompt_tokens": 900,
            "completion_tokens": 70,
            "total_tokens": 970,
            "prompt_tokens_details": {"cached_tokens": 640, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
        {},
        {"input_fresh": 260, "cache_read": 640, "output_text": 40, "output_reasoning": 30},
    ),
    (
        "OpenAI chat: a write without a lifetime",
        {
            "prompt_tokens": 900,
            "completion_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 500},
        },
        {},
        {"input_fresh": 300, "cache_read": 100, "cache_write_other": 500, "output_text": 7},
    ),
    (
        "OpenAI chat: audio is part of both sides, cached audio of the audio",
        {
            "prompt_tokens": 120,
            "completion_tokens": 50,
            "prompt_tokens_details": {
                "cached_tokens": 40,
                "audio_tokens": 60,
                "cached_tokens_details": {"audio_tokens": 20},
            },
            "completion_tokens_details": {"audio_tokens": 35},
        },
        {},
        {
            "input_fresh": 40,
            "cache_read": 20,
            "input_audio": 40,
            "cache_read_audio": 20,
            "output_text": 15,
            "output_audio": 35,
        },
    ),
    (
        "null details mean zero",
        {
            "prompt_tokens": 12,
            "completion_tokens": 3,
            "prompt_tokens_details": None,
            "completion_tokens_details": None,
        },
        {},
        {"input_fresh": 12, "output_text": 3},
    ),
    (
        "DeepSeek: hit + miss = prompt; the hit is not added to cached_tokens",
        {
            "prompt_tokens": 50,
            "completion_tokens": 9,
            "prompt_cache_hit_tokens": 32,
            "prompt_cache_miss_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 32},
        },
        {},
        {"input_fresh": 18, "cache_read": 32, "output_text": 9},
    ),
    (
        "xAI: the total puts reasoning beside the completion",
        {
            "prompt_tokens": 20,
            "completion_tokens": 4,
            "total_tokens": 74,
            "completion_tokens_details": {"reasoning_tokens": 50},
        },
        {},
        {"input_fresh": 20, "output_text": 4, "output_reasoning": 50},
    ),
    (
        "xAI without a total: the provider's name decides",
        {
            "prompt_tokens": 20,
            "completion_tokens": 4,
            "completion_tokens_details": {"reasoning_tokens": 50},
        },
        {"provider": "xai"},
        {"input_fresh": 20, "output_text": 4, "output_reasoning": 50},
    ),
    (
        "OpenRouter: a write for a Claude model is one of five minutes",
        {
            "prompt_tokens": 300,
            "completion_tokens": 5,
            "cost": 0.001,
            "is_byok": False,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 200},
        },
        {"model": "anthropic/claude-sonnet-4.5"},
        {"input_fresh": 100, "cache_write_5m": 200, "output_text": 5},
    ),
    (
        "OpenRouter: a write for an OpenAI model has no stated lifetime",
        {
            "prompt_tokens": 300,
            "completion_tokens": 5,
            "is_byok": False,
            "prompt_tokens_details": {"cache_write_tokens": 200},
        },
        {"model": "openai/gpt-5.6"},
        {"input_fresh": 100, "cache_write_other": 200, "output_text": 5},
    ),
    (
        "LiteLLM: Anthropic's counts repeated beside an inclusive prompt",
        {
            "prompt_tokens": 1000,
            "completion_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 600, "cache_creation_tokens": 300},
            "cache_read_input_tokens": 600,
            "cache_creation_input_tokens": 300,
        },
        {},
        {"input_fresh": 100, "cache_read": 600, "cache_write_5m": 300, "output_text": 10},
    ),
    (
        "SGLang: reasoning on the top level and in the details is the same",
        {
            "prompt_tokens": 8,
            "completion_tokens": 20,
            "total_tokens": 28,
            "reasoning_tokens": 12,
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
        {},
        {"input_fresh": 8, "output_text": 8, "output_reasoning": 12},
    ),
    (
        "Responses: writes by lifetime, inside the input",
        {
            "input_tokens": 800,
            "output_tokens": 90,
            "total_tokens": 890,
            "input_tokens_details": {
                "cached_tokens": 200,
                "cache_write_tokens": 500,
                "cache_write_tokens_details": {"ttl_30m_tokens": 100, "ttl_12h_tokens": 300},
            },
            "output_tokens_details": {"reasoning_tokens": 40},
        },
        {},
        {
            "input_fresh": 100,
            "cache_read": 200,
            "cache_write_30m": 100,
            "cache_write_12h": 300,
            "cache_write_other": 100,
            "output_text": 50,
            "output_reasoning": 40,
        },
    ),
    (
        "LangChain usage_metadata: inside, the split is the aggregate",
        {
            "input_tokens": 500,
            "output_tokens": 10,
            "input_token_details": {
                "cache_read": 100,
                "cache_creation": 60,
                "ephemeral_1h_input_tokens": 60,
            },
        },
        {},
        {"input_fresh": 340, "cache_read": 100, "cache_write_1h": 60, "output_text": 10},
    ),
    (
        "Anthropic: three disjoint inputs, the split once",
        {
            "input_tokens": 5,
            "cache_read_input_tokens": 900,
            "cache_creation_input_tokens": 70,
            "cache_creation": {"ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 33,
            "output_tokens_details": {"thinking_tokens": 11},
        },
        {},
        {
            "input_fresh": 5,
            "cache_read": 900,
            "cache_write_5m": 50,
            "cache_write_1h": 20,
            "output_text": 22,
            "output_reasoning": 11,
        },
    ),
    (
        "Anthropic of old: no split is five minutes, null is zero",
        {
            "input_tokens": 5,
            "cache_read_input_tokens": None,
            "cache_creation_input_tokens": 70,
            "output_tokens": 3,
        },
        {},
        {"input_fresh": 5, "cache_write_5m": 70, "output_text": 3},
    ),
    (
        "Gemini: thoughts beside the candidates, tool use beside the prompt",
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 60,
            "toolUsePromptTokenCount": 25,
            "candidatesTokenCount": 10,
            "thoughtsTokenCount": 40,
            "totalTokenCount": 175,
        },
        {},
        {"input_fresh": 65, "cache_read": 60, "output_text": 10, "output_reasoning": 40},
    ),
    (
        "Gemini: the total puts the thoughts among the candidates",
        {
            "prompt_token_count": 100,
            "candidates_token_count": 50,
            "thoughts_token_count": 40,
            "total_token_count": 150,
        },
        {},
        {"input_fresh": 100, "output_text": 10, "output_reasoning": 40},
    ),
    (
        "Gemini: modalities split the prompt and add nothing",
        {
            "promptTokenCount": 300,
            "candidatesTokenCount": 8,
            "totalTokenCount": 308,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 42},
                {"modality": "AUDIO", "tokenCount": 58},
                {"modality": "IMAGE", "tokenCount": 200},
            ],
        },
        {},
        {"input_fresh": 42, "input_audio": 58, "input_image": 200, "output_text": 8},
    ),
    (
        "Bedrock Converse: outside, split by cacheDetails",
        {
            "inputTokens": 11,
            "outputTokens": 6,
            "totalTokens": 517,
            "cacheReadInputTokens": 400,
            "cacheWriteInputTokens": 100,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 30}, {"ttl": "1h", "inputTokens": 70}],
        },
        {},
        {
            "input_fresh": 11,
            "cache_read": 400,
            "cache_write_5m": 30,
            "cache_write_1h": 70,
            "output_text": 6,
        },
    ),
    (
        "Vercel AI SDK: Bedrock's names, cached inside",
        {"inputTokens": 500, "outputTokens": 20, "cachedInputTokens": 384, "reasoningTokens": 5},
        {},
        {"input_fresh": 116, "cache_read": 384, "output_text": 15, "output_reasoning": 5},
    ),
    (
        "Ollama: the cached part lies inside the count",
        {"prompt_eval_count": 40, "prompt_eval_cached_count": 30, "eval_count": 9},
        {},
        {"input_fresh": 10, "cache_read": 30, "output_text": 9},
    ),
    (
        "embeddings have no output",
        {"prompt_tokens": 77, "total_tokens": 77},
        {},
        {"input_fresh": 77},
    ),
]


@pytest.mark.parametrize(("title", "usage", "around", "expected"), CASES, ids=[c[0] for c in CASES])
def test_leaves(
    title: str, usage: dict[str, Any], around: dict[str, str], expected: dict[str, int]
) -> None:
    assert leaves(usage, **around) == expected


IMPOSSIBLE: list[tuple[str, Any]] = [
    (
        "cached above prompt",
        {
            "prompt_tokens": 10,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 11},
        },
    ),
    (
        "reasoning above completion, total inside",
        {
            "prompt_tokens": 10,
            "completion_tokens": 1,
            "total_tokens": 11,
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    ),
    ("negative", {"prompt_tokens": -1, "completion_tokens": 1}),
    ("a share of a token", {"prompt_tokens": 1.5, "completion_tokens": 1}),
    ("a truth value", {"prompt_tokens": True, "completion_tokens": 1}),
    (
        "Anthropic split that is not the sum",
        {
            "input_tokens": 1,
            "output_tokens": 1,
            "cache_creation_input_tokens": 100,
            "cache_creation": {"ephemeral_5m_input_tokens": 90, "ephemeral_1h_input_tokens": 0},
        },
    ),
    (
        "Bedrock details that are not the sum",
        {
            "inputTokens": 1,
            "outputTokens": 1,
            "cacheWriteInputTokens": 5,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 4}],
        },
    ),
    (
        "Gemini cached above prompt",
        {"promptTokenCount": 5, "cachedContentTokenCount": 6, "totalTokenCount": 5},
    ),
    (
        "counts that no context holds together",
        {"input_tokens": 6 * 10**8, "cache_read_input_tokens": 6 * 10**8, "output_tokens": 1},
    ),
    (
        "entries that no context holds together",
        {"iterations": [{"input_tokens": 6 * 10**8, "output_tokens": 1}] * 2},
    ),
    ("a list", [1, 2]),
    ("text", "many"),
]


@pytest.mark.parametrize(("title", "usage"), IMPOSSIBLE, ids=[c[0] for c in IMPOSSIBLE])
def test_counts_that_cannot_be_are_refused_not_clamped(title: str, usage: Any) -> None:
    with pytest.raises(UsageContradiction):
        usage_from(usage)


NO_COUNTS: list[Any] = [
    None,
    {},
    {"cost": 0.1},
    {"completion_tokens": 4},
    {"totalTokenCount": 100},
    {"iterations": [{"type": "message"}]},
]


@pytest.mark.parametrize("usage", NO_COUNTS)
def test_no_counts_is_missing_not_zero(usage: Any) -> None:
    assert usage_from(usage).state == UsageState.MISSING


def test_anthropic_iterations_are_billed_instead_of_the_top_level() -> None:
    usage = {
        "input_tokens": 50,
        "output_tokens": 9,
        "iterations": [
            {"type": "compaction", "input_tokens": 4000, "output_tokens": 200},
            {
                "type": "message",
                "input_tokens": 50,
                "output_tokens": 9,
                "cache_read_input_tokens": 7,
            },
            {
                "type": "advisor_message",
                "model": "claude-opus-x",
                "input_tokens": 30,
                "output_tokens": 60,
            },
            {
                "type": "fallback_message",
                "model": "claude-y",
                "input_tokens": 30,
                "output_tokens": 0,
            },
        ],
        "server_tool_use": {"web_search_requests": 4},
    }
    found = usage_from(usage, model="claude-sonnet-x")
    assert (found.input_tokens, found.output_tokens, found.web_searches) == (4057, 209, 4)
    assert [(m, sum(c)) for m, c in found.extra] == [("claude-opus-x", 90)]


def test_the_fast_reading_of_chat_usage_equals_the_full_one() -> None:
    for _, usage, _, _ in CASES:
        quick = plain_usage(usage)
        if quick is not None:
            assert quick == chat_usage(usage)
    plain = CASES[0][1]
    assert plain_usage(plain) == chat_usage(plain), "the usual case takes the fast path"
