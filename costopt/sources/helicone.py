"""Helicone requests: from the API, the export tool (JSON, JSONL, CSV) or the dashboard.

```json
{"request_id": "1", "response_id": "2", "provider": "OPENAI", "response_status": 200, "request_body": {}, "response_body": {}, "cost": 0.003}
```

* Counts of the provider's body come first. Those of the row leave out cached and reasoning tokens; older
  rows kept the provider's own numbers, which the row cannot tell.
* A cache reference other than zeros: answered by Helicone's own cache. Nothing was charged.
* A status of 400 and above, or zero and below (cancelled), is a failed call.
* Null or zero tokens on a success mean unknown; a cost of zero means no price.
* The session is `Helicone-Session-Id`, the task its path, the workflow its name; other properties are kept
  as metadata. Times without a zone are UTC.
* An export that was interrupted and resumed repeats rows, and is not valid JSON: both are put right.
* The CSV of the export tool has no request id, no response and no cached tokens: its calls count all input
  as fresh. A body that was moved to storage is a placeholder: such a call has its counts and no text.

Fields: `packages/llm-mapper/types.ts`, `examples/export/typescript/index.ts`
(https://github.com/Helicone/helicone, checked 2026-11-24).
"""  # noqa: E501 - one line of a log is one line

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.model.call import Call, Record, Usage, missing_usage
from costopt.model.usage import Counts, as_count
from costopt.sources._counts import settled
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
    rows,
    span_ms,
)
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import read_request, read_response
from costopt.sources.bodies.build import answer_from_cache, body_of, call_of, fail
from costopt.sources.bodies.parts import Body, error_text, mapping, text, time_us
from costopt.sources.lines import rejected

PAGES = ("data",)
_SESSION = ("helicone-session-id", "helicone-session-path", "helicone-session-name")
_ROW = frozenset(("request_id", "response_id"))
_MARKS = frozenset(("request_model", "signed_body_url", "request_properties", "cache_reference_id",
                    "target_url", "request_created_at"))  # fmt: skip
_TABLE = frozenset(("response_id", "response_created_at", "request_created_at"))


class Helicone:
    """Rows of Helicone's request table, whichever way they were exported."""

    name = "helicone"
    title = "Helicone requests"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By the fields of a row, of the export tool's table, or of the dashboard's record."""
        for row in head_rows(head, PAGES):
            if "heliconeMetadata" in row:
                return Confidence.SURE, "records with heliconeMetadata"
            if row.keys() >= _ROW and not row.keys().isdisjoint(_MARKS):
                return Confidence.SURE, "rows with request_id, response_id and request_model"
            if row.keys() >= _TABLE:
                return Confidence.SURE, "a table with response_id and request_created_at"
        return Confidence.NO, "no request_id with response_id, and no heliconeMetadata"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call a row."""
        for line, value in rows(file, PAGES):
            yield from guarded(line, value, _records)


def _records(line: int, value: Row) -> Iterator[Record]:
    row = _mapped(value) if "heliconeMetadata" in value else value
    if first(row, "request_id", "response_id") is None:
        yield rejected(line, "neither request_id nor response_id", value)
    else:
        yield _call(line, row)


# The dashboard's names for the columns of a row.
_MAPPED = (
    ("request_id", "requestId"), ("request_created_at", "createdAt"), ("request_user_id", "user"),
    ("provider", "provider"), ("delay_ms", "latency"), ("time_to_first_token", "timeToFirstToken"),
    ("prompt_tokens", "promptTokens"), ("completion_tokens", "completionTokens"),
    ("total_tokens", "totalTokens"), ("reasoning_tokens", "reasoningTokens"),
    ("prompt_cache_read_tokens", "promptCacheReadTokens"),
    ("prompt_cache_write_tokens", "promptCacheWriteTokens"),
    ("cache_reference_id", "cacheReferenceId"), ("cost", "cost"),
    ("request_properties", "customProperties"), ("target_url", "path"),
)  # fmt: skip


def _mapped(value: Row) -> Row:
    """A record of the dashboard as a row."""
    told, raw = as_map(value["heliconeMetadata"]), as_map(value.get("raw"))
    row: Row = {name: told.get(other) for name, other in _MAPPED}
    status = as_map(told.get("status"))
    row["response_status"] = status.get("code")
    if text(status.get("statusType")) == "cached":
        row["cache_reference_id"] = row["cache_reference_id"] or "cached"
    row["request_model"] = value.get("model")
    row["request_id"] = first(row, "request_id") or value.get("id")
    row["request_body"], row["response_body"] = raw.get("request"), raw.get("response")
    return row


