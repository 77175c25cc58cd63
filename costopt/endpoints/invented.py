"""Usage that no model stands behind, told by what it says itself.

LiteLLM's `mock_response` leaves no mark of its own: its headers are those of a real answer. But its whole
answers always count the same (LiteLLM 1.108, tried 2026-11-25): 10 in and 20 out as chat completions,
2,095 in and 503 out as messages. Its *streamed* mock counts by an estimate of its own and cannot be told
from a real one by any field: whoever configures a mock must not call it an endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ALWAYS = frozenset(((10, 20), (2095, 503)))


def invented(headers: Mapping[str, str], body: Mapping[str, Any]) -> bool:
    """The answer came through LiteLLM and counts exactly as its mock does."""
    if "x-litellm-version" not in headers and "x-litellm-call-id" not in headers:
        return False
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return False
    told = (
        usage.get("prompt_tokens", usage.get("input_tokens")),
        usage.get("completion_tokens", usage.get("output_tokens")),
    )
    return all(isinstance(n, int) for n in told) and told in _ALWAYS
