"""Answers that mean harm or are broken beyond any fault of a real server: bounded, sorted, never a crash."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from costopt.endpoints import bounded
from costopt.endpoints.anthropic import Anthropic
from costopt.endpoints.anthropic_batch import AnthropicBatch
from costopt.endpoints.connection import Connection
from costopt.endpoints.metrics import read
from costopt.endpoints.openai_batch import OpenAIBatch
from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.model.exchange import Completion, Refusal, Trouble
from costopt.model.marks import Mark
from costopt.wiring.replaying.reader import SourcesReader
from tests.endpoints.asking import Kind, completed, one, refused, request

CHAT = {
    "id": "x", "object": "chat.completion", "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9},
}  # fmt: skip
CHUNKS = [
    {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "a"}}]},
    {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"object": "chat.completion.chunk", "choices": [], "usage": CHAT["usage"]},
]  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {"id": "x", "type": "message", "content": [], "usage": {}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
]
JUNK: list[Any] = [None, True, [], {}, "", -1, 2**70, [[]], {"a": 1}, [None], 0.5]


@contextmanager
def serving(*answers: bytes) -> Iterator[str]:
    """A server that gives these bytes, one connection after the other, the last one again and again."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for n in range(10_000):
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                told = connection.recv(65536)
                while told and b"\r\n\r\n" not in told:
                    told += connection.recv(65536)
                try:
                    connection.sendall(answers[min(n, len(answers) - 1)])
                except OSError:  # the client has seen enough
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def answer(
    body: bytes, status: int = 200, kind: str = "application/json", packed: str = ""
) -> bytes:
    more = f"content-encoding: {packed}\r\n" if packed else ""
    head = f"HTTP/1.1 {status} Made\r\ncontent-type: {kind}\r\n{more}connection: close\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (zlib.compress, "deflate")])
def test_a_packed_answer_is_unpacked(pack: Any, name: str) -> None:
    with serving(answer(pack(json.dumps(CHAT).encode()), packed=name)) as url:
        assert completed(one(OpenAICompatible, url, stream=False)).answer.blocks[0].text == "hi"


def test_an_answer_without_an_end_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MOST_BYTES", 100_000)
    bomb = gzip.compress(b"[" * 50_000_000)
    assert len(bomb) < 100_000
    stream = "text/event-stream"
    hostile = {
        "large": answer(b" " * 200_000), "bomb": answer(bomb, packed="gzip"),
        "stream": answer(b": ping\n" * 30_000, kind=stream), "line": answer(b"x" * 200_000, kind=stream),
        "unknown": answer(b"abc", packed="br"), "broken": answer(b"abc", packed="gzip"),
    }  # fmt: skip
    with serving(*hostile.values()) as url:
        found = {name: refused(one(OpenAICompatible, url)) for name in hostile}
    assert {r.trouble for r in found.values()} == {Trouble.UNREADABLE}
    assert "more than" in found["bomb"].message and "'br'" in found["unknown"].message


def test_a_refusal_is_read_as_far_as_it_says_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MOST_ERROR_BYTES", 10_000)
    told = b"slow down " * 5_000
    with serving(answer(told, 429), answer(gzip.compress(told), 429, packed="gzip")) as url:
        for _ in range(2):
            found = refused(one(OpenAICompatible, url))
            assert (found.trouble, found.status) == (Trouble.RETRY, 429)
            assert "slow down" in found.message and len(found.message) < 500


def test_a_metrics_page_without_an_end_is_none() -> None:
    page = answer(b"vllm:num_requests_running 1\n" * 1_000_000, kind="text/plain")
    with serving(page) as url:
        assert asyncio.run(read(Connection(url))).samples == {}


@pytest.mark.parametrize(
    ("kind", "whole", "parts"),
    [(OpenAICompatible, CHAT, CHUNKS), (Anthropic, {**EVENTS[0]["message"], "content": []}, EVENTS)],
)  # fmt: skip
def test_answers_of_any_shape_become_outcomes(kind: Kind, whole: Any, parts: list[Any]) -> None:
    """Types that nobody expects, in every place."""
    rng = random.Random(7)
    bodies, streams = [], []
    for _ in range(60):
        bodies.append(answer(json.dumps(_mutated(whole, rng)).encode()))
        lines = "".join(f"data: {json.dumps(_mutated(e, rng))}\n\n" for e in parts)
        streams.append(answer(lines.encode(), kind="text/event-stream"))
    with serving(*(one for pair in zip(bodies, streams, strict=True) for one in pair)) as url:
        found = [one(kind, url, stream=bool(n % 2)) for n in range(120)]
    assert all(isinstance(o, Completion | Refusal) for o in found)
    assert any(isinstance(o, Refusal) for o in found)


MARK = Mark.of(1, ["a.1"], 1_795_564_800_000_000)
JOB = {
    "id": "b", "object": "batch", "status": "completed", "input_file_id": "f", "output_file_id": "f",
    "error_file_id": "f", "created_at": 1795564801, "completed_at": 1795564901,
    "metadata": {"costopt": str(MARK)}, "request_counts": {"total": 2, "completed": 1, "failed": 1},
    "errors": {"data": [{"message": "x", "code": "c"}]},
}  # fmt: skip
BATCH = {
    "id": "b", "processing_status": "ended", "created_at": "2026-11-25T00:00:01Z",
    "ended_at": "2026-11-25T00:01:01Z", "results_url": "https://example.com/r",
    "request_counts": {"succeeded": 1, "processing": 0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "job", "line"),
    [
        (OpenAIBatch, JOB, {"custom_id": "a", "response": {"status_code": 200, "body": CHAT}}),
        (AnthropicBatch, BATCH,
         {"custom_id": f"{MARK.token}_a", "result": {"type": "succeeded", "message": CHAT}}),
    ],
)  # fmt: skip
def test_jobs_of_any_shape_end_no_run(kind: Any, job: Any, line: Any) -> None:
    rng = random.Random(3)

    async def ask(url: str) -> None:
        batch = kind(Connection(url, timeout_s=5), SourcesReader())
        try:
            assert isinstance(await batch.submit([("a", request())], str(MARK)), str | Refusal)
            assert isinstance(await batch.find(str(MARK)), str | Refusal | None)
            assert isinstance(await batch.collect("b"), dict | Refusal | None)
        finally:
            await batch.close()

    for _ in range(30):
        page = {"object": "list", "data": [job], "has_more": False}
        shapes = [_mutated(told, rng) for told in ({"id": "f"}, job, page, job, line)]
        with serving(*(answer(json.dumps(shape).encode()) for shape in shapes)) as url:
            asyncio.run(ask(url))


def _mutated(value: Any, rng: random.Random) -> Any:
    if rng.random() < 0.1:
        return rng.choice(JUNK)
    if isinstance(value, dict):
        return {name: _mutated(inner, rng) for name, inner in value.items() if rng.random() > 0.03}
    return [_mutated(inner, rng) for inner in value] if isinstance(value, list) else value
