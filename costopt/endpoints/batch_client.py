"""What holds both batch APIs open: one client, made when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from costopt.endpoints.client import open_client
from costopt.endpoints.connection import Connection
from costopt.model.exchange import Origin
from costopt.model.ports import BodyReader

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PAGE, PAGES = 100, 200
"""Jobs asked for at a time, and how often: so far back a job is looked for."""
CLOCKS_S = 24 * 3600
"""A job older than its mark by more than this is another one: clocks differ, not by a day."""


class BatchClient:
    """The part of a `BatchEndpoint` that does not depend on the language spoken."""

    def __init__(self, connection: Connection, reader: BodyReader, base: str) -> None:
        """`base`: the address that paths are added to."""
        self._connection, self._reader, self._base = connection, reader, base

    @property
    def origin(self) -> Origin:
        return Origin.ENDPOINT

    @cached_property
    def _client(self) -> AsyncOpenAI:
        return open_client(self._connection, self._base)

    async def close(self) -> None:
        """Only what was opened."""
        if "_client" in self.__dict__:
            await self._client.close()
