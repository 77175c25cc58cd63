"""The fields around the bodies in costopt's own log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costopt.model.call import Call, CallStatus, Record, Rejected, Skipped, UsageState
from costopt.sources.costopt_jsonl import SOURCE
from costopt.sources.files import source_files

USAGE = {"prompt_tokens": 20, "completion_tokens": 2}


def record(**fields: Any) -> dict[str, Any]:
    answer = {"id": "chatcmpl-abcd", "model": "gpt-4.1-2025-04-14", "usage": USAGE, "choices": []}
    request = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}]}
    return {"id": "c1", "request": request, "response": answer, **fields}


def read(path: Path, *records: Any) -> list[Record]:
    path = path / "calls.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    (file,) = source_files([str(path)])
    return list(SOURCE.read(file))


def call(path: Path, **fields: Any) -> Call:
    (found,) = read(path, record(**fields))
    assert isinstance(found, Call)
    return found


def test_every_field_finds_its_column(tmp_path: Path) -> None:
    told = {
        n: f"my {n}"
        for n in ("session_id", "parent_id", "agent", "task", "tenant", "workflow", "user_segment", "user",
                  "project", "workspace", "api_key_hash", "region")
    }  # fmt: skip
    found = call(tmp_path, **told, tags=["a", 7], latency_ms=12, ttft_ms=3.5, cost_usd="0.10")
    assert {n: getattr(found, n) for n in told} == told
    assert (found.tags, found.latency_ms, found.ttft_ms) == (("a", "7"), 12.0, 3.5)
    assert (found.recorded_usd, found.id, found.key) == ("0.10", "c1", "chatcmpl-abcd")
    assert (found.model, found.request_model) == ("gpt-4.1-2025-04-14", "gpt-4.1")


def test_metadata_is_flat_text_and_fills_empty_columns(tmp_path: Path) -> None:
    found = call(
        tmp_path,
        agent="named",
        metadata={"agent": "ignored", "task": "sort", "plan": {"tier": 2}, "list": [1], "no": None},
    )
    assert (found.agent, found.task) == ("named", "sort")
    assert found.metadata == {"agent": "ignored", "task": "sort", "plan.tier": "2", "list": "[1]"}


@pytest.mark.parametrize(
    ("served", "recorded", "asked", "tier"),
    [
        ("flex", "priority", "default", "flex"),
        ("default", "priority", "priority", "default"),
        (None, "flex", "priority", "flex"),
        (None, None, "priority", "priority"),
        (None, None, None, "default"),
        ("default", "batch", None, "batch"),
        ("auto", "auto", "auto", "default"),
    ],
)
def test_the_tier_that_served_wins(
    tmp_path: Path, served: Any, recorded: Any, asked: Any, tier: str
) -> None:
    answer = {**record()["response"], "service_tier": served}
    request = {**record()["request"], "service_tier": asked}
    found = call(tmp_path, response=answer, request=request, service_tier=recorded)
    assert found.service_tier == tier


def test_an_own_cache_hit_is_not_the_call_whose_answer_it_repeats(tmp_path: Path) -> None:
    paid, hit = read(tmp_path, record(), record(id="c2", cache_hit=True))
    assert isinstance(paid, Call)
    assert isinstance(hit, Call)
    assert (paid.status, hit.status) == (CallStatus.OK, CallStatus.GATEWAY_HIT)
    assert paid.key != hit.key


@pytest.mark.parametrize(
    "fields",
    [{"kind": "agent"}, {"kind": "chain"}, {"metadata": {"openinference.span.kind": "TOOL"}}],
)
def test_a_parent_is_no_call(tmp_path: Path, fields: dict[str, Any]) -> None:
    (found,) = read(tmp_path, record(parent_id="p", **fields))
    assert isinstance(found, Skipped)
    assert (found.id, found.parent_id) == ("c1", "p")


def test_an_error_costs_nothing_unless_tokens_were_reported(tmp_path: Path) -> None:
    lost = call(tmp_path, response=None, error={"type": "timeout", "message": "late"})
    assert (lost.status, lost.error, sum(lost.usage.leaves)) == (
        CallStatus.FAILED,
        "timeout: late",
        0,
    )
    cut = call(tmp_path, error="connection reset")
    assert (cut.status, cut.usage.input_tokens) == (CallStatus.FAILED, 20)


def test_counts_that_contradict_each_other_refuse_the_record(tmp_path: Path) -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 21}}
    (found,) = read(tmp_path, record(response={**record()["response"], "usage": usage}))
    assert isinstance(found, Rejected)
    assert "cached input (21) is larger than input (20)" in found.reason
    assert found.raw.startswith('{"id":"c1"')


@pytest.mark.parametrize(
    "field", [{"timestamp": "soon"}, {"cost_usd": "free"}, {"cost_usd": -1}, {"cost_usd": "sNaN"}]
)
def test_a_field_that_cannot_be_read_is_unknown_and_said(tmp_path: Path, field: Any) -> None:
    found = call(tmp_path, **field)
    assert found.note
    assert (found.at_us, found.recorded_usd) == (None, None)


def test_bodies_kept_as_text_or_as_their_stream_are_read(tmp_path: Path) -> None:
    chunk = {"id": "chatcmpl-s", "object": "chat.completion.chunk", "model": "gpt-4.1"}
    chunks = [
        {**chunk, "choices": [{"index": 0, "delta": {"content": "Hey"}, "finish_reason": "stop"}]},
        {**chunk, "choices": [], "usage": USAGE},
    ]
    streamed = "".join(f"data: {json.dumps(c)}\n\n" for c in chunks) + "data: [DONE]\n"
    for response in (chunks, json.dumps(chunks), streamed):
        found = call(tmp_path, response=response)
        assert (found.key, found.usage.input_tokens) == ("chatcmpl-s", 20)
        assert [s.text for s in found.response or ()] == ["Hey"]


def test_a_log_without_text_says_so(tmp_path: Path) -> None:
    found = call(tmp_path, request={"model": "gpt-4.1"})
    assert found.request is None
    assert found.response is None


def test_a_users_own_region_moves_no_price(tmp_path: Path) -> None:
    found = call(tmp_path, metadata={"region": "eu", "speed": "fast", "workflow": "chat"})
    assert (found.region, found.speed, found.workflow) == ("", "", "chat")
    assert found.metadata["region"] == "eu"


def test_zeros_beside_an_answer_are_no_usage(tmp_path: Path) -> None:
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hey"}}
    response = {"id": "chatcmpl-z", "model": "gpt-4.1", "choices": [said], "usage": zeros}
    found = call(tmp_path, response=response)
    assert (found.usage.state, found.response and found.response[0].text) == (
        UsageState.MISSING,
        "Hey",
    )
