"""The form of one logged answer: what it is compared by, and under which test.

The strictest test that fits: tool calls by name and arguments, JSON by its value, a lone number by
its value, else the text with its white space evened out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import Any

from costopt.model.call import SegmentKind

LABEL_CHARS, LABEL_WORDS = 48, 6
"""Longer than that is a sentence. The longest intent name of public sets of intents has 5 words and 27
characters (CLINC150, https://github.com/clinc/oos-eval, checked 2026-11-24)."""
_FENCE = re.compile(r"\A```[A-Za-z]*[ \t]*\n(.*?)\n?```\Z", re.DOTALL)
_NUMBER = re.compile(
    r"\A([-+]?)\s?([$€£¥]?)\s?(\d{1,40}|\d{1,3}(?:,\d{3}){1,12})(\.\d{1,40})?\s?(%?)\Z"
)


class Basis(IntEnum):
    """The test that two answers were held to, strictest first."""

    TOOL = 0
    """Same tools with the same arguments, in order; words beside them do not count."""
    JSON = 1
    """Equal as JSON: white space and the order of keys do not count."""
    NUMBER = 2
    LABEL = 3
    """One of a few short answers that come again and again."""
    TEXT = 4
    """Free text: equal or not says little, see `judged`."""
    BYTES = 5
    """The log has hashes only."""
    UNKNOWN = 6
    """The log has no answer of one of the two."""


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is compared. `label`: how it would be if it is a label, else empty."""

    basis: Basis
    key: str
    label: str = ""


def form_of(kinds: Sequence[int], names: Sequence[str], texts: Sequence[str | None]) -> Form | None:
    """Form of an answer's segments, reasoning left out. None: the log kept no text of one of them."""
    if any(text is None for text in texts):
        return None
    parts = list(zip(kinds, names, (t or "" for t in texts), strict=True))
    calls = [(name, text) for kind, name, text in parts if kind == SegmentKind.TOOL_CALL]
    if calls:
        return Form(Basis.TOOL, json.dumps([(name, _arguments(text)) for name, text in calls]))
    return _text_form("\n".join(text for _, _, text in parts))


def _text_form(text: str) -> Form:
    bare = text.strip()
    fenced = _FENCE.match(bare)
    value = _structure(fenced[1] if fenced else bare)
    if value is not None:
        return Form(Basis.JSON, value)
    number = _number(bare)
    if number:
        return Form(Basis.NUMBER, number)
    words = bare.split()
    short = len(bare) <= LABEL_CHARS and 0 < len(words) <= LABEL_WORDS and "\n" not in bare
    return Form(Basis.TEXT, " ".join(words), _label(words) if short else "")


def _label(words: Sequence[str]) -> str:
    """`"Refund."` and `refund` are one label."""
    return " ".join(words).strip(" .!\"'`*").casefold()


def _arguments(text: str) -> str:
    """Canonical where it is JSON of any kind, else as it stands."""
    value = _loaded(text)
    return text if value is _NOT_JSON else _canonical(value)


def _structure(text: str) -> str | None:
    """Canonical JSON of an object or a list; None: it is neither."""
    if text[:1] not in ("{", "["):
        return None
    value = _loaded(text)
    return None if value is _NOT_JSON else _canonical(value)


_NOT_JSON = object()


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, parse_float=_real)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than anybody reads
        return _NOT_JSON


def _real(text: str) -> int | float:
    """`1.0` equals `1`, as numbers do."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _number(text: str) -> str:
    """`1,234.50` as `1234.5`, with its unit; empty: the text is no lone number."""
    found = _NUMBER.match(text)
    if found is None:
        return ""
    sign, currency, whole, fraction, percent = found.groups()
    try:
        value = Decimal(f"{sign}{whole.replace(',', '')}{fraction or ''}").normalize()
    except InvalidOperation:
        return ""
    return f"{currency}{value + 0}{percent}"
