"""LiteLLM: places, texts, the proxy's cache and rows that are no chat calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costopt.model.call import Call, CallStatus, Skipped, UsageState
from costopt.model.leaf import Leaf
from tests.sources.reading import SAMPLES, read, totals

PAYLOADS = SAMPLES / "litellm/payloads.jsonl"
PAYLOAD = json.loads(PAYLOADS.read_text().splitlines()[0])
ROW = json.loads((SAMPLES / "litellm/spend_logs.json").read_text())["data"][0]


def one(tmp_path: Path, **fields: Any) -> Any:
    path = tmp_path / "row.json"
    path.write_text(json.dumps({**ROW, **fields}))
    (record,) = read(path).records
    return record


def test_a_payload_says_who_asked_for_what() -> None:
    first, second, *_ = read(PAYLOADS).all_calls
    assert first.id == first.key == "chatcmpl-lt00000000001"
    assert (first.request_model, first.model) == ("smart", "gpt-4o-2024-11-20")
    assert (first.tenant, first.user, first.api_key_hash) == ("team-a", "cust-7", "5f0c")
    assert (first.agent, first.task, first.session_id) == ("painter", "name", "chat-7")
    assert first.tags == ("prod",)
    assert (first.max_tokens, first.temperature, first.latency_ms) == (20, 0, 1250)
    assert first.at_us == 1_780_000_000_250_000
    assert (first.ttft_ms, second.ttft_ms, second.stream) == (None, 250, True)
    assert [s.text for s in first.request or ()] == ["Which colour has the sky?"]
    assert [s.text for s in first.response or ()] == ["Blue."]


def test_a_hit_of_the_proxy_keeps_its_own_identity() -> None:
    hits = [c for c in read(PAYLOADS).calls if c.status == CallStatus.GATEWAY_HIT]
    assert [c.id for c in hits] == ["chatcmpl-lt00000000001_cache_hit1780000090.1"]
    assert hits[0].usage.input_tokens == 1700
    assert hits[0].recorded_usd is None


def test_a_hit_under_the_id_of_its_original_is_no_duplicate(tmp_path: Path) -> None:
    hit = {**PAYLOAD, "cache_hit": True, "litellm_call_id": "other"}
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps(PAYLOAD) + "\n" + json.dumps(hit) + "\n")
    assert totals(read(path))["gateway_hits"] == 1
    assert "duplicates" not in totals(read(path))


def test_payload_and_row_of_one_call_are_one(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    row = {**ROW, "request_id": PAYLOAD["id"]}
    path.write_text(json.dumps(PAYLOAD) + "\n" + json.dumps(row) + "\n")
    told = totals(read(path))
    assert (told["calls"], told["duplicates"], told["input"]) == (1, 1, 1700)


def test_text_that_was_cut_is_left_out() -> None:
    calls = {c.id: c for c in read(SAMPLES / "litellm/spend_logs.json").all_calls}
    assert calls["msg_lt00000000000012"].request is None
    assert calls["chatcmpl-lt00000000010"].request is None


def test_a_stored_request_is_the_request(tmp_path: Path) -> None:
    stored = {"model": "smart", "messages": [{"role": "user", "content": "hi"}]}
    call = one(tmp_path, proxy_server_request=json.dumps(stored))
    assert [s.text for s in call.request] == ["hi"]
    assert call.model == "gpt-4o"


@pytest.mark.parametrize(
    ("kind", "is_call"),
    [
        ("completion", True), ("anthropic_messages", True), ("aresponses", True),
        ("pass_through_endpoint", True), ("aembedding", False), ("image_generation", False),
        ("call_mcp_tool", False), ("atranscription", False), ("aretrieve_batch", True),
        ("acreate_batch", False),
    ],
)  # fmt: skip
def test_only_chat_is_a_call(tmp_path: Path, kind: str, is_call: bool) -> None:
    record = one(tmp_path, call_type=kind)
    assert isinstance(record, Call if is_call else Skipped)
    if kind == "aretrieve_batch":
        assert record.service_tier == "batch"


def test_zero_tokens_on_a_success_are_unknown_and_on_a_failure_nothing(tmp_path: Path) -> None:
    zero = {"prompt_tokens": 0, "completion_tokens": 0, "metadata": {}, "spend": 0}
    call = one(tmp_path, **zero)
    assert (call.usage.state, call.recorded_usd) == (UsageState.MISSING, None)
    assert one(tmp_path, **zero, status="failure").usage.state == UsageState.REPORTED


def test_anthropic_writes_without_a_split_are_five_minutes(tmp_path: Path) -> None:
    more = {"cache_creation_input_tokens": 800, "cache_read_input_tokens": 100}
    call = one(tmp_path, metadata={"additional_usage_values": more})
    assert call.usage[Leaf.CACHE_WRITE_5M] == 800
    assert call.usage[Leaf.CACHE_READ] == 100
    assert call.usage.input_tokens == 1700


def test_daily_sums_hold_no_calls(tmp_path: Path) -> None:
    path = tmp_path / "spend.json"
    day = {"startTime": "2026-05-04", "spend": 1.5, "users": {}, "models": {"gpt-4o": 1.5}}
    path.write_text(json.dumps([day]))
    assert [type(r) for r in read(path).records] == [Skipped]


def test_a_key_in_the_clear_is_hashed_as_litellm_would(tmp_path: Path) -> None:
    call = one(tmp_path, api_key="sk-1234", metadata={"user_api_key": "sk-1234"})
    assert call.api_key_hash == ("88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b")
    assert "sk-1234" not in str(call.metadata)
