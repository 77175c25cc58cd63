"""What response bodies say beside their counts: identity, tier, place, cost, time, outcome."""

from __future__ import annotations

from typing import Any

import pytest

from costopt.model.call import CallStatus, SegmentKind, UsageState
from costopt.sources.bodies import read_response
from costopt.sources.bodies.parts import time_us
from costopt.sources.bodies.streams import merged


def chat(**fields: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-abc", "choices": [], "model": "gpt-4.1", **fields}


@pytest.mark.parametrize(
    ("said", "tier"),
    [
        ("default", "default"), ("auto", ""), (None, ""), ("flex", "flex"), ("fast", "priority"),
        ("on_demand", "default"), ("ultrafast", "ultrafast"),
    ],
)  # fmt: skip
def test_tier_words(said: Any, tier: str) -> None:
    assert read_response(chat(service_tier=said)).service_tier == tier


def test_an_id_that_a_server_draws_from_a_thousand_is_no_identity() -> None:
    first, second = chat(id="chatcmpl-123", created=1), chat(id="chatcmpl-123", created=2)
    assert read_response(first).key != read_response(second).key
    assert read_response(chat()).key == "chatcmpl-abc"


@pytest.mark.parametrize(
    ("usage", "recorded", "byok"),
    [
        ({"cost": 0.0021, "cost_details": {"upstream_inference_cost": 0.002}}, "0.0021", False),
        ({"cost": 1e-5, "is_byok": True, "cost_details": {"upstream_inference_cost": 2}}, "2.00001", True),
        ({"cost": None}, None, False),
        ({}, None, False),
    ],
)  # fmt: skip
def test_openrouter_cost(usage: dict[str, Any], recorded: str | None, byok: bool) -> None:
    parts = read_response(chat(usage={"prompt_tokens": 1, "completion_tokens": 1, **usage}))
    assert (parts.recorded_usd, parts.byok) == (recorded, byok)


WHO: list[tuple[dict[str, Any], str]] = [
    ({"id": "gen-1", "provider": "X"}, "openrouter"),
    ({"x_groq": {}}, "groq"),
    ({"prompt_filter_results": []}, "azure"),
    ({"usage": {"prompt_tokens": 1, "prompt_cache_hit_tokens": 0}, "model": "x"}, "deepseek"),
    ({"model": "grok-4"}, "xai"),
    ({"model": "gpt-5"}, "openai"),
    ({"model": "gpt-oss-120b"}, ""),
    ({"model": "Qwen/Qwen3-8B"}, ""),
]


@pytest.mark.parametrize(("marks", "provider"), WHO)
def test_provider_by_its_own_marks(marks: dict[str, Any], provider: str) -> None:
    assert read_response(chat(**marks)).provider == provider


def test_anthropic_place_speed_and_tier_come_from_the_usage() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "service_tier": "priority"}
    body = {"type": "message", "id": "msg_1", "content": [], "usage": usage}
    usage.update(inference_geo="us", speed="fast")  # type: ignore[call-overload]
    parts = read_response(body)
    assert (parts.service_tier, parts.region, parts.speed) == ("priority", "us", "fast")
    usage.update(inference_geo="not_available", speed="standard")  # type: ignore[call-overload]
    parts = read_response(body)
    assert (parts.region, parts.speed) == ("", "")


def test_gemini_charges_searches_by_query_since_its_third_generation() -> None:
    body = {
        "candidates": [{"groundingMetadata": {"webSearchQueries": ["a", "b"]}}],
        "usageMetadata": {
            "promptTokenCount": 1,
            "totalTokenCount": 1,
            "trafficType": "ON_DEMAND_FLEX",
        },
    }
    parts = read_response({**body, "modelVersion": "gemini-3-pro"})
    assert (parts.usage.web_searches, parts.service_tier) == (2, "flex")
    assert read_response({**body, "modelVersion": "gemini-2.5-pro"}).usage.web_searches == 1


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"type": "server_error", "message": "no"}},
        {"type": "error", "error": {"type": "server_error", "message": "no"}},
        {"object": "response", "status": "failed", "error": {"code": "server_error", "message": "no"}},
    ],
)  # fmt: skip
def test_a_failed_answer_costs_nothing_and_says_why(body: dict[str, Any]) -> None:
    parts = read_response(body)
    assert (parts.status, parts.error) == (CallStatus.FAILED, "server_error: no")
    assert parts.usage.state == UsageState.REPORTED
    assert sum(parts.usage.leaves) == 0