def _call(line: int, row: Row) -> Call:
    asked, body = _body(row.get("request_body")), _body(row.get("response_body"))
    provider = text(row.get("provider")).lower()
    said = read_response(body, provider=provider) if body else None
    call = call_of(line, read_request(asked) if asked else None, said)
    if not any(call.usage.leaves):
        call.usage = counted(call.usage, _columns(row))
    call.id = text(first(row, "request_id", "response_id"))
    call.key = call.key or text(first(row, "response_id", "request_id"))
    call.provider = _provider(provider, call.provider)
    named = text(first(row, "request_model", "model", "model_override"))
    call.model = said.model if said and said.model else named or call.model
    call.request_model = call.request_model or named
    _times(call, row)
    _places(call, row)
    _outcome(call, row, body)
    return call


def _body(value: Any) -> dict[str, Any] | None:
    """A provider's body: an object or JSON text, whose quotes the export tool doubles once too often."""
    found = body_of(decoded(value))
    if found is None and isinstance(value, str) and '""' in value:
        found = body_of(decoded(value.replace('""', '"')))
    if found is None or "helicone_message" in found:
        return None
    streamed = found.get("streamed_data")
    if streamed:
        return body_of(decoded(streamed)) or found
    return found


def _properties(value: Any) -> Body:
    found = as_map(value)
    if not found and isinstance(value, str) and '""' in value:
        found = as_map(value.replace('""', '"'))
    return found


_COUNTS = (
    "prompt_tokens", "prompt_cache_read_tokens", "prompt_cache_write_tokens", "prompt_audio_tokens",
    "completion_tokens", "completion_audio_tokens", "reasoning_tokens", "total_tokens",
)  # fmt: skip


def _columns(row: Row) -> Usage:
    """Counts of the row, cached and reasoning tokens beside. Raises UsageContradiction."""
    n = {name: as_count(row.get(name), name) for name in _COUNTS}
    given = n["prompt_tokens"] + n["prompt_audio_tokens"]
    made = n["completion_tokens"] + n["completion_audio_tokens"]
    counts = Counts(
        input=given,
        read=n["prompt_cache_read_tokens"],
        write_5m=n["prompt_cache_write_tokens"],
        output=made,
        reasoning=n["reasoning_tokens"],
        audio_in=n["prompt_audio_tokens"],
        audio_out=n["completion_audio_tokens"],
    )
    if not any((given, counts.read, counts.write_5m, made)):
        return missing_usage()
    # The row's total leaves cached tokens out in either convention: it decides about reasoning alone.
    inside = bool(n["total_tokens"]) and n["total_tokens"] == given + made
    return settled(counts, None, cached_inside=False, reasoning_inside=inside)


def _provider(told: str, of_body: str) -> str:
    """Helicone says CUSTOM for a host that it does not know."""
    return of_body if told in ("", "custom", "helicone") else told


def _times(call: Call, row: Row) -> None:
    begin, end = time_us(row.get("request_created_at")), time_us(row.get("response_created_at"))
    call.at_us = begin if begin is not None else call.at_us
    updated = time_us(row.get("updated_at"))
    call.version_us = updated if updated is not None else end
    told = numeric(first(row, "delay_ms", "latency"))
    call.latency_ms = span_ms(begin, end) if told is None else told
    call.ttft_ms = numeric(row.get("time_to_first_token"))
    call.stream = call.stream or call.ttft_ms is not None


def _places(call: Call, row: Row) -> None:
    told = {**_properties(row.get("properties")), **_properties(row.get("request_properties"))}
    named = labels(told)
    folded = {k.lower(): v for k, v in named.items()}
    session, path, name = (folded.get(n, "") for n in _SESSION)
    call.session_id, call.task, call.workflow = session, path, name
    call.user = text(row.get("request_user_id")) or call.user
    add_labels(call, {k: v for k, v in named.items() if k.lower() not in _SESSION})
    call.task = named.get("task") or call.task


def _outcome(call: Call, row: Row, body: Body | None) -> None:
    call.recorded_usd = amount(first(row, "cost", "cost_usd", "costUSD")) or call.recorded_usd
    status = numeric(row.get("response_status"))
    if status is not None and (status >= 400 or status <= 0):
        fail(call, error_text(mapping(body).get("error")) or f"status {int(status)}")
    if text(row.get("cache_reference_id")).strip("0-"):
        answer_from_cache(call, f"hit|{call.id}")


SOURCE = Helicone()
