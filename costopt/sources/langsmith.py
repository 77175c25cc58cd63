"""LangSmith runs: from the API or the SDK (JSON, JSONL), a table (CSV), or a bulk export (Parquet).

```json
{"id": "1", "trace_id": "1", "run_type": "llm", "start_time": "2026-05-04T09:00:00", "inputs": {}, "outputs": {"usage_metadata": {}}}
```

* Only `llm` runs are calls. Chains, tools and roots repeat the sum of their children, and are skipped.
  An `llm` run around another one (LangChain around a wrapped SDK) is a wrapper.
* `input_tokens` is all input, cached tokens inside, `output_tokens` all output; where the total or the
  counts prove otherwise, they stand beside it. `cache_creation` and its split are the same tokens once.
* Keys with `flex_` or `priority_` in front are the same counts on that tier; the bare key is no count.
* Where no usage was sent, LangSmith counts with a tokenizer: such a call is `estimated`.
* Zero tokens on a finished run mean unknown. Costs are LangSmith's own; a cost of zero means no price.
* The session is a thread or session named in the metadata, else the trace. `session_id` is the project.
* The agent is named in the metadata, else the root run; the task the graph's node, else the nearest chain.
* A run logged as pending and again when it had ended is one call.

Not in the export: text that was moved to storage (`inputs_s3_urls`), and calls of a trace that was sampled
away. Times without a zone are UTC. Fields: langsmith-sdk `python/langsmith/schemas.py`, `client.py`
(https://github.com/langchain-ai/langsmith-sdk, checked 2026-11-24).
"""  # noqa: E501 - one line of a log is one line

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from costopt.model.call import Call, Record, Skipped, UsageState
from costopt.sources._chat import answer_message, chat_answer, chat_request, generations
from costopt.sources._langsmith_usage import usage_of
from costopt.sources._rows import (
    Row,
    add_labels,
    amount,
    as_map,
    counted,
    decoded,
    first,
    guarded,
    head_rows,
    labels,
    numeric,
    packed_parquet,
    parameter,
    rows,
    session_of,
    span_ms,
    texts,
)
from costopt.sources._spans import Span, Spans, Unfinished, read_ahead
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import read_request, read_response
from costopt.sources.bodies.build import call_of, fail
from costopt.sources.bodies.parts import error_text, items, mapping, text, time_us
from costopt.sources.lines import Parsed, rejected

PAGES = ("runs", "items")


class LangSmith:
    """Runs of a LangSmith project."""

    name = "langsmith"
    title = "LangSmith runs"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By the fields of a run."""
        for row in head_rows(head, PAGES):
            if "dotted_order" in row and "run_type" in row:
                return Confidence.SURE, "runs with run_type and dotted_order"
            if "run_type" in row and ("trace_id" in row or "run_id" in row):
                return Confidence.SURE, "runs with run_type and trace_id"
            if "run_type" in row and "inputs" in row:
                return Confidence.LIKELY, "records with run_type and inputs"
        if packed_parquet(head, ("langsmith", "/runs/")):
            return Confidence.LIKELY, "packed Parquet, by its name a bulk export of runs"
        return Confidence.NO, "no record with run_type and trace_id"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call an `llm` run; runs inside runs are read too."""
        spans, unfinished = Spans(), Unfinished()
        found = (row for parsed in rows(file, PAGES) for row in _nested(parsed))
        reader = partial(_records, spans, unfinished)
        for line, value in read_ahead(found, partial(_learn, spans)):
            yield from guarded(line, value, reader)
        yield from unfinished.end()


def _nested(parsed: Parsed) -> Iterator[Parsed]:
    """A run and the whole runs inside its `child_runs`."""
    line, value = parsed
    waiting = [value]
    while waiting:
        run = waiting.pop()
        yield line, run
        inner = run.get("child_runs") if isinstance(run, dict) else None
        waiting += [r for r in reversed(items(inner)) if isinstance(r, dict)]


def _id(run: Row) -> str:
    return text(first(run, "id", "run_id"))


def _parent(run: Row) -> str:
    above = items(decoded(run.get("parent_run_ids")))
    return text(first(run, "parent_run_id")) or text(above[-1] if above else None)


def _kind(run: Row) -> str:
    return text(run.get("run_type")).lower()


def _metadata(run: Row) -> dict[str, str]:
    inner = as_map(as_map(run.get("extra")).get("metadata"))
    return labels({**as_map(run.get("metadata")), **inner}, ("usage_metadata",))


def _session(run: Row, metadata: dict[str, str]) -> str:
    return session_of(metadata) or text(run.get("thread_id"))


def _learn(spans: Spans, run: object) -> None:
    if isinstance(run, dict) and _id(run):
        metadata = _metadata(run)
        user = metadata.get("user_id", "")
        named = Span(text(run.get("name")), _parent(run), _kind(run), _session(run, metadata), user)
        spans.learn(_id(run), text(run.get("trace_id")), named)


