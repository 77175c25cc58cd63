"""Bedrock Converse: cached tokens stand beside `inputTokens`; the body has no id, model or time.

Fields: botocore `bedrock-runtime/2023-09-30/service-2.json` TokenUsage, CacheDetail
(https://github.com/boto/botocore, checked 2026-11-24).
"""

from __future__ import annotations

from costopt.model.call import SegmentKind, Usage, UsageContradiction, missing_usage
from costopt.model.usage import Counts, as_count, inside, outside
from costopt.sources.bodies.parts import Body, ResponseParts, items, mapping, number, text, tier
from costopt.sources.bodies.segments import Names, content


def usage(value: Body) -> Usage:
    """Counts of a TokenUsage. Raises UsageContradiction."""
    if value.get("inputTokens") is None:
        return missing_usage()
    # The Vercel AI SDK uses the same two names, with cached input inside.
    if "cachedInputTokens" in value or "reasoningTokens" in value:
        return inside(
            Counts(
                input=value["inputTokens"],
                read=value.get("cachedInputTokens"),
                output=value.get("outputTokens"),
                reasoning=value.get("reasoningTokens"),
            )
        )
    short, long = _writes(value)
    return outside(
        Counts(
            input=value["inputTokens"],
            read=value.get("cacheReadInputTokens"),
            write_5m=short,
            write_1h=long,
            output=value.get("outputTokens"),
        )
    )


def _writes(value: Body) -> tuple[int, int]:
    flat = as_count(value.get("cacheWriteInputTokens"), "cache writes")
    by_ttl: dict[str, int] = {}
    for row in items(value.get("cacheDetails")):
        row = mapping(row)
        ttl = text(row.get("ttl"))
        by_ttl[ttl] = by_ttl.get(ttl, 0) + as_count(row.get("inputTokens"), "cache writes")
    if not by_ttl:
        return flat, 0
    if sum(by_ttl.values()) != flat or set(by_ttl) - {"5m", "1h"}:
        raise UsageContradiction(f"cache writes are {flat}, but cacheDetails says {by_ttl}")
    return by_ttl.get("5m", 0), by_ttl.get("1h", 0)


def response(body: Body) -> ResponseParts:
    """A Converse response. Raises UsageContradiction."""
    parts = ResponseParts(provider="bedrock")
    parts.finish = text(body.get("stopReason"))
    parts.latency_ms = number(mapping(body.get("metrics")).get("latencyMs"))
    parts.service_tier = tier(mapping(body.get("serviceTier")).get("type"))
    parts.speed = _speed(body)
    said = mapping(mapping(body.get("output")).get("message"))
    names: Names = {}
    content(parts.segments, said.get("content"), SegmentKind.ASSISTANT, names)
    counts = body.get("usage")
    if isinstance(counts, dict) and counts:
        parts.usage = usage(counts)
    return parts


def _speed(body: Body) -> str:
    latency = text(mapping(body.get("performanceConfig")).get("latency"))
    return "" if latency == "standard" else latency
