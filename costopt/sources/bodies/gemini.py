"""Gemini generateContent, in camel case (the wire) and snake case (the Python SDK).

Cached tokens lie inside the prompt, tool-use prompts beside it, thoughts beside the candidates
unless the total says they are inside. Fields: python-genai 3.4 `types.py`
GenerateContentResponseUsageMetadata (https://github.com/googleapis/python-genai, checked 2026-11-24).
"""

from __future__ import annotations

import re
from typing import Any

from costopt.model.call import Segment, SegmentKind, Usage, missing_usage
from costopt.model.usage import Counts, as_count, inside
from costopt.sources.bodies.parts import Body, ResponseParts, items, mapping, text, tier, time_us
from costopt.sources.bodies.segments import ROLES, Names, content


def either(value: Body, camel: str) -> Any:
    """A field by its camel case name, or by the snake case one."""
    found = value.get(camel)
    if found is not None:
        return found
    return value.get(re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), camel))


def message(out: list[Segment], value: object, names: Names) -> None:
    """One entry of `contents`, or a system instruction."""
    if not isinstance(value, dict):
        content(out, value, SegmentKind.USER, names)
        return
    kind = ROLES.get(text(value.get("role")).lower(), SegmentKind.USER)
    if "parts" in value:
        content(out, value["parts"], kind, names)
    else:
        content(out, {k: v for k, v in value.items() if k != "role"}, kind, names)


def usage(value: Body, *, searches: int = 0) -> Usage:
    """Counts of a usageMetadata object. Raises UsageContradiction."""
    prompt, total = either(value, "promptTokenCount"), either(value, "totalTokenCount")
    if prompt is None and total is None:
        return missing_usage()
    prompt = as_count(prompt, "promptTokenCount")
    tool_use = as_count(either(value, "toolUsePromptTokenCount"), "toolUsePromptTokenCount")
    shown = _candidates(value)
    thoughts = as_count(either(value, "thoughtsTokenCount"), "thoughtsTokenCount")
    read = either(value, "cachedContentTokenCount")
    if total and not (prompt or read or tool_use or shown or thoughts):
        return missing_usage()  # a sum without its parts: something was charged, nobody says what
    # Some routes count the thoughts among the candidates already; only the total can tell.
    thoughts_inside = total is not None and prompt + tool_use + shown == as_count(total, "total")
    given, cached = _modal(value, "promptTokensDetails"), _modal(value, "cacheTokensDetails")
    tools, made = (
        _modal(value, "toolUsePromptTokensDetails"),
        _modal(value, "candidatesTokensDetails"),
    )
    counts = Counts(
        input=prompt + tool_use,
        read=read,
        output=shown if thoughts_inside else shown + thoughts,
        reasoning=thoughts,
        audio_in=given.get("AUDIO", 0) + tools.get("AUDIO", 0),
        audio_read=cached.get("AUDIO", 0),
        image_in=given.get("IMAGE", 0) + tools.get("IMAGE", 0),
        audio_out=made.get("AUDIO", 0),
        image_out=made.get("IMAGE", 0),
        web_searches=searches,
    )
    return inside(counts)


def _candidates(value: Body) -> int:
    shown = either(value, "candidatesTokenCount")
    # The Live API says responseTokenCount.
    shown = either(value, "responseTokenCount") if shown is None else shown
    return as_count(shown, "candidatesTokenCount")


def _modal(value: Body, name: str) -> dict[str, int]:
    """Tokens by modality: they split the count that they belong to, and add nothing to it."""
    found: dict[str, int] = {}
    for row in items(either(value, name)):
        row = mapping(row)
        kind = text(row.get("modality")).upper().rpartition(".")[2]
        found[kind] = found.get(kind, 0) + as_count(either(row, "tokenCount"), name)
    return found


def response(body: Body) -> ResponseParts:
    """A GenerateContentResponse. A blocked prompt has no candidates and is billed for its prompt."""
    parts = ResponseParts(text(either(body, "responseId")), provider="google")
    parts.key = parts.id
    parts.model = text(either(body, "modelVersion")).removeprefix("models/")
    parts.at_us = time_us(either(body, "createTime"))
    names: Names = {}
    for candidate in items(body.get("candidates")):
        candidate = mapping(candidate)
        said = mapping(candidate.get("content"))
        content(parts.segments, said.get("parts"), SegmentKind.ASSISTANT, names)
        reason = text(either(candidate, "finishReason")).rpartition(".")[2]
        parts.finish = parts.finish or reason
    blocked = text(either(mapping(either(body, "promptFeedback")), "blockReason"))
    parts.finish = parts.finish or blocked
    counts = either(body, "usageMetadata")
    if isinstance(counts, dict) and counts:
        parts.usage = usage(counts, searches=_searches(body, parts.model))
        parts.service_tier = tier(text(either(counts, "trafficType")).rpartition(".")[2])
    return parts


def _searches(body: Body, model: str) -> int:
    """Grounding: Gemini 3 charges each query, earlier models each grounded prompt.

    https://ai.google.dev/gemini-api/docs/pricing, checked 2026-11-24.
    """
    found = 0
    for candidate in items(body.get("candidates")):
        grounding = mapping(either(mapping(candidate), "groundingMetadata"))
        found += len(items(either(grounding, "webSearchQueries")))
    by_prompt = model.startswith(("gemini-1", "gemini-2"))
    return min(found, 1) if by_prompt else found
