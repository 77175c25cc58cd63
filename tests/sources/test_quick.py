"""The fast reading of the native log and its plain twin give the same calls."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from costopt.model.call import Call, UsageContradiction
from costopt.sources.bodies.native import native_call
from costopt.sources.bodies.quick import QuickLoads
from tests.sources.test_fuzz import ODD

USUAL: dict[str, Any] = {
    "id": "c1", "session_id": "s1", "parent_id": None, "timestamp": "2026-05-01T10:00:00.000Z",
    "latency_ms": 812, "agent": "planner", "tags": ["prod"], "provider": "openai",
    "metadata": {"task": "sort", "user_id": "u7", "plan": {"tier": 1}}, "service_tier": "flex",
    "request": {
        "model": "gpt-4.1", "max_tokens": 512, "temperature": 0, "top_p": 1,
        "tools": [{"type": "function", "function": {"name": "look"}}],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Look."}]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "k", "function": {"name": "look", "arguments": "{\"b\":1, \"a\":2}"}}]},
            {"role": "tool", "tool_call_id": "k", "content": "seen"},
        ],
    },
    "response": {
        "id": "chatcmpl-9xYz", "object": "chat.completion", "created": 1780000000,
        "model": "gpt-4.1-2025-04-14", "service_tier": "default", "system_fingerprint": None,
        "choices": [{"index": 0, "message": {"content": "Done."}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 90, "completion_tokens": 20, "total_tokens": 110,
            "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 8, "audio_tokens": 0},
        },
    },
    "cost_usd": 0.0047, "error": None,
}  # fmt: skip


def both(line: bytes) -> tuple[object, object] | None:
    """What the fast reading makes of a line, and the twin; None where the fast one passes."""
    quick = QuickLoads()(line)
    if not isinstance(quick, Call):
        return None
    try:
        return quick, native_call(0, orjson.loads(line))
    except UsageContradiction as error:
        return quick, error


def test_the_usual_record_takes_the_fast_way_and_comes_out_the_same() -> None:
    found = both(orjson.dumps(USUAL))
    assert found is not None
    assert found[0] == found[1]


@pytest.mark.parametrize("tier", ["batch", "flex", "default", "auto", None])
@pytest.mark.parametrize("served", ["flex", "default", "auto", None])
def test_tiers_agree(tier: Any, served: Any) -> None:
    response = {**USUAL["response"], "service_tier": served}
    found = both(orjson.dumps({**USUAL, "service_tier": tier, "response": response}))
    assert found is not None
    assert found[0] == found[1]


def one_change(value: Any, chance: random.Random) -> Any:
    """The record with one of its parts replaced or removed, anywhere."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.2:
        return chance.choice(ODD)
    copy = dict(value) if isinstance(value, dict) else list(value)
    at = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
    if chance.random() < 0.15:
        del copy[at]
    else:
        copy[at] = one_change(value[at], chance)
    return copy


def test_whatever_the_fast_way_takes_comes_out_the_same() -> None:
    chance = random.Random(11)
    taken = 0
    for _ in range(6000):
        try:
            line = orjson.dumps(one_change(one_change(USUAL, chance), chance))
        except TypeError:  # a lone surrogate or a huge integer: never the usual record
            continue
        found = both(line)
        if found is not None:
            taken += 1
            assert found[0] == found[1], line
    assert taken > 300


def test_a_file_of_another_shape_is_not_tried_for_ever() -> None:
    quick = QuickLoads()
    for _ in range(100):
        assert quick(b'{"kind":"agent"}') == {"kind": "agent"}
    assert isinstance(quick(orjson.dumps(USUAL)), dict)


def test_a_message_sent_again_is_the_same_block_and_keeps_no_mark_of_another_call() -> None:
    quick = QuickLoads()
    system = {"role": "system", "content": "Be brief."}
    mark = {"role": "user", "content": [{"cachePoint": {"type": "default"}}]}
    logs = [[system], [system, mark], [system, {"role": "user", "content": "Be swift."}], [system]]
    calls = []
    for messages in logs:
        record = {**USUAL, "request": {"model": "gpt-4.1", "messages": messages}}
        found = quick(orjson.dumps(record))
        assert found == native_call(0, record)
        calls.append(found.request)
    assert calls[0][0] is calls[2][0]
    assert [[s.breakpoint for s in call] for call in calls] == [[0], [1], [0, 0], [0]]
