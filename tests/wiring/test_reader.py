"""Bodies of an endpoint read as the logs are read: counts, blocks, what is no answer, streams joined."""

from __future__ import annotations

import json
from typing import Any

import pytest

from costopt.model.call import SegmentKind
from costopt.model.exchange import Completion, Origin, outcome_from, outcome_json
from costopt.model.leaf import Leaf
from costopt.wiring.replaying.reader import SourcesReader, tells_cached

READER = SourcesReader()
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def chat(**more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "yes"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c-1", "object": "chat.completion", "model": "m", "choices": [choice],
            "usage": USAGE, **more}  # fmt: skip


def test_counts_of_both_conventions_mean_the_same() -> None:
    openai = {**USAGE, "prompt_tokens_details": {"cached_tokens": 6},
              "completion_tokens_details": {"reasoning_tokens": 3}}  # fmt: skip
    anthropic = {"input_tokens": 4, "cache_read_input_tokens": 6, "cache_creation_input_tokens": 0,
                 "output_tokens": 4, "output_tokens_details": {"thinking_tokens": 3}}  # fmt: skip
    message = {"type": "message", "content": [{"type": "text", "text": "yes"}], "model": "m",
               "stop_reason": "end_turn", "usage": anthropic}  # fmt: skip
    first = READER.answer(chat(usage=openai), "openai")
    second = READER.answer(message, "anthropic")
    assert first.leaves is not None and first.leaves == second.leaves
    assert first.leaves[Leaf.INPUT_FRESH] == 4 and first.leaves[Leaf.CACHE_READ] == 6
    assert first.leaves[Leaf.OUTPUT_REASONING] == 3 and first.leaves[Leaf.OUTPUT_TEXT] == 1
    assert first.blocks == second.blocks and (first.finish, second.finish) == ("stop", "end_turn")
    assert first.cached_known and second.cached_known


def test_models_that_are_charged_inside_an_answer_stand_beside_it_also_in_the_ledger() -> None:
    part = {"input_tokens": 20, "output_tokens": 3}
    usage = {
        **part,
        "iterations": [{"type": "message", **part},
                       {"type": "advisor_message", "model": "adviser", "input_tokens": 50,
                        "output_tokens": 7}],
    }  # fmt: skip
    message = {"type": "message", "content": [{"type": "text", "text": "yes"}], "model": "m",
               "stop_reason": "end_turn", "usage": usage}  # fmt: skip
    answer = READER.answer(message, "anthropic")
    ((model, leaves),) = answer.extra
    assert model == "adviser" and (leaves[Leaf.INPUT_FRESH], leaves[Leaf.OUTPUT_TEXT]) == (50, 7)
    assert answer.leaves is not None and sum(answer.leaves) == 23
    kept = json.loads(json.dumps(outcome_json(Completion(answer, Origin.ENDPOINT, {}, 1.0))))
    back = outcome_from(kept)
    assert isinstance(back, Completion) and back.answer == answer


@pytest.mark.parametrize(
    ("usage", "known"),
    [
        (USAGE, False), ({**USAGE, "prompt_tokens_details": None}, False),
        ({**USAGE, "prompt_tokens_details": {"audio_tokens": 0}}, False),
        ({**USAGE, "prompt_tokens_details": {"cached_tokens": 0}}, True),
        ({**USAGE, "prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": 10}, True),
        ({"input_tokens": 1, "output_tokens": 1}, False),
        ({"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": 0}, True),
    ],
)  # fmt: skip
def test_cached_tokens_are_known_only_where_the_usage_has_a_field(
    usage: dict[str, Any], known: bool
) -> None:
    assert tells_cached({"usage": usage}) is known


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}])
def test_an_answer_without_usage_is_an_answer_without_counts(usage: Any) -> None:
    found = READER.answer(chat(usage=usage), "openai")
    assert found.leaves is None and not found.cached_known and found.blocks[0].text == "yes"


@pytest.mark.parametrize(
    "body",
    [
        {}, {"object": "list", "data": []}, {"id": "x", "choices": []}, {"choices": [{}]},
        {"choices": "three"}, {"type": "message", "usage": {"input_tokens": 1}},
        chat(usage={"prompt_tokens": 3, "completion_tokens": -1}),
        chat(usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 11}}),
        chat(error={"message": "Provider returned error", "code": 502}),
    ],
)  # fmt: skip
def test_what_is_no_answer_or_contradicts_itself_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        READER.answer(body, "openai")


def test_an_empty_answer_cut_by_its_cap_is_an_answer() -> None:
    body = chat()
    body["choices"][0] = {
        "message": {"role": "assistant", "content": ""},
        "finish_reason": "length",
    }
    found = READER.answer(body, "openai")
    assert found.blocks == () and found.finish == "length" and found.leaves is not None


def chunk(delta: dict[str, Any], id: str, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": id, "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def test_chunks_of_one_response_are_one_answer_whatever_ids_they_carry() -> None:
    events = [chunk({"role": "assistant"}, "a"), chunk({"content": "ye"}, "b"),
              chunk({"content": "s"}, "", "stop"), {"choices": [], "usage": USAGE}]  # fmt: skip
    body = READER.merged(events)
    assert body is not None
    found = READER.answer(body, "openai")
    assert [b.text for b in found.blocks] == ["yes"] and found.leaves is not None
    assert found.finish == "stop"


def test_tool_calls_in_pieces_come_back_whole() -> None:
    def piece(text: str, **more: Any) -> dict[str, Any]:
        return chunk({"tool_calls": [{"index": 0, "function": {"arguments": text, **more}}]}, "a")

    events = [
        piece("", name="find"),
        piece('{"what":'),
        piece('"x"}'),
        chunk({}, "a", "tool_calls"),
    ]
    body = READER.merged(events)
    assert body is not None
    (block,) = READER.answer({**body, "usage": USAGE}, "openai").blocks
    assert (block.kind, block.name, block.text) == (SegmentKind.TOOL_CALL, "find", '{"what":"x"}')


def test_events_that_make_no_answer_make_none() -> None:
    assert READER.merged([]) is None
    assert READER.merged([{"type": "ping"}, {"hello": 1}]) is None
