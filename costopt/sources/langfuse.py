"""Langfuse observations: from the API, the tables (CSV, JSON), one trace, or the blob storage export.

```json
{"id": "g1", "traceId": "t1", "type": "GENERATION", "model": "gpt-4o", "usageDetails": {"input": 476, "input_cached_tokens": 1024, "output": 40, "total": 1540}}
```

* Only generations are calls. Spans, agents and tools may repeat the sum of what they hold, and embeddings
  are no chat calls: they are skipped. A generation around another one (a framework that is traced, over a
  client that is traced) is a wrapper; the innermost counts.
* In `usageDetails` cached, audio and reasoning tokens stand beside `input` and `output`, unless the total
  says that they are inside. `promptTokens`, `usage` and `inputUsage` are sums and never added.
* A provider's response kept as output is read first: its counts are the provider's own.
* All zeros on a success mean unknown. `costDetails` are the user's or Langfuse's own computation; a cost of
  zero means no price.
* The session is the trace's `sessionId`, else the trace; the agent the nearest agent above, else the trace;
  the task the observation's name.
* One id again, with a later `updatedAt`: the later one counts. Times without a zone are UTC.

Not in the export: usage in v2 pages that were fetched without it, sessions in the first blob export, and
metadata beyond 200 characters. Fields: `fern/apis/server/definition/commons.yml`,
`packages/shared/src/server/ingestion/types.ts`
(https://github.com/langfuse/langfuse, checked 2026-11-24).
"""  # noqa: E501 - one line of a log is one line

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from costopt.model.call import Call, Record, Skipped
from costopt.sources._chat import chat_answer, chat_request
from costopt.sources._langfuse_usage import recorded, usage_of
from costopt.sources._rows import (
    Row,
    add_labels,
    amount,
    as_map,
    counted,
    first,
    guarded,
    head_rows,
    labels,
    numeric,
    packed_parquet,
    page_rows,
    parameter,
    plain,
    rows,
    session_of,
    span_ms,
    texts,
)
from costopt.sources._spans import Span, Spans, Unfinished, read_ahead
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import read_request, read_response
from costopt.sources.bodies.build import call_of, fail
from costopt.sources.bodies.openai_chat import maker
from costopt.sources.bodies.parts import Body, mapping, text, tier, time_us
from costopt.sources.bodies.settings import settings_of
from costopt.sources.lines import Parsed, rejected

PAGES = ("data", "observations")
_KINDS = frozenset(("SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR",
                    "GUARDRAIL", "EMBEDDING", "GENERATION"))  # fmt: skip
_TRACE_ID = ("traceId", "trace_id")
_SIGNS = frozenset(
    ("usageDetails", "usage_details", "providedModelName", "provided_model_name",
     "parentObservationId", "parent_observation_id")
)  # fmt: skip
_TRACE_SIGNS = frozenset(("bookmarked", "public", "tags"))
# What holds the text of the call once more, or describes the machine.
_NOT_LABELS = frozenset(("attributes", "resourceAttributes", "scope", "usage_metadata"))
_SESSIONS = ("langfuse.session.id", "session.id", "gen_ai.conversation.id")
_AGENT = ("gen_ai.agent.name", "agent.name", "agent_name")
_APIS = ("chat", "responses", "completion", "messages", "generative-ai")
_PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")


class Langfuse:
    """Observations of a Langfuse project."""

    name = "langfuse"
    title = "Langfuse observations"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By the fields of an observation, or of the trace around observations."""
        for row in head_rows(head, PAGES):
            traced = first(row, *_TRACE_ID) is not None or not row.keys().isdisjoint(_TRACE_ID)
            if traced and "type" in row and not row.keys().isdisjoint(_SIGNS):
                return Confidence.SURE, "observations with a trace and usage details"
            if traced and text(row.get("type")) in _KINDS:
                return Confidence.LIKELY, "observations with a trace and a type"
            if _is_trace(mapping(row.get("trace"))):
                return Confidence.LIKELY, "a trace, whose observations lie beyond the first 64 KB"
            if _is_trace(row) or _is_score(row):
                return Confidence.LIKELY, "traces or scores, which hold no calls"
        if packed_parquet(head, ("langfuse", "observations")):
            return Confidence.LIKELY, "packed Parquet, by its name an export of observations"
        return Confidence.NO, "no observation with traceId and usageDetails"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call a generation."""
        spans, unfinished = Spans(), Unfinished()
        reader = partial(_records, spans, unfinished)
        found = (row for parsed in rows(file, ("data",)) for row in _observations(parsed))
        for line, value in read_ahead(found, partial(_learn, spans)):
            yield from guarded(line, value, reader)
        yield from unfinished.end()


