"""A chat server that costs nothing but its latency: each request gets the same answer after it, streamed
where it asks for that.

    python -m bench.replay_server LATENCY_MS

prints its port. It reads no JSON, so that what is measured is who asks.
"""

from __future__ import annotations

import asyncio
import json
import sys

WORDS = 16


USAGE = {"prompt_tokens": 100, "completion_tokens": WORDS, "total_tokens": 100 + WORDS,
         "prompt_tokens_details": {"cached_tokens": 64}}  # fmt: skip
STREAMED = (b'"stream":true', b'"stream": true')


def _whole() -> bytes:
    message = {"role": "assistant", "content": " ".join(f"word{n}" for n in range(WORDS))}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    told = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
                       "choices": [choice], "usage": USAGE}).encode()  # fmt: skip
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(told) + told


def _stream() -> bytes:
    """One streamed answer of chat completions, whole, in chunks of HTTP as servers write them."""
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas = [
        {"role": "assistant", "content": ""},
        *({"content": f"word{n} "} for n in range(WORDS)),
    ]
    events = [
        {**common, "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas
    ]
    events.append({**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events.append({**common, "choices": [], "usage": USAGE})
    told = b"".join(b"data: %s\n\n" % json.dumps(e).encode() for e in events) + b"data: [DONE]\n\n"
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(told), told)


ANSWERS = (_whole(), _stream())


class Connection(asyncio.Protocol):
    """Requests of one client, one after the other."""

    latency_s = 0.05

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._read = transport, b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, mark, body = self._read.partition(b"\r\n\r\n")
        if not mark:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length or 0):
            self._read = b""
            answer = ANSWERS[any(mark in body for mark in STREAMED)]
            asyncio.get_running_loop().call_later(self.latency_s, self._answer, answer)

    def _answer(self, answer: bytes) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        self._transport.write(answer)


async def serve(latency_ms: float) -> None:
    """Until it is ended."""
    Connection.latency_s = latency_ms / 1000
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
