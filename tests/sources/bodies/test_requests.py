"""Request bodies of each provider: the same conversation, the same segments."""

from __future__ import annotations

from typing import Any

import pytest

from costopt.model.call import Breakpoint, Segment
from costopt.sources.bodies import read_request, read_response, requests

Row = tuple[str, ...]


def shown(segments: list[Segment]) -> list[Row]:
    """kind, text, and the name where there is one."""
    return [(s.kind.name, s.text, s.name) if s.name else (s.kind.name, s.text) for s in segments]


CONVERSATION: list[Row] = [
    ("SYSTEM", "Be brief."),
    ("USER", "Weather in Oslo?"),
    ("TOOL_CALL", '{"city":"Oslo","unit":"C"}', "weather"),
    ("TOOL_RESULT", "4 degrees", "weather"),
    ("ASSISTANT", "Cold."),
]
ARGS = {"unit": "C", "city": "Oslo"}

SPELLINGS: list[tuple[str, dict[str, Any]]] = [
    (
        "OpenAI chat",
        {
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Weather in Oslo?"}]},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "k",
                            "type": "function",
                            "function": {
                                "name": "weather",
                                "arguments": '{"unit": "C", "city": "Oslo"}',
                            },
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "k", "content": "4 degrees"},
                {"role": "assistant", "content": "Cold."},
            ]
        },
    ),
    (
        "OpenAI Responses",
        {
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Weather in Oslo?"}]},
                {
                    "type": "function_call",
                    "call_id": "k",
                    "name": "weather",
                    "arguments": '{"unit":"C","city":"Oslo"}',
                },
                {"type": "function_call_output", "call_id": "k", "output": "4 degrees"},
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "Cold."}],
                },
            ],
        },
    ),
    (
        "Anthropic",
        {
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": "Weather in Oslo?"},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "k", "name": "weather", "input": ARGS}],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "k",
                            "content": [{"type": "text", "text": "4 degrees"}],
                        }
                    ],
                },
                {"role": "assistant", "content": [{"type": "text", "text": "Cold."}]},
            ],
        },
    ),
    (
        "Bedrock Converse",
        {
            "system": [{"text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"text": "Weather in Oslo?"}]},
                {
                    "role": "assistant",
                    "content": [{"toolUse": {"toolUseId": "k", "name": "weather", "input": ARGS}}],
                },
                {
                    "role": "user",
                    "content": [
                        {"toolResult": {"toolUseId": "k", "content": [{"text": "4 degrees"}]}}
                    ],
                },
                {"role": "assistant", "content": [{"text": "Cold."}]},
            ],
        },
    ),
]


@pytest.mark.parametrize(("title", "body"), SPELLINGS, ids=[s[0] for s in SPELLINGS])
def test_one_conversation_in_every_spelling(title: str, body: dict[str, Any]) -> None:
    parts = read_request(body)
    assert parts.has_content
    assert shown(parts.segments) == CONVERSATION


def test_gemini_spells_roles_parts_and_results_its_own_way() -> None:
    body = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{"name": "b"}, {"name": "a"}]}],
        "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "a", "args": ARGS}}]},
            {
                "role": "user",
                "parts": [{"functionResponse": {"name": "a", "response": {"t": 4}}}],
            },
        ],
        "generationConfig": {"maxOutputTokens": 30, "temperature": 0.5},
    }
    parts = read_request(body)
    assert (parts.max_tokens, parts.temperature) == (30, 0.5)
    assert shown(parts.segments) == [
        ("TOOLS", '{"name":"b"}', "b"),
        ("TOOLS", '{"name":"a"}', "a"),
        ("SYSTEM", "Be brief."),
        ("USER", "Weather?"),
        ("TOOL_CALL", '{"city":"Oslo","unit":"C"}', "a"),
        ("TOOL_RESULT", '{"t":4}', "a"),
    ]


def test_tools_come_first_one_segment_each_in_the_order_sent() -> None:
    tools = [
        {"type": "function", "function": {"name": "z", "parameters": {"b": 1, "a": 2}}},
        {"name": "y", "input_schema": {}, "cache_control": {"type": "ephemeral"}},
        {"type": "web_search"},
    ]
    found = read_request({"messages": [], "tools": tools}).segments
    assert [s.name for s in found] == ["z", "y", "web_search"]
    assert found[0].text.endswith('{"b":1,"a":2}}}'), "key order is kept: it is part of the prefix"
    assert found[1].breakpoint == Breakpoint.TTL_5M
    assert "cache_control" not in found[1].text


def test_cache_marks_are_kept_where_they_stood() -> None:
    body = {
        "system": [
            {"type": "text", "text": "a"},
            {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ],
        "messages": [{"role": "user", "content": [{"text": "c"}, {"cachePoint": {}}]}],
    }
    marks = [s.breakpoint for s in read_request(body).segments]
    assert marks == [Breakpoint.NONE, Breakpoint.TTL_1H, Breakpoint.TTL_5M]


def test_pictures_and_files_are_hashes_equal_for_equal_data() -> None:
    def of(block: dict[str, Any]) -> Segment:
        return read_request({"messages": [{"role": "user", "content": [block]}]}).segments[0]

    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    first, again = of(url), of({**url, "detail": "high"})
    other = of({"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}})
    sound = of({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})
    assert (first.kind.name, first.text, first.tokens, len(first.digest)) == ("IMAGE", "", -1, 16)
    assert first.digest == again.digest != other.digest
    assert (sound.kind.name, len(sound.digest)) == ("FILE", 16)


def test_a_block_that_nobody_knows_is_kept_as_json() -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "hologram", "x": 1}]}]}
    assert shown(read_request(body).segments) == [("USER", '{"type":"hologram","x":1}')]


def test_a_body_without_messages_has_no_content() -> None:
    assert not read_request({"model": "m", "max_tokens": 5}).has_content
    assert read_request({"messages": []}).has_content


def test_the_quick_reading_of_a_usual_request_equals_the_full_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {
        **SPELLINGS[0][1],
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "weather"}}],
        "max_tokens": 9,
        "max_completion_tokens": 12,
        "temperature": 0,
        "stream": True,
        "service_tier": "flex",
        "prompt_cache_key": "k",
    }
    quick = read_request(body)
    monkeypatch.setattr(requests, "USUAL", frozenset())
    assert read_request(body) == quick
    assert quick.max_tokens == 12


def test_reasoning_comes_before_what_is_said() -> None:
    message = {"role": "assistant", "reasoning_content": "hm", "content": "4"}
    parts = read_response({"choices": [{"message": message, "finish_reason": "stop"}]})
    assert shown(parts.segments) == [("REASONING", "hm"), ("ASSISTANT", "4")]
