"""Server-sent events: a recorded stream as text, `data: {...}` lines between blank ones.

https://html.spec.whatwg.org/multipage/server-sent-events.html, checked 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from costopt.sources.base import Head
from costopt.sources.lines import Parsed, parse, rejected

DONE: dict[str, Any] = {"[DONE]": True}
"""What OpenAI's end mark is read as."""

_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")


def looks_like_sse(head: Head) -> bool:
    """True when the first line that says something is a field of an event stream."""
    lines = [line for line in head.data[:4096].splitlines() if line.strip()]
    named = bool(lines) and lines[0].lstrip(b"\xef\xbb\xbf").startswith(_STARTS)
    return named and any(line.startswith((b"data:", b"event:")) for line in lines)


def events(lines: Iterable[bytes]) -> Iterator[Parsed]:
    """Each event's data as parsed JSON with the line it begins on."""
    data: list[bytes] = []
    began = number = 0
    for number, line in enumerate(lines, 1):
        line = line.rstrip(b"\r\n")
        if line.startswith(b"data:"):
            # Writers forget the blank line between events: a complete value ends its event.
            if data and _is_json(data):
                yield began, _event(began, data)
                data = []
            began = began if data else number
            data.append(line[5:].removeprefix(b" "))
        elif not line.strip() and data:
            yield began, _event(began, data)
            data = []
    if data:
        yield began, _event(began, data)


def _is_json(data: list[bytes]) -> bool:
    if data == [b"[DONE]"]:
        return True
    try:
        parse(b"\n".join(data))
    except ValueError:
        return False
    return True


def _event(line: int, data: list[bytes]) -> Any:
    raw = b"\n".join(data)
    if raw.strip() == b"[DONE]":
        return DONE
    try:
        return parse(raw)
    except ValueError:
        return rejected(line, "an event that is not JSON", raw)
