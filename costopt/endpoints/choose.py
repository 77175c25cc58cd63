"""Which language an address is spoken to in."""

from __future__ import annotations

from urllib.parse import urlsplit

from costopt.endpoints.anthropic import Anthropic
from costopt.endpoints.connection import Connection
from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.errors import UsageError, nearest
from costopt.model.ports import BodyReader, Endpoint

APIS = ("openai", "anthropic")


def api_of(connection: Connection) -> str:
    """`anthropic` for Anthropic's own host and for paths that name its API, else `openai`."""
    path = urlsplit(connection.base_url).path.rstrip("/")
    own = connection.hostname == "anthropic.com" or connection.hostname.endswith(".anthropic.com")
    return "anthropic" if own or path.endswith(("/anthropic", "/messages")) else "openai"


def endpoint_for(connection: Connection, reader: BodyReader, api: str = "") -> Endpoint:
    """The endpoint at an address. `api`: openai, anthropic; empty: told by the address."""
    found = api or api_of(connection)
    if found not in APIS:
        raise UsageError(f"no endpoint API is called {found!r}", hint=nearest(found, APIS) or (
            "There are: " + ", ".join(APIS)
        ))  # fmt: skip
    kind = Anthropic if found == "anthropic" else OpenAICompatible
    return kind(connection, reader)
