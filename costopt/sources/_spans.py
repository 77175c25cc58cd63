"""The spans around a call: whose name and session it inherits, and copies of it that were not finished.

Exports come in any order, children before parents too. A window of rows is read ahead, and so many spans
are remembered; a call whose ancestors lie further away keeps what stands on its own row.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import xxhash

from costopt.model.call import Call, Record, Repeat
from costopt.sources.lines import Parsed

AHEAD_ROWS = 256
MAX_SPANS = 100_000


@dataclass(slots=True, frozen=True)
class Span:
    """What a call can inherit from a span above it."""

    name: str
    parent: str
    kind: str
    session: str = ""
    user: str = ""


class Spans:
    """Spans by id, the oldest forgotten first."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Span] = OrderedDict()
        self._sessions: OrderedDict[str, str] = OrderedDict()

    def learn(self, id: str, trace: str, span: Span) -> None:
        """Remember a span, and the first session that a trace names."""
        self._known[id] = span
        if len(self._known) > MAX_SPANS:
            self._known.popitem(last=False)
        if span.session and trace and trace not in self._sessions:
            self._sessions[trace] = span.session
            if len(self._sessions) > MAX_SPANS:
                self._sessions.popitem(last=False)

    def session(self, trace: str) -> str:
        """The session that another span of the trace names; else empty."""
        return self._sessions.get(trace, "")

    def above(self, parent: str) -> list[Span]:
        """The known ancestors, the nearest first."""
        found: list[Span] = []
        seen: set[str] = set()
        while parent in self._known and parent not in seen:
            seen.add(parent)
            found.append(self._known[parent])
            parent = found[-1].parent
        return found


def read_ahead(rows: Iterable[Parsed], learn: Callable[[object], None]) -> Iterator[Parsed]:
    """The rows, each after `learn` has seen it and those that follow it closely."""
    waiting: deque[Parsed] = deque()
    for row in rows:
        with suppress(RecursionError):  # a row nested too deeply is refused when it is read
            learn(row[1])
        waiting.append(row)
        if len(waiting) > AHEAD_ROWS:
            yield waiting.popleft()
    yield from waiting


class Unfinished:
    """Copies of a call that were logged before its answer: they repeat the finished one.

    They lack the provider's id, so the key cannot tell. Eight bytes are kept for each call.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Call] = {}
        self._finished: set[int] = set()

    def settle(self, call: Call, finished: bool) -> Iterator[Record]:
        """The call, or what is known about it by now; an unfinished one waits for the end."""
        mark = xxhash.xxh3_64_intdigest(call.id.encode("utf-8", "surrogatepass"))
        if not call.id:
            yield call
        elif finished:
            self._finished.add(mark)
            early = self._waiting.pop(call.id, None)
            if early is not None:
                yield Repeat(early.source_line)
            yield call
        elif mark in self._finished or call.id in self._waiting:
            yield Repeat(call.source_line)
        else:
            self._waiting[call.id] = call

    def end(self) -> Iterator[Call]:
        """Calls of which the file holds no finished copy."""
        yield from self._waiting.values()
        self._waiting = {}
