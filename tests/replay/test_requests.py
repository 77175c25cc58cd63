"""Rebuilt requests: what cannot be sent says why, ids stay, equal ones are equal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from costopt.model.build import trace_of
from costopt.model.call import Call, CallStatus, Segment, SegmentKind, Usage
from costopt.model.exchange import Request
from costopt.model.leaf import Leaf
from costopt.model.view import View
from costopt.replay.call_ids import call_id, with_ids
from costopt.replay.requests import Requests
from tests.layers.context import texts_of
from tests.replay.logged import Body, built, call_from, request, requests_of

_S = SegmentKind
LOOK = {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
ASK: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def says(*messages: dict[str, Any], **more: Any) -> Body:
    return {"model": "gpt-4o", "messages": list(messages), **more}


def user(words: str) -> dict[str, Any]:
    return {"role": "user", "content": words}


def looks(*ids: str) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": [{**LOOK, "id": i} for i in ids]}


def result(id: str, words: str = "found") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id, "content": words}


def test_a_request_holds_what_the_log_says() -> None:
    body = says(
        {"role": "system", "content": "Be brief."}, user("hi"), tools=[TOOL], max_tokens=50,
        temperature=0.7, top_p=0.5, service_tier="flex", prompt_cache_key="p",
    )  # fmt: skip
    found = request(body)
    assert [(b.kind.name, b.text) for b in found.blocks[1:]] == [
        ("SYSTEM", "Be brief."),
        ("USER", "hi"),
    ]
    assert (found.provider, found.model) == ("openai", "gpt-4o")
    assert (found.max_tokens, found.temperature, found.settings) == (50, 0.7, '{"top_p":0.5}')
    assert (found.service_tier, found.prompt_cache_key) == ("flex", "p")


def test_the_model_that_served_is_asked() -> None:
    call = call_from(ASK, model="gpt-4o-2024-11-20", request_model="gpt-4o")
    assert request(ASK).model == "gpt-4o"
    (found,) = built([call])
    assert isinstance(found, Request) and found.model == "gpt-4o-2024-11-20"


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
BLOCKS = [Segment(_S.BLOCK, "", tokens=5, digest=b"1" * 16)]
UNSENDABLE: list[tuple[Call, str]] = [
    (call_from(ASK, status=CallStatus.GATEWAY_HIT), "gateway's cache"),
    (call_from(ASK, status=CallStatus.FAILED), "it failed"),
    (call_from(ASK, requests=3), "several requests"),
    (call_from(ASK, model=""), "names no model"),
    (call_from(ASK, model="text-embedding-3-small"), "no chat"),
    (call_from({"model": "m"}), "keeps no text"),
    (call_from(ASK, request=BLOCKS), "hashes and counts"),
    (call_from(says({"role": "user", "content": [PICTURE]})), "an image or a file"),
    (call_from(says({"role": "system", "content": "x"})), "holds no message"),
    (call_from(says(user("a"), result("a"))), "without its call"),
    (call_from(says(user("a"), looks("a"))), "a call without its result"),
    (call_from(says(user("a"), result("a"), looks("a"))), "without its call"),
    (call_from(ASK, request=[Segment(_S.USER, "a"), Segment(_S.TOOL_CALL, "{}"),
                             Segment(_S.TOOL_RESULT, "b")]), "tool without a name"),
    (call_from({**ASK, "tools": [{"type": "web_search_preview"}]}), "tools of its own"),
    (call_from({**ASK, "web_search_options": {}}), "tools of its own"),
    (call_from({**ASK, "previous_response_id": "r"}), "text that the log does not hold"),
    (call_from({**ASK, "response_format": {"x": "y" * 30_000}}), "all of its parameters"),
    (call_from(says(user("half \ud83d"))), "half a character"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "why"), UNSENDABLE, ids=[why for _, why in UNSENDABLE])
def test_what_cannot_be_sent_says_why(call: Call, why: str) -> None:
    (found,) = built([call])
    assert isinstance(found, str) and why in found


def test_reasons_are_counted_without_a_text() -> None:
    calls = [replace(c, key=f"u{i}", at_us=i) for i, (c, _) in enumerate(UNSENDABLE[:-1])]
    requests = requests_of([*calls, call_from(ASK, 99)])
    counts = requests.reasons()
    assert sum(counts.values()) == len(calls) and "" not in counts
    assert requests.reasons([len(calls)]) == {}
    assert requests.reasons([0, 1]) == {requests.build(0): 1, requests.build(1): 1}


def test_a_text_that_was_not_kept_and_one_that_no_layer_wrote() -> None:
    call = call_from(ASK)
    trace = trace_of([call])
    table = replace(trace.segments, has_text=np.zeros(1, np.bool_))
    quiet = replace(trace, segments=table)
    assert "not kept" in str(Requests.of(View.of(quiet), texts_of(trace, [call])).build(0))
    view = View.of(trace)
    one = np.ones(1, np.int64)
    made, ids = view.made.added(
        kind=np.array([_S.USER], np.int8), name=np.zeros(1, np.int32), tokens=one,
        source=np.full(1, -1, np.int32), head=0 * one, tail=0 * one, mark="test",
    )  # fmt: skip
    edited = view.edited(made=made, request=replace(view.request, ids=ids))
    assert "was not written" in str(Requests.of(edited, texts_of(trace, [call])).build(0))
    unsent = view.edited(sent=np.zeros(1, np.bool_))
    assert "does not send it" in str(Requests.of(unsent, texts_of(trace, [call])).build(0))


def thinks(thinking: dict[str, Any] | None, **more: Any) -> Call:
    said = [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "b"}]
    body = says(user("a"), {"role": "assistant", "content": said}, user("c"))
    told = {} if thinking is None else {"thinking": thinking}
    return call_from({**body, **told}, model="claude-sonnet-4-5", provider="anthropic", **more)


def test_signed_thinking_is_not_sent_again() -> None:
    on, off = {"type": "enabled", "budget_tokens": 1024}, {"type": "disabled"}
    assert "signatures" in str(built([thinks(on)])[0])
    assert isinstance(built([thinks(off)])[0], Request)
    assert isinstance(built([thinks(None)])[0], Request)
    thought = Usage()
    thought.leaves[Leaf.OUTPUT_REASONING] = 5
    assert "signatures" in str(built([thinks(None, usage=thought)])[0])
    (chat,) = built([thinks(on)], signed=False)
    assert isinstance(chat, Request) and _S.REASONING in [b.kind for b in chat.blocks]


def test_reasoning_without_text_is_passed_over() -> None:
    items = [{"type": "reasoning", "summary": [], "encrypted_content": "xx"}, user("a")]
    found = request({"model": "gpt-5", "input": items})
    assert [b.kind for b in found.blocks] == [_S.USER]


def test_ids_stay_when_a_conversation_grows() -> None:
    said = [user("a"), looks("1", "2"), result("1", "x"), result("2", "y"), looks("3"), result("3")]
    one, two = request(says(*said[:4])), request(says(*said))
    assert two.blocks[: len(one.blocks)] == one.blocks
    ids = [b.call_id for b in two.blocks if b.call_id]
    assert len(set(ids)) == 3 and all(len(i) == 9 and i.isalnum() for i in ids)
    calls = [b.call_id for b in two.blocks if b.kind == _S.TOOL_CALL]
    results = [b.call_id for b in two.blocks if b.kind == _S.TOOL_RESULT]
    assert calls == results


def test_ids_stay_when_the_front_is_cut() -> None:
    other = {**LOOK, "id": "1", "function": {"name": "look", "arguments": '{"q": 2}'}}
    first = {"role": "assistant", "content": None, "tool_calls": [other]}
    whole = request(says(user("a"), first, result("1"), user("b"), looks("2"), result("2")))
    cut = request(says(user("a"), user("b"), looks("2"), result("2")))
    assert whole.blocks[-2:] == cut.blocks[-2:]


def test_a_result_belongs_to_the_call_of_its_name() -> None:
    other = {**LOOK, "id": "b", "function": {"name": "buy", "arguments": "{}"}}
    both = {"role": "assistant", "content": None, "tool_calls": [LOOK, other]}
    found = request(says(user("x"), both, result("b", "bought"), result("a", "seen")))
    by_id = {b.call_id: b.name for b in found.blocks if b.kind == _S.TOOL_CALL}
    assert [by_id[b.call_id] for b in found.blocks if b.kind == _S.TOOL_RESULT] == ["buy", "look"]
    assert with_ids([b for b in found.blocks if b.kind != _S.TOOL_CALL]) is None
    assert call_id("a", "b", 1) != call_id("a", "b", 2) == call_id("a", "b", 2)


def test_equal_requests_have_equal_keys_and_no_others() -> None:
    bodies = [
        ASK, {**ASK, "user": "jane"}, {**ASK, "top_p": 0.5}, {**ASK, "max_tokens": 5},
        {**ASK, "temperature": 0.5}, says(user("ho")), {**ASK, "tools": [TOOL]},
    ]  # fmt: skip
    found = built([call_from(b, i) for i, b in enumerate(bodies)])
    keys = [f.key for f in found if isinstance(f, Request)]
    assert len(keys) == len(bodies) and keys[0] == keys[1] and len(set(keys)) == len(keys) - 1
    again = [says(user("x"), looks(i), result(i)) for i in ("call_1", "toolu_2")]
    assert request(again[0]).key == request(again[1]).key


def test_answers_are_the_blocks_of_the_response() -> None:
    said = [Segment(_S.ASSISTANT, "b"), Segment(_S.TOOL_CALL, "{}", "look")]
    calls = [
        call_from(ASK, 0, response=said), call_from(ASK, 1), call_from(ASK, 2, response=said,
        status=CallStatus.FAILED),
        call_from(ASK, 3, response=[Segment(_S.IMAGE, "", digest=b"1" * 16)]),
    ]  # fmt: skip
    requests = requests_of(calls)
    answers = [requests.answer(row) for row in range(4)]
    assert answers[1:] == [None, None, None] and answers[0] is not None
    assert [(b.kind, b.text, b.name) for b in answers[0]] == [
        (s.kind, s.text, s.name) for s in said
    ]
