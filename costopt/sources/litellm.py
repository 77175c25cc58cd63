"""LiteLLM: the proxy's spend logs (API, SQL or CSV dump) and the payload its loggers write.

```json
{"request_id": "chatcmpl-1", "call_type": "acompletion", "spend": 0.0034, "model": "gpt-4o", "prompt_tokens": 1700, "completion_tokens": 40}
```

* Counts come from the response body, else `usage_object`, else the row. LiteLLM puts cache reads and
  writes inside `prompt_tokens`, for Anthropic too.
* `cache_hit` (a truth value, or the text "True"): answered by the proxy's own cache. The row keeps the
  counts of the call it repeats; nothing was charged, and it is no duplicate.
* Zero tokens on a success mean unknown; a spend of zero means no price.
* Failed rows cost nothing. Retries and fallbacks share a trace and are calls of their own.
* Embeddings, images, audio, reranking and tools are no chat calls, and are skipped. A batch that was
  fetched is one row with the cost of all its requests.
* The summary of `/spend/logs` (one row a day) holds no calls: ask for `summarize=false`.
* Text that was cut (`litellm_truncated`) is left out: half a prompt proves nothing about the whole one.

The model asked for is the model group, the model served that of the response, else of the row. The tenant
is the team. Not in the export: text, unless the proxy stores prompts. Fields: litellm 1.109
`types/utils.py` StandardLoggingPayload, `proxy/schema.prisma` LiteLLM_SpendLogs
(https://github.com/BerriAI/litellm, checked 2026-11-24).
"""  # noqa: E501 - one line of a log is one line

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from costopt.model.call import Call, Record, Segment, Skipped, Usage, missing_usage
from costopt.model.usage import as_count
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
    parameter,
    rows,
    span_ms,
    texts,
)
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import read_request, read_response, usage_from
from costopt.sources.bodies.build import answer_from_cache, body_of, call_of, fail
from costopt.sources.bodies.parts import Body, error_text, mapping, text, tier, time_us
from costopt.sources.lines import rejected

PAGES = ("data",)
PAYLOAD = "standard_logging_object"
TRUNCATED = "litellm_truncated"
_PAYLOAD_MARKS = frozenset(("model_map_information", "hidden_params", "response_cost"))
_ROW_MARKS = frozenset(("spend", "call_type"))
_DAY_MARKS = frozenset(("startTime", "spend", "users", "models"))
# Words of call types (each also with an `a` in front) that are not answered by a chat model.
_NO_CHAT = ("embedding", "image", "speech", "transcription", "moderation", "rerank", "mcp", "file",
            "batch", "vector_store", "video", "ocr", "search", "container", "assistant",
            "thread")  # fmt: skip
_TOP_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


class LiteLLM:
    """SpendLogs rows and StandardLoggingPayload records."""

    name = "litellm"
    title = "LiteLLM spend logs and logging payloads"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By the fields of a row or of a payload."""
        for row in map(_payload, head_rows(head, PAGES)):
            if "request_id" in row and row.keys() >= _ROW_MARKS:
                return Confidence.SURE, "rows with request_id, call_type and spend"
            if "litellm_call_id" in row and not row.keys().isdisjoint(_PAYLOAD_MARKS):
                return Confidence.SURE, "payloads with litellm_call_id"
            if row.keys() >= _DAY_MARKS:
                return Confidence.LIKELY, "daily sums of spend, which hold no calls"
        return Confidence.NO, "no record with litellm_call_id, or with request_id and spend"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call a row."""
        for line, value in rows(file, PAGES):
            yield from guarded(line, value, _records)


def _payload(row: Row) -> Row:
    """The payload inside a callback's arguments, or the record itself."""
    inner = row.get(PAYLOAD)
    return inner if isinstance(inner, dict) else row


def _records(line: int, value: Row) -> Iterator[Record]:
    row = _payload(value)
    kind = text(row.get("call_type"))
    id = text(first(row, "request_id", "id", "litellm_call_id"))
    if row.keys() >= _DAY_MARKS:
        yield Skipped(line, "daily sum")
    elif not kind and not id:
        yield rejected(line, "neither an id nor a call_type", value)
    elif any(word in kind for word in _NO_CHAT) and not _is_billed_batch(kind, row):
        yield Skipped(line, kind, id)
    else:
        yield _call(line, row, id)


def _is_billed_batch(kind: str, row: Row) -> bool:
    """When a batch is fetched, its whole cost is logged in one row."""
    return "retrieve_batch" in kind and amount(first(row, "response_cost", "spend")) is not None


def _call(line: int, row: Row, id: str) -> Call:
    metadata, hidden = as_map(row.get("metadata")), as_map(row.get("hidden_params"))
    body, provider = body_of(row.get("response")), text(row.get("custom_llm_provider")).lower()
    asked = _request(row)
    said = read_response(body, provider=provider) if body else None
    call = call_of(line, read_request(asked) if asked else None, said)
    call.usage = counted(call.usage, _usage(row, call.usage, hidden, metadata, provider))
    call.id = id or call.id
    call.key = call.key or call.id
    call.provider = provider or call.provider
    call.model = call.model if said and said.model else text(row.get("model")) or call.model
    call.request_model = text(row.get("model_group")) or text(row.get("model"))
    call.request, call.response = _whole(call.request), _whole(call.response)
    _times(call, row)
    _places(call, row, metadata)
    _outcome(call, row, metadata)
    return call


