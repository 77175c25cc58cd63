"""What an endpoint's language must tell: its body, its address, and how its stream begins and ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from costopt.endpoints.connection import Connection
from costopt.model.exchange import Request

Event = Mapping[str, Any]


class Speech(Protocol):
    """A provider's language, without state."""

    path: str
    """Behind the base address."""
    asks_usage: bool
    """Streams carry usage only when asked for it, and from some servers never."""

    def base(self, connection: Connection) -> str:
        """The address that `path` is put behind."""
        ...

    def headers(self, connection: Connection) -> dict[str, Any]:
        """Beside `Authorization: Bearer`, or instead of it."""
        ...

    def body(self, request: Request, *, stream: bool) -> dict[str, Any]:
        """Raises ValueError where this language cannot say it."""
        ...

    def begins(self, event: Event) -> bool:
        """The event holds the first piece of an answer."""
        ...

    def ended(self, events: Sequence[Event]) -> bool:
        """The stream came to its own end; one that did not was cut."""
        ...


def items(value: object) -> list[dict[str, Any]]:
    """The objects of a list; anything else is none."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
