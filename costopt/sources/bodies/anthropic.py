"""Anthropic Messages: cached tokens stand beside `input_tokens`, never inside.

With `usage.iterations` the bill is the sum of its entries, each at its own model: the top level
leaves out compaction and advisors. Fields: anthropic-sdk-python 2.12 `types/usage.py`,
`types/beta/beta_usage.py` (https://github.com/anthropics/anthropic-sdk-python, checked 2026-11-24).
"""

from __future__ import annotations

from costopt.model.call import Segment, SegmentKind, Usage, UsageContradiction, missing_usage
from costopt.model.leaf import Leaf
from costopt.model.usage import Counts, as_count, outside, refuse_too_many
from costopt.sources.bodies.parts import Body, ResponseParts, items, mapping, text, tier
from costopt.sources.bodies.segments import Names, content


def usage(value: Body, *, model: str = "") -> Usage:
    """Counts of a Messages usage object. Raises UsageContradiction."""
    told = map(mapping, items(value.get("iterations")))
    entries = [e for e in told if e.get("input_tokens") is not None]
    found = _sum_of(entries, model) if entries else _counts(value)
    thought = as_count(
        mapping(value.get("output_tokens_details")).get("thinking_tokens"), "thinking"
    )
    if thought and entries:
        _move_thinking(found, thought)
    searches = mapping(value.get("server_tool_use")).get("web_search_requests")
    found.web_searches = as_count(searches, "web searches")
    return found


def _counts(value: Body) -> Usage:
    if value.get("input_tokens") is None:
        return missing_usage()
    thought = mapping(value.get("output_tokens_details")).get("thinking_tokens")
    short, long = writes(value)
    return outside(
        Counts(
            input=value["input_tokens"],
            read=value.get("cache_read_input_tokens"),
            write_5m=short,
            write_1h=long,
            output=value.get("output_tokens"),
            reasoning=thought,
        )
    )


def writes(value: Body) -> tuple[int, int]:
    """Cache writes for 5 minutes and 1 hour. The split counts where it sums to the flat field."""
    flat = value.get("cache_creation_input_tokens")
    split = value.get("cache_creation")
    if not isinstance(split, dict) or not split:
        return as_count(flat, "cache writes"), 0
    short = as_count(split.get("ephemeral_5m_input_tokens"), "5 minute writes")
    long = as_count(split.get("ephemeral_1h_input_tokens"), "1 hour writes")
    if flat is not None and short + long != as_count(flat, "cache writes"):
        raise UsageContradiction(f"cache writes are {flat}, but 5m + 1h is {short + long}")
    return short, long


def _sum_of(entries: list[Body], model: str) -> Usage:
    """The request's own model in the leaves, other models beside them."""
    own = Usage()
    for entry in entries:
        part = _counts(entry)
        # A fallback that declined is reported and not billed.
        if entry.get("type") == "fallback_message" and not part.output_tokens:
            continue
        other = text(entry.get("model"))
        if other and other != model:
            own.extra.append((other, part.leaves))
        else:
            own.leaves = [a + b for a, b in zip(own.leaves, part.leaves, strict=True)]
    refuse_too_many(own.leaves)
    return own


def _move_thinking(found: Usage, thought: int) -> None:
    """Entries do not split their output; the top level's thinking is part of the own model's."""
    already = found.leaves[Leaf.OUTPUT_REASONING]
    moved = min(max(0, thought - already), found.leaves[Leaf.OUTPUT_TEXT])
    found.leaves[Leaf.OUTPUT_TEXT] -= moved
    found.leaves[Leaf.OUTPUT_REASONING] += moved


def response(body: Body) -> ResponseParts:
    """A message. It carries no time. Raises UsageContradiction."""
    parts = ResponseParts(text(body.get("id")), provider="anthropic")
    parts.key = parts.id
    parts.model = text(body.get("model"))
    parts.finish = text(body.get("stop_reason"))
    names: Names = {}
    content(parts.segments, body.get("content"), SegmentKind.ASSISTANT, names)
    old = body.get("completion")  # the text completions API of 2023
    if isinstance(old, str) and old:
        parts.segments.append(Segment(SegmentKind.ASSISTANT, old))
    counts = body.get("usage")
    if isinstance(counts, dict) and counts:
        parts.usage = usage(counts, model=parts.model)
        told_by(parts, counts)
    return parts


def told_by(parts: ResponseParts, counts: Body) -> None:
    """Tier, speed and place that a usage object states; each changes the price."""
    parts.service_tier = tier(counts.get("service_tier"))
    speed = text(counts.get("speed"))
    parts.speed = "" if speed == "standard" else speed
    geo = text(counts.get("inference_geo"))
    parts.region = "" if geo in ("not_available", "unknown") else geo
