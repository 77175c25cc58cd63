"""The first values of a file whose end is not seen, for `sniff`: repaired where the head is cut."""

from __future__ import annotations

import codecs
from functools import lru_cache
from itertools import islice
from typing import Any

from costopt.sources.base import Head
from costopt.sources.lines import STRUCTURE, parse, top_level_objects


def head_records(head: Head, limit: int = 8) -> list[Any]:
    """The first values of a head, for `sniff`; of a document that is cut, as much as stands there.

    An array gives its elements, lines give theirs, a document itself. Not JSON: an empty list.
    """
    return list(_head_values(head.data, head.truncated)[:limit])


@lru_cache(maxsize=4)
def _head_values(data: bytes, truncated: bool) -> tuple[Any, ...]:
    data = _head_text(data)
    rows = data.split(b"\n", 65)
    if data[:1] not in (b"{", b"["):
        return _behind(rows[1:-1] if truncated else rows[1:])
    if truncated or len(rows) > 65:
        rows = rows[:-1]
    values = [v for v in map(_value_or_none, rows) if v is not None]
    if values and _value_or_none(rows[0]) is not None and isinstance(values[0], dict):
        return tuple(values)
    whole = _value_or_none(data)
    if whole is None:
        whole = _repaired(data)
    if isinstance(whole, list):
        return tuple(whole)
    if whole is None and not values:  # objects over many lines, one behind the other
        values = [v for v in map(_value_or_none, islice(top_level_objects(data), 8)) if v]
    return tuple(values) if whole is None else (whole,)


def _behind(rows: list[bytes]) -> tuple[Any, ...]:
    """Records behind a first line that is none: a heading, or the rest of a line cut by rotation."""
    filled = [row for row in rows if row.strip()]
    found = [_value_or_none(row) for row in filled if row.lstrip()[:1] == b"{"]
    good = tuple(value for value in found if isinstance(value, dict))
    return good if 2 * len(good) > len(filled) else ()


def _head_text(data: bytes) -> bytes:
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        data = data.decode("utf-16", "replace").encode()
    return data.removeprefix(codecs.BOM_UTF8).lstrip()


def _value_or_none(raw: bytes) -> Any:
    try:
        return parse(raw) if raw.strip() else None
    except ValueError:
        return None


def _repaired(data: bytes) -> Any:
    """A cut document closed at its last comma: the fields that stand there before the cut."""
    stack: list[bytes] = []
    cuts: list[tuple[int, bytes]] = []
    for token in STRUCTURE.finditer(data):
        mark = token[0][:1]
        if token[0] == b'"':
            break
        if mark in b"{[":
            stack.append(b"}" if mark == b"{" else b"]")
            cuts.append((token.end(), b"".join(reversed(stack))))
        elif mark in b"}]" and stack:
            stack.pop()
        elif mark == b",":
            cuts.append((token.start(), b"".join(reversed(stack))))
    for end, closers in reversed(cuts[-50:]):
        value = _value_or_none(data[:end] + closers)
        if value is not None:
            return value
    return None