def _request(row: Row) -> dict[str, Any] | None:
    """Messages and settings; or the proxy's own copy of the request, where prompts are stored."""
    settings = dict(as_map(row.get("model_parameters")))
    messages = decoded(row.get("messages"))
    stored = as_map(row.get("proxy_server_request"))
    if messages:
        return {**stored, **settings, "messages": messages, "model": row.get("model")}
    if stored:
        return {**settings, **stored}
    return {**settings, "model": row.get("model")} if settings else None


def _whole(segments: list[Segment] | None) -> list[Segment] | None:
    cut = not segments or any(TRUNCATED in s.text for s in segments)
    return None if cut else segments


def _usage(row: Row, of_body: Usage, hidden: Body, metadata: Body, provider: str) -> Usage:
    """The most detailed counts that say anything. Raises UsageContradiction."""
    if any(of_body.leaves):
        return of_body
    top = {name: numeric(row.get(name)) for name in _TOP_COUNTS}
    top = {name: value for name, value in top.items() if value is not None}
    told = [as_map(m.get("usage_object")) for m in (hidden, metadata)]
    told += [{**top, **as_map(metadata.get("additional_usage_values"))}, top]
    for value in told:
        usage = usage_from(dict(value), provider=provider, model=text(row.get("model")))
        if any(usage.leaves):
            return usage
    as_count(row.get("prompt_tokens"), "prompt_tokens")  # damage is not the same as nothing
    return missing_usage()


def _times(call: Call, row: Row) -> None:
    begin, end = time_us(_time(row, "startTime")), time_us(_time(row, "endTime"))
    token = time_us(_time(row, "completionStartTime"))
    call.at_us = begin
    call.version_us = end if end is not None else begin
    seconds, millis = numeric(row.get("response_time")), numeric(row.get("request_duration_ms"))
    told = seconds * 1000 if seconds else millis
    call.latency_ms = span_ms(begin, end) if told is None else told
    # Without a stream LiteLLM writes the end here.
    if token is not None and token != end:
        call.ttft_ms = span_ms(begin, token)
    call.stream = call.stream or row.get("stream") is True or call.ttft_ms is not None


def _time(row: Row, name: str) -> object:
    """A time; in a dump epoch seconds may be text."""
    return first(row, name, name.lower())


def _places(call: Call, row: Row, metadata: Body) -> None:
    own = {
        **labels(metadata.get("requester_metadata")),
        **labels(metadata.get("spend_logs_metadata")),
    }
    rest = labels(metadata, _NOT_LABELS)
    call.session_id = text(first(row, "session_id", "trace_id"))
    call.api_key_hash = _hashed(text(row.get("api_key")) or text(metadata.get("user_api_key_hash")))
    call.tenant = text(row.get("team_id")) or text(metadata.get("user_api_key_team_id"))
    call.workspace = text(row.get("organization_id")) or text(metadata.get("user_api_key_org_id"))
    call.user = text(row.get("end_user")) or text(metadata.get("user_api_key_end_user_id"))
    call.user = call.user or text(row.get("user")) or text(metadata.get("user_api_key_user_id"))
    call.agent = text(row.get("agent_id")) or own.get("agent", "")
    tags = texts(row.get("request_tags"))
    call.tags = tuple(t for t in tags if not t.startswith("User-Agent"))
    places = {n: text(row.get(n)) for n in ("call_type", "model_id", "api_base", "trace_id")}
    add_labels(call, {**{n: v for n, v in places.items() if v}, **rest, **own})


def _hashed(key: str) -> str:
    """LiteLLM keeps the SHA-256 of a key; early versions kept the key."""
    secret = key.startswith("sk-")
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest() if secret else key


_NOT_LABELS = frozenset(
    ("user_api_key", "headers", "usage_object", "additional_usage_values", "error_information",
     "spend_logs_metadata", "requester_metadata", "model_map_information", "cost_breakdown",
     "proxy_server_request", "mcp_tool_call_metadata", "vector_store_request_metadata",
     "guardrail_information", "cold_storage_object_key", "requester_ip_address",
     "requester_custom_headers")
)  # fmt: skip


def _outcome(call: Call, row: Row, metadata: Body) -> None:
    """Tier, cost, failure, and an answer of the proxy's own cache."""
    call.recorded_usd = amount(first(row, "response_cost", "spend"))
    asked = tier(as_map(row.get("model_parameters")).get("service_tier"))
    if call.service_tier == "default" and asked:
        call.service_tier = asked
    if _is_billed_batch(text(row.get("call_type")), row):
        call.service_tier, call.note = "batch", "a whole batch in one row"
    if call.max_tokens is None:
        call.max_tokens = parameter(as_map(row.get("model_parameters")).get("max_tokens"))
    error = as_map(row.get("error_information")) or as_map(metadata.get("error_information"))
    states = (text(row.get("status")), text(metadata.get("status")))
    if "failure" in states or row.get("error_str"):
        fail(call, text(row.get("error_str")) or _error(error) or "failure")
    if _is_hit(row.get("cache_hit")):
        made = f"{text(row.get('litellm_call_id'))}|{call.at_us}"
        own = "_cache_hit" in call.id
        answer_from_cache(call, call.id if own else f"hit|{call.id}|{made}")


def _is_hit(value: object) -> bool:
    return value is True or text(value).lower() in ("true", "t")


def _error(error: Body) -> str:
    words = [text(error.get(n)) for n in ("error_class", "error_code", "error_message")]
    return ": ".join(filter(None, words)) or error_text(mapping(error))


SOURCE = LiteLLM()