def test_an_incomplete_response_is_billed() -> None:
    usage = {"input_tokens": 5, "output_tokens": 9, "total_tokens": 14}
    details = {"reason": "max_output_tokens"}
    body = {"object": "response", "status": "incomplete", "incomplete_details": details}
    parts = read_response({**body, "usage": usage})
    assert (parts.status, parts.finish) == (CallStatus.OK, "max_output_tokens")
    assert parts.usage.output_tokens == 9


def test_ollama_starts_when_it_ends_minus_its_duration() -> None:
    body = {"model": "m", "created_at": "2026-01-01T00:00:10Z", "done": True}
    parts = read_response({**body, "total_duration": 4_000_000_000, "prompt_eval_count": 1})
    assert parts.at_us == time_us("2026-01-01T00:00:06Z")
    assert parts.latency_ms == 4000


TIMES: list[tuple[Any, int | None]] = [
    ("2026-05-01T10:00:00.000Z", 1_777_629_600_000_000),
    ("2026-05-01T10:00:00", 1_777_629_600_000_000),
    ("2026-05-01T12:00:00+02:00", 1_777_629_600_000_000),
    ("2026-05-01T10:00:00.123456789Z", 1_777_629_600_123_456),
    ("2026-05-01 10:00:00 UTC", 1_777_629_600_000_000),
    (1_777_629_600, 1_777_629_600_000_000),
    (1_777_629_600.25, 1_777_629_600_250_000),
    (1_777_629_600_123, 1_777_629_600_123_000),
    (1_777_629_600_123_456, 1_777_629_600_123_456),
    (1_777_629_600_123_456_789, 1_777_629_600_123_456),
    ("1777629600", 1_777_629_600_000_000),
    ("yesterday", None),
    (-5, None),
    (True, None),
    (float("nan"), None),
    (10**40, None),
]


@pytest.mark.parametrize(("value", "at_us"), TIMES)
def test_times(value: Any, at_us: int | None) -> None:
    assert time_us(value) == at_us


def test_bedrock_stream_events_become_one_answer() -> None:
    (body,) = merged(
        [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"delta": {"text": "He"}, "contentBlockIndex": 0}},
            {"contentBlockDelta": {"delta": {"text": "y"}, "contentBlockIndex": 0}},
            {"messageStop": {"stopReason": "end_turn"}},
            {"metadata": {"usage": {"inputTokens": 4, "outputTokens": 2}}},
        ]
    )
    parts = read_response(body)
    assert ([s.text for s in parts.segments], parts.finish) == (["Hey"], "end_turn")
    assert parts.usage.input_tokens == 4


def test_cache_writes_that_grow_during_a_stream_keep_their_lifetime() -> None:
    split = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 10}
    start = {"input_tokens": 1, "cache_creation_input_tokens": 10, "cache_creation": split}
    (body,) = merged(
        [
            {"type": "message_start", "message": {"id": "msg_1", "usage": start}},
            {"type": "message_delta", "usage": {"output_tokens": 3, "cache_creation_input_tokens": 25}},
        ]
    )  # fmt: skip
    assert read_response(body).usage.leaves[:4] == [1, 0, 0, 25]


def test_a_streamed_turn_of_tool_calls_alone_keeps_them() -> None:
    """No chunk has any content, so neither has the message that they make."""

    def chunk(delta: dict[str, object], finish: str | None = None) -> dict[str, object]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}

    call = {"index": 0, "id": "call_1", "function": {"name": "find", "arguments": '{"a":1}'}}
    events = [chunk({"role": "assistant"}), chunk({"tool_calls": [call]}), chunk({}, "tool_calls")]
    (body,) = merged(events)
    (said,) = read_response(body).segments
    assert (said.kind, said.name, said.text) == (SegmentKind.TOOL_CALL, "find", '{"a":1}')
