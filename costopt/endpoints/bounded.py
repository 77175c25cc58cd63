"""No answer without an end: a hostile or broken server's is unpacked here, and cut off or refused at a bound.

The HTTP library unpacks whatever comes, as large as it becomes: a megabyte of gzip can be a gigabyte.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from typing import Any

from costopt.endpoints.client_library import http

MOST_BYTES = 64_000_000
"""Of an answer, unpacked: a stream of 128,000 tokens has half of it."""
MOST_ERROR_BYTES = 1_000_000
"""Of a refusing one, whose beginning says it all."""
PACKED = {"accept-encoding": "gzip, deflate"}
"""Asked for with every request: what is not asked for is not taken."""
_EITHER = 47
"""zlib's window bits for gzip and zlib alike (https://docs.python.org/3/library/zlib.html, checked
2026-11-25)."""
_PIECE = 1 << 20


class NotTaken(OSError):
    """An answer larger than any real one, or packed as nobody asked."""


def bound(most: int | None = None) -> Callable[[Any], Awaitable[None]]:
    """For a client's `event_hooks["response"]`: its answers have at most so many bytes, unpacked (None:
    `MOST_BYTES`)."""

    async def hook(response: Any) -> None:
        refusing = response.status_code >= 400
        packed = response.headers.pop("content-encoding", "identity").strip().lower()
        size = MOST_BYTES if most is None else most
        size = min(size, MOST_ERROR_BYTES) if refusing else size
        taken = _taken(response.stream, packed, size, cut=refusing)
        response.stream = _stream_class()(response.stream, taken)

    return hook


@cache
def _stream_class() -> Any:
    """A stream as the library wants it: of its own class, which is loaded late."""

    def init(self: Any, inner: Any, taken: AsyncIterator[bytes]) -> None:
        self.inner, self.taken = inner, taken

    async def aclose(self: Any) -> None:
        await self.taken.aclose()
        await self.inner.aclose()

    methods = {"__init__": init, "__aiter__": lambda self: self.taken, "aclose": aclose}
    return type("Bounded", (http().AsyncByteStream,), methods)


async def _taken(chunks: Any, packed: str, most: int, *, cut: bool) -> AsyncIterator[bytes]:
    """Unpacked pieces until the bound; what lies beyond is left out (`cut`) or an error."""
    left = most
    async for chunk in chunks if packed == "identity" else _unpacked(chunks, packed):
        if len(chunk) > left:
            if cut:
                yield chunk[:left]
                return
            raise NotTaken(f"more than {most // 1_000_000:,} MB")
        left -= len(chunk)
        yield chunk


async def _unpacked(chunks: Any, packed: str) -> AsyncIterator[bytes]:
    if packed not in ("gzip", "x-gzip", "deflate"):
        raise NotTaken(f"packed as {packed[:40]!r}")
    unpack = zlib.decompressobj(_EITHER)
    async for chunk in chunks:
        while chunk and not unpack.eof:
            try:
                yield unpack.decompress(chunk, _PIECE)
            except zlib.error as error:
                raise NotTaken("broken where it is packed") from error
            chunk = unpack.unconsumed_tail
    yield unpack.flush()
