"""A `Call` out of a request body, a response body and what the log says around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costopt.model.call import (
    Call,
    CallStatus,
    Segment,
    SegmentKind,
    Usage,
    UsageState,
    missing_usage,
)
from costopt.sources.bodies import streams
from costopt.sources.bodies.parts import RequestParts, ResponseParts
from costopt.sources.bodies.segments import to_json
from costopt.sources.lines import parse
from costopt.sources.sse import DONE, events


def call_of(line: int, asked: RequestParts | None, said: ResponseParts | None) -> Call:
    """The call that a request and its answer make; either may be missing from the log."""
    said = said or ResponseParts()
    call = Call(
        said.key, said.usage, line, said.id,
        parent_id=said.parent_id, at_us=said.at_us, latency_ms=said.latency_ms,
        provider=said.provider, model=said.model, region=said.region, speed=said.speed,
        service_tier=said.service_tier or "default", status=said.status, error=said.error,
        finish=said.finish, recorded_usd=said.recorded_usd, byok=said.byok,
        response=shown(said.segments),
    )  # fmt: skip
    if asked is not None:
        _add_request(call, asked, said)
    if call.status == CallStatus.OK and call.response and counts_nothing(call.usage):
        call.usage = missing_usage()
    return call


def counts_nothing(usage: Usage) -> bool:
    """All zeros: no answer costs that. Proxies and streams write them where they were told no usage."""
    return not (any(usage.leaves) or usage.extra or usage.web_searches or usage.state)


def _add_request(call: Call, asked: RequestParts, said: ResponseParts) -> None:
    call.request_model = asked.model
    call.model = call.model or asked.model
    call.service_tier = said.service_tier or asked.service_tier or "default"
    call.max_tokens, call.temperature = asked.max_tokens, asked.temperature
    call.stream, call.prompt_cache_key = asked.stream, asked.prompt_cache_key
    call.user, call.settings = asked.user, asked.settings
    if asked.has_content:
        call.request = shown(asked.segments)


# What writers put where the text was: LiteLLM with `turn_off_message_logging`
# (https://docs.litellm.ai/docs/proxy/logging), OpenInference with OPENINFERENCE_HIDE_INPUTS
# (https://arize-ai.github.io/openinference/spec/configuration.html), both checked 2026-11-24, and others.
_PLACEHOLDERS = frozenset(("redacted", "redacted-by-litellm", "redacted by litellm", "omitted"))
_LONGEST = 24


def shown(segments: list[Segment] | None) -> list[Segment] | None:
    """The blocks whose text the log keeps; None where it keeps no words, or only tool schemas."""
    if not segments or (segments[-1].text and not _is_placeholder(segments[-1])):
        return segments or None  # the usual log, which hides nothing
    kept = [s for s in segments if not _is_placeholder(s)]
    told = any(s.kind != SegmentKind.TOOLS and (s.text or s.digest) for s in kept)
    return kept if told else None


def _is_placeholder(segment: Segment) -> bool:
    text = segment.text
    return 0 < len(text) <= _LONGEST and text.strip("[]<>(){}_* ").lower() in _PLACEHOLDERS


def fail(call: Call, error: str) -> None:
    """The log around the bodies says that the call failed: it costs what was reported, else nothing."""
    call.status = CallStatus.FAILED
    call.error = call.error or error
    if call.usage.state:
        call.usage = Usage()


def answer_from_cache(call: Call, key: str) -> None:
    """The user's own gateway answered: nothing was charged. `key`: the stored answer bears another's id."""
    call.status, call.recorded_usd, call.key = CallStatus.GATEWAY_HIT, None, key
    if call.usage.state == UsageState.MISSING:
        call.usage = Usage()


def body_of(value: object) -> dict[str, Any] | None:
    """A body as logs keep it: an object, JSON text, event-stream text, or the list of its chunks."""
    if isinstance(value, str):
        value = _from_text(value)
    if isinstance(value, list):
        whole = streams.merged(value)
        value = whole[-1] if whole else None
    return value if isinstance(value, dict) else None


def _from_text(value: str) -> object:
    head = value.lstrip()[:6]
    if head.startswith(("data:", "event:")):
        lines = value.encode("utf-8", "surrogatepass").split(b"\n")
        return [e for _, e in events(lines) if isinstance(e, dict) and e is not DONE]
    if not head.startswith(("{", "[")):
        return None
    try:
        return parse(value.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None


def flat(metadata: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str]:
    """Metadata as flat text: nested names joined by dots, lists as JSON, null left out."""
    found: dict[str, str] = {}
    for name, value in metadata.items():
        if isinstance(value, str):
            found[prefix + name] = value
        elif isinstance(value, dict) and depth < 4:
            found.update(flat(value, f"{prefix}{name}.", depth + 1))
        elif value is not None:
            found[prefix + name] = to_json(value)
    return found
