"""Keys and passwords masked before what a log says is kept or shown."""

from __future__ import annotations

import hashlib
import re

# A separator is part of the shape: `skill-router-agent` is a name, no key.
_KEYS = re.compile(
    r"\b(?:(?:sk|pk|rk|gsk|xai|hf|gh[pousr]|glpat|xox[abeprs]|github_pat)[-_][A-Za-z0-9_\-.]{12,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}|AIza[A-Za-z0-9_\-]{20,}|ya29\.[A-Za-z0-9_\-]{12,}"
    r"|eyJ[A-Za-z0-9_\-.]{12,})"
)
# `user:password@` of an address.
_IN_URL = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s+)[A-Za-z0-9+/=_\-.~]{8,}")
# Begins where a word begins: from every letter of a long one it would take quadratic time.
_NAMED = re.compile(
    r'(?i)((?<![\w-])[\w-]*(?:api[_-]?key|secret|password|passwd|authorization|access[_-]?token)"?'
    r'\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|[^\s,;&"}]+)'
)


def masked(text: str) -> str:
    """The text with what looks like a key, a token or a password replaced by `***`."""
    text = _IN_URL.sub("***", text)
    text = _BEARER.sub(r"\1\2***", text)
    text = _NAMED.sub(r'\1"***"', text)
    return _KEYS.sub("***", text)


# RE2 syntax too: a column of a million names is searched at once for those worth a second look.
NAME_TO_CHECK = (
    r"(?i)(sk|pk|rk|gsk|xai|hf|gh[pousr]|glpat|xox[abeprs]|github_pat)[-_][a-z0-9_.\-]{12}"
    r"|AKIA|ASIA|AIza|ya29\.|eyJ[a-z0-9]|bearer |basic |api[_-]?key|secret|passw|authorization"
    r"|access[_-]?token"
)
MAX_NAME_CHARS = 500


def safe_name(name: str) -> str:
    """A name without keys, and no longer than a line; two that differ still differ."""
    safe = masked(name[: 2 * MAX_NAME_CHARS])
    if safe == name and len(name) <= MAX_NAME_CHARS:
        return name
    mark = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{safe[:MAX_NAME_CHARS]}#{mark}"
