"""Chat completions as they are written: messages, tools, parameters, and what a server is not sent."""

from __future__ import annotations

from typing import Any

import pytest

from costopt.endpoints.wire.dialect import (
    COMPATIBLE,
    MISTRAL,
    OPENAI,
    OPENROUTER,
    TEXT_ALONE,
    Dialect,
    dialect_of,
)
from costopt.endpoints.wire.openai_chat import body, left_out
from costopt.model.call import Breakpoint, SegmentKind
from costopt.model.exchange import Block, Request

_S = SegmentKind


def request(*blocks: Block, **more: Any) -> Request:
    return Request("openai", "m", blocks, **more)


ASK = Block(_S.USER, "hi")
SPOKEN = (
    Block(_S.SYSTEM, "Be brief."), Block(_S.USER, "a"), Block(_S.USER, "b"),
    Block(_S.ASSISTANT, "I look."), Block(_S.TOOL_CALL, '{"q":1}', "look", "id1"),
    Block(_S.TOOL_CALL, '{"q":2}', "look", "id2"), Block(_S.TOOL_RESULT, "x", "look", "id1"),
    Block(_S.TOOL_RESULT, "", "look", "id2"), Block(_S.ASSISTANT, "Done."), ASK,
)  # fmt: skip


def test_blocks_become_messages() -> None:
    def call(id: str, arguments: str) -> dict[str, Any]:
        return {"id": id, "type": "function", "function": {"name": "look", "arguments": arguments}}

    assert body(request(*SPOKEN), stream=False) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": "I look.",
             "tool_calls": [call("id1", '{"q":1}'), call("id2", '{"q":2}')]},
            {"role": "tool", "tool_call_id": "id1", "content": "x"},
            {"role": "tool", "tool_call_id": "id2", "content": ""},
            {"role": "assistant", "content": "Done."},
            {"role": "user", "content": "hi"},
        ],
    }  # fmt: skip


def test_the_cap_has_the_name_that_the_server_knows() -> None:
    asked = request(ASK, max_tokens=50, cap_tokens=20, temperature=0.5)
    assert body(asked, stream=False)["max_completion_tokens"] == 20
    plain = body(asked, stream=True, dialect=COMPATIBLE)
    assert plain["max_tokens"] == 20 and "max_completion_tokens" not in plain
    assert plain["stream"] is True and plain["stream_options"] == {"include_usage": True}
    assert "stream_options" not in body(asked, stream=True, dialect=MISTRAL)
    assert "stream" not in body(asked, stream=False)


def test_tier_and_cache_key_go_to_openai_alone() -> None:
    asked = request(ASK, service_tier="flex", prompt_cache_key="p")
    assert {"service_tier": "flex", "prompt_cache_key": "p"}.items() <= body(
        asked, stream=False
    ).items()
    assert body(asked, stream=False, dialect=COMPATIBLE).keys() == {"model", "messages"}
    for tier in ("default", "batch"):
        assert "service_tier" not in body(request(ASK, service_tier=tier), stream=False)


def test_cache_marks_go_where_they_are_known() -> None:
    marked = Block(_S.USER, "hi", breakpoint=Breakpoint.TTL_1H)
    assert body(request(marked), stream=False)["messages"][0]["content"] == "hi"
    mark = {"type": "ephemeral", "ttl": "1h"}
    (message,) = body(request(marked), stream=False, dialect=OPENROUTER)["messages"]
    assert message["content"] == [{"type": "text", "text": "hi", "cache_control": mark}]


def test_a_gateway_hands_the_marks_of_claude_on() -> None:
    marked = Block(_S.USER, "hi", breakpoint=Breakpoint.TTL_5M)
    claude = Request("anthropic", "claude-x", (marked,))
    (message,) = body(claude, stream=False, dialect=COMPATIBLE)["messages"]
    assert message["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_where_text_alone_is_taken_each_block_is_a_message() -> None:
    said = (ASK, Block(_S.USER, "b"), Block(_S.ASSISTANT, "c"), Block(_S.ASSISTANT, "d"),
            Block(_S.TOOL_CALL, "{}", "look", "i"), Block(_S.TOOL_RESULT, "x", "look", "i"))  # fmt: skip
    found = body(request(*said), stream=False, dialect=TEXT_ALONE)["messages"]
    assert [(m["role"], m["content"]) for m in found] == [
        ("user", "hi"), ("user", "b"), ("assistant", "c"), ("assistant", "d"), ("tool", "x"),
    ]  # fmt: skip
    assert ["tool_calls" in m for m in found] == [False, False, False, True, False]


def test_results_come_right_behind_their_calls() -> None:
    said = (ASK, Block(_S.TOOL_CALL, "{}", "look", "i"), Block(_S.USER, "wait"),
            Block(_S.TOOL_RESULT, "x", "look", "i"))  # fmt: skip
    found = body(request(*said), stream=False)["messages"]
    assert [m["role"] for m in found] == ["user", "assistant", "tool", "user"]


def test_earlier_reasoning_goes_back_only_where_a_field_takes_it() -> None:
    asked = request(ASK, Block(_S.REASONING, "hm"), Block(_S.ASSISTANT, "a"), ASK)
    assert body(asked, stream=False)["messages"][1] == {"role": "assistant", "content": "a"}
    assert left_out(asked) == ["reasoning"]
    keeps = Dialect("x", reasoning="reasoning_content")
    assert body(asked, stream=False, dialect=keeps)["messages"][1]["reasoning_content"] == "hm"
    assert left_out(asked, keeps) == []
    alone = request(ASK, Block(_S.REASONING, "hm"))
    assert [m["role"] for m in body(alone, stream=False)["messages"]] == ["user"]


SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ('{"top_p":0.5,"stop":["a"],"seed":1,"n":1}', {"top_p": 0.5, "stop": ["a"], "seed": 1}),
    ('{"stop_sequences":["a"]}', {"stop": ["a"]}),
    ('{"topP":0.5,"stopSequences":["a"],"presencePenalty":1}',
     {"top_p": 0.5, "stop": ["a"], "presence_penalty": 1}),
    ('{"reasoning":{"effort":"low","summary":"auto"}}', {"reasoning_effort": "low"}),
    ('{"reasoning":{"effort":"low"}}', {"reasoning_effort": "low"}),
    ('{"text":{"verbosity":"low","format":{"type":"text"}}}', {"verbosity": "low"}),
    ('{"text":{"format":{"type":"json_schema","name":"x","schema":{},"strict":true}}}',
     {"response_format": {"type": "json_schema",
                          "json_schema": {"name": "x", "schema": {}, "strict": True}}}),
    ('{"responseMimeType":"application/json"}', {"response_format": {"type": "json_object"}}),
    ('{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT"}}',
     {"response_format": {"type": "json_schema",
                          "json_schema": {"name": "answer", "schema": {"type": "object"}}}}),
    ('{"format":"json"}', {"response_format": {"type": "json_object"}}),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "sent"), SETTINGS, ids=[s for s, _ in SETTINGS])