def _records(spans: Spans, unfinished: Unfinished, line: int, run: Row) -> Iterator[Record]:
    if "run_type" not in run:
        yield rejected(line, "no run_type", run)
    elif _kind(run) != "llm":
        yield Skipped(line, _kind(run), _id(run), _parent(run))
    else:
        call = _call(line, run, spans)
        state = text(run.get("status")).lower()
        ended = bool(_held(run, "outputs") or first(run, "end_time", "error"))
        ended = ended or state not in ("pending", "")
        yield from unfinished.settle(call, ended)


def _call(line: int, run: Row, spans: Spans) -> Call:
    metadata, outputs = _metadata(run), _held(run, "outputs")
    extra = as_map(run.get("extra"))
    asked = chat_request(_inputs(run, as_map(extra.get("invocation_params"))))
    told = _told(outputs)
    body = chat_answer(outputs)
    if body is not None and not body.get("model"):
        body = {**body, **told}
    call = call_of(line, read_request(asked) if asked else None, _said(body))
    usage, tier = usage_of(run, outputs, as_map(extra.get("metadata")), call.usage)
    call.usage = counted(call.usage, usage)
    if call.service_tier == "default" and tier:
        call.service_tier = tier
    call.id, call.parent_id, call.span = _id(run), _parent(run), True
    call.key = call.key or call.id
    call.provider = metadata.get("ls_provider", "") or call.provider
    call.request_model = metadata.get("ls_model_name", "") or call.request_model
    call.model = call.model or text(told.get("model")) or call.request_model
    if call.max_tokens is None:
        call.max_tokens = parameter(metadata.get("ls_max_tokens"))
    if call.temperature is None:
        call.temperature = numeric(metadata.get("ls_temperature"))
    _times(call, run)
    _places(call, run, metadata, spans)
    _outcome(call, run)
    return call


def _held(run: Row, name: str) -> Any:
    """Inputs or outputs; a table may write the word null."""
    value = decoded(run.get(name))
    return None if value == "null" else value


def _said(body: dict[str, Any] | None) -> Any:
    return None if body is None else read_response(body)


def _inputs(run: Row, params: Any) -> Any:
    """The request: the wrapper keeps it whole, LangChain its messages, with the settings beside them."""
    inputs = _held(run, "inputs")
    if not params or not isinstance(inputs, dict | list) or not inputs:
        return inputs
    shown = {k: v for k, v in params.items() if v is not None and not k.startswith("_")}
    return {**shown, **(inputs if isinstance(inputs, dict) else {"messages": inputs})}


def _told(outputs: Any) -> dict[str, Any]:
    """Id, model and tier of the answer, where LangChain keeps them."""
    found: dict[str, Any] = {}
    for made in generations(outputs):
        said = mapping(answer_message(made).get("response_metadata"))
        found["id"] = found.get("id") or said.get("id")
        found["model"] = found.get("model") or first(said, "model_name", "model", "model_id")
        counts = mapping(said.get("usage"))  # Anthropic states the tier there
        tier = said.get("service_tier") or counts.get("service_tier")
        found["service_tier"] = found.get("service_tier") or tier
    whole = mapping(mapping(outputs).get("llm_output"))
    found["model"] = found.get("model") or first(whole, "model_name", "model")
    found["id"] = found.get("id") or whole.get("id")
    return {k: v for k, v in found.items() if v}


def _times(call: Call, run: Row) -> None:
    begin, end = time_us(run.get("start_time")), time_us(run.get("end_time"))
    call.at_us = begin
    call.version_us = end if end is not None else begin
    seconds = numeric(run.get("latency_seconds"))
    call.latency_ms = seconds * 1000 if seconds is not None else span_ms(begin, end)
    call.ttft_ms = span_ms(begin, time_us(run.get("first_token_time")))
    call.stream = call.stream or call.ttft_ms is not None


def _places(call: Call, run: Row, metadata: dict[str, str], spans: Spans) -> None:
    """Session, agent and task: from the run, else from the runs above it."""
    above = spans.above(call.parent_id)
    call.session_id = _session(run, metadata) or next((s.session for s in above if s.session), "")
    trace = text(run.get("trace_id"))
    call.session_id = call.session_id or spans.session(trace) or trace
    call.project = text(first(run, "session_id", "project_id"))
    call.tags = texts(run.get("tags"))
    call.task = metadata.get("langgraph_node", "")
    add_labels(call, {"name": text(run.get("name")), **metadata})
    if above:
        call.agent = call.agent or above[-1].name
        chain = next((s.name for s in above[:-1] if s.kind == "chain"), "")
        call.task = call.task or chain
        call.user = call.user or next((s.user for s in above if s.user), "")


def _outcome(call: Call, run: Row) -> None:
    whole = amount(run.get("total_cost"))
    if whole is None:
        whole = amount(run.get("prompt_cost"), run.get("completion_cost"))
    call.recorded_usd = whole or call.recorded_usd
    if run.get("error") or text(run.get("status")).lower() == "error":
        error = decoded(run.get("error"))
        fail(call, error_text(error) or "error")
    if call.usage.state == UsageState.MISSING:
        call.recorded_usd = None


SOURCE = LangSmith()
