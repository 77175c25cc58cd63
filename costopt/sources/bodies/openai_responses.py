"""OpenAI Responses: items instead of messages, and usage with cache writes by lifetime.

Cached tokens, reads and writes, lie inside `input_tokens`; reasoning inside `output_tokens`.
Fields: openai-python 3.54 `types/responses/response.py`, `response_usage.py`
(https://github.com/openai/openai-python, checked 2026-11-24). LangChain's `usage_metadata` follows
the same convention under other names, and is read here too.
"""

from __future__ import annotations

from costopt.model.call import (
    CallStatus,
    Segment,
    SegmentKind,
    Usage,
    UsageContradiction,
    missing_usage,
)
from costopt.model.usage import Counts, as_count, inside
from costopt.sources.bodies.openai_chat import message, provider_of
from costopt.sources.bodies.parts import (
    Body,
    ResponseParts,
    error_text,
    items,
    mapping,
    number,
    text,
    tier,
    time_us,
)
from costopt.sources.bodies.segments import (
    Names,
    attachment,
    content,
    tool_call,
    tool_result,
)

_CALLS = {"function_call": "arguments", "custom_tool_call": "input", "mcp_call": "arguments"}
_HOSTED = (
    "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call",
    "computer_call", "local_shell_call", "shell_call", "apply_patch_call", "tool_search_call",
)  # fmt: skip


def item(out: list[Segment], value: object, names: Names) -> None:
    """One input or output item; one without a type is a message."""
    if not isinstance(value, dict):
        content(out, value, SegmentKind.USER, names)
        return
    kind = text(value.get("type"))
    if kind == "reasoning":
        _reasoning(out, value, names)
    elif kind in _CALLS:
        tool_call(out, value.get("name"), value.get(_CALLS[kind]), value.get("call_id"), names)
    elif kind.endswith("_output"):
        tool_result(out, value.get("output"), value.get("call_id"), names)
    elif kind in _HOSTED:
        shown = {k: v for k, v in value.items() if k not in ("id", "type", "status", "result")}
        tool_call(out, kind.removesuffix("_call"), shown, value.get("call_id"), names)
    elif "role" in value:
        message(out, value, names)
    else:
        content(out, value, SegmentKind.USER, names)


def _reasoning(out: list[Segment], value: Body, names: Names) -> None:
    inner: list[Segment] = []
    content(inner, value.get("summary"), SegmentKind.REASONING, names)
    content(inner, value.get("content"), SegmentKind.REASONING, names)
    words = "\n".join(s.text for s in inner)
    if words:
        out.append(Segment(SegmentKind.REASONING, words))
    elif isinstance(value.get("encrypted_content"), str):
        out.append(attachment(SegmentKind.REASONING, value["encrypted_content"]))


def usage(value: Body) -> Usage:
    """Counts of a Responses usage object. Raises UsageContradiction."""
    if value.get("input_tokens") is None:
        return missing_usage()
    into = mapping(value.get("input_tokens_details")) or mapping(value.get("input_token_details"))
    out = mapping(value.get("output_tokens_details")) or mapping(value.get("output_token_details"))
    cached = mapping(into.get("cached_tokens_details"))
    counts = Counts(
        input=value["input_tokens"],
        read=_first(into, "cached_tokens", "cache_read"),
        output=value.get("output_tokens"),
        reasoning=_first(out, "reasoning_tokens", "reasoning"),
        audio_in=_first(into, "audio_tokens", "audio"),
        audio_read=cached.get("audio_tokens"),
        image_in=into.get("image_tokens"),
        audio_out=_first(out, "audio_tokens", "audio"),
        image_out=out.get("image_tokens"),
    )
    _writes(counts, into)
    return inside(counts)


def _first(value: Body, *names: str) -> int | None:
    return next((value[n] for n in names if value.get(n) is not None), None)


def _writes(counts: Counts, into: Body) -> None:
    """The aggregate and its split by lifetime are the same tokens once."""
    flat = as_count(_first(into, "cache_write_tokens", "cache_creation"), "cache writes")
    split = mapping(into.get("cache_write_tokens_details")) or into
    counts.write_30m = as_count(split.get("ttl_30m_tokens"), "30 minute writes")
    counts.write_12h = as_count(split.get("ttl_12h_tokens"), "12 hour writes")
    counts.write_5m = as_count(into.get("ephemeral_5m_input_tokens"), "5 minute writes")
    long = _first(into, "ephemeral_1h_input_tokens", "ephemeral_1hr_input_tokens")
    counts.write_1h = as_count(long, "1 hour writes")
    parts = counts.write_30m + counts.write_12h + counts.write_5m + counts.write_1h
    if flat and parts > flat:
        raise UsageContradiction(f"cache writes by lifetime ({parts}) exceed their sum ({flat})")
    # A part of the writes without a stated lifetime stays a write without one. LangChain's
    # `cache_creation` is Anthropic's: five minutes unless the split says otherwise.
    rest = max(0, flat - parts)
    if "cache_creation" in into:
        counts.write_5m += rest
    else:
        counts.write_other = rest


def response(body: Body) -> ResponseParts:
    """A response object. `incomplete` is billed; `failed` and `cancelled` are failed calls."""
    parts = ResponseParts(text(body.get("id")))
    parts.key = parts.id
    parts.model = text(body.get("model"))
    parts.provider = provider_of(body, parts.model)
    parts.at_us = time_us(body.get("created_at"))
    parts.latency_ms = _latency(body)
    parts.service_tier = tier(body.get("service_tier"))
    parts.parent_id = text(body.get("previous_response_id"))
    names: Names = {}
    for value in items(body.get("output")):
        item(parts.segments, value, names)
    counts = body.get("usage")
    if isinstance(counts, dict) and counts:
        parts.usage = usage(counts)
        parts.service_tier = parts.service_tier or tier(counts.get("service_tier"))
    parts.usage.web_searches = _searches(body)
    _outcome(parts, body)
    return parts


def _latency(body: Body) -> float | None:
    begin, end = number(body.get("created_at")), number(body.get("completed_at"))
    # Whole seconds say too little about the duration of one call.
    if begin is None or end is None or end < begin or end == int(end):
        return None
    return (end - begin) * 1000


def _searches(body: Body) -> int:
    told = mapping(mapping(body.get("tool_usage")).get("web_search")).get("num_requests")
    if told is not None:
        return as_count(told, "web searches")
    return sum(1 for o in items(body.get("output")) if mapping(o).get("type") == "web_search_call")


def _outcome(parts: ResponseParts, body: Body) -> None:
    state = text(body.get("status"))
    reason = text(mapping(body.get("incomplete_details")).get("reason"))
    parts.finish = reason or state
    if state in ("failed", "cancelled"):
        parts.status = CallStatus.FAILED
        parts.error = error_text(body.get("error")) or state
