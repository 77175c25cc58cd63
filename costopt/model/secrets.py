"""Keys and passwords masked before a log's raw bytes are kept or shown."""

from __future__ import annotations

import re

_KEYS = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|ghs|glpat|xox[abprs]|AKIA|ASIA|AIza|ya29|eyJ)"
    r"[-_.]?[A-Za-z0-9_\-.]{12,}"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9+/=_\-.~]{8,}")
_NAMED = re.compile(
    r'(?i)("?(?:[\w-]*(?:api[_-]?key|secret|password|passwd|authorization|access[_-]?token))"?'
    r'\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|[^\s,;&"}]+)'
)


def masked(text: str) -> str:
    """The text with what looks like a key, a token or a password replaced by `***`."""
    text = _BEARER.sub(r"\1\2***", text)
    text = _NAMED.sub(r'\1"***"', text)
    return _KEYS.sub("***", text)
