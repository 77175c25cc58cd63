"""HTTP/1.1 for the fault server: whole answers, event streams, and both cut short."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import dataclass
from typing import Any


class NoRequest(Exception):
    """The client closed the connection between two requests."""


@dataclass
class Head:
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""


async def read_request(reader: asyncio.StreamReader) -> tuple[Head, bytes]:
    """Head and body of the next request."""
    try:
        start = await reader.readexactly(1)
        if not start.isalpha():  # a TLS greeting, for one
            raise NoRequest
        raw = start + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise NoRequest from error
    first, *lines = raw.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    size = int(headers.get("content-length", 0))
    return Head(method, path, headers), await reader.readexactly(size)


class Exchange:
    """The answer to one request."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.closed = False
        self.finished = False
        """Everything was handed to the socket; that the client read it nobody knows."""

    def reset(self) -> None:
        """Close the socket so that the client sees a reset."""
        self.closed = True
        found = self._writer.get_extra_info("socket")
        if found is not None and self._writer.get_extra_info("ssl_object") is None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def whole(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        await self._send(status, json.dumps(body).encode(), headers or {})

    async def answer(self, body: dict[str, Any], kind: str, headers: dict[str, str]) -> None:
        """An unstreamed answer, perhaps a broken one."""
        raw = json.dumps(body).encode()
        if kind == "cut":
            self._head(200, {**headers, "content-length": str(len(raw))}, "application/json")
            self._writer.write(raw[: len(raw) // 2])
            await self._drain_and_close()
            return
        if kind == "json":
            raw = raw[:-7]
        elif kind == "html":
            raw = b"<html><body>Welcome to the captive portal</body></html>"
        elif kind == "no_choices":
            raw = json.dumps(
                {k: v for k, v in body.items() if k not in ("choices", "content")}
            ).encode()
        elif kind == "empty":
            raw = b""
        await self._send(200, raw, headers)

    async def _send(self, status: int, raw: bytes, headers: dict[str, str]) -> None:
        self._head(status, {**headers, "content-length": str(len(raw))}, "application/json")
        self._writer.write(raw)
        await self._writer.drain()
        self.finished = True

    async def stream(
        self, events: list[dict[str, Any]], kind: str, headers: dict[str, str], gap_s: float,
        named: bool,
    ) -> None:  # fmt: skip
        """Server-sent events in chunks. `named`: Anthropic's, with a name and without an end mark."""
        self._head(200, {**headers, "transfer-encoding": "chunked"}, "text/event-stream")
        lines = [_event(e, named) for e in events]
        lines = _broken(lines, kind, named)
        cut = kind in ("cut", "close_after")
        for line in lines[: max(1, len(lines) // 2)] if cut else lines:
            self._chunk(line)
            if gap_s:
                await self._writer.drain()
                await asyncio.sleep(gap_s)
        if cut:
            await self._drain_and_close()
            return
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()
        self.finished = True

    def _chunk(self, raw: bytes) -> None:
        self._writer.write(b"%x\r\n%b\r\n" % (len(raw), raw))

    async def _drain_and_close(self) -> None:
        await self._writer.drain()
        self.closed = True
        self._writer.close()

    def _head(self, status: int, headers: dict[str, str], kind: str) -> None:
        lines = [f"HTTP/1.1 {status} Made", f"content-type: {kind}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


def _event(event: dict[str, Any], named: bool) -> bytes:
    name = f"event: {event['type']}\n" if named else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def _broken(lines: list[bytes], kind: str, named: bool) -> list[bytes]:
    """The events of a stream that goes wrong without ending early."""
    if kind == "json":
        return [lines[0], b'data: {"choices": [{"delta"\n\n']
    if kind == "html":
        return [b"<html><body>Welcome to the captive portal</body></html>"]
    if kind in ("no_choices", "empty"):
        return [b": nothing to say\n\n"]
    if kind == "stream_error":
        told = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        return [*lines[: max(1, len(lines) // 2)], _event(told, named)]
    return lines if named else [*lines, b"data: [DONE]\n\n"]
