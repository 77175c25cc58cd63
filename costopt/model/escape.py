"""Text from a log made safe to show: controls, escapes and direction overrides become visible.

Renderers escape for their own medium on top of this (HTML, Markdown, CSV).
"""

from __future__ import annotations

import re
import unicodedata

# C0/C1 controls, line and paragraph separators, direction marks and overrides, zero-width joiners'
# invisible kin, byte order mark, tags: whatever can move a cursor or reorder what a reader sees.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def clean(text: str) -> str:
    """One line without anything that acts on a terminal: unsafe characters as `\\x1b` or `\\u202e`."""
    return _UNSAFE.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code == 0x0A:
        return "⏎"
    if code == 0x09:
        return " "
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def width_of(text: str) -> int:
    """Columns a terminal gives to the text (wide East Asian characters take two)."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fit(text: str, columns: int) -> str:
    """Cut to a number of columns, with `…` where something is missing. Never longer than asked."""
    text = clean(text)
    if width_of(text) <= columns:
        return text
    kept, used = [], 0
    for c in text:
        used += width_of(c)
        if used > columns - 1:
            break
        kept.append(c)
    return "".join(kept) + "…"


def pad(text: str, columns: int) -> str:
    """`fit`, then filled with spaces on the right to exactly that many columns."""
    text = fit(text, columns)
    return text + " " * (columns - width_of(text))
