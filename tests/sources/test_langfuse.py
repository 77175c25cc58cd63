"""Langfuse: usage details of every spelling, wrappers, what a trace hands to its observations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from costopt.model.build import without_wrappers
from costopt.model.call import Call, Rejected, SegmentKind, Skipped, UsageContradiction, UsageState
from costopt.model.leaf import LEAF_NAMES
from costopt.sources._langfuse_usage import details_usage
from tests.sources.reading import SAMPLES, read, totals

TRACE = json.loads((SAMPLES / "langfuse/trace.json").read_text())
GENERATION = TRACE["observations"][1]


def records_of(tmp_path: Path, *rows: dict[str, Any]) -> list[Any]:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read(path).records


DETAILS: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("plain", {"input": 9, "output": 3, "total": 12}, {"input_fresh": 9, "output_text": 3}),
    (
        "beside, as Langfuse normalises OpenAI",
        {"input": 476, "input_cached_tokens": 1024, "output": 40, "output_reasoning_tokens": 8,
         "total": 1548},
        {"input_fresh": 476, "cache_read": 1024, "output_text": 40, "output_reasoning": 8},
    ),
    (
        "Anthropic's names, no total",
        {"input": 1, "cache_read_input_tokens": 5000, "cache_creation_input_tokens": 7, "output": 2},
        {"input_fresh": 1, "cache_read": 5000, "cache_write_5m": 7, "output_text": 2},
    ),
    (
        "writes by lifetime, and their sum",
        {"input": 300, "input_cache_creation": 1700, "input_cache_creation_5m": 700,
         "input_cache_creation_1h": 1000, "output": 5},
        {"input_fresh": 300, "cache_write_5m": 700, "cache_write_1h": 1000, "output_text": 5},
    ),
    (
        "inside, by the total",
        {"input": 1500, "cache_read": 1024, "output": 200, "reasoning": 150, "total": 1700},
        {"input_fresh": 476, "cache_read": 1024, "output_text": 50, "output_reasoning": 150},
    ),
    (
        "reasoning inside and cached tokens beside",
        {"input": 10, "cache_read": 90, "output": 50, "reasoning": 30, "total": 150},
        {"input_fresh": 10, "cache_read": 90, "output_text": 20, "output_reasoning": 30},
    ),
    (
        "OpenInference",
        {"input": 190, "prompt_details.cache_read": 64, "prompt_details.audio": 0, "output": 164,
         "completion_details.reasoning": 100},
        {"input_fresh": 126, "cache_read": 64, "output_text": 64, "output_reasoning": 100},
    ),
    (
        "audio beside",
        {"input": 10, "input_audio_tokens": 30, "output": 5, "output_audio_tokens": 20, "total": 65},
        {"input_fresh": 10, "input_audio": 30, "output_text": 5, "output_audio": 20},
    ),
    (
        "modalities of Gemini",
        {"input": 0, "input_modality_text": 12, "cached_modality_text": 4, "output": 3},
        {"input_fresh": 12, "cache_read": 4, "output_text": 3},
    ),
    (
        "DeepSeek, as it was sent",
        {"prompt_tokens": 100, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36,
         "completion_tokens": 7, "total_tokens": 107},
        {"input_fresh": 36, "cache_read": 64, "output_text": 7},
    ),
    (
        "OpenAI's object, as it was sent",
        {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107,
         "prompt_tokens_details": {"cached_tokens": 64}},
        {"input_fresh": 36, "cache_read": 64, "output_text": 7},
    ),
    ("counts as text, and a word", {"input": "12", "output": "3", "tier": "standard"},
     {"input_fresh": 12, "output_text": 3}),
    ("a total alone says too little", {"total": 12}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("title", "details", "leaves"), DETAILS, ids=[d[0] for d in DETAILS])
def test_usage_details(title: str, details: dict[str, Any], leaves: dict[str, int]) -> None:
    usage = details_usage(details)
    assert {n: v for n, v in zip(LEAF_NAMES, usage.leaves, strict=True) if v} == leaves
    assert (usage.state == UsageState.MISSING) == (not leaves)


def test_a_total_above_its_parts_is_noted_not_billed(tmp_path: Path) -> None:
    (call,) = records_of(
        tmp_path, {**GENERATION, "usageDetails": {"input": 5, "output": 845, "total": 2023}}
    )
    assert call.usage.output_tokens == 845
    assert call.note.startswith("1173 tokens")


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(UsageContradiction):
        details_usage({"input": -1, "output": 2})


def test_a_trace_hands_down_session_user_tags_and_agent() -> None:
    calls = {c.id: c for c in read(SAMPLES / "langfuse/trace.json").all_calls}
    call = calls["lf-2"]
    assert (call.session_id, call.user, call.tags) == ("chat-7", "u-1", ("prod",))
    assert (call.agent, call.task, call.project) == ("painter", "answer", "p-1")
    assert (call.model, call.provider, call.max_tokens) == ("gpt-4o", "openai", 20)
    assert call.latency_ms == 500
    assert [(s.kind, s.text) for s in call.request or ()] == [
        (SegmentKind.USER, "Which colour has the sky?")
    ]
    assert [s.text for s in call.response or ()] == ["Blue."]


def test_the_page_of_version_2() -> None:
    first, second = read(SAMPLES / "langfuse/page_v2.json").all_calls
    assert (first.session_id, first.agent, first.task) == ("chat-8", "coder", "plan")
    assert first.provider == "openai"
    assert "gen_ai.prompt.0.content" not in str(first.metadata)
    assert second.key == "resp_lf000000000001"
    assert [s.text for s in second.response or ()] == ["Blue."]


def test_the_sums_beside_the_details_are_the_last_resort() -> None:
    first, second = read(SAMPLES / "langfuse-table/observations.csv").all_calls
    assert (second.usage.input_tokens, second.agent) == (50, "support")
    assert [s.text for s in first.request or ()] == ['multi\nline, with "quotes"']
    assert first.source_line == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_framework_around_a_client_is_a_wrapper(tmp_path: Path, order: tuple[int, int]) -> None:
    outer = {**GENERATION, "id": "outer", "usageDetails": {"input": 900, "output": 99}}
    inner = {**GENERATION, "id": "inner", "parentObservationId": "step"}
    step = {**GENERATION, "id": "step", "type": "SPAN", "parentObservationId": "outer"}
    pair = [outer, inner]
    found = records_of(tmp_path, *(pair[i] for i in order), step)
    calls = [r for r in found if isinstance(r, Call)]
    links = {r.id: r.parent_id for r in found if isinstance(r, Skipped)}
    assert links == {"step": "outer"}
    assert [c.id for c in without_wrappers(calls, links)] == ["inner"]


def test_traces_and_scores_hold_no_calls(tmp_path: Path) -> None:
    listed = {**TRACE["trace"], "htmlPath": "/x", "observations": ["lf-1", "lf-2"]}
    (tmp_path / "traces.json").write_text(json.dumps({"data": [listed, listed], "meta": {}}))
    score = {"id": "s", "trace_id": "t", "name": "good", "value": 1, "data_type": "NUMERIC"}
    (tmp_path / "scores.jsonl").write_text(json.dumps(score) + "\n")
    reading = read(tmp_path)
    assert reading.formats == {"langfuse"}
    assert [type(r) for r in reading.records] == [Skipped] * 3


def test_an_observation_in_the_making_repeats_the_finished_one(tmp_path: Path) -> None:
    early = {**GENERATION, "output": None, "endTime": None, "usageDetails": {}, "usage": None}
    body = {"id": "chatcmpl-lf0000000000009", "choices": [], "usage": {"prompt_tokens": 9}}
    found = records_of(tmp_path, early, {**GENERATION, "output": body})
    assert sum(isinstance(r, Call) for r in found) == 1
    assert len(found) == 2


def test_the_blob_export_in_parquet(tmp_path: Path) -> None:
    lines = (SAMPLES / "langfuse/blob.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    maps = pa.map_(pa.string(), pa.string())
    texts = ("metadata",)
    for row in rows:
        row.update({n: json.dumps(row[n]) for n in texts})
        for name in ("usage_details", "cost_details"):
            row[name] = [(k, str(v)) for k, v in row[name].items()]
        row["total_cost"] = str(row["total_cost"])
    schema = pa.schema([(n, maps if n.endswith("_details") else pa.string()) for n in rows[0]])
    path = tmp_path / "observations.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    assert totals(read(path)) == totals(read(SAMPLES / "langfuse/blob.jsonl"))
    assert read(path).formats == {"langfuse"}


def test_a_cell_more_than_the_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id;traceId;type;usageDetails\r\na;t;GENERATION;{}\r\nb;t;GENERATION;{};x\r\n")
    reading = read(path)
    assert {type(r): getattr(r, "line", 0) for r in reading.records} == {Call: 0, Rejected: 3}


def test_parameters_beside_the_messages_are_kept(tmp_path: Path) -> None:
    """Langfuse keeps them as text; a request body that was recorded whole speaks first."""
    told = {
        "top_p": "0.5",
        "stop": '["a"]',
        "max_tokens": 9,
        "seed": "7",
        "parallel_tool_calls": "false",
    }
    row = {**GENERATION, "id": "p1", "input": [{"role": "user", "content": "hi"}], "output": "x",
           "modelParameters": told}  # fmt: skip
    body = {"model": "m", "top_p": 0.1, "messages": [{"role": "user", "content": "hi"}]}
    calls = records_of(tmp_path, row, {**row, "id": "p2", "input": body})
    assert [c.settings for c in calls] == [
        '{"parallel_tool_calls":false,"seed":7,"stop":["a"],"top_p":0.5}', '{"top_p":0.1}',
    ]  # fmt: skip
