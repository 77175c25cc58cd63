"""Server-sent events: the data of each as JSON, in the order they arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson


async def events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """Events of a stream until its end or its `[DONE]`, after which the rest is read and dropped (only
    a connection that was read to its end is used again). Raises ValueError where data is no object."""
    data: list[str] = []
    over = False
    async for line in lines:
        if over:
            continue
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            over = data[0].strip() == "[DONE]"
            if not over:
                yield _object("\n".join(data))
            data = []
    if data and not over and data[0].strip() != "[DONE]":
        yield _object("\n".join(data))


def _object(text: str) -> dict[str, Any]:
    found = orjson.loads(text)
    if not isinstance(found, dict):
        raise ValueError("an event of the stream is no JSON object")
    return found
