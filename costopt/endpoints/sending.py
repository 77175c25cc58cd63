"""One request sent once, and everything that can become of it put into an `Outcome`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import orjson

from costopt.endpoints import broken, outcome
from costopt.endpoints.client_library import http
from costopt.endpoints.clients import Clients
from costopt.endpoints.connection import Connection
from costopt.endpoints.events import events
from costopt.endpoints.invented import invented
from costopt.endpoints.json_text import loads
from costopt.endpoints.limits import limits_of
from costopt.endpoints.manners import Manner, Manners
from costopt.endpoints.scrub import scrubbed
from costopt.endpoints.speech import Speech
from costopt.model.exchange import Completion, Origin, Outcome, Refusal, Request, Trouble
from costopt.model.ports import BodyReader
from costopt.model.secrets import masked

# OpenAI keeps it for its support (https://platform.openai.com/docs/api-reference/debugging-requests,
# checked 2026-11-25), others ignore it. No Idempotency-Key: Anthropic does not honour one
# (https://github.com/anthropics/anthropic-sdk-typescript/pull/1144, checked 2026-11-25), OpenAI documents
# none, and a gateway that does would replay its stored refusal to a second try.
ITEM_HEADER = "X-Client-Request-Id"


@dataclass
class _Heard:
    """One answer while it arrives."""

    started: float
    headers: Mapping[str, str] = field(default_factory=dict)
    said_at: float | None = None
    """When the first piece of a stream came."""

    def ms(self, at: float | None = None) -> float:
        return ((perf_counter() if at is None else at) - self.started) * 1000


class HttpEndpoint:
    """An endpoint over HTTP in one provider's language. Of one event loop."""

    def __init__(self, connection: Connection, reader: BodyReader, speech: Speech) -> None:
        self._connection, self._reader, self._speech = connection, reader, speech
        self._manners = Manners(connection.stream, connection.host, not speech.asks_usage)
        self._clients: Clients | None = None
        http()  # loaded now: a kill meanwhile would leave requests in doubt that never went out
        self._headers: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self._connection.host

    @property
    def origin(self) -> Origin:
        return Origin.ENDPOINT

    @property
    def notes(self) -> tuple[str, ...]:
        """What the server does not give, in sentences for people."""
        return tuple(self._manners.notes)

    async def complete(self, request: Request, item: str) -> Outcome:
        """Send it once, in the manner that the server is known to bear."""
        try:
            manner = await self._manners.enter()
            told = await self._send(request, item, manner)
            return self._manners.learn(manner, scrubbed(told, self._connection.key))
        finally:
            self._manners.leave()

    async def close(self) -> None:
        """Drop the connections. The next request opens new ones."""
        if self._clients is not None:
            await self._clients.close()
            self._clients = None

    async def _send(self, request: Request, item: str, manner: Manner) -> Outcome:
        import openai

        try:
            body = self._speech.body(request, stream=manner.stream)
        except ValueError as error:
            return Refusal(Trouble.REFUSED, masked(str(error)))
        if not manner.options:
            body.pop("stream_options", None)
        clients, library = self._opened(), http()
        heard = _Heard(perf_counter())
        try:
            with clients.one() as client:
                async with asyncio.timeout(self._connection.timeout_s):
                    response: Any = await client.post(
                        self._speech.path, body=body, cast_to=library.Response, stream=True,
                        stream_cls=openai.AsyncStream[Any],
                        options={"headers": {**self._headers, ITEM_HEADER: item}},
                    )  # fmt: skip
                    return await self._hear(response, request, heard)
        except openai.APIStatusError as error:
            heard.headers = error.response.headers
            status, text = error.response.status_code, _text(error.response)
            return outcome.refusal(self._reply(request, heard, status, text))
        except UnicodeEncodeError:
            # Half of a surrogate pair, as broken logs have it: no JSON can carry it.
            return Refusal(Trouble.REFUSED, "its text has characters that no request can carry")
        except (
            openai.OpenAIError,
            library.HTTPError,
            library.StreamError,
            TimeoutError,
            OSError,
        ) as error:
            return broken.refusal(error, self._connection, heard.ms())

    def _opened(self) -> Clients:
        """Opened at the first request: a client belongs to one event loop."""
        if self._clients is None:
            connection = self._connection
            self._clients = Clients(connection, self._speech.base(connection))
            self._headers = self._speech.headers(connection)
        return self._clients

    async def _hear(self, response: Any, request: Request, heard: _Heard) -> Outcome:
        heard.headers = response.headers
        kind = response.headers.get("content-type", "")
        try:
            if kind.startswith("text/event-stream"):
                return await self._hear_stream(response, request, heard)
            raw = await response.aread()
        finally:
            await response.aclose()
        try:
            body = loads(raw)
        except ValueError:
            return self._unreadable("no JSON", heard)
        if not isinstance(body, dict):
            return self._unreadable("no JSON object", heard)
        if body.get("error") and not body.get("choices"):
            text = raw.decode("utf-8", "replace")
            return outcome.within(body, self._reply(request, heard, 200, text), begun=False)
        return self._completion(body, request, heard)

    async def _hear_stream(self, response: Any, request: Request, heard: _Heard) -> Outcome:
        found: list[dict[str, Any]] = []
        try:
            async for event in events(response.aiter_bytes()):
                if event.get("error"):
                    text = orjson.dumps(event).decode()
                    reply = self._reply(request, heard, 200, text)
                    return outcome.within(event, reply, begun=heard.said_at is not None)
                if heard.said_at is None and self._speech.begins(event):
                    heard.said_at = perf_counter()
                found.append(event)
        except ValueError:
            return self._unreadable("a stream with broken JSON", heard)
        if not found:
            return self._unreadable("an empty stream", heard)
        if not self._speech.ended(found):
            message = f"{self.name} ended its stream before the answer was whole"
            return Refusal(Trouble.UNSURE, message, **self._marks(heard))
        body = self._reader.merged(found)
        if body is None:
            return self._unreadable("a stream that makes no answer", heard)
        return self._completion(dict(body), request, heard)

    def _completion(self, body: dict[str, Any], request: Request, heard: _Heard) -> Outcome:
        latency_ms = heard.ms()
        try:
            answer = self._reader.answer(body, request.provider)
        except ValueError as error:
            return self._unreadable(f"no readable answer ({error})", heard)
        origin = Origin.MOCK if invented(heard.headers, body) else self.origin
        return Completion(
            answer, origin, body, latency_ms,
            None if heard.said_at is None else heard.ms(heard.said_at),
            outcome.request_id_of(heard.headers), limits_of(heard.headers),
        )  # fmt: skip

    def _unreadable(self, what: str, heard: _Heard) -> Refusal:
        message = masked(f"{self.name} answers 200 with {what}")
        return Refusal(Trouble.UNREADABLE, message, status=200, **self._marks(heard))

    def _marks(self, heard: _Heard) -> dict[str, Any]:
        return {
            "latency_ms": heard.ms(), "request_id": outcome.request_id_of(heard.headers),
            "limits": limits_of(heard.headers),
        }  # fmt: skip

    def _reply(self, request: Request, heard: _Heard, status: int, text: str) -> outcome.Reply:
        return outcome.Reply(status, text, self.name, request.model, heard.ms(), heard.headers)


def _text(response: Any) -> str:
    """The body of an error; one that breaks off or is no text says nothing."""
    try:
        return str(response.text)
    except (RuntimeError, ValueError):
        return ""
