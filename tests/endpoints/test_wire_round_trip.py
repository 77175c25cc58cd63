"""A logged body, read, laid out, built and written again, reads as what was logged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.endpoints.wire import anthropic_messages, openai_chat
from costopt.model.call import Segment, SegmentKind
from costopt.model.exchange import Request
from costopt.sources.bodies import read_request
from tests.replay.logged import built, call_from, request, shown

WORDS = st.sampled_from(["hi", "two\nlines", "naïve 日本", "x" * 50, " lead", '{"a": 1}'])
ARGUMENTS = st.dictionaries(st.sampled_from("qb"), st.integers(0, 2) | WORDS, max_size=2)
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
SETTINGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional={
    "top_p": st.sampled_from([0.1, 0.9]), "max_tokens": st.integers(1, 99),
    "temperature": st.sampled_from([0.0, 0.3, 0.7, 1.0]),
})  # fmt: skip


@st.composite
def openai_bodies(draw: st.DrawFn) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if draw(st.booleans()):
        messages.append({"role": "system", "content": draw(WORDS)})
    for turn in range(draw(st.integers(1, 4))):
        messages += [
            {"role": "user", "content": w} for w in draw(st.lists(WORDS, min_size=1, max_size=2))
        ]
        calls = [
            {"id": f"c{turn}{i}", "type": "function",
             "function": {"name": draw(st.sampled_from(["look", "buy"])), "arguments": json.dumps(a)}}
            for i, a in enumerate(draw(st.lists(ARGUMENTS, max_size=2)))
        ]  # fmt: skip
        said = draw(WORDS) if not calls or draw(st.booleans()) else None
        messages.append(
            {"role": "assistant", "content": said, **({"tool_calls": calls} if calls else {})}
        )
        messages += [
            {"role": "tool", "tool_call_id": c["id"], "content": draw(WORDS)} for c in calls
        ]
    if messages[-1]["role"] == "assistant":
        messages.append({"role": "user", "content": draw(WORDS)})
    tools = [
        {"type": "function", "function": {"name": n, "parameters": SCHEMA}} for n in ("look", "buy")
    ]
    more = draw(SETTINGS)
    if draw(st.booleans()):
        more = {**more, "tools": tools, "tool_choice": "auto", "parallel_tool_calls": False}
    return {"model": "m", "messages": messages, **more}


NO_SCHEMAS = {"tool schemas (the log keeps none)"}


def without_names(body: dict[str, Any], segments: list[Segment]) -> list[Segment]:
    """Without the tools that are declared by name alone, where the log has no schemas."""
    return segments if "tools" in body else [s for s in segments if s.kind != SegmentKind.TOOLS]


def marked(draw: st.DrawFn, part: dict[str, Any]) -> dict[str, Any]:
    ttl = draw(st.sampled_from([None, None, None, "5m", "1h"]))
    return part if ttl is None else {**part, "cache_control": {"type": "ephemeral", "ttl": ttl}}


@st.composite
def anthropic_bodies(draw: st.DrawFn) -> dict[str, Any]:
    def text() -> dict[str, Any]:
        return marked(draw, {"type": "text", "text": draw(WORDS)})

    messages: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for turn in range(draw(st.integers(1, 4))):
        messages.append({"role": "user", "content": [*results, text()]})
        uses = [
            marked(draw, {"type": "tool_use", "id": f"t{turn}{i}", "name": "look", "input": a})
            for i, a in enumerate(draw(st.lists(ARGUMENTS, max_size=2)))
        ]
        results = [
            marked(draw, {"type": "tool_result", "tool_use_id": u["id"], "content": draw(WORDS)})
            for u in uses
        ]
        messages.append({"role": "assistant", "content": [text(), *uses]})
    messages.append({"role": "user", "content": results or draw(WORDS)})
    body = {"model": "claude-x", "max_tokens": 9, "messages": messages, **draw(SETTINGS)}
    if draw(st.booleans()):
        body["system"] = [text() for _ in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        body["tools"] = [marked(draw, {"name": "look", "input_schema": SCHEMA})]
        body["tool_choice"] = {"type": "any"}
    return body


@given(openai_bodies())
def test_openai_reads_again_as_it_was_logged(body: dict[str, Any]) -> None:
    asked = request(body)
    sent = openai_chat.body(asked, stream=True)
    first, again = read_request(body), read_request(json.loads(json.dumps(sent)))
    assert shown(first.segments) == shown(again.segments)
    assert (first.settings, first.max_tokens) == (again.settings, again.max_tokens)
    assert first.temperature == again.temperature and again.stream
    assert set(openai_chat.left_out(asked)) <= NO_SCHEMAS
    assert request(sent).key == asked.key


@given(anthropic_bodies())
def test_anthropic_reads_again_as_it_was_logged(body: dict[str, Any]) -> None:
    asked = request(body, provider="anthropic")
    sent = anthropic_messages.body(asked, stream=False)
    first, again = read_request(body), read_request(json.loads(json.dumps(sent)))
    assert shown(first.segments) == shown(without_names(body, again.segments))
    assert (first.settings, first.max_tokens) == (again.settings, again.max_tokens)
    assert first.temperature == again.temperature
    assert set(anthropic_messages.left_out(asked)) <= NO_SCHEMAS


@given(openai_bodies())
def test_the_other_language_holds_the_same_words(body: dict[str, Any]) -> None:
    """An OpenAI log sent to Claude: the same blocks, tool schemas spelled anew."""
    asked = request(body)
    first = read_request(body).segments
    again = read_request(anthropic_messages.body(asked, stream=False)).segments
    again = without_names(body, again)
    assert [s.kind for s in first] == [s.kind for s in again]
    assert [(s.text, s.name) for s in first if s.kind] == [
        (s.text, s.name) for s in again if s.kind
    ]


@given(openai_bodies(), st.data())
def test_a_conversation_that_grows_keeps_its_messages(
    body: dict[str, Any], data: st.DataObject
) -> None:
    """Byte for byte: what was sent before is the beginning of what is sent now."""
    said = body["messages"]
    cuts = [i for i, m in enumerate(said) if m["role"] == "user" and said[i + 1 : i + 2] and
            said[i + 1]["role"] == "assistant"]  # fmt: skip
    if not cuts:
        return
    size = data.draw(st.sampled_from(cuts)) + 1
    calls = [call_from({**body, "messages": said[:size]}), call_from(body, 1)]
    short, long = (
        json.dumps(openai_chat.body(r, stream=False)["messages"])
        for r in built(calls) if isinstance(r, Request)
    )  # fmt: skip
    assert long.startswith(short[:-1])


@pytest.mark.parametrize("body", [
    {"model": "gpt-5", "instructions": "Be brief.", "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "x"}],
     "tools": [{"type": "function", "name": "look", "parameters": SCHEMA}]},
    {"contents": [{"role": "user", "parts": [{"text": "hi"}]},
                  {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
                  {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": "x"}}]}],
     "systemInstruction": {"parts": [{"text": "Be brief."}]},
     "tools": [{"functionDeclarations": [{"name": "look", "parameters": {"type": "OBJECT"}}]}]},
], ids=["responses", "gemini"])  # fmt: skip
def test_other_interfaces_become_chat(body: dict[str, Any]) -> None:
    asked = request(body, model="m")
    sent = openai_chat.body(asked, stream=False)
    assert [m["role"] for m in sent["messages"]] == ["system", "user", "assistant", "tool"]
    assert sent["messages"][2]["tool_calls"][0]["id"] == sent["messages"][3]["tool_call_id"]
    assert sent["tools"][0]["function"]["parameters"]["type"] == "object"
    first, again = read_request(body).segments, read_request(sent).segments
    assert shown(first)[1:] == shown(again)[1:]
