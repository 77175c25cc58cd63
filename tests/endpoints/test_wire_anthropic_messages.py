"""Anthropic Messages as they are written: two sides, cache marks, tools, parameters, what is left out."""

from __future__ import annotations

from typing import Any

import pytest

from costopt.endpoints.wire.anthropic_messages import LIMIT_TOKENS, body, left_out
from costopt.model.call import Breakpoint, SegmentKind
from costopt.model.exchange import Block, Request

_S = SegmentKind
ASK = Block(_S.USER, "hi")
MARK = {"cache_control": {"type": "ephemeral"}}
LONG = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def request(*blocks: Block, **more: Any) -> Request:
    return Request("anthropic", "m", blocks, **more)


def messages(*blocks: Block) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(request(*blocks), stream=False)["messages"]
    return found


def test_blocks_become_two_sides_with_their_marks() -> None:
    asked = request(
        Block(_S.TOOLS, '{"name":"look","input_schema":{}}', "look", breakpoint=Breakpoint.TTL_1H),
        Block(_S.SYSTEM, "Be brief."), Block(_S.SYSTEM, "Be kind.", breakpoint=Breakpoint.TTL_5M),
        Block(_S.USER, "a"), Block(_S.ASSISTANT, "I look."),
        Block(_S.TOOL_CALL, '{"q":1}', "look", "id1"), Block(_S.TOOL_RESULT, "x", "look", "id1",
        Breakpoint.TTL_5M), Block(_S.USER, "b"), max_tokens=50, temperature=0.5,
    )  # fmt: skip
    assert body(asked, stream=True) == {
        "model": "m", "max_tokens": 50, "temperature": 0.5, "stream": True,
        "tools": [{"name": "look", "input_schema": {}, **LONG}],
        "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind.", **MARK}],
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "id1", "name": "look", "input": {"q": 1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "id1", "content": "x", **MARK},
                {"type": "text", "text": "b"}]},
        ],
    }  # fmt: skip


def test_results_come_first_on_their_side() -> None:
    found = messages(
        ASK, Block(_S.TOOL_CALL, "[1]", "look", "i"), Block(_S.USER, "wait"),
        Block(_S.TOOL_RESULT, "x", "look", "i"),
    )  # fmt: skip
    assert [part["type"] for part in found[-1]["content"]] == ["tool_result", "text"]
    assert found[1]["content"][0]["input"] == {"input": [1]}


def test_a_later_system_message_is_the_users() -> None:
    found = messages(Block(_S.SYSTEM, "s"), ASK, Block(_S.SYSTEM, "note"))
    assert [m["role"] for m in found] == ["user"]
    assert [part["text"] for part in found[0]["content"]] == ["hi", "note"]


def test_white_space_alone_is_not_sent_and_sides_still_alternate() -> None:
    found = messages(
        ASK, Block(_S.ASSISTANT, " \n"), Block(_S.REASONING, "hm"), Block(_S.USER, "b")
    )
    assert [m["role"] for m in found] == ["user"]
    assert [part["text"] for part in found[0]["content"]] == ["hi", "b"]
    assert left_out(request(ASK, Block(_S.REASONING, "hm"), ASK)) == ["reasoning"]


def test_a_text_file_is_a_document() -> None:
    (message,) = messages(Block(_S.FILE, "a page"))
    (part,) = message["content"]
    assert part["type"] == "document" and part["source"]["data"] == "a page"


def test_a_cap_is_always_sent() -> None:
    assert body(request(ASK), stream=False)["max_tokens"] == LIMIT_TOKENS
    assert body(request(ASK, max_tokens=90, cap_tokens=30), stream=False)["max_tokens"] == 30


