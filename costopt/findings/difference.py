"""Where two prompts first differ, what stands there, and how much of the rest they share again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from costopt.model.beginning import shared_length
from costopt.model.escape import clean
from costopt.model.secrets import masked

CLOCK, IDENTIFIER, COUNTER, TEXT = "clock", "id", "counter", "changing text"
AROUND = 32
"""Characters of context looked at, and shown, on both sides of a difference."""
SHOWN = 80
"""Most characters shown of what differs."""
SECRET_REACH = 400
"""Characters on both sides in which nothing may look like a key or a password."""

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAYS = "mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun"
_CLOCK = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]+\d{1,2}(?::\d{2}){0,2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?"
    r"|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}"
    r"|\b\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?:\s*[ap]\.?m\.?)?"
    rf"|(?:\b(?:{_DAYS})(?:day)?,?\s+)?(?:\d{{1,2}}\.?\s+(?:{_MONTHS})[a-z]*\.?,?\s+\d{{4}}"
    rf"|(?:{_MONTHS})[a-z]*\.?\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?)"
    rf"|\b(?:{_DAYS})(?:day)?\b"
    r"|\b1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?\b",  # seconds or milliseconds since 1970, 2017 to 2033
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\b\d{1,9}\b")
_IDENTIFIER = re.compile(
    r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"  # UUID
    r"|\b(?=[\w-]*\d)[A-Za-z0-9][\w-]{5,}\b",  # a word of six or more with a digit in it
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference of two texts, in characters of the later one."""

    kind: str
    at: int
    """Characters before it, equal in both."""
    byte: int
    """The same place in UTF-8 bytes."""
    length: int
    """Characters of the later text."""
    end: int
    """Where the differing token of the later text ends."""
    shared_behind: int
    """Characters behind it that both have again: what could be cached if the token stood last."""
    before: str
    after: str
    """Excerpts of the two, made safe, the differing token in ⟦ ⟧."""


def difference(before: str, after: str) -> Difference:
    """Compare the earlier text with the later one; they must not be equal."""
    at = shared_length(before, after)
    kind, end_before, end_after = _token(before, after, at)
    behind = shared_length(before[end_before:], after[end_after:])
    tail = 0
    if end_after + behind < len(after):
        # More differs further on: what both end with could be cached too if all of that stood last.
        tail = shared_length(before[end_before + behind :][::-1], after[end_after + behind :][::-1])
    return Difference(
        kind, at, len(after[:at].encode("utf-8", "surrogatepass")), len(after), end_after,
        behind + tail,
        excerpt(before, at, end_before), excerpt(after, at, end_after),
    )  # fmt: skip


def _token(before: str, after: str, at: int) -> tuple[str, int, int]:
    """(kind, its end in the earlier text, its end in the later text) of what differs at `at`."""
    for kind, pattern in ((CLOCK, _CLOCK), (COUNTER, _NUMBER), (IDENTIFIER, _IDENTIFIER)):
        ends = [_end_of_match(pattern, text, at) for text in (before, after)]
        if ends[0] and ends[1]:
            return kind, ends[0], ends[1]
    return TEXT, _word_end(before, at), _word_end(after, at)


def _end_of_match(pattern: re.Pattern[str], text: str, at: int) -> int:
    """End of the match that covers position `at`, looking only nearby; 0: there is none."""
    begin = max(0, at - AROUND)
    for match in pattern.finditer(text, begin, min(len(text), at + 2 * AROUND)):
        if match.start() <= at < match.end():
            return match.end()
    return 0


def _word_end(text: str, at: int) -> int:
    while at < len(text) and not text[at].isspace():
        at += 1
    return at


def excerpt(text: str, at: int, end: int) -> str:
    """`...Now: ⟦2026-11-01 10:00⟧ You are...`: safe to show. Nothing where a secret is near."""
    end = min(end, at + SHOWN)
    # Judged on much more than is shown: a key cut in two no longer looks like one.
    wide = text[max(0, at - SECRET_REACH) : end + SECRET_REACH]
    if masked(wide) != wide:
        return "⟦not shown: there is a secret near it⟧"
    start = max(0, at - AROUND)
    left = "…" if start > 0 else ""
    right = "…" if end + AROUND < len(text) else ""
    head, token, tail = text[start:at], text[at:end], text[end : end + AROUND]
    return f"{left}{clean(head)}⟦{clean(token)}⟧{clean(tail)}{right}"
