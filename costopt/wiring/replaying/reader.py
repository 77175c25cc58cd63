"""Answers of an endpoint read as the logs are read, so that measured and recorded tokens mean the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from costopt.model.call import CallStatus, Segment, UsageState
from costopt.model.exchange import Answer, Block
from costopt.sources.bodies import family, read_response
from costopt.sources.bodies.chunks import STREAMS
from costopt.sources.bodies.parts import Body, items, mapping
from costopt.sources.bodies.streams import kind_of

# Where a usage object of any spelling says what was read from a cache: at its top, or in its details.
_READ_AT_TOP = (
    "cached_tokens", "cache_read_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens",
    "cacheReadInputTokens", "cachedContentTokenCount",
)  # fmt: skip
_DETAILS = ("prompt_tokens_details", "input_tokens_details")


class SourcesReader:
    """The `BodyReader` over `sources.bodies`."""

    def answer(self, body: Mapping[str, Any], provider: str) -> Answer:
        """Raises ValueError where the body is no answer, or its counts contradict each other."""
        kind = family(body)
        if not kind or not _SAYS.get(kind, _anything)(body):
            raise ValueError("it holds no answer of a known kind")
        parts = read_response(body, provider=provider)
        if parts.status == CallStatus.FAILED:
            raise ValueError(parts.error or "the answer is marked as failed")
        counted = parts.usage.state == UsageState.REPORTED
        return Answer(
            tuple(_block(s) for s in parts.segments), parts.finish,
            tuple(parts.usage.leaves) if counted else None,
            cached_known=counted and tells_cached(body), web_searches=parts.usage.web_searches,
            extra=tuple((model, tuple(leaves)) for model, leaves in parts.usage.extra),
            model=parts.model, service_tier=parts.service_tier, id=parts.id,
        )  # fmt: skip

    def merged(self, events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """All events are of one answer, so ids that differ from chunk to chunk mean nothing here."""
        told = [(kind_of(dict(e)), dict(e)) for e in events]
        kinds = [kind for kind, _ in told if kind in STREAMS]
        if not kinds:
            return None
        stream = STREAMS[kinds[0]]()
        for kind, event in told:
            # A last chunk that holds nothing but usage may lack what tells its family.
            if kind == kinds[0] or (kind == "" and "usage" in event):
                stream.add(event)
        found: dict[str, Any] = stream.body()
        return found


def tells_cached(body: Body) -> bool:
    """The usage has a field for tokens read from a cache, be it 0. Without one nothing is known:
    vLLM without `--enable-prompt-tokens-details`, transformers' and llama.cpp's servers."""
    usage = body.get("usage") or body.get("usageMetadata")
    usage = mapping(usage or mapping(body.get("x_groq")).get("usage"))
    if any(usage.get(name) is not None for name in _READ_AT_TOP):
        return True
    return any(
        mapping(usage.get(name)).get(inner) is not None
        for name in _DETAILS
        for inner in ("cached_tokens", "cache_read_tokens")
    )


def _has_choice(body: Body) -> bool:
    return any("message" in mapping(c) or "text" in mapping(c) for c in items(body.get("choices")))


def _has_content(body: Body) -> bool:
    return isinstance(body.get("content"), list) or isinstance(body.get("completion"), str)


def _anything(body: Body) -> bool:
    return True


_SAYS = {"openai-chat": _has_choice, "anthropic": _has_content}
"""Families that an endpoint speaks, and what makes a body of theirs an answer."""


def _block(segment: Segment) -> Block:
    return Block(segment.kind, segment.text, segment.name, segment.call_id)
