"""Anthropic's Messages API, spoken over the HTTP client that openai brings: no further dependency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costopt.endpoints.client import Secret, without_authorization
from costopt.endpoints.connection import Connection
from costopt.endpoints.sending import HttpEndpoint
from costopt.endpoints.speech import Event
from costopt.endpoints.wire import anthropic_messages
from costopt.model.exchange import Request
from costopt.model.ports import BodyReader

VERSION = "2023-06-01"
"""https://docs.anthropic.com/en/api/versioning, checked 2026-11-25: the newest."""


class MessagesSpeech:
    """Messages as Anthropic and gateways in front of it speak them."""

    path = "/v1/messages"
    asks_usage = False

    def base(self, connection: Connection) -> str:
        return connection.root

    def headers(self, connection: Connection) -> dict[str, Any]:
        return message_headers(connection)

    def body(self, request: Request, *, stream: bool) -> dict[str, Any]:
        return anthropic_messages.body(request, stream=stream)

    def begins(self, event: Event) -> bool:
        """The first delta of a block: text, thinking, or a tool's arguments."""
        return event.get("type") == "content_block_delta"

    def ended(self, events: Sequence[Event]) -> bool:
        return any(e.get("type") == "message_stop" for e in events)


def message_headers(connection: Connection) -> dict[str, Any]:
    """Anthropic's key header instead of openai's, and its version."""
    key = {"x-api-key": Secret(connection.key)} if connection.key else {}
    return {**key, "anthropic-version": VERSION, **without_authorization()}


class Anthropic(HttpEndpoint):
    """One server that speaks Messages."""

    def __init__(self, settings: Connection, reader: BodyReader) -> None:
        super().__init__(settings, reader, MessagesSpeech())