def test_parameters_have_openais_names(settings: str, sent: dict[str, Any]) -> None:
    found = body(request(ASK, settings=settings), stream=False)
    assert {k: v for k, v in found.items() if k not in ("model", "messages")} == sent
    assert left_out(request(ASK, settings=settings)) == []


CHOICES: list[tuple[str, Any]] = [
    ('"auto"', "auto"), ('"required"', "required"), ('{"type":"any"}', "required"),
    ('{"type":"none"}', "none"),
    ('{"type":"tool","name":"look"}', {"type": "function", "function": {"name": "look"}}),
    ('{"type":"function","name":"look"}', {"type": "function", "function": {"name": "look"}}),
    ('{"type":"function","function":{"name":"look"}}', {"type": "function", "function": {"name": "look"}}),
]  # fmt: skip
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
FUNCTION = {
    "type": "function",
    "function": {"name": "look", "description": "d", "parameters": SCHEMA},
}
TOOLS = [
    '{"type":"function","function":{"name":"look","description":"d","parameters":%s}}',
    '{"type":"function","name":"look","description":"d","parameters":%s}',
    '{"name":"look","description":"d","input_schema":%s}',
    '{"name":"look","description":"d","parametersJsonSchema":%s}',
    '{"toolSpec":{"name":"look","description":"d","inputSchema":{"json":%s}}}',
]
AS_JSON = '{"type":"object","properties":{"q":{"type":"string"}}}'


@pytest.mark.parametrize("spelling", TOOLS)
def test_schemas_of_every_spelling(spelling: str) -> None:
    tool = Block(_S.TOOLS, spelling % AS_JSON, "look")
    assert body(request(tool, ASK), stream=False)["tools"] == [FUNCTION]


@pytest.mark.parametrize(("told", "sent"), CHOICES, ids=[c for c, _ in CHOICES])
def test_choices_of_tools(told: str, sent: Any) -> None:
    tool = Block(_S.TOOLS, TOOLS[0] % AS_JSON, "look")
    settings = f'{{"tool_choice":{told}}}'
    assert body(request(tool, ASK, settings=settings), stream=False)["tool_choice"] == sent
    # Without a tool the API refuses to be told which to call.
    assert "tool_choice" not in body(request(ASK, settings=settings), stream=False)


def test_other_spellings_of_a_choice() -> None:
    tool = Block(_S.TOOLS, TOOLS[0] % AS_JSON, "look")
    for told, sent in (
        ('{"toolChoice":{"any":{}}}', {"tool_choice": "required"}),
        ('{"functionCallingConfig":{"mode":"ANY"}}', {"tool_choice": "required"}),
        ('{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}',
         {"tool_choice": "auto", "parallel_tool_calls": False}),
    ):  # fmt: skip
        found = body(request(tool, ASK, settings=told), stream=False)
        assert sent.items() <= found.items()


def test_what_a_server_does_not_know_is_left_out_and_named() -> None:
    settings = (
        '{"costopt.others":["foo"],"min_p":0.1,"thinking":{"type":"enabled"},"verbosity":"low"}'
    )
    tool = Block(_S.TOOLS, '{"type":"bash_20250124","name":"bash"}', "bash")
    asked = request(tool, ASK, settings=settings)
    assert left_out(asked) == ["tool bash", "foo", "min_p", "thinking"]
    assert left_out(asked, COMPATIBLE) == ["tool bash", "foo", "min_p", "thinking", "verbosity"]
    assert body(asked, stream=False).keys() == {"model", "messages", "verbosity"}
    assert left_out(asked, OPENROUTER) == ["tool bash", "foo", "thinking"]


def test_calls_of_tools_without_schemas_are_told() -> None:
    assert left_out(request(*SPOKEN)) == ["tool schemas (the log keeps none)"]


def test_dialects_are_told_by_the_host() -> None:
    for url, dialect in (
        ("https://api.openai.com/v1", OPENAI), ("https://eu.api.openai.com/v1", OPENAI),
        ("https://me.openai.azure.com/openai/v1", OPENAI), ("https://openrouter.ai/api/v1", OPENROUTER),
        ("http://127.0.0.1:8000/v1", COMPATIBLE), ("https://api.openai.com.evil.example/v1", COMPATIBLE),
        ("https://api.mistral.ai/v1", MISTRAL), ("https://api.groq.com/openai/v1", TEXT_ALONE),
        ("", COMPATIBLE),
    ):  # fmt: skip
        assert dialect_of(url) is dialect, url
