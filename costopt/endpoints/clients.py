"""Clients side by side, each for a few requests at a time.

For every request that it sends, httpx looks at each connection of its pool: with 64 of them that takes as
long as the rest of a request. A new client is opened when all others are busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from costopt.endpoints.client import open_client
from costopt.endpoints.connection import Connection

if TYPE_CHECKING:
    from openai import AsyncOpenAI

AT_ONCE = 8
"""Requests of one client."""


class Clients:
    """All clients of one endpoint, in one event loop."""

    def __init__(self, connection: Connection, base_url: str) -> None:
        self._connection, self._base_url = connection, base_url
        self._clients: list[AsyncOpenAI] = []
        self._busy: list[int] = []

    @contextmanager
    def one(self) -> Iterator[AsyncOpenAI]:
        """The first client that has room, for one request."""
        at = next((n for n, busy in enumerate(self._busy) if busy < AT_ONCE), len(self._busy))
        if at == len(self._clients):
            self._clients.append(open_client(self._connection, self._base_url))
            self._busy.append(0)
        self._busy[at] += 1
        try:
            yield self._clients[at]
        finally:
            self._busy[at] -= 1

    async def close(self) -> None:
        """Drop all connections."""
        clients, self._clients, self._busy = self._clients, [], []
        for client in clients:
            await client.close()
