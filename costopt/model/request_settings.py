"""What a request says beside model, messages and caps, as the ledger keeps it: canonical JSON.

Names and values are the provider's own. Where a value is not kept, a name of ours says so, and why:
such a request cannot be sent again truthfully.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import orjson

MOST_CHARS = 20_000
"""A longer text is kept by its names alone: it would stand in memory once for every log that says it."""
OTHERS = "costopt.others"
"""[name]: parameters that are nobody's known ones. Their values may be keys or users: never kept."""
HIDDEN = "costopt.hidden"
"""[name]: what puts words into the prompt that the log does not hold (an earlier response, a cache)."""
DIGESTS = "costopt.digests"
"""{name: 16 hex digits}: values too long to keep, or text that was not to be kept."""
_WORDS = frozenset((
    "tool_choice", "function_call", "reasoning_effort", "reasoning", "thinking", "verbosity",
    "truncation", "modalities", "prompt_cache_retention", "think", "thinkingConfig",
    "thinking_config", "responseMimeType", "response_mime_type",
))  # fmt: skip
"""Whose values are words of the provider's, never of a user's text."""
_FORMS = frozenset((
    "response_format", "tool_choice", "function_call", "functionCallingConfig", "toolChoice", "text",
    "output_format", "output_config", "format", "responseMimeType", "response_mime_type",
    "responseSchema", "response_schema", "responseJsonSchema", "response_json_schema", "modalities",
    "structured_outputs", "guided_json", "guided_regex", "guided_choice", "guided_grammar",
))  # fmt: skip
"""What shape an answer has: one of another shape cannot stand in its place."""


def canonical(settings: Mapping[str, Any]) -> str:
    """Equal settings give equal text; empty for none. Never raises for what JSON holds."""
    if not settings:
        return ""
    text = _dumped(settings)
    return text if len(text) <= MOST_CHARS else _dumped(_by_digest(settings))


def as_mapping(settings: str) -> dict[str, Any]:
    """The parameters by name."""
    try:
        found: dict[str, Any] = orjson.loads(settings) if settings else {}
    except ValueError:  # a lone surrogate's escape, which only the standard parser takes
        found = json.loads(settings)
    return found


def without_text(settings: str) -> str:
    """The same with a digest in place of every value that may hold a user's words."""
    if not settings:
        return ""
    told = as_mapping(settings)
    return _dumped(_by_digest(told, keep=_WORDS))


def unsendable(settings: str) -> str:
    """Why a request with these settings cannot be sent again, in words; empty: it can."""
    if "costopt." not in settings:
        return ""
    told = as_mapping(settings)
    if told.get(HIDDEN):
        return f"it refers to text that the log does not hold ({', '.join(told[HIDDEN])})"
    if told.get(DIGESTS):
        names = ", ".join(sorted(told[DIGESTS]))
        return f"the ledger does not keep all of its parameters ({names})"
    return ""


def form(settings: str) -> str:
    """Of the settings those that decide the shape of the answer, as canonical JSON."""
    if not settings:
        return ""
    told = as_mapping(settings)
    digests = told.get(DIGESTS)
    kept = {name: value for name, value in told.items() if name in _FORMS}
    if isinstance(digests, dict):
        kept |= {name: digest for name, digest in digests.items() if name in _FORMS}
    return _dumped(kept) if kept else ""


def _by_digest(settings: Mapping[str, Any], keep: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Numbers, switches and `keep` stay; anything else becomes a digest of itself."""
    out: dict[str, Any] = {}
    digests: dict[str, str] = dict(settings.get(DIGESTS, {}))
    for name, value in settings.items():
        small = value is None or isinstance(value, int | float)
        if name in (OTHERS, HIDDEN) or small or name in keep:
            out[name] = value
        elif name != DIGESTS:
            digests[name] = hashlib.blake2b(_dumped(value).encode(), digest_size=8).hexdigest()
    return out | {DIGESTS: digests} if digests else out


def _dumped(value: object) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()
    except (TypeError, ValueError):  # lone surrogates, integers beyond 64 bit
        return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
