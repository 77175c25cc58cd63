"""What a provider's request and response bodies say, in one shape for every provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from costopt.model.call import CallStatus, Segment, Usage, missing_usage

Body = Mapping[str, Any]


@dataclass(slots=True)
class RequestParts:
    """One request body. Empty text, None: the body does not say."""

    segments: list[Segment] = field(default_factory=list)
    """Blocks in wire order: tools, system, messages."""
    has_content: bool = False
    """False: the body holds no messages (a log without text), so `segments` proves nothing."""
    model: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    stream: bool = False
    service_tier: str = ""
    """The tier asked for, as one of ours; the tier served is in the response."""
    prompt_cache_key: str = ""
    user: str = ""
    settings: str = ""
    """Further parameters, as `model.request_settings` keeps them."""


@dataclass(slots=True)
class ResponseParts:
    """One response body. Empty text, None: the body does not say."""

    id: str = ""
    key: str = ""
    """Identity of the call by the provider's id; empty where the body carries none worth trusting."""
    model: str = ""
    provider: str = ""
    """A guess by the body's own marks; empty rather than wrong."""
    at_us: int | None = None
    latency_ms: float | None = None
    usage: Usage = field(default_factory=missing_usage)
    segments: list[Segment] = field(default_factory=list)
    finish: str = ""
    service_tier: str = ""
    region: str = ""
    speed: str = ""
    recorded_usd: str | None = None
    byok: bool = False
    error: str = ""
    status: CallStatus = CallStatus.OK
    parent_id: str = ""
    """The response that this one continues (`previous_response_id`)."""


_TIERS = {
    "": "", "auto": "", "unspecified": "", "traffic_type_unspecified": "",
    "default": "default", "standard": "default", "standard_only": "default",
    "on_demand": "default", "flex": "flex", "on_demand_flex": "flex", "batch": "batch",
    "priority": "priority", "fast": "priority", "on_demand_priority": "priority",
    "on_demand_offpeak": "offpeak", "provisioned_throughput": "provisioned",
}  # fmt: skip


def tier(value: object) -> str:
    """A provider's tier word as one of ours; an unknown word is kept, so that it is seen unpriced."""
    if not isinstance(value, str):
        return ""
    word = value.lower()
    return _TIERS.get(word, word)


def text(value: object) -> str:
    """A text field of a log: other scalars as text, null and structures as empty."""
    if type(value) is str or value is None:
        return value or ""
    return (
        str(value)
        if isinstance(value, int | float) and value is not True and value is not False
        else ""
    )


def mapping(value: object) -> Body:
    """An object field of a log; null and anything else is empty."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """A list field of a log; null and anything else is empty."""
    return value if isinstance(value, list) else []


_INT32_MAX = 2**31 - 1


def whole(value: object) -> int | None:
    """A parameter that is a positive integer, else None."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _INT32_MAX:
        return value
    return None


def number(value: object) -> float | None:
    """A finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        as_float = float(value)
    except OverflowError:
        return None
    return as_float if abs(as_float) < 1e18 else None


# Seconds, milliseconds, microseconds and nanoseconds since 1970 never overlap for dates after 1973.
_SCALES = ((10**11, 10**6), (10**14, 10**3), (10**17, 1))
_LAST_US = 253_402_300_799_000_000  # 9999-12-31
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_us(value: object) -> int | None:
    """UTC microseconds of a time: ISO 8601 (no zone: UTC), or a number since 1970 in s, ms, us or ns."""
    if isinstance(value, str):
        return _iso_us(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e19:
        return None
    for limit, factor in _SCALES:
        if value < limit:
            # A float second keeps its microseconds only when it is rounded after scaling.
            return int(round(value * factor))
    return int(value) // 1000


def _iso_us(value: str) -> int | None:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return _odd_time_us(value)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    try:
        gap = at - _EPOCH
    except OverflowError:
        return None
    us = (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds
    # Before 1970 no model was called: the zero of Go (year 1) and of Unix stand for a time not known.
    return us if 0 < us <= _LAST_US else None


def _odd_time_us(value: str) -> int | None:
    """Nine digits of a second (Go, Java), a space before the zone, or digits alone."""
    short = value.strip().replace(" UTC", "Z")
    if short.isascii() and short.replace(".", "", 1).isdigit():
        return time_us(float(short) if "." in short else int(short[:19]))
    head, dot, tail = short.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        short = f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:].strip()}"
    return None if short == value else _iso_us(short)


def error_text(value: object) -> str:
    """One line for an error of any spelling: `type: message`."""
    if isinstance(value, str):
        return value
    body = mapping(value)
    if isinstance(body.get("error"), dict):
        body = body["error"]
    kind = text(body.get("type")) or text(body.get("code")) or text(body.get("status"))
    message = text(body.get("message"))
    return (
        f"{kind}: {message}" if kind and message else kind or message or ("error" if value else "")
    )
