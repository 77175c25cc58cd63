"""Ollama's own API: counts lie on the body itself, and are left out where they are unknown.

`prompt_eval_count` holds the cached part. Without it the input is unknown, not zero.
Fields: ollama `api/types.go` Metrics (https://github.com/ollama/ollama, checked 2026-11-24).
"""

from __future__ import annotations

from costopt.model.call import Segment, SegmentKind, Usage, missing_usage
from costopt.model.usage import Counts, inside
from costopt.sources.bodies.openai_chat import message
from costopt.sources.bodies.parts import Body, ResponseParts, number, text, time_us


def usage(body: Body) -> Usage:
    """Counts of a finished answer. Raises UsageContradiction."""
    if body.get("prompt_eval_count") is None:
        return missing_usage()
    return inside(
        Counts(
            input=body["prompt_eval_count"],
            read=body.get("prompt_eval_cached_count"),
            output=body.get("eval_count"),
        )
    )


def response(body: Body) -> ResponseParts:
    """An answer of /api/chat or /api/generate. Raises UsageContradiction."""
    parts = ResponseParts(provider="ollama")
    parts.model = text(body.get("model"))
    parts.finish = text(body.get("done_reason"))
    finished_us, duration_ns = time_us(body.get("created_at")), number(body.get("total_duration"))
    if duration_ns is not None:
        parts.latency_ms = duration_ns / 1e6
        # No id anywhere: these three together name a call.
        parts.key = f"ollama|{parts.model}|{body.get('created_at')}|{body.get('total_duration')}"
        if finished_us is not None:  # `created_at` of the last line is the end of the answer
            finished_us -= round(duration_ns / 1000)
    parts.at_us = finished_us
    said = body.get("message")
    if isinstance(said, dict):
        message(parts.segments, said if "role" in said else {**said, "role": "assistant"}, {})
    else:
        _generated(parts, body)
    parts.usage = usage(body)
    return parts


def _generated(parts: ResponseParts, body: Body) -> None:
    for field, kind in (("thinking", SegmentKind.REASONING), ("response", SegmentKind.ASSISTANT)):
        words = body.get(field)
        if isinstance(words, str) and words:
            parts.segments.append(Segment(kind, words))
