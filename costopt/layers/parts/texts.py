"""Anchors of a text: identifiers, numbers, paths and quotes that an answer can only have from somewhere.

Plain words are none: a model has them anyway. The answers of the log say which anchors matter at all;
of every other text only those are looked for, so each text is read once and little is kept of it.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from costopt.model.call import SegmentKind
from costopt.model.ports import Texts
from costopt.model.trace import SegmentTable, Trace
from costopt.model.view import View

Anchors = frozenset[int]
NONE: Anchors = frozenset()

_WORD = re.compile(r"\w+")
# Possessive: a plain word is given up at once, not letter by letter (six times as fast).
_RUN = re.compile(r"\b\w++(?:[./\\@:-]++\w++)++")
_QUOTE = re.compile(r"[\"`“]([^\"`“”\n]{8,200})[\"`”]")
_AMOUNT = re.compile(r"\d{1,3}(?:,\d{3})+")
_COMMA = re.compile(r"\d,\d{3}")
_CAMEL = re.compile(r"[a-z0-9][A-Z]")
_SPACED = re.compile(r"\w\s+\w")

LEAST_DIGITS = 3
"""Numbers of one or two digits stand in any text by chance: 12 of 100 pages would hold a given one."""
LEAST_NAME = 4
"""Letters of an identifier."""
LEAST_LINE = 20
"""Letters of a line that counts as a quote: shorter ones (`return None`, `import os`) repeat by chance."""
FETCH = 2_000
"""Texts held at a time."""


def anchors(text: str) -> set[str]:
    """All anchors of an answer."""
    found = {w for w in set(_WORD.findall(text)) if _is_name(w) or _is_number(w)}
    found.update(r for r in set(_RUN.findall(text)) if _is_path(r))
    found.update(_amounts(text))
    found.update(q for q in _quotes(text) if _SPACED.search(q))
    return found


def candidates(text: str) -> Iterator[Iterable[str]]:
    """Groups of strings of a text that could be somebody's anchors: no rule is applied to them."""
    yield _WORD.findall(text)
    yield _RUN.findall(text)
    yield _amounts(text)
    yield _quotes(text)


def _amounts(text: str) -> Iterable[str]:
    """`1234` for `1,234`."""
    return [n.replace(",", "") for n in _AMOUNT.findall(text)] if _COMMA.search(text) else ()


def _quotes(text: str) -> Iterator[str]:
    """What stands in quotation marks, and whole lines."""
    yield from (q.strip() for q in _QUOTE.findall(text))
    yield from (s for line in text.split("\n") if len(s := line.strip()) >= LEAST_LINE)


@lru_cache(maxsize=100_000)
def _is_name(word: str) -> bool:
    """`order_id`, `parseDate`, `W4817`, `a3f9c2`; not `W`, `Order`, `HTTP`."""
    if len(word) < LEAST_NAME or word.isdigit():
        return False
    inner = word.strip("_")
    if "_" in inner or _CAMEL.search(word):
        return True
    digits = sum(c.isdigit() for c in word)
    return digits >= 2 and digits < len(word)


def _is_number(word: str) -> bool:
    return word.isdigit() and len(word.lstrip("0")) >= LEAST_DIGITS


def _is_path(run: str) -> bool:
    """`src/app.py`, `a@b.org`, `2024-05-15`, `12.50`; not `and/or`, `well-known`, `e.g`."""
    if len(run) < LEAST_NAME + 1:
        return sum(c.isdigit() for c in run) >= LEAST_DIGITS
    if sum(c.isdigit() for c in run) >= 2 or "_" in run or "@" in run or "\\" in run:
        return True
    return "." in run or run.count("/") >= 2


def told(kind: int, text: str) -> str:
    """What an answer says: of a tool call its values, for its keys are the tool's and not the log's."""
    if kind != SegmentKind.TOOL_CALL:
        return text
    try:
        return "\n".join(_values(orjson.loads(text)))
    except (orjson.JSONDecodeError, RecursionError):
        return text


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def plain(text: str) -> str:
    """A JSON text with its line ends and quotation marks as they are meant: lines can be compared."""
    if "\\" not in text:
        return text
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\t", "\t")


@dataclass
class AnchorTable:
    """The anchors of a trace's answers, numbered, and which of them each text holds.

    Filled as it is asked. What is kept of a text is keyed by its content hash, so that a segment that
    some layer made is told from its source, and every policy of a sweep asks for it once.
    """

    trace: weakref.ref[Trace]
    number: dict[str, int]
    answer: dict[int, Anchors]
    """Segment of an answer to its anchors; absent: the log has no text of it."""
    held: dict[bytes, Anchors | None] = field(default_factory=dict)

    def of(self, view: View, texts: Texts, segments: NDArray[np.int32]) -> list[Anchors | None]:
        """Anchors of these segments of the view; None: the log has no text of it."""
        keys = _keys(view.segments, segments)
        new = {
            k: int(s) for k, s in zip(keys, segments.tolist(), strict=True) if k not in self.held
        }
        names, ids = list(new), list(new.values())
        for first in range(0, len(ids), FETCH):
            part = texts.get(ids[first : first + FETCH])
            for key, text in zip(names[first : first + FETCH], part, strict=True):
                self.held[key] = None if text is None else self._in(text)
        return [self.held[k] for k in keys]

    def _in(self, text: str) -> Anchors:
        known = self.number.keys()
        found: set[str] = set()
        for group in candidates(plain(text)):
            found |= known & set(group)
        return frozenset(self.number[a] for a in found) if found else NONE


def _keys(table: SegmentTable, segments: NDArray[np.int32]) -> list[bytes]:
    raw = np.ascontiguousarray(table.digest[segments]).tobytes()
    return [raw[i : i + 16] for i in range(0, len(raw), 16)]


_TABLES: dict[int, AnchorTable] = {}
"""By the id of a trace that is still there: read once for all policies that are tried on it."""


def anchor_table(trace: Trace, texts: Texts) -> AnchorTable:
    """The table of this trace; its answers are read at the first question."""
    found = _TABLES.get(id(trace))
    if found is None or found.trace() is not trace:
        found = _TABLES[id(trace)] = _read_answers(trace, texts)
        weakref.finalize(trace, _TABLES.pop, id(trace), None)
    return found


def _read_answers(trace: Trace, texts: Texts) -> AnchorTable:
    table = AnchorTable(weakref.ref(trace), {}, {})
    ids = np.unique(trace.response.ids)
    kinds = trace.segments.kind[ids].tolist()
    for first in range(0, len(ids), FETCH):
        part = ids[first : first + FETCH]
        for segment, kind, text in zip(
            part.tolist(), kinds[first : first + FETCH], texts.get(part), strict=True
        ):
            if text is not None:
                found = anchors(told(kind, text))
                table.answer[segment] = frozenset(
                    table.number.setdefault(a, len(table.number)) for a in sorted(found)
                )
    return table
