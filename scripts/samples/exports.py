"""The same calls as three observability tools export them, in the shapes of their own documents.

LangSmith: run schema, https://api.smith.langchain.com/docs. Langfuse: observations,
https://api.reference.langfuse.com. Helicone: request rows, https://docs.helicone.ai. Checked 2026-11-24.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

Record = dict[str, Any]
NAMESPACE = uuid.UUID("6f1d3a62-0000-4000-8000-000000000001")
PROJECT = str(uuid.uuid5(NAMESPACE, "project"))


def _uuid(text: str) -> str:
    return str(uuid.uuid5(NAMESPACE, text))


def _moments(record: Record) -> tuple[dt.datetime, dt.datetime]:
    start = dt.datetime.fromisoformat(record["timestamp"].replace("Z", "+00:00"))
    return start, start + dt.timedelta(milliseconds=record["latency_ms"])


def langsmith(records: list[Record]) -> Iterator[Record]:
    """Runs: a chain for each conversation, and below it an `llm` run for each call."""
    by_session: dict[str, list[Record]] = {}
    for record in records:
        by_session.setdefault(record["session_id"], []).append(record)
    for session, calls in by_session.items():
        root = _uuid(session)
        yield _chain(root, session, calls)
        yield from (_llm(root, session, call) for call in calls)


def _naive(at: dt.datetime) -> str:
    return at.replace(tzinfo=None).isoformat(timespec="microseconds")


def _chain(root: str, session: str, calls: list[Record]) -> Record:
    usages = [c["response"]["usage"] for c in calls]
    prompt, completion = (sum(u[k] for u in usages) for k in ("prompt_tokens", "completion_tokens"))
    begin, end = _moments(calls[0])[0], _moments(calls[-1])[1]
    # Like LangSmith itself, the chain carries its children's sum: it is no call.
    return {
        "id": root, "trace_id": root, "name": "support_desk", "run_type": "chain",
        "start_time": _naive(begin), "end_time": _naive(end), "status": "success", "error": None,
        "inputs": {"question": calls[0]["request"]["messages"][-1]["content"]},
        "outputs": {"done": True}, "extra": {"metadata": {"session_id": session}},
        "parent_run_id": None, "parent_run_ids": [], "session_id": PROJECT, "tags": ["prod"],
        "dotted_order": f"{begin:%Y%m%dT%H%M%S%f}Z{root}", "prompt_tokens": prompt,
        "completion_tokens": completion, "total_tokens": prompt + completion,
    }  # fmt: skip


def _llm(root: str, session: str, record: Record) -> Record:
    begin, end = _moments(record)
    body = dict(record["response"])
    usage = body.pop("usage")
    counts = {
        "input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"],
        "total_tokens": usage["total_tokens"],
        "input_token_details": {"cache_read": usage["prompt_tokens_details"]["cached_tokens"]},
        "output_token_details": {"reasoning": 0},
    }  # fmt: skip
    run = _uuid(record["id"])
    return {
        "id": run, "trace_id": root, "name": record["agent"], "run_type": "llm",
        "start_time": _naive(begin), "end_time": _naive(end), "status": "success", "error": None,
        "inputs": record["request"], "outputs": body | {"usage_metadata": counts},
        "extra": {"metadata": {
            "session_id": session, "ls_provider": "openai", "ls_model_name": record["request"]["model"],
            "langgraph_node": record["agent"], "task": record["task"], "tenant": record["tenant"]}},
        "parent_run_id": root, "parent_run_ids": [root], "session_id": PROJECT, "tags": ["prod"],
        "dotted_order": f"{begin:%Y%m%dT%H%M%S%f}Z{root}.{begin:%Y%m%dT%H%M%S%f}Z{run}",
        "prompt_tokens": counts["input_tokens"], "completion_tokens": counts["output_tokens"],
        "total_tokens": counts["total_tokens"],
    }  # fmt: skip


def langfuse(records: list[Record]) -> Record:
    """Observations of one trace: the agent's span, and a generation for each call."""
    trace = _uuid(records[0]["session_id"]).replace("-", "")
    begin, end = _moments(records[0])[0], _moments(records[-1])[1]
    span = _observation(trace, "span", "AGENT", "coder", begin, end) | {"parentObservationId": None}
    rows = [span, *(_generation(trace, span["id"], r) for r in records)]
    return {
        "data": rows,
        "meta": {"page": 1, "limit": 100, "totalItems": len(rows), "totalPages": 1},
    }


def _zulu(at: dt.datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _observation(
    trace: str, key: str, kind: str, name: str, begin: dt.datetime, end: dt.datetime
) -> Record:
    return {
        "id": _uuid(trace + key), "traceId": trace, "type": kind, "name": name,
        "startTime": _zulu(begin), "endTime": _zulu(end), "level": "DEFAULT", "statusMessage": None,
        "latency": round((end - begin).total_seconds(), 3), "metadata": {}, "environment": "production",
        "createdAt": _zulu(end), "updatedAt": _zulu(end), "usageDetails": {}, "costDetails": {},
    }  # fmt: skip


def _generation(trace: str, parent: str, record: Record) -> Record:
    begin, end = _moments(record)
    usage = record["response"]["usage"]
    row = _observation(trace, record["id"], "GENERATION", record["task"], begin, end)
    details = {
        "input": usage["input_tokens"], "cache_read_input_tokens": usage["cache_read_input_tokens"],
        "cache_creation_input_tokens": usage["cache_creation_input_tokens"],
        "output": usage["output_tokens"],
    }  # fmt: skip
    details["total"] = sum(details.values())
    request = record["request"]
    messages = [{"role": "system", "content": request["system"]}, *request["messages"]]
    return row | {
        "parentObservationId": parent, "model": request["model"],
        "modelParameters": {"max_tokens": request["max_tokens"]},
        "input": {"messages": messages, "tools": request["tools"]},
        "output": {"role": "assistant", "content": record["response"]["content"]},
        "usageDetails": details, "metadata": {"agent": record["agent"]},
    }  # fmt: skip


def helicone(records: list[Record]) -> Iterator[Record]:
    """Request rows with both bodies; token columns leave the cached part out, as Helicone's do."""
    for record in records:
        begin, end = _moments(record)
        usage = record["response"]["usage"]
        read = usage["prompt_tokens_details"]["cached_tokens"]
        yield {
            "response_id": _uuid("answer" + record["id"]), "response_body": record["response"],
            "response_created_at": _spaced(end), "response_status": 200,
            "request_id": _uuid(record["id"]), "request_body": record["request"],
            "request_created_at": _spaced(begin), "request_user_id": None,
            "request_properties": {"Helicone-Session-Id": record["session_id"],
                                   "agent": record["agent"], "task": record["task"]},
            "provider": "OPENAI", "delay_ms": int(record["latency_ms"]),
            "request_model": record["response"]["model"], "time_to_first_token": None,
            "prompt_tokens": usage["prompt_tokens"] - read, "prompt_cache_read_tokens": read,
            "prompt_cache_write_tokens": 0, "completion_tokens": usage["completion_tokens"],
            "total_tokens": usage["total_tokens"] - read, "cache_enabled": False,
            "cache_reference_id": "00000000-0000-0000-0000-000000000000",
            "target_url": "https://api.openai.com/v1/chat/completions",
        }  # fmt: skip


def _spaced(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"
