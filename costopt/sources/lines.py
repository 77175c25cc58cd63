"""JSON out of a stream: one value a line, one array, or one document, told by the first bytes.

Memory stays bounded: a long array is read element by element. What cannot be read is yielded as
`Rejected` in its place, and reading goes on.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO, cast

import orjson

from costopt.model.call import Rejected

Parsed = tuple[int, Any]
"""Line (or element index + 1) and the value; the value is a `Rejected` where it cannot be read."""

MAX_LINE_BYTES = 1 << 28
CHUNK_BYTES = 1 << 22
WHOLE_BYTES = 1 << 26
"""A document up to this size is parsed at once; above it an array is streamed."""
_RAW_BYTES = 2000


def rejected(line: int, reason: str, raw: object = b"") -> Rejected:
    """A refused record with its first bytes as text."""
    if not isinstance(raw, bytes | bytearray | memoryview):
        try:
            raw = orjson.dumps(raw, default=str)
        except (TypeError, ValueError):
            raw = repr(raw).encode("utf-8", "replace")
    return Rejected(line, reason, bytes(raw[:_RAW_BYTES]).decode("utf-8", "replace"))


def parse(raw: bytes) -> Any:
    """One JSON value. Raises ValueError. NaN, lone surrogates and huge integers pass, as in Python."""
    try:
        return orjson.loads(raw)
    except ValueError:
        try:
            return json.loads(raw)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def records(stream: BinaryIO, loads: Callable[[bytes], Any] = orjson.loads) -> Iterator[Parsed]:
    """Every record of a JSON stream, whichever way it is laid out. `loads` reads lines alone."""
    stream = _as_utf8(stream)
    first = _first_line(stream)
    start = first.lstrip()[:1]
    if start == b"[":
        yield from _array(stream, first)
    elif start == b"{" and not _is_complete(first):
        yield from _document(stream, first)
    else:
        yield from _lines(stream, first, loads)


def _as_utf8(stream: BinaryIO) -> BinaryIO:
    """PowerShell writes UTF-16 when output is redirected."""
    peek = getattr(stream, "peek", None)
    head = peek(3)[:3] if peek else b""
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return cast(BinaryIO, codecs.EncodedFile(stream, "utf-8", "utf-16", "replace"))
    return stream


def _first_line(stream: BinaryIO) -> bytes:
    """The first line that says something, blank ones kept in front so that line numbers stay true."""
    first = b""
    while not first.strip() and len(first) < CHUNK_BYTES:
        line = stream.readline(MAX_LINE_BYTES)
        if not line:
            break
        first += line.removeprefix(codecs.BOM_UTF8) if not first else line
    return first


def _is_complete(line: bytes) -> bool:
    try:
        parse(line)
    except ValueError:
        return False
    return True


def _lines(stream: BinaryIO, first: bytes, loads: Callable[[bytes], Any]) -> Iterator[Parsed]:
    """One value a line; the hot loop."""
    number = first.count(b"\n", 0, len(first) - 1) if first else 0
    line = first.lstrip()
    readline = partial(stream.readline, MAX_LINE_BYTES)
    while line or number == 0:
        number += 1
        try:
            yield number, loads(line)
        except ValueError:
            yield from _odd_line(stream, number, line)
        line = readline()


def _odd_line(stream: BinaryIO, number: int, line: bytes) -> Iterator[Parsed]:
    if not line.strip():
        return
    if len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
        while (more := stream.readline(CHUNK_BYTES)) and not more.endswith(b"\n"):
            pass
        yield number, rejected(number, f"longer than {MAX_LINE_BYTES >> 20} MiB", line)
        return
    try:
        yield number, parse(line)
    except ValueError as error:
        reason = "cut off in the middle" if not line.endswith(b"\n") else "not JSON"
        yield number, rejected(number, f"{reason}: {_short(error)}", line)


def _short(error: ValueError) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _array(stream: BinaryIO, first: bytes) -> Iterator[Parsed]:
    """The elements of one array. Small: at once. Large or damaged: element by element."""
    data = first + stream.read(max(0, WHOLE_BYTES - len(first)))
    if len(data) < WHOLE_BYTES:
        try:
            whole = parse(data)
        except ValueError:
            whole = None
        if isinstance(whole, list):
            yield from enumerate(whole, 1)
            return
    yield from _elements(stream, data)


def _document(stream: BinaryIO, first: bytes) -> Iterator[Parsed]:
    """One object over many lines; or lines of which the first is damaged; or several objects."""
    data = first + stream.read(max(0, MAX_LINE_BYTES - len(first)))
    try:
        yield 1, parse(data)
        return
    except ValueError as error:
        reason = _short(error)
    second = data[data.find(b"\n") + 1 :].lstrip()
    if second[:1] == b"{" and _is_complete(second.partition(b"\n")[0]):
        for number, line in enumerate(data.split(b"\n"), 1):
            yield from _odd_line(stream, number, line + b"\n")
        return
    found = 0
    for raw in top_level_objects(data):
        found += 1
        yield found, parse(raw) if _is_complete(raw) else rejected(found, "not JSON", raw)
    if not found:
        yield 1, rejected(1, f"not JSON: {reason}", data)


# Strings first, so that a bracket inside one is never seen. Possessive: linear on any input.
# A lone quote is a string that the buffer's end cuts.
STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\],]', re.DOTALL)


class _Commas:
    """Where the elements of one array end, over a buffer that grows and moves."""

    def __init__(self, scanned: int) -> None:
        self.scanned = scanned
        self.depth = 1

    def ends(self, data: bytes) -> Iterator[tuple[int, int]]:
        """End of an element and start of the next. A string cut by the buffer's end waits for more."""
        for token in STRUCTURE.finditer(data, self.scanned):
            if token[0] == b'"':
                return
            mark = token[0][:1]
            self.scanned = token.end()
            if mark in b"{[":
                self.depth += 1
            elif mark in b"}]":
                self.depth -= 1
            if self.depth == 0 or (mark == b"," and self.depth == 1):
                yield token.start(), token.end()
            if self.depth == 0:
                return