def _is_trace(row: Body) -> bool:
    return row.keys() >= _TRACE_SIGNS and not row.keys().isdisjoint(("sessionId", "session_id"))


def _is_score(row: Row) -> bool:
    return not row.keys().isdisjoint(_TRACE_ID) and "value" in row and (
        "dataType" in row or "data_type" in row
    )  # fmt: skip


def _observations(parsed: Parsed) -> Iterator[Parsed]:
    """Observations alone, or inside their trace, which hands them its session, user and tags."""
    line, value = parsed
    if not isinstance(value, dict) or not isinstance(value.get("observations"), list):
        yield parsed
        return
    trace = mapping(value.get("trace")) or {k: v for k, v in value.items() if k != "observations"}
    if not any(isinstance(row, dict) for row in value["observations"]):  # ids alone
        yield line, dict(trace)
        return
    given = {_TRACE + name: trace.get(name) for name in _FROM_TRACE}
    for place, row in page_rows(line, value, ("observations",)):
        yield place, {**given, **row} if isinstance(row, dict) else row


_TRACE = "trace:"
_FROM_TRACE = ("name", "sessionId", "userId", "tags", "release")


def _id(row: Row) -> str:
    return text(row.get("id"))


def _parent(row: Row) -> str:
    return text(first(row, "parentObservationId", "parent_observation_id"))


def _learn(spans: Spans, row: object) -> None:
    if isinstance(row, dict) and _id(row):
        session = text(first(row, "sessionId", "session_id"))
        kind = text(row.get("type")).lower()
        named = Span(_agent_of(row) or text(row.get("name")), _parent(row), kind, session)
        spans.learn(_id(row), text(first(row, *_TRACE_ID)), named)


def _agent_of(row: Row) -> str:
    """An agent that the instrumentation named."""
    attributes = mapping(as_map(row.get("metadata")).get("attributes"))
    return text(first(attributes, *_AGENT))


def _records(spans: Spans, unfinished: Unfinished, line: int, row: Row) -> Iterator[Record]:
    kind = text(row.get("type")).upper()
    if kind == "GENERATION":
        call = _call(line, row, spans)
        ended = first(row, "output", "endTime", "end_time") is not None
        yield from unfinished.settle(call, ended or any(call.usage.leaves))
    elif kind or _is_trace(row) or _is_score(row):
        yield Skipped(line, kind.lower() or "trace or score", _id(row), _parent(row))
    elif not row.keys().isdisjoint(("observations", "htmlPath", "sessionId")):
        yield Skipped(line, "trace", _id(row))
    else:
        yield rejected(line, "no type of observation", row)


def _call(line: int, row: Row, spans: Spans) -> Call:
    metadata, params = (
        as_map(row.get("metadata")),
        as_map(first(row, "modelParameters", "model_parameters")),
    )
    asked, body = chat_request(row.get("input")), chat_answer(row.get("output"))
    call = call_of(
        line, read_request(asked) if asked else None, read_response(body) if body else None
    )
    if not any(call.usage.leaves):
        call.usage = counted(call.usage, usage_of(row))
    call.id, call.parent_id, call.span = _id(row), _parent(row), True
    call.key = call.key or call.id
    _model(call, row, metadata)
    _settings(call, params)
    _times(call, row)
    _places(call, row, metadata, spans)
    call.recorded_usd = amount(*recorded(row)) or call.recorded_usd
    call.note = _unnamed(row, call)
    if text(row.get("level")).upper() == "ERROR":
        fail(call, text(first(row, "statusMessage", "status_message")) or "error")
    return call


