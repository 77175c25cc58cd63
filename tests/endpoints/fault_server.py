"""A model server that misbehaves on purpose, written for these tests: OpenAI's and Anthropic's language.

    python -m tests.endpoints.fault_server --port 0 --log seen.jsonl --seed 3 --faults 429:0.1,cut:0.05

prints `{"url": "http://127.0.0.1:41234"}` once it listens. Its log has a line for each request *before*
it is answered (`{"seen": n, ...}`) and one after (`{"done": n, "whole": true}`); both are flushed.
Inside a test: `with running(Behaviour(...), log=path) as server`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.endpoints import fault_bodies as bodies
from tests.endpoints.behaviour import CHARGED, Behaviour, arguments, behaviour_from
from tests.endpoints.fault_answers import Counts, PromptCache, Said, count, prompt_of, say
from tests.endpoints.fault_http import Exchange, NoRequest, read_request

STATUS = {"quota": 429, "overloaded": 529, "unknown_model": 404, "redirect": 307, "error_200": 200}
WORDS = {
    "quota": ("insufficient_quota", "You exceeded your current quota, please check your plan."),
    "overloaded": ("overloaded_error", "Overloaded"),
    "429": ("rate_limit_error", "Rate limit reached for requests"),
    "401": ("authentication_error", "Incorrect API key provided: sk-wrong-0123456789abcdef."),
}


class FaultServer:
    """State over all requests: the log, the prompt cache, the dice."""

    def __init__(self, how: Behaviour, log: IO[str] | None = None) -> None:
        self.how = how
        self.seen: list[dict[str, Any]] = []
        self.done: list[dict[str, Any]] = []
        self.url = ""
        self._log = log
        self._dice, self._noise = random.Random(how.seed), random.Random(how.seed + 1)
        self._cache = PromptCache(how)

    async def start(self, port: int = 0, ssl: Any = None) -> asyncio.Server:
        """Listen on 127.0.0.1; `url` is known afterwards."""
        server = await asyncio.start_server(
            self._connection, "127.0.0.1", port, ssl=ssl, backlog=512
        )
        found = server.sockets[0].getsockname()[1]
        self.url = f"{'https' if ssl else 'http'}://127.0.0.1:{found}"
        return server

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (NoRequest, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the server does
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one request and answer it; False: the connection ends."""
        head, body = await read_request(reader)
        if head.method == "GET":
            listed = [{"id": m, "object": "model"} for m in self.how.models.split(",") if m]
            await Exchange(writer).whole(200, {"object": "list", "data": listed})
            return True
        anthropic = head.path.endswith("/messages")
        asked = json.loads(body)
        kind = self._kind(head.headers, asked, head.path)
        prompt = prompt_of(asked)
        said, n = Said(), Counts(0, 0, 0, 0)
        if kind in CHARGED:
            said = say(prompt, self.how, self._noise)
            n = count(prompt, said, self._cache, self.how, anthropic)
        number = self._note(kind, head, body, asked, n)
        exchange = Exchange(writer)
        try:
            await asyncio.sleep(self._delay_s(kind))
            await self._answer(exchange, kind, number, asked, anthropic, said, n)
        finally:
            self._write({"done": number, "whole": exchange.finished}, self.done)
        return not exchange.closed

    def _kind(self, headers: dict[str, str], asked: dict[str, Any], path: str) -> str:
        """What becomes of a request: refused for what it is, else by script and dice."""
        how = self.how
        key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if how.key and key != how.key:
            return "401"
        if not path.endswith(("/chat/completions", "/messages")):
            return "404"
        if how.models and asked.get("model") not in how.models.split(","):
            return "unknown_model"
        if (asked.get("stream") and not how.streams) or (
            "stream_options" in asked and not how.stream_options
        ):
            return "refuse_stream"
        return how.draw(self._dice)

    def _delay_s(self, kind: str) -> float:
        wait = self.how.latency_ms + self._dice.random() * self.how.jitter_ms
        return wait / 1000 + (self.how.slow_s if kind == "slow" else 0.0)

    def _note(self, kind: str, head: Any, body: bytes, asked: dict[str, Any], n: Counts) -> int:
        number = len(self.seen)
        line = {
            "seen": number, "at": time.time(), "item": head.headers.get("x-client-request-id", ""),
            "body": hashlib.sha256(body).hexdigest()[:16], "path": head.path, "kind": kind,
            "model": asked.get("model"), "stream": bool(asked.get("stream")),
            "charged": kind in CHARGED, "input": n.input, "read": n.read, "write": n.write,
            "output": n.output,
        }  # fmt: skip
        self._write(line, self.seen)
        return number

    def _write(self, line: dict[str, Any], kept: list[dict[str, Any]]) -> None:
        kept.append(line)
        if self._log:
            self._log.write(json.dumps(line) + "\n")
            self._log.flush()

    async def _answer(
        self, exchange: Exchange, kind: str, number: int, asked: dict[str, Any], anthropic: bool,
        said: Said, n: Counts,
    ) -> None:  # fmt: skip
        headers = {"x-request-id": f"req_{number}", **self._rate_headers(number, anthropic)}
        if kind not in CHARGED:
            await self._refuse(exchange, kind, asked, anthropic, headers)
            return
        if kind == "close_after":
            exchange.reset()
            return
        id = "chatcmpl-the-same-for-all" if kind == "dup_id" else f"chatcmpl-{number:08x}-fault"
        usage = bodies.messages_usage(n) if anthropic else bodies.chat_usage(n, self.how)
        shown: dict[str, Any] | None = usage
        if kind == "contradiction":
            usage["prompt_tokens_details"] = {"cached_tokens": n.input + 5}
        streamed = bool(asked.get("stream"))
        if (
            kind == "no_usage"
            or self.how.usage == "none"
            or (streamed and self._mute(asked, anthropic))
        ):
            shown = None
        if streamed:
            write = bodies.message_events if anthropic else bodies.chat_events
            events = write(id, prompt_of(asked), said, shown)
            await exchange.stream(events, kind, headers, self.how.token_ms / 1000, anthropic)
        else:
            make = bodies.message if anthropic else bodies.chat
            await exchange.answer(make(id, prompt_of(asked), said, shown), kind, headers)

    def _mute(self, asked: dict[str, Any], anthropic: bool) -> bool:
        """A stream without usage: the server never gives it, or (OpenAI) was not asked to."""
        asks = (asked.get("stream_options") or {}).get("include_usage", anthropic)
        return not self.how.stream_usage or not asks

    def _rate_headers(self, number: int, anthropic: bool) -> dict[str, str]:
        limit = self.how.rate_limit
        if not limit:
            return {}
        left = str(max(0, limit - number - 1))
        if anthropic:
            return {"anthropic-ratelimit-requests-remaining": left,
                    "anthropic-ratelimit-requests-reset": "2099-01-01T00:00:00Z"}  # fmt: skip
        return {"x-ratelimit-remaining-requests": left, "x-ratelimit-reset-requests": "1m0s",
                "x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-tokens": "6ms"}  # fmt: skip

    async def _refuse(
        self, exchange: Exchange, kind: str, asked: dict[str, Any], anthropic: bool,
        headers: dict[str, str],
    ) -> None:  # fmt: skip
        if kind == "close_before":
            exchange.reset()
            return
        if kind == "redirect":
            headers["location"] = "http://127.0.0.1:9/elsewhere"
        status = STATUS.get(kind) or (int(kind) if kind.isdigit() else 400)
        code, words = WORDS.get(kind, ("invalid_request_error", f"Made up for a test: {kind}"))
        if kind == "unknown_model":
            code, words = "model_not_found", f"The model `{asked.get('model')}` does not exist."
        if kind == "refuse_stream":
            status, words = 422, "Unexpected keys in the request: {'stream_options'}"
            words = words if self.how.streams else "stream is not supported"
        if status in (429, 503, 529) and kind != "quota" and self.how.retry_after:
            headers["retry-after"] = self.how.retry_after
        kind_of = code if kind in WORDS else "server_error" if status >= 500 else code
        await exchange.whole(status, bodies.error(kind_of, words, anthropic, code), headers)