def _elements(stream: BinaryIO, data: bytes) -> Iterator[Parsed]:
    """Elements of an array too large for memory, or damaged: cut at the commas of depth one."""
    number, start, closed = 0, data.find(b"[") + 1, False
    commas = _Commas(start)
    while True:
        for end, following in commas.ends(data):
            if data[start:end].strip():
                number += 1
                yield from _element(number, data[start:end])
            start = following
        if commas.depth == 0:  # an export that was resumed goes on behind its first end
            commas.depth, closed = 1, True
            continue
        more = stream.read(CHUNK_BYTES)
        if not more and closed:
            yield from _element(number + 1, data[start:])
            return
        reason = "an element too large to read" if more else "cut off in the middle"
        if not more or len(data) - start > MAX_LINE_BYTES:
            if data[start:].strip():
                yield number + 1, rejected(number + 1, reason, data[start:])
            return
        commas.scanned -= start
        data, start = data[start:] + more, 0


def _element(number: int, raw: bytes) -> Iterator[Parsed]:
    if not raw.strip():
        return
    try:
        yield number, parse(raw)
    except ValueError as error:
        yield number, rejected(number, f"not JSON: {_short(error)}", raw)


def top_level_objects(data: bytes) -> Iterator[bytes]:
    """Objects that stand one behind the other, or between other things."""
    depth = start = 0
    for token in STRUCTURE.finditer(data):
        mark = token[0][:1]
        if mark in b"{[":
            start = token.start() if depth == 0 else start
            depth += 1
        elif mark in b"}]":
            depth -= 1
            if depth == 0:
                yield data[start : token.end()]
            depth = max(0, depth)