def test_a_budget_for_thinking_lies_below_the_cap() -> None:
    asked = request(
        ASK, max_tokens=9000, settings='{"thinking":{"budget_tokens":5000,"type":"enabled"}}'
    )
    assert body(asked, stream=False)["thinking"]["budget_tokens"] == 5000 and not left_out(asked)
    lower = request(ASK, cap_tokens=3000, settings=asked.settings)
    assert body(lower, stream=False)["thinking"]["budget_tokens"] == 2999
    assert left_out(lower) == ["a part of thinking.budget_tokens"]


SCHEMA = '{"type":"object"}'


@pytest.mark.parametrize("spelling", [
    '{"name":"look","description":"d","input_schema":%s}',
    '{"type":"function","function":{"name":"look","description":"d","parameters":%s}}',
    '{"type":"function","name":"look","description":"d","parameters":%s}',
    '{"toolSpec":{"name":"look","description":"d","inputSchema":{"json":%s}}}',
])  # fmt: skip
def test_schemas_of_every_spelling(spelling: str) -> None:
    tool = Block(_S.TOOLS, spelling % SCHEMA, "look")
    (found,) = body(request(tool, ASK), stream=False)["tools"]
    assert found == {"name": "look", "description": "d", "input_schema": {"type": "object"}}


def test_tools_that_anthropic_defines_stay_as_they_are() -> None:
    tool = Block(_S.TOOLS, '{"type":"bash_20250124","name":"bash"}', "bash")
    assert body(request(tool, ASK), stream=False)["tools"] == [
        {"type": "bash_20250124", "name": "bash"}
    ]
    free = Block(_S.TOOLS, '{"type":"custom","custom":{"name":"x"}}', "x")
    assert left_out(request(free, ASK)) == ["tool x"]


def test_calls_of_tools_without_schemas_declare_them_by_name() -> None:
    spoken = (
        ASK, Block(_S.TOOL_CALL, "{}", "look", "i"), Block(_S.TOOL_RESULT, "x", "look", "i"),
    )  # fmt: skip
    asked = request(*spoken)
    assert body(asked, stream=False)["tools"] == [
        {"name": "look", "input_schema": {"type": "object"}}
    ]
    assert left_out(asked) == ["tool schemas (the log keeps none)"]
    assert "tools" not in body(request(ASK), stream=False)


CHOICES = [
    ('{"tool_choice":"required"}', {"type": "any"}),
    ('{"tool_choice":{"type":"tool","name":"look"}}', {"type": "tool", "name": "look"}),
    ('{"tool_choice":{"type":"function","function":{"name":"look"}}}', {"type": "tool", "name": "look"}),
    ('{"parallel_tool_calls":false}', {"type": "auto", "disable_parallel_tool_use": True}),
    ('{"tool_choice":{"type":"any","disable_parallel_tool_use":true}}',
     {"type": "any", "disable_parallel_tool_use": True}),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "sent"), CHOICES, ids=[c for c, _ in CHOICES])
def test_choices_of_tools(settings: str, sent: dict[str, Any]) -> None:
    tool = Block(_S.TOOLS, '{"name":"look","input_schema":{}}', "look")
    found = request(tool, ASK, settings=settings)
    assert body(found, stream=False)["tool_choice"] == sent and left_out(found) == []
    assert "tool_choice" not in body(request(ASK, settings=settings), stream=False)


def test_parameters() -> None:
    form = '{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object"}}}'
    asked = request(
        ASK, temperature=1.5, service_tier="priority",
        settings='{"stop":"a","top_k":5,"top_p":0.5,"seed":1,"frequency_penalty":1,'
        f'"response_format":{form},"output_config":{{"effort":"low"}},"n":1}}',
    )  # fmt: skip
    found = body(asked, stream=False)
    assert {k: v for k, v in found.items() if k not in ("model", "messages", "max_tokens")} == {
        "stop_sequences": ["a"], "top_k": 5, "top_p": 0.5, "service_tier": "auto",
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    }  # fmt: skip
    assert left_out(asked) == ["temperature above 1", "seed", "frequency_penalty"]
