"""Helicone: bodies before columns, its own cache, and exports that are not quite JSON or CSV."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costopt.model.call import Call, CallStatus, UsageState
from costopt.model.leaf import Leaf
from tests.sources.reading import SAMPLES, read

ROWS = [json.loads(x) for x in (SAMPLES / "helicone/export.jsonl").read_text().splitlines()]
BARE = ROWS[7]


def one(tmp_path: Path, **fields: Any) -> Call:
    path = tmp_path / "row.jsonl"
    path.write_text(json.dumps({**BARE, **fields}) + "\n")
    (call,) = read(path).all_calls
    return call


def test_a_row_says_who_asked_in_which_session() -> None:
    first, second, *_ = read(SAMPLES / "helicone/export.jsonl").all_calls
    assert (first.id, first.key) == (ROWS[0]["request_id"], "chatcmpl-he00000000001")
    assert (first.session_id, first.task, first.workflow) == ("chat-7", "/ask/name", "support")
    assert (first.agent, first.user, first.provider) == ("painter", "u-1", "openai")
    assert first.metadata["environment"] == "prod"
    assert (first.request_model, first.model) == ("gpt-4o", "gpt-4o-2024-11-20")
    assert (first.latency_ms, first.max_tokens) == (1120, 20)
    assert first.at_us == 1_777_885_201_000_000
    assert [s.text for s in first.request or ()] == ["Which colour has the sky?"]
    assert [s.text for s in second.response or ()] == ["Blue."]


def test_counts_of_the_row_leave_cached_tokens_out() -> None:
    calls = {c.id: c for c in read(SAMPLES / "helicone/export.jsonl").all_calls}
    call = calls[BARE["request_id"]]
    assert (call.usage[Leaf.INPUT_FRESH], call.usage[Leaf.CACHE_READ]) == (300, 100)
    assert call.request is None


def test_a_hit_of_helicone_keeps_its_own_identity() -> None:
    hits = [
        c
        for c in read(SAMPLES / "helicone/export.jsonl").calls
        if c.status == CallStatus.GATEWAY_HIT
    ]
    assert [(c.key, c.recorded_usd) for c in hits] == [(f"hit|{ROWS[3]['request_id']}", None)]


@pytest.mark.parametrize("reference", [None, "", "00000000-0000-0000-0000-000000000000"])
def test_no_reference_is_no_hit(tmp_path: Path, reference: str | None) -> None:
    assert one(tmp_path, cache_reference_id=reference).status == CallStatus.OK


@pytest.mark.parametrize("status", [400, 429, 500, -3, 0, "503"])
def test_failed_calls_cost_what_was_reported(tmp_path: Path, status: int | str) -> None:
    call = one(tmp_path, response_status=status, prompt_tokens=None, completion_tokens=None)
    assert (call.status, call.usage.input_tokens) == (CallStatus.FAILED, 100)
    none = {"prompt_tokens": 0, "completion_tokens": 0, "prompt_cache_read_tokens": 0}
    call = one(tmp_path, response_status=status, **none)
    assert (call.status, call.usage.state) == (CallStatus.FAILED, UsageState.REPORTED)


def test_reasoning_of_the_row_stands_beside_the_completion(tmp_path: Path) -> None:
    call = one(tmp_path, reasoning_tokens=64, completion_tokens=20, total_tokens=384)
    assert (call.usage[Leaf.OUTPUT_TEXT], call.usage[Leaf.OUTPUT_REASONING]) == (20, 64)
    call = one(tmp_path, reasoning_tokens=64, completion_tokens=84, total_tokens=384)
    assert (call.usage[Leaf.OUTPUT_TEXT], call.usage[Leaf.OUTPUT_REASONING]) == (20, 64)


def test_the_table_of_the_export_tool_doubles_quotes_twice() -> None:
    first, *_ = read(SAMPLES / "helicone-table/output.csv").all_calls
    assert [s.text for s in first.request or ()] == ['say "hi",\nthen go']
    assert (first.agent, first.session_id) == ("painter", "chat-7")
    assert first.model == "gpt-4o"
    assert first.source_line == 2


def test_the_dashboard_record_is_a_row() -> None:
    (call,) = read(SAMPLES / "helicone/dashboard.jsonl").all_calls
    assert (call.id, call.latency_ms, call.agent) == (
        "7c000000-0000-4000-8000-000000000012", 800, "painter",
    )  # fmt: skip


def test_an_unknown_host_leaves_the_provider_to_the_body(tmp_path: Path) -> None:
    assert one(tmp_path, provider="CUSTOM").provider == ""
    assert one(tmp_path, provider="CUSTOM", response_body=ROWS[1]["response_body"]).provider == (
        "anthropic"
    )