@contextmanager
def running(
    how: Behaviour | None = None, log: Path | None = None, ssl: Any = None
) -> Iterator[FaultServer]:
    """The server in a thread with an event loop of its own."""
    with log.open("a") if log else open("/dev/null", "w") as file:  # noqa: PTH123
        server = FaultServer(how or Behaviour(), file if log else None)
        loop, ready = asyncio.new_event_loop(), threading.Event()

        def run() -> None:
            listening = loop.run_until_complete(server.start(ssl=ssl))
            ready.set()
            loop.run_forever()
            listening.close()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0.01))
            loop.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        ready.wait(10)
        try:
            yield server
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)


@contextmanager
def spawned(log: Path, *options: str) -> Iterator[str]:
    """The server as a process of its own; its address."""
    command = [
        sys.executable,
        "-m",
        "tests.endpoints.fault_server",
        "--port",
        "0",
        "--log",
        str(log),
    ]
    root = Path(__file__).parent.parent.parent
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, cwd=root)
    try:
        assert process.stdout
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout:
            process.stdout.close()


def read_log(path: Path) -> tuple[list[dict[str, Any]], dict[int, bool]]:
    """(requests seen, request number to whether it was answered to the end)."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [n for n in lines if "seen" in n], {n["done"]: n["whole"] for n in lines if "done" in n}


async def _serve(how: Behaviour, port: int, log: Path | None) -> None:
    with log.open("a") if log else open("/dev/null", "w") as file:  # noqa: PTH123
        server = FaultServer(how, file)
        async with await server.start(port) as listening:
            sys.stdout.write(json.dumps({"url": server.url}) + "\n")
            sys.stdout.flush()
            await listening.serve_forever()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    arguments(parser)
    told = parser.parse_args()
    try:
        asyncio.run(_serve(behaviour_from(told), told.port, told.log))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
