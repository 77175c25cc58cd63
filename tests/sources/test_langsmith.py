"""LangSmith: what the sample folders cannot show (packing, places, copies, doubtful counts)."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from costopt.model.build import trace_of
from costopt.model.call import Call, CallStatus, Rejected, SegmentKind, Skipped, UsageState
from costopt.model.leaf import Leaf
from costopt.sources.detect import source_of
from costopt.sources.files import source_files
from costopt.sources.langsmith import SOURCE
from tests.sources.reading import SAMPLES, read, totals

RUNS = [
    json.loads(line)
    for line in (SAMPLES / "langsmith/runs.jsonl").read_text().splitlines()
    if line.endswith("}")
]


def calls_of(tmp_path: Path, *runs: dict[str, Any]) -> list[Any]:
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(json.dumps(run) + "\n" for run in runs))
    return read(path).records


def llm(**fields: Any) -> dict[str, Any]:
    return {"id": "r1", "trace_id": "t1", "run_type": "llm", "status": "success", **fields}


def usage(counts: dict[str, Any]) -> dict[str, Any]:
    return {"outputs": {"role": "assistant", "content": "hi", "usage_metadata": counts}}


def by_line(path: Path) -> dict[int, Call]:
    return {c.source_line: c for c in read(path).all_calls}


def test_session_agent_and_task_come_from_the_runs_above() -> None:
    calls = by_line(SAMPLES / "langsmith/runs.jsonl")
    assert calls[3].session_id == calls[4].session_id == "chat-7"
    assert {calls[3].agent, calls[4].agent} == {"colour_agent"}
    assert (calls[3].task, calls[4].task) == ("ask", "writer")
    assert calls[3].user == "u-1"
    assert calls[3].project == "0a000000-0000-4000-8000-000000000009"
    assert calls[3].ttft_ms == 200
    assert calls[3].latency_ms == 500
    assert calls[3].at_us == 1_777_629_603_000_000


def test_text_of_a_wrapped_sdk_and_of_langchain_is_the_same() -> None:
    calls = by_line(SAMPLES / "langsmith/runs.jsonl")
    for line in (3, 4):
        assert [(s.kind, s.text) for s in calls[line].request or ()] == [
            (SegmentKind.SYSTEM, "Answer in one word."),
            (SegmentKind.USER, "Which colour has the sky?"),
        ]
        assert [s.text for s in calls[line].response or ()] == ["Blue."]
    assert (calls[3].max_tokens, calls[4].max_tokens) == (20, 64)
    assert calls[4].model == "claude-sonnet-4-5-20250929"
    assert calls[4].request_model == "claude-sonnet-4-5"
    assert calls[4].finish == "end_turn"


def test_a_run_without_text_has_none() -> None:
    first, second = read(SAMPLES / "langsmith/page.json").all_calls
    assert first.request is None
    assert first.response is None
    assert first.agent == "coder"
    assert second.service_tier == "flex"
    assert first.session_id == second.session_id == "chat-8"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_pending_copy_repeats_the_finished_run(tmp_path: Path, order: tuple[int, int]) -> None:
    pair = [run for run in RUNS if run["id"] == RUNS[6]["id"]]
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(json.dumps(pair[i]) + "\n" for i in order))
    told = totals(read(path))
    assert (told["calls"], told["duplicates"], told["output"]) == (1, 1, 205)


def test_a_run_that_stays_pending_is_a_call_with_unknown_usage(tmp_path: Path) -> None:
    (call,) = calls_of(tmp_path, llm(status="pending", inputs={"messages": []}))
    assert call.usage.state == UsageState.MISSING


def test_counts_that_langsmith_made_itself_are_estimated(tmp_path: Path) -> None:
    (call,) = calls_of(
        tmp_path, llm(outputs={"answer": "hi"}, prompt_tokens=9, completion_tokens=2)
    )
    assert call.usage.state == UsageState.ESTIMATED
    assert call.usage.input_tokens == 9


def test_reasoning_beside_the_output_is_told_by_the_total(tmp_path: Path) -> None:
    counts = {"input_tokens": 10, "output_tokens": 4, "total_tokens": 44}
    counts_out = {**counts, "output_token_details": {"reasoning": 30}}
    (call,) = calls_of(tmp_path, llm(**usage(counts_out)))
    assert (call.usage[Leaf.OUTPUT_TEXT], call.usage[Leaf.OUTPUT_REASONING]) == (4, 30)


def test_a_wrapper_around_a_wrapped_sdk_is_dropped(tmp_path: Path) -> None:
    counts = {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14}
    outer, inner = llm(**usage(counts)), llm(id="r2", parent_run_id="r1", **usage(counts))
    calls = [r for r in calls_of(tmp_path, outer, inner) if isinstance(r, Call)]
    assert trace_of(calls).id == ("r2",)


def test_runs_inside_a_run_are_read(tmp_path: Path) -> None:
    inner = llm(id="r2", **usage({"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}))
    found = calls_of(tmp_path, {**llm(run_type="chain"), "child_runs": [inner]})
    assert [type(r) for r in found] == [Skipped, Call]


def test_anthropic_content_is_not_read_twice(tmp_path: Path) -> None:
    said = {
        "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {"a": 1}}],
        "tool_calls": [{"name": "look", "args": {"a": 1}, "id": "t"}],
        "type": "ai",
    }
    (call,) = calls_of(tmp_path, llm(outputs={"generations": [[{"message": said}]]}))
    assert [(s.kind, s.name) for s in call.response] == [(SegmentKind.TOOL_CALL, "look")]


def test_the_providers_own_split_of_the_writes_is_taken_where_the_sums_agree(
    tmp_path: Path,
) -> None:
    own = {
        "input_tokens": 1000, "output_tokens": 11, "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 1100, "service_tier": "priority",
        "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 800},
    }  # fmt: skip
    sent = {"input_tokens": 2100, "output_tokens": 11, "total_tokens": 2111}
    said = {
        "content": "hi",
        "type": "ai",
        "response_metadata": {"usage": own},
        "usage_metadata": {**sent, "input_token_details": {"cache_creation": 1100}},
    }
    (call,) = calls_of(tmp_path, llm(outputs={"generations": [[{"message": said}]]}))
    assert (call.usage[Leaf.CACHE_WRITE_5M], call.usage[Leaf.CACHE_WRITE_1H]) == (300, 800)
    assert call.service_tier == "priority"


def test_searches_are_counted_from_the_body_and_tokens_from_beside_it(tmp_path: Path) -> None:
    body = {"id": "resp_1", "object": "response", "output": [{"type": "web_search_call"}]}
    counts = {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14}
    (call,) = calls_of(tmp_path, llm(outputs={**body, "usage_metadata": counts}))
    assert (call.usage.web_searches, call.usage.input_tokens) == (1, 10)


def test_a_bulk_export_in_parquet(tmp_path: Path) -> None:
    texts = ("inputs", "outputs", "extra")
    rows = [{k: json.dumps(v) if k in texts else v for k, v in run.items()} for run in RUNS]
    rows = [{k: row.get(k) for k in RUNS[2]} for row in rows]
    path = tmp_path / "export.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    assert totals(read(path)) == {
        **totals(read(SAMPLES / "langsmith/runs.jsonl")),
        "rejected": 1,
    }
    data = path.read_bytes()
    (piped,) = source_files(["-"], stdin=io.BytesIO(data))  # type: ignore[arg-type]
    found = list(source_of(piped)[0].read(piped))
    assert sum(isinstance(r, Call) for r in found) == len(read(path).all_calls)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("langsmith/runs/part-0.parquet", data)
    assert totals(read(tmp_path / "export.zip")) == totals(read(path))
    path.write_bytes(data[:900])
    (cut,) = source_files([str(path)])
    assert [type(r) for r in SOURCE.read(cut)] == [Rejected]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_at_the_start_of_a_file_do_not_matter(tmp_path: Path, encoding: str) -> None:
    for name in ("langsmith/page.json", "langsmith-table/runs.csv"):
        text = (SAMPLES / name).read_text(encoding="utf-8-sig")
        (tmp_path / Path(name).name).write_text(text, encoding=encoding)
    told = totals(read(tmp_path))
    assert (told["calls"], told["skipped"], told["rejected"]) == (4, 2, 1)


def test_a_failed_call_that_was_answered_in_part_keeps_its_counts(tmp_path: Path) -> None:
    counts = {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14}
    (call,) = calls_of(tmp_path, llm(error="cut", **usage(counts)))
    assert call.status == CallStatus.FAILED
    assert call.usage.input_tokens == 10


def test_parameters_of_the_invocation_are_kept_and_its_key_is_not(tmp_path: Path) -> None:
    params = {"model": "m", "top_p": 0.5, "stop": None, "_type": "openai-chat", "api_key": "sk-abcdefgh1234",
              "tool_choice": "auto"}  # fmt: skip
    inputs = {"messages": [{"role": "user", "content": "hi"}]}
    (call,) = calls_of(
        tmp_path, llm(inputs=inputs, extra={"invocation_params": params}, **usage({}))
    )
    assert call.settings == '{"tool_choice":"auto","top_p":0.5}'
