"""Server-sent events: the data of each as JSON, in the order they arrive.

Lines end at a line feed and nowhere else: the HTTP library's own reading of lines also ends one at U+2028
and its like, which stand raw inside a model's words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from costopt.endpoints.json_text import loads

_DONE = b"[DONE]"


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """Events of a stream until its end or its `[DONE]`, after which the rest is read and dropped (only
    a connection that was read to its end is used again). Raises ValueError where data is no object."""
    data: list[bytes] = []
    over = False
    async for line in _lines(chunks):
        if over:
            continue
        if line.startswith(b"data:"):
            data.append(line[5:].strip())
        elif not line and data:
            over = data[0] == _DONE
            if not over:
                yield _object(data)
            data = []
    if data and not over and data[0] != _DONE:
        yield _object(data)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest: list[bytes] = []
    async for chunk in chunks:
        rest.append(chunk)
        if b"\n" in chunk:  # a line without an end is put together once
            *whole, last = b"".join(rest).split(b"\n")
            rest = [last]
            for line in whole:
                yield line.rstrip(b"\r")
    if last := b"".join(rest):
        yield last.rstrip(b"\r")


def _object(data: list[bytes]) -> dict[str, Any]:
    found = loads(b"\n".join(data))
    if not isinstance(found, dict):
        raise ValueError("an event of the stream is no JSON object")
    return found
