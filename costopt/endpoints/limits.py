"""What headers say of rate limits: how much is left, and when to come again.

OpenAI: `x-ratelimit-remaining-requests`, `x-ratelimit-reset-tokens: 6m0s`
(https://platform.openai.com/docs/guides/rate-limits, checked 2026-11-25). Anthropic:
`anthropic-ratelimit-requests-remaining`, resets as RFC 3339 times
(https://docs.anthropic.com/en/api/rate-limits, checked 2026-11-25).
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from costopt.model.exchange import Limits

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_SECONDS = {
    "d": 86400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}
_LONGEST_S = 86400.0 * 31


def limits_of(headers: Mapping[str, str], now_s: float | None = None) -> Limits:
    """The rate limits that an answer's headers tell; names in lower case."""
    now = _now(headers, now_s)

    def left(what: str) -> int | None:
        told = headers.get(f"x-ratelimit-remaining-{what}")
        return _whole(told or headers.get(f"anthropic-ratelimit-{what}-remaining"))

    def reset(what: str) -> float | None:
        told = headers.get(f"x-ratelimit-reset-{what}")
        return seconds(told or headers.get(f"anthropic-ratelimit-{what}-reset"), now)

    return Limits(left("requests"), reset("requests"), left("tokens"), reset("tokens"))


def retry_after_s(headers: Mapping[str, str], now_s: float | None = None) -> float | None:
    """Seconds to wait as the server asks: `retry-after-ms`, or `retry-after` in seconds or as a date."""
    exact = _number(headers.get("retry-after-ms"))
    if exact is not None:
        return min(exact / 1000, _LONGEST_S)
    return seconds(headers.get("retry-after"), _now(headers, now_s))


def seconds(told: str | None, now_s: float) -> float | None:
    """A span of any spelling: `1.5`, `6m0s`, `12ms`, a time of RFC 3339 or HTTP. None: unreadable.

    A bare number of more than 31 days is a time since 1970 (OpenRouter: in milliseconds).
    """
    text = (told or "").strip()
    plain = _number(text)
    if plain is not None:
        if plain <= _LONGEST_S:
            return plain
        return _until(plain / 1000 if plain > 1e11 else plain, now_s)
    parts = _PART.findall(text)
    if parts and "".join(n + unit for n, unit in parts) == text:
        return min(sum(float(n) * _SECONDS[unit] for n, unit in parts), _LONGEST_S)
    at = _time(text)
    return None if at is None else _until(at, now_s)


def _until(at_s: float, now_s: float) -> float:
    return min(max(0.0, at_s - now_s), _LONGEST_S)


def _time(text: str) -> float | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
        except (ValueError, TypeError):
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return None


def _now(headers: Mapping[str, str], now_s: float | None) -> float:
    """The server's own clock where it shows it: a span is wanted, and clocks differ."""
    if now_s is not None:
        return now_s
    shown = _time(headers.get("date", ""))
    return time.time() if shown is None else shown


def _number(text: str | None) -> float | None:
    try:
        found = float(text or "")
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


def _whole(text: str | None) -> int | None:
    found = _number(text)
    return None if found is None else int(found)