def _unnamed(row: Row, call: Call) -> str:
    """A total above its parts: tokens that the writer did not name (thinking, as a rule)."""
    total = numeric(as_map(first(row, "usageDetails", "usage_details")).get("total"))
    known = call.usage.input_tokens + call.usage.output_tokens
    if total is None or not known or total <= known:
        return ""
    return f"{total - known:.0f} tokens of the total have no name, and are not billed"


def _model(call: Call, row: Row, metadata: Body) -> None:
    named = text(first(row, "providedModelName", "provided_model_name", "model"))
    # Vertex names a model by its whole path.
    named = named.rpartition("/models/")[2] if named.startswith("projects/") else named
    call.model = call.model or named
    call.request_model = named or call.request_model
    attributes = mapping(metadata.get("attributes"))
    told = text(metadata.get("ls_provider")) or text(first(attributes, *_PROVIDER))
    call.provider = _provider(told.lower(), call.model) or call.provider or maker(call.model)


def _provider(told: str, model: str) -> str:
    """Vercel's AI SDK names the API too (`openai.responses`), Google's ADK the kit alone."""
    if told == "gcp.vertex.agent":
        return maker(model)
    who, _, api = told.rpartition(".")
    return who if api in _APIS else told


def _settings(call: Call, params: Body) -> None:
    if call.max_tokens is None:
        call.max_tokens = parameter(first(params, "max_tokens", "max_completion_tokens"))
    if call.temperature is None:
        call.temperature = numeric(params.get("temperature"))
    call.settings = call.settings or settings_of({k: plain(v) for k, v in params.items()})
    asked = tier(params.get("service_tier"))
    if call.service_tier == "default" and asked:
        call.service_tier = asked


def _times(call: Call, row: Row) -> None:
    begin = time_us(first(row, "startTime", "start_time"))
    end = time_us(first(row, "endTime", "end_time"))
    call.at_us = begin if begin is not None else call.at_us
    updated = time_us(first(row, "updatedAt", "updated_at"))
    call.version_us = updated if updated is not None else end
    seconds = numeric(row.get("latency"))
    call.latency_ms = span_ms(begin, end)
    if call.latency_ms is None and seconds is not None:
        call.latency_ms = seconds * 1000
    call.ttft_ms = span_ms(
        begin, time_us(first(row, "completionStartTime", "completion_start_time"))
    )
    call.stream = call.stream or call.ttft_ms is not None


def _places(call: Call, row: Row, metadata: Body, spans: Spans) -> None:
    above = spans.above(call.parent_id)
    named, attributes = labels(metadata, _NOT_LABELS), mapping(metadata.get("attributes"))
    trace = {name: row.get(_TRACE + name) for name in _FROM_TRACE}
    told = [first(row, "sessionId", "session_id"), trace["sessionId"], session_of(named)]
    told += [*map(attributes.get, _SESSIONS), *(s.session for s in above)]
    told += [spans.session(text(first(row, *_TRACE_ID))), first(row, *_TRACE_ID)]
    call.session_id = next((s for s in map(text, told) if s), "")
    call.user = text(first(row, "userId", "user_id")) or text(trace["userId"])
    call.user = call.user or text(attributes.get("user.id")) or call.user
    call.project = text(first(row, "projectId", "project_id"))
    call.tags = texts(first(row, "traceTags", "tags") or trace["tags"])
    name = text(row.get("name"))
    call.agent = _agent_of(row) or named.get("agent", "")
    call.agent = call.agent or next((s.name for s in above if s.kind == "agent"), "")
    call.task = named.get("task") or named.get("langgraph_node") or name
    place = {"name": name, "environment": text(row.get("environment"))}
    add_labels(call, {**{k: v for k, v in place.items() if v}, **named})
    root = text(first(row, "traceName", "trace_name")) or text(trace["name"])
    call.agent = call.agent or root or (above[-1].name if above else "")


SOURCE = Langfuse()
